"""How large a number usually is: beside the words it comes with, and in the middle of the last lines.

On a logarithmic scale, by medians. Source of the robust statistics: Leys et al., "Detecting outliers", J. Exp. Social
Psychology 2013.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from models.base import Floats
from models.table import PAUSE, Table
from models.usual import MIN_LINES, Beyond, Ints, halves, held_out
from models.windows import RECENT
from models.words import LINE, OTHER

LEAST_SPREAD = 0.05
"""Of a number's logarithm, about 5 %: less is rounding, and what never varied may vary by so much."""
MIN_OF_WORD = 10
"""Lines of a word from which numbers beside it have a median of their own; their spread is shared as if by as many."""
RHYTHM = 0.5
"""Of a pause's logarithm; of pauses by chance alone one in three is so near, and none is news."""
GAIN = 0.8
"""A fifth less off: below that, telling words apart costs more than it tells."""
Groups = Mapping[str, tuple[Ints, int]]
"""By place: the codes of the lines' words, and how many words there are; `LINE` is one."""
MAD = 1.4826
"""Makes the median of absolute deviations a standard deviation, where the law is Gaussian."""


def stretch(sizes: float, unit: float) -> float:
    """The number that `squash` made a size of."""
    return math.copysign(math.expm1(abs(sizes)) * unit, sizes)


def squash(numbers: Floats, unit: float) -> Floats:
    """Sign · log(1 + |x| / unit): a hundred times as much is as far from usual for bytes as for seconds."""
    return np.asarray(np.sign(numbers) * np.log1p(np.abs(numbers) / unit))


def unit_of(numbers: Floats) -> float:
    """Where `squash` turns from straight to logarithmic: 1, or for fractions a hundredth of the usual size."""
    sizes = np.abs(numbers[np.isfinite(numbers) & (numbers != 0)])
    return 1.0 if (sizes == np.floor(sizes)).all() else float(min(1.0, np.median(sizes) / 100.0))


