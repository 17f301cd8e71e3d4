"""Polling on fakes: whatever cuts a poll, the same records, none lost, none twice."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.bundle import Bundle
from plugin.commands.follow import after, attend, catch_up, follow, never
from plugin.commands.poll import Polling, poll
from plugin.config import SourceSettings
from plugin.errors import BundleError, PollInProgress, Refused, Unavailable
from plugin.ports import Checkpoint, Document, Hit, NewDocument, Nobody, Page, Ports, Span, Stream, Written
from tests import lines
from tests.fakes import FakeAnomalies, FakeCheckpoints, FakeLogs

HITS = lines.hits([*lines.texts(20, seed=7), lines.strange()])
DAY_MS = 86_400_000


class Fault(Exception):
    """The process dies here."""


class Dying(FakeAnomalies):
    """Dies at the n-th write, before or after it landed; later ones go through."""

    def __init__(self, at: int, *, after: bool) -> None:
        super().__init__()
        self.at, self.after, self.writes = at, after, 0

    def create(self, documents: Sequence[NewDocument]) -> Written:
        """Create, or die."""
        self.writes += 1
        if self.writes == self.at and not self.after:
            raise Fault
        written = super().create(documents)
        if self.writes == self.at:
            raise Fault
        return written


def logs_of(hits: Sequence[Hit]) -> FakeLogs:
    """A store that holds the hits, a day after they were logged."""
    logs = FakeLogs(int(lines.DAY.timestamp() * 1000) + 2 * DAY_MS)
    for hit in hits:
        logs.put(hit.store, hit.id, hit.fields)
    return logs


def polling(bundle: Bundle, **given: object) -> Polling:
    """The made-up source under some settings."""
    source = {"indices": ["logs-*"], "time_field": "@timestamp", "max_window_s": 2 * 86_400.0, **given}
    return Polling("day", SourceSettings.model_validate(source), bundle, "siem-anomaly", "w1")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """A bundle that ends its training before the day that is polled."""
    return replace(lines.watchful(), until=int(lines.DAY.timestamp() * 1000))


def records(anomalies: FakeAnomalies) -> set[tuple[str, str]]:
    """Index and id of every record written."""
    return {key for key in anomalies.documents if "-records-" in key[0]}


@pytest.fixture(scope="module")
def undisturbed(bundle: Bundle) -> set[tuple[str, str]]:
    """The records of one poll over everything."""
    anomalies = FakeAnomalies()
    poll(polling(bundle), Ports(logs_of(HITS), anomalies, FakeCheckpoints()))
    assert records(anomalies)
    return records(anomalies)


@settings(max_examples=8, deadline=None)
@given(window_s=st.integers(7_200, 90_000), max_hits=st.integers(20, 200), overlap_s=st.integers(0, 7_200))
def test_any_poll_length_writes_the_same_records(
    bundle: Bundle, undisturbed: set[tuple[str, str]], window_s: int, max_hits: int, overlap_s: int
) -> None:
    """However a day is cut into polls, by time or by number, with whatever overlap: the same records."""
    anomalies = FakeAnomalies()
    small = polling(bundle, max_window_s=float(window_s), max_hits=max_hits, overlap_s=float(overlap_s))
    catch_up(small, Ports(logs_of(HITS), anomalies, FakeCheckpoints()))
    assert records(anomalies) == undisturbed


@settings(max_examples=8, deadline=None)
@given(at=st.integers(1, 8), after=st.booleans())
def test_a_crash_at_any_write_changes_nothing(
    bundle: Bundle, undisturbed: set[tuple[str, str]], at: int, *, after: bool
) -> None:
    """A poll that dies before or after any of its writes, then starts anew, ends with the same records."""
    dying, checkpoints = Dying(at, after=after), FakeCheckpoints()
    ports = Ports(logs_of(HITS), dying, checkpoints)
    short = polling(bundle, max_window_s=20_000.0)
    try:
        catch_up(short, ports)
    except Fault:
        catch_up(short, ports)
    assert records(dying) == undisturbed


def test_two_workers_at_once_commit_once(bundle: Bundle, undisturbed: set[tuple[str, str]]) -> None:
    """A worker that finds the checkpoint advanced under it gives way, and the records are there once."""
    anomalies, checkpoints = FakeAnomalies(), FakeCheckpoints()

    class Late(FakeCheckpoints):
        """Shows the state before the other worker committed, once."""

        def load(self, source: str) -> Checkpoint | None:
            """Nothing yet."""
            del source

        def commit(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> int:
            """To the shared store."""
            return checkpoints.commit(checkpoint, replacing)

    logs = logs_of(HITS)
    poll(polling(bundle), Ports(logs, anomalies, checkpoints))
    with pytest.raises(PollInProgress):
        poll(polling(bundle), Ports(logs, anomalies, Late()))
    assert records(anomalies) == undisturbed


def test_nothing_is_committed_before_it_is_written(bundle: Bundle) -> None:
    """When the records cannot be written the checkpoint stays where it was."""
    checkpoints = FakeCheckpoints()
    with pytest.raises(Fault):
        poll(polling(bundle), Ports(logs_of(HITS), Dying(1, after=False), checkpoints))
    assert checkpoints.stored == {}


def test_a_document_that_comes_late_is_judged_once(bundle: Bundle) -> None:
    """A document that becomes searchable within the overlap, after its window was judged, is read; no other again."""
    logs, anomalies, checkpoints = logs_of(HITS[:-1]), FakeAnomalies(), FakeCheckpoints()
    ports = Ports(logs, anomalies, checkpoints)
    wide = polling(bundle, overlap_s=3 * 86_400.0)
    catch_up(wide, ports)
    logs.put(HITS[-1].store, HITS[-1].id, HITS[-1].fields)
    logs.clock_ms += 1_000
    assert poll(wide, ports).n_hits == 1


def test_a_dry_run_writes_nothing(bundle: Bundle) -> None:
    """`--dry-run` finds anomalies, and leaves stores as they were."""
    anomalies, checkpoints = FakeAnomalies(), FakeCheckpoints()
    found = poll(polling(bundle), Ports(logs_of(HITS), anomalies, checkpoints), dry_run=True)
    assert found.n_anomalies > 0
    assert (anomalies.documents, checkpoints.stored) == ({}, {})


def test_what_is_written_is_not_kept(bundle: Bundle) -> None:
    """A backlog of months has many anomalies; only a dry run, which writes none, gives them back."""
    short, ports = polling(bundle, max_window_s=20_000.0), Ports(logs_of(HITS), FakeAnomalies(), FakeCheckpoints())
    assert any(polled.anomalies for polled in catch_up(short, ports, dry_run=True))
    done = catch_up(short, ports)
    assert sum(polled.n_anomalies for polled in done) > 0
    assert not any(polled.anomalies for polled in done)


def test_a_source_whose_documents_cannot_be_read_stops_with_the_reason(bundle: Bundle) -> None:
    """When most documents are unreadable the settings are wrong: nothing is committed, the source is named."""
    logs = FakeLogs(int(lines.DAY.timestamp() * 1000) + 2 * DAY_MS)
    for n in range(50):
        logs.put("logs-x", str(n), {"@timestamp": "2026-11-23T10:00:00Z", "other": "words"})
    checkpoints = FakeCheckpoints()
    with pytest.raises(Refused, match=r"sources\.day: 100% of 50 documents .*no text"):
        poll(polling(bundle), Ports(logs, FakeAnomalies(), checkpoints))
    assert checkpoints.stored == {}


def test_an_unreadable_document_is_a_dead_letter(bundle: Bundle) -> None:
    """One document without text among many stops nothing; it is written to the dead letters with its reason."""
    logs, anomalies = logs_of(HITS), FakeAnomalies()
    logs.put("logs-auth", "empty", {"@timestamp": "2026-11-23T10:00:00Z"})
    polled = poll(polling(bundle), Ports(logs, anomalies, FakeCheckpoints()))
    assert polled.n_rejected == 1
    letters = [body for key, body in anomalies.documents.items() if "-deadletter-" in key[0]]
    assert [letter["reason"]["type"] for letter in letters] == ["no text"]


def test_health_is_written_once_caught_up(bundle: Bundle) -> None:
    """After catching up one health document says how many events were read and how far behind the source is."""
    anomalies = FakeAnomalies()
    catch_up(polling(bundle), Ports(logs_of(HITS), anomalies, FakeCheckpoints()))
    (health,) = [body for key, body in anomalies.documents.items() if "-health-" in key[0]]
    assert health["siem_anomaly"]["health"]["events"] == len(HITS)


def test_following_outlives_a_service_that_does_not_answer(bundle: Bundle) -> None:
    """A store that fails once costs that poll; the next one goes through, and a set `stop` ends the loop."""
    stop = Event()

    class Failing(FakeLogs):
        """Unavailable at its first read; asks to stop at the second."""

        reads = 0

        def read(self, stream: Stream, span: Span) -> Page:
            """Fail once."""
            self.reads += 1
            if self.reads == 1:
                raise Unavailable("no answer")
            stop.set()
            return super().read(stream, span)

    logs = Failing(int(lines.DAY.timestamp() * 1000) + 2 * DAY_MS)
    for hit in HITS:
        logs.put(hit.store, hit.id, hit.fields)
    checkpoints = FakeCheckpoints()
    follow([("day", 0)], lambda _: polling(bundle, interval_s=1.0), Ports(logs, FakeAnomalies(), checkpoints), stop)
    assert checkpoints.stored["day"].until == logs.clock_ms - 60_000


def test_following_goes_on_without_a_source_that_has_no_bundle(bundle: Bundle) -> None:
    """The others are polled; where none has one there is nothing to wait for."""
    stop, ports = Event(), Ports(logs_of(HITS), FakeAnomalies(), FakeCheckpoints())

    def of(share: tuple[str, int]) -> Polling:
        if share[0] == "untrained":
            raise BundleError("untrained: has no bundle yet")
        return polling(bundle, interval_s=1.0)

    watch = Until("day", stop)
    follow([("untrained", 0), ("day", 0)], of, ports, stop, watch)
    assert watch.order
    with pytest.raises(BundleError):
        follow([("untrained", 0)], of, ports, Event())


def test_a_fault_of_ours_in_one_source_stops_no_other(bundle: Bundle) -> None:
    """It is logged, counted and told in health; the next poll tries again."""
    stop = Event()

    class Faulty(FakeLogs):
        """Breaks at each read of one source."""

        def read(self, stream: Stream, span: Span) -> Page:
            """Not of the ill one."""
            if stream.page == 7:
                raise RecursionError("maximum recursion depth exceeded")
            return super().read(stream, span)

    logs = Faulty(int(lines.DAY.timestamp() * 1000) + 2 * DAY_MS)
    logs.documents = logs_of(HITS).documents
    anomalies, checkpoints = FakeAnomalies(), FakeCheckpoints()
    watch = Until("well", stop)

    def of(share: tuple[str, int]) -> Polling:
        return replace(polling(bundle, interval_s=1.0, page=7 if share[0] == "ill" else 5_000), name=share[0])

    follow([("ill", 0), ("well", 0)], of, Ports(logs, anomalies, checkpoints), stop, watch)
    assert set(checkpoints.stored) == {"well"}
    (told,) = [body["siem_anomaly"]["health"] for body in anomalies.health("ill", 0.0)]
    assert (told["status"], "RecursionError" in told["reason"]) == ("degraded", True)


def test_why_a_poll_did_not_go_through_is_a_health_document(bundle: Bundle) -> None:
    """By `poll --once` as by a worker: who looks later shall find it."""
    anomalies = FakeAnomalies()
    with pytest.raises(Refused):
        catch_up(polling(bundle), Ports(FakeLogs(), anomalies, FakeCheckpoints()))
    (health,) = [body["siem_anomaly"]["health"] for body in anomalies.documents.values()]
    assert health["status"] == "blocked"
    assert health["reason"].startswith("no index matches logs-*")


def test_record_bodies_are_documents(bundle: Bundle) -> None:
    """What is written carries the fields that an alert rule windows and filters on."""
    anomalies = FakeAnomalies()
    poll(polling(bundle), Ports(logs_of(HITS), anomalies, FakeCheckpoints()))
    bodies: list[Document] = [anomalies.documents[key] for key in records(anomalies)]
    assert {body["event"]["kind"] for body in bodies} == {"alert"}
    assert all(body["event"]["ingested"] and body["event"]["severity"] in {21, 47, 73, 99} for body in bodies)


class Until(Nobody):
    """Keeps the order in which sources were polled, and stops when one has caught up."""

    def __init__(self, source: str, stop: Event) -> None:
        self.source, self.stop, self.order = source, stop, list[str]()

    def polled(
        self, source: str, counts: Mapping[str, int], levels: Mapping[str, float], seconds: Mapping[str, float]
    ) -> None:
        """Note it."""
        del counts, seconds
        self.order.append(source)
        if source == self.source and levels["backlog_seconds"] == 0.0:
            self.stop.set()


def test_a_backlog_waits_for_the_others_and_not_for_its_interval(bundle: Bundle) -> None:
    """Of 200 sources each has its turn before the one with a backlog goes on, and is done before the next turns."""
    stop, interval_s = Event(), 100.0
    watch = Until("s0", stop)

    def of(share: tuple[str, int]) -> Polling:
        window_s = 20.0 if share[0] == "s0" else 3 * 86_400.0
        return replace(polling(bundle, interval_s=interval_s, max_window_s=window_s), name=share[0])

    begun, names = time.monotonic(), [f"s{n}" for n in range(200)]
    ports = Ports(logs_of(HITS[:20]), FakeAnomalies(), FakeCheckpoints())
    follow([(name, 0) for name in names], of, ports, stop, watch)
    assert time.monotonic() - begun < interval_s
    assert [source for source, _ in groupby(watch.order)] == [*names, "s0"]
    assert watch.order.count("s0") > 1_000


def test_a_backlog_that_nobody_waits_behind_is_worked_off_in_one_go(bundle: Bundle) -> None:
    """However short the interval, up to a minute: a turn's end costs a checkpoint, a count and a health document."""
    stop, anomalies = Event(), FakeAnomalies()
    seconds = itertools.count()
    hourly = replace(polling(bundle, interval_s=2.0, max_window_s=3_600.0), name="s0")
    watch = Until("s0", stop)
    ports = Ports(logs_of(HITS), anomalies, FakeCheckpoints())
    follow([("s0", 0)], lambda _: hourly, ports, stop, watch, lambda: float(next(seconds)))
    turns = [body for key, body in anomalies.documents.items() if "-health-" in key[0]]
    assert len(turns) < len(watch.order) / 10
    assert len(watch.order) > 20


def test_what_is_left_of_a_backlog_is_told(bundle: Bundle) -> None:
    """So that whoever attends to it lets it go on."""
    ports = Ports(logs_of(HITS), FakeAnomalies(), FakeCheckpoints())
    short = polling(bundle, max_window_s=7_200.0)
    assert attend(short, ports, after(0.0)) == (True, None)
    assert attend(short, ports, never) == (False, None)
