"""The hashes of a checkpoint come back as they were, and take the room that the coding promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin import elias_fano

NUMBERS = st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 2**63, 2**64 - 1])).map(sorted)


@given(NUMBERS)
def test_numbers_come_back(numbers: list[int]) -> None:
    """Any that ascend, also equal ones, none at all, and the largest."""
    packed = elias_fano.encode(np.array(numbers, np.uint64))
    assert len(packed) == elias_fano.size(len(numbers))
    assert elias_fano.decode(packed, len(numbers)).tolist() == numbers


def test_hashes_take_little_more_than_their_number_leaves_open() -> None:
    """Within three percent of the logarithm of how many sets of 5,000 hashes there are."""
    n = 5_000
    least = (64 * n * math.log(2) - math.lgamma(n + 1)) / math.log(2) / 8
    assert least < elias_fano.size(n) < 1.03 * least


@given(NUMBERS.filter(bool), st.integers(-3, 3).filter(bool))
def test_bytes_that_are_not_so_many_numbers_are_refused(numbers: list[int], more: int) -> None:
    """Cut off or too many: a fault, never other numbers."""
    packed = elias_fano.encode(np.array(numbers, np.uint64))
    with pytest.raises(ValueError, match="bytes where"):
        elias_fano.decode(packed[:more] if more < 0 else packed + bytes(more), len(numbers))


def test_foreign_bytes_are_refused() -> None:
    """Of the right length, but with another number of ones."""
    with pytest.raises(ValueError, match="0 numbers instead of 7"):
        elias_fano.decode(bytes(elias_fano.size(7)), 7)
