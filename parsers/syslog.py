"""One line of a log file → LogLine, or Rejected with a reason. Never raises, whatever the text; linear in its length.

Here are syslog in all that is written in its name (RFC 3164, RFC 5424, ISO 8601 stamps, relays in front, Cisco's), and
`parse`, which tries the other forms too: `parsers.daemons` has what programs write by themselves, `parsers.json_lines`
has JSON, `parsers.xml_events` has Windows' XML.

`re` backtracks, so the patterns here leave it nothing to try twice: bounded repeats, possessive ones (`++`) where the
next part could not match what they took, and anchors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import NamedTuple

from parsers import daemons, dates, devices, json_lines, xml_events
from parsers.forms import (
    CISCO,
    FLAGS,
    PRI,
    SEVERITIES,
    SPACED_NAME,
    TAG,
    Form,
    Read,
    base,
    build,
    severity_of,
    writable,
)
from parsers.line import MAX_MESSAGE, LogLine, Rejected
from parsers.stamps import (
    CLOCK,
    DATE,
    FIRST_S,
    ISO_STAMP,
    LAST_S,
    NoSuchDate,
    at,
    in_year,
    in_zone,
    iso_at,
    latest,
    named_zone,
    seconds,
    zone_of,
)

MAX_CHARS = 65_536
"""Longer lines are cut, before anything is read; syslog's limits are lower (RFC 5424: 2,048 octets, rsyslog: 8 KiB)."""
MAX_SHOWN = 200
"""Characters of a rejected line that are kept."""
MAX_JSON = 1 << 20
"""Characters of a JSON line that are read: cut, it would be none."""
MAX_DATA = 4_096
"""Characters of structured data that are searched for names."""
MAX_RELAYS = 4
"""Relays that may have put a stamp of theirs in front."""

EMPTY, NO_STAMP, NO_SUCH_DATE, NO_JSON = "empty line", "no time stamp", "impossible date", "broken JSON"
REASONS = (EMPTY, NO_STAMP, NO_SUCH_DATE, NO_JSON)
"""Everything `Rejected.reason` can say."""

