"""The words at one place of a template: how often each came, and at what hours of the day."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from models.base import Floats
from models.usual import Beyond, Ints, held_out

MISSING, OTHER = -2, -1
"""Codes of a word that a line does not have, and of one that is not among those known."""
LINE = ""
"""Name of a place that every line has, and its one word."""
MAX_WORDS = 1_000
"""Words known at one place, the commonest; the others count as never seen."""
USELESS = math.log(5.0)
"""Nats: where one line in five brings a new word, none is news."""
MIN_DAYS = 5
"""Days on which a word must have come before its hours are a habit: a working week. As many again show if it is one."""
HABIT_H = 14.0
"""Hours that nine in ten times lie within: a working day and what frays at its ends. Who comes at any has no habit."""
BINS = 48
"""Half hours of a day, UTC."""
NEAR_H = 1.0
"""Hours by which a habit may shift: a Gaussian of this width is laid over each half hour in which something came."""
DAY_S = 86_400.0


@dataclass(frozen=True)
class Words:
    """How often each word came at its place, and how likely one is that is as rare.

    A word never seen is as likely as what came just once (Good and Turing); or as the later half of the lines found
    words new that the earlier had not: words come in bursts, and then few come once.
    """

    counts: tuple[int, ...]
    """By code."""
    total: int
    once: int
    """Lines that an unseen word is as likely as."""

    @classmethod
    def of(cls, codes: Ints, n_words: int) -> Self:
        """From the codes of all lines, oldest first; `OTHER` are words that were not kept."""
        codes = codes[codes != MISSING]
        counts = np.bincount(codes[codes >= 0], minlength=n_words)
        others = int(np.count_nonzero(codes == OTHER))
        early, late = codes[: len(codes) // 2], codes[len(codes) // 2 :]
        known = np.bincount(early[early >= 0], minlength=n_words + 1) > 0
        new = int(np.count_nonzero(~known[late])) * len(codes) // max(len(late), 1)  # OTHER is the last place: unknown
        return cls(tuple(counts.tolist()), len(codes), max(int(np.count_nonzero(counts == 1)) + others, new))

    def nats(self, codes: Ints) -> Floats:
        """-log of the share of lines whose word is as rare, shape (n,); NaN where a line has none."""
        found = self._nats[np.where(codes >= 0, codes, len(self.counts))]
        return np.where(codes == MISSING, np.nan, found)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From its fields; raises KeyError, TypeError or ValueError for anything else."""
        return cls(tuple(map(int, data["counts"])), int(data["total"]), int(data["once"]))

    @cached_property
    def _nats(self) -> Floats:
        """By code, and last of a word never seen."""
        counts = np.array([*self.counts, 0], dtype=np.int64)
        order = np.sort(counts)
        as_rare = np.concatenate([[0], np.cumsum(order)])[np.searchsorted(order, counts, side="right")]
        return np.asarray(-np.log(np.minimum((1 + self.once + as_rare) / (self.total + 1), 1.0)))


