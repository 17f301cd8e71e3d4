"""The lines that programs write to files of their own, without syslog's host and tag: one form each.

Web servers, FTP servers, name servers, containers, auditd, Suricata, fail2ban, Hadoop, clusters; and last the plain
date and clock in front of a text that many programs write.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import tzinfo

from parsers.forms import FLAGS, SEVERITIES, TAG, Form, base, build
from parsers.line import LogLine
from parsers.stamps import CLOCK, DATE, ISO_STAMP, MONTHS, NoSuchDate, at, iso_at, latest, named_zone, seconds

STREAMS = frozenset({"stdout", "stderr"})
"""What stands behind the stamp of a container's line."""

_APACHE = re.compile(
    rf"\[[A-Z][a-z]{{2}} ({DATE}) {CLOCK} (\d{{4}})\] \[(?:[\w-]{{0,64}}+:)?(\w{{1,16}}+)\] "
    r"(?:\[pid (\d{1,10}+)(?::tid \d{1,20}+)?\] )?(.*)",
    FLAGS,
)
_ACCESS = re.compile(
    r"(?:([^\s\[{:]{1,255}+):\d{1,5}+ )?([^\s\[{,]{1,255}+)(?:, ?[^\s\[{,]{1,255}+){0,8}+ \S{1,255}+ ([^\[]{1,255}?) "
    rf"\[(\d\d)/([A-Z][a-z]{{2}})/(\d{{4}}):{CLOCK} ([+-]\d{{4}})\] (.*)",
    FLAGS,
)
_NGINX = re.compile(rf"(\d{{4}})/(\d\d)/(\d\d) {CLOCK} \[([a-z]{{1,16}}+)\] (\d{{1,10}}+)#\d{{1,20}}+: (.*)", FLAGS)
_RING = re.compile(rf"\[[A-Z][a-z]{{2}} ({DATE}) {CLOCK} (\d{{4}})\] (.*)", FLAGS)
_CTIME = re.compile(
    rf"[A-Z][a-z]{{2}} ({DATE}) {CLOCK}(?: [A-Z]{{3,5}}+)? (\d{{4}})(?: \[pid (\d{{1,10}}+)\])? (.*)", FLAGS
)
_AUDIT = re.compile(
    r"(?:node=(\S{1,255}+) )?type=\S{1,64}+ msg=audit\((\d{1,11}+(?:\.\d{1,9}+)?):\d{1,20}+\): ?(.*)", FLAGS
)
_PID = re.compile(r"(?<![^\s])pid=(\d{1,10}+)(?![^\s])", FLAGS)
_KLOG = re.compile(
    rf"([IWEF])(\d{{4}})?(\d\d)(\d\d) {CLOCK} ++(\d{{1,10}}+) ([^\s:\]]{{1,255}}+):\d{{1,9}}+\] (.*)", FLAGS
)
_FAST = re.compile(rf"(\d\d)/(\d\d)(?:/(\d{{4}}))?-{CLOCK} {{1,4}}((?:\[\w{{1,16}}+\] )?\[\*\*\] .*)", FLAGS)
_NAMED = re.compile(
    rf"(\[)?(\d\d)-([A-Z][a-z]{{2}})-(\d{{4}}) {CLOCK}(?(1)(?: ([A-Za-z_/+-]{{1,64}}+))?\]) (.*)", FLAGS
)
_JAVA = re.compile(r"([A-Z]{4,8}+) \[[^\]]{1,128}+\] ([\w.$]{1,255}+) (.*)", FLAGS)
_HADOOP = re.compile(
    r"(\d\d)(\d\d)(\d\d) (\d\d)([0-5]\d)([0-6]\d) (\d{1,10}+) ([A-Z]{1,16}+) ([^\s:]{1,255}+): (.*)", FLAGS
)
_CLUSTER = re.compile(
    rf"\S{{1,64}}+ (\d{{9,10}}+) \d{{4}}\.\d\d\.\d\d (\S{{1,255}}+) (?:{DATE} {CLOCK} \S{{1,255}}+ )?", FLAGS
)
_TAGGED = re.compile(rf"(?:{TAG})?(.*)", FLAGS)
_BLUE_GENE = re.compile(r"[\d.-]{26} \S{1,255}+ [A-Z]{1,32}+ (\S{1,64}+) ([A-Z]{1,16}+) ?(.*)", FLAGS)
_LOGFMT = re.compile(
    rf'(?:level=([A-Za-z]{{1,16}}+) )?(?:time|ts|t)="?{ISO_STAMP}"? (?:level=([A-Za-z]{{1,16}}+) )?(.*)', FLAGS
)
_PLAIN = re.compile(
    rf"(?:[A-Z][a-z]{{2}} |\d{{1,10}}+ |[DIWEFA], )?\[?(\d{{4}})[-/.:](\d\d)[-/.:](\d\d)[- T]{CLOCK}"
    r" ?(Z|UTC|[+-]\d\d(?::?\d\d)?|)(?: [A-Z]{3,5}+(?= \[))?(?: #\d{1,10}+(?=\]))?"
    r"(?=[\s\]:|,])[\]:,]{0,2}(?:\s++|(?=\[))(.*)",
    FLAGS,
)
_LEVEL = "DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|TRACE|LOG|PANIC"
_LOGGER = re.compile(r"([\w.]{1,128}+)\s++\[(\d{1,10}+)\]: ([A-Z]{1,16}+)\s++(.*)", FLAGS)
_DAEMON = re.compile(r"([\w.-]{1,255}+) ([\w./-]{1,128}+)\[(\d{1,10}+)\]:? (.*)", FLAGS)
_LEVELLED = re.compile(
    rf"(?:\[(\d{{1,10}}+)\] )?\[?({_LEVEL})\]?:?\s++(?:([A-Za-z][\w.$-]{{0,127}}+): )?(.*)", FLAGS | re.IGNORECASE
)
_NUMBERED = re.compile(r"(?:\[(\d{1,10}+)\]:?|(\d{1,10}+)(?= \[[A-Z]))\s++(?:\[([A-Z][A-Za-z]{1,15}+)\] )?(.*)", FLAGS)
_JAVA_LEVEL = re.compile(  # Spring Boot's, Logback's and Log4j's
    rf"(?:\[[^\]]{{1,128}}+\] )?\[?({_LEVEL})\]? ++(?:(\d{{1,10}}+) --- )?(?:\[[^\]]{{0,128}}+\] ){{0,3}}"
    r"((?(2)|(?=[\w$]{1,64}+\.))[A-Za-z_][\w.$/\[\]-]{0,255}+) *(?: - | : |(?<! ): )(.*)",
    FLAGS,
)
_MONGO = re.compile(r"([FEWID])\d? {1,2}([A-Z]{1,16}+|-) ++(\[.*)", FLAGS)
_LEVEL_FIRST = re.compile(
    rf"\[?({_LEVEL})\]?:? {{0,4}}+(?:\[[^\]]{{1,128}}+\] )?(\d{{4}})-(\d\d)-(\d\d)[ T]{CLOCK}"
    r"(Z|[+-]\d\d:?\d\d|):?\s*+(?:\[[^\]]{1,128}+\] )?(.*)",
    FLAGS,
)
_DASHED = re.compile(rf"- ([\w.]{{1,128}}+) - ({_LEVEL}) - (.*)", FLAGS)
_GROUP = re.compile(r"\[([^\[\]]{0,128}+)\]", FLAGS)
_LEVELS = {**SEVERITIES, "i": 6, "w": 4, "e": 3, "f": 2, "d": 7, "note": 6, "system": 6, "log": 6}
"""MongoDB's, MySQL's and PostgreSQL's besides."""
MAX_GROUPS = 4
"""Brackets in front of a message that say pid, level and logger."""
MAX_GROUPED = 160
"""Characters that they take, or most."""
_KEYED_LEVEL = re.compile(r"(?<!\S)level=\"?([A-Za-z]{1,16}+)", FLAGS)
_CRI = re.compile(r"std(?:out|err) (?:[FP](?::[^\s]{0,64}+)? )?(.*)", FLAGS)


