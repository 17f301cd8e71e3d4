"""Lines that begin with a date in an order of its own: day first, seconds since the epoch, TAI64N, months as numbers.

Redis, ntpd, mail's dates, Java's loggers, Squid, Zeek, Meraki, HAProxy, qmail and s6.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo

from parsers.daemons import undressed
from parsers.devices import routed
from parsers.forms import FLAGS, PRI, TAG, Form, build, severity_of
from parsers.line import LogLine
from parsers.stamps import CLOCK, DATE, DAY_S, HOUR_S, MONTHS, NoSuchDate, at, iso_at, latest, seconds

_TAGGED = rf"(?:(?:([^\s\[:]{{1,255}}+) (?=[^\s:\[]{{1,128}}+[\[:]))?{TAG})?(.*)"
_DAY_FIRST = re.compile(
    r"(?:(\d{1,10}+):[A-Z] |\[(\d{1,10}+)\] |[A-Z][a-z]{2}, )?"
    rf"(\d{{1,2}}) ([A-Z][a-z]{{2}})(?: (\d{{4}}))? {CLOCK}(?: ([+-]\d{{4}}|UTC|GMT))?:? (?:([.*#-]) |{_TAGGED})",
    FLAGS,
)
_EPOCH = re.compile(rf"(?:{PRI}1 |{PRI})(\d{{10}}\.\d{{1,9}})\s++(.*)", FLAGS)
_EPOCH_S = re.compile(r"(?:\[(\d{10})\]|(\d{10}):?) (?=\D)(.*)", FLAGS)
_BASIC = re.compile(
    rf"(\d{{4}})(\d\d)(\d\d)(?:[ T_-]{CLOCK}|T(\d\d)([0-5]\d)([0-6]\d(?:[.,]\d{{1,9}})?))"
    rf"(Z|[+-]\d\d:?\d\d)?:?\s++(.*)",
    FLAGS,
)
_SHORT = re.compile(rf"\[?(\d\d)([-/.])(\d\d)\2(\d\d),? {CLOCK}\]?:?\s++(.*)", FLAGS)
_ORDERS = ((0, 1, 2), (2, 0, 1), (2, 1, 0))
"""Where year, month and day may stand in a date of three pairs of digits: `26/11/23`, `11/23/26`, `23.11.26`."""
_MIKROTIK = re.compile(rf"([a-z]{{3}})/(\d\d)/(\d{{4}}) {CLOCK} (.*)", FLAGS)
_SQUID = re.compile(r"\d{1,10}+ (\S{1,255}+) [A-Z_]{2,64}+/\d{3} ", FLAGS)
_SQUID_USER = re.compile(r"(?: \S{1,32}+){2} \S{1,65536}+ (\S{1,128}+) [A-Z_]{2,64}+/\S{1,255}+ ", FLAGS)
_NAMED = re.compile(r"(\S{1,255}+) ([\w-]{1,64}+) (.*)", FLAGS)
_TAI = re.compile(r"@4([0-9a-f]{15})([0-9a-f]{8}) (.*)", FLAGS)
_TWELVE = r"(?: ([AP]M))?"
_MONTH_FIRST = re.compile(rf"([A-Z][a-z]{{2}}) (\d{{1,2}}), (\d{{4}}),? (\d{{1,2}}):(\d\d):(\d\d){_TWELVE} (.*)", FLAGS)
_NUMBERS = re.compile(
    rf"\[?(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}})(?:,? |:)(\d{{1,2}}):([0-5]\d):([0-6]\d(?:[.,]\d{{1,9}})?)"
    rf"{_TWELVE}(?: (UTC|GMT|Z|[+-]\d\d:?\d\d))?\]?[:,]?\s++(.*)",
    FLAGS,
)
_PROXY = re.compile(rf"([\da-fA-F.:]{{2,45}}):\d{{1,5}}+ \[(\d\d)/([A-Z][a-z]{{2}})/(\d{{4}}):{CLOCK}\] (.*)", FLAGS)
_NETSCALER = re.compile(r"([^\s:]{1,255}+) \d{1,3}+-PPE-\d{1,3}+ : ((?:default )?([A-Z]\w{1,31}+) .*)", FLAGS)
_NAMED_MONTH = re.compile(
    rf"\[?(\d{{1,2}})[-/ ]([A-Za-z]{{3}})[-/ ](\d{{4}})(?:[ T:]|, ?){CLOCK}"
    r" ?(Z|UTC|GMT|[+-]\d\d:?\d\d|)\]?[:,]?\s++(.*)",
    FLAGS,
)
_BRACKETED = re.compile(rf"\[({DATE}) (?:(\d{{4}}) )?{CLOCK}(?: (\d{{4}}))?\]:?\s++(.*)", FLAGS)
_ALONE = re.compile(
    rf"(?:(\[))?{CLOCK}(?(1)\])\s++("
    r"(?:\[[^\]]{1,128}+\]\s++)?\[?(?:[^\]\s/]{1,64}(?: [^\]\s/]{1,64})?/)?"
    r"(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\]?:?\s.*)",
    FLAGS,
)
_SERILOG = re.compile(rf"\[{CLOCK} (VRB|DBG|INF|WRN|ERR|FTL|DEBUG|INFO|WARN|ERROR|FATAL)\]:? (.*)", FLAGS)
_LOGCAT = re.compile(
    rf"(\d\d)-(\d\d) {CLOCK}\s++(\d{{1,10}}+)\s++\d{{1,10}}+ ([VDIWEFA]) ([^:]{{1,128}}+): ?(.*)", FLAGS
)
_LEVELS = {"V": 7, "D": 7, "I": 6, "W": 4, "E": 3, "F": 2, "A": 1}
"""By the first letter of their names, Android's and Serilog's."""
_LEASE = re.compile(rf"(\d{{1,5}}+),(\d\d)/(\d\d)/(\d\d),{CLOCK},(.*)", FLAGS)
_TAI_AHEAD_S = 10
"""TAI's seconds before UTC's at the epoch; who writes such stamps leaves later leap seconds out."""
_REDIS = {".": 7, "-": 6, "*": 5, "#": 4}


def _day_first(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`777:M 23 Nov 2026 10:00:00.123 * Ready`, `23 Nov 10:00:00 ntpd[777]: …`, `Mon, 23 Nov 2026 10:00:00 +0100 …`."""
    pid, older, day, month, year, hour, minute, second, offset, level, host, program, own, message = found.groups()
    into_s = int(minute) * 60 + seconds(second)
    if year:
        offset = "" if not offset else offset if offset[0] in "+-" else "Z"
        time = iso_at(f"{year}-{MONTHS.get(month, 0):02}-{day:0>2}", hour, offset, zone) + into_s
    else:
        time = latest(f"{month} {day:>2}", hour, into_s, now, UTC if offset else zone)
    if level:
        return build(origin, time, "", "redis", pid or older, found.string[found.end() :], _REDIS[level])
    return build(origin, time, host, program, own or pid or older, message, None)


