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

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.base import DetectorConfig, Explanation, Floats, Progress, Spot
from models.fit import Schedule, device, fit, seeded
from models.images import Cells, Images, errors, summed
from models.windows import UNKNOWN, Window

Bins = tuple[tuple[int, int, int], ...]
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
            raise ValueError(f"{self}: bins must be at least 2, bin_s over 0, every other number at least 1")


class Network(nn.Module):
    """Images without their last column → what belongs there."""

    def __init__(self, n_events: int, config: Config) -> None:
        super().__init__()
        past = config.bins - 1
        self.encode = nn.Sequential(
            nn.Conv1d(n_events, config.filters, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv1d(config.filters, config.filters, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(config.filters * ((past + 1) // 2), config.code),
            nn.Tanh(),
        )
        self.decode = nn.Linear(config.code, n_events)
        self.own = nn.Conv1d(n_events, n_events, kernel_size=past, groups=n_events)
        """How an event's number follows its own past: a level is easier carried on than redrawn."""

    def forward(self, past: Tensor) -> Tensor:
        """Log counts, oldest first, shape (n, events, bins - 1) → log of what is expected next, shape (n, events)."""
        rates: Tensor = self.decode(self.encode(past)) + self.own(past).squeeze(2)  # (n, events)
        return rates.clamp(-MOST, MOST)


class Detector:
    """A fitted network and the events it knows."""

    def __init__(self, config: Config, vocabulary: tuple[int, ...], n_images: int, network: Network) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.n_images = n_images
        """Images of the fit."""
        self.network = network.cpu().double().eval()  # in double an image is the same in any batch
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
        network = seeded(
            seed, lambda: _fitted(Network(FIRST + len(vocabulary), config), images, config, seed, progress)
        )
        return cls(config, vocabulary, seen.total(), network)

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
        before = [self._last([_aged(window.bins, age)]) for age in range(1, self.config.bins)]
        spots = [self._spot(window.bins, row, 0, observed[0], expected[0]) for row in told]
        spots += [
            self._spot(window.bins, row, age, then[0], usual[0])
            for row in told
            for age, (then, usual) in enumerate(before, 1)
        ]
        surprise = float(self.surprise([window])[0])
        return Explanation("bins", float(np.exp(-surprise)), total=self.n_images, spots=tuple(spots))

    def save(self, directory: Path) -> None:
        """Write `detector.json` and `weights.safetensors` into an existing directory."""
        words = {"config": asdict(self.config), "vocabulary": self.vocabulary, "n_images": self.n_images}
        (directory / "detector.json").write_text(json.dumps(words), encoding="utf-8")
        weights = {name: tensor.float() for name, tensor in self.network.state_dict().items()}  # it was fit in float
        save_file(weights, directory / "weights.safetensors")

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The detector that `save` wrote there.

        Raises:
            OSError, ValueError, KeyError, TypeError: a file is missing, truncated or foreign.
        """
        words = json.loads((directory / "detector.json").read_text(encoding="utf-8"))
        config, vocabulary = Config(**words["config"]), tuple(map(int, words["vocabulary"]))
        network = Network(FIRST + len(vocabulary), config)
        try:
            network.load_state_dict(load_file(directory / "weights.safetensors"))
        except (SafetensorError, RuntimeError) as error:
            raise ValueError(f"weights.safetensors: {error}") from error
        return cls(config, vocabulary, int(words["n_images"]), network)

    def _last(self, images: Sequence[Bins]) -> tuple[Floats, Floats]:
        """Of each image's last bin: how often each event came, and how often it was expected; (n, events) both."""
        shape = FIRST + len(self.vocabulary), self.config.bins
        held = Images.of([(_image(bins, self._row, self.config.bins), 1) for bins in images])
        full = held.dense(range(len(images)), shape).double()
        floor = 1.0 / (self.n_images + 1)  # once in all images and the one being judged: rarer, nobody could know
        with torch.no_grad():
            expected = np.maximum(self.network(full[:, :, :-1]).exp().numpy(), floor)
        return np.round(np.expm1(full[:, :, -1].numpy())), expected  # counts are whole

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


def _fitted(network: Network, images: Images, config: Config, seed: int, progress: Progress) -> Network:
    """Learn by the Poisson likelihood of the last column."""
    if not len(images.times):
        return network
    where, shape = device(config.device), (network.decode.out_features, config.bins)
    last = images.cells % config.bins == config.bins - 1
    which = np.searchsorted(images.ends, np.flatnonzero(last), side="right")
    total = np.bincount(
        images.cells[last] // config.bins, np.expm1(images.weights[last]) * images.times[which], minlength=shape[0]
    )
    network.decode.bias.data = torch.from_numpy(np.log((total + 1.0) / (images.times.sum() + 1))).float()
    network.to(where)

    def losses(rows: Tensor) -> Tensor:
        full = images.dense(rows.tolist(), shape).to(where)  # (batch, events, bins)
        rates: Tensor = network(full[:, :, :-1])  # (batch, events)
        return (rates.exp() - torch.expm1(full[:, :, -1]) * rates).sum(dim=1)  # (batch,)

    fit(network, losses, images.times, replace(SCHEDULE, epochs=config.epochs), seed, progress)
    return network
