"""A checkpoint may be stored less often than polls are made; whoever comes next repeats some, and doubles nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugin.behind import SHARE, writing_behind
from plugin.errors import PollInProgress
from plugin.ports import Checkpoint, Ports
from tests.contract import CHECKPOINT
from tests.fakes import FakeAnomalies, FakeCheckpoints, FakeLogs

SLOW_S = 2.0


class Slow(FakeCheckpoints):
    """Takes its time to store, as one of many open sessions does, by a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.n_stored, self.clock_s = 0, 0.0

    def clock(self) -> float:
        """Seconds; they go by while it stores, and when a test says so."""
        return self.clock_s

    def commit(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> int:
        """Store it, in the end."""
        self.clock_s += SLOW_S
        size = super().commit(checkpoint, replacing)
        self.n_stored += 1
        return size


def ports(checkpoints: FakeCheckpoints) -> Ports:
    """With this store of checkpoints."""
    return Ports(FakeLogs(), FakeAnomalies(), checkpoints)


def test_what_is_held_is_loaded_and_at_the_end_it_is_stored() -> None:
    """In between the store has the first one: storing takes a twentieth of the time, but for the last one."""
    store = Slow()
    with writing_behind(ports(store), "auth", store.clock) as behind:
        behind.checkpoints.commit(CHECKPOINT, None)
        for step in range(1, 41):
            loaded = behind.checkpoints.load("auth")
            assert loaded is not None
            assert loaded.until == CHECKPOINT.until + step - 1
            store.clock_s += 1.0  # a poll's time
            behind.checkpoints.commit(replace(CHECKPOINT, until=CHECKPOINT.until + step), loaded)
            stored_at = 38 * (step >= (SHARE - 1) * SLOW_S)
            assert store.stored["auth"].until == CHECKPOINT.until + stored_at
        assert store.n_stored == 2
    assert store.stored["auth"].until == CHECKPOINT.until + 40
    assert store.n_stored == 3


def test_other_sources_are_stored_at_once() -> None:
    """A source that is cut anew stores its parts in an order that means something."""
    store = Slow()
    with writing_behind(ports(store), "auth") as behind:
        for name in ("auth", "auth/1", "auth/2"):
            behind.checkpoints.commit(replace(CHECKPOINT, source=name), None)
        assert [*store.stored] == ["auth", "auth/1", "auth/2"]


def test_another_worker_that_was_first_is_told_at_the_end() -> None:
    """Its work stands, and what was held is dropped."""
    store = Slow()

    def overtaken() -> None:
        with writing_behind(ports(store), "auth") as behind:
            behind.checkpoints.commit(CHECKPOINT, None)
            loaded = behind.checkpoints.load("auth")
            FakeCheckpoints.commit(store, replace(CHECKPOINT, until=CHECKPOINT.until + 7), store.load("auth"))
            behind.checkpoints.commit(replace(CHECKPOINT, until=CHECKPOINT.until + 1), loaded)

    with pytest.raises(PollInProgress):
        overtaken()
    assert store.stored["auth"].until == CHECKPOINT.until + 7


def test_what_was_done_before_a_fault_is_stored() -> None:
    """An error in the next poll costs that poll alone."""
    store = Slow()

    def broken() -> None:
        with writing_behind(ports(store), "auth") as behind:
            behind.checkpoints.commit(CHECKPOINT, None)
            behind.checkpoints.commit(replace(CHECKPOINT, until=CHECKPOINT.until + 1), behind.checkpoints.load("auth"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert store.stored["auth"].until == CHECKPOINT.until + 1
