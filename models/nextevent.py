"""What every detector has that predicts the next event of a session: surprises, ranks, explanations, files.

From what a network says comes next to how strange what came is. A session's first events and its END are predicted
like any other, and events the fit never saw share the Good-Turing mass of the unseen. A surprise says how likely it is
that something as unlikely comes, or less likely: where two hundred events are equally likely none is strange, though
each has a small probability. Which network predicts is the detector's own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from models import storing
from models.base import Explanation, Floats, Progress
from models.layers import Array, Fitted, Layers, Network
from models.learning import learn
from models.lesson import Lesson, Schedule
from models.windows import OPENINGS, Window

if TYPE_CHECKING:
    from torch import Tensor

Ints = NDArray[np.int64]

UNSEEN, START = 0, 1
"""Columns of the embedding before the vocabulary's: an event the fit never saw; before a session's first event."""
FIRST = 2
"""Column of the vocabulary's first event."""
NOTHING = -(2**31)
"""An event that no log has, put where one is left out: it says nothing, and the others stay in their places."""
CHUNK = 1_024
"""Histories predicted at once, some MB."""
TELLING = 30
"""Times a history must have come before "k times in n" tells anything; else a shorter one is asked."""


class Seen(NamedTuple):
    """The distinct windows of a fit, commonest first, and how often each came."""

    histories: Ints
    """Columns, shape (m, h)."""
    events: Ints
    """Places in the vocabulary, shape (m,)."""
    times: Ints
    """Shape (m,)."""


