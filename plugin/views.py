"""Views: ways to look at a source's matched lines, each with a detector that judges what it sees; and all together."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.base import Detector, Floats, frame_for
from models.calibration import Calibration, cut_for
from models.combining import combine
from models.crossfit import surprise_once
from models.means import Means, by_session, carried
from models.windows import END, OPENINGS, Event, Frame, Sighting, Tails, Window, narrowed, slide, widened
from parsers.line import LogLine
from parsers.matcher import Match
from plugin.config import LINE_FIELDS, LineField, ViewSettings

FROM_THE_FIRST: Tails[LogLine] = Tails()
"""Nothing is open, and nothing came before."""


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

    @property
    def whole(self) -> bool:
        """Whether it judges sessions by the mean of their steps."""
        return bool(self.settings.detector.whole)

    @cached_property
    def pairs_of(self) -> Callable[[LogLine], tuple[str, ...]]:
        """The pairs of a line that its detector sees."""
        return _pairing(self.settings.pairs) if self.settings.detector.pairs and self.settings.pairs else _no_pairs

    def events(self, matches: Iterable[Match]) -> list[Event[LogLine]]:
        """The matched lines as events of this view's sessions, in their order."""
        return _events(matches, self.settings.session_by, self.frame, self.pairs_of)

    def windows(self, sightings: Iterable[Sighting[LogLine]]) -> list[Window]:
        """What its detector judges of what a `Walk` saw."""
        frame = self.frame
        if not _joinable(frame):
            return [seen.window for seen in sightings]
        pairs_of = self.pairs_of
        return [narrowed(seen.window, frame, pairs_of(seen.line)) for seen in sightings]

    def unknown(self, sightings: Sequence[Sighting[LogLine]], since: float) -> list[int]:
        """Where nothing can be said of sightings, for their session may have begun before the looking did.

        Of such a one it is not known what its first event came after, nor what the whole of it was.
        """
        whole_from = since + self.frame.idle_s
        first = 1 if self.frame.h else 0
        return [
            i
            for i, (window, _, _, start, _, n) in enumerate(sightings)
            if start < whole_from and (window.event == END or n == first)
        ]


def _events(
    matches: Iterable[Match],
    session_by: Sequence[LineField],
    frame: Frame,
    pairs_of: Callable[[LogLine], tuple[str, ...]],
) -> list[Event[LogLine]]:
    session_of, asked = _joining(tuple(session_by)), frame.values
    opening = _opening if frame.h else _none
    events = []
    for line, event, values in matches:
        clock, of_line = line.clock or line.time, values if asked else ()
        where = opening(line.program)
        events.append(Event(session_of(line), event, line.time, clock, pairs_of(line), line, where, of_line))
    return events


def _no_pairs(_: LogLine) -> tuple[str, ...]:
    return ()


def _joinable(frame: Frame) -> bool:
    """Whether its windows can be taken from a wider frame's; images are counted one way alone."""
    return not frame.transitions and not frame.bins


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

    def look(self, sightings: Sequence[Sighting[LogLine]], before: Tails[LogLine] = FROM_THE_FIRST) -> Look:
        """How strange it finds each; distinct windows are computed once. `before` is what was carried to here."""
        windows = self.lens.windows(sightings)
        surprises = surprise_once(self.detector, windows)
        unknown = self.lens.unknown(sightings, before.since)
        surprises[unknown] = 0.0
        if not self.lens.whole:
            return Look(self, sightings, surprises, self.calibration.score(surprises))
        means = by_session(sightings, windows, surprises, before.sessions)
        means.surprises[unknown] = 0.0
        return Look(self, sightings, means.surprises, self.calibration.score(means.surprises), means)


@dataclass(frozen=True)
class Walk:
    """Lenses that cut the lines into the same sequences: one pass over the lines serves them all."""

    lenses: tuple[Lens, ...]

    @property
    def name(self) -> str:
        """Of its tails: the names of its views."""
        return "+".join(lens.name for lens in self.lenses)

    @property
    def frame(self) -> Frame:
        """Whatever any of them asks for."""
        return widened([lens.frame for lens in self.lenses])

    def slide(
        self, matches: Iterable[Match], tails: Tails[LogLine], until: float
    ) -> tuple[list[Sighting[LogLine]], Tails[LogLine]]:
        """The windows of the lines in its frame, from which each lens takes its own, and the tails to carry on."""
        first, frame = self.lenses[0], self.frame
        pairs_of = _no_pairs if _joinable(frame) else first.pairs_of  # each takes its own pairs; or there is but one
        return slide(tails, _events(matches, first.settings.session_by, frame, pairs_of), frame, until)


