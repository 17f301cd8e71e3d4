"""How much of what an entity does, hour by hour: an image of event × time bin, whose last bin is judged.

An entity is whatever a view joins lines by: an address, a user, a host. A convolutional autoencoder sees the image with
its last column hidden and says what belongs there; the surprise is the Poisson error of that column, over all events.
Floods, scans and brute force are columns far fuller than an entity's past, or than any entity's, lets expect; an event
that the fit never saw is expected once in all its images. The last column is hidden because an autoencoder that sees
a flood learns to draw one. Windows that close no bin surprise nobody.
Sources: the masking is that of Vincent et al., "Extracting and composing robust features with denoising autoencoders",
ICML 2008; Poisson error for counts of events, Cameron and Trivedi, "Regression analysis of count data", 1998.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from models import storing
from models.base import DetectorConfig, Explanation, Floats, Progress, Spot
from models.images import Cells, Images, errors, summed
from models.layers import Array, Conv1d, Fitted, Layers, Linear, Network
from models.learning import learn
from models.lesson import Lesson, Schedule
from models.windows import UNKNOWN, Rows, Window

if TYPE_CHECKING:
    from torch import Tensor

Bins = Rows
"""(bins before the last one, event, how often)."""
OTHER, FIRST = 0, 1
"""Rows: an event that the fit never saw or that is not kept; the vocabulary's first event."""
MAX_EVENTS = 63
"""Events with a row of their own, the commonest: an image of a day is 64 × 24, and a hundred would be no picture."""
SCHEDULE = Schedule(max_steps=1_000, rate=0.01)
MOST = 20.0
"""Log of the largest count that is ever expected: beyond it nothing can be told."""
CHUNK = 1_024
"""Images judged at once, some 12 MB a layer."""
WORST = 5
STANDS_OUT = 0.05
"""A cell is told when its error is at least so much of the largest one's."""


@dataclass(frozen=True)
class Config(DetectorConfig):
    """Settings of the detector."""

    kind: Literal["counts"] = "counts"
    h: int = 0
    bins: int = 24
    """Time bins of an image: a day of hours, so that what comes daily has been seen."""
    bin_s: float = 3_600.0
    """Width of a bin, seconds of the source's clock."""
    filters: int = 32
    code: int = 16
    """Numbers that the autoencoder sums an image up in."""
    epochs: int = 100
    """Passes over the distinct images at most."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it is fit. Judging is always done on the CPU, so that verdicts do not depend on the machine."""
    counts: bool = False
    pairs: bool = False

    def __post_init__(self) -> None:
        if self.bins < 2 or self.bin_s <= 0.0 or min(self.filters, self.code, self.epochs) < 1:
            raise ValueError("bins must be at least 2, bin_s over 0, every other number at least 1")


