"""The law of delivery on fakes: any history of documents, workers and faults ends with the same records, each once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.commands.follow import catch_up
from plugin.commands.poll import poll
from plugin.commands.recount import recount
from plugin.errors import PollInProgress, Unavailable
from plugin.ports import Checkpoint, Document, Hit, NewDocument, Page, Ports, Span, Stream, Written
from tests.fakes import FakeAnomalies, FakeCheckpoints, FakeLogs
from tests.histories import BEGIN, FAULTS, PEACEFUL, History, Step, broken, day, play, polling

EXAMPLES = int(os.environ.get("HISTORIES", "60"))
"""Histories a test; `HISTORIES=2000 pytest tests/test_law.py` takes half an hour."""
MAX_CALLS = 12
"""Calls of stores that a poll with a few pages makes."""


T = TypeVar("T")


class Died(Exception):
    """The worker is gone."""


class Disturbed:
    """Implements `Logs`, `Anomalies` and `Checkpoints`: those given, but something happens at the n-th call."""

    def __init__(self, ports: Ports, at: int, kind: str, meanwhile: Callable[[], None]) -> None:
        self.ports, self.at, self.kind, self.meanwhile, self.calls = ports, at, kind, meanwhile, 0

    def now(self) -> int:
        """The store's."""
        return self._call(self.ports.logs.now)

    def read(self, stream: Stream, span: Span) -> Page:
        """The store's."""
        return self._call(lambda: self.ports.logs.read(stream, span))

    def count(self, stream: Stream, span: Span, width: int) -> Mapping[int, int]:
        """The store's."""
        return self._call(lambda: self.ports.logs.count(stream, span, width))

    def count_without(self, stream: Stream) -> int:
        """The store's."""
        return self._call(lambda: self.ports.logs.count_without(stream))

    def create(self, documents: Sequence[NewDocument]) -> Written:
        """The store's; one that gets no answer has written half."""
        if self.kind == "unavailable" and self.calls + 1 == self.at:
            self.ports.anomalies.create(documents[: len(documents) // 2])
        return self._call(lambda: self.ports.anomalies.create(documents))

    def health(self, source: str, since: float) -> list[Document]:
        """The store's."""
        return self._call(lambda: self.ports.anomalies.health(source, since))

    def load(self, source: str) -> Checkpoint | None:
        """The store's."""
        return self._call(lambda: self.ports.checkpoints.load(source))

    def commit(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> int:
        """The store's."""
        return self._call(lambda: self.ports.checkpoints.commit(checkpoint, replacing))

    def _call(self, call: Callable[[], T]) -> T:
        self.calls += 1
        if self.calls != self.at:
            return call()
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
        self.logs, self.anomalies, self.checkpoints = FakeLogs(BEGIN), FakeAnomalies(), FakeCheckpoints()
        self.ports = Ports(self.logs, self.anomalies, self.checkpoints)

    def put(self, index: str, hit: Hit) -> None:
        """Searchable at once."""
        self.logs.put(index, hit.id, hit.fields)

    def to(self, clock_ms: int) -> None:
        """Move the clock."""
        self.logs.clock_ms = clock_ms

    def act(self, step: Step) -> None:
        """A poll, or a checkpoint that is lost."""
        if step.kind == "forget":
            self.checkpoints.stored.pop(self.polling.name, None)
            return
        disturbed = Disturbed(self.ports, step.n % MAX_CALLS + 1, step.kind, self._polled)
        ports = Ports(disturbed, disturbed, disturbed)
        with contextlib.suppress(Died, Unavailable, PollInProgress):
            if self.logs.documents:
                poll(self.polling, ports)
                recount(self.polling, ports)

    def settle(self) -> None:
        """Catch up; of many late documents each poll takes a part."""
        while any(polled.n_hits for polled in catch_up(self.polling, self.ports)):
            self.logs.clock_ms += 1_000

    def records(self) -> list[Document]:
        """What was written."""
        return [body for (index, _), body in self.anomalies.documents.items() if "-records-" in index]

    def _polled(self) -> None:
        with contextlib.suppress(PollInProgress):
            poll(self.polling, self.ports)


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


@settings(max_examples=EXAMPLES, deadline=None)
@given(histories(*PEACEFUL, *FAULTS, "forget", "arrive", late=True))
def test_late_lines_are_judged_once_whatever_befalls_the_workers(history: History) -> None:
    """With documents that come minutes or hours late, within the overlap and beyond it."""
    check(history)
