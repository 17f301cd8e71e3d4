"""Windows of one template as columns: when each line came, its numbers, its words, and what the last lines held."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from models.base import Floats
from models.windows import RECENT, UNKNOWN, Window

PAUSE = "the last one"
"""The number that no line says: seconds since the template's last event."""


class Table(NamedTuple):
    """Lines of one template, oldest first."""

    times: Floats
    """Seconds since the epoch, shape (n,)."""
    numbers: Mapping[str, Floats]
    """By name, `PAUSE` last; shape (n,) each, NaN where a line has none."""
    words: Mapping[str, Sequence[str | None]]
    """By name, numbers as text too, for a status code is a word; None where a line has none."""
    recent: Floats
    """Times and numbers of the template's last lines, oldest first, shape (n, RECENT, 1 + numbers); NaN if too few."""

    def column(self, name: str) -> int:
        """Where a number stands in `recent`; `PAUSE` is the difference of the times, column 0."""
        return 0 if name == PAUSE else 1 + list(self.numbers).index(name)

    def last(self, name: str) -> Floats:
        """A number as the template's last line had it, shape (n,); NaN where there were too few."""
        return np.asarray(self.recent[:, -1, self.column(name)])


def by_template(windows: Sequence[Window]) -> dict[int, list[int]]:
    """Template → places of its windows; what matches none, and ends of sessions, are left out."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for place, window in enumerate(windows):
        if window.event > UNKNOWN:
            found[window.event].append(place)
    return found


def names(windows: Sequence[Window]) -> tuple[list[str], list[str]]:
    """What lines of one template usually say: the names of its numbers, and of all values, in the order of the line."""
    said = Counter(tuple((name, isinstance(value, float)) for name, value in window.values) for window in windows)
    (usual, _), *_ = said.most_common(1)
    return [name for name, is_number in usual if is_number], [name for name, _ in usual]


def table(windows: Sequence[Window], numbers: Sequence[str], words: Sequence[str]) -> Table:
    """Windows of one template by the columns that `names` found."""
    said = [dict(window.values) for window in windows]
    times = np.array([window.time for window in windows], dtype=np.float64)
    last = np.array([window.recent[-1][0] if window.recent else math.nan for window in windows])
    return Table(
        times,
        {name: np.array([_number(values.get(name)) for values in said]) for name in numbers}
        | {PAUSE: np.maximum(times - last, 0.0)},
        {name: [text(values.get(name)) for values in said] for name in words},
        _recent(windows, 1 + len(numbers)),
    )


def text(value: str | float | None) -> str | None:
    """A value as a word."""
    return f"{value:.15g}" if isinstance(value, float) else value


def _number(value: str | float | None) -> float:
    return value if isinstance(value, float) else math.nan


def _recent(windows: Sequence[Window], width: int) -> Floats:
    """A line whose number is no number (`1.2.3`) makes the lines after it ones that have too few."""
    none = ((math.nan,) * width,) * RECENT
    wanted = {width}
    rows = [
        recent if len(recent) == RECENT and {*map(len, recent)} == wanted else none
        for recent in (window.recent for window in windows)
    ]
    return np.array(rows, dtype=np.float64).reshape(len(windows), RECENT, width)
