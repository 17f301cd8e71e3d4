"""From a detector's raw surprise to a score that means the same everywhere: 10·log10(1/p), 0…100.

p is the share of normal windows at least as surprising, learnt from held-out windows: ones the fit never saw. Where
enough of them are at least as surprising, p is counted. Beyond, it falls off exponentially, but never below what was
counted: on its own held-out windows a cut lets through at most what it promises.

SPOT (Siffer et al., "Anomaly detection in streams with extreme value theory", KDD 2017) fits a generalised Pareto tail.
A surprise is the logarithm of a probability already, and its tail the exponential one of that family; a shape fit to
some hundred excesses is steered by the two or three strangest of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from models.base import Floats

MIN_WINDOWS = 100
"""Held-out windows needed: the tail is fit to the `COUNTED` strangest, no more than a quarter of all."""
COUNTED = 25
"""Down to this many held-out windows p is counted: the error of a count of 25 is ±20 %, of 5 already ±45 %."""
TAIL_SHARE = 0.02
"""The tail is fit to the strangest 2 %, or to the `COUNTED` strangest where 2 % are fewer."""
MAX_KNOTS = 2_000
"""Distinct surprises kept, some 40 kB of JSON; the strangest half is exact, the rest is thinned evenly by log p."""
MIN_SCALE = 1.0
"""Nats. The surprise of a likelihood that is right falls off just so. A dozen excesses close together would else claim,
of a line somewhat stranger, that it comes once in the age of the universe."""
EQUAL = 1e-6
"""Nats; surprises so near are equal, for sums of logarithms differ in their last digits."""
MAX_SCORE = 100.0


@dataclass(frozen=True)
class Tail:
    """Beyond `start`: p = level · exp(-(surprise - start) / scale)."""

    start: float
    """The last surprise that still `COUNTED` held-out windows reach; p is counted up to here."""
    level: float
    """p just beyond `start`: one window more than were seen there (the one being judged), as a share."""
    scale: float
    """Mean excess of the `TAIL_SHARE` strangest windows, nats, at least `MIN_SCALE`."""

    def p(self, surprises: Floats) -> Floats:
        """Shares in (0, level], shape (n,); `level` for surprises under `start`."""
        return np.asarray(self.level * np.exp(-np.maximum(surprises - self.start, 0.0) / self.scale))


@dataclass(frozen=True)
class Calibration:
    """What held-out normal windows looked like to one detector."""

    n: int
    """Held-out windows."""
    knots: tuple[float, ...]
    """Surprises they attained, ascending, distinct."""
    above: tuple[int, ...]
    """How many of them were at or over each knot, descending; the first is n."""
    tail: Tail

    @classmethod
    def of(cls, surprises: Floats) -> Self:
        """From the surprises of windows that the fit never saw, shape (n,).

        Raises:
            ValueError: fewer than `MIN_WINDOWS`, or not all finite.
        """
        values = np.sort(np.asarray(surprises, dtype=np.float64))
        if len(values) < MIN_WINDOWS:
            raise ValueError(f"{len(values)} held-out windows, at least {MIN_WINDOWS} are needed")
        if not np.isfinite(values).all():
            raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} surprises are not finite")
        knots, first = np.unique(values, return_index=True)
        above = len(values) - first
        kept = _thinned(above)
        return cls(len(values), tuple(knots[kept].tolist()), tuple(above[kept].tolist()), _tail(values, knots, above))

    def p(self, surprises: Floats) -> Floats:
        """Share of normal windows at least as surprising, shape (n,), in (0, 1], falling as surprise rises."""
        surprises = np.asarray(surprises, dtype=np.float64) - EQUAL
        counted = self._counted(surprises)
        return np.where(surprises <= self.tail.start, counted, np.maximum(counted, self.tail.p(surprises)))

    def score(self, surprises: Floats) -> Floats:
        """10·log10(1/p), shape (n,), 0…100, never falling as surprise rises."""
        with np.errstate(divide="ignore"):  # p may underflow to 0 very far out: 100, like everything beyond 1e-10
            return np.clip(-10.0 * np.log10(self.p(surprises)), 0.0, MAX_SCORE) + 0.0  # not -0.0, where p is 1

    def expected(self, cut: float) -> float:
        """Share of the held-out windows at or over `cut`, 0…1; times windows a day, this is alerts a day."""
        over = self.score(np.asarray(self.knots)) >= cut
        return max(np.asarray(self.above)[over], default=0) / self.n

    def next_under(self, cut: float) -> float | None:
        """The highest score under `cut` that held-out windows attained; equal ones cannot be told apart by any cut."""
        scores = self.score(np.asarray(self.knots))
        return max(scores[scores < cut].tolist(), default=None)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: numbers, lists, one nested object."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The calibration that `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        knots, above = tuple(map(float, data["knots"])), tuple(map(int, data["above"]))
        if not knots or len(knots) != len(above) or above[0] != data["n"]:
            raise ValueError(f"{len(knots)} knots and {len(above)} counts do not belong together")
        return cls(int(data["n"]), knots, above, Tail(**{key: float(value) for key, value in data["tail"].items()}))

    def _counted(self, surprises: Floats) -> Floats:
        return np.asarray(np.append(self.above, 0.0)[np.searchsorted(self.knots, surprises, side="left")] / self.n)


def cut_for(windows_per_day: float, alerts_per_day: float) -> float:
    """The cut, 0…100, that lets `alerts_per_day` of `windows_per_day` normal windows through.

    Raises:
        ValueError: one of them is not positive.
    """
    if windows_per_day <= 0 or alerts_per_day <= 0:
        raise ValueError(f"windows ({windows_per_day}) and alerts ({alerts_per_day}) a day must be positive")
    return min(max(10.0 * math.log10(windows_per_day / alerts_per_day), 0.0), MAX_SCORE)


def severity(score: float, cut: float) -> int:
    """For routing: 21 low at the cut, and one class up for every ten times rarer: 47 medium, 73 high, 99 critical."""
    return 21 + 26 * min(max(math.floor((score - cut) / 10.0 + 1e-9), 0), 3)


def _thinned(above: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Indices of the knots to keep, ascending: the first, the strangest, and the rest evenly by log p."""
    if len(above) <= MAX_KNOTS:
        return np.arange(len(above))
    exact = MAX_KNOTS // 2
    body = -np.log(above[:-exact])  # rises
    picks = np.searchsorted(body, np.linspace(body[0], body[-1], MAX_KNOTS - exact))
    return np.unique(np.concatenate([picks, np.arange(len(above) - exact, len(above))]))


def _tail(values: Floats, knots: Floats, above: np.ndarray[Any, np.dtype[np.int64]]) -> Tail:
    n = len(values)
    start = knots[above >= COUNTED][-1]
    base = knots[above >= max(COUNTED, TAIL_SHARE * n)][-1]
    excesses = values[values > base] - base
    scale = max(float(excesses.mean()), MIN_SCALE) if len(excesses) else MIN_SCALE
    level = (np.count_nonzero(values > start) + 1) / n
    return Tail(float(start), float(level), scale)
