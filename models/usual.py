"""How far beyond what is usual a figure is, by counting: the tail of what lines showed that were not learnt from.

Each half of the time is judged by what the other half taught. A figure is of any kind, a larger one stranger; one of
NaN has nothing to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.base import Floats

Ints = NDArray[np.int64]

MIN_LINES = 20
"""Below, no share is smaller than one in twenty: never news."""
MAX_KNOTS = 256
"""Figures kept of a tail, the strangest closest to each other: p is right within 5 %."""
LEAST_SCALE = 1.0
"""Figures a nat: beyond what was seen a tail falls off no faster than this."""


@dataclass(frozen=True)
class Beyond:
    """What figures were usual: how likely one as large is, or a larger one."""

    n: int
    """Held-out lines that had a figure."""
    knots: tuple[float, ...] = ()
    """Figures, ascending, distinct."""
    above: tuple[int, ...] = ()
    """How many lines were at or over each."""
    scale: float = LEAST_SCALE
    """Figures a nat, beyond the largest: the mean excess of the largest tenth, or the mean slope up to there."""

    @classmethod
    def of(cls, figures: Floats) -> Self:
        """From the figures of held-out lines, shape (n,); NaN are passed over."""
        values = np.sort(figures[np.isfinite(figures)])
        if not len(values):
            return cls(0)
        n = len(values)
        ranks = np.unique(np.geomspace(1, n, MAX_KNOTS).round().astype(np.int64))  # 1 = the largest
        knots = np.unique(values[n - ranks])
        tenth = values[n - 1 - n // 10 :]
        scale = max(float((tenth - tenth[0]).mean()), float(values[-1]) / math.log(n + 1), LEAST_SCALE)
        above = n - np.searchsorted(values, knots, side="left")
        return cls(n, tuple(knots.tolist()), tuple(above.tolist()), scale)

    def nats(self, figures: Floats) -> Floats:
        """-log of the share of lines with such a figure, shape (n,): 0 … 2·log(n + 1); NaN stays NaN.

        So few lines vouch for no more: a tail beyond them is a guess.
        """
        if not self.n:
            return np.where(np.isnan(figures), np.nan, 0.0)
        place = np.searchsorted(self._knots, figures, side="right") - 1
        counted = np.where(place < 0, self.n, self._above[place])
        counted = np.where(figures > self._knots[-1], 0, counted)
        further = np.maximum(figures - self._knots[-1], 0.0) / self.scale
        most = math.log(self.n + 1)
        return np.asarray(most - np.log(np.minimum(counted + 1, self.n + 1)) + np.minimum(further, most))

    def reach(self, share: float) -> float:
        """The least figure known that at most such a share of lines reaches, else the largest."""
        return next(
            (knot for knot, n in zip(self.knots, self.above, strict=True) if n <= share * self.n), self.knots[-1]
        )

    @cached_property
    def _knots(self) -> Floats:
        return np.array(self.knots)

    @cached_property
    def _above(self) -> Ints:
        return np.array(self.above, dtype=np.int64)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From its fields; raises KeyError, TypeError or ValueError for anything else."""
        knots, above = tuple(map(float, data["knots"])), tuple(map(int, data["above"]))
        if len(knots) != len(above) or bool(knots) != bool(int(data["n"])):
            raise ValueError(f"{len(knots)} knots and {len(above)} counts do not belong together")
        return cls(int(data["n"]), knots, above, float(data["scale"]))


def halves(n: int) -> Iterator[tuple[slice, slice]]:
    """(what teaches, what is judged): either half of the time by the other."""
    middle = n // 2
    yield slice(0, middle), slice(middle, n)
    yield slice(middle, n), slice(0, middle)


def held_out(n: int, judged: Callable[[slice, slice], Floats]) -> Beyond:
    """The tail of the figures that `judged(teaches, is judged)` finds in either half."""
    return Beyond.of(np.concatenate([judged(teaches, asked) for teaches, asked in halves(n)]))
