"""The law of delivery on fakes: any history of documents, workers and faults ends with the same records, each once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from hypothesis import example, given, settings
from hypothesis import strategies as st

from plugin.commands.follow import catch_up
from plugin.commands.poll import Polling
from plugin.errors import PollInProgress, Unavailable
from plugin.ports import Checkpoint, Document, Hit, NewDocument, Page, Ports, Span, Stream, Written
from tests.fakes import FakeAnomalies, FakeCheckpoints, FakeLogs
from tests.histories import BEGIN, FAULTS, PEACEFUL, History, Step, attempt, broken, day, parts, play, polling

EXAMPLES = int(os.environ.get("HISTORIES", "60"))
"""Histories a test; `HISTORIES=2000 pytest tests/test_law.py` takes half an hour."""
MAX_CALLS = 12
"""Calls of stores that a poll with a few pages makes."""
MAX_POLLS = 4
"""In one go, at most."""


T = TypeVar("T")


class Died(Exception):
    """The worker is gone."""


class Disturbed:
    """Implements `Logs`, `Anomalies` and `Checkpoints`: those given, but something happens at the n-th call."""

    def __init__(self, ports: Ports, at: int, kind: str, meanwhile: Callable[[], None]) -> None:
        self.ports, self.at, self.kind, self.meanwhile, self.calls = ports, at, kind, meanwhile, 0
        self.dead = False

    def now(self) -> int:
        """The store's."""
        return self._call(self.ports.logs.now)

    def read(self, stream: Stream, span: Span) -> Page:
        """The store's."""
        return self._call(lambda: self.ports.logs.read(stream, span))

    def count(self, stream: Stream, span: Span, width: int) -> Mapping[int, int]:
        """The store's."""
        return self._call(lambda: self.ports.logs.count(stream, span, width))

    def indices(self, stream: Stream) -> Collection[str]:
        """The store's."""
        return self._call(lambda: self.ports.logs.indices(stream))

    def count_without(self, stream: Stream) -> int:
        """The store's."""
        return self._call(lambda: self.ports.logs.count_without(stream))

    def members(self, stream: Stream, origins: Collection[str]) -> set[str]:
        """The store's."""
        return self._call(lambda: self.ports.logs.members(stream, origins))

    def create(self, documents: Sequence[NewDocument]) -> Written:
        """The store's; one that gets no answer has written half."""
        if self.kind == "unavailable" and self.calls + 1 == self.at:
            self.ports.anomalies.create(documents[: len(documents) // 2])
        return self._call(lambda: self.ports.anomalies.create(documents))

    def health(self, part: str, since: float) -> list[Document]:
        """The store's."""
        return self._call(lambda: self.ports.anomalies.health(part, since))

    def load(self, source: str) -> Checkpoint | None:
        """The store's."""
        return self._call(lambda: self.ports.checkpoints.load(source))

    def commit(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> int:
        """The store's."""
        return self._call(lambda: self.ports.checkpoints.commit(checkpoint, replacing))

    def _call(self, call: Callable[[], T]) -> T:
        self.calls += 1
        if self.dead:
            raise Died
        if self.calls != self.at:
            return call()
        self.dead = self.kind in {"die_before", "die_after"}
        if self.kind == "die_before":
            raise Died
        if self.kind == "unavailable":
            raise Unavailable("no answer")
        if self.kind == "overtaken":
            self.meanwhile()
        result = call()
        if self.kind == "die_after":
            raise Died
        return result


class FakeWorld:
    """Implements `World` in memory."""

    def __init__(self, history: History) -> None:
        self.polling = polling(history)
        self.parts = parts(self.polling, history.partitions)
        self.logs, self.anomalies, self.checkpoints = FakeLogs(BEGIN), FakeAnomalies(), FakeCheckpoints()
        self.ports = Ports(self.logs, self.anomalies, self.checkpoints)

    def put(self, index: str, hit: Hit) -> None:
        """Searchable at once."""
        self.logs.put(index, hit.id, hit.fields)

    def drop(self, index: str) -> None:
        """Gone at once."""
        self.logs.drop(index)

    def to(self, clock_ms: int) -> None:
        """Move the clock."""
        self.logs.clock_ms = clock_ms

    def act(self, step: Step) -> None:
        """A poll of some part, a checkpoint that is lost, or another number of parts."""
        if step.kind == "forget":
            self.checkpoints.stored.clear()
        elif step.kind == "cut":
            self.parts = parts(self.polling, 1 + step.n % 4)
        elif self.logs.documents:  # of no index at all nothing is asked
            part = self.parts[step.n // MAX_CALLS % len(self.parts)]
            disturbed = Disturbed(self.ports, step.n % MAX_CALLS + 1, step.kind, lambda: self._polled(part))
            with contextlib.suppress(Died, Unavailable, PollInProgress):
                attempt(part, Ports(disturbed, disturbed, disturbed), 1 + step.n // MAX_CALLS % MAX_POLLS)

    def settle(self) -> None:
        """Catch up; of many late documents each poll takes a part."""
        self.logs.clock_ms += 1_000  # while the clock stands still nothing is looked for
        while any(polled.n_hits for part in self.parts for polled in catch_up(part, self.ports)):
            self.logs.clock_ms += 1_000

    def records(self) -> list[Document]:
        """What was written."""
        return [body for (index, _), body in self.anomalies.documents.items() if "-records-" in index]

    def _polled(self, part: Polling) -> None:
        with contextlib.suppress(PollInProgress):
            attempt(part, self.ports)


def steps(*kinds: str) -> st.SearchStrategy[tuple[Step, ...]]:
    """Steps of these kinds."""
    return st.lists(st.builds(Step, st.sampled_from(kinds), st.integers(1, 400)), max_size=14).map(tuple)


def histories(*kinds: str, late: bool = False) -> st.SearchStrategy[History]:
    """Histories of steps of these kinds, polled in any way."""
    return st.builds(
        History,
        steps(*kinds),
        max_hits=st.sampled_from((1, 10, 40, 100_000)),
        max_window_s=st.sampled_from((1_800.0, 7_200.0, 40_000.0)),
        overlap_s=st.sampled_from((0.0, 120.0, 7_200.0)),
        late=st.sets(st.integers(0, len(day()) - 1), min_size=1, max_size=20).map(lambda set_: tuple(sorted(set_)))
        if late
        else st.just(()),
        partitions=st.sampled_from((1, 1, 2, 3)),
    )


def check(history: History) -> None:
    """The law holds."""
    world = FakeWorld(history)
    placed = play(history, world)
    assert broken(history, placed, world.records()) == ""


@settings(max_examples=EXAMPLES, deadline=None)
@given(histories(*PEACEFUL, *FAULTS, "forget"))
def test_whatever_befalls_the_workers_the_records_are_the_same(history: History) -> None:
    """Deaths, lost answers, half-written batches, workers that overtake each other, lost checkpoints, rollovers."""
    check(history)


TWICE = tuple(Step(*step) for step in (("happen", 136), ("poll", 1), ("cut", 1), ("overtaken", 1), ("cut", 2)))
"""One part went on telling of a host, the other still remembered what had been told of it before the first cut."""


@settings(max_examples=EXAMPLES, deadline=None)
@example(History(TWICE, max_hits=40, max_window_s=1_800.0, overlap_s=0.0))
@given(histories(*PEACEFUL, *FAULTS, "cut", "cut"))
def test_a_source_may_be_cut_anew_at_any_time(history: History) -> None:
    """Into more parts or fewer, by workers that die of it: open sessions go on, nothing is judged by two of them."""
    check(history)


HIDDEN = tuple(Step(*step) for step in (("happen", 400), ("rollover", 1), ("happen", 200), ("drop", 1), ("arrive", 1)))
"""Of ten minutes a document came late to another index than the one that went."""


@settings(max_examples=EXAMPLES, deadline=None)
@example(History(HIDDEN, overlap_s=0.0, late=(0, 2, 4, 6, 8, 10)))
@given(histories(*PEACEFUL, *FAULTS, "forget", "arrive", "drop", late=True))
def test_late_lines_are_judged_once_whatever_befalls_the_workers(history: History) -> None:
    """With documents that come minutes or hours late, within the overlap and beyond it, and deleted indices."""
    check(history)


@settings(max_examples=EXAMPLES, deadline=None)
@given(histories(*PEACEFUL, *FAULTS, "drop", "rollover"))
def test_what_was_judged_may_be_deleted(history: History) -> None:
    """Sessions of which the first lines are gone with their index go on as they were."""
    check(history)