def _epoch(found: re.Match[str], origin: str, _now: float, _zone: tzinfo) -> LogLine:
    """`1795424400.123    45 10.0.0.5 TCP_MISS/200 …` (Squid), `<134>1 1795424400.1 MX84 flows src=…` (Meraki), Zeek."""
    pri, time, message = found[1] or found[2], float(found[3]), found[4]
    if proxied := _SQUID.match(message):
        who = _SQUID_USER.match(message, proxied.end() - 1)
        line = build(origin, time, "", "squid", None, message, None)
        return line._replace(address=proxied[1], user=who[1] if who and who[1] != "-" else "")
    if pri and (named := _NAMED.match(message)):
        return build(origin, time, named[1], named[2], None, named[3], severity_of(pri))
    return undressed(message, origin, time, severity_of(pri))


def _epoch_s(found: re.Match[str], origin: str, now: float, _zone: tzinfo) -> LogLine:
    """`[1795424400] SERVICE ALERT: …` (Nagios), `1795424400 host app[5]: …`."""
    bracketed, bare, message = found.groups()
    time = float(bracketed or bare)
    if time > now + DAY_S:
        raise NoSuchDate
    return undressed(message, origin, time, None)


def _basic(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`20261123 10:00:00 message`, `20261123T100000Z message`: the basic format of ISO 8601."""
    year, month, day, *clocks, offset, message = found.groups()
    hour, minute, second = clocks[:3] if clocks[0] else clocks[3:]
    time = iso_at(f"{year}-{month}-{day}", hour, offset or "", zone) + int(minute) * 60 + seconds(second)
    return undressed(message, origin, time, None)


def _short(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`26/11/23 10:00:00 INFO spark.SparkContext: …`, `11/23/26 10:00:00 …`, `23.11.26 10:00:00 …`.

    Whatever the order, a line was written lately: of the dates it may mean, the latest that is not to come.
    """
    *pairs, hour, minute, second, message = found.group(1, 3, 4, 5, 6, 7, 8)
    into_s = int(minute) * 60 + seconds(second)
    times = []
    for year, month, day in _ORDERS:
        with suppress(NoSuchDate):
            times.append(iso_at(f"20{pairs[year]}-{pairs[month]}-{pairs[day]}", hour, "", zone) + into_s)
    time = max((time for time in times if time <= now + DAY_S), default=None)
    if time is None:
        raise NoSuchDate
    return undressed(message, origin, time, None)


def _mikrotik(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`nov/23/2026 10:00:00 system,info,account user admin logged in from 10.0.0.5 via winbox`."""
    month, day, year, hour, minute, second, message = found.groups()
    date = f"{year}-{MONTHS.get(month.title(), 0):02}-{day}"
    time = iso_at(date, hour, "", zone) + int(minute) * 60 + seconds(second)
    return routed(message, origin, time)


def _tai(found: re.Match[str], origin: str, _now: float, _zone: tzinfo) -> LogLine:
    """`@400000005c3a1b2c1a2b3c4d message`: seconds of TAI and nanoseconds, as daemontools and s6 write them."""
    time = int(found[1], 16) - _TAI_AHEAD_S + int(found[2], 16) / 1e9
    if time >= 2**40:
        raise NoSuchDate
    return build(origin, time, "", None, None, found[3], None)


def _month_first(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`Nov 23, 2026 10:00:00 AM org.example.Main start`, as Java's loggers write it."""
    month, day, year, hour, minute, second, half, message = found.groups()
    time = at(int(year), f"{month} {day}", _hour(hour, half), zone) + int(minute) * 60 + int(second)
    return build(origin, time, "", None, None, message, None)


def _numbers(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`11/23/2026 10:00:00 AM message`, month first; `23.11.2026 10:00:00 message`, day first.

    Where no calendar has that date, or it is to come, the other order is meant.
    """
    first, mark, second, year, hour, minute, second_s, half, offset, message = found.groups()
    pairs = ((first, second), (second, first)) if mark == "/" else ((second, first), (first, second))
    offset = "Z" if offset in {"UTC", "GMT"} else offset or ""
    into_s = int(minute) * 60 + seconds(second_s)
    times = []
    for month, day in pairs:
        with suppress(NoSuchDate):
            times.append(iso_at(f"{year}-{month:0>2}-{day:0>2}", _hour(hour, half), offset, zone) + into_s)
    if not times:
        raise NoSuchDate
    time = next((time for time in times if time <= now + DAY_S), times[0])
    if gateway := _NETSCALER.match(message):
        return build(origin, time, gateway[1], gateway[3], None, gateway[2], None)
    return undressed(message, origin, time, None)


def _named_month(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`[23/Nov/2026 10:00:00] message`, `[23/Nov/2026:10:00:00 +0100] message`, `23-NOV-2026 10:00:00 * message`."""
    day, month, year, hour, minute, second, offset, message = found.groups()
    offset = "Z" if offset in {"UTC", "GMT"} else offset
    date = f"{year}-{MONTHS.get(month.title(), 0):02}-{day:0>2}"
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    return undressed(message, origin, time, None)


def _bracketed(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`[Nov 23 10:00:00] NOTICE[5]: message`."""
    date, early_year, hour, minute, second, year, message = found.groups()
    into_s, year = int(minute) * 60 + seconds(second), early_year or year
    time = at(int(year), date, hour, zone) + into_s if year else latest(date, hour, into_s, now, zone)
    return undressed(message, origin, time, None)


def _clock(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`10:00:00.123 [main] INFO org.example.Main - message`, `[10:00:00] [Worker 1/INFO]: message`.

    Of the last day, an hour ahead allowed.
    """
    hour, minute, second, message = found.groups()[1:]
    return undressed(message, origin, _lately(hour, int(minute) * 60 + seconds(second), now, zone), None)


def _serilog(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`[10:00:00 WRN] message`, `[10:00:00 INFO]: message`: of the last day, an hour ahead allowed."""
    hour, minute, second, level, message = found.groups()
    time = _lately(hour, int(minute) * 60 + seconds(second), now, zone)
    return build(origin, time, "", None, None, message, _LEVELS[level[0]])


def _logcat(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`11-23 10:00:00.811  1702  2395 D WindowManager: message`: Android's, with a process and a thread."""
    month, day, hour, minute, second, pid, level, program, message = found.groups()
    name = next((name for name, number in MONTHS.items() if number == int(month)), "-")
    time = latest(f"{name} {int(day):>2}", hour, int(minute) * 60 + seconds(second), now, zone)
    return build(origin, time, "", program.strip(), pid, message, _LEVELS[level])


def _lease(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`10,11/23/26,10:00:00,Assign,10.0.0.99,laptop,AABBCCDDEEFF,…`, as Windows' DHCP server writes it."""
    number, month, day, year, hour, minute, second, message = found.groups()
    time = iso_at(f"20{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", None, None, f"{number},{message}", None)


def _proxy(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`10.0.0.5:4711 [23/Nov/2026:10:00:00.123] www~ app/app1 …`, HAProxy's own line."""
    client, day, month, year, hour, minute, second, message = found.groups()
    date = f"{year}-{MONTHS.get(month, 0):02}-{day}"
    time = iso_at(date, hour, "", zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "haproxy", None, message, None)._replace(address=client)


FORMS = (
    Form("dates", _DAY_FIRST, _day_first, "[A0"),
    Form("dates", _EPOCH, _epoch, "<0"),
    Form("dates", _EPOCH_S, _epoch_s, "[0"),
    Form("dates", _BASIC, _basic, "0"),
    Form("dates", _SHORT, _short, "[0"),
    Form("dates", _MIKROTIK, _mikrotik, "a"),
    Form("dates", _TAI, _tai, "@"),
    Form("dates", _MONTH_FIRST, _month_first, "A"),
    Form("dates", _NUMBERS, _numbers, "[0"),
    Form("dates", _NAMED_MONTH, _named_month, "[0"),
    Form("dates", _BRACKETED, _bracketed, "["),
    Form("dates", _ALONE, _clock, "[0"),
    Form("dates", _SERILOG, _serilog, "["),
    Form("android", _LOGCAT, _logcat, "0"),
    Form("dhcp", _LEASE, _lease, "0"),
    Form("haproxy", _PROXY, _proxy, "0aA:."),
)


def _lately(hour: str, into_s: float, now: float, zone: tzinfo) -> float:
    """When a clock without a date showed that, at the latest an hour from now."""
    last = datetime.fromtimestamp(now + HOUR_S, zone)
    time = iso_at(f"{last:%Y-%m-%d}", hour, "", zone) + into_s
    if time > now + HOUR_S:
        time = iso_at(f"{last - timedelta(days=1):%Y-%m-%d}", hour, "", zone) + into_s
    return time


def _hour(hour: str, half: str | None) -> str:
    """The hour of a clock of twelve hours, or of 24 where it says no half."""
    if half is None:
        return f"{hour:0>2}"
    if not 1 <= int(hour) <= 12:
        raise NoSuchDate
    return f"{int(hour) % 12 + (12 if half == 'PM' else 0):02}"