_HOST_TAG = rf"(?:([^\s\[]{{1,255}}+)(?<!:)\s++)?(?:{TAG})?(.*)"
_OFFSET = r"(?: ?(Z|[+-]\d\d:?\d\d)(?: DST)?(?=\s))?"
_BSD = re.compile(rf"{PRI}({DATE}) (?:(\d{{4}}) )?{CLOCK}{_OFFSET}\s{{1,2}}+{_HOST_TAG}", FLAGS)
_YEAR_FIRST = re.compile(rf"{PRI}(\d{{4}}) ({DATE}) {CLOCK}\s{_HOST_TAG}", FLAGS)
_ESX_LEVEL = r"(?:[A-Z][a-z]\((\d{1,3})\) )?"
_ISO = re.compile(rf"{PRI}{ISO_STAMP} {_ESX_LEVEL}{_HOST_TAG}", FLAGS)
_ISO_SPACED = re.compile(rf"<(\d{{1,3}})>(\d{{4}}-\d\d-\d\d) {CLOCK} ?(Z|[+-]\d\d(?::?\d\d)?|)() {_HOST_TAG}", FLAGS)
_DATA = r'(-|(?:\[(?:[^\]"]++|"(?:[^"\\]++|\\.)*+")*+\])++)(?= |\Z)'
_FIELDS = rf"(\S{{1,255}}+) (\S{{1,255}}+) (\S{{1,128}}+) (\S{{1,128}}+) (?:{_DATA})? ?(.*)"
_ELEMENT = re.compile(r'\[([^\]"\s]++)((?:[^\]"]++|"(?:[^"\\]++|\\.)*+")*+)\]', FLAGS)
_PARAMETER = re.compile(r' ([^\s="\]]{1,64}+)="((?:[^"\\]++|\\.)*+)"', FLAGS)
_ESCAPED = re.compile(r'\\(["\\\]])')
_RFC5424 = re.compile(rf"{PRI}1 {ISO_STAMP} {_FIELDS}", FLAGS)
_NIL = re.compile(rf"<(\d{{1,3}})>1 -()()()()() {_FIELDS}", FLAGS)
_BARE_DEVICE = re.compile(
    rf"{PRI}(?::? ?\d{{0,10}}+: |: )?(?:([^\s:%<]{{1,255}}+) ?:? )?(?={CISCO.pattern})(.*)", FLAGS
)
_BARE = re.compile(
    r"<(1[0-8]\d|19[01]|\d{1,2})>\s{0,8}+(?=\S)(?!1 )"
    rf"(?:(?:([^\s\[:<]{{1,255}}+) (?=[^\s:\[]{{1,128}}+\[\d{{1,10}}+\]:))?{TAG})?(.*)",
    FLAGS,
)
_BOOT = re.compile(r"(?:<(\d{1,2})>)?\[ {0,8}+\d{1,8}\.\d{6}\] (.*)", FLAGS)
_FRAMED = re.compile(r"\d{1,7}+ (?=<\d{1,3}>)", FLAGS)
_STAMP = rf"(?:<\d{{1,3}}>)?(?:{DATE} (?:\d{{4}} )?\d\d:|\d{{4}}-\d\d-\d\dT\d\d:)[\d:.,+Z-]{{5,32}}+"
_RELAY = re.compile(rf"{_STAMP}\s\S{{1,255}}+\s++(?={_STAMP}\s)", FLAGS)
_CISCO_STAMP = rf"([*.]?)(?:(\d{{4}}) )?({DATE}) (?:(\d{{4}}) )?{CLOCK}(?: ([A-Z]{{1,5}}+))?"
_DEVICE_NAME = r"(?:(?!\d{1,10}+:|\*)([^\s:%]{1,255}+)(?:: | (?=[A-Z0-9]{2,6}/\d{1,3}/)))?(?:\d{1,10}+: )?"
_CISCO_HEAD = (
    rf"{_DEVICE_NAME}(?:\*[\w.-]{{1,64}}+: |[A-Z0-9]{{2,6}}/[\w/]{{1,32}}+:)?{_CISCO_STAMP}"
    r"(?:: (?:[\w.-]{1,64}+\[\d{1,10}+\]: )?| ([^\s:%]{1,255}+) ?:? )(?=%|[A-Z])"
)
_DEVICE = re.compile(rf"{PRI}(?::? ?\d{{0,10}}+: ?)?{_CISCO_HEAD}(.*)", FLAGS)
_AFTER_HOST = re.compile(rf"(?::? ?\d{{0,10}}+: )?(?:{_CISCO_HEAD}|([^\s:%]{{1,255}}+) ?:? )?(?=%)", FLAGS)
_CISCO_USER = re.compile(
    r"(?:(?<=from console by )|(?<=from vty by ))(\S{1,128})(?= on )"
    r"|(?:(?<=\[user: )|(?<= User <)|(?<=Username = )|(?<=Username entry \()"
    r"|(?<=Uname: )|(?<=: User:)|(?<=LOGOUT: User ))([^\s\],>)]{1,128})",
    FLAGS,
)
_LATE = re.compile(r"(?:(\d{4})|([A-Z]{3,4})|<[a-z\d]{2,16}\.[a-z]{3,8}>)\Z", FLAGS)
_YEAR = re.compile(r"(\d{4}) (.*)", FLAGS)
_HOST_AND_TAG = re.compile(rf"([^\s\[:]{{1,255}}+) {TAG}(.*)", FLAGS)
_CAPITALS = re.compile(rf"({SPACED_NAME}):\s(.*)", FLAGS)
_EVENT = re.compile(
    r"(?:ed|ing|ion|ure|own)\Z|\b(?:Up|On|Off|Error|Warning|Alert|Status|Change|Reset|Start|Stop|Restart|Timeout|Attempt"
    r"|Tray|Supply|Fan|Sensor|Temperature|Voltage|Module|Interface|Port|Slot|Unit)\Z"
)
"""How a title of prose ends: `Login Failed`, `Link Down`, `PHP Warning`; so do parts of a machine: `Fan Tray`."""
_NO_HOSTS = frozenset(cased(level) for level in SEVERITIES for cased in (str.lower, str.upper, str.title))
_LEVEL_FIRST = re.compile(r"\d{1,10}+ \[[A-Z]|[FEWID]\d? ++[A-Z-]{1,16}+ ++\[", FLAGS)
"""What databases write where a host would stand: a thread's number, a level of one letter."""
_HOST_LIKE = re.compile(r"(?=[^\d.-]{0,255}+[\d.-])[\w.:%-]{1,255}+\Z", FLAGS)
"""What is a host's name even where no tag follows; another word is the message's first."""
_PID_TAG = re.compile(r"([A-Za-z][\w./-]{0,127}+)\[(\d{1,10}+)\] (.*)", FLAGS)
_AIX = re.compile(
    r"(?=forwarded from |[a-z0-9|]{1,64}+:[a-z])(?:forwarded from ([^\s:]{1,255}+): )?"
    rf"(?:[a-z0-9|]{{1,64}}+:[a-z]{{3,7}}+ )?{TAG}(.*)",
    FLAGS,
)
_SNARE = re.compile(r"(MSWinEventLog)[\t ]", FLAGS)
_COMWARE = re.compile(r"%%\d{2}([A-Z][A-Z0-9_]{0,63}+)/([0-7])/", FLAGS)
_NUMBERED_TAG = re.compile(r"\d{5} ([A-Za-z][\w-]{1,31}+): ++(.*)", FLAGS)
_ISE = re.compile(r"(CISE_\w{1,64}+) \d{10} \d", FLAGS)
_ODD = frozenset("%/*:0123456789<")
"""What programs' names seldom begin with: these lines are looked at twice."""
_CODES = frozenset({" %", " *", " [", " {", " @"})
"""What a message begins with that a device's code follows in, `%SYS-5-…`, after a task's name or not; or a pid; or
that is a document."""
_LATE_PID = re.compile(r"\s?\[(\d{1,10}):\d{1,10}\] (.*)", FLAGS)
_OPENINGS = "{@"
"""What a document begins with that is a message, and its cookie, `@cee:`."""
_NO_PROGRAMS = frozenset({"Severity", "MessageID"})
"""Keys that records of Dell's begin with."""
_NO_DEVICES = frozenset({"SFIMS"})
"""What stands where devices write their names: the tag of Cisco's Firepower."""
_ACCESS_POINT = re.compile(r"(?:([^\s,]{1,64}+),)?[\da-f]{12},[^\s,]{1,128}+", FLAGS)
"""The tag of Ubiquiti's devices, or their host, in front of a program's own: a name, an address and a version."""
_TAG = re.compile(rf"{TAG}(.*)", FLAGS)
_TOPIC_TAG = re.compile(r"([a-z][a-z\d-]{1,31}),[a-z\d,!-]{1,95}", FLAGS)
_ARGUED = re.compile(r"([\w.-]{1,64})\([\w-]{1,32}=[^()]{0,64}\)", FLAGS)


