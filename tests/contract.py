"""What each port promises. test_fakes.py runs these classes on the fakes, test_elastic.py on the real store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import pytest

from models.windows import Tail, Tails
from parsers.line import LogLine
from plugin import documents
from plugin.errors import PollInProgress, Refused
from plugin.ports import Anomalies, Checkpoint, Checkpoints, Logs, NewDocument, Span, Stream, Told
from plugin.tally import Cell, Tally
from tests.fakes import NOON


class LogsBench(Protocol):
    """A `Logs` with a way to fill it."""

    logs: Logs

    def put(self, index: str, id: str, fields: Mapping[str, Any]) -> None:
        """Store a document that the next read can find."""
        ...


class AnomaliesBench(Protocol):
    """An `Anomalies` with a way to look into it."""

    anomalies: Anomalies
    prefix: str

    def stored(self, pattern: str) -> dict[str, Mapping[str, Any]]:
        """Every document, by id, of the indices that match."""
        ...


def stamp(ms: int) -> str:
    """The instant `ms` milliseconds after noon; under a minute."""
    return f"2026-11-23T12:00:{ms // 1000:02}.{ms % 1000:03}Z"


def log_document(ms: int, message: str = "Accepted password") -> dict[str, Any]:
    """A log document that was ingested `ms` milliseconds after noon."""
    return {"message": message, "event": {"ingested": stamp(ms)}}


class LogsContract:
    """Subclasses give the fixtures `bench` and `index`, the name of an index that no other test uses."""

    def stream(self, index: str, page: int = 100, max_hits: int = 1_000) -> Stream:
        """A stream of one index, polled by `event.ingested`."""
        return Stream((index,), "event.ingested", page, max_hits)

    def span(self, lo: int = 0, hi: int = 60_000) -> Span:
        """A span that begins `lo` and ends `hi` milliseconds after noon."""
        return Span(NOON + lo, NOON + hi)

    def test_a_span_holds_its_beginning_and_not_its_end(self, bench: LogsBench, index: str) -> None:
        """Spans side by side share nothing and leave nothing out."""
        for ms in (9, 10, 19, 20):
            bench.put(index, str(ms), log_document(ms))
        page = bench.logs.read(self.stream(index), self.span(10, 20))
        assert [hit.id for hit in page.hits] == ["10", "19"]
        assert page.span == self.span(10, 20)

    def test_an_empty_span_has_no_hits(self, bench: LogsBench, index: str) -> None:
        """A span of no length is read without asking for anything."""
        bench.put(index, "a", log_document(5))
        assert bench.logs.read(self.stream(index), self.span(5, 5)).hits == []

    def test_a_span_without_documents_is_read_whole(self, bench: LogsBench, index: str) -> None:
        """A quiet source, also one that never had a document of that time, is no error."""
        bench.put(index, "a", log_document(5))
        for quiet in (self.span(6, 50), self.span(-50, 5)):
            assert bench.logs.read(self.stream(index), quiet) == ([], quiet)

    def test_a_hit_is_its_document(self, bench: LogsBench, index: str) -> None:
        """Index, id, clock in nanoseconds and all fields come back as they were stored, nested or dotted."""
        fields = {**log_document(1_500), "host.name": "web-01", "process": {"pid": 7}, "tags": ["a", "b"]}
        bench.put(index, "a", fields)
        (hit,) = bench.logs.read(self.stream(index), self.span()).hits
        assert (hit.store, hit.id, hit.clock) == (index, "a", (NOON + 1_500) * 1_000_000)
        assert hit.origin == f"{index}/a"
        assert hit.fields == fields

    def test_hits_come_by_clock_then_own_time_then_id(self, bench: LogsBench, index: str) -> None:
        """The order is the log's, whatever the order of writing."""
        bench.put(index, "late", log_document(30))
        bench.put(index, "b", {**log_document(10), "@timestamp": stamp(8)})
        bench.put(index, "a", {**log_document(10), "@timestamp": stamp(8)})
        bench.put(index, "z", {**log_document(10), "@timestamp": stamp(5)})
        assert [hit.id for hit in bench.logs.read(self.stream(index), self.span()).hits] == ["z", "a", "b", "late"]

    @pytest.mark.parametrize("page", [1, 2, 3, 7, 8])
    def test_the_page_size_changes_nothing(self, bench: LogsBench, index: str, page: int) -> None:
        """Pages may end anywhere, also between documents of one instant."""
        for n in range(7):
            bench.put(index, str(n), log_document(n // 3))
        hits = bench.logs.read(self.stream(index, page), self.span()).hits
        assert [hit.id for hit in hits] == list("0123456")

    @pytest.mark.parametrize("page", [1, 3, 100])
    def test_a_read_that_gets_too_long_ends_between_two_milliseconds(
        self, bench: LogsBench, index: str, page: int
    ) -> None:
        """The span is shortened to what was read in full, and going on from its end finds the rest."""
        for n, ms in enumerate((10, 11, 11, 12, 12, 13)):
            bench.put(index, str(n), log_document(ms))
        stream = self.stream(index, page, max_hits=4)
        first = bench.logs.read(stream, self.span())
        assert first.span == self.span(0, 12)
        assert [hit.id for hit in first.hits] == list("012")
        rest = bench.logs.read(stream, self.span(12))
        assert [hit.id for hit in rest.hits] == list("345")
        assert rest.span == self.span(12)

    @pytest.mark.parametrize("page", [1, 2, 100])
    def test_one_instant_is_read_whole(self, bench: LogsBench, index: str, page: int) -> None:
        """A millisecond that alone holds more than allowed cannot be cut, so it is read to its end."""
        for n in range(5):
            bench.put(index, str(n), log_document(10))
        bench.put(index, "next", log_document(11))
        read = bench.logs.read(self.stream(index, page, max_hits=2), self.span())
        assert [hit.id for hit in read.hits] == list("01234")
        assert read.span == self.span(0, 11)

    def test_as_many_hits_as_allowed_are_no_reason_to_stop(self, bench: LogsBench, index: str) -> None:
        """The span stays whole when exactly `max_hits` documents fill it."""
        for n in range(3):
            bench.put(index, str(n), log_document(n))
        read = bench.logs.read(self.stream(index, 2, max_hits=3), self.span())
        assert len(read.hits) == 3
        assert read.span == self.span()

    def test_our_own_output_is_never_read(self, bench: LogsBench, index: str) -> None:
        """A record that lands among the logs must not become a log line again, nor be counted."""
        bench.put(index, "log", log_document(1))
        bench.put(index, "ours", {"event": {"module": "siem_anomaly", "ingested": stamp(1)}})
        bench.put(index, "ours without time", {"event": {"module": "siem_anomaly"}})
        assert [hit.id for hit in bench.logs.read(self.stream(index), self.span()).hits] == ["log"]
        assert bench.logs.count_without(self.stream(index)) == 0

    def test_documents_without_the_time_field_are_counted(self, bench: LogsBench, index: str) -> None:
        """They can never be read, so somebody must be told."""
        bench.put(index, "timed", log_document(1))
        bench.put(index, "untimed", {"message": "x"})
        assert bench.logs.count_without(self.stream(index)) == 1
        assert [hit.id for hit in bench.logs.read(self.stream(index), self.span()).hits] == ["timed"]

    def test_a_pattern_without_an_index_is_refused_by_name(self, bench: LogsBench, index: str) -> None:
        """Nothing to read is a mistake in the settings, not an empty log."""
        with pytest.raises(Refused, match=f"no index matches {index}-absent"):
            bench.logs.read(self.stream(f"{index}-absent*"), self.span())

    def test_lines_of_one_instant_come_in_the_order_of_their_file(self, bench: LogsBench, index: str) -> None:
        """By the place that a shipper notes, not by ids that a server draws by chance."""
        for id, place in (("a", {"log": {"offset": 900}}), ("b", {"log.offset": 70}), ("c", {"event.sequence": "8"})):
            bench.put(index, id, log_document(5) | place)
        bench.put(index, "d", log_document(5))
        assert [hit.id for hit in bench.logs.read(self.stream(index), self.span()).hits] == ["d", "c", "b", "a"]

    def test_lines_of_one_millisecond_come_in_the_order_of_finer_stamps(self, bench: LogsBench, index: str) -> None:
        """The document says what the mapping does not keep: rsyslog and journald write microseconds."""
        for id, beyond in (("a", "0009"), ("b", "00011"), ("c", "0005"), ("d", "")):
            bench.put(index, id, log_document(5) | {"@timestamp": f"{stamp(5).removesuffix('Z')}{beyond}Z"})
        assert [hit.id for hit in bench.logs.read(self.stream(index), self.span()).hits] == ["d", "b", "c", "a"]

    def test_what_is_read_can_be_counted(self, bench: LogsBench, index: str) -> None:
        """By second, as many as a read finds; from a whole one, only what the span holds."""
        for n, ms in enumerate((999, 1_000, 1_999, 3_000, 3_001)):
            bench.put(index, f"{n}", log_document(ms))
        stream = self.stream(index)
        assert bench.logs.count(stream, self.span(), 1_000) == {NOON: 1, NOON + 1_000: 2, NOON + 3_000: 2}
        assert bench.logs.count(stream, self.span(1_999, 3_001), 1_000) == {NOON + 1_000: 1, NOON + 3_000: 1}
        assert bench.logs.count(stream, self.span(5, 5), 1_000) == {}
        assert bench.logs.count(stream, self.span(-50, 0), 1_000) == {}

    def test_where_there_is_no_index_nothing_is_counted(self, bench: LogsBench, index: str) -> None:
        """Only a read says that a source has none: to count comes before it, and says less."""
        stream = self.stream(f"{index}-other-*")
        assert bench.logs.count(stream, self.span(), 1_000) == {}
        assert not bench.logs.indices(stream)
        assert bench.logs.count_without(stream) == 0
        with pytest.raises(Refused):
            bench.logs.read(stream, self.span())

    def test_the_indices_of_a_pattern_are_told_as_hits_name_them(self, bench: LogsBench, index: str) -> None:
        """All of them, and no other's."""
        for name in (f"{index}-a", f"{index}-b", "other-1"):
            bench.put(name, name, log_document(999))
        stream = self.stream(f"{index}-*")
        stores = {hit.store for hit in bench.logs.read(stream, self.span()).hits}
        assert set(bench.logs.indices(stream)) == stores == {f"{index}-a", f"{index}-b"}

    def test_the_clock_is_in_milliseconds(self, bench: LogsBench) -> None:
        """Between the years 2020 and 2100."""
        assert 1_577_836_800_000 < bench.logs.now() < 4_102_444_800_000


def anomaly_document(bench: AnomaliesBench, id: str, **fields: object) -> NewDocument:
    """A small record."""
    return NewDocument(f"{bench.prefix}-records-2026.11", id, {"@timestamp": stamp(0), **fields})


class AnomaliesContract:
    """Subclasses give the fixture `bench`."""

    def test_what_is_created_is_there(self, bench: AnomaliesBench) -> None:
        """Each document is stored under its id, with its body."""
        documents = [anomaly_document(bench, id, message=id) for id in ("a", "b")]
        assert bench.anomalies.create(documents) == (2, 0, [])
        assert bench.stored(f"{bench.prefix}-records-*") == {each.id: each.body for each in documents}

    def test_nothing_to_create_is_no_work(self, bench: AnomaliesBench) -> None:
        """An empty batch is written at once."""
        assert bench.anomalies.create([]) == (0, 0, [])

    def test_a_replay_meets_its_earlier_self(self, bench: AnomaliesBench) -> None:
        """What is there already counts as success and is not overwritten: an analyst may have edited it."""
        bench.anomalies.create([anomaly_document(bench, "a", message="first")])
        again = [anomaly_document(bench, "a", message="second"), anomaly_document(bench, "b", message="new")]
        assert bench.anomalies.create(again) == (1, 1, [])
        messages = {id: body["message"] for id, body in bench.stored(f"{bench.prefix}-records-*").items()}
        assert messages == {"a": "first", "b": "new"}

    def test_the_same_document_twice_in_a_batch_is_stored_once(self, bench: AnomaliesBench) -> None:
        """The second meets the first."""
        assert bench.anomalies.create([anomaly_document(bench, "a")] * 2) == (1, 1, [])

    def test_a_document_that_can_never_be_taken_becomes_a_dead_letter(self, bench: AnomaliesBench) -> None:
        """It stops none of the others, is told with its reason, and is kept for who looks after it."""
        poison = NewDocument(f"{bench.prefix}-records-2026.11", "bad", {"@timestamp": "no date"})
        batch = [anomaly_document(bench, "a"), poison, anomaly_document(bench, "b")]
        written = bench.anomalies.create(batch)
        assert (written.created, written.duplicates) == (2, 0)
        ((id, reason),) = written.refused
        assert id == "bad"
        assert "@timestamp" in reason
        (letter,) = bench.stored(f"{bench.prefix}-deadletter-*").values()
        assert (letter["document_id"], letter["target"]) == ("bad", poison.store)
        assert letter["document"] == poison.body

    def test_a_dead_letter_is_written_once(self, bench: AnomaliesBench) -> None:
        """A replay refuses the same document again, and keeps one letter."""
        poison = NewDocument(f"{bench.prefix}-records-2026.11", "bad", {"@timestamp": "no date"})
        for _ in range(2):
            assert len(bench.anomalies.create([poison]).refused) == 1
        assert len(bench.stored(f"{bench.prefix}-deadletter-*")) == 1

    def test_health_is_found_newest_first(self, bench: AnomaliesBench) -> None:
        """Of one source or part of it, since an instant; before any was written there is none."""
        assert bench.anomalies.health("auth", 0.0) == []
        now = NOON / 1000
        whose = (bench.prefix, "w", "auth")
        written = [documents.health(*whose, "auth", now + second, {"events": second}) for second in range(3)]
        other = documents.health(*whose, "auth.0-of-2", now + 9, {"events": 9})
        bench.anomalies.create([*written, other])
        bench.stored(f"{bench.prefix}-health-*")  # now they can be searched
        assert [body["siem_anomaly"]["health"]["events"] for body in bench.anomalies.health("auth", now + 1)] == [2, 1]


LINE = LogLine("logs-a/1", 1_000.25, "web-01", "sshd", 7, "Accepted «password» for root", 6, "root", "10.1.2.3")
TAIL = Tail((1, 2, 0), {1: 3, 0: 1}, LINE, 1.0, 2.5, 3.0)
CHECKPOINT = Checkpoint(
    source="auth",
    until=NOON,
    bundle="2026-11-20-1",
    since=NOON - 5,
    seen={NOON // 1000 - 1: b"\0" * 8 + b"\xff" * 8, NOON // 1000: b"abcdefgh"},
    tally=Tally({NOON - 600_000: {0: Cell(1, 2**64 - 1), 63: Cell(2, 0)}}),
    tails={"sequence": Tails({"b": TAIL, "a": TAIL._replace(counts={}, history=())}, 3.5), "rarity": Tails()},
    told={"0af": Told(1_764_000_000.125, 31.5, 3)},
)


class CheckpointsContract:
    """Subclasses give the fixture `checkpoints`."""

    def test_before_the_first_commit_there_is_none(self, checkpoints: Checkpoints) -> None:
        """A source that was never polled has no checkpoint."""
        assert checkpoints.load("auth") is None

    def test_what_is_committed_is_loaded_at_once(self, checkpoints: Checkpoints) -> None:
        """Cursor, bundle, seen hits and tails come back as they were, sessions in their order, with a version."""
        checkpoints.commit(CHECKPOINT, None)
        loaded = checkpoints.load("auth")
        assert loaded is not None
        assert loaded.version is not None
        assert replace(loaded, version=None) == CHECKPOINT
        assert list(loaded.tails["sequence"].sessions) == ["b", "a"]

    def test_one_commit_follows_another(self, checkpoints: Checkpoints) -> None:
        """Whoever replaces the stored one may."""
        checkpoints.commit(CHECKPOINT, None)
        for step in (1, 2):
            checkpoints.commit(replace(CHECKPOINT, until=NOON + step), checkpoints.load("auth"))
        loaded = checkpoints.load("auth")
        assert loaded is not None
        assert loaded.until == NOON + 2

    def test_the_first_of_two_workers_wins(self, checkpoints: Checkpoints) -> None:
        """Both read the same checkpoint; the second commit changes nothing and says so."""
        checkpoints.commit(CHECKPOINT, None)
        read = checkpoints.load("auth")
        checkpoints.commit(replace(CHECKPOINT, until=NOON + 1), read)
        with pytest.raises(PollInProgress, match="auth"):
            checkpoints.commit(replace(CHECKPOINT, until=NOON + 9), read)
        loaded = checkpoints.load("auth")
        assert loaded is not None
        assert loaded.until == NOON + 1

    def test_the_first_of_two_first_commits_wins(self, checkpoints: Checkpoints) -> None:
        """Nobody overwrites a checkpoint without having read it."""
        checkpoints.commit(CHECKPOINT, None)
        with pytest.raises(PollInProgress):
            checkpoints.commit(CHECKPOINT, None)

    def test_sources_do_not_touch_each_other(self, checkpoints: Checkpoints) -> None:
        """Each source has its own checkpoint, whatever its name."""
        for source in ("auth", "auth/2 ü"):
            checkpoints.commit(replace(CHECKPOINT, source=source), None)
        loaded = checkpoints.load("auth/2 ü")
        assert loaded is not None
        assert loaded.source == "auth/2 ü"