@dataclass(frozen=True)
class Sizes:
    """How large a number usually is, for each word that it may come with, and for all others."""

    medians: tuple[float, ...]
    """By code, and last of any other word."""
    spreads: tuple[float, ...]
    """Standard deviations, robust, of the same; at least `LEAST_SPREAD`."""
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    """1st and 99th percentile of the same."""

    @classmethod
    def of(cls, sizes: Floats, codes: Ints, n_words: int) -> Self:
        """From squashed numbers, shape (n,), and the codes of the words they came with, shape (n,)."""
        known = np.isfinite(sizes)
        sizes, codes = sizes[known], np.where(codes >= 0, codes, n_words)[known]
        table = np.tile(_row(sizes), (n_words + 1, 1))  # (words + 1, 4)
        groups = {code: group for code, group in _split(sizes, codes) if code < n_words and len(group) >= MIN_OF_WORD}
        for code, group in groups.items():
            table[code] = _row(group)
        shared = _spread(sizes - table[codes, 0])
        for code, group in groups.items():
            n = len(group)
            table[code, 1] = math.sqrt((n * table[code, 1] ** 2 + MIN_OF_WORD * shared**2) / (n + MIN_OF_WORD))
        return cls(*(tuple(column) for column in table.T.tolist()))

    def standard(self, sizes: Floats, codes: Ints | int) -> Floats:
        """Deviations from what is usual beside such words, with their sign, shape (n,)."""
        places = np.where(np.asarray(codes) >= 0, codes, len(self.medians) - 1)
        return np.asarray((sizes - self._medians[places]) / self._spreads[places])

    @property
    def n_words(self) -> int:
        """How many words have a size of their own."""
        return len(self.medians) - 1

    def usual(self, code: int) -> tuple[float, float, float]:
        """1st percentile, median, 99th percentile beside a word, squashed."""
        place = code if code >= 0 else len(self.medians) - 1
        return self.lows[place], self.medians[place], self.highs[place]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From its fields; raises KeyError, TypeError or ValueError for anything else."""
        columns = [tuple(map(float, data[name])) for name in ("medians", "spreads", "lows", "highs")]
        if not columns[0] or len({*map(len, columns)}) > 1:
            raise ValueError("medians and spreads do not belong together")
        return cls(*columns)

    @cached_property
    def _medians(self) -> Floats:
        return np.array(self.medians)

    @cached_property
    def _spreads(self) -> Floats:
        return np.array(self.spreads)


def _row(sizes: Floats) -> tuple[float, float, float, float]:
    """Median, spread, 1st and 99th percentile."""
    if not len(sizes):
        return 0.0, LEAST_SPREAD, 0.0, 0.0
    low, median, high = np.percentile(sizes, (1, 50, 99), method="nearest").tolist()
    return median, _spread(sizes - median), low, high


def _spread(off: Floats) -> float:
    return max(MAD * float(np.median(np.abs(off))), LEAST_SPREAD) if len(off) else LEAST_SPREAD


def _split(sizes: Floats, codes: Ints) -> Iterator[tuple[int, Floats]]:
    """(code, its sizes), codes ascending."""
    if not len(codes):
        return iter(())
    order = np.argsort(codes, kind="stable")
    found, first = np.unique(codes[order], return_index=True)
    return zip(found.tolist(), np.split(sizes[order], first[1:]), strict=True)


@dataclass(frozen=True)
class Number:
    """What is known of one number."""

    unit: float
    is_step: bool
    """Whether it counts up: then how far it went since the last line is what is judged."""
    group: str
    """The place whose words it is measured beside."""
    sizes: Sizes
    beyond: Beyond
    is_heard: bool
    """False for pauses that keep no time."""
    alone: Sizes
    """Beside no word: for the network."""
    middle: Sizes
    """Of the median of the last lines and this one."""
    middle_beyond: Beyond

    @classmethod
    def of(cls, table: Table, name: str, groups: Groups) -> Self:
        """From the lines of a template, oldest first; `groups` are the places it may be measured beside."""
        steps = table.numbers[name] - table.last(name)
        is_step = name != PAUSE and _counts_up(steps)
        unit = unit_of(steps if is_step else table.numbers[name])
        sizes = squash(steps if is_step else table.numbers[name], unit)
        middles, group, none = np.full(len(sizes), np.nan), LINE, np.full(len(sizes), OTHER)
        alone = Sizes.of(sizes, none, 0)
        if not is_step and name != PAUSE:
            middles = squash(_middles(table, name), unit)
            group = best_group(sizes, {other: words for other, words in groups.items() if other != name})
        return cls(
            unit,
            is_step,
            group,
            Sizes.of(sizes, *groups[group]),
            _beyond(sizes, *groups[group]),
            name != PAUSE or keeps_time(sizes - alone.medians[-1]),
            alone,
            Sizes.of(middles, none, 0),
            _beyond(middles, none, 0, RECENT),
        )

    def raw(self, table: Table, name: str) -> Floats:
        """What is judged of lines: the number, or its step, shape (n,)."""
        return table.numbers[name] - table.last(name) if self.is_step else table.numbers[name]

    def figures(self, table: Table, name: str, codes: Ints) -> Floats:
        """How far off it is, in deviations, beside the words of its group, shape (n,)."""
        return np.abs(self.sizes.standard(squash(self.raw(table, name), self.unit), codes))

    def middles(self, table: Table, name: str) -> Floats:
        """The median of the last `RECENT` lines' numbers, this one's among them, shape (n,)."""
        return _middles(table, name)

    def middle_figures(self, table: Table, name: str) -> Floats:
        """How far off that is, in deviations, shape (n,)."""
        return np.abs(self.middle.standard(squash(_middles(table, name), self.unit), OTHER))

    def standard(self, table: Table, name: str) -> Floats:
        """The number as a network predicts it: in deviations, with their sign, beside no word, shape (n,)."""
        return self.alone.standard(squash(self.raw(table, name), self.unit), OTHER)

    def course(self, table: Table, name: str) -> Floats:
        """The same of the last lines, oldest first, shape (n, RECENT); the first step is taken for the usual one."""
        past = table.recent[:, :, table.column(name)]  # (n, RECENT)
        if not self.is_step and name != PAUSE:
            return self.alone.standard(squash(past, self.unit), OTHER)
        steps = self.alone.standard(squash(np.diff(past, axis=1), self.unit), OTHER)
        return np.pad(steps, ((0, 0), (1, 0)))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From its fields; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            float(data["unit"]),
            bool(data["is_step"]),
            str(data["group"]),
            Sizes.from_json(data["sizes"]),
            Beyond.from_json(data["beyond"]),
            bool(data["is_heard"]),
            Sizes.from_json(data["alone"]),
            Sizes.from_json(data["middle"]),
            Beyond.from_json(data["middle_beyond"]),
        )


def _beyond(sizes: Floats, codes: Ints, n_words: int, apart: int = 1) -> Beyond:
    """The tail of the figures of every line, or of lines so far apart: middles of the same lines are one witness."""

    def judged(teaches: slice, asked: slice) -> Floats:
        learnt = Sizes.of(sizes[teaches], codes[teaches], n_words)
        return np.abs(learnt.standard(sizes[asked], codes[asked]))[::apart]

    return held_out(len(sizes), judged)


def keeps_time(off: Floats) -> bool:
    """Whether pauses are news: nine in ten are less than e^`RHYTHM` times longer or shorter than was expected."""
    off = off[np.isfinite(off)]
    return len(off) > 0 and bool(np.mean(np.abs(off) <= RHYTHM) >= 0.9)


def _counts_up(steps: Floats) -> bool:
    """Whether nearly every line has more than the one before: a sequence number, an id, a total."""
    steps = steps[np.isfinite(steps)]
    return len(steps) >= MIN_LINES and bool(np.mean(steps >= 0) >= 0.95 and np.mean(steps > 0) >= 0.5)


def _middles(table: Table, name: str) -> Floats:
    past = table.recent[:, 1:, table.column(name)]  # (n, RECENT - 1)
    return np.asarray(np.median(np.column_stack([past, table.numbers[name]]), axis=1))


def best_group(sizes: Floats, groups: Groups) -> str:
    """The place whose words tell most about a number: held-out deviations from their medians are smallest.

    `LINE`, so no word at all, unless they fall to `GAIN` of what they are then: what is shared is known better.
    """
    means: dict[str, float] = {}
    for name, (codes, n_words) in groups.items():
        off = []
        for teaches, asked in halves(len(sizes)):
            learnt = Sizes.of(sizes[teaches], codes[teaches], n_words)
            places = np.where(codes[asked] >= 0, codes[asked], n_words)
            off.append(np.abs(sizes[asked] - np.array(learnt.medians)[places]))
        means[name] = float(np.nanmean(np.concatenate(off)))
    best: str = min(means, key=lambda name: means[name])
    return best if means[best] <= GAIN * means[LINE] else LINE
