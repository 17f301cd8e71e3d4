"""Hits to log lines: where in a document each part of a line is found, or raw syslog in its text.

A document of fields without text gets one: by the source's own pattern, or by the one for its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from parsers import syslog
from parsers.entities import entities
from parsers.line import MAX_MESSAGE, LogLine, Rejected
from plugin import patterns
from plugin.config import FieldCandidates
from plugin.lookup import TIES, Find, can_hold, first
from plugin.patterns import Pattern
from plugin.ports import Hit

SEVERITIES: Mapping[str, int] = {
    "emerg": 0, "emergency": 0, "panic": 0, "alert": 1, "crit": 2, "critical": 2, "err": 3, "error": 3,
    "warning": 4, "warn": 4, "notice": 5, "info": 6, "informational": 6, "debug": 7,
}  # fmt: skip
"""RFC 5424's numbers under the names that syslog daemons and Elastic write."""
APPLICATIONS = (
    "service.name",
    "kubernetes.container.name",
    "container.name",
    "log.logger",
    "service",
    "app",
    "logger",
    "logger_name",
)
"""Where applications that write no syslog say their name."""
MAX_SHAPES = 256
"""Kinds of documents that are told apart; some 10 kB each."""
MAX_MILLIS = 14
"""Digits of an instant in milliseconds: 13 until the year 2286, 14 until 5138."""
MAX_FLOAT = 20
"""Characters of an instant in seconds with a fraction: ten until the year 2286, then nanoseconds."""


@dataclass(frozen=True)
class Source:
    """A named stream of hits, and how its documents are read."""

    name: str
    fields: FieldCandidates = field(default_factory=FieldCandidates)
    text: str = ""
    """The pattern that makes a message of fields; '' = what the document says, or a pattern of its kind."""
    _in: _Shapes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_in", _Shapes(self.fields, self.text))

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that may be looked up in a document, each once."""
        told = self._in.pattern.paths if self._in.pattern else patterns.PATHS
        own = (path for _, candidates in self.fields for path in candidates)
        return tuple(dict.fromkeys((*own, *APPLICATIONS, *patterns.SPEAKERS, *told, *TIES)))

    def read(self, hits: Iterable[Hit]) -> tuple[list[LogLine], list[Rejected]]:
        """The lines of the hits, in their order, and those that could not be read."""
        lines: list[LogLine] = []
        rejected: list[Rejected] = []
        for hit in hits:
            line = self._line(hit)
            if isinstance(line, LogLine):
                lines.append(line)
            else:
                rejected.append(line._replace(clock=hit.clock / 1e9))
        return lines, rejected

    def _line(self, hit: Hit) -> LogLine | Rejected:
        document, pattern = hit.fields, self._in.pattern
        parts = self._in.of(document)
        text = parts.message(document)
        time = _time(parts.time(document)) or hit.clock / 1e9
        if pattern or _is_no_prose(text):
            built = pattern.told(document) if pattern else patterns.told(document)
            if built.text:
                program = parts.program(document) or patterns.speaker(document)
                return self._from_fields(hit, built.text, time, program)._replace(layout=built.layout)
        message = "" if pattern else text.strip()
        if not message:
            return Rejected(hit.origin, "no text", "")
        program = parts.program(document)
        if program:
            return self._from_fields(hit, message, time, program)
        line = syslog.parse(text, hit.origin, time)
        if isinstance(line, LogLine):
            return line._replace(clock=hit.clock / 1e9, host=line.host or parts.host(document))
        if parts.host(document) or parts.time(document):
            return self._from_fields(hit, message, time, parts.application(document))
        return line

    def _from_fields(self, hit: Hit, message: str, time: float, program: str) -> LogLine:
        document, parts = hit.fields, self._in.of(hit.fields)
        user, address = entities(message)
        tag, pid = _tag(program)
        return LogLine(
            hit.origin,
            time,
            parts.host(document),
            tag,
            _number(parts.pid(document)) or pid,
            message[:MAX_MESSAGE],
            _severity(parts.severity(document)),
            _held(parts.user(document)) or user,
            _peer(_held(parts.address(document))) or address,
            hit.clock / 1e9,
        )


class _Parts(NamedTuple):
    """Each part of a line as a function of its document."""

    message: Find
    time: Find
    host: Find
    program: Find
    application: Find
    pid: Find
    severity: Find
    user: Find
    address: Find


class _Shapes:
    """The parts of a line for documents of the same keys at the top: of a hundred places to look most are not there."""

    def __init__(self, fields: FieldCandidates, text: str) -> None:
        self.pattern = Pattern(text) if text else None
        self._candidates = {**dict(fields), "application": APPLICATIONS}
        self._all = self._parts(lambda _: True)
        self._by_keys: dict[tuple[str, ...], _Parts] = {}

    def of(self, document: Mapping[str, object]) -> _Parts:
        """Those for a document; found out once for all that are alike."""
        keys = tuple(document)
        if parts := self._by_keys.get(keys):
            return parts
        if len(self._by_keys) >= MAX_SHAPES:
            return self._all
        self._by_keys[keys] = parts = self._parts(lambda path: can_hold(path, keys))
        return parts

    def _parts(self, is_asked: Callable[[str], bool]) -> _Parts:
        return _Parts(**{name: first(filter(is_asked, paths)) for name, paths in self._candidates.items()})


def _held(text: str) -> str:
    """A field's value, where it is one: Windows and web servers write `-` for nobody and nowhere."""
    text = text.strip()
    return "" if text == "-" else text


def _is_no_prose(text: str) -> bool:
    """Whether it is empty, or an object of JSON: a structured event that an agent kept as it came."""
    return text.lstrip()[:1] in ("", "{")


def _time(text: str) -> float | None:
    """Seconds since the epoch of an ISO 8601 instant (no offset = UTC), of milliseconds or `1795424400.5`, or None."""
    if text.isascii() and text.isdigit():
        return int(text) / 1000 if len(text) <= MAX_MILLIS else None
    if text[10:11] == "." and text.replace(".", "", 1).isdecimal() and text.isascii() and len(text) <= MAX_FLOAT:
        return float(text)
    try:
        instant = datetime.fromisoformat(text)
        return (instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):  # the year 0 or 10000, by its offset
        return None


@lru_cache(maxsize=4_096)  # programs are few; with pids in them, neighbouring lines share theirs
def _peer(address: str) -> str:
    """The same address, of IP4 also where it is written as one of IP6: `::ffff:10.0.0.5`."""
    return address.removeprefix("::ffff:") if "." in address else address


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
