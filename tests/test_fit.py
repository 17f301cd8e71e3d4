"""The training loop: the same seed learns the same, bounded in steps, and leaves the caller's random numbers alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from models.fit import device
from models.layers import Fitted, Layers, Table
from models.learning import demand, learn
from models.lesson import Lesson, Schedule

COIN = {"sides": Table(1, 3, 1.0)}
"""Which of three sides comes up; it knows nothing else."""


def losses(on: Layers[Tensor], sides: Tensor) -> Tensor:
    """-log p of each side, shape (batch,)."""
    return -on.log_softmax(on.table("sides"))[0, sides]


def tossed(times: list[int], seed: int = 0, schedule: Schedule | None = None) -> tuple[Fitted, list[float]]:
    """A coin that learnt how often each side came, and what was said of the progress."""
    said: list[float] = []
    lesson = Lesson(COIN, lambda rows: (rows,), losses, np.array(times, dtype=np.int64))
    return learn(lesson, schedule or Schedule(), seed, said.append, "cpu"), said


def test_rows_count_as_often_as_they_came() -> None:
    """Learnt probabilities are the shares of the windows, not of the rows."""
    coin, _ = tossed([7_000, 2_000, 1_000], schedule=Schedule(epochs=1_000, min_steps=1_000, patience=100))
    assert np.exp(coin.log_softmax(coin.table("sides")))[0].tolist() == pytest.approx([0.7, 0.2, 0.1], abs=0.02)


def test_the_same_seed_learns_the_same() -> None:
    """Weights are equal to the last bit, and differ with the seed."""
    one, other, third = (tossed([50, 30, 20], seed)[0].table("sides") for seed in (1, 1, 2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, third)


def test_the_callers_random_numbers_are_left_alone() -> None:
    """A fit neither moves torch's nor numpy's global state."""
    before, drawn = torch.random.get_rng_state(), repr(np.random.get_state())
    tossed([50, 30, 20])
    assert torch.equal(torch.random.get_rng_state(), before)
    assert repr(np.random.get_state()) == drawn


def test_progress_rises_to_one_within_the_steps_allowed() -> None:
    """One word a step, and a last one; never more steps than allowed."""
    _, said = tossed([50, 30, 20], schedule=Schedule(max_steps=7))
    assert said == sorted(said)
    assert said[-1] == 1.0
    assert len(said) <= 7 + 1


@pytest.mark.parametrize(("batches", "steps"), [(1, 100), (7, 196), (19, 1_444), (1_000, 4_000)])
def test_more_distinct_rows_are_gone_over_more_often_up_to_a_bound(batches: int, steps: int) -> None:
    """Four steps a squared batch, between 100 and 4,000."""
    assert Schedule().steps(batches) == steps


@pytest.mark.parametrize("times", [[1, 0, 0], [1, 1, 0], [0, 2, 0]])
def test_a_window_or_two_can_be_fit(times: list[int]) -> None:
    """Where nothing can be set aside the same windows say when to stop."""
    coin, _ = tossed(times)
    assert np.isfinite(coin.table("sides")).all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused_not_replaced() -> None:
    """Asked for by name it must be there; `auto` takes what there is."""
    for ask in (device, demand):
        with pytest.raises(ValueError, match="no GPU"):
            ask("cuda")
    assert device("auto") == torch.device("cpu")
