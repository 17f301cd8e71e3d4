"""One line of a log file → LogLine, or Rejected with a reason. Never raises, whatever the text; linear in its length.

Read are syslog (RFC 3164 and what is written in its name, RFC 5424, ISO 8601 stamps), the error log of Apache httpd,
Hadoop's, and the lines of clusters that put a label, seconds and a node before syslog's own (BGL, Thunderbird).

`re` backtracks, so the patterns here leave it nothing to try twice: bounded repeats, possessive ones (`++`) where the
next part could not match what they took, and anchors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from parsers.entities import entities
from parsers.line import LogLine, Rejected

MAX_CHARS = 65_536
"""Longer lines are cut: memory is bounded, and syslog's limits are lower (RFC 5424: 2,048 octets, rsyslog: 8 KiB)."""
MAX_SHOWN = 200
"""Characters of a rejected line that are kept."""
HOUR_S, DAY_S = 3_600, 86_400

EMPTY, NO_STAMP, NO_SUCH_DATE = "empty line", "no time stamp", "impossible date"
REASONS = (EMPTY, NO_STAMP, NO_SUCH_DATE)
"""Everything `Rejected.reason` can say."""

_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip
"""As written, whatever the locale."""
_SEVERITIES = {
    "emerg": 0, "alert": 1, "crit": 2, "fatal": 2, "failure": 2, "severe": 3, "error": 3, "err": 3,
    "warn": 4, "warning": 4, "notice": 5, "info": 6, "debug": 7, "trace": 7,
}  # fmt: skip
"""Level names in use → syslog severity."""

_PRI = r"(?:<(\d{1,3})>)?"
_DATE = r"[A-Z][a-z]{2} {1,2}\d{1,2}"
_CLOCK = r"(\d\d):([0-5]\d):([0-6]\d(?:[.,]\d{1,9})?)"
_ISO_STAMP = rf"(\d{{4}}-\d\d-\d\d)T{_CLOCK}(Z|[+-]\d\d:?\d\d|)"
# The tag: a program with a pid, or a program and a colon. Without one the program is unknown, and all is message.
# After a pid, launchd and sandboxd of macOS write in brackets whom they speak of: that is message.
_TAG = r"([^\s:\[]{1,128}+)(?:\[(?:(\d{1,10})|[^\]\s]{0,64}+)\](?::|(?= \())|:(?=\s|\Z))"
_HOST_TAG = rf"(?:([^\s\[]{{1,255}}+)(?<!:)\s++)?(?:{_TAG})?(.*)"
_FLAGS = re.DOTALL | re.ASCII
_SPACED_TAG = re.compile(  # `syslogd 1.4.1: ` and `Microsoft Word[14463]: `
    r"([^\s:\[]{1,64}+)(?: \d{1,9}+\.[\d.]{1,16}+| ([^\s:\[]{1,64}+)(?=\[))(?:\[(\d{1,10}+)\])?:(?:\s|\Z)(.*)", _FLAGS
)
_BSD = re.compile(rf"{_PRI}({_DATE}) (?:(\d{{4}}) )?{_CLOCK}\s{_HOST_TAG}", _FLAGS)
_ISO = re.compile(rf"{_PRI}{_ISO_STAMP} {_HOST_TAG}", _FLAGS)
_DATA = r'(?:-|(?:\[(?:[^\]"]++|"(?:[^"\\]++|\\.)*+")*+\])++)(?= |\Z)'
_RFC5424 = re.compile(
    rf"{_PRI}1 {_ISO_STAMP} (\S{{1,255}}+) (\S{{1,255}}+) (\S{{1,128}}+) \S{{1,128}}+ (?:{_DATA})? ?(.*)", _FLAGS
)
_APACHE = re.compile(
    rf"\[[A-Z][a-z]{{2}} ({_DATE}) {_CLOCK} (\d{{4}})\] \[(?:[\w-]{{0,64}}+:)?(\w{{1,16}}+)\] "
    r"(?:\[pid (\d{1,10}+)(?::tid \d{1,20}+)?\] )?(.*)",
    _FLAGS,
)
_HADOOP = re.compile(
    r"(\d\d)(\d\d)(\d\d) (\d\d)([0-5]\d)([0-6]\d) (\d{1,10}+) ([A-Z]{1,16}+) ([^\s:]{1,255}+): (.*)", _FLAGS
)
_CLUSTER = re.compile(
    rf"\S{{1,64}}+ (\d{{9,10}}+) \d{{4}}\.\d\d\.\d\d (\S{{1,255}}+) (?:{_DATE} {_CLOCK} \S{{1,255}}+ )?", _FLAGS
)
_TAGGED = re.compile(rf"(?:{_TAG})?(.*)", _FLAGS)
_BLUE_GENE = re.compile(r"[\d.-]{26} \S{1,255}+ [A-Z]{1,32}+ (\S{1,64}+) ([A-Z]{1,16}+) ?(.*)", _FLAGS)


