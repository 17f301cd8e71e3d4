"""The one training loop that the torch detectors share. It knows of rows and losses, not of windows.

Rows are distinct training examples with how often each came: most windows of a log repeat, so this is several times
cheaper than one row a window, and the loss is the same.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.base import Progress

Network = TypeVar("Network", bound=nn.Module)
Losses = Callable[[Tensor], Tensor]
"""Row numbers, shape (batch,) → their losses, shape (batch,)."""
SET_ASIDE = 0.1
"""Share of the windows that the loop does not fit, to see when to stop."""
PARTS = 4
"""A row much commoner than most is cut into parts of at most 4 × the mean, so that it comes in many batches of an
epoch rather than shaking one. It adds a quarter to the rows at most."""

CHUNK = 4_096
"""Rows judged at once where nothing is learnt: some MB."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn. Steps are bounded whatever the rows; a small log stops after some 100 of them."""

    batch: int = 256
    epochs: int = 100
    max_steps: int = 4_000
    look: int = 10
    """Steps between two looks at the windows set aside, at least; where an epoch is longer, an epoch."""
    halve: int = 2
    """Looks without a better loss after which the rate is halved …"""
    patience: int = 5
    """… and after which learning stops."""
    rate: float = 0.02
    """Of Adam, at the start."""


def device(choice: str) -> torch.device:
    """`auto` is a GPU where there is one; else what is asked for.

    Raises:
        ValueError: a GPU is asked for and there is none.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {choice}: torch sees no GPU here")
    return torch.device("cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu")


def seeded(seed: int, build: Callable[[], Network]) -> Network:
    """What `build` makes with torch's random numbers seeded; the caller's own are left as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def fit(
    network: nn.Module, losses: Losses, times: NDArray[np.int64], schedule: Schedule, seed: int, progress: Progress
) -> None:
    """Fit `network` in place so that the mean of `losses` over all windows is small; row i came `times[i]` times.

    Stops early, and keeps the weights that were best on a random tenth of the windows, set aside beforehand.
    """
    chance = np.random.default_rng(seed)
    learn, check = _split(times, chance)
    rows, weights = _parts(learn)
    batches = math.ceil(len(rows) / schedule.batch)
    look = max(batches, schedule.look)
    steps = min(schedule.max_steps, schedule.epochs * look)
    best = _Best(network)
    optimiser = torch.optim.Adam(network.parameters(), lr=schedule.rate)
    falling = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=schedule.halve - 1)
    network.train()
    for step, picked in enumerate(_batches(len(rows), schedule.batch, steps, chance), start=1):
        optimiser.zero_grad()
        _mean(losses, rows[picked], weights[picked]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        progress(step / steps)
        if step % look == 0 or step == steps:
            loss = _checked(losses, check)
            falling.step(loss)
            if best.stale(loss) >= schedule.patience:
                break
    best.restore()
    progress(1.0)


class _Best:
    """The weights that did best on the windows set aside, and how long that is ago."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.loss = math.inf
        self.weights = network.state_dict()
        self.looks = 0

    def stale(self, loss: float) -> int:
        """Note this loss, and say how many looks ago it was last better; 0 = now."""
        self.looks += 1
        if loss < self.loss:
            self.loss, self.weights, self.looks = loss, copy.deepcopy(self.network.state_dict()), 0
        return self.looks

    def restore(self) -> None:
        self.network.load_state_dict(self.weights)
        self.network.eval()


def _split(times: NDArray[np.int64], chance: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often each row is learnt from, and how often it is set aside: windows are drawn, not rows.

    Drawing rows could set the commonest window of all aside and never learn it.
    """
    aside = chance.binomial(times, SET_ASIDE)
    learn = times - aside
    return (learn, aside) if learn.any() and aside.any() else (times, times)  # too few to part


def _parts(times: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Row numbers, the commonest several times, and the weight of each part; mean 1 over the rows that came."""
    rows = np.flatnonzero(times)
    shares = times[rows] / times[rows].mean()
    parts = np.ceil(shares / PARTS).astype(np.int64)
    return np.repeat(rows, parts), np.repeat(shares / parts, parts).astype(np.float32)


def _batches(n: int, size: int, steps: int, chance: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """`steps` batches of at most `size` places among n, each place once an epoch, in random order."""
    while True:
        order = chance.permutation(n)
        for first in range(0, n, size):
            if steps == 0:
                return
            steps -= 1
            yield order[first : first + size]


def _mean(losses: Losses, rows: NDArray[np.int64], weights: NDArray[np.float32]) -> Tensor:
    found = losses(torch.from_numpy(rows))  # (batch,)
    return found @ torch.from_numpy(weights).to(found.device) / float(weights.sum())


def _checked(losses: Losses, times: NDArray[np.int64]) -> float:
    """Mean loss over windows of which row i came `times[i]` times."""
    rows = np.flatnonzero(times)
    weights = times.astype(np.float32)
    total = 0.0
    with torch.no_grad():
        for part in np.array_split(rows, math.ceil(len(rows) / CHUNK)):
            total += float(_mean(losses, part, weights[part])) * int(times[part].sum())
    return total / int(times.sum())
