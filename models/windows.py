"""Where log lines have become numbers: events slide into windows, session by session.

A session is a sequence of events that a view reads together. It ends when its own next event comes `idle_s` later, or
when the source's clock has moved `idle_s` past its last event. Its end is an event like any other, END, and is
predicted and judged like any other. Where more than `max_sessions` are open, the one that has been silent longest is
dropped: that was our end, not its own, and is not judged.

The rule depends on the order of the events alone, never on where a poll happened to cut them:
sliding over two pieces, one after the other, gives what sliding over both at once gives.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from types import MappingProxyType
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
MAX_CELLS = 1_000
"""Distinct transitions, or distinct (bin, event), carried of one session: some 20 kB. One more that is new counts as
UNKNOWN's, so that nobody can fill a checkpoint by being various."""
FIRST_LOOK = 1_024
"""A session that goes on is looked at when it has so many events, and at each doubling: twenty looks at a billion."""

Cell = tuple[int, ...]
"""A row and a column of an image; of transitions the event before, and the one that followed it. Or a step: the events
before, as many as the detector looks back, and the one that followed them."""
Rows = tuple[tuple[int, ...], ...]
"""Cells of an image, each with how often it came; ascending."""
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
    transitions: Rows = ()
    """At END, and at the `FIRST_LOOK`th event and each doubling, when the frame asks for it: (event before, event, how
    often) of the whole session so far; it begins after END, and at END it ends with it."""
    bins: Rows = ()
    """When a time bin closes, where the frame asks for it: (bins before this one, event id, how often) of the session's
    last bins, ascending; 0 is the bin that closed."""
    steps: Rows = ()
    """Where a session is looked at whole, for who explains it: (events before …, event, how often, thousandths of a nat
    in sum) of its strangest steps, ascending; see `models.means`."""

    @property
    def is_line(self) -> bool:
        """Whether it is about its line, not about the end of a session or of a time bin."""
        return self.event != END and not self.bins


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
    n: int
    """The session's events so far, this one included; at END all of them."""


class Odd(NamedTuple):
    """A strange step of a session."""

    n: int
    """How often it came."""
    nats: int
    """Its surprises in sum, thousandths of a nat."""


class Tail(NamedTuple, Generic[Line]):
    """What is carried of an open session."""

    history: tuple[int, ...]
    counts: Mapping[int, int]
    line: Line
    start: float
    time: float
    clock: float
    transitions: Mapping[Cell, int] = MappingProxyType({})
    """(event before, event) → how often."""
    bins: Mapping[Cell, int] = MappingProxyType({})
    """(number of the time bin, event id) → how often, within the last `Frame.bins` bins."""
    before: int = END
    """Its last event, where transitions or bins are counted."""
    n: int = 0
    """Its events so far."""
    nats: int = 0
    """What its steps have come to, where a detector judges sessions by their mean; so too the next: see `means`."""
    steps: Mapping[Cell, Odd] = MappingProxyType({})


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
    transitions: bool = False
    """Whether END windows, and now and then one of a long session, say how often each event followed which."""
    bins: int = 0
    """Time bins in an image; 0 = none. Where there are some, a bin's close is judged and the session's END is not."""
    bin_s: float = 3_600.0
    """Width of a time bin, seconds of the source's clock."""


def is_look(n: int) -> bool:
    """Whether a session of so many events is looked at on its way."""
    return n >= FIRST_LOOK and n & (n - 1) == 0


def widened(frames: Sequence[Frame]) -> Frame:
    """One frame for views that end their sequences alike: whatever `narrowed` takes of its windows is in them."""
    return replace(
        frames[0],
        h=max(frame.h for frame in frames),
        counts=any(frame.counts for frame in frames),
        values=any(frame.values for frame in frames),
    )


def narrowed(window: Window, frame: Frame, pairs: tuple[str, ...] = ()) -> Window:
    """What a window of a wider frame is in this one, which counts no images."""
    history = window.history
    if len(history) > frame.h:
        history = history[-frame.h :] if frame.h else ()
    elif window.event != END and pairs == window.pairs and (frame.values or not window.time):
        return window
    if window.event == END:
        return Window(history, END, (), window.counts if frame.counts else ())
    if frame.values:
        return Window(history, window.event, pairs, (), window.values, window.recent, window.time)
    return Window(history, window.event, pairs)


@dataclass(frozen=True)
class Tails(Generic[Line]):
    """The open sessions of one view, longest silent first, and the source's clock so far."""

    sessions: Mapping[str, Tail[Line]] = field(default_factory=dict)
    clock: float = 0.0
    recent: Mapping[int, tuple[Moment, ...]] = field(default_factory=dict)
    """By template, when the frame asks for values: its last `RECENT` events, oldest first. As many as templates."""
    n_dropped: int = field(default=0, compare=False)
    """Sessions that were dropped on the way here, for want of room; not carried on."""
    since: float = -math.inf
    """Where it began to look, seconds since the epoch: what was first seen within `idle_s` may have begun before."""


def slide(
    tails: Tails[Line], events: Iterable[Event[Line]], frame: Frame, until: float
) -> tuple[list[Sighting[Line]], Tails[Line]]:
    """The windows of `events`, in order, ends of sessions included, and the tails to carry on.

    `until` is how far the source's clock has come, in seconds: sessions silent for `idle_s` by then have ended.
    """
    walk = _Walk(frame, OrderedDict(tails.sessions), dict(tails.recent), tails.clock)
    for event in events:
        walk.move(event.clock)
        walk.step(event)
    walk.move(until)
    return walk.seen, Tails(walk.open, walk.clock, walk.recent, walk.n_dropped, tails.since)


