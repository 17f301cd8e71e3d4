"""Documents that come late, on fakes: each is judged once, marked, and disturbs nothing that was judged in time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from plugin import documents, tally
from plugin.ahead import reading_ahead
from plugin.bundle import Bundle
from plugin.commands.follow import after, catch_up
from plugin.commands.poll import poll
from plugin.commands.recount import recounts
from plugin.ports import Hit, Logs, Page, Ports, Span, Stream
from tests import lines
from tests.fakes import FakeAnomalies, FakeCheckpoints, FakeLogs
from tests.histories import parts
from tests.test_poll import DAY_MS, HITS, logs_of, polling, records

BEGIN = int(lines.DAY.timestamp() * 1000)
STRANGE = HITS[-1]
"""A new user, at noon."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """A bundle that ends its training before the day that is polled."""
    return replace(lines.watchful(), until=BEGIN)


def late(anomalies: FakeAnomalies) -> set[str]:
    """The documents whose records say that they came late."""
    bodies = [anomalies.documents[key]["siem_anomaly"] for key in records(anomalies)]
    return {body["source"]["ids"][0] for body in bodies if body["late"]}


def without(hits: list[Hit], missing: list[Hit]) -> FakeLogs:
    """A store in which some have not come yet."""
    return logs_of([hit for hit in hits if hit not in missing])


def put(logs: FakeLogs, hits: list[Hit]) -> None:
    """Now they have."""
    for hit in hits:
        logs.put(hit.store, hit.id, hit.fields)
    logs.clock_ms += 1_000


def test_what_comes_within_the_overlap_is_judged_once_and_marked(bundle: Bundle) -> None:
    """It is read when its second is counted again, and no other document with it."""
    logs, anomalies = without(HITS, [STRANGE]), FakeAnomalies()
    ports, wide = Ports(logs, anomalies, FakeCheckpoints()), polling(bundle, overlap_s=3 * 86_400.0)
    catch_up(wide, ports)
    assert late(anomalies) == set()
    put(logs, [STRANGE])
    (polled, *rest) = catch_up(wide, ports)
    assert (polled.n_hits, polled.n_late, rest) == (1, 1, [])
    assert late(anomalies) == {STRANGE.id}


def test_what_comes_later_still_is_judged_once_and_marked(bundle: Bundle) -> None:
    """Ten minutes that have grown are read again; of them only what is new is written."""
    logs, anomalies = without(HITS, [STRANGE]), FakeAnomalies()
    ports, narrow = Ports(logs, anomalies, FakeCheckpoints()), polling(bundle, overlap_s=60.0, max_late_s=3 * 86_400.0)
    catch_up(narrow, ports)
    in_time = records(anomalies)
    put(logs, [STRANGE])
    polled, recounted = catch_up(narrow, ports)
    assert (polled.n_hits, recounted.n_hits, recounted.n_late) == (0, 1, 1)
    assert late(anomalies) == {STRANGE.id}
    assert records(anomalies) > in_time
    assert len(catch_up(narrow, ports)) == 1


def test_what_comes_late_does_not_hide_behind_as_many_that_went(bundle: Bundle) -> None:
    """Of the same ten minutes, in the same moment: an index that is gone is forgotten, whatever is counted."""
    at_once = {**HITS[-2].fields, "@timestamp": STRANGE.fields["@timestamp"]}
    gone = HITS[-2]._replace(store=f"{STRANGE.store}-gone", fields=at_once)
    logs, anomalies = without([*HITS, gone], [STRANGE]), FakeAnomalies()
    ports, narrow = Ports(logs, anomalies, FakeCheckpoints()), polling(bundle, overlap_s=60.0, max_late_s=3 * 86_400.0)
    catch_up(narrow, ports)
    logs.drop(gone.store)
    put(logs, [STRANGE])
    assert [polled.n_late for polled in catch_up(narrow, ports)] == [0, 1]
    assert late(anomalies) == {STRANGE.id}


def test_a_host_that_was_cut_off_is_judged_with_its_own_context(bundle: Bundle) -> None:
    """Hours of one host that come in one piece are judged as they would have been in time."""
    far = [hit._replace(id=f"far-{hit.id}", fields=_elsewhere(hit.fields)) for hit in HITS]
    in_time, afterwards = FakeAnomalies(), FakeAnomalies()
    source = polling(bundle, overlap_s=60.0, max_late_s=3 * 86_400.0)
    catch_up(source, Ports(logs_of([*HITS, *far]), in_time, FakeCheckpoints()))
    logs = logs_of(HITS)
    ports = Ports(logs, afterwards, FakeCheckpoints())
    catch_up(source, ports)
    put(logs, far)
    catch_up(source, ports)
    assert records(afterwards) == records(in_time)
    assert {id for id in late(afterwards) if not id.startswith("far-")} == set()


def _elsewhere(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The same of another host."""
    moved = {**fields}
    if "message" in moved:
        moved["message"] = moved["message"].replace(lines.HOST, "far-01")
    if "host" in moved:
        moved["host"] = {**moved["host"], "name": "far-01"}
    return moved


