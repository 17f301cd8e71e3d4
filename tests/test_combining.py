"""`models.combining`: several p-values of one thing become one strangeness."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.combining import NATS, combine

some_scores = st.lists(st.floats(0.0, 100.0), min_size=1, max_size=5)


def of_one(scores: list[float]) -> float:
    """What one item's scores come to, nats."""
    return float(combine(np.zeros(len(scores), dtype=np.int64), np.array(scores))[0])


@given(st.floats(0.0, 100.0))
def test_one_view_is_taken_at_its_word(score: float) -> None:
    """-log p of its own p, and so the same order."""
    assert of_one([score]) == pytest.approx(score * NATS)


@given(some_scores)
def test_the_strangest_view_decides(scores: list[float]) -> None:
    """As strange as the strangest at most, and at least that over the number of views: a quiet view is no alibi."""
    top = max(scores) * NATS
    assert top - math.log(len(scores)) - 1e-9 <= of_one(scores) <= top + 1e-9


@given(some_scores, st.floats(0.0, 50.0), st.data())
def test_a_higher_score_never_makes_it_less_strange(scores: list[float], more: float, data: st.DataObject) -> None:
    """Whichever view it comes from."""
    place = data.draw(st.integers(0, len(scores) - 1))
    raised = [score + more * (i == place) for i, score in enumerate(scores)]
    assert of_one(raised) >= of_one(scores) - 1e-9


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0.0, 100.0)), min_size=1, max_size=20))
def test_items_do_not_touch_each_other(given_scores: list[tuple[int, float]]) -> None:
    """Each comes to what it would alone, in whatever order the scores come."""
    numbers = {item: number for number, item in enumerate(sorted({item for item, _ in given_scores}))}
    items = np.array([numbers[item] for item, _ in given_scores])
    together = combine(items, np.array([score for _, score in given_scores]))
    alone = [of_one([score for other, score in given_scores if other == item]) for item in numbers]
    assert together.tolist() == pytest.approx(alone)


def test_two_p_values_come_to_their_harmonic_mean() -> None:
    """Of 1 in 1,000 and 1 in 10: 1 in 505."""
    assert of_one([30.0, 10.0]) == pytest.approx(math.log(505.0))
