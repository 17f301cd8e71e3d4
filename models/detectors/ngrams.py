"""How likely each step of a whole session was, given the few events before it: a language model by counting.

A step's probability is that of the longest context seen in the fit, mixed with those of the shorter ones by Witten and
Bell's rule: what a context was often followed by it is trusted with, what it was followed by variously it is not. The
surprise of a session is its steps' mean, in nats, as of a session ten sure steps longer: three steps tell less than
three hundred. A session is judged at its END, a long one also now and then on its way; other windows surprise nobody.

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
from numpy.typing import NDArray

from models import storing
from models.base import DetectorConfig, Explanation, Floats, Progress, Spot
from models.layers import Numbers
from models.windows import UNKNOWN, Rows, Window

Gram = tuple[int, ...]
"""Events before, oldest first, and the one that followed them."""
MAX_GRAMS = 65_536
"""Distinct ones kept, the commonest: with their shorter contexts 145 MB at the worst, where no two share one. What is
left out counts as never seen."""
MAX_REMEMBERED = 100_000
"""Grams whose probability is remembered: sessions consist of the same ones again and again."""
SURE = 10
"""Steps without surprise that every session is given: as many as DeepLog looks back."""
WORST = 5
STANDS_OUT = 0.05
"""A step is told when its surprise is at least so much of the largest one's."""


@dataclass(frozen=True)
class Config(DetectorConfig):
    """Settings of the detector."""

    kind: Literal["ngrams"] = "ngrams"
    h: int = 0
    before: int = 5
    """Events of context."""
    counts: bool = False
    pairs: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.before <= 9:
            raise ValueError("before must be 1 to 9 events")

    @property
    def context(self) -> int:
        """As many as set."""
        return self.before


class Follower(NamedTuple):
    """What is known of a context."""

    times: Mapping[int, int]
    """How often each event followed it."""
    total: int


class Detector:
    """Counts of what followed what; from the longest context's come all shorter ones'."""

    def __init__(self, config: Config, grams: Mapping[Gram, int], steps: Mapping[Gram, int], sessions: int) -> None:
        self.config = config
        self.grams = grams
        """How often each came in the fit."""
        self.steps = steps
        """In how many sessions of the fit an event followed another."""
        self.sessions = sessions
        self._after = _followers(grams, config.context)
        self._n_events = len({gram[-1] for gram in grams}) + 1
        self._nats: Callable[[Gram], float] = lru_cache(MAX_REMEMBERED)(self._nats_of)

    @classmethod
    def fit(cls, config: Config, windows: Sequence[Window], seed: int, progress: Progress) -> Self:
        """A detector that has counted what followed what in whole sessions; the seed changes nothing.

        Raises:
            ValueError: there are no windows.
        """
        del seed
        if not windows:
            raise ValueError(f"no windows to fit {config.kind} on")
        grams, steps = Counter[Gram](), Counter[Gram]()
        whole = [window.transitions for window in windows if window.transitions and not window.is_line]
        for rows in whole:
            for *gram, n in rows:
                grams[tuple(gram)] += n
            steps.update({tuple(row[-3:-1]) for row in rows})
        progress(1.0)
        return cls(config, dict(grams.most_common(MAX_GRAMS)), dict(steps.most_common(MAX_GRAMS)), len(whole))

    def surprise(self, windows: Sequence[Window]) -> Floats:
        """Shape (n,): nats a step, of whole sessions; 0 for other windows."""
        found = np.zeros(len(windows))
        for i, window in enumerate(windows):
            if window.transitions:
                nats = n_steps = 0.0
                for gram, n in _told(window.transitions):
                    nats += n * self._nats(gram)
                    n_steps += n
                found[i] = nats / (n_steps + SURE)
        return np.round(found, 9)

    def explain(self, window: Window) -> Explanation:
        """The steps from one event to the next that surprised most in sum, and how often they had been expected."""
        nats, observed, expected = (defaultdict[Gram, float](float) for _ in range(3))
        for gram, n in _told(window.transitions):
            step, surprise = gram[-2:], self._nats(gram)
            nats[step] += n * surprise
            observed[step] += n
            expected[step] += n * math.exp(-surprise)
        worst = sorted(nats, key=lambda step: (-nats[step], step))[:WORST]
        told = [step for step in worst if nats[step] >= STANDS_OUT * nats[worst[0]]]
        return Explanation(
            aspect="transitions",
            probability=float(np.exp(-self.surprise([window])[0])),
            seen=self.steps.get(told[0], 0) if told else 0,
            total=self.sessions,
            spots=tuple(Spot(step[1], step[0], observed[step], expected[step]) for step in told),
        )

    def save(self, directory: Path) -> None:
        """Write `detector.json` and `weights.safetensors` into an existing directory."""
        words = {"config": asdict(self.config), "sessions": self.sessions}
        tables = {"grams": _table(self.grams, self.config.context + 1), "steps": _table(self.steps, 2)}
        storing.write(directory, words, tables)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The detector that `save` wrote there.

        Raises:
            OSError, ValueError, KeyError, TypeError: a file is missing, truncated or foreign.
        """
        words, numbers = storing.read(directory)
        config = Config(**words["config"])
        grams, steps = _counts(numbers["grams"], config.context + 1), _counts(numbers["steps"], 2)
        return cls(config, grams, steps, int(words["sessions"]))

    def _nats_of(self, gram: Gram) -> float:
        """-log of a step's probability, from the shortest context to the longest."""
        *context, event = gram
        p = 1.0 / self._n_events
        for length in range(len(context) + 1):
            known = self._after.get(tuple(context[len(context) - length :]))
            if known is None:
                break
            kinds = len(known.times)
            p = (known.times.get(event, 0) + kinds * p) / (known.total + kinds)
        return -math.log(p)


def _told(rows: Rows) -> Iterator[tuple[Gram, int]]:
    """Each gram and how often it came, but for those that there was no room to tell apart."""
    for *gram, n in rows:
        if any(event != UNKNOWN for event in gram):
            yield tuple(gram), n


def _followers(grams: Mapping[Gram, int], before: int) -> dict[Gram, Follower]:
    """What followed each context, of every length."""
    times: defaultdict[Gram, Counter[int]] = defaultdict(Counter)
    for gram, n in grams.items():
        for length in range(before + 1):
            times[gram[before - length : -1]][gram[-1]] += n
    return {context: Follower(dict(counts), counts.total()) for context, counts in times.items()}


def _table(counts: Mapping[Gram, int], width: int) -> NDArray[np.int64]:
    """One row each: the gram, and how often; shape (n, width + 1)."""
    return np.array([(*gram, n) for gram, n in sorted(counts.items())], dtype=np.int64).reshape(-1, width + 1)


def _counts(table: Numbers, width: int) -> dict[Gram, int]:
    """What `_table` was given."""
    if table.ndim != 2 or table.shape[1] != width + 1:
        raise ValueError(f"grams of {width} events take rows of {width + 1} numbers")
    return {tuple(gram): n for *gram, n in table.tolist()}
