"""How likely each step of a whole session was, given the few events before it: a language model by counting.

A step's probability is that of the longest context seen in the fit, mixed with those of the shorter ones by Witten and
Bell's rule: what a context was often followed by it is trusted with, what it was followed by variously it is not. A
session is judged by the mean of its steps (`models.means`).

Sources: Witten and Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 1991; Forrest et al.,
"A sense of self for Unix processes", S&P 1996, for short stretches of system calls. Five events of context because the
mean likelihood of six calls was told to be among the best of the simple ones on ADFA-LD.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple, Self

import numpy as np

from models import storing
from models.base import DetectorConfig, Explanation, Floats, Progress, Spot
from models.means import MILLI
from models.windows import END, OPENINGS, Window

Gram = tuple[int, ...]
"""Events before, oldest first, and the one that followed them."""
MAX_GRAMS = 65_536
"""Distinct ones kept, the commonest: with their shorter contexts 145 MB at the worst, where no two share one. What is
left out counts as never seen."""
MAX_REMEMBERED = 100_000
"""Grams whose probability is remembered: sessions consist of the same ones again and again."""
LIKELY = 5
STANDS_OUT = 0.05
"""A step is told when its surprise is at least so much of the largest one's."""


@dataclass(frozen=True)
class Config(DetectorConfig):
    """Settings of the detector."""

    kind: Literal["ngrams"] = "ngrams"
    h: int = 5
    """Events of context."""
    counts: bool = False
    pairs: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.h <= 9:
            raise ValueError("h must be 1 to 9 events")

    @property
    def whole(self) -> bool:
        """Yes."""
        return True


class Known(NamedTuple):
    """What is known of a context."""

    times: Mapping[int, int]
    """How often each event followed it."""
    total: int


class Detector:
    """Counts of what followed what; from the longest context's come all shorter ones'."""

    def __init__(self, config: Config, grams: Mapping[Gram, int]) -> None:
        self.config = config
        self.grams = grams
        """How often each came in the fit."""
        self._after = _followers(grams, config.h)
        self._n_events = len(self._after[()].times) + 1
        self._nats: Callable[[Gram], float] = lru_cache(MAX_REMEMBERED)(self._nats_of)

    @classmethod
    def fit(cls, config: Config, windows: Sequence[Window], seed: int, progress: Progress) -> Self:
        """A detector that has counted what followed what; the seed changes nothing.

        Raises:
            ValueError: there are no windows.
        """
        del seed
        if not windows:
            raise ValueError(f"no windows to fit {config.kind} on")
        grams = Counter(_gram(_step(window), config.h) for window in windows)
        progress(1.0)
        return cls(config, dict(grams.most_common(MAX_GRAMS)))

    def surprise(self, windows: Sequence[Window]) -> Floats:
        """Shape (n,): nats of each step; what a session comes to is their mean."""
        return np.array([self._nats(_gram(_step(window), self.config.h)) for window in windows])

    def explain(self, window: Window) -> Explanation:
        """The steps that surprised most in sum, and of the first of them what had been expected in its place.

        A window that knows of no session is its own step.
        """
        only = (*_step(window), 1, round(self._nats(_gram(_step(window), self.config.h)) * MILLI))
        steps = sorted(window.steps or [only], key=lambda step: (-step[-1], step))
        *context, event, n, nats = steps[0]
        _, *some = self._contexts(_gram((*context, event), self.config.h)[:-1])
        known = some[-1] if some else Known({}, 0)  # what comes after anything says nothing of what comes here
        lengths = range(len(context), 0, -1)
        after = next((length for length in lengths if tuple(context[-length:]) in self._after), 0)
        others = Counter({other: times for other, times in known.times.items() if other != event} or known.times)
        return Explanation(
            aspect="steps",
            probability=math.exp(-nats / n / MILLI),
            expected=tuple((other, times / known.total) for other, times in others.most_common(LIKELY)),
            seen=known.times.get(event, 0),
            total=known.total,
            after=sum(before > OPENINGS for before in context[len(context) - after :]),
            spots=tuple(_spot(step) for step in steps if step[-1] >= STANDS_OUT * nats),
        )

    def save(self, directory: Path) -> None:
        """Write `detector.json` and `weights.safetensors` into an existing directory."""
        table = np.array([(*gram, n) for gram, n in sorted(self.grams.items())], dtype=np.int64)
        storing.write(directory, {"config": asdict(self.config)}, {"grams": table})

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The detector that `save` wrote there.

        Raises:
            OSError, ValueError, KeyError, TypeError: a file is missing, truncated or foreign.
        """
        words, numbers = storing.read(directory)
        config, table = Config(**words["config"]), numbers["grams"]
        if table.ndim != 2 or table.shape[1] != config.h + 2:
            raise ValueError(f"after {config.h} events come rows of {config.h + 2} numbers")
        return cls(config, {tuple(gram): n for *gram, n in table.tolist()})

    def _nats_of(self, gram: Gram) -> float:
        """-log of a step's probability, from the shortest context to the longest."""
        *context, event = gram
        p = 1.0 / self._n_events
        for known in self._contexts(context):
            kinds = len(known.times)
            p = (known.times.get(event, 0) + kinds * p) / (known.total + kinds)
        return -math.log(p)

    def _contexts(self, context: Sequence[int]) -> Iterator[Known]:
        """What is known of its last events, none of them, one, two …, as far as the fit saw such.

        One that came as often as the shorter one before it says nothing more, and is left out: else the same few cases
        would be believed once for each length.
        """
        total = 0
        for length in range(len(context) + 1):
            known = self._after.get(tuple(context[len(context) - length :]))
            if known is None:
                return
            if known.total != total:
                yield known
            total = known.total


def _step(window: Window) -> Gram:
    return (*window.history, window.event)


def _spot(step: Sequence[int]) -> Spot:
    """A step as from one event to the next: how often it came, and how often that had been expected."""
    *context, event, n, nats = step
    before = context[-1] if context and context[-1] > OPENINGS else END
    return Spot(event, before, n, n * math.exp(-nats / n / MILLI))


def _gram(step: Sequence[int], h: int) -> Gram:
    """A step with as many events before it as any other: END before the session's beginning."""
    return (*(END,) * (h + 1 - len(step)), *step)


def _followers(grams: Mapping[Gram, int], h: int) -> dict[Gram, Known]:
    """What followed each context, of every length."""
    times: defaultdict[Gram, Counter[int]] = defaultdict(Counter)
    for gram, n in grams.items():
        for length in range(h + 1):
            times[gram[h - length : -1]][gram[-1]] += n
    return {context: Known(dict(counts), counts.total()) for context, counts in times.items()}
