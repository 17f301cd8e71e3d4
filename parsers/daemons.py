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
from parsers.stamps import CLOCK, DATE, ISO_STAMP, MONTHS, NoSuchDate, at, iso_at, latest, seconds

STREAMS = frozenset({"stdout", "stderr"})
"""What stands behind the stamp of a container's line."""

_APACHE = re.compile(
    rf"\[[A-Z][a-z]{{2}} ({DATE}) {CLOCK} (\d{{4}})\] \[(?:[\w-]{{0,64}}+:)?(\w{{1,16}}+)\] "
    r"(?:\[pid (\d{1,10}+)(?::tid \d{1,20}+)?\] )?(.*)",
    FLAGS,
)
_ACCESS = re.compile(
    r"(?:([^\s\[{:]{1,255}+):\d{1,5}+ )?([^\s\[{]{1,255}+) \S{1,255}+ ([^\[]{1,255}?) "
    rf"\[(\d\d)/([A-Z][a-z]{{2}})/(\d{{4}}):{CLOCK} ([+-]\d{{4}})\] (.*)",
    FLAGS,
)
_NGINX = re.compile(rf"(\d{{4}})/(\d\d)/(\d\d) {CLOCK} \[([a-z]{{1,16}}+)\] (\d{{1,10}}+)#\d{{1,20}}+: (.*)", FLAGS)
_RING = re.compile(rf"\[[A-Z][a-z]{{2}} ({DATE}) {CLOCK} (\d{{4}})\] (.*)", FLAGS)
_CTIME = re.compile(rf"[A-Z][a-z]{{2}} ({DATE}) {CLOCK} (\d{{4}})(?: \[pid (\d{{1,10}}+)\])? (.*)", FLAGS)
_AUDIT = re.compile(
    r"(?:node=(\S{1,255}+) )?type=\S{1,64}+ msg=audit\((\d{1,11}+(?:\.\d{1,9}+)?):\d{1,20}+\): ?(.*)", FLAGS
)
_PID = re.compile(r"(?<![^\s])pid=(\d{1,10}+)(?![^\s])", FLAGS)
_KLOG = re.compile(rf"([IWEF])(\d\d)(\d\d) {CLOCK} ++(\d{{1,10}}+) ([^\s:\]]{{1,255}}+):\d{{1,9}}+\] (.*)", FLAGS)
_FAST = re.compile(rf"(\d\d)/(\d\d)(?:/(\d{{4}}))?-{CLOCK} {{1,4}}((?:\[\w{{1,16}}+\] )?\[\*\*\] .*)", FLAGS)
_NAMED = re.compile(rf"(\d\d)-([A-Z][a-z]{{2}})-(\d{{4}}) {CLOCK} (.*)", FLAGS)
_HADOOP = re.compile(
    r"(\d\d)(\d\d)(\d\d) (\d\d)([0-5]\d)([0-6]\d) (\d{1,10}+) ([A-Z]{1,16}+) ([^\s:]{1,255}+): (.*)", FLAGS
)
_CLUSTER = re.compile(
    rf"\S{{1,64}}+ (\d{{9,10}}+) \d{{4}}\.\d\d\.\d\d (\S{{1,255}}+) (?:{DATE} {CLOCK} \S{{1,255}}+ )?", FLAGS
)
_TAGGED = re.compile(rf"(?:{TAG})?(.*)", FLAGS)
_BLUE_GENE = re.compile(r"[\d.-]{26} \S{1,255}+ [A-Z]{1,32}+ (\S{1,64}+) ([A-Z]{1,16}+) ?(.*)", FLAGS)
_LOGFMT = re.compile(rf'(?:time|ts|t)="?{ISO_STAMP}"? (?:level=([a-z]{{1,16}}+) )?(.*)', FLAGS)
_PLAIN = re.compile(
    rf"\[?(\d{{4}})[-/](\d\d)[-/](\d\d)[ T]{CLOCK} ?(Z|UTC|[+-]\d\d:?\d\d|)(?: [A-Z]{{3,5}}+(?= \[))?(?=[\s\]:|])"
    r"[\]:]{0,2}\s++(.*)",
    FLAGS,
)
_LEVEL = "DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|TRACE|LOG"
_LOGGER = re.compile(r"([\w.]{1,128}+)\s++\[(\d{1,10}+)\]: ([A-Z]{1,16}+)\s++(.*)", FLAGS)
_DAEMON = re.compile(r"([\w.-]{1,255}+) ([\w./-]{1,128}+)\[(\d{1,10}+)\]:? (.*)", FLAGS)
_LEVELLED = re.compile(
    rf"(?:\[(\d{{1,10}}+)\] )?\[?({_LEVEL})\]?:?\s++(?:([A-Za-z][\w.$-]{{0,127}}+): )?(.*)", FLAGS | re.IGNORECASE
)
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
    """`Mon Nov 23 10:00:00 2026 message`; vsftpd's have a pid, and OpenVPN's name no program."""
    date, hour, minute, second, year, pid, message = found.groups()
    time = at(int(year), date, hour, zone) + int(minute) * 60 + seconds(second)
    if pid is None and (tag := _DAEMON.match(message)):
        host, program, pid, message = tag.groups()
        return build(origin, time, host, program, pid, message, None)
    return build(origin, time, "", "vsftpd" if pid else None, pid, message, None)


