"""Events of Windows as XML, one a line: as forwarded, exported, or taken by collectors."""

from __future__ import annotations

import re
from datetime import tzinfo
from html import unescape

from parsers.forms import FLAGS, Form, build
from parsers.line import LogLine
from parsers.stamps import ISO_STAMP, iso_at, seconds

_EVENT = re.compile(rf"<Event(?=[\s>]).{{0,4096}}?<TimeCreated SystemTime=['\"]{ISO_STAMP}['\"]", FLAGS)
_SYSTEM = {
    "program": re.compile(r"<Provider Name=['\"]([^'\"]{1,255})", FLAGS),
    "host": re.compile(r"<Computer>([^<]{1,255})<", FLAGS),
    "pid": re.compile(r"<Execution ProcessID=['\"](\d{1,10})['\"]", FLAGS),
    "level": re.compile(r"<Level>([0-5])<", FLAGS),
    "id": re.compile(r"<EventID[^>]{0,64}>(\d{1,10})<", FLAGS),
    "message": re.compile(r"<Message>([^<]{1,65536})</Message>", FLAGS),
}
_DATA = re.compile(r"<Data Name=['\"]([^'\"<>]{1,128})['\"]>([^<]{1,65536})</Data>", FLAGS)
_SEVERITIES = {"1": 2, "2": 3, "3": 4, "4": 6, "5": 7}
_USERS = ("TargetUserName", "User", "SubjectUserName", "AccountName")
_ADDRESSES = ("IpAddress", "SourceIp", "SourceAddress", "ClientAddress")


def _event(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`<Event …><System><Provider Name='…'/><EventID>4625</EventID>…</System><EventData><Data Name='…'>…</Data>…`.

    Where no message is rendered, its number and its data are what it says.
    """
    date, hour, minute, second, offset = found.groups()
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    told = {name: part[1] for name, pattern in _SYSTEM.items() if (part := pattern.search(found.string))}
    data = {key: unescape(value) for key, value in _DATA.findall(found.string) if value != "-"}
    message = unescape(told.get("message") or " ".join((told.get("id", ""), *(f"{k}={v}" for k, v in data.items()))))
    severity = _SEVERITIES.get(told.get("level", ""))
    line = build(origin, time, told.get("host"), told.get("program"), told.get("pid"), message, severity)
    user = next((data[key] for key in _USERS if key in data), line.user)
    return line._replace(user=user, address=next((data[key] for key in _ADDRESSES if key in data), line.address))


FORMS = (Form("windows", _EVENT, _event, "<"),)
