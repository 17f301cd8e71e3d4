"""What a recurrent network expects of a template's next line, from the numbers of the last ones.

Source: the parameter value model of Du, Li, Zheng and Srikumar, "DeepLog", CCS 2017: for each template a network over
vectors of the numbers in a line and the time since the line before, its error judged by those of held-out lines. Ours
counts them and fits no Gaussian: response times have heavier tails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from models.base import Floats
from models.layers import Array, Fitted, Layers, Linear, Lstm, Network
from models.learning import learn
from models.lesson import Lesson, Schedule
from models.sizes import Number, keeps_time
from models.table import PAUSE, Table
from models.usual import Beyond
from models.words import DAY_S

if TYPE_CHECKING:
    from torch import Tensor

HIDDEN = 8
"""Size of a network's state: 500 weights for two numbers, which a thousand lines can teach."""
MAX_ROWS = 8_000
"""Lines of a template that a network is fit on, the latest."""
BETTER = 0.9
"""Share of the mean's squared error that a network's may have at most, on held-out lines, to be listened to."""
CLIP = 5.0
"""Deviations a network is shown at most, so that one outlier does not drown what follows."""
CHUNK = 4_096
"""Lines predicted at once, some MB."""


def network(n_numbers: int) -> Network:
    """Its layers."""
    return {"lstm": Lstm(n_numbers + 2, HIDDEN), "head": Linear(HIDDEN + 2, n_numbers)}


def forward(on: Layers[Array], course: Array, hour: Array) -> Array:
    """The last lines, (n, RECENT, numbers + 2), and the hour, (n, 2) → this one's numbers, (n, numbers)."""
    return on.linear("head", on.joined([on.lstm("lstm", course), hour]))


class Course(NamedTuple):
    """A network, and how large its errors are on lines it never saw."""

    fitted: Fitted
    beyond: Mapping[str, Beyond]
    """By number; only those that it predicts better than their mean does."""

    @classmethod
    def of(cls, table: Table, numbers: Mapping[str, Number], plan: Plan) -> Self | None:
        """Fit on the first three quarters of the lines, if it does better than the mean on the last.

        Raises:
            ValueError: a GPU is asked for and there is none.
        """
        standard = np.column_stack([number.standard(table, name) for name, number in numbers.items()])
        rows = np.flatnonzero(_whole(table) & np.isfinite(standard).all(axis=1))[-MAX_ROWS:]
        if len(rows) < plan.enough:
            return None
        n = len(rows) * 3 // 4
        wanted = np.clip(standard[rows], -CLIP, CLIP)
        course, hour = (inputs[rows[:n]] for inputs in _inputs(table, numbers))
        fitted = _fitted(course, hour, wanted[:n], plan)
        found = cls(fitted, {}).expected(table, numbers)[rows[n:]]
        off = np.mean((wanted[n:] - found) ** 2, axis=0)
        better = off <= BETTER * np.mean((wanted[n:] - wanted[:n].mean(axis=0)) ** 2, axis=0)
        errors = np.abs(standard[rows[n:]] - found)
        if not keeps_time(errors[:, -1] * numbers[PAUSE].alone.spreads[-1]):
            better[-1] = False  # the last one is `PAUSE`
        kept = {name: Beyond.of(errors[:, i]) for i, name in enumerate(numbers) if better[i]}
        return cls(fitted, kept) if kept else None

    def expected(self, table: Table, numbers: Mapping[str, Number]) -> Floats:
        """What the network predicts, in deviations, shape (n, numbers); NaN where too few lines came before."""
        found = np.full((len(table.times), len(numbers)), np.nan)
        rows = np.flatnonzero(_whole(table))
        course, hour = _inputs(table, numbers)
        for first in range(0, len(rows), CHUNK):
            part = rows[first : first + CHUNK]
            found[part] = forward(self.fitted, course[part], hour[part])
        return found

    def errors(self, table: Table, numbers: Mapping[str, Number]) -> dict[str, Floats]:
        """How far off the numbers are that it predicts, in deviations, shape (n,) each."""
        expected = self.expected(table, numbers)
        return {
            name: np.abs(number.standard(table, name) - expected[:, i])
            for i, (name, number) in enumerate(numbers.items())
            if name in self.beyond
        }


class Plan(NamedTuple):
    """How a network is fit."""

    enough: int
    """Lines it takes."""
    steps: int
    """At most."""
    device: str
    seed: int


def _whole(table: Table) -> NDArray[np.bool_]:
    """Which lines have enough lines before them."""
    return np.asarray(np.isfinite(table.recent).all(axis=(1, 2)))


def _inputs(table: Table, numbers: Mapping[str, Number]) -> tuple[Floats, Floats]:
    """What a network sees: the last lines, (n, RECENT, numbers + 2), and the hour of this one, (n, 2)."""
    columns = [np.clip(number.course(table, name), -CLIP, CLIP) for name, number in numbers.items()]
    course = np.stack([*columns, *_circle(table.recent[:, :, 0])], axis=2)
    return course, np.column_stack(_circle(table.times))


def _circle(times: Floats) -> tuple[Floats, Floats]:
    """The time of day as a place on a circle: midnight has no edge."""
    angle = 2.0 * math.pi / DAY_S * (times % DAY_S)
    return np.sin(angle), np.cos(angle)


def _fitted(course: Floats, hour: Floats, targets: Floats, plan: Plan) -> Fitted:
    def losses(on: Layers[Tensor], course: Tensor, hour: Tensor, targets: Tensor) -> Tensor:
        return (forward(on, course, hour) - targets).square().mean(dim=1)

    once = np.ones(len(targets), dtype=np.int64)
    lesson = Lesson(network(targets.shape[1]), lambda rows: (course[rows], hour[rows], targets[rows]), losses, once)
    return learn(lesson, Schedule(max_steps=plan.steps), plan.seed, lambda _: None, plan.device)
