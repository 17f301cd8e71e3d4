"""What every detector is: five methods, and a config whose `kind` is its file's name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

import models.detectors
from models.windows import Frame, Window

Floats = NDArray[np.float64]
Progress = Callable[[float], None]
"""Told the share of the work done so far, 0…1."""


class DetectorConfig(Protocol):
    """A frozen dataclass; its fields are the detector's settings. What it does not name it does not need."""

    @property
    def kind(self) -> str:
        """The name of the detector's file."""
        ...

    @property
    def h(self) -> int:
        """Events of history its windows need."""
        ...

    @property
    def counts(self) -> bool:
        """Whether its END windows need the session's counts."""
        ...

    @property
    def pairs(self) -> bool:
        """Whether its windows need the pairs of the line."""
        ...

    @property
    def values(self) -> bool:
        """Whether its windows need what the line said at its template's placeholders, and when it came."""
        return False

    @property
    def transitions(self) -> bool:
        """Whether its END windows need how often each event followed which."""
        return False

    @property
    def whole(self) -> bool:
        """Whether sessions are judged by the mean of its surprises, and lines not at all: see `models.means`."""
        return False

    @property
    def bins(self) -> int:
        """Time bins in the images it judges; 0 = it judges no images of time."""
        return 0

    @property
    def bin_s(self) -> float:
        """Width of such a bin, seconds."""
        return 3_600.0


def frame_for(config: DetectorConfig, idle_s: float, max_sessions: int = 50_000) -> Frame:
    """How sequences are cut for a detector; a session lasts while its image holds something, and at least `idle_s`."""
    return Frame(
        config.h,
        config.counts,
        max(idle_s, config.bins * config.bin_s),
        max_sessions,
        config.values,
        config.transitions,
        config.bins,
        config.bin_s,
    )


class Spot(NamedTuple):
    """A cell of an image, and what stood there."""

    event: int
    column: int
    """Among transitions the event before; among time bins how many before the last one."""
    observed: float
    """How often."""
    expected: float


@dataclass(frozen=True)
class Explanation:
    """Why a detector was surprised, in numbers; the words are `plugin.explain`'s."""

    aspect: str
    """Which part of the detector spoke: sequence; event, pair, set, counts; number, step, level, course, pause, word or
    hour; transitions; steps; bins; or a word of its own."""
    probability: float
    """Of what was observed, 0…1."""
    rank: int | None = None
    """Place of the event in the prediction, 1 = likeliest; None where nothing is ranked."""
    expected: tuple[tuple[int, float], ...] = ()
    """(event id, probability), likeliest first, at most five."""
    influence: tuple[float, ...] = ()
    """Per history event: nats by which the surprise falls when it is left out."""
    seen: int = 0
    """How often the fit saw what spoke (the event, the pair, the set)."""
    total: int = 0
    """Out of how many."""
    after: int = 0
    """How many of the last history events `seen` and `total` are about; 0 where the history does not matter."""
    pair: str = ""
    """The pair that spoke, if one did."""
    missing: tuple[int, ...] = ()
    """At END: events that such a session usually has, and this one had not."""
    extra: tuple[int, ...] = ()
    """At END: events that such a session usually has not, and this one had."""
    value: str = ""
    """Name of the value that spoke, if one did."""
    observed: float | str | None = None
    """What it was: a number, a word, for an hour the second of the day, UTC."""
    usual: tuple[float | str, ...] = ()
    """Of a number the low, the middle and the high, of a word the commonest at its place, of an hour (from, to)."""
    beside: tuple[str, str] = ("", "")
    """(name, word) of the value that `usual` is about; ('', '') where it is about all lines of the template."""
    spots: tuple[Spot, ...] = ()
    """Of an image: the cells that stood out, most first, then what else a picture of them needs."""


class Detector(Protocol):
    """Judges windows. A high surprise is strange, a low one is normal; only the order of surprises has a meaning."""

    config: Any

    @classmethod
    def fit(
        cls,
        config: Any,  # noqa: ANN401 - its own file's Config
        windows: Sequence[Window],
        seed: int,
        progress: Progress,
    ) -> Self:
        """A detector that has learnt what is normal in `windows`, which may repeat; the same seed gives the same one.

        Raises:
            ValueError: there are no windows.
        """
        ...

    def surprise(self, windows: Sequence[Window]) -> Floats:
        """Surprises in nats, shape (n,), finite, one per window, each independent of the others in the batch."""
        ...

    def explain(self, window: Window) -> Explanation:
        """What was expected instead, and what mattered."""
        ...

    def save(self, directory: Path) -> None:
        """Write config as JSON and weights as safetensors into an existing directory."""
        ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The saved detector; loading reads data only and cannot run code.

        Raises:
            OSError, ValueError, KeyError: a file is missing, truncated or foreign.
        """
        ...


class DetectorModule(Protocol):
    """A file of `models.detectors`."""

    Config: type[Any]
    Detector: type[Detector]


def registry() -> list[str]:
    """The names of all detectors: the files of `models/detectors/`."""
    return sorted(info.name for info in pkgutil.iter_modules(models.detectors.__path__))


def module(kind: str) -> DetectorModule:
    """The file of one detector, with its `Config` and its `Detector`.

    Raises:
        KeyError: no detector has that name.
    """
    if kind not in registry():
        raise KeyError(kind)
    return importlib.import_module(f"models.detectors.{kind}")
