"""Records that security devices write: CEF, LEEF, FortiGate's and WELF's keys and values, PAN-OS' commas, Snare's tabs.

Most come in a syslog line, whose host and time then count; these forms are for those that come without.
"""

from __future__ import annotations

import re
from datetime import UTC, tzinfo

from parsers.forms import FLAGS, PRI, SEVERITIES, Form, build, severity_of
from parsers.line import LogLine
from parsers.stamps import CLOCK, DATE, at, iso_at, named_zone, seconds

_PRODUCT = re.compile(r"(?:CEF:\d{1,2}+|LEEF:[\d.]{1,8}+)\|[^|]{0,255}+\|([^|]{1,255}+)\|", FLAGS)
_PAN = re.compile(r"\d{0,4}+,\d{4}/\d\d/\d\d \d\d:\d\d:\d\d,\w{0,32}+,([A-Z]{3,16}+),", FLAGS)
_RECORD = re.compile(rf"{PRI}((?:CEF:\d|LEEF:\d).*)", FLAGS)
_RECEIVED = re.compile(
    r"(?<=[\s|^])(?:rt|devTime|end)=(?:(\d{10})(\d{3})|"
    rf"(?:({DATE}) (\d{{4}}) |(\d{{4}}-\d\d-\d\d)T){CLOCK} ?(UTC|GMT|Z|[+-]\d\d:?\d\d|)(?:[+-]00:00)?)(?=[\s^]|\Z)",
    FLAGS,
)
_FORTI = re.compile(rf"{PRI}date=(\d{{4}}-\d\d-\d\d),? time={CLOCK},? (.*)", FLAGS)
_PAIR = r'[\w.-]{1,64}+=(?:"[^"]{0,1024}+"|[^\s",]{0,1024}+),? '
_KEYS = re.compile(
    rf'{PRI}(?=[a-z])((?:{_PAIR}){{0,16}}?)(?:(?:time|timestamp|ts|t|eventtime)="?(\d{{4}}-\d\d-\d\d)[T ]'
    rf'|date="?(\d{{4}}-\d\d-\d\d)"?,? time="?){CLOCK} ?(Z|[+-]\d\d:?\d\d|)"?(?:,? |\Z)(.*)',
    FLAGS,
)
_WELF = re.compile(
    rf'{PRI}id="?([\w-]{{1,64}}+)"? (?:sn=\S{{1,64}}+ )?time="(\d{{4}}-\d\d-\d\d) {CLOCK} ?(UTC|GMT|Z|)" (.*)', FLAGS
)
_COMMAS = re.compile(rf"{PRI}(\d{{0,4}}+,(\d{{4}})/(\d\d)/(\d\d) {CLOCK},\w{{0,32}}+,[A-Z]{{3,16}}+,.*)", FLAGS)
_SNARE = re.compile(
    r"([^\s<]{1,255}+)\tMSWinEventLog\t((?:[^\t]{0,64}+\t){3})"
    rf"[A-Z][a-z]{{2}} ({DATE}) {CLOCK} (\d{{4}})\t(\d{{1,10}}+\t[^\t]{{0,255}}+\t([^\t]{{0,255}}+)\t.*)",
    FLAGS,
)
_TOPICS = re.compile(
    r"(?=[a-z\d,!-]{0,64}\b(info|warning|error|critical|debug)\b[a-z\d,!-]{0,64}+ )"
    r"([a-z][a-z\d-]{1,31}+),\S{1,128}+ .*",
    FLAGS,
)
_KEYS_READ = ("devname", "level", "tz", "fw", "timezone", "uname", "usr")
_KEYED = {key: re.compile(rf'(?<!\S){key}="?([^\s,"]{{1,255}}+)', FLAGS) for key in _KEYS_READ}
MAX_CHARS = 4_096
"""How far a record is searched for its time, its device and its zone."""


def product(message: str) -> str:
    """Whose record a message is: its header's product, or PAN-OS' kind of record; '' where it is none."""
    found = _PRODUCT.match(message) or _PAN.match(message)
    return found[1] if found else ""


def topic(message: str) -> str:
    """The first of the topics that a line of RouterOS begins with (`system,info,account …`); '' where it has none."""
    found = _TOPICS.match(message)
    return found[2] if found else ""