def walks(lenses: Iterable[Lens]) -> tuple[Walk, ...]:
    """Lenses that can share a pass, together, in the order of the first of each; a tail has room for one sum."""
    alike: dict[Hashable, list[Lens]] = {}
    for lens in lenses:
        key = lens.ends if _joinable(lens.frame) else lens.name
        if lens.whole and any(other.whole for other in alike.get(key, ())):
            key = lens.name
        alike.setdefault(key, []).append(lens)
    return tuple(Walk(tuple(group)) for group in alike.values())


class Look(NamedTuple):
    """What one view saw in some lines, and how strange it found it."""

    view: View
    sightings: Sequence[Sighting[LogLine]]
    """As they were seen for all views of a `Walk`."""
    surprises: Floats
    """Raw, nats, shape (sightings,)."""
    scores: Floats
    """The view's own, 0…100, shape (sightings,)."""
    means: Means | None = None
    """Where it judges whole sessions: what they came to."""

    def own(self, place: int) -> Sighting[LogLine]:
        """A sighting with the window that the view's detector judged."""
        seen = self.sightings[place]
        window = self.view.lens.windows([seen])[0]
        return seen._replace(window=window._replace(steps=self.means.steps.get(place, ())) if self.means else window)


def with_sums(tails: Tails[LogLine], looks: Iterable[Look]) -> Tails[LogLine]:
    """The tails of a `Walk` with what open sessions came to for the one of its views that asks."""
    sums = next((look.means.sums for look in looks if look.means), None)
    return tails if sums is None else carried(tails, sums)


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
    counted: dict[tuple[int, Hashable], NDArray[np.int64]] = {}
    items = []
    for look in looks:
        key = id(look.sightings), look.view.lens.ends
        if key not in counted:  # else another view of the same walk
            found = (numbers.setdefault(thing, len(numbers)) for thing in _things(look))
            counted[key] = np.fromiter(found, np.int64, len(look.sightings))
        items.append(counted[key])
    return items, combine(np.concatenate(items), np.concatenate([look.scores for look in looks]))


def _things(look: Look) -> Iterator[tuple[str, Hashable]]:
    ends = look.view.lens.ends
    return ((seen.line.origin, None if seen.window.is_line else ends) for seen in look.sightings)


@lru_cache(maxsize=32)
def _joining(fields: tuple[str, ...]) -> Callable[[LogLine], str]:
    """`host.name=web-01|process.name=sshd` of a line. One for all views and polls: lines of a session come together."""
    values = attrgetter(*(LINE_FIELDS[field] for field in fields))
    text = lru_cache(maxsize=20_000)(lambda given: _text(fields, _several(given, fields)))
    return lambda line: text(values(line))


@lru_cache(maxsize=32)
def _pairing(pairs: tuple[tuple[str, ...], ...]) -> Callable[[LogLine], tuple[str, ...]]:
    """The pairs of which a line has all parts; what one line had in these fields, others often have again."""
    fields = tuple(dict.fromkeys(chain.from_iterable(pairs)))
    values = attrgetter(*(LINE_FIELDS[field] for field in fields))

    @lru_cache(maxsize=20_000)
    def whole(given: object) -> tuple[str, ...]:
        of = dict(zip(fields, _several(given, fields), strict=True))
        return tuple(_text(pair, [of[field] for field in pair]) for pair in pairs if all(of[field] for field in pair))

    return lambda line: whole(values(line))


def _several(given: object, fields: tuple[str, ...]) -> tuple[object, ...]:
    """What an `attrgetter` gave, which of one field is no tuple."""
    return given if isinstance(given, tuple) and len(fields) > 1 else (given,)


def _text(fields: Sequence[str], values: Sequence[object]) -> str:
    """A value cannot begin another field: its own bars are written `%7C`."""
    named = zip(fields, values, strict=True)
    return "|".join(f"{field}={str(value).replace('|', '%7C')}" for field, value in named if value not in {"", None})