class _NoSuchDate(Exception):
    """A stamp of the right form that no calendar has."""


def parse(text: str, origin: str, now: float, zone: tzinfo = UTC) -> LogLine | Rejected:
    """Understand one line.

    `now` is when the line was there at the latest, in seconds since the epoch: a file's modification, a document's
    time. A stamp without a year means the latest such date not after `now` + 1 day (clocks differ); one without an
    offset is read in `zone`. Lines over 64 KiB are cut; what is not Unicode (lone surrogates) becomes U+FFFD.
    """
    if len(text) > MAX_CHARS:
        text = text[:MAX_CHARS]
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").lstrip("\ufeff")
    try:
        for form, read in _FORMS:
            if found := form.match(text):
                return read(found, origin, now, zone)
    except _NoSuchDate:
        return Rejected(origin, NO_SUCH_DATE, text[:MAX_SHOWN])
    return Rejected(origin, NO_STAMP if text.strip() else EMPTY, text[:MAX_SHOWN])


def _bsd(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`<38>Mar 27 13:06:56 host sshd[1291]: message`. Source: RFC 3164, section 4."""
    pri, date, year, hour, minute, second, host, program, pid, message = found.groups()
    into_s = int(minute) * 60 + _seconds(second)
    time = _at(int(year), date, hour, zone) + into_s if year else _latest(date, hour, into_s, now, zone)
    return _line(origin, time, host, program, pid, message, _severity(pri))


def _iso(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`2026-11-23T10:00:00.388+01:00 host prog[1]: message`: rsyslog's default file format, and its forwarding one."""
    pri, date, hour, minute, second, offset, host, program, pid, message = found.groups()
    time = _iso_at(date, hour, offset, zone) + int(minute) * 60 + _seconds(second)
    return _line(origin, time, host, program, pid, message, _severity(pri))


def _rfc5424(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`<165>1 2003-10-11T22:14:15.003Z host app 1234 ID47 [id key="value"] message`. Source: RFC 5424, section 6."""
    pri, date, hour, minute, second, offset, host, program, pid, message = found.groups()
    time = _iso_at(date, hour, offset, zone) + int(minute) * 60 + _seconds(second)
    pid = pid if pid.isdecimal() and len(pid) <= 10 else None
    return _line(origin, time, _given(host), _given(program), pid, message.removeprefix("\ufeff"), _severity(pri))


def _apache(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`[Sun Dec 04 04:47:44 2005] [notice] message`; 2.4 adds a module, pid and thread."""
    date, hour, minute, second, year, level, pid, message = found.groups()
    time = _at(int(year), date, hour, zone) + int(minute) * 60 + _seconds(second)
    return _line(origin, time, "", "httpd", pid, message, _SEVERITIES.get(level))


def _hadoop(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`081109 203615 148 INFO dfs.DataNode$PacketResponder: message`; the number is a thread's, and serves as pid."""
    year, month, day, hour, minute, second, pid, level, program, message = found.groups()
    time = _iso_at(f"20{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + int(second)
    return _line(origin, time, "", program, pid, message, _SEVERITIES.get(level.lower()))


def _cluster(found: re.Match[str], origin: str, _now: float, _zone: tzinfo) -> LogLine:
    """`- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond[2916]: message`, or BGL's after the node."""
    time, node = float(found[1]), found[2]
    if report := _BLUE_GENE.match(found.string, found.end()):
        component, level, message = report.groups()
        return _line(origin, time, node, component, None, message, _SEVERITIES.get(level.lower()))
    tagged = _TAGGED.match(found.string, found.end())
    program, pid, message = tagged.groups() if tagged else (None, None, "")
    return _line(origin, time, node, program, pid, message, None)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str, float, tzinfo], LogLine]], ...] = (
    (_BSD, _bsd),
    (_ISO, _iso),
    (_RFC5424, _rfc5424),
    (_APACHE, _apache),
    (_HADOOP, _hadoop),
    (_CLUSTER, _cluster),
)
"""The commonest first; no line has two of these forms."""


