"""The hybrid: what a long history tells of the next event."""

from __future__ import annotations

import random

import pytest

from models.base import Detector
from models.detectors import deeplog, hybrid
from models.windows import END, Window

BETWEEN = 24
"""Events between the one that decides and what it decides: further than DeepLog sees."""


def sessions(n: int, seed: int) -> list[tuple[int, ...]]:
    """1 … 6 or 2 … 7, with the same chatter of 3, 4 and 5 in between."""
    chance = random.Random(seed)  # noqa: S311 - made-up sessions
    made = []
    for _ in range(n):
        first = chance.choice((1, 2))
        made.append((first, *(3 + i % 3 for i in range(BETWEEN)), first + 5))
    return made


def windows(of: list[tuple[int, ...]], h: int) -> list[Window]:
    """Their windows, each session with its END."""
    return [Window(session[max(0, i - h) : i], event) for session in of for i, event in enumerate((*session, END))]


@pytest.fixture(scope="module")
def detector() -> Detector:
    """It knows both kinds of sessions."""
    config = hybrid.Config(h=32)
    return hybrid.Detector.fit(config, windows(sessions(300, 0), config.h), 0, lambda _share: None)


def judged(detector: Detector, h: int) -> tuple[float, float]:
    """Surprise of the right last event and of the other kind's, after a session that began with 1."""
    history = (1, *(3 + i % 3 for i in range(BETWEEN)))[-h:]
    right, wrong = detector.surprise([Window(history, 6), Window(history, 7)])
    return float(right), float(wrong)


def test_what_began_long_ago_decides(detector: Detector) -> None:
    """After a beginning of 1 the end of the other kind is strange, 24 events later."""
    right, wrong = judged(detector, 32)
    assert right < 0.2
    assert wrong > 4.0


def test_a_short_history_cannot_know() -> None:
    """DeepLog sees ten events, all of them chatter: both ends are alike to it."""
    config = deeplog.Config()
    short = deeplog.Detector.fit(config, windows(sessions(300, 0), config.h), 0, lambda _share: None)
    right, wrong = judged(short, config.h)
    assert abs(right - wrong) < 1.0


def test_an_explanation_names_the_kind_that_was_expected(detector: Detector) -> None:
    """The right end is expected first, and the event that began the session mattered most."""
    history = (1, *(3 + i % 3 for i in range(BETWEEN)))
    told = detector.explain(Window(history, 7))
    assert told.expected[0][0] == 6
    assert told.expected[0][1] > 0.9
    assert max(range(len(history)), key=lambda place: told.influence[place]) == 0


@pytest.mark.parametrize("setting", [{"h": 3}, {"channels": 0}, {"epochs": 0}])
def test_a_setting_too_small_is_refused(setting: dict[str, int]) -> None:
    """Under one step of the LSTM there is no history; no network, nothing to fit."""
    with pytest.raises(ValueError, match="at least"):
        hybrid.Config(**setting)