@dataclass(frozen=True)
class Hours:
    """On how many of its days each word came at about such an hour."""

    days: tuple[int, ...]
    """By code; 0 where they are too few, or it has no habit."""
    came: tuple[tuple[tuple[int, int], ...], ...]
    """By code: (half hour, days on which it came then), ascending."""

    @classmethod
    def of(cls, codes: Ints, times: Floats, n_words: int, least: int = 2 * MIN_DAYS) -> Self:
        """From the codes of the lines, shape (n,), and when they came, seconds since the epoch.

        `least` is on how many days a word must have come.
        """
        known = codes >= 0
        codes, times = codes[known], times[known]
        day, bins = np.floor(times / DAY_S).astype(np.int64), _bins(times)
        day = day - day.min() if len(day) else day
        span = int(day.max(initial=0)) + 1
        days = np.bincount(np.unique(codes * span + day) // span, minlength=n_words)
        slots = np.unique((codes * span + day) * BINS + bins)
        came = np.zeros((n_words, BINS), dtype=np.int64)
        np.add.at(came, (slots // BINS // span, slots % BINS), 1)
        days = np.where(days >= least, days, 0)
        for code in np.flatnonzero(days):
            days[code] *= _shortest(came[code])[1] <= HABIT_H * BINS / 24
        rows = [tuple((int(b), int(came[code, b])) for b in np.flatnonzero(came[code])) for code in range(n_words)]
        return cls(tuple(days.tolist()), tuple(row if n else () for row, n in zip(rows, days, strict=True)))

    def figures(self, codes: Ints, times: Floats) -> Floats:
        """-log of the share of days on which the word came about then, shape (n,); NaN where it has no habit."""
        found = self._figures[np.where(codes >= 0, codes, len(self.days)), _bins(times)]
        return np.asarray(found)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From its fields; raises KeyError, TypeError or ValueError for anything else."""
        came = tuple(tuple((int(place), int(n)) for place, n in row) for row in data["came"])
        return cls(tuple(map(int, data["days"])), came)

    def span(self, code: int) -> tuple[float, float]:
        """The shortest part of the day that nine in ten of its half hours lie in: (from, to), seconds of the day."""
        came = np.zeros(BINS, dtype=np.int64)
        came[[place for place, _ in self.came[code]]] = [n for _, n in self.came[code]]
        first, length = _shortest(came)
        return first * DAY_S / BINS, (first + length) % BINS * DAY_S / BINS

    @cached_property
    def _figures(self) -> Floats:
        """By code and half hour; last of any other word."""
        apart = np.abs(np.arange(BINS)[:, None] - np.arange(BINS)[None, :])
        near = np.exp(-0.5 * (np.minimum(apart, BINS - apart) * 24.0 / BINS / NEAR_H) ** 2)  # (BINS, BINS)
        figures = np.full((len(self.days) + 1, BINS), np.nan)
        for code, (days, came) in enumerate(zip(self.days, self.came, strict=True)):
            if days:
                counts = np.zeros(BINS)
                counts[[place for place, _ in came]] = [n for _, n in came]
                figures[code] = -np.log(((counts * near).max(axis=1) + 1.0 / BINS) / (days + 1.0))
        return figures


def _shortest(came: Ints) -> tuple[int, int]:
    """(first, how many) of the fewest half hours in a row, round the clock, that hold nine in ten."""
    until = np.concatenate([[0.0], np.cumsum(np.tile(came, 2))])
    lengths = np.searchsorted(until, until[:BINS] + 0.9 * came.sum() - 1e-9) - np.arange(BINS)
    return int(lengths.argmin()), int(lengths.min())


def _bins(times: Floats) -> Ints:
    return np.asarray((times % DAY_S) // (DAY_S / BINS), dtype=np.int64) % BINS


@dataclass(frozen=True)
class Place:
    """What is known of the words at one place of a template."""

    vocabulary: tuple[str, ...]
    """The `MAX_WORDS` commonest, commonest first."""
    words: Words
    hours: Hours
    beyond: Beyond
    """Of the hours' figures."""

    @classmethod
    def of(cls, texts: Sequence[str | None], times: Floats, *, has_hours: bool) -> Self:
        """From the words of all lines, oldest first, and when they came.

        `has_hours`: whether the words may have habits; who comes has, how much it was has not.
        """
        came = Counter(text for text in texts if text is not None)
        vocabulary = tuple(word for word, _ in sorted(came.items(), key=lambda item: (-item[1], item[0]))[:MAX_WORDS])
        codes, n = _coded(texts, _numbered(vocabulary)), len(vocabulary)

        def judged(teaches: slice, asked: slice) -> Floats:
            return Hours.of(codes[teaches], times[teaches], n, MIN_DAYS).figures(codes[asked], times[asked])

        if not has_hours:
            return cls(vocabulary, Words.of(codes, n), Hours((0,) * n, ((),) * n), Beyond(0))
        return cls(vocabulary, Words.of(codes, n), Hours.of(codes, times, n), held_out(len(codes), judged))

    @property
    def is_telling(self) -> bool:
        """Whether a new word there is news."""
        return bool(self.words.nats(np.array([OTHER]))[0] >= USELESS)

    def codes(self, texts: Sequence[str | None]) -> Ints:
        """The words as codes, shape (n,)."""
        return _coded(texts, self._codes)

    @cached_property
    def _codes(self) -> dict[str | None, int]:
        return _numbered(self.vocabulary)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From its fields; raises KeyError, TypeError or ValueError for anything else."""
        vocabulary = tuple(map(str, data["vocabulary"]))
        words, hours = Words.from_json(data["words"]), Hours.from_json(data["hours"])
        if {len(words.counts), len(hours.days), len(hours.came)} != {len(vocabulary)}:
            raise ValueError("words, their counts and their hours do not belong together")
        return cls(vocabulary, words, hours, Beyond.from_json(data["beyond"]))


def _numbered(vocabulary: Sequence[str]) -> dict[str | None, int]:
    return {None: MISSING} | {word: code for code, word in enumerate(vocabulary)}


def _coded(texts: Sequence[str | None], codes: Mapping[str | None, int]) -> Ints:
    return np.fromiter((codes.get(text, OTHER) for text in texts), np.int64, len(texts))
