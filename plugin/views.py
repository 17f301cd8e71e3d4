"""A view: one way to look at a source's matched lines, and the detector that judges what it sees."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from models.base import Detector, Floats
from models.calibration import Calibration
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
        detector = self.settings.detector
        return Frame(detector.h, detector.counts, self.settings.idle_s, self.settings.max_sessions)

    def events(self, matches: Iterable[Match]) -> list[Event[LogLine]]:
        """The matched lines as events of this view's sessions, in their order."""
        session_of = _joined(self.settings.session_by)
        pairs_of = [_joined(pair) for pair in self.settings.pairs] if self.settings.detector.pairs else []
        opening = _opening if self.settings.detector.h else _none
        events = []
        for line, event in matches:
            pairs = tuple(pair for of in pairs_of if (pair := of(line, whole=True)))
            clock = line.clock or line.time
            events.append(Event(session_of(line), event, line.time, clock, pairs, line, opening(line.program)))
        return events


@lru_cache(maxsize=10_000)
def _opening(program: str) -> tuple[int, ...]:
    """What a program's sessions begin with: what is usual first for sshd is not what is usual first for cron."""
    return (OPENINGS - zlib.crc32(program.encode("utf-8", "surrogatepass")),)


def _none(_: str) -> tuple[int, ...]:
    return ()


@dataclass(frozen=True)
class Example:
    """A held-out line and its score: what a cut near that score would let through."""

    score: float
    time: float
    program: str
    text: str
    """The message, at most 200 characters."""


@dataclass(frozen=True)
class View:
    """A lens with what was learnt: detector, calibration and cut."""

    lens: Lens
    detector: Detector
    calibration: Calibration
    cut: float
    windows_per_day: float
    """Windows that a day of the training lines had; turns a budget into a cut."""
    calibrated: bool = True
    """False: too few lines to calibrate; the score is the detector's own probability."""
    examples: tuple[Example, ...] = ()
    """The strangest held-out lines of different kinds, worst first; `tune` shows those near a cut."""

    @property
    def name(self) -> str:
        """Its name in the settings and in every record."""
        return self.lens.name

    def surprises(self, sightings: Sequence[Sighting[LogLine]]) -> Floats:
        """Raw surprises, nats, shape (n,); each distinct window is computed once."""
        return surprise_once(self.detector, [sighting.window for sighting in sightings])


class _joined:  # noqa: N801 - a function with its fields bound
    """`host.name=web-01|process.name=sshd` from a line; '' when `whole` and a part is missing."""

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = fields
        self.values = attrgetter(*(LINE_FIELDS[field] for field in fields))

    def __call__(self, line: LogLine, *, whole: bool = False) -> str:
        values = self.values(line) if len(self.fields) > 1 else (self.values(line),)
        if whole and not all(values):
            return ""
        return "|".join(
            f"{field}={value}" for field, value in zip(self.fields, values, strict=True) if value not in ("", None)
        )
