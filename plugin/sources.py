"""Hits to log lines: where in a document each part of a line is found, or raw syslog in its text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

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


@dataclass(frozen=True)
class Source:
    """A named stream of hits, and how its documents are read."""

    name: str
    fields: FieldCandidates = field(default_factory=FieldCandidates)

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
        text = _first(hit.fields, self.fields.message)
        if not text.strip():
            return Rejected(hit.origin, "no text", "")
        time = _time(_first(hit.fields, self.fields.time)) or hit.clock / 1e9
        program = _first(hit.fields, self.fields.program)
        if program:
            return self._from_fields(hit, text.strip(), time, program)
        line = syslog.parse(text, hit.origin, time)
        if isinstance(line, LogLine):
            return line._replace(clock=hit.clock / 1e9)
        host = _first(hit.fields, self.fields.host)
        return self._from_fields(hit, text.strip(), time, program) if host else line

    def _from_fields(self, hit: Hit, message: str, time: float, program: str) -> LogLine:
        user, address = entities(message)
        tag, pid = _tag(program)
        return LogLine(
            hit.origin,
            time,
            _first(hit.fields, self.fields.host),
            tag,
            _number(_first(hit.fields, self.fields.pid)) or pid,
            message,
            _severity(_first(hit.fields, self.fields.severity)),
            _first(hit.fields, self.fields.user).strip() or user,
            _first(hit.fields, self.fields.address) or address,
            hit.clock / 1e9,
        )


def _first(document: Mapping[str, object], candidates: Iterable[str]) -> str:
    """The first candidate that holds something, as text that is safe to write; of a list, its first item."""
    for path in candidates:
        value = _value(document, path)
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, str | int | float) and value != "" and not isinstance(value, bool):
            return _plain(str(value))
    return ""


def _plain(text: str) -> str:
    """Bounded as in `parsers.syslog`, and Unicode: JSON can spell lone surrogates, which no store takes back."""
    text = text[:MAX_CHARS]
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _value(document: Mapping[str, object], path: str) -> object:
    """The value at a path whose keys are nested, literally dotted, or both."""
    if path in document:
        return document[path]
    head, dot, rest = path.partition(".")
    while dot:
        below = document.get(head)
        if isinstance(below, Mapping) and (value := _value(below, rest)) is not None:
            return value
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def _time(text: str) -> float | None:
    """Seconds since the epoch of an ISO 8601 instant (no offset = UTC) or of whole milliseconds, else None."""
    if text.isascii() and text.isdigit():
        return int(text) / 1000 if len(text) <= MAX_MILLIS else None
    try:
        instant = datetime.fromisoformat(text)
        return (instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):  # the year 0 or 10000, by its offset
        return None


def _tag(text: str) -> tuple[str, int | None]:
    """A syslog tag's program and pid: `sshd[123]:` is ("sshd", 123)."""
    program, _, rest = text.rstrip(":").partition("[")
    return program, _number(rest.rstrip("]"))


def _number(text: str) -> int | None:
    digits = text.partition("[")[2].rstrip("]:") or text
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def _severity(text: str) -> int | None:
    number = _number(text)
    return number if number is not None and number < 8 else SEVERITIES.get(text.lower())
