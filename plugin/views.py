"""Views: ways to look at a source's matched lines, each with a detector that judges what it sees; and all together."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.base import Detector, Floats, frame_for
from models.calibration import Calibration, cut_for
from models.combining import combine
from models.crossfit import surprise_once
from models.windows import OPENINGS, Event, Frame, Sighting
from parsers.line import LogLine
from parsers.matcher import Match
from plugin.config import LINE_FIELDS, ViewSettings


@dataclass(frozen=True)
class Lens:
    """How a view turns lines into sequences; what is known of it before anything is learnt."""

    name: str
    settings: ViewSettings

    @property
    def frame(self) -> Frame:
        """How its sequences are cut into windows."""
        return frame_for(self.settings.detector, self.settings.idle_s, self.settings.max_sessions)

    @property
    def ends(self) -> tuple[Hashable, ...]:
        """What decides where its sequences end: equal for views that end them together."""
        frame = self.frame
        return (
            self.settings.session_by,
            frame.idle_s,
            frame.max_sessions,
            *((frame.bins, frame.bin_s) * (frame.bins > 0)),
        )

    def events(self, matches: Iterable[Match]) -> list[Event[LogLine]]:
        """The matched lines as events of this view's sessions, in their order."""
        session_of = _joining(self.settings.session_by)
        pairs_of = [_joining(pair) for pair in self.settings.pairs] if self.settings.detector.pairs else []
        opening = _opening if self.settings.detector.h else _none
        asked = self.settings.detector.values
        events = []
        for line, event, values in matches:
            pairs = tuple(pair for of in pairs_of if (pair := of(line, whole=True)))
            clock = line.clock or line.time
            of_line = values if asked else ()
            events.append(Event(session_of(line), event, line.time, clock, pairs, line, opening(line.program), of_line))
        return events


@lru_cache(maxsize=10_000)
def _opening(program: str) -> tuple[int, ...]:
    """What a program's sessions begin with: what is usual first for sshd is not what is usual first for cron."""
    return (OPENINGS - zlib.crc32(program.encode("utf-8", "surrogatepass")),)


def _none(_: str) -> tuple[int, ...]:
    return ()


@dataclass(frozen=True)
class View:
    """A lens with what was learnt through it."""

    lens: Lens
    detector: Detector
    calibration: Calibration

    @property
    def name(self) -> str:
        """Its name in the settings and in every record."""
        return self.lens.name

    def look(self, sightings: Sequence[Sighting[LogLine]]) -> Look:
        """How strange it finds each; distinct windows are computed once."""
        surprises = surprise_once(self.detector, [sighting.window for sighting in sightings])
        return Look(self, sightings, surprises, self.calibration.score(surprises))


class Look(NamedTuple):
    """What one view saw in some lines, and how strange it found it."""

    view: View
    sightings: Sequence[Sighting[LogLine]]
    surprises: Floats
    """Raw, nats, shape (sightings,)."""
    scores: Floats
    """The view's own, 0…100, shape (sightings,)."""


@dataclass(frozen=True)
class Example:
    """A held-out line and its score: what a cut near that score would let through."""

    score: float
    time: float
    program: str
    text: str
    """The message, at most 200 characters."""


@dataclass(frozen=True)
class Threshold:
    """What all views say together, as one score a line, and the score from which it is an anomaly."""

    calibration: Calibration
    """Of what `together` gives, on held-out lines."""
    cut: float
    per_day: float
    """Lines and ends of sessions that a day of the training had; turns a budget into a cut."""
    calibrated: bool = True
    """False: too few lines to calibrate; the score is the detector's own probability."""
    examples: tuple[Example, ...] = ()
    """The strangest held-out lines of different kinds, worst first; `tune` shows those near a cut."""

    def alerts(self, cut: float) -> float:
        """How many a day a cut lets through of the held-out lines."""
        return self.calibration.expected(cut) * self.per_day

    def cut_for(self, budget: float) -> float:
        """The cut that keeps a budget, alerts a day."""
        return cut_for(self.per_day, budget)


def together(looks: Sequence[Look]) -> tuple[list[NDArray[np.int64]], Floats]:
    """What is looked at, numbered, for each look's sightings; and how strange all views find each, nats, (items,).

    A line is one thing, however many views see it. So is the end of a session or of a time bin, for the views that cut
    them alike.
    """
    numbers: dict[tuple[str, Hashable], int] = {}
    items = [
        np.fromiter((numbers.setdefault(thing, len(numbers)) for thing in _things(look)), np.int64, len(look.sightings))
        for look in looks
    ]
    return items, combine(np.concatenate(items), np.concatenate([look.scores for look in looks]))


def _things(look: Look) -> Iterator[tuple[str, Hashable]]:
    ends = look.view.lens.ends
    return ((seen.line.origin, None if seen.window.is_line else ends) for seen in look.sightings)


@lru_cache(maxsize=32)
def _joining(fields: tuple[str, ...]) -> _joined:
    """One for all views and polls: what lines of other polls had in these fields, they often have again."""
    return _joined(fields)


class _joined:  # noqa: N801 - a function with its fields bound
    """`host.name=web-01|process.name=sshd` from a line; '' when `whole` and a part is missing."""

    def __init__(self, fields: Sequence[str]) -> None:
        self.values = attrgetter(*(LINE_FIELDS[field] for field in fields))
        self.text = lru_cache(maxsize=20_000)(partial(_text, tuple(fields)))  # lines of one session come together

    def __call__(self, line: LogLine, *, whole: bool = False) -> str:
        return self.text(self.values(line), whole)


def _text(fields: tuple[str, ...], values: object, whole: bool) -> str:
    """A value cannot begin another field: its own bars are written `%7C`."""
    given = values if isinstance(values, tuple) and len(fields) > 1 else (values,)
    if whole and not all(given):
        return ""
    named = zip(fields, given, strict=True)
    return "|".join(f"{field}={str(value).replace('|', '%7C')}" for field, value in named if value not in {"", None})
