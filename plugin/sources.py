"""Hits to log lines: where in a document each part of a line is found, or raw syslog in its text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from parsers import syslog
from parsers.entities import entities
from parsers.line import LogLine, Rejected
from parsers.syslog import MAX_CHARS
from plugin.config import FieldCandidates
from plugin.ports import Hit

SEVERITIES: Mapping[str, int] = {
    "emerg": 0, "emergency": 0, "panic": 0, "alert": 1, "crit": 2, "critical": 2, "err": 3, "error": 3,
    "warning": 4, "warn": 4, "notice": 5, "info": 6, "informational": 6, "debug": 7,
}  # fmt: skip
"""RFC 5424's numbers under the names that syslog daemons and Elastic write."""
MAX_MILLIS = 14
"""Digits of an instant in milliseconds: 13 until the year 2286, 14 until 5138."""
_NUMBERS = (int, float)
_MAPPINGS = (dict, Mapping)
"""What is nearly always there comes first: to ask for a `Mapping` costs several times as much."""


@dataclass(frozen=True)
class Source:
    """A named stream of hits, and how its documents are read."""

    name: str
    fields: FieldCandidates = field(default_factory=FieldCandidates)
    _in: _Parts = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_in", _Parts(self.fields))

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that may be looked up in a document, each once."""
        return tuple(dict.fromkeys(path for _, candidates in self.fields for path in candidates))

    def read(self, hits: Iterable[Hit]) -> tuple[list[LogLine], list[Rejected]]:
        """The lines of the hits, in their order, and those that could not be read."""
        lines: list[LogLine] = []
        rejected: list[Rejected] = []
        for hit in hits:
            line = self._line(hit)
            if isinstance(line, LogLine):
                lines.append(line)
            else:
                rejected.append(line)
        return lines, rejected

    def _line(self, hit: Hit) -> LogLine | Rejected:
        document, parts = hit.fields, self._in
        text = parts.message(document)
        message = text.strip()
        if not message:
            return Rejected(hit.origin, "no text", "")
        time = _time(parts.time(document)) or hit.clock / 1e9
        program = parts.program(document)
        if program:
            return self._from_fields(hit, message, time, program)
        line = syslog.parse(text, hit.origin, time)
        if isinstance(line, LogLine):
            return line._replace(clock=hit.clock / 1e9)
        return self._from_fields(hit, message, time, program) if parts.host(document) else line

    def _from_fields(self, hit: Hit, message: str, time: float, program: str) -> LogLine:
        document, parts = hit.fields, self._in
        user, address = entities(message)
        tag, pid = _tag(program)
        return LogLine(
            hit.origin,
            time,
            parts.host(document),
            tag,
            _number(parts.pid(document)) or pid,
            message,
            _severity(parts.severity(document)),
            parts.user(document).strip() or user,
            parts.address(document) or address,
            hit.clock / 1e9,
        )


class _Parts:
    """Each part of a line as a function of its document."""

    def __init__(self, fields: FieldCandidates) -> None:
        self.message = _first(fields.message)
        self.time = _first(fields.time)
        self.host = _first(fields.host)
        self.program = _first(fields.program)
        self.pid = _first(fields.pid)
        self.severity = _first(fields.severity)
        self.user = _first(fields.user)
        self.address = _first(fields.address)


def _first(candidates: Iterable[str]) -> Callable[[Mapping[str, object]], str]:
    """What finds the first candidate that holds something, as text that is safe to write; of a list, its first item."""
    values = [_value(path) for path in candidates]

    def first(document: Mapping[str, object]) -> str:
        for value_in in values:
            value = value_in(document)
            if value is None:
                continue
            if isinstance(value, list):
                value = value[0] if value else None
            if isinstance(value, str):
                if value:
                    return _plain(value)
            elif isinstance(value, _NUMBERS) and not isinstance(value, bool):
                return _plain(str(value))
        return ""

    return first


def _plain(text: str) -> str:
    """Bounded as in `parsers.syslog`, and Unicode: JSON can spell lone surrogates, which no store takes back."""
    text = text[:MAX_CHARS]
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _value(path: str) -> Callable[[Mapping[str, object]], object]:
    """What finds the value at a path whose keys are nested, literally dotted, or both.

    Every line asks for some twenty paths and most are not there: where a path can be cut is found out once.
    """
    cuts = [at for at, char in enumerate(path) if char == "."]
    if not cuts:
        return lambda document: document.get(path)
    ways = [(path[:at], _value(path[at + 1 :])) for at in cuts]

    def value_in(document: Mapping[str, object]) -> object:
        if path in document:
            return document[path]
        for head, rest in ways:
            below = document.get(head)
            if below is not None and isinstance(below, _MAPPINGS) and (value := rest(below)) is not None:
                return value
        return None

    return value_in


def _time(text: str) -> float | None:
    """Seconds since the epoch of an ISO 8601 instant (no offset = UTC) or of whole milliseconds, else None."""
    if text.isascii() and text.isdigit():
        return int(text) / 1000 if len(text) <= MAX_MILLIS else None
    try:
        instant = datetime.fromisoformat(text)
        return (instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):  # the year 0 or 10000, by its offset
        return None


@lru_cache(maxsize=4_096)  # programs are few; with pids in them, neighbouring lines share theirs
def _tag(text: str) -> tuple[str, int | None]:
    """A syslog tag's program and pid: `sshd[123]:` is ("sshd", 123)."""
    program, _, rest = text.rstrip(":").partition("[")
    return program, _number(rest.rstrip("]"))


def _number(text: str) -> int | None:
    digits = text.partition("[")[2].rstrip("]:") or text
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


@lru_cache(maxsize=256)
def _severity(text: str) -> int | None:
    number = _number(text)
    return number if number is not None and number < 8 else SEVERITIES.get(text.lower())
