"""Transitions: whole sessions by what followed what."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.base import Explanation, Spot, frame_for
from models.detectors.transitions import Config, Detector
from models.windows import END, Event, Tails, Window, slide
from parsers.templates import Templates
from plugin import explain
from plugin.pipeline import Anomaly
from tests import lines
from tests.test_explain import anomaly


def ended(session: list[int]) -> Window:
    """What is seen of a session when it has fallen silent."""
    events = [Event("a", id, 0.0, 0.0, (), None) for id in session]
    frame = frame_for(Config(), 1.0)
    return slide(Tails[None](), events, frame, 1.0)[0][-1].window


def normal(chance: random.Random) -> list[int]:
    """Opened, some loops of reading 2 3 4 or of writing 5 6, closed."""
    kind = chance.choice(([2, 3, 4], [5, 6]))
    return [1, *kind * chance.randint(3, 20), 8]


def planted(chance: random.Random) -> list[int]:
    """A normal one in which a 6 once comes right after a 3: events it knows, a step it does not."""
    return [1, *[2, 3, 4] * chance.randint(3, 9), 2, 3, 6, 4, *[2, 3, 4] * chance.randint(1, 9), 8]


@pytest.fixture(scope="module")
def detector() -> Detector:
    """It knows 300 normal sessions."""
    chance = random.Random(0)  # noqa: S311 - made-up sessions
    return Detector.fit(Config(), [ended(normal(chance)) for _ in range(300)], 0, lambda _share: None)


def test_a_planted_step_makes_a_session_strange(detector: Detector) -> None:
    """Each session with the step is stranger than all new ones without."""
    chance = random.Random(1)  # noqa: S311 - made-up sessions
    usual = detector.surprise([ended(normal(chance)) for _ in range(100)])
    strange = detector.surprise([ended(planted(chance)) for _ in range(100)])
    assert strange.min() > usual.max()


def test_the_planted_step_is_named_first(detector: Detector) -> None:
    """With how often it came, and that no session had it; the step back is next."""
    told = detector.explain(ended(planted(random.Random(2))))  # noqa: S311 - a made-up session
    assert {(spot.column, spot.event) for spot in told.spots[:2]} == {(3, 6), (6, 4)}
    assert told.spots[0].observed == 1
    assert told.spots[0].expected < 0.2
    assert (told.seen, told.total) == (0, 300)


def test_a_step_that_is_missing_is_named_too(detector: Detector) -> None:
    """A session of reading that never closes: what it lacks has been observed 0 times."""
    told = detector.explain(ended([1, *[2, 3, 4] * 8]))
    steps = [(spot.column, spot.event, spot.observed > 0) for spot in told.spots]
    assert steps[0] == (4, END, True)
    assert {(4, 8, False), (8, END, False)} & {*steps}


def test_events_in_another_order_are_stranger(detector: Detector) -> None:
    """The same events as often, shuffled: only their order tells."""
    chance = random.Random(3)  # noqa: S311 - made-up sessions
    session = [1, *[2, 3, 4] * 10, 8]
    shuffled = [1, *chance.sample(session[1:-1], len(session) - 2), 8]
    right, wrong = detector.surprise([ended(session), ended(shuffled)])
    assert wrong > 2.0 * right + 0.2


def test_a_window_without_an_image_surprises_nobody(detector: Detector) -> None:
    """Lines, and ends of sessions that nobody counted."""
    assert detector.surprise([Window((), 3), Window((), 99), Window((), END)]).tolist() == [0.0, 0.0, 0.0]


def test_events_beyond_those_kept_share_one_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for three events the others are one, still judged, and named by what they are."""
    monkeypatch.setattr("models.detectors.transitions.MAX_EVENTS", 3)
    chance = random.Random(0)  # noqa: S311 - made-up sessions
    small = Detector.fit(Config(), [ended(normal(chance)) for _ in range(100)], 0, lambda _share: None)
    assert len(small.vocabulary) == 3
    told = small.explain(ended([77, 77, 77, 77]))
    assert np.isfinite(small.surprise([ended([77, 77])])).all()
    assert 77 in {spot.event for spot in told.spots} | {spot.column for spot in told.spots}


@pytest.mark.parametrize("fault", ["missing", "truncated", "swapped"])
def test_files_that_are_not_a_detector_are_refused(detector: Detector, tmp_path: Path, fault: str) -> None:
    """A weights file that is absent, cut short or of another shape never loads."""
    detector.save(tmp_path)
    weights = tmp_path / "weights.safetensors"
    if fault == "missing":
        weights.unlink()
    elif fault == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        words = json.loads((tmp_path / "detector.json").read_text(encoding="utf-8"))
        words["vocabulary"] += [88]
        (tmp_path / "detector.json").write_text(json.dumps(words), encoding="utf-8")
    with pytest.raises((OSError, ValueError, KeyError)):
        Detector.load(tmp_path)


def test_a_setting_below_one_is_refused() -> None:
    """No code, nothing to sum up in."""
    with pytest.raises(ValueError, match="at least 1"):
        Config(code=0)


def said(spot: Spot, more: int = 0) -> str:
    """The sentence of an anomaly whose first step is this one."""
    named = Templates.numbered({"open door": 1, "shut door": 1})
    why = Explanation("transitions", 0.001, seen=2, total=833, spots=(spot, *[Spot(1, 1, 0.0, 1.0)] * more))
    found: Anomaly = anomaly(why, Window((), END))
    return explain.reason(replace(found, bundle=replace(lines.bundle(), templates=named)))


def test_a_sentence_names_the_step_first() -> None:
    """What came after what, how often, what is usual, and in how many sessions it ever came."""
    assert said(Spot(1, 2, 3.0, 0.01), 2) == (
        "`open door` came 3 times right after `shut door`, which hardly ever happens: 2 of 833 sessions "
        "had that step. 2 more steps stood out."
    )
    assert said(Spot(1, END, 1.0, 0.5)).startswith("The session began with `open door`; usual")
    assert said(Spot(END, 2, 1.0, 0.5)).startswith("The session ended after `shut door`; usual")
    assert said(Spot(1, 2, 0.0, 12.0)).startswith("`open door` never came right after `shut door`; usual in such a ")
    assert said(Spot(END, 2, 0.0, 0.9)).startswith("The session did not end after `shut door`; usual")