def routed(message: str, origin: str, time: float) -> LogLine:
    """A message of RouterOS, without its date: the first of its topics serves as program."""
    found = _TOPICS.match(message)
    level, program = found.groups() if found else (None, None)
    return build(origin, time, "", program, None, message, SEVERITIES.get(level or ""))


def _router(found: re.Match[str], origin: str, now: float, _zone: tzinfo) -> LogLine:
    """`system,error,critical login failure for user root from 10.0.0.9 via ssh`, which says no time."""
    return routed(found[0], origin, now)


def _record(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`CEF:0|vendor|product|version|id|name|severity|rt=… src=…`, `LEEF:1.0|…`; without a time of its own at `now`."""
    pri, message = found.groups()
    time = now
    if stamp := _RECEIVED.search(message, 0, MAX_CHARS):
        whole, thousandths, date, year, iso, hour, minute, second, offset = stamp.groups()
        offset = "Z" if offset in {"UTC", "GMT"} else offset
        if whole:
            time = int(whole) + int(thousandths) / 1e3
        elif iso:
            time = iso_at(iso, hour, offset, zone) + int(minute) * 60 + seconds(second)
        else:
            time = at(int(year), date, hour, UTC if offset else zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", product(message), None, message, severity_of(pri))


def _forti(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`date=2026-11-23 time=10:00:00 devname="fw" … tz="+0100" …`."""
    pri, date, hour, minute, second, message = found.groups()
    offset = _keyed("tz", message)
    offset = offset if re.fullmatch(r"[+-]\d\d:?\d\d", offset, re.ASCII) else ""
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    severity = severity_of(pri) if pri else SEVERITIES.get(_keyed("level", message))
    return build(origin, time, _keyed("devname", message), "", None, message, severity)


def _keys(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`logger=context t=2026-11-23T10:00:00.123Z level=info …`, `device="SFW" date=2026-11-23 time=10:00:00 …`."""
    pri, before, whole, date, hour, minute, second, offset, after = found.groups()
    message = before + after
    zone = named_zone(_keyed("timezone", message), zone)
    time = iso_at(whole or date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    severity = severity_of(pri) if pri else SEVERITIES.get(_keyed("level", message).lower())
    line = build(origin, time, "", "", None, message, severity)
    return line if line.user else line._replace(user=_keyed("uname", message))


def _welf(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`id=firewall sn=… time="2026-11-23 10:00:00 UTC" fw=198.51.100.1 pri=6 …`, WebTrends' format."""
    pri, program, date, hour, minute, second, offset, message = found.groups()
    time = iso_at(date, hour, offset and "Z", zone) + int(minute) * 60 + seconds(second)
    line = build(origin, time, _keyed("fw", message), program, None, message, severity_of(pri))
    return line if line.user else line._replace(user=_keyed("usr", message))


def _commas(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`1,2026/11/23 10:00:00,0018…,TRAFFIC,end,…`, as PAN-OS exports it."""
    pri, message, year, month, day, hour, minute, second = found.groups()
    time = iso_at(f"{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", product(message), None, message, severity_of(pri))


def _snare(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`host<TAB>MSWinEventLog<TAB>1<TAB>Security<TAB>77<TAB>Mon Nov 23 10:00:00 2026<TAB>4624<TAB>source<TAB>user…`."""
    host, before, date, hour, minute, second, year, rest, user = found.groups()
    time = at(int(year), date, hour, zone) + int(minute) * 60 + seconds(second)
    line = build(origin, time, host, "MSWinEventLog", None, before + rest, None)
    return line if user in {"", "N/A"} else line._replace(user=user)


UNDATED = (Form("cef", _RECORD, _record, "<A"), Form("mikrotik", _TOPICS, _router, "a"))
"""May have no time of their own."""
FORMS = (
    Form("fortigate", _FORTI, _forti, "<a"),
    Form("welf", _WELF, _welf, "<a"),
    Form("keys", _KEYS, _keys, "<a"),
    Form("pan-os", _COMMAS, _commas, "<0,"),
    Form("snare", _SNARE, _snare),
)


def _keyed(key: str, message: str) -> str:
    found = _KEYED[key].search(message, 0, MAX_CHARS)
    return found[1] if found else ""
