"""Calibration: what a score promises, held-out normal windows keep."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Floats
from models.calibration import MIN_WINDOWS, Calibration, cut_for, severity

samples = st.lists(st.floats(0, 50), min_size=MIN_WINDOWS, max_size=400)


@pytest.mark.parametrize("shape", ["exponential", "heavy", "steps"])
def test_the_promise_is_kept_within_a_factor_of_two(shape: str) -> None:
    """On other windows of the same kind, at every attained cut with 20 expected, half to twice as many are over it."""
    chance = np.random.default_rng(3)
    draw: dict[str, Callable[[int], Floats]] = {
        "exponential": lambda n: chance.exponential(1.0, n),
        "heavy": lambda n: chance.pareto(3.0, n),
        "steps": lambda n: np.asarray(chance.geometric(0.3, n), dtype=np.float64),
    }
    known, fresh = draw[shape](20_000), draw[shape](20_000)
    calibration = Calibration.of(known)
    scores = calibration.score(fresh)
    cuts = [cut for cut in np.unique(scores) if len(fresh) * 10 ** (-cut / 10) >= 20]
    assert cuts
    for cut in cuts:
        assert 0.5 <= np.count_nonzero(scores >= cut) / (len(fresh) * 10 ** (-cut / 10)) <= 2.0


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_between_two_attained_scores_at_most_the_promise_comes(steps: int) -> None:
    """Surprises of few distinct values leave most cuts between two of them: fewer come there, never twice as many."""
    chance = np.random.default_rng(steps)
    known, fresh = (np.floor(chance.exponential(1.0, 20_000) * steps) / steps for _ in range(2))
    scores = Calibration.of(known).score(fresh)
    for cut in np.arange(0.0, 30.0, 0.25):
        promised = len(fresh) * 10 ** (-cut / 10)
        assert np.count_nonzero(scores >= cut) <= 2.0 * promised or promised < 20


@settings(max_examples=50)
@given(known=samples, cut=st.floats(0, 100))
def test_on_its_own_windows_a_cut_lets_through_at_most_what_it_promises(known: list[float], cut: float) -> None:
    """The tail never claims less than was counted: alerts a day on the held-out windows keep to the budget."""
    assert Calibration.of(np.array(known)).expected(cut) <= 10 ** (-cut / 10) * (1 + 1e-9)


def test_a_million_windows_make_a_small_table_that_still_counts_right() -> None:
    """Knots are bounded; the body's shares are within two percent, the strangest thousand exact."""
    known = np.sort(np.random.default_rng(0).exponential(1.0, 1_000_000))
    calibration = Calibration.of(known)
    assert len(json.dumps(calibration.to_json())) < 100_000
    places = np.array([0, 250_000, 900_000, 990_000, 999_500, 999_960])
    shares = 1.0 - places / len(known)
    assert calibration.p(known[places]) == pytest.approx(shares, rel=0.02)
    assert calibration.p(known[places[-2:]]) == pytest.approx(shares[-2:])


def test_windows_that_are_all_alike_say_that_a_stranger_one_is_rare() -> None:
    """A thousand equal surprises score 0; more than that was never seen in a thousand."""
    calibration = Calibration.of(np.full(1_000, 2.5))
    assert [str(score) for score in calibration.score(np.array([0.0, 2.5]))] == ["0.0", "0.0"]  # no minus before it
    assert calibration.score(np.array([2.6]))[0] >= 30.0


def test_a_last_digit_makes_no_difference() -> None:
    """The same surprise summed in another order is still the surprise that the held-out windows had."""
    calibration = Calibration.of(np.repeat([1.0, 2.0, 3.0], [800, 150, 50]))
    assert calibration.p(np.array([3.0 + 1e-12]))[0] == pytest.approx(0.05)


def test_a_surprise_that_is_not_a_number_is_refused() -> None:
    """A calibration of nonsense would promise nonsense."""
    with pytest.raises(ValueError, match="not finite"):
        Calibration.of(np.append(np.zeros(MIN_WINDOWS), np.nan))


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
