"""What followed what in a whole session, as one image: event × next event, each cell log(1 + how often).

What is expected is nine parts the ten most similar sessions of the fit and one part what a convolutional autoencoder
makes of the image; the surprise is its Poisson error, a step's mean, and a little of the five worst cells. A session is
judged at its END, a long one also now and then on its way; other windows surprise nobody. Neighbouring rows of such an
image are no neighbours, so a filter is as long as a row or a column.

The parts were weighed on training traces of system calls alone: sessions of a kind left out of the fit, and held-out
ones with shuffled stretches, pieces of others and rare calls put in, had to look stranger than held-out ones.
Sources: Kawahara et al., "BrainNetCNN", NeuroImage 2017, for the filters; Creech and Hu, "Generation of a new IDS test
dataset", WCNC 2013, for judging a process by its whole trace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from models import storing
from models.base import DetectorConfig, Explanation, Floats, Progress, Spot
from models.images import Cells, Images, Ints, errors, summed
from models.layers import Array, Fitted, Layers, Linear, Network, Table
from models.learning import learn
from models.lesson import Lesson, Schedule
from models.windows import END, UNKNOWN, Rows, Window

if TYPE_CHECKING:
    from torch import Tensor

SILENT, OTHER, FIRST = 0, 1, 2
"""Columns before the vocabulary's: END; an event that the fit never saw or that is not kept."""
MAX_EVENTS = 254
"""Events with a column of their own, the commonest: an image is 256 × 256 at most, 256 kB while it is judged."""
MAX_KNOWN = 2_000
"""Distinct images of the fit kept to compare with, the commonest; some 2 MB stored."""
MAX_HELD = 16_000_000
"""Cells in use × images kept at most: 64 MB. Where sessions are very various, fewer are kept."""
BATCH = 64
"""Images fit or judged at once: 16 MB a layer at the largest."""
SCHEDULE = Schedule(batch=BATCH, max_steps=1_000, rate=0.01)
"""A thousand steps of the largest images are half a minute."""
DROPPED = 0.2
"""Share of the cells hidden while learning, so that the image is not just copied."""
FLOOR = 0.05
"""Log count that every cell is given before anything is learnt: none is impossible."""
NEAREST = 10
MADE_UP = 0.1
"""The autoencoder's share in what is expected."""
WORST = 5
WORST_WEIGHT = 0.1
STANDS_OUT = 0.05
"""A cell is told when its error is at least so much of the largest one's."""


@dataclass(frozen=True)
class Config(DetectorConfig):
    """Settings of the detector."""

    kind: Literal["transitions"] = "transitions"
    h: int = 0
    code: int = 16
    """Numbers that the autoencoder sums an image up in."""
    filters: int = 8
    epochs: int = 100
    """Passes over the distinct images at most."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it is fit. Judging is always done on the CPU, so that verdicts do not depend on the machine."""
    counts: bool = False
    pairs: bool = False

    @property
    def transitions(self) -> bool:
        """Yes."""
        return True

    def __post_init__(self) -> None:
        if min(self.code, self.filters, self.epochs) < 1:
            raise ValueError("code, filters and epochs must be at least 1")


def network(size: int, config: Config) -> Network:
    """Its layers. A convolution as wide as the image is a linear layer over its rows, or its columns."""
    return {
        "rows": Linear(size, config.filters),
        "columns": Linear(size, config.filters),
        "of_rows": Linear(config.filters * size, config.code),
        "of_columns": Linear(config.filters * size, config.code),
        "mix": Linear(config.code, config.code),
        "before": Table(size, config.code, 0.1),
        "after": Table(size, config.code, 0.1),
        "usual": Table(size, size, 0.0),
    }


