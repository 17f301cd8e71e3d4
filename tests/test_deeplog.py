"""DeepLog: what comes next, how unlikely, and why."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

from models.detectors.deeplog import Config, Detector
from models.windows import END, OPENINGS, Window

H = 4


def sessions(*of: tuple[int, ...]) -> list[Window]:
    """Their windows, each with its END."""
    return [Window(session[max(0, i - H) : i], event) for session in of for i, event in enumerate((*session, END))]


def fitted(windows: list[Window], config: Config | None = None) -> Detector:
    """A detector of these."""
    return Detector.fit(config or Config(h=H), windows, 0, lambda _share: None)


@pytest.fixture(scope="module")
def detector() -> Detector:
    """It knows sessions 1 2 3 5, and one in five 1 2 4 5."""
    return fitted(sessions(*[(1, 2, 3, 5)] * 400, *[(1, 2, 4, 5)] * 100))


def test_the_probabilities_are_the_shares(detector: Detector) -> None:
    """After 1 2 the fit saw 3 four times in five; the likely one is no surprise, the other as rare as it is."""
    usual, other = Window((1, 2), 3), Window((1, 2), 4)
    assert detector.explain(usual).probability == pytest.approx(0.8, abs=0.05)
    assert detector.surprise([usual])[0] == pytest.approx(0.0, abs=0.05)
    assert detector.surprise([other])[0] == pytest.approx(-math.log(0.2), abs=0.25)


def test_one_of_many_equally_likely_events_is_not_strange() -> None:
    """Fifty events that come alike often each have p = 0.02; none is stranger than most."""
    detector = fitted(sessions(*[(1, 10 + n % 50) for n in range(2_000)]))
    assert detector.explain(Window((1,), 20)).probability < 0.05
    assert np.median(detector.surprise([Window((1,), 10 + n) for n in range(50)])) < 1.5


def test_stopping_early_and_going_on_are_both_strange(detector: Detector) -> None:
    """END after 1 2, and an event after the usual last one."""
    early, late, right = detector.surprise([Window((1, 2), END), Window((1, 2, 3, 5), 1), Window((1, 2, 3, 5), END)])
    assert min(early, late) > 4.0
    assert right < 0.1


def test_the_first_event_is_judged(detector: Detector) -> None:
    """A session that begins in its middle is strange from its first line."""
    usual, strange = detector.surprise([Window((), 1), Window((), 5)])
    assert usual < 0.1
    assert strange > 4.0


def test_the_unseen_is_as_likely_as_what_came_once() -> None:
    """Where one event in forty came just once, a new event is no rarer than that; where none did it is one in n."""
    restless = fitted(sessions(*[(1, 2, 100 + n if n % 10 == 0 else 3) for n in range(400)]))
    calm = fitted(sessions(*[(1, 2, 3)] * 400))
    assert restless.surprise([Window((1, 2), 7)])[0] < -math.log(40 / 1_601) + 0.1
    assert calm.surprise([Window((1, 2), 7)])[0] == pytest.approx(math.log(1_601), abs=0.1)


def test_by_rank_only_what_is_beyond_top_g_is_over_zero() -> None:
    """The paper's rule: surprise is 0 for the g likeliest, above 0 for others, and the unseen is always beyond."""
    windows = sessions(*[(1, 2, 3, 5)] * 400, *[(1, 2, 4, 5)] * 100)
    detector = fitted(windows, Config(h=H, top_g=2, decision="rank"))
    asked = [Window((1, 2), event) for event in (3, 4, 5, 77)]
    assert (detector.surprise(asked) > 0.0).tolist() == [False, False, True, True]
    assert detector.rank(asked)[:2].tolist() == [1, 2]


def test_an_explanation_says_what_was_expected_and_how_often(detector: Detector) -> None:
    """The likeliest events with their probabilities, at most five, and k times in n after so much history."""
    explanation = detector.explain(Window((1, 2), 4))
    assert [event for event, _ in explanation.expected[:2]] == [3, 4]
    assert len(explanation.expected) <= 5
    assert (explanation.rank, explanation.seen, explanation.total, explanation.after) == (2, 100, 500, 2)


def test_after_a_history_that_was_never_seen_nothing_was_expected(detector: Detector) -> None:
    """A program's first session: what is likely elsewhere says nothing of it. One known event is enough to say some."""
    assert detector.explain(Window((OPENINGS - 5, 99, 98), 4)).expected == ()
    assert detector.explain(Window((99, 2), 4)).expected
    assert detector.explain(Window((), 4)).expected


def test_a_history_nobody_knows_is_shortened_until_it_tells_something(detector: Detector) -> None:
    """After 9 9 9 2 nothing ever came; after 2 alone enough did."""
    explanation = detector.explain(Window((9, 9, 9, 2), 4))
    assert (explanation.after, explanation.seen, explanation.total) == (1, 100, 500)


def test_the_influential_event_is_the_one_that_made_it_strange() -> None:
    """7 is always followed by 8, the rest by anything: leaving 7 out makes a 3 after it least surprising."""
    chance = random.Random(0)  # noqa: S311 - made-up sessions
    mixed = []
    for _ in range(300):
        session = [chance.randint(1, 3) for _ in range(8)]
        session[chance.randint(0, 6)] = 7
        session[session.index(7) + 1] = 8
        mixed.append(tuple(session))
    explanation = fitted(sessions(*mixed)).explain(Window((1, 2, 3, 7), 3))
    assert len(explanation.influence) == H
    assert int(np.argmax(explanation.influence)) == H - 1


class Forgetful(Detector):
    """One that keeps as few predictions as it can."""

    MAX_CACHED = 0


def test_a_full_cache_changes_nothing(detector: Detector) -> None:
    """More histories than are kept, some of them again: the same surprises."""
    asked = [Window((n % 90, n // 90 % 70), 3) for n in range(9_000)]
    forgetful = Forgetful(detector.config, detector.vocabulary, detector.times, detector.fitted, detector.seen)
    assert np.array_equal(forgetful.surprise(asked), detector.surprise(asked))


@pytest.mark.parametrize("fault", ["missing", "truncated", "foreign", "swapped"])
def test_files_that_are_not_a_detector_are_refused(detector: Detector, tmp_path: Path, fault: str) -> None:
    """A weights file that is absent, cut short, something else, or of another shape never loads."""
    detector.save(tmp_path)
    weights = tmp_path / "weights.safetensors"
    if fault == "missing":
        weights.unlink()
    elif fault == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif fault == "foreign":
        weights.write_bytes(b"not tensors")
    else:
        words = json.loads((tmp_path / "detector.json").read_text(encoding="utf-8"))
        words["vocabulary"] += [88]
        (tmp_path / "detector.json").write_text(json.dumps(words), encoding="utf-8")
    with pytest.raises((OSError, ValueError, KeyError)):
        Detector.load(tmp_path)


def test_a_setting_below_one_is_refused() -> None:
    """No history, no network, nothing to fit."""
    with pytest.raises(ValueError, match="at least 1"):
        Config(h=0)
