"""What is to be learnt, and how long: what detectors say, and `models.fit` reads.

Rows are distinct training examples with how often each came: most windows of a log repeat, so this is several times
cheaper than one row a window, and the loss is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.layers import Network, Numbers

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 1_024
"""Rows judged at once, by default: some MB."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn: the more distinct rows, the more there is to learn from going over them again.

    Steps are 4 × batches², so 4 epochs a batch that all rows make: on held-out windows, logs of 2,000 lines (1 to 7
    batches) gain nothing after 100 to 200 steps, and HDFS (19) still does at 1,500. They are bounded, and so is the
    time: some 6 ms a step on one core.
    """

    batch: int = 256
    epochs: int = 100
    """At most."""
    min_steps: int = 100
    max_steps: int = 4_000
    look: int = 10
    """Steps between two looks at the windows set aside, at least; where an epoch is longer, an epoch."""
    patience: int = 10
    """Looks without a better loss before it stops."""
    rate: float = 0.02
    """Of Adam at the start; falls to zero along a half cosine."""

    def steps(self, batches: int) -> int:
        """How many, where all rows make so many batches."""
        return min(max(4 * batches**2, self.min_steps), self.max_steps, self.epochs * batches)


class Lesson(NamedTuple):
    """What is to be learnt."""

    network: Network
    rows: Callable[[NDArray[np.int64]], tuple[Numbers, ...]]
    """Row numbers, shape (batch,) → those rows: whole numbers as they are, others become floats."""
    losses: Callable[..., Tensor]
    """The layers, then the rows as tensors → the rows' losses, shape (batch,)."""
    times: NDArray[np.int64]
    """How often each row came."""
    begin: Mapping[str, Numbers] = {}
    """Weights that are not to begin by chance."""
    at_once: int = CHUNK
    """Rows in memory at once."""