def parse(text: str, origin: str, now: float, zone: tzinfo = UTC, format: str = "auto") -> LogLine | Rejected:
    """Understand one line.

    `now` is when the line was there at the latest, in seconds since the epoch: a file's modification, a document's
    time. A stamp without a year means the latest such date not after `now` + 1 day (clocks differ); one without an
    offset is read in `zone`. `format` is one of `FORMATS`; `auto` tries all. Of a line the first 64 KiB are read, of
    its message `MAX_MESSAGE` characters are kept; what is not Unicode (lone surrogates) becomes U+FFFD.
    """
    if len(text) > MAX_CHARS:
        text = text[: MAX_JSON if text[0] == "{" else MAX_CHARS]
    text = writable(text).lstrip("\ufeff")
    try:
        line = _read(text, origin, now, zone, format)
    except NoSuchDate:
        return Rejected(origin, NO_SUCH_DATE, text[:MAX_SHOWN])
    if isinstance(line, LogLine) and not FIRST_S <= line.time <= LAST_S:  # an offset reaches over the calendar's ends
        return Rejected(origin, NO_SUCH_DATE, text[:MAX_SHOWN])
    if isinstance(line, LogLine) and len(line.message) > MAX_MESSAGE:
        return line._replace(message=line.message[:MAX_MESSAGE])
    return line