def network(n_events: int, config: Config) -> Network:
    """Its layers."""
    past = config.bins - 1
    return {
        "near": Conv1d(n_events, config.filters, width=3, padding=1),
        "far": Conv1d(config.filters, config.filters, width=3, stride=2, padding=1),
        "code": Linear(config.filters * ((past + 1) // 2), config.code),
        "decode": Linear(config.code, n_events),
        "own": Conv1d(n_events, n_events, width=past, groups=n_events),
    }


def forward(on: Layers[Array], past: Array) -> Array:
    """Log counts, oldest first, shape (n, events, bins - 1) → log of what is expected next, shape (n, events)."""
    far = on.relu(on.conv1d("far", on.relu(on.conv1d("near", past))))  # (n, filters, bins / 2)
    code = on.tanh(on.linear("code", on.flat(far)))
    own = on.flat(on.conv1d("own", past))  # (n, events): a level is easier carried on than redrawn
    return on.clamp(on.linear("decode", code) + own, MOST)


class Detector:
    """A fitted network and the events it knows."""

    def __init__(self, config: Config, vocabulary: tuple[int, ...], n_images: int, fitted: Fitted) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.n_images = n_images
        """Images of the fit."""
        self.fitted = fitted
        self._row = _rows(vocabulary)

    @classmethod
    def fit(cls, config: Config, windows: Sequence[Window], seed: int, progress: Progress) -> Self:
        """A detector that has learnt how much is usual; the same seed gives the same one.

        Raises:
            ValueError: there are no windows, or a GPU is asked for and there is none.
        """
        if not windows:
            raise ValueError(f"no windows to fit {config.kind} on")
        seen = Counter(window.bins for window in windows if window.bins)
        vocabulary = _vocabulary(seen)
        row = _rows(vocabulary)
        images = Images.of([(_image(bins, row, config.bins), times) for bins, times in seen.most_common()])
        fitted = _fitted(FIRST + len(vocabulary), images, config, seed, progress)
        return cls(config, vocabulary, seen.total(), fitted)

    def surprise(self, windows: Sequence[Window]) -> Floats:
        """Shape (n,): nats, the Poisson error of the bin that closed, all events together; 0 where none closed."""
        found = np.zeros(len(windows))
        judged = [i for i, window in enumerate(windows) if window.bins]
        for first in range(0, len(judged), CHUNK):
            part = judged[first : first + CHUNK]
            observed, expected = self._last([windows[i].bins for i in part])
            found[part] = errors(observed, expected).sum(axis=1)
        return np.round(found, 9)

    def explain(self, window: Window) -> Explanation:
        """The cells of the closed bin that stood out, the most surprising first; then the bins before, by event."""
        if not window.bins:
            return Explanation("bins", 1.0)
        observed, expected = self._last([window.bins])
        error = errors(observed[0], expected[0])
        order = np.argsort(-error, kind="stable")[:WORST].tolist()
        told = [row for row in order if error[row] >= STANDS_OUT * error[order[0]]]
        before, usual = self._last([_aged(window.bins, age) for age in range(1, self.config.bins)])
        spots = [self._spot(window.bins, row, 0, observed[0], expected[0]) for row in told]
        spots += [
            self._spot(window.bins, row, age, before[age - 1], usual[age - 1])
            for row in told
            for age in range(1, self.config.bins)
        ]
        surprise = float(self.surprise([window])[0])
        return Explanation("bins", float(np.exp(-surprise)), total=self.n_images, spots=tuple(spots))

    def save(self, directory: Path) -> None:
        """Write `detector.json` and `weights.safetensors` into an existing directory."""
        words = {"config": asdict(self.config), "vocabulary": self.vocabulary, "n_images": self.n_images}
        storing.write(directory, words, self.fitted.floats())

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The detector that `save` wrote there.

        Raises:
            OSError, ValueError, KeyError, TypeError: a file is missing, truncated or foreign.
        """
        words, weights = storing.read(directory)
        config, vocabulary = Config(**words["config"]), tuple(map(int, words["vocabulary"]))
        fitted = Fitted.of(network(FIRST + len(vocabulary), config), weights)
        return cls(config, vocabulary, int(words["n_images"]), fitted)

    def _last(self, images: Sequence[Bins]) -> tuple[Floats, Floats]:
        """Of each image's last bin: how often each event came, and how often it was expected; (n, events) both."""
        shape = FIRST + len(self.vocabulary), self.config.bins
        held = Images.of([(_image(bins, self._row, self.config.bins), 1) for bins in images])
        full = held.dense(range(len(images)), shape)
        floor = 1.0 / (self.n_images + 1)  # once in all images and the one being judged: rarer, nobody could know
        expected = np.maximum(np.exp(forward(self.fitted, full[:, :, :-1])), floor)
        observed = np.round(np.expm1(full[:, :, -1]))  # counts are whole
        return np.asarray(observed, dtype=np.float64), np.asarray(expected, dtype=np.float64)

    def _spot(self, bins: Bins, row: int, age: int, observed: Floats, expected: Floats) -> Spot:
        """A row's cell; where several events share the row, by the commonest of the image."""
        known = {place: event for event, place in self._row.items()}
        others = Counter({event: n for _, event, n in sorted(bins, reverse=True) if event not in self._row})
        other = others.most_common(1)[0][0] if others else UNKNOWN
        n = sum(n for before, event, n in bins if (before, event) == (age, other))
        here = (known[row], float(observed[row])) if row in known else (other, float(n))
        return Spot(here[0], age, here[1], float(expected[row]))


def _rows(vocabulary: Sequence[int]) -> dict[int, int]:
    return {event: FIRST + i for i, event in enumerate(vocabulary)}


def _vocabulary(seen: Counter[Bins]) -> tuple[int, ...]:
    """The events that came in most images, ascending."""
    having: Counter[int] = Counter()
    for bins, times in seen.items():
        having.update(dict.fromkeys({event for age, event, _ in bins if age == 0}, times))
    return tuple(sorted(event for event, _ in having.most_common(MAX_EVENTS)))


def _image(bins: Bins, row: Mapping[int, int], width: int) -> Cells:
    """Event × bin, the bin that closed last."""
    return summed((row.get(event, OTHER) * width + width - 1 - age, n) for age, event, n in bins if age < width)


def _aged(bins: Bins, age: int) -> Bins:
    """The image as it was so many bins ago, as far as this one remembers."""
    return tuple((then - age, event, n) for then, event, n in bins if then >= age)


def _fitted(n_events: int, images: Images, config: Config, seed: int, progress: Progress) -> Fitted:
    """Learn by the Poisson likelihood of the last column."""
    last = images.cells % config.bins == config.bins - 1
    which = np.searchsorted(images.ends, np.flatnonzero(last), side="right")
    total = np.bincount(
        images.cells[last] // config.bins, np.expm1(images.weights[last]) * images.times[which], minlength=n_events
    )

    def losses(on: Layers[Tensor], full: Tensor) -> Tensor:
        rates = forward(on, full[:, :, :-1])  # (batch, events)
        return (rates.exp() - full[:, :, -1].expm1() * rates).sum(dim=1)

    lesson = Lesson(
        network(n_events, config),
        lambda rows: (images.dense(rows.tolist(), (n_events, config.bins)),),
        losses,
        images.times,
        begin={"decode.bias": np.log((total + 1.0) / (images.times.sum() + 1))},
    )
    return learn(lesson, replace(SCHEDULE, epochs=config.epochs), seed, progress, config.device)
