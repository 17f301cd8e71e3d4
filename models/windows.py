"""Where log lines have become numbers: events slide into windows, session by session.

A session is a sequence of events that a view reads together. It ends when its own next event comes `idle_s` later, or
when the source's clock has moved `idle_s` past its last event, or when more than `max_sessions` are open and it has
been silent longest. Its end is an event like any other, END, and is predicted and judged like any other.

The rule depends on the order of the events alone, never on where a poll happened to cut them:
sliding over two pieces, one after the other, gives what sliding over both at once gives.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

UNKNOWN = 0
"""The event id of a line that no template matches."""
END = -1
"""The event id that says: this session fell silent."""

OPENINGS = -2
"""Ids from here down stand at the head of a session's first histories: what kind of session begins. Never predicted."""

RECENT = 10
"""Earlier events of the same template that a window with values holds: what DeepLog's paper takes for its history."""

Values = tuple[tuple[str, str | float], ...]
"""(name, value) as the line says them, in its order: numbers as floats, anything else as text."""
Moment = tuple[float, ...]
"""When an event came, seconds since the epoch, and then its numbers in the order of the line."""
Line = TypeVar("Line")
"""Whatever the caller wants back with a window: a log line, a line number."""


class Event(NamedTuple, Generic[Line]):
    """One event of one session, as a view reads it."""

    session: str
    id: int
    """0 = UNKNOWN, else the template's number; never END."""
    time: float
    """When it was logged, seconds since the epoch."""
    clock: float
    """When the source showed it (the polled time field), seconds since the epoch; for a file the same as `time`."""
    pairs: tuple[str, ...]
    """The combinations a detector may know or not: `user.name=root|source.ip=10.1.2.3`."""
    line: Line
    opening: tuple[int, ...] = ()
    """The history that a session begins with when this is its first event: at most one id from `OPENINGS` down."""
    values: Values = ()


class Window(NamedTuple):
    """What a detector judges. Equal windows get equal verdicts, so each distinct one is computed once."""

    history: tuple[int, ...]
    """The last h event ids of the session before this event, oldest first; shorter near the session's start."""
    event: int
    """The event to predict: a template's id, UNKNOWN or END."""
    pairs: tuple[str, ...] = ()
    counts: tuple[tuple[int, int], ...] = ()
    """At END, when the frame asks for it: (event id, how often it came) of the whole session, ids ascending."""
    values: Values = ()
    """What the line said at its template's placeholders, when the frame asks for it; so too the next two."""
    recent: tuple[Moment, ...] = ()
    """The last `RECENT` events of the same template in any session, oldest first; none of UNKNOWN and END."""
    time: float = 0.0
    """When it was logged, seconds since the epoch; at END 0."""


class Sighting(NamedTuple, Generic[Line]):
    """A window, and where and when it was seen."""

    window: Window
    session: str
    line: Line
    """The line that triggered it; at END the session's last one."""
    start: float
    """Time of the session's first event, seconds since the epoch."""
    time: float
    """Time of the event; at END when the session was last heard."""


class Tail(NamedTuple, Generic[Line]):
    """What is carried of an open session."""

    history: tuple[int, ...]
    counts: Mapping[int, int]
    line: Line
    start: float
    time: float
    clock: float


@dataclass(frozen=True)
class Frame:
    """How a view frames its sequences."""

    h: int
    """Events of history in a window; 0 = none."""
    counts: bool
    """Whether END windows say how often each event came."""
    idle_s: float
    """Silence that ends a session, seconds."""
    max_sessions: int = 50_000
    values: bool = False
    """Whether windows hold values, what the template's last events held, and the time."""


@dataclass(frozen=True)
class Tails(Generic[Line]):
    """The open sessions of one view, longest silent first, and the source's clock so far."""

    sessions: Mapping[str, Tail[Line]] = field(default_factory=dict)
    clock: float = 0.0
    recent: Mapping[int, tuple[Moment, ...]] = field(default_factory=dict)
    """By template, when the frame asks for values: its last `RECENT` events, oldest first. As many as templates."""


def slide(
    tails: Tails[Line], events: Iterable[Event[Line]], frame: Frame, until: float
) -> tuple[list[Sighting[Line]], Tails[Line]]:
    """The windows of `events`, in order, ends of sessions included, and the tails to carry on.

    `until` is how far the source's clock has come, in seconds: sessions silent for `idle_s` by then have ended.
    """
    walk = _Walk(frame, OrderedDict(tails.sessions), dict(tails.recent))
    clock = tails.clock
    for event in events:
        clock = max(clock, event.clock)
        walk.end_silent(clock)
        walk.step(event, clock)
    clock = max(clock, until)
    walk.end_silent(clock)
    return walk.seen, Tails(walk.open, clock, walk.recent)


class _Walk(Generic[Line]):
    """One pass of `slide`: the open sessions in order of their last event, and the windows seen so far."""

    def __init__(
        self, frame: Frame, sessions: OrderedDict[str, Tail[Line]], recent: dict[int, tuple[Moment, ...]]
    ) -> None:
        self.frame = frame
        self.open = sessions
        self.recent = recent
        self.seen: list[Sighting[Line]] = []

    def step(self, event: Event[Line], clock: float) -> None:
        tail = self.open.pop(event.session, None)
        if tail is not None and event.time - tail.time >= self.frame.idle_s:
            self._end(event.session, tail)
            tail = None
        history = tail.history if tail else event.opening
        start = tail.start if tail else event.time
        window = self._valued(history, event) if self.frame.values else Window(history, event.id, event.pairs)
        self.seen.append(Sighting(window, event.session, event.line, start, event.time))
        self.open[event.session] = Tail(
            (*history, event.id)[-self.frame.h :] if self.frame.h else (),
            _counted(tail.counts if tail else {}, event.id) if self.frame.counts else {},
            event.line,
            start,
            event.time,
            clock,
        )
        if len(self.open) > self.frame.max_sessions:
            self._end(*self.open.popitem(last=False))

    def _valued(self, history: tuple[int, ...], event: Event[Line]) -> Window:
        recent = self.recent.get(event.id, ())
        if event.id != UNKNOWN:
            moment = (event.time, *[value for _, value in event.values if isinstance(value, float)])
            self.recent[event.id] = (*recent[1 - RECENT :], moment)
        return Window(history, event.id, event.pairs, (), event.values, recent, event.time)

    def end_silent(self, clock: float) -> None:
        while self.open:
            session, tail = next(iter(self.open.items()))
            if clock - tail.clock < self.frame.idle_s:
                return
            del self.open[session]
            self._end(session, tail)

    def _end(self, session: str, tail: Tail[Line]) -> None:
        window = Window(tail.history, END, (), tuple(sorted(tail.counts.items())))
        self.seen.append(Sighting(window, session, tail.line, tail.start, tail.time))


def _counted(counts: Mapping[int, int], event: int) -> dict[int, int]:
    return {**counts, event: counts.get(event, 0) + 1}