def _read(text: str, origin: str, now: float, zone: tzinfo, format: str) -> LogLine | Rejected:
    forms = _BY_FORMAT[format]
    for form, read in forms.get(text[:1]) or forms[""]:
        if found := form.match(text):
            return read(found, origin, now, zone)
    return _other(text, origin, now, zone, format)


def format_of(text: str) -> str:
    """The format a line is written in, one of `FORMATS`; '' where it is none of them."""
    text = text[_framing(text) :].lstrip("\ufeff")
    if text.startswith("{"):
        return "json"
    return next((form.format for form in _FORMS if form.pattern.match(text[:MAX_CHARS])), "")


def is_undated(text: str) -> bool:
    """Whether the line says no time, if it can be read: it was read as of `now`."""
    text = text[_framing(text) :].lstrip("\ufeff")[:MAX_CHARS]
    return next((form for form in _FORMS if form.pattern.match(text)), None) in _BARE_FORMS


def _framing(text: str) -> int:
    """Where a line begins that is counted in octets; what follows a count begins no such line again."""
    framed = _FRAMED.match(text)
    return framed.end() if framed else 0


def _other(text: str, origin: str, now: float, zone: tzinfo, format: str) -> LogLine | Rejected:
    if text.startswith("{") and format in {"auto", "json"}:
        document = json_lines.load(text)
        line = None if document is None else json_lines.read(document, origin, now, zone)
        return line or Rejected(origin, NO_JSON if document is None else NO_STAMP, text[:MAX_SHOWN])
    if start := _framing(text):
        return parse(text[start:], origin, now, zone, format)
    return Rejected(origin, NO_STAMP if text.strip() else EMPTY, text[:MAX_SHOWN])


