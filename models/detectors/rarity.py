"""What no next-event model can know, by counting: rare events, new pairs, and at a session's END its signature.

Every part says how likely it is that a window shows something as rare as this, or rarer: the share of the fit's windows
that did, plus the Good-Turing mass of the unseen, the share that showed what came just once. So a first event alarms
in a log that brings none, and not in one that always does. All shares are shares of all windows, so parts that are
tried often and seldom meet on one scale, and the least likely part speaks.
Sources: Good, "The population frequencies of species", Biometrika 1953; the signature after Landauer et al.,
"A critical review of common log data sets", FSE 2024, whose counting beat the networks.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, Self, TypeVar

import numpy as np

from models.base import DetectorConfig, Explanation, Floats, Progress
from models.neighbours import Neighbours, Signature
from models.windows import END, Window

MAX_ITEMS = 50_000
"""Items kept by name in one tally, the commonest; the others are judged as unseen. Some 5 MB of JSON for long pairs."""
MAX_KINDS = 64
"""Kinds of pairs kept: field names come from settings, but a hostile value could pretend to hold more."""
EXACT = 8
"""Up to here every count is a bucket of its own, then each doubling is one."""
FIELD = re.compile(r"(?:^|\|)([^=|]+)=")

Item = TypeVar("Item", bound=Hashable)
Aspect = Literal["event", "pair", "set", "counts"]


@dataclass(frozen=True)
class Config(DetectorConfig):
    """Settings of the detector."""

    kind: Literal["rarity"] = "rarity"
    h: int = 0
    counts: bool = True
    pairs: bool = True


class Part(NamedTuple):
    """One thing about a window, and how rare it is."""

    nats: float
    aspect: Aspect
    seen: int = 0
    """Windows of the fit that showed just this …"""
    total: int = 0
    """… out of those that could have."""
    pair: str = ""
    event: int = 0
    """Whose count it is."""


class Tally(Generic[Item]):
    """How often each item came, and so how surprising each is."""

    def __init__(self, items: Mapping[Item, int], once: int, rest: int, windows: int) -> None:
        self.items = items
        """The `MAX_ITEMS` commonest."""
        self.once = once
        """Items that came just once."""
        self.rest = rest
        """How often the items not kept came, together."""
        self.windows = windows
        """All windows of the fit, whether they could show such an item or not."""
        self.total = sum(items.values()) + rest
        self._nats = self._by_times()

    @classmethod
    def of(cls, times: Counter[Item], windows: int) -> Self:
        """Keep the commonest by name, the others as a number."""
        kept = dict(times.most_common(MAX_ITEMS))
        return cls(kept, sum(came == 1 for came in times.values()), times.total() - sum(kept.values()), windows)

    def nats(self, item: Item) -> float:
        """-log of the share of windows that show an item as rare as this or rarer; 0 … log(windows + 1)."""
        return self._nats[self.items.get(item, 0)]

    def part(self, aspect: Aspect, item: Item) -> Part:
        """The same with its numbers."""
        return Part(self.nats(item), aspect, self.items.get(item, 0), self.total)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what is true of all tallies is left out."""
        return {"items": list(self.items.items()), "once": self.once, "rest": self.rest}

    def _by_times(self) -> dict[int, float]:
        """Nats of an item by how often it came, 0 = never."""
        weight: Counter[int] = Counter()
        for came in self.items.values():
            weight[came] += came
        rarer = 1 + self.once  # the window being judged, and the unseen
        nats = {0: self._share(rarer)}
        rarer += self.rest
        for came in sorted(weight):
            rarer += weight[came]
            nats[came] = self._share(rarer)
        return nats

    def _share(self, rarer: int) -> float:
        return max(-math.log(rarer / (self.windows + 1)), 0.0)


