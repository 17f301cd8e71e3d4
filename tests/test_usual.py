"""`models.usual`: how likely a figure as large is, told by lines that were not learnt from."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.usual import MAX_KNOTS, Beyond, held_out

figures = st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), max_size=60).map(lambda of: np.array(of, dtype=np.float64))


def test_within_what_was_seen_it_is_counted() -> None:
    """One of a thousand is one in a thousand; the one being judged counts too."""
    beyond = Beyond.of(np.arange(1_000.0))
    assert beyond.nats(np.array([-5.0, 500.0, 999.0])) == pytest.approx(
        [0.0, -math.log(501 / 1_001), -math.log(2 / 1_001)], abs=0.06
    )
    assert len(beyond.knots) <= MAX_KNOTS


def test_beyond_it_falls_off_but_few_lines_vouch_for_little() -> None:
    """Twice the logarithm of their number, however far off."""
    few, many = Beyond.of(np.linspace(0.0, 3.0, 20)), Beyond.of(np.linspace(0.0, 3.0, 2_000))
    for beyond in (few, many):
        near, far, out = beyond.nats(np.array([3.1, 5.0, 1e300]))
        assert math.log(beyond.n + 1) < near < far < out == pytest.approx(2 * math.log(beyond.n + 1))
    assert many.nats(np.array([9.0]))[0] > few.nats(np.array([9.0]))[0]


def test_heavy_tails_make_far_figures_less_strange() -> None:
    """The scale beyond is what the largest were apart."""
    light, heavy = np.abs(np.random.default_rng(1).normal(0, 1, 500)), np.random.default_rng(1).exponential(3.0, 500)
    of_light, of_heavy = (Beyond.of(of).nats(np.array([of.max() + 4.0]))[0] for of in (light, heavy))
    assert of_light > of_heavy + 1.0


@given(figures, figures)
def test_larger_is_never_likelier_and_nothing_stays_nothing(seen: np.ndarray, asked: np.ndarray) -> None:
    """Finite, never negative, rising; NaN has nothing to say, to a tail of nothing too; the same from JSON."""
    beyond = Beyond.of(seen)
    nats = beyond.nats(asked)
    assert np.array_equal(np.isnan(nats), np.isnan(asked))
    known = np.sort(asked[~np.isnan(asked)])
    assert (np.diff(beyond.nats(known)) >= -1e-12).all()
    assert (beyond.nats(known) >= 0.0).all()
    again = Beyond.from_json(json.loads(json.dumps(asdict(beyond))))
    assert np.array_equal(again.nats(asked), nats, equal_nan=True)


def test_each_half_is_judged_by_the_other() -> None:
    """A figure that drifts is large in both, and so it is usual."""
    drift = np.arange(100.0)
    beyond = held_out(100, lambda teaches, asked: np.abs(drift[asked] - np.median(drift[teaches])))
    assert beyond.n == 100
    assert min(beyond.knots) > 20.0


@pytest.mark.parametrize("data", [{}, {"n": 3, "knots": [1.0], "above": [1, 2], "scale": 1.0}, {"n": "x"}])
def test_what_is_no_tail_is_refused(data: dict[str, object]) -> None:
    """Data only, checked."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        Beyond.from_json(data)