def _bsd(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`<38>Mar 27 13:06:56 host sshd[1291]: message`. Source: RFC 3164, section 4."""
    pri, date, year, hour, minute, second, offset, host, program, pid, message = found.groups()
    into_s = int(minute) * 60 + seconds(second)
    if offset:
        zone = zone_of(offset)
    time = at(int(year), date, hour, zone) + into_s if year else latest(date, hour, into_s, now, zone)
    severity = severity_of(pri) if pri else None
    if program is None or _is_odd(program) or message[:2] in _CODES or (host and "," in host):
        return _odd(_Parts(origin, time, host, program, pid, message, severity, bool(offset)), now, zone)
    return build(origin, time, host, program, pid, message, severity)


def _year_first(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`2026 Nov 23 10:00:00 host sshd[1]: message`."""
    pri, year, date, hour, minute, second, host, program, pid, message = found.groups()
    time = at(int(year), date, hour, zone) + int(minute) * 60 + seconds(second)
    return _odd(_Parts(origin, time, host, program, pid, message, severity_of(pri)), now, zone)


def _iso(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`2026-11-23T10:00:00.388+01:00 host prog[1]: message`: rsyslog's default file format, and its forwarding one."""
    pri, date, hour, minute, second, offset, level, host, program, pid, message = found.groups()
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    if host in daemons.STREAMS:
        return daemons.contained(found.string[found.end(6) + 1 :], origin, time, now, zone)
    severity = severity_of(pri or level)
    if (
        host == "*"
        or (host or program) in _NO_HOSTS
        or (program is None and (host is None or _LEVEL_FIRST.match(found.string, found.end(6) + 1)))
    ):
        return daemons.undressed(found.string[found.end(6) + 1 :].lstrip(), origin, time, severity)
    if program is None or _is_odd(program) or message[:2] in _CODES or (host and "," in host):
        line = _odd(_Parts(origin, time, host, program, pid, message, severity, bool(offset)), now, zone)
        if not host or _HOST_LIKE.match(host) or (line.program and not line.program[0].isdecimal()):
            return line
        return daemons.undressed(found.string[found.end(6) + 1 :].lstrip(), origin, time, severity)
    return build(origin, time, host, program, pid, message, severity)


def _rfc5424(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`<165>1 2003-10-11T22:14:15.003Z host app 1234 ID47 [id key="value"] message`. Source: RFC 5424, section 6.

    Without a message the identifier and the structured data are what the line says; with `-` for a time it is `now`.
    """
    pri, date, hour, minute, second, offset, host, program, pid, name, data, message = found.groups()
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second) if date else now
    pid = pid if pid.isdecimal() and len(pid) <= 10 else None
    message = message.removeprefix("\ufeff")
    if not message.strip():
        message = f"{_given(name)} {_given(data or '')}"
    program = _given(program) or devices.product(message)
    line = _told(build(origin, time, _given(host), program and base(program), pid, message, severity_of(pri)))
    return line if (line.user and line.address) or data in {None, "-"} else json_lines.told_by(line, _pairs(data))


def _pairs(data: str) -> dict[str, object]:
    """The parameters of structured data but `origin`, which speaks of the sender. Source: RFC 5424, section 6.3."""
    elements = (element for element in _ELEMENT.finditer(data, 0, MAX_DATA) if element[1] != "origin")
    pairs = (pair for element in elements for pair in _PARAMETER.finditer(element[2]))
    return {pair[1]: _ESCAPED.sub(r"\1", pair[2]) for pair in pairs}


def _device(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`000123: *Mar  1 00:00:01.123: %SYS-5-CONFIG_I: message` and `Nov 23 2026 10:00:00 fw : %ASA-6-302013: …`."""
    pri, host, _, *stamp, late_host, message = found.groups()
    time, host = _device_time(stamp, now, zone), host or late_host
    return _odd(_Parts(origin, time, host, None, None, message, severity_of(pri)), now, zone)


def _bare_device(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`%ASA-4-106023: message`, with a priority, a number and a name in front or not, and no stamp."""
    pri, host, *_, message = found.groups()
    return _odd(_Parts(origin, now, host, None, None, message, severity_of(pri)), now, zone)


def _bare(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`<30>sshd[12]: message`, a priority and no stamp that is one: it is now. Source: RFC 3164, section 4.3.3."""
    pri, host, program, pid, message = found.groups()
    if dated := _dated(found.string[found.end(1) + 1 :].lstrip(), origin, now, zone):
        return dated._replace(severity=severity_of(pri))
    return _odd(_Parts(origin, now, host, program, pid, message, severity_of(pri)), now, zone)


def _dated(text: str, origin: str, now: float, zone: tzinfo) -> LogLine | None:
    """What follows a priority, where it has one of the other forms that say a time."""
    if text.startswith("{"):
        document = json_lines.load(text)
        return None if document is None else json_lines.read(document, origin, now, zone)
    with suppress(NoSuchDate):
        for form in _DATED:
            if form.may_begin_with(text[:1]) and (found := form.pattern.match(text)):
                return form.read(found, origin, now, zone)
    return None


def _boot(found: re.Match[str], origin: str, now: float, _zone: tzinfo) -> LogLine:
    """`[  123.456789] usb 1-1: message`: seconds since a start that nobody told; by journalctl with host and tag."""
    if head := daemons.HOSTED.match(found[2]):
        host, program, pid, message = head.groups()
        return build(origin, now, host, program, pid, message, severity_of(found[1]))
    return build(origin, now, "", "kernel", None, found[2], severity_of(found[1]))


def _device_time(stamp: Sequence[str], now: float, zone: tzinfo) -> float:
    early_year, date, year, hour, minute, second, *named = stamp
    into_s, year = int(minute) * 60 + seconds(second), year or early_year
    zone = named_zone(named[0], zone) if named and named[0] else zone
    return at(int(year), date, hour, zone) + into_s if year else latest(date, hour, into_s, now, zone)


@lru_cache(maxsize=4_096)
def _is_odd(program: str) -> bool:
    return program[0] in _ODD or "," in program or "=" in program or program in _NO_PROGRAMS


class _Parts(NamedTuple):
    """What a line's head says, before its tag and message are looked at twice."""

    origin: str
    time: float
    host: str | None
    program: str | None
    pid: str | None
    message: str
    severity: int | None
    has_offset: bool = False
    """Whether its stamp says one: then no zone's name counts."""


def _odd(parts: _Parts, now: float, zone: tzinfo, *, passed_on: bool = True) -> LogLine:
    """A line with a tag out of the ordinary, or none: a relay's, a Cisco device's, a path, a version, two words."""
    message = parts.message.lstrip()
    if parts.program is None and passed_on and (sent := _relayed(parts, message, now, zone)):
        return sent
    if parts.program is None and parts.host and (late := _LATE.match(parts.host)):
        parts = _late(parts, late, message, zone)
        message = parts.message
    if parts.pid is None and (device := _cisco(parts, message, now, zone)):
        return device
    parts = _named(parts, message) if parts.program is None else _cleared(parts, parts.program)
    return _told(build(parts.origin, parts.time, parts.host, parts.program, parts.pid, parts.message, parts.severity))


def _told(line: LogLine) -> LogLine:
    """The line with who and from where, where its message is a document, with its cookie (`@cee:`) or not."""
    return json_lines.spoken(line) if line.message[:1] in _OPENINGS else line


def _cleared(parts: _Parts, tag: str) -> _Parts:
    """The parts with the program's bare name for a tag that holds more: a path, topics, arguments, Comware's code."""
    if point := _ACCESS_POINT.fullmatch(parts.host or ""):
        parts = parts._replace(host=point[1])
    if tag in _NO_PROGRAMS:
        return parts._replace(program="", message=f"{tag}:{parts.message}")
    if parts.pid is None and (late := _LATE_PID.match(parts.message)):  # Unbound's, and its thread's number
        return parts._replace(program=base(tag), pid=late[1], message=late[2])
    if module := _COMWARE.match(tag):
        severity = int(module[2]) if parts.severity is None else parts.severity
        return parts._replace(program=module[1], pid=None, severity=severity)
    if (point := _ACCESS_POINT.fullmatch(tag)) and (inner := _TAG.match(parts.message.lstrip())):
        return parts._replace(host=parts.host or point[1], program=inner[1], pid=inner[2], message=inner[3])
    named = _TOPIC_TAG.fullmatch(tag) or _ARGUED.fullmatch(tag)
    return parts._replace(program=named[1] if named else base(tag))


def _named(parts: _Parts, message: str) -> _Parts:
    """The parts of a line without a tag, with the program that its message names by its form, if it does."""
    if snare := _SNARE.match(message):
        return parts._replace(program=snare[1], message=message[snare.end() :])
    if name := devices.product(message) or devices.topic(message) or _category(message):
        return parts._replace(program=name)
    if tag := _PID_TAG.match(message):
        return parts._replace(program=tag[1], pid=tag[2], message=tag[3])
    if tag := _AIX.match(message):
        host = tag[1] or parts.host
        return parts._replace(host=host, program=base(tag[2]), pid=tag[3], message=tag[4])
    tag = _NUMBERED_TAG.match(message) or (_CAPITALS.match(message) if parts.host else None)
    if tag and not _EVENT.search(tag[1]):
        return parts._replace(program=tag[1], message=tag[2])
    return parts


def _category(message: str) -> str:
    """Of a message of Cisco's ISE, which begins with it: `CISE_Failed_Attempts 0000012345 1 0 …`."""
    found = _ISE.match(message)
    return found[1] if found else ""


def _late(parts: _Parts, late: re.Match[str], message: str, zone: tzinfo) -> _Parts:
    """A year or a zone's name after the clock, or both (`CST 1987`), which had been taken for the host's name."""
    year, named = late.groups()
    if named and (after := _YEAR.match(message)):
        year, message = after.groups()
    if not (found := _HOST_AND_TAG.match(message)):
        return parts
    host, program, pid, rest = found.groups()
    time = in_year(parts.time, int(year), zone) if year else parts.time
    if named and not parts.has_offset:
        time = in_zone(time, zone, named_zone(named, zone))
    return parts._replace(time=time, host=host, program=program, pid=pid, message=rest)


def _relayed(parts: _Parts, message: str, now: float, zone: tzinfo) -> LogLine | None:
    """What a relay passed on with its own stamp and name in front: the sender's stamp and name count."""
    start = 0
    for _ in range(MAX_RELAYS):
        if not (relay := _RELAY.match(message, start)):
            break
        start = relay.end()
    if sender := _RFC5424.match(message, start):
        with suppress(NoSuchDate):
            return _rfc5424(sender, parts.origin, now, zone)
    if not (found := _BSD.match(message, start) or _ISO.match(message, start)):
        return None
    pri, date, *clock, host, program, pid, rest = found.groups()
    try:
        if found.re is _BSD:
            *clock, offset = clock
            time = _device_time(("", date, *clock), now, zone_of(offset) if offset else zone)
        else:
            *clock, offset, _ = clock
            time = iso_at(date, clock[0], offset, zone) + int(clock[1]) * 60 + seconds(clock[2])
    except NoSuchDate:
        return None
    severity = parts.severity if pri is None else severity_of(pri)
    has_offset = bool(offset)
    inner = _Parts(parts.origin, time, host or parts.host, program, pid, rest, severity, has_offset)
    return _odd(inner, now, zone, passed_on=False)


def _cisco(parts: _Parts, message: str, now: float, zone: tzinfo) -> LogLine | None:
    """What follows a device's name: its facility is the program. A clock that is not set (`*`, `.`) does not count."""
    host, time, tag = parts.host, parts.time, parts.program
    if tag and tag[0] in _ODD:  # a sequence number, or the code
        message = f"{tag}: {message}"
    elif tag:
        host = host or ("" if _LATE.match(tag) else tag)
    head = _AFTER_HOST.match(message)
    start = head.end() if head else 0
    if not (code := CISCO.match(message, start)):
        return None
    if head and head[11]:
        host = host if host and head[11] in _NO_DEVICES else head[11]
    elif head and head[4]:
        first_host, unset, *stamp, late_host, _ = head.groups()
        host = first_host or late_host or host
        with suppress(NoSuchDate):
            time = time if unset else _device_time(stamp, now, zone)
    severity = int(code[2]) if parts.severity is None else parts.severity
    line = build(parts.origin, time, host, code[1], None, message[start:], severity)
    who = None if line.user or line.message.count(", IP = ") > 1 else _CISCO_USER.search(line.message)
    return line._replace(user=who[1] or who[2]) if who else line


def _given(field: str) -> str:
    """A field of RFC 5424, where `-` says that there is none."""
    return "" if field == "-" else field


_SYSLOG = (
    Form("syslog", _BSD, _bsd, "<A"),
    Form("syslog", _ISO, _iso, "<0"),
    Form("rfc5424", _RFC5424, _rfc5424, "<0"),
)
_BARE_FORMS = (
    Form("rfc5424", _NIL, _rfc5424, "<"),
    Form("syslog", _BARE_DEVICE, _bare_device),
    *devices.UNDATED,
    Form("syslog", _BOOT, _boot, "<["),
    Form("syslog", _BARE, _bare, "<"),
)
"""Lines that may say no time: it is that of their document, or of the line before them in their file."""
_FORMS = (
    *_SYSLOG,
    *daemons.FORMS,
    Form("syslog", _YEAR_FIRST, _year_first, "<0"),
    Form("syslog", _DEVICE, _device),
    Form("syslog", _ISO_SPACED, _iso, "<"),
    *devices.FORMS,
    *dates.FORMS,
    *xml_events.FORMS,
    *_BARE_FORMS,
)
"""The commonest first; no line has two of these forms, but for the last ones, which take what the others leave."""
FORMATS = ("auto", *dict.fromkeys((*(form.format for form in _FORMS), "json")))
"""What `parse` can be told to read."""
_DATED = (*daemons.FORMS, *devices.FORMS, *dates.FORMS, *xml_events.FORMS)


def _by_first_character(name: str) -> dict[str, tuple[tuple[re.Pattern[str], Read], ...]]:
    forms = [form for form in _FORMS if name in {"auto", form.format}]
    first = {char: [form for form in forms if form.may_begin_with(char)] for char in map(chr, range(128))}
    first[""] = [form for form in forms if not form.starts]
    return {char: tuple((form.pattern, form.read) for form in those) for char, those in first.items()}


_BY_FORMAT: Mapping[str, Mapping[str, tuple[tuple[re.Pattern[str], Read], ...]]] = {
    name: _by_first_character(name) for name in FORMATS
}
"""By the first character of a line, '' for those beyond ASCII. Bare tuples: they unpack faster than named ones."""