def test_late_documents_are_looked_for_however_long_a_poll_took(bundle: Bundle) -> None:
    """A source whose time is over once its polls are done has one recount all the same, or it would never have any."""
    logs, anomalies = without(HITS, [STRANGE]), FakeAnomalies()
    ports, narrow = Ports(logs, anomalies, FakeCheckpoints()), polling(bundle, overlap_s=60.0, max_late_s=3 * 86_400.0)
    catch_up(narrow, ports)
    put(logs, [STRANGE])
    assert [polled.n_late for polled in catch_up(narrow, ports, enough=after(0.0))] == [0, 1]


def test_how_late_is_bounded(bundle: Bundle) -> None:
    """What comes later than `max_late_s` is not looked for; 0 asks for no count at all."""
    for max_late_s in (3_600.0, 0.0):
        logs, anomalies = without(HITS, [STRANGE]), FakeAnomalies()
        ports = Ports(logs, anomalies, FakeCheckpoints())
        source = polling(bundle, overlap_s=60.0, max_late_s=max_late_s)
        catch_up(source, ports)
        put(logs, [STRANGE])
        assert list(recounts(source, ports)) == []


def test_what_lies_before_the_first_poll_is_the_trainings(bundle: Bundle) -> None:
    """Neither overlap nor recount reaches back over it, however much lies there."""
    begun = replace(bundle, until=BEGIN + DAY_MS // 2 + 1_234)
    source = polling(begun, overlap_s=86_400.0, max_late_s=3 * 86_400.0, max_window_s=600.0)
    ports = Ports(logs_of(HITS), FakeAnomalies(), FakeCheckpoints())
    assert sum(polled.n_hits for polled in catch_up(source, ports)) == sum(
        hit.clock // 10**6 >= begun.until for hit in HITS
    )


def test_an_overlap_that_holds_more_than_a_poll_may_read_stops_nothing(bundle: Bundle) -> None:
    """The cursor goes on although the documents of the overlap outnumber `max_hits`."""
    ports = Ports(logs_of(HITS), FakeAnomalies(), FakeCheckpoints())
    source = polling(bundle, overlap_s=86_400.0, max_hits=10)
    untils = [poll(source, ports).until for _ in range(5)]
    assert untils == sorted(set(untils))


def test_an_overlap_without_room_for_all_is_shorter_and_loses_nothing(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes late before it is found by counting ten minutes; nothing that was judged is judged again."""
    monkeypatch.setattr(tally, "MAX_HASHES", 20)
    logs, anomalies = without(HITS, [STRANGE]), FakeAnomalies()
    checkpoints = FakeCheckpoints()
    ports, wide = Ports(logs, anomalies, checkpoints), polling(bundle, overlap_s=3 * 86_400.0, max_late_s=3 * 86_400.0)
    catch_up(wide, ports)
    (stored,) = checkpoints.stored.values()
    assert sum(map(len, stored.seen.values())) <= 20 * tally.HASH_BYTES
    in_time = records(anomalies)
    put(logs, [STRANGE])
    assert sum(polled.n_late for polled in catch_up(wide, ports)) == 1
    assert late(anomalies) == {STRANGE.id}
    assert records(anomalies) > in_time


def test_a_recount_holds_no_more_than_a_poll(bundle: Bundle) -> None:
    """Ten minutes with more documents than `max_hits` are read again piece by piece, with the same result."""
    found = []
    for max_hits in (7, 10_000):
        logs, anomalies = without(HITS, [STRANGE]), FakeAnomalies()
        ports = Ports(_Bounded(logs, max_hits), anomalies, FakeCheckpoints())
        source = polling(bundle, overlap_s=60.0, max_late_s=3 * 86_400.0, max_hits=max_hits)
        catch_up(source, ports)
        put(logs, [STRANGE])
        catch_up(source, ports)
        found.append(records(anomalies))
    assert found[0] == found[1]


def test_a_wide_overlap_is_read_again_in_pieces(bundle: Bundle) -> None:
    """Many documents that come late within it, and those that a cut shares out, never lie in memory together."""
    missing = HITS[::3]
    logs, anomalies = without(HITS, missing), FakeAnomalies()
    ports = Ports(_Bounded(logs, 7), anomalies, FakeCheckpoints())
    wide = polling(bundle, overlap_s=3 * 86_400.0, max_hits=7)
    catch_up(wide, ports)
    put(logs, missing)
    n_late, halves = 0, parts(wide, 2)
    while n_late < len(missing):
        logs.clock_ms += 1_000
        (polled,) = catch_up(wide, ports)
        assert 0 < polled.n_late <= 7
        n_late += polled.n_late
    for half in halves:
        catch_up(half, ports)
    judged = [checkpoint for checkpoint in (ports.checkpoints.load(half.key) for half in halves) if checkpoint]
    assert sum(len(packed) for each in judged for packed in each.seen.values()) == len(HITS) * tally.HASH_BYTES


class _Bounded:
    """A store that counts what a read returns."""

    def __init__(self, logs: FakeLogs, most: int) -> None:
        self.logs, self.most = logs, most

    def now(self) -> int:
        """The store's."""
        return self.logs.now()

    def read(self, stream: Stream, span: Span) -> Page:
        """No more than allowed, but what shares one instant."""
        page = self.logs.read(stream, span)
        assert len(page.hits) <= self.most or len({hit.clock // 10**6 for hit in page.hits}) == 1
        return page

    def count(self, stream: Stream, span: Span, width: int) -> dict[int, int]:
        """The store's."""
        return self.logs.count(stream, span, width)

    def indices(self, stream: Stream) -> set[str]:
        """The store's."""
        return self.logs.indices(stream)

    def count_without(self, stream: Stream) -> int:
        """The store's."""
        return self.logs.count_without(stream)

    def members(self, stream: Stream, origins: Collection[str]) -> set[str]:
        """The store's."""
        return self.logs.members(stream, origins)


def test_late_documents_are_written_with_the_time_they_were_found(bundle: Bundle) -> None:
    """`event.ingested` is the write, so that a rule's window finds them; the lag tells how late they are."""
    logs, anomalies = without(HITS, [STRANGE]), FakeAnomalies()
    ports, narrow = Ports(logs, anomalies, FakeCheckpoints()), polling(bundle, overlap_s=60.0, max_late_s=3 * 86_400.0)
    catch_up(narrow, ports)
    put(logs, [STRANGE])
    catch_up(narrow, ports)
    bodies = [body for key, body in anomalies.documents.items() if key in records(anomalies)]
    for body in (body for body in bodies if body["siem_anomaly"]["late"]):
        assert body["event"]["ingested"] == documents.iso(logs.clock_ms / 1000)
        assert body["siem_anomaly"]["lag_seconds"] > 86_400
    assert late(anomalies)


def test_reading_ahead_changes_nothing_and_leaves_nothing_on_its_way(bundle: Bundle) -> None:
    """Pages are the same, in the same order; one that was asked for in vain is forgotten."""
    logs = logs_of(HITS)
    stream, span = polling(bundle, max_hits=10).stream, Span(BEGIN, BEGIN + DAY_MS)

    def walked(of: Logs) -> list[Page]:
        pages, left = [], span
        while left.lo < left.hi:
            pages.append(of.read(stream, left))
            left = Span(pages[-1].span.hi, left.hi)
        return pages

    with reading_ahead(Ports(logs, FakeAnomalies(), FakeCheckpoints())) as ahead:
        assert walked(ahead.logs) == walked(logs)
        first = ahead.logs.read(stream, span)
        assert ahead.logs.read(stream, Span(BEGIN, BEGIN + 1)) == logs.read(stream, Span(BEGIN, BEGIN + 1))
        assert ahead.logs.read(stream, span) == first
        shorter = Span(first.span.hi, first.span.hi + 1)
        assert ahead.logs.read(stream, shorter) == logs.read(stream, shorter)