def _audit(found: re.Match[str], origin: str, _now: float, _zone: tzinfo) -> LogLine:
    """`type=USER_LOGIN msg=audit(1364481363.243:24287): pid=1 …`: without its seconds and its serial number."""
    host, time, message = found.groups()
    pid = _PID.search(message, 0, 4_096)
    kind = found.string[found.string.index("type=") :].partition(" ")[0]
    return build(origin, float(time), host, "auditd", pid and pid[1], f"{kind} {message}", None)


def _klog(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`I1123 10:00:00.123456    1 server.go:12] message`; the number, a process's or a thread's, is the pid."""
    level, month, day, hour, minute, second, pid, file, message = found.groups()
    date = f"{_month(month)} {day}"
    time = latest(date, hour, int(minute) * 60 + seconds(second), now, zone)
    return build(origin, time, "", file, pid, message, {"I": 6, "W": 4, "E": 3, "F": 2}[level])


def _fast(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`11/23/2026-10:00:00.123456  [**] [1:1:1] message [**] … {TCP} 10.0.0.5:1 -> 10.0.0.6:2`; Snort has no year."""
    month, day, year, hour, minute, second, message = found.groups()
    date, into_s = f"{_month(month)} {day}", int(minute) * 60 + seconds(second)
    time = at(int(year), date, hour, zone) + into_s if year else latest(date, hour, into_s, now, zone)
    return build(origin, time, "", "suricata" if year else "snort", None, message, None)


def _named(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`23-Nov-2026 10:00:00.123 queries: info: client 10.0.0.5#53: message`."""
    day, month, year, hour, minute, second, message = found.groups()
    time = at(int(year), f"{month} {day}", hour, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "named", None, message, None)


def _logfmt(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`time="2026-11-23T10:00:00Z" level=info msg="message"`."""
    date, hour, minute, second, offset, level, message = found.groups()
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", None, None, message, SEVERITIES.get(level or ""))


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
    host = program = pid = level = None
    if tag := _LOGGER.match(message):
        program, pid, level, message = tag.groups()
    elif tag := _DAEMON.match(message):
        host, program, pid, message = tag.groups()
    elif tag := _LEVELLED.match(message):
        pid, level, program, message = tag.groups()
    return build(origin, time, host, program, pid, message, SEVERITIES.get((level or "").lower()))


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
)
"""In the order they are tried; no line has two of these forms but for the last, which takes what the others leave."""


def _month(number: str) -> str:
    return "JanFebMarAprMayJunJulAugSepOctNovDec"[int(number) * 3 - 3 : int(number) * 3] or "-"
