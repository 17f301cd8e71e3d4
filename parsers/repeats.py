"""Messages that a daemon counted instead of writing them again, written out: what a detector counts is what happened.

Whether a daemon folds repeats is a setting of one machine; five wrong passwords are five, on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from parsers.forms import build
from parsers.line import LogLine

MOST = 1_000
"""Lines that one line is written out to, at most: daemons count millions, and strangers write any number."""

_WRAPPED = re.compile(r"message repeated (\d{1,9}+) times: \[ ?(.*)\]\Z", re.DOTALL | re.ASCII)
_LAST = re.compile(r"(?:--- )?last message repeated (\d{1,9}+) times?(?: ---)?\Z", re.ASCII)


def repeated(line: LogLine, before: LogLine | None) -> tuple[LogLine, int]:
    """What happened, and how often: the line itself, once, unless it only counts.

    `before` is the line before it of the same host; what was repeated is that one, at this one's time.
    """
    if "repeated" not in line.message:
        return line, 1
    if (found := _WRAPPED.match(line.message)) and int(found[1]):
        pid = None if line.pid is None else str(line.pid)
        whole = build(line.origin, line.time, line.host, line.program, pid, found[2], line.severity)
        return whole._replace(clock=line.clock), int(found[1])
    if before and (found := _LAST.match(line.message)) and int(found[1]):
        return before._replace(origin=line.origin, time=line.time, clock=line.clock), int(found[1])
    return line, 1


def written_out(line: LogLine, n: int) -> Iterator[LogLine]:
    """The line `n` times, `MOST` at most; from the second on its origin says which: `file:17#2`."""
    yield line
    for number in range(2, min(n, MOST) + 1):
        yield line._replace(origin=f"{line.origin}#{number}")
