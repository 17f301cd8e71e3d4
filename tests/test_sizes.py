"""`models.sizes`: what is usual for a number, on a logarithmic scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sizes import LEAST_SPREAD, Sizes, best_group, squash, stretch, unit_of
from models.words import LINE, OTHER

CHANCE = np.random.default_rng(3)
NONE = np.zeros(400, dtype=np.int64)


@given(st.floats(-1e12, 1e12), st.sampled_from([1.0, 0.01, 1e-6]))
def test_stretch_undoes_squash(number: float, unit: float) -> None:
    """For numbers of either sign, small and large."""
    assert stretch(float(squash(np.array([number]), unit)[0]), unit) == pytest.approx(number, rel=1e-9, abs=1e-9 * unit)


def test_a_hundred_times_as_much_is_as_far_for_seconds_as_for_bytes() -> None:
    """The unit follows the usual size of fractions; whole numbers have theirs."""
    bytes_, seconds = np.array([5_000.0, 4_000.0, 6_000.0]), np.array([0.05, 0.04, 0.061])
    far = [squash(of * 100, unit_of(of)) - squash(of, unit_of(of)) for of in (bytes_, seconds)]
    assert np.allclose(far[0], far[1], atol=0.05)
    assert unit_of(np.array([1.0, 2.0, 0.0, 7.0])) == 1.0
    assert unit_of(np.array([np.nan, 0.0])) == 1.0


def test_outliers_do_not_widen_what_is_usual() -> None:
    """A tenth of wild numbers, and the median and its spread are nearly what they were."""
    usual = CHANCE.normal(5.0, 0.3, 400)
    wild = np.where(np.arange(400) % 10 == 0, 50.0, usual)
    learnt = Sizes.of(wild, NONE, 1)
    assert learnt.medians[0] == pytest.approx(5.0, abs=0.1)
    assert learnt.spreads[0] == pytest.approx(0.3, abs=0.1)


def test_a_word_has_its_own_usual_size_once_it_came_often_enough() -> None:
    """Until then, and for words never seen, that of all."""
    codes = np.array([0] * 200 + [1] * 195 + [2] * 5)
    sizes = np.where(codes == 1, 9.0, 5.0) + CHANCE.normal(0, 0.1, 400)
    learnt = Sizes.of(sizes, codes, 3)
    assert learnt.medians[:2] == pytest.approx((5.0, 9.0), abs=0.1)
    assert learnt.medians[2] == learnt.medians[3]
    off = learnt.standard(np.array([9.0, 9.0, 9.0]), np.array([0, 1, OTHER]))
    assert off[0] > 20.0 > abs(off[1])


def test_what_never_varied_may_vary_by_a_twentieth() -> None:
    """Rounding is no news."""
    learnt = Sizes.of(np.full(400, 5.0), NONE, 1)
    assert learnt.spreads[0] == LEAST_SPREAD
    assert Sizes.of(np.array([]), np.array([], dtype=np.int64), 1).spreads[0] == LEAST_SPREAD


def test_a_number_is_measured_beside_words_only_where_they_tell_something() -> None:
    """On lines that were not learnt from: many words fit anything, and tell nothing."""
    users, ids = CHANCE.integers(0, 3, 400), np.arange(400)
    sizes = users * 2.0 + CHANCE.normal(0, 0.2, 400)
    groups = {LINE: (NONE, 1), "user": (users, 3), "id": (ids, 400)}
    assert best_group(sizes, groups) == "user"
    assert best_group(CHANCE.normal(0, 1, 400), groups) == LINE