class _Walk(Generic[Line]):
    """One pass of `slide`: the open sessions in order of their last event, and the windows seen so far."""

    def __init__(
        self,
        frame: Frame,
        sessions: OrderedDict[str, Tail[Line]],
        recent: dict[int, tuple[Moment, ...]],
        clock: float,
    ) -> None:
        self.frame = frame
        self.open = sessions
        self.recent = recent
        self.clock = clock
        self.seen: list[Sighting[Line]] = []
        self.n_dropped = 0
        self._quiet_until = float("-inf")
        """Before this clock no open session can have been silent for long enough."""

    def move(self, clock: float) -> None:
        """The source's clock goes on, never back: bins close, and silent sessions end."""
        if clock > self.clock:
            if self.frame.bins and self._bin(clock) > self._bin(self.clock):
                self._close()
            self.clock = clock
        if self.clock >= self._quiet_until:
            self._end_silent()

    def step(self, event: Event[Line]) -> None:
        tail = self.open.pop(event.session, None)
        if tail is not None and event.time - tail.time >= self.frame.idle_s:
            self._end(event.session, tail)
            tail = None
        start = tail.start if tail else event.time
        after = self._after(tail, event, start)
        history = tail.history if tail else event.opening
        window = self._valued(history, event) if self.frame.values else Window(history, event.id, event.pairs)
        if self.frame.transitions and is_look(after.n):
            window = window._replace(transitions=_rows(after.transitions))
        self.seen.append(Sighting(window, event.session, event.line, start, event.time, after.n))
        self.open[event.session] = after
        if len(self.open) > self.frame.max_sessions:
            self._drop(*self.open.popitem(last=False))

    def _valued(self, history: tuple[int, ...], event: Event[Line]) -> Window:
        recent = self.recent.get(event.id, ())
        if event.id != UNKNOWN:
            moment = (event.time, *[value for _, value in event.values if isinstance(value, float)])
            self.recent[event.id] = (*recent[1 - RECENT :], moment)
        return Window(history, event.id, event.pairs, (), event.values, recent, event.time)

    def _after(self, tail: Tail[Line] | None, event: Event[Line], start: float) -> Tail[Line]:
        """The session's tail once the event has come."""
        frame = self.frame
        history = tail.history if tail else event.opening
        after = Tail(
            (*history, event.id)[-frame.h :] if frame.h else (),
            _counted(tail.counts if tail else {}, event.id) if frame.counts else {},
            event.line,
            start,
            event.time,
            self.clock,
            n=tail.n + 1 if tail else 1,
        )
        if frame.transitions:
            before, known = (tail.before, tail.transitions) if tail else (END, {})
            known = _marked(known, (before, event.id), (UNKNOWN, UNKNOWN))
            after = after._replace(transitions=known, before=event.id)
        if frame.bins:
            now = self._bin(self.clock)
            kept = {cell: n for cell, n in tail.bins.items() if cell[0] > now - frame.bins} if tail else {}
            after = after._replace(bins=_marked(kept, (now, event.id), (now, UNKNOWN)), before=event.id)
        return after

    def _bin(self, clock: float) -> int:
        """The number of the time bin; beyond the year 30,000,000 all time is one."""
        return int(min(clock, 1e15) // self.frame.bin_s)

    def _close(self) -> None:
        """The time bin is over: the image of each session that had an event in it, longest silent first."""
        now = self._bin(self.clock)
        heard = takewhile(lambda item: self._bin(item[1].clock) == now, reversed(self.open.items()))
        for session, tail in reversed(list(heard)):
            self._see_bins(session, tail)

    def _see_bins(self, session: str, tail: Tail[Line]) -> None:
        now = self._bin(tail.clock)
        bins = _rows({(now - bin, event): n for (bin, event), n in tail.bins.items()})
        window = Window((), tail.before, bins=bins)
        self.seen.append(Sighting(window, session, tail.line, tail.start, tail.time, tail.n))

    def _end_silent(self) -> None:
        oldest = self.clock
        while self.open:
            session, tail = next(iter(self.open.items()))
            if self.clock - tail.clock < self.frame.idle_s:
                oldest = tail.clock
                break
            del self.open[session]
            self._end(session, tail)
        self._quiet_until = oldest + self.frame.idle_s - 1.0  # a second early: sums are rounded

    def _drop(self, session: str, tail: Tail[Line]) -> None:
        """Its time bin is judged as far as it came: so much had been seen by then."""
        self.n_dropped += 1
        if self.frame.bins:
            self._end(session, tail)

    def _end(self, session: str, tail: Tail[Line]) -> None:
        if self.frame.bins:
            if self._bin(tail.clock) == self._bin(self.clock):  # else it has been seen when the bin closed
                self._see_bins(session, tail)
            return
        window = Window(tail.history, END, (), tuple(sorted(tail.counts.items())))
        if self.frame.transitions:
            window = window._replace(transitions=_rows({**tail.transitions, (tail.before, END): 1}))
        self.seen.append(Sighting(window, session, tail.line, tail.start, tail.time, tail.n))


def _counted(counts: Mapping[int, int], event: int) -> dict[int, int]:
    return {**counts, event: counts.get(event, 0) + 1}


def _marked(cells: Mapping[Cell, int], cell: Cell, spare: Cell) -> dict[Cell, int]:
    """One more in a cell, or in the spare one where it is new and there is no room."""
    if cell not in cells and len(cells) >= MAX_CELLS:
        cell = spare
    return {**cells, cell: cells.get(cell, 0) + 1}


def _rows(cells: Mapping[Cell, int]) -> Rows:
    return tuple(sorted((*cell, n) for cell, n in cells.items()))