def _line(
    origin: str, time: float, host: str | None, program: str | None, pid: str | None, message: str, severity: int | None
) -> LogLine:
    message = message.strip()
    if program is None and (found := _SPACED_TAG.match(message)):
        first, second, pid, message = found.groups()
        program = f"{first} {second}" if second else first
    user, address = entities(message)
    return LogLine(origin, time, host or "", program or "", int(pid) if pid else None, message, severity, user, address)


def _given(field: str) -> str:
    """A field of RFC 5424, where `-` says that there is none."""
    return "" if field == "-" else field


def _severity(pri: str | None) -> int | None:
    """The lower three bits of a priority; RFC 3164 knows 0…191."""
    return int(pri) % 8 if pri and int(pri) <= 191 else None


def _seconds(text: str) -> float:
    return int(text) if len(text) == 2 else float(text.replace(",", "."))


def _latest(date: str, hour: str, into_s: float, now: float, zone: tzinfo) -> float:
    """Seconds since the epoch of the latest such date not after `now` + 1 day."""
    # Asked by the hour, the cache answers; where that hour reaches beyond the limit, the exact limit decides.
    time = _hour_before((int(now) // HOUR_S + 1) * HOUR_S + DAY_S, date, hour, zone) + into_s
    if time > now + DAY_S:
        time = _hour_before(now + DAY_S - into_s, date, hour, zone) + into_s
    if time == -math.inf:
        raise _NoSuchDate
    return time


# Calendars are slow, and neighbouring lines share their hour. Hours, not days, because offsets change within a day.
# 4,096 hours are half a year of any one log, some 400 KB.


@lru_cache(maxsize=4_096)
def _hour_before(until: float, date: str, hour: str, zone: tzinfo) -> float:
    """When the latest such hour not after `until` began; -inf = there is none. 29 February may be eight years back."""
    last = datetime.fromtimestamp(until, zone).year
    times = (_hour(year, date, hour, zone) for year in range(last, max(last - 9, 0), -1))
    return next((time for time in times if time is not None and time <= until), -math.inf)


def _at(year: int, date: str, hour: str, zone: tzinfo) -> float:
    """Seconds since the epoch at which the hour of `Mar 27` began."""
    time = _hour(year, date, hour, zone)
    if time is None:
        raise _NoSuchDate
    return time


def _iso_at(date: str, hour: str, offset: str, zone: tzinfo) -> float:
    """The same for `2026-11-23`, at an offset of `Z`, `+01:00` or `+0100`; '' = in `zone`."""
    time = _iso_hour(date, hour, offset, zone)
    if time is None:
        raise _NoSuchDate
    return time


@lru_cache(maxsize=4_096)
def _hour(year: int, date: str, hour: str, zone: tzinfo) -> float | None:
    return _timestamp(year, _MONTHS.get(date[:3], 0), int(date[3:]), int(hour), zone)


@lru_cache(maxsize=4_096)
def _iso_hour(date: str, hour: str, offset: str, zone: tzinfo) -> float | None:
    if offset:
        minutes = 0 if offset == "Z" else int(offset[0] + "1") * (int(offset[1:3]) * 60 + int(offset[-2:]))
        if abs(minutes) >= 24 * 60:
            return None
        zone = timezone(timedelta(minutes=minutes))
    return _timestamp(int(date[:4]), int(date[5:7]), int(date[8:]), int(hour), zone)


def _timestamp(year: int, month: int, day: int, hour: int, zone: tzinfo) -> float | None:
    try:
        return datetime(year, month, day, hour, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None
