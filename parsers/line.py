"""The first station: what one log line says, or why it says nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

MAX_MESSAGE = 16_384
"""Characters of a message that are kept: containers' runtimes cut lines there, and what is masked has its price."""
HOUR_S, DAY_S = 3_600, 86_400
SATURDAY = 5
EPOCH = 3
"""1 January 1970 was a Thursday."""


class Layout(NamedTuple):
    """Where in a message the values of fields stand that it was made of."""

    pieces: tuple[str, ...]
    """Literal, name of a field, literal, …, literal; the same object for all messages of a pattern."""
    tokens: tuple[int, ...]
    """How many tokens each value has."""


class LogLine(NamedTuple):
    """One log line, understood. A tuple, because every line of every log passes here."""

    origin: str
    """Where it came from, for ever: `index/id` or `file:line`."""
    time: float
    """When it was logged, seconds since the epoch, UTC."""
    host: str
    program: str
    pid: int | None
    message: str
    """The free text, without time, host and tag; its first `MAX_MESSAGE` characters."""
    severity: int | None = None
    """The syslog severity, 0 (emergency) … 7 (debug)."""
    user: str = ""
    address: str = ""
    """The address it speaks of, usually the peer's."""
    clock: float = 0.0
    """When its source showed it (the polled time field), seconds since the epoch; 0 = no other than `time`."""
    layout: Layout | None = None
    """Of a message that was made of fields and is no daemon's own wording."""

    @property
    def hour(self) -> str:
        """The hour of the day it was logged in and what kind of day that was, UTC: `03 on a work day`."""
        return _hour(self.time // HOUR_S)


class Rejected(NamedTuple):
    """One line that could not be read. A value, not an exception: it is counted and shown, and stops nothing."""

    origin: str
    reason: str
    """A short constant phrase, so that rejections can be counted by reason."""
    text: str
    """The beginning of the line, at most 200 characters."""
    clock: float = 0.0
    """When its source showed it, seconds since the epoch; 0 = nobody knows."""


@lru_cache(maxsize=1_000)  # lines of one hour come together
def _hour(since_epoch: float) -> str:
    day, hour = divmod(int(since_epoch), DAY_S // HOUR_S)
    return f"{hour:02} on a {'weekend' if (day + EPOCH) % 7 >= SATURDAY else 'work day'}"
