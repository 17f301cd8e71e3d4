"""Cross-fitting: every window is judged by a detector that never saw its block."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import base
from models.base import Detector, Floats
from models.crossfit import cross_fit, surprise_once
from models.detectors import rarity
from models.windows import Window

RARITY = base.module("rarity")
CONFIG = rarity.Config()


def silent(_share: float) -> None:
    """Nobody watches."""


def events(*ids: int) -> list[Window]:
    """One window an event."""
    return [Window((), id) for id in ids]


class Counting:
    """A detector's judging, which notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Window] = []

    def surprise(self, windows: list[Window]) -> Floats:
        """The event's number, as nats."""
        self.asked += windows
        return np.array([window.event for window in windows], dtype=np.float64)


def test_an_event_of_one_block_alone_is_new_to_its_judge() -> None:
    """Seen 50 times, but only in the block that is judged: as surprising as what nobody ever saw."""
    crossed = cross_fit(RARITY, CONFIG, [events(*[1] * 50), events(*[2] * 50), events(*[2] * 50)], 0, silent)
    never = crossed.detectors[0].surprise(events(99))[0]
    assert crossed.surprises[0].tolist() == [never] * 50
    assert (crossed.surprises[1] < never).all()


def test_an_empty_block_is_judged_to_nothing() -> None:
    """A quiet stretch of a log is no error."""
    crossed = cross_fit(RARITY, CONFIG, [events(1, 2), [], events(1, 2)], 0, silent)
    assert [len(found) for found in crossed.surprises] == [2, 0, 2]


@pytest.mark.parametrize("blocks", [[], [events(1)], [events(1), []]])
def test_nothing_to_learn_from_is_refused(blocks: list[list[Window]]) -> None:
    """A block needs others that its detector can be fit on."""
    with pytest.raises(ValueError, match=r"blocks|windows"):
        cross_fit(RARITY, CONFIG, blocks, 0, silent)


def test_progress_rises_to_one() -> None:
    """Over all fits together."""
    said: list[float] = []
    cross_fit(RARITY, CONFIG, [events(1), events(2), events(3)], 0, said.append)
    assert said == sorted(said)
    assert said[-1] == 1.0


@given(ids=st.lists(st.integers(0, 5), max_size=50))
def test_equal_windows_are_computed_once(ids: list[int]) -> None:
    """The detector is asked for each distinct window once, and every window gets its answer."""
    detector = Counting()
    assert surprise_once(cast(Detector, detector), events(*ids)).tolist() == ids
    assert sorted(window.event for window in detector.asked) == sorted(set(ids))