def forward(on: Layers[Array], images: Array) -> Array:
    """Log counts, shape (n, size, size) → log shares of all cells, shape (n, size²), through a few numbers."""
    shown = on.hide(images, DROPPED)
    rows = on.turned(on.relu(on.linear("rows", shown)))  # (n, filters, size)
    columns = on.turned(on.relu(on.linear("columns", on.turned(shown))))  # (n, filters, size)
    both = on.linear("of_rows", on.flat(rows)) + on.linear("of_columns", on.flat(columns))  # (n, code)
    code = on.linear("mix", on.tanh(both))
    before, after = on.table("before"), on.table("after")  # (size, code)
    cells = (code[:, None, :] * before) @ on.turned(after) + on.table("usual")  # (n, size, size)
    return on.log_softmax(on.flat(cells))


class Detector:
    """A fitted network, the events it knows, and the images it was fit on."""

    def __init__(self, config: Config, vocabulary: tuple[int, ...], fitted: Fitted, known: Images) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.fitted = fitted
        self.known = known
        self._column = _columns(vocabulary)
        self._size = FIRST + len(vocabulary)
        used = np.unique(known.cells)
        self._row = np.full(self._size**2, len(used))
        self._row[used] = np.arange(len(used))
        self._alike = np.zeros((len(used) + 1, len(known.times)), dtype=np.float32)  # the last row: never in use
        for i in range(len(known.times)):
            cells, weights = known.one(i)
            self._alike[self._row[cells], i] = weights / np.linalg.norm(weights)

    @classmethod
    def fit(cls, config: Config, windows: Sequence[Window], seed: int, progress: Progress) -> Self:
        """A detector that has learnt what follows what in whole sessions; the same seed gives the same one.

        Raises:
            ValueError: there are no windows, or a GPU is asked for and there is none.
        """
        if not windows:
            raise ValueError(f"no windows to fit {config.kind} on")
        sessions = Counter(window.transitions for window in windows if window.transitions)
        vocabulary = _vocabulary(sessions)
        size = FIRST + len(vocabulary)
        column = _columns(vocabulary)
        images = Images.of([(_image(each, column), times) for each, times in sessions.most_common()])
        fitted = _fitted(size, images, config, seed, progress)
        used = len(np.unique(images.cells))
        return cls(config, vocabulary, fitted, images.first(min(MAX_KNOWN, MAX_HELD // max(used, 1))))

    def surprise(self, windows: Sequence[Window]) -> Floats:
        """Shape (n,): nats a step, and a tenth of the mean of the five worst cells; 0 for windows without an image."""
        found = np.zeros(len(windows))
        judged = [i for i, window in enumerate(windows) if window.transitions]
        for i, (weights, expected) in zip(judged, self._judged([windows[i] for i in judged]), strict=True):
            error = errors(weights, expected)
            worst = np.sort(error)[-WORST:]
            found[i] = error.sum() / weights.sum() + WORST_WEIGHT * worst.mean()
        return np.round(found, 9)

    def explain(self, window: Window) -> Explanation:
        """The transitions that stood out, the most surprising first; `seen` of `total` sessions had the first."""
        if not window.transitions:
            return Explanation("transitions", 1.0)
        ((weights, expected),) = self._judged([window])
        error = errors(weights, expected)
        order = np.argsort(-error, kind="stable")[:WORST].tolist()
        told = [cell for cell in order if error[cell] >= STANDS_OUT * error[order[0]]]
        has = self._alike[self._row[told[0]]] > 0.0
        return Explanation(
            aspect="transitions",
            probability=float(np.exp(-self.surprise([window])[0])),
            seen=int(self.known.times[has].sum()),
            total=int(self.known.times.sum()),
            spots=tuple(self._spot(window, cell, float(np.expm1(expected[cell]))) for cell in told),
        )

    def save(self, directory: Path) -> None:
        """Write `detector.json` and `weights.safetensors` into an existing directory."""
        words = {"config": asdict(self.config), "vocabulary": self.vocabulary}
        tables = {f"known.{name}": table for name, table in self.known._asdict().items()}
        storing.write(directory, words, self.fitted.floats() | tables)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The detector that `save` wrote there.

        Raises:
            OSError, ValueError, KeyError, TypeError: a file is missing, truncated or foreign.
        """
        words, weights = storing.read(directory)
        config, vocabulary = Config(**words["config"]), tuple(map(int, words["vocabulary"]))
        known = Images(*(weights.pop(f"known.{name}") for name in Images._fields))
        return cls(config, vocabulary, Fitted.of(network(FIRST + len(vocabulary), config), weights), known)

    def _judged(self, windows: Sequence[Window]) -> Iterator[tuple[Floats, Floats]]:
        """Of each window's image, as one row of cells: what it holds, and what was expected; log counts, (size²,)."""
        for first in range(0, len(windows), BATCH):
            part = windows[first : first + BATCH]
            images = Images.of([(_image(window.transitions, self._column), 1) for window in part])
            rows = images.dense(range(len(part)), (self._size, self._size))
            made_up = np.exp(forward(self.fitted, rows))  # (n, size²)
            for i, weights in enumerate(rows.reshape(len(part), -1)):
                expected = MADE_UP * made_up[i] + (1.0 - MADE_UP) * self._nearest(*images.one(i), made_up[i])
                yield weights, expected * weights.sum()

    def _nearest(self, cells: Ints, weights: Floats, otherwise: Floats) -> Floats:
        """The mean of the most similar sessions of the fit, by the cosine; shares of all cells, shape (size²,)."""
        if not len(self.known.times):
            return otherwise
        alike = weights.astype(np.float32) @ self._alike[self._row[cells]]  # (m,)
        mean, left = np.zeros(self._size**2), min(NEAREST, int(self.known.times.sum()))
        n = left
        for i in np.argsort(-alike, kind="stable").tolist():
            here, held = self.known.one(i)
            mean[here] += min(left, int(self.known.times[i])) / n * held / held.sum()
            left -= int(self.known.times[i])
            if left <= 0:
                break
        return mean

    def _spot(self, window: Window, cell: int, expected: float) -> Spot:
        """The cell by its events; of several that share it, the commonest transition."""
        row, column = divmod(cell, self._size)
        here = [
            (n, before, event)
            for before, event, n in window.transitions
            if self._column.get(before, OTHER) == row and self._column.get(event, OTHER) == column
        ]
        events = {place: event for event, place in self._column.items()}
        n, before, event = max(here, default=(0, events.get(row, UNKNOWN), events.get(column, UNKNOWN)))
        return Spot(event, before, float(n), expected)


def _vocabulary(sessions: Counter[Rows]) -> tuple[int, ...]:
    """The commonest events of some sessions and how often each came, ascending."""
    events: Counter[int] = Counter()
    for transitions, times in sessions.items():
        for _, event, n in transitions:
            events[event] += n * times
    del events[END]
    return tuple(sorted(event for event, _ in events.most_common(MAX_EVENTS)))


def _columns(vocabulary: Sequence[int]) -> dict[int, int]:
    return {END: SILENT} | {event: FIRST + i for i, event in enumerate(vocabulary)}


def _image(transitions: Rows, column: Mapping[int, int]) -> Cells:
    size = FIRST + len(column) - 1  # END has a column too
    return summed((column.get(row, OTHER) * size + column.get(event, OTHER), n) for row, event, n in transitions)


def _fitted(size: int, images: Images, config: Config, seed: int, progress: Progress) -> Fitted:
    """Learn by the Poisson error of images whose cells sum to 1: of each session every step counts alike."""
    total = np.bincount(images.cells, images.weights, minlength=size * size) + FLOOR

    def losses(on: Layers[Tensor], shown: Tensor) -> Tensor:
        shares = shown.flatten(1) / shown.sum(dim=(1, 2)).unsqueeze(1)  # (batch, size²)
        return -(shares * forward(on, shown)).sum(dim=1)

    lesson = Lesson(
        network(size, config),
        lambda rows: (images.dense(rows.tolist(), (size, size)),),
        losses,
        images.times,
        begin={"usual.weight": np.log(total).reshape(size, size)},
        at_once=BATCH,
    )
    return learn(lesson, replace(SCHEDULE, epochs=config.epochs), seed, progress, config.device)
