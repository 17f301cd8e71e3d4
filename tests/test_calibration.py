"""Calibration: what a score promises, held-out normal windows keep."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration import MIN_WINDOWS, Calibration, cut_for, severity

samples = st.lists(st.floats(0, 50), min_size=MIN_WINDOWS, max_size=400)


@pytest.mark.parametrize("shape", ["exponential", "heavy", "steps"])
def test_the_promise_is_kept_within_a_factor_of_two(shape: str) -> None:
    """On other windows of the same kind, at every attained cut with 20 expected, half to twice as many are over it."""
    chance = np.random.default_rng(3)
    draw = {
        "exponential": lambda n: chance.exponential(1.0, n),
        "heavy": lambda n: chance.pareto(3.0, n),
        "steps": lambda n: chance.geometric(0.3, n).astype(float),
    }[shape]
    known, fresh = draw(20_000), draw(20_000)
    calibration = Calibration.of(known)
    scores = calibration.score(fresh)
    cuts = [cut for cut in np.unique(scores) if len(fresh) * 10 ** (-cut / 10) >= 20]
    assert cuts
    for cut in cuts:
        assert 0.5 <= np.count_nonzero(scores >= cut) / (len(fresh) * 10 ** (-cut / 10)) <= 2.0


@settings(max_examples=50)
@given(known=samples, asked=st.lists(st.floats(0, 1_000), min_size=2, max_size=20))
def test_a_stranger_window_never_scores_lower(known: list[float], asked: list[float]) -> None:
    """Scores are in 0…100 and rise with the surprise, whatever the held-out windows were."""
    scores = Calibration.of(np.array(known)).score(np.sort(np.array(asked)))
    assert (np.diff(scores) >= -1e-9).all()
    assert ((scores >= 0) & (scores <= 100)).all()


@settings(max_examples=25)
@given(known=samples)
def test_json_gives_the_same_calibration_back(known: list[float]) -> None:
    """Written and read, it is equal."""
    calibration = Calibration.of(np.array(known))
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_a_handful_of_windows_claims_no_miracle() -> None:
    """A surprise five nats beyond 150 windows close together is rare, not once in the age of the universe."""
    known = np.linspace(0.0, 2.0, 150)
    assert Calibration.of(known).score(np.array([7.0]))[0] < 50.0


def test_too_few_windows_are_refused() -> None:
    """Below the least number nothing can be said of one in a hundred."""
    with pytest.raises(ValueError, match=f"at least {MIN_WINDOWS}"):
        Calibration.of(np.zeros(MIN_WINDOWS - 1))


def test_a_budget_is_a_cut_by_arithmetic() -> None:
    """Five alerts of 5,000 windows a day are one in a thousand, score 30."""
    assert cut_for(5_000, 5) == pytest.approx(30.0)


@pytest.mark.parametrize(("over", "expected"), [(0, 21), (9.9, 21), (10, 47), (20, 73), (30, 99), (70, 99)])
def test_severity_rises_a_class_every_ten_points(over: float, expected: int) -> None:
    """The four numbers that Elastic's rules map."""
    assert severity(30.0 + over, 30.0) == expected