def contained(text: str, origin: str, time: float, now: float, zone: tzinfo) -> LogLine:
    """What a container wrote, without its runtime's stamp and its own: `stdout F message`."""
    found = _CRI.match(text)
    return unwrapped(found[1] if found else text, origin, time, now, zone)


def unwrapped(message: str, origin: str, time: float, now: float, zone: tzinfo) -> LogLine:
    """A message that may have a form of its own, which then says its program; the time is the outer one."""
    with suppress(NoSuchDate):
        for _, pattern, read in FORMS:
            if found := pattern.match(message):
                return read(found, origin, now, zone)._replace(time=time)
    return build(origin, time, "", None, None, message, None)


def _apache(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`[Sun Dec 04 04:47:44 2005] [notice] message`; 2.4 adds a module, pid and thread."""
    date, hour, minute, second, year, level, pid, message = found.groups()
    time = at(int(year), date, hour, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "httpd", pid, message, SEVERITIES.get(level))


def _access(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`10.0.0.5 - bob [23/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 5`, a virtual host in front or not."""
    host, client, user, day, month, year, hour, minute, second, offset, message = found.groups()
    date = f"{year}-{MONTHS.get(month, 0):02}-{day}"
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    line = build(origin, time, host, "httpd", None, message, None)
    return line._replace(user="" if user == "-" else user.strip('"'), address=client)


def _nginx(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`2026/11/23 10:00:00 [error] 1234#5678: *9 message, client: 10.0.0.5, server: …`."""
    year, month, day, hour, minute, second, level, pid, message = found.groups()
    time = iso_at(f"{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "nginx", pid, message, SEVERITIES.get(level))


def _ring(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`[Mon Nov 23 10:00:00 2026] usb 1-1: message`, as `dmesg -T` writes it."""
    date, hour, minute, second, year, message = found.groups()
    time = at(int(year), date, hour, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "kernel", None, message, None)


def _ctime(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`Mon Nov 23 10:00:00 2026 message`; vsftpd's have a pid, FreeRADIUS' a colon, and OpenVPN's name no program."""
    date, hour, minute, second, year, pid, message = found.groups()
    time = at(int(year), date, hour, zone) + int(minute) * 60 + seconds(second)
    if pid is None and (tag := _DAEMON.match(message)):
        host, program, pid, message = tag.groups()
        return build(origin, time, host, program, pid, message, None)
    if message.startswith(": "):
        return build(origin, time, "", "radiusd", None, message[2:], None)
    return build(origin, time, "", "vsftpd" if pid else None, pid, message, None)


def _audit(found: re.Match[str], origin: str, _now: float, _zone: tzinfo) -> LogLine:
    """`type=USER_LOGIN msg=audit(1364481363.243:24287): pid=1 …`: without its seconds and its serial number."""
    host, time, message = found.groups()
    pid = _PID.search(message, 0, 4_096)
    kind = found.string[found.string.index("type=") :].partition(" ")[0]
    return build(origin, float(time), host, "auditd", pid and pid[1], f"{kind} {message}", None)


def _klog(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`I1123 10:00:00.123456    1 server.go:12] message`, or `I20261123 …`; the number is a process's or thread's."""
    level, year, month, day, hour, minute, second, pid, file, message = found.groups()
    date, into_s = f"{_month(month)} {day}", int(minute) * 60 + seconds(second)
    time = at(int(year), date, hour, zone) + into_s if year else latest(date, hour, into_s, now, zone)
    return build(origin, time, "", file, pid, message, {"I": 6, "W": 4, "E": 3, "F": 2}[level])


def _fast(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`11/23/2026-10:00:00.123456  [**] [1:1:1] message [**] … {TCP} 10.0.0.5:1 -> 10.0.0.6:2`; Snort has no year."""
    month, day, year, hour, minute, second, message = found.groups()
    date, into_s = f"{_month(month)} {day}", int(minute) * 60 + seconds(second)
    time = at(int(year), date, hour, zone) + into_s if year else latest(date, hour, into_s, now, zone)
    return build(origin, time, "", "suricata" if year else "snort", None, message, None)


def _named(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`23-Nov-2026 10:00:00.123 queries: info: …`; with Tomcat a level and a thread follow; in brackets it is PHP's."""
    opened, day, month, year, hour, minute, second, zone_name, message = found.groups()
    zone = named_zone(zone_name, zone) if zone_name else zone
    time = at(int(year), f"{month} {day}", hour, zone) + int(minute) * 60 + seconds(second)
    if java := _JAVA.match(message):
        return build(origin, time, "", java[2], None, java[3], SEVERITIES.get(java[1].lower()))
    return build(origin, time, "", "php" if opened else "named", None, message, None)


def _logfmt(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`time="2026-11-23T10:00:00Z" level=info msg="message"`."""
    first, date, hour, minute, second, offset, level, message = found.groups()
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    if not (named := first or level) and (keyed := _KEYED_LEVEL.search(message, 0, MAX_GROUPED)):
        named = keyed[1]
    return build(origin, time, "", None, None, message, SEVERITIES.get((named or "").lower()))


def _hadoop(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`081109 203615 148 INFO dfs.DataNode$PacketResponder: message`; the number is a thread's, and serves as pid."""
    year, month, day, hour, minute, second, pid, level, program, message = found.groups()
    time = iso_at(f"20{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + int(second)
    return build(origin, time, "", program, pid, message, SEVERITIES.get(level.lower()))


def _cluster(found: re.Match[str], origin: str, _now: float, _zone: tzinfo) -> LogLine:
    """`- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond[2916]: message`, or BGL's after the node."""
    time, node = float(found[1]), found[2]
    if report := _BLUE_GENE.match(found.string, found.end()):
        component, level, message = report.groups()
        return build(origin, time, node, component, None, message, SEVERITIES.get(level.lower()))
    tagged = _TAGGED.match(found.string, found.end())
    program, pid, message = tagged.groups() if tagged else (None, None, "")
    return build(origin, time, node, program and base(program), pid, message, None)


def _plain(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`2026-11-23 10:00:00,123 message`: then host and program, or a logger, pid and level, or a level."""
    year, month, day, hour, minute, second, offset, message = found.groups()
    offset = "Z" if offset == "UTC" else offset
    time = iso_at(f"{year}-{month}-{day}", hour, offset, zone) + int(minute) * 60 + seconds(second)
    return undressed(message, origin, time, None)


def _level_first(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`INFO  [main] 2026-11-23 10:00:00,123 message`, `[INFO] 2026-11-23 10:00:00 message`."""
    level, year, month, day, hour, minute, second, offset, message = found.groups()
    time = iso_at(f"{year}-{month}-{day}", hour, offset, zone) + int(minute) * 60 + seconds(second)
    return undressed(message, origin, time, _LEVELS.get(level.lower()))


def undressed(message: str, origin: str, time: float, severity: int | None) -> LogLine:
    """What follows a date: host and program, or a logger, pid and level, or a level, or these in brackets."""
    host = program = pid = level = None
    if message.startswith("[") and "][" in message[:MAX_GROUPED]:
        program, pid, level, message = _grouped(message)
    elif tag := _DASHED.match(message):
        program, level, message = tag.groups()
    elif tag := _LOGGER.match(message):
        program, pid, level, message = tag.groups()
    elif tag := _DAEMON.match(message):
        host, program, pid, message = tag.groups()
    elif tag := _JAVA_LEVEL.match(message):
        level, pid, program, message = tag.groups()
    elif tag := _LEVELLED.match(message):
        pid, level, program, message = tag.groups()
    elif tag := _MONGO.match(message):
        level, program, message = tag.groups()
    elif tag := _NUMBERED.match(message):
        bracketed, bare, level, message = tag.groups()
        pid = bracketed or bare
    named = _LEVELS.get((level or "").lower())
    return build(origin, time, host, program, pid, message, severity if named is None else named)


def _grouped(message: str) -> tuple[str | None, str | None, str | None, str]:
    """Program, pid and level of `[INFO ][o.e.n.Node ] message` and `[777][info][main] message`, and what follows."""
    groups: list[str] = []
    start = 0
    while len(groups) < MAX_GROUPS and (found := _GROUP.match(message, start)):
        groups.append(found[1].strip())
        start = found.end()
    pid = next((group for group in groups if group.isdecimal() and len(group) <= 10), None)
    level = next((group for group in groups if group.lower() in SEVERITIES), None)
    if level is None:
        return None, None, None, message
    after = groups[groups.index(level) + 1 :]
    program = next((group for group in after if group and not group.isdecimal()), None)
    return program, pid, level, message[start:]


FORMS = (
    Form("apache", _APACHE, _apache),
    Form("access", _ACCESS, _access),
    Form("nginx", _NGINX, _nginx),
    Form("kernel", _RING, _ring),
    Form("ctime", _CTIME, _ctime),
    Form("audit", _AUDIT, _audit),
    Form("klog", _KLOG, _klog),
    Form("suricata", _FAST, _fast),
    Form("named", _NAMED, _named),
    Form("hadoop", _HADOOP, _hadoop),
    Form("cluster", _CLUSTER, _cluster),
    Form("logfmt", _LOGFMT, _logfmt),
    Form("plain", _PLAIN, _plain),
    Form("plain", _LEVEL_FIRST, _level_first),
)
"""In the order they are tried; no line has two of these forms but for the last, which takes what the others leave."""


def _month(number: str) -> str:
    return "JanFebMarAprMayJunJulAugSepOctNovDec"[int(number) * 3 - 3 : int(number) * 3] or "-"