class Detector:
    """The tallies of one fit."""

    def __init__(
        self,
        config: Config,
        events: Tally[int],
        pairs: Mapping[str, Tally[str]],
        sets: Tally[Signature],
        counts: Mapping[int, Tally[int]],
    ) -> None:
        self.config = config
        self.events = events
        self.pairs = pairs
        """By kind: the names of the fields, say `user.name|source.ip`."""
        self.sets = sets
        self.counts = counts
        """By event: how often it came in the sessions that have it, in buckets."""
        self._new_kind: Tally[str] = Tally({}, 0, 0, events.windows)
        self._neighbours = Neighbours(
            sets.items, {event: buckets.total for event, buckets in counts.items()}, max(sets.total, 1)
        )

    @classmethod
    def fit(cls, config: Config, windows: Sequence[Window], seed: int, progress: Progress) -> Self:
        """A detector that has counted `windows`; counting needs no `seed`.

        Raises:
            ValueError: there are no windows.
        """
        if not windows:
            raise ValueError(f"no windows to fit {config.kind} on")
        del seed
        events = Counter(window.event for window in windows if window.event != END)
        pairs: defaultdict[str, Counter[str]] = defaultdict(Counter)
        sets: Counter[Signature] = Counter()
        counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
        for window in windows:
            for pair in window.pairs:
                pairs[_kind(pair)][pair] += 1
            if window.counts:
                sets[_signature(window)] += 1
            for event, count in window.counts:
                counts[event][_bucket(count)] += 1
        progress(1.0)
        n = len(windows)
        kinds = sorted(pairs, key=lambda kind: -pairs[kind].total())[:MAX_KINDS]
        return cls(
            config,
            Tally.of(events, n),
            {kind: Tally.of(pairs[kind], n) for kind in kinds},
            Tally.of(sets, n),
            {event: Tally.of(buckets, n) for event, buckets in counts.items()},
        )

    def surprise(self, windows: Sequence[Window]) -> Floats:
        """Shape (n,): nats of each window's least likely part."""
        return np.array([self._worst(window).nats for window in windows], dtype=np.float64)

    def explain(self, window: Window) -> Explanation:
        """Which part spoke, and how often the fit saw it.

        At END, aspect `set`: `missing` and `extra` against the known set that comes nearest. Aspect `counts`: `extra`
        is the event that came so often or so seldom; `seen` of the `total` sessions that have it had it that often.
        """
        part = self._worst(window)
        missing: Signature = ()
        extra: Signature = (part.event,) if part.aspect == "counts" else ()
        if part.aspect == "set":
            missing, extra = self._against_nearest(_signature(window))
        return Explanation(
            aspect=part.aspect,
            probability=math.exp(-part.nats),
            seen=part.seen,
            total=part.total,
            pair=part.pair,
            missing=missing,
            extra=extra,
        )

    def save(self, directory: Path) -> None:
        """Write `detector.json` into an existing directory."""
        words = {
            "config": asdict(self.config),
            "windows": self.events.windows,
            "events": self.events.to_json(),
            "pairs": {kind: tally.to_json() for kind, tally in self.pairs.items()},
            "sets": self.sets.to_json(),
            "counts": {event: tally.to_json() for event, tally in self.counts.items()},
        }
        (directory / "detector.json").write_text(json.dumps(words), encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The detector that `save` wrote there.

        Raises:
            OSError, ValueError, KeyError, TypeError: the file is missing, truncated or foreign.
        """
        words = json.loads((directory / "detector.json").read_text(encoding="utf-8"))
        windows = int(words["windows"])
        return cls(
            Config(**words["config"]),
            _tally(words["events"], int, windows),
            {kind: _tally(tally, str, windows) for kind, tally in words["pairs"].items()},
            _tally(words["sets"], _ints, windows),
            {int(event): _tally(tally, int, windows) for event, tally in words["counts"].items()},
        )

    def _worst(self, window: Window) -> Part:
        """The part that speaks."""
        if window.event != END:
            event = self.events.part("event", window.event)
            return max(event, _least_likely(self._pair_parts(window)), key=_nats)
        if not window.counts:  # a frame that does not count says nothing about how sessions end
            return Part(0.0, "set")
        return max(self._set_part(_signature(window)), _least_likely(self._count_parts(window)), key=_nats)

    def _pair_parts(self, window: Window) -> Iterator[Part]:
        for pair in window.pairs:
            yield self.pairs.get(_kind(pair), self._new_kind).part("pair", pair)._replace(pair=pair)

    def _set_part(self, signature: Signature) -> Part:
        part = self.sets.part("set", signature)
        return part if part.seen else part._replace(nats=part.nats + self._neighbours.nats(signature))

    def _count_parts(self, window: Window) -> Iterator[Part]:
        for event, count in window.counts:
            if event in self.counts:  # an event no session had is the set's to tell
                yield self.counts[event].part("counts", _bucket(count))._replace(event=event)

    def _against_nearest(self, signature: Signature) -> tuple[Signature, Signature]:
        nearest, here = set(self._neighbours.nearest(signature)), set(signature)
        missing = nearest - here if nearest & here else ()  # with nothing in common, nothing is missed
        return tuple(sorted(missing)), tuple(sorted(here - nearest))


def _least_likely(parts: Iterable[Part]) -> Part:
    """The least likely of m parts; that one of m is so unlikely is m times likelier than that one given part is."""
    tried = list(parts)
    worst = max(tried, key=_nats, default=Part(0.0, "event"))
    return worst._replace(nats=max(worst.nats - math.log(max(len(tried), 1)), 0.0))


def _nats(part: Part) -> float:
    return part.nats


def _kind(pair: str) -> str:
    return "|".join(FIELD.findall(pair))


def _signature(window: Window) -> Signature:
    return tuple(event for event, _ in window.counts)


def _bucket(count: int) -> int:
    return count if count <= EXACT else EXACT - 3 + count.bit_length()  # 9…15 → 9, 16…31 → 10, …


def _ints(values: Iterable[int]) -> Signature:
    return tuple(map(int, values))


def _tally(words: Mapping[str, Any], item: Callable[[Any], Item], windows: int) -> Tally[Item]:
    items = {item(name): int(times) for name, times in words["items"]}
    return Tally(items, int(words["once"]), int(words["rest"]), windows)