class NextEvent:
    """A fitted network, the events it knows, and the windows it was fit on."""

    CONFIG: ClassVar[type[Any]]
    """The detector's own settings; `h`, `epochs` and `device` are among them."""
    SCHEDULE: ClassVar[Schedule] = Schedule()
    """How it is fit; the epochs are the config's."""
    MAX_CACHED: ClassVar[int] = 64 * 2**20
    """Bytes of predictions kept for histories that come again."""
    MAX_SEEN: ClassVar[int] = 50_000
    """Distinct windows of the fit kept to say "k times in n", the commonest; 50,000 × 10 × 8 B = 4 MB."""

    def __init__(
        self,
        config: Any,  # noqa: ANN401 - its own file's Config
        vocabulary: tuple[int, ...],
        times: tuple[int, ...],
        fitted: Fitted,
        seen: Seen,
    ) -> None:
        self.config = config
        self.vocabulary = vocabulary
        """Event ids that the fit saw, ascending; END among them where sessions ended."""
        self.times = times
        """How often each came."""
        self.fitted = fitted
        self.seen = seen
        self._one = 1.0 / (sum(times) + 1)  # of the fit's windows and the one being judged
        self._unseen = times.count(1) * self._one  # Good-Turing: as likely as what came just once
        self._place = {event: place for place, event in enumerate(vocabulary)}
        self._cache: dict[tuple[int, ...], Floats] = {}

    @classmethod
    @abstractmethod
    def network(cls, n_events: int, config: Any) -> Network:  # noqa: ANN401 - its own file's Config
        """Its layers."""

    @staticmethod
    @abstractmethod
    def forward(on: Layers[Array], histories: Array) -> Array:
        """Columns, shape (batch, h) → log probabilities, shape (batch, n_events)."""

    @classmethod
    def fit(
        cls,
        config: Any,  # noqa: ANN401 - its own file's Config
        windows: Sequence[Window],
        seed: int,
        progress: Progress,
    ) -> Self:
        """A detector that has learnt what follows what; the same seed gives the same one.

        Raises:
            ValueError: there are no windows, or a GPU is asked for and there is none.
        """
        if not windows:
            raise ValueError(f"no windows to fit {config.kind} on")
        events = Counter(window.event for window in windows)
        openings = {id for window in windows for id in window.history[:1] if id <= OPENINGS}
        vocabulary = tuple(sorted({*events, *openings}))
        seen = _seen(windows, vocabulary, config.h)

        def losses(on: Layers[Tensor], histories: Tensor, came: Tensor) -> Tensor:
            return -cls.forward(on, histories).gather(1, came.unsqueeze(1)).squeeze(1)  # (batch,)

        lesson = Lesson(
            cls.network(len(vocabulary), config),
            lambda rows: (seen.histories[rows], seen.events[rows]),
            losses,
            seen.times,
        )
        fitted = learn(lesson, replace(cls.SCHEDULE, epochs=config.epochs), seed, progress, config.device)
        times = tuple(events[event] for event in vocabulary)
        return cls(config, vocabulary, times, fitted, Seen(*(table[: cls.MAX_SEEN] for table in seen)))

    def surprise(self, windows: Sequence[Window]) -> Floats:
        """Shape (n,): nats, -log of the probability that something as unlikely comes, 0 … log(fit's windows + 1)."""
        return self._nats(windows)

    @property
    def beyond(self) -> int:
        """The rank of an event that the fit never saw."""
        return len(self.vocabulary) + 1

    def rank(self, windows: Sequence[Window]) -> Ints:
        """Place of each window's event in its prediction, shape (n,), 1 = likeliest; never seen = `beyond`."""
        ranks = [
            self.beyond if place is None else 1 + int(np.count_nonzero(nats[:-1] < nats[place]))
            for place, nats in self._judged(windows)
        ]
        return np.array(ranks, dtype=np.int64)

    def explain(self, window: Window) -> Explanation:
        """What was expected, and by how much less surprising the event is with each history event left out.

        After a history of which the fit saw no event nothing was expected: the network's guess is about nothing.
        """
        history = window.history[-self.config.h :]
        (shares,) = self.shares([history])
        surprise = float(self._nats([window])[0])
        without = [window._replace(history=(*history[:i], NOTHING, *history[i + 1 :])) for i in range(len(history))]
        seen, total, after = self._came(window)
        known = any(event in self._place for event in history) or not history
        likeliest = _likeliest(shares[:-1], self.vocabulary) if known else []
        return Explanation(
            aspect="sequence",
            probability=max(float(shares[self._place.get(window.event, -1)]), self._one),  # rarer, nobody could know
            rank=int(self.rank([window])[0]),
            expected=tuple((self.vocabulary[i], float(shares[i])) for i in likeliest),
            influence=tuple(surprise - less for less in self._nats(without).tolist()),
            seen=seen,
            total=total,
            after=after,
        )

    def save(self, directory: Path) -> None:
        """Write `detector.json` and `weights.safetensors` into an existing directory."""
        words = {"config": asdict(self.config), "vocabulary": self.vocabulary, "times": self.times}
        tables = {f"seen.{name}": table for name, table in self.seen._asdict().items()}
        storing.write(directory, words, self.fitted.floats() | tables)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The detector that `save` wrote there.

        Raises:
            OSError, ValueError, KeyError, TypeError: a file is missing, truncated or foreign.
        """
        words, weights = storing.read(directory)
        config = cls.CONFIG(**words["config"])
        vocabulary, times = tuple(map(int, words["vocabulary"])), tuple(map(int, words["times"]))
        seen = Seen(*(weights.pop(f"seen.{name}") for name in Seen._fields))
        return cls(config, vocabulary, times, Fitted.of(cls.network(len(vocabulary), config), weights), seen)

    def _nats(self, windows: Sequence[Window]) -> Floats:
        return np.array([nats[place] for place, nats in self._judged(windows)], dtype=np.float64)

    def _judged(self, windows: Sequence[Window]) -> Iterator[tuple[int, Floats]]:
        """For each window the place of its event, -1 = never seen, in the prediction for its history."""
        histories = [window.history[-self.config.h :] for window in windows]
        for window, nats in zip(windows, self._predictions(histories), strict=True):
            yield self._place.get(window.event, -1), nats

    def _predictions(self, histories: Sequence[tuple[int, ...]]) -> Iterator[Floats]:
        """For each history the nats of every known event, and last of one never seen; kept for next time."""
        room = max(CHUNK, self.MAX_CACHED // (8 * len(self.vocabulary) + 200))
        for first in range(0, len(histories), CHUNK):
            part = histories[first : first + CHUNK]
            new = list(dict.fromkeys(history for history in part if history not in self._cache))
            if len(self._cache) + len(new) > room:
                self._cache.clear()
                new = list(dict.fromkeys(part))
            if new:
                self._cache.update(zip(new, self._predict(new), strict=True))
            yield from (self._cache[history] for history in part)

    def _predict(self, histories: Sequence[tuple[int, ...]]) -> Floats:
        """Nats of every known event and last of one never seen, shape (n, events + 1)."""
        shares = self.shares(histories)
        order = np.argsort(shares, axis=1, kind="stable")
        as_unlikely = np.empty_like(shares)
        np.put_along_axis(as_unlikely, order, np.cumsum(np.take_along_axis(shares, order, axis=1), axis=1), axis=1)
        return np.asarray(np.round(-np.log(np.minimum(as_unlikely + self._one, 1.0)), 9), dtype=np.float64)

    def shares(self, histories: Sequence[tuple[int, ...]]) -> Floats:
        """Probability of every known event and last of any never seen, shape (n, events + 1); rows sum to 1."""
        columns = _columns(histories, self._place, self.config.h)  # (n, h)
        known = np.exp(self.forward(self.fitted, columns)) * (1.0 - self._unseen)  # (n, events)
        return np.hstack([known, np.full((len(histories), 1), self._unseen)])

    def _came(self, window: Window) -> tuple[int, int, int]:
        """(k, n, m): after the last m history events, most that came `TELLING` times, this event came k times in n."""
        history = _columns([window.history[-self.config.h :]], self._place, self.config.h)[0]
        alike = self.seen.histories == history  # (windows, h)
        for skipped in range(self.config.h + 1):
            after = alike[:, skipped:].all(axis=1)
            total = int(self.seen.times[after].sum())
            if total >= TELLING:
                break
        here = after & (self.seen.events == self._place.get(window.event, -1))
        return int(self.seen.times[here].sum()), total, min(len(window.history), self.config.h - skipped)


def _likeliest(shares: Floats, vocabulary: Sequence[int]) -> list[int]:
    """Places of the five likeliest events, the likeliest first; openings are no events."""
    return [i for i in np.argsort(-shares, kind="stable").tolist() if vocabulary[i] > OPENINGS][:5]


def _columns(histories: Sequence[tuple[int, ...]], place: Mapping[int, int], h: int) -> Ints:
    """Columns of the embedding, shape (n, h); `START` where a history is shorter than h."""
    columns = np.full((len(histories), h), START, dtype=np.int64)
    for row, history in enumerate(histories):
        if history:
            columns[row, h - len(history) :] = [place[event] + FIRST if event in place else UNSEEN for event in history]
    return columns


def _seen(windows: Sequence[Window], vocabulary: tuple[int, ...], h: int) -> Seen:
    """The distinct windows, commonest first."""
    came = Counter((window.history[-h:], window.event) for window in windows).most_common()
    place = {event: place for place, event in enumerate(vocabulary)}
    return Seen(
        _columns([history for (history, _), _ in came], place, h),
        np.array([place[event] for (_, event), _ in came], dtype=np.int64),
        np.array([times for _, times in came], dtype=np.int64),
    )
