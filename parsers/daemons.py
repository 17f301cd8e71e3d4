"""The lines that programs write to files of their own, without syslog's host and tag: one form each.

Web servers, FTP servers, name servers, containers, auditd, Suricata, fail2ban, Hadoop, clusters; and last the plain
date and clock in front of a text that many programs write.
"""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from datetime import UTC, tzinfo

from parsers.entities import entities
from parsers.fenced import CLIENT
from parsers.forms import FLAGS, PRIORITISED, SEVERITIES, TAG, Form, base, build
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
    rf"{CLIENT}(?:(\d\d)/([A-Z][a-z]{{2}})/(\d{{4}})[: ]|(\d{{4}}-\d\d-\d\d)[T ]){CLOCK} ?(Z|[+-]\d\d:?\d\d|)\] (.*)",
    FLAGS,
)
_DATED = re.compile(r" \[(?:\d\d/[A-Z][a-z]{2}/\d{4}[: ]|\d{4}-\d\d-\d\d[T ])\d\d:", FLAGS)
MAX_REQUEST = 4_096
"""Characters behind its date that a web server's line is searched for another one."""
_BUCKET = re.compile(  # its owner, its name, when, from where, and who
    rf"[\da-f]{{1,64}}+ [\w.-]{{1,255}}+ \[(\d\d)/([A-Z][a-z]{{2}})/(\d{{4}}):{CLOCK} ([+-]\d{{4}})\] "
    r"(\S{1,255}+) (\S{1,255}+) (.*)",
    FLAGS,
)
_W3C = re.compile(  # IIS: the server's address, the request, the port; then who asks, and from where
    rf"(\d{{4}}-\d\d-\d\d) {CLOCK} ((?:W3SVC\d{{1,9}}+ (?:\S{{1,255}}+ )?)?"
    r"[\da-fA-F.:]{2,45}+ [A-Z]{3,16}+ \S++ \S++ \d{1,5}+"
    r" (\S{1,255}+) ([\da-fA-F.:]{2,45}+)(?: .*)?)\Z",
    FLAGS,
)
_NGINX = re.compile(rf"(\d{{4}})/(\d\d)/(\d\d) {CLOCK} \[([a-z]{{1,16}}+)\] (\d{{1,10}}+)#\d{{1,20}}+: (.*)", FLAGS)
_LABELS = r"(?:[a-z][a-z\d]{2,7}+ {0,6}+:([a-z]{3,6}+) {0,6}+: )"  # facility and level, as `dmesg -x` writes them
_RING = re.compile(rf"{_LABELS}?\[[A-Z][a-z]{{2}} ({DATE}) {CLOCK} (\d{{4}})\] (.*)", FLAGS)
_RING_ISO = re.compile(rf"{_LABELS}\[?{ISO_STAMP}\]? (.*)", FLAGS)
_CTIME = re.compile(
    rf"\(?[A-Z][a-z]{{2}} ({DATE}) {CLOCK}(?: ([A-Z]{{3,5}}+))? (\d{{4}})\)?(?: \[pid (\d{{1,10}}+)\])? (.*)", FLAGS
)
_TRANSFER = re.compile(  # xferlog: seconds, peer, bytes, file, how, who
    r"\d{1,10}+ (\S{1,255}+) \d{1,20}+ .{1,4096} [ab] [CUT_]{1,3} [oid] [arg] (\S{1,128})"
    r" \S{1,64} [01] \S{1,128} [ci]\s?\Z",
    FLAGS,
)
_AUDIT = re.compile(
    r"(?:node=(\S{1,255}+) )?type=\S{1,64}+ msg=audit\((?:(\d{1,11}+(?:\.\d{1,9}+)?)"
    rf"|(\d\d)/(\d\d)/(\d{{4}}) {CLOCK}):\d{{1,20}}+\) ?: ?(.*)",
    FLAGS,
)
_PID = re.compile(r"(?<![^\s])pid=(\d{1,10}+)(?![^\s])", FLAGS)
_KLOG = re.compile(
    rf"([IWEF])(\d{{4}}|\d\d(?=\d{{4}} ))?(\d\d)(\d\d) {CLOCK} ++(\d{{1,10}}+) (?:\d{{1,4}}+@)?([^\s:\]]{{1,255}}+)"
    r":\d{1,9}+(?:\]| \u22ee) (.*)",
    FLAGS,
)
_FAST = re.compile(rf"(\d\d)/(\d\d)(?:/(\d{{4}}))?-{CLOCK} {{1,4}}((?:\[\w{{1,16}}+\] )?\[\*\*\] .*)", FLAGS)
_NAMED = re.compile(
    rf"(\[)?(\d\d)-([A-Z][a-z]{{2}})-(\d{{4}}) {CLOCK}(?(1)(?: ([A-Za-z_/+-]{{1,64}}+))?\]) (.*)", FLAGS
)
_CUPS = re.compile(rf"([A-Za-z]) \[(\d\d)/([A-Z][a-z]{{2}})/(\d{{4}}):{CLOCK} ([+-]\d{{4}})\] (.*)", FLAGS)
_SQL_AUDIT = re.compile(  # the server, who, from where, connection and query, what; MariaDB's
    rf"(\d{{4}})(\d\d)(\d\d) {CLOCK},([^,]{{0,255}}+),([^,]{{0,128}}+),([^,]{{0,255}}+),\d{{1,20}}+,\d{{1,20}}+,"
    r"([A-Z].*)",
    FLAGS,
)
_JAVA = re.compile(r"([A-Z]{4,8}+) \[[^\]]{1,128}+\] ([\w.$]{1,255}+) (.*)", FLAGS)
_HADOOP = re.compile(
    r"(\d\d)(\d\d)(\d\d) (\d\d)([0-5]\d)([0-6]\d) (\d{1,10}+) ([A-Z]{1,16}+) ([^\s:]{1,255}+): (.*)", FLAGS
)
_RUBY = re.compile(rf"[DIWEFA], \[{ISO_STAMP} #(\d{{1,10}}+)\]\s++([A-Z]{{3,8}}+) -- ([^\s:]{{0,128}}+): (.*)", FLAGS)
_SAMBA = re.compile(
    rf"\[(\d{{4}})/(\d\d)/(\d\d) {CLOCK}, {{1,4}}\d{{1,2}}(?:, pid=(\d{{1,10}}+)[^\]]{{0,256}}+)?\]\s++(.*)", FLAGS
)
_POSTGRESQL = re.compile(rf"(\d{{4}}-\d\d-\d\d) {CLOCK} ([A-Z]{{1,5}}+|[+-]\d\d),(?=\"|,)[^\n]", FLAGS)
_CLUSTER = re.compile(
    rf"\S{{1,64}}+ (\d{{9,10}}+) \d{{4}}\.\d\d\.\d\d (\S{{1,255}}+) (?:{DATE} {CLOCK} \S{{1,255}}+ )?", FLAGS
)
_TAGGED = re.compile(rf"(?:{TAG})?(.*)", FLAGS)
_BLUE_GENE = re.compile(r"[\d.-]{26} \S{1,255}+ [A-Z]{1,32}+ (\S{1,64}+) ([A-Z]{1,16}+) ?(.*)", FLAGS)
_LOGFMT = re.compile(
    rf'(?:level=([A-Za-z]{{1,16}}+) )?(?:time|ts|t)="?{ISO_STAMP}"? (?:level=([A-Za-z]{{1,16}}+) )?(.*)', FLAGS
)
_PLAIN = re.compile(
    rf"(?:[A-Z][a-z]{{2}} |\d{{1,10}}+ |[DIWEFA], )?[\[(]?(\d{{4}})[-/.:](\d\d)[-/.:](\d\d)[- T]{CLOCK}"
    r" ?(Z|UTC|[+-]\d\d(?::?\d\d)?|)(?: (?!INFO|WARN|DEBUG|ERROR|TRACE|FATAL)([A-Z]{3,5}+)(?= \[|"
    r" [\w.-]{1,255}+ (?:[\w./-]{1,128}+\[\d|kernel: )))?(?: #\d{1,10}+(?=\]))?"
    r"(?=[\s\]:|,)])[\]:,)]{0,2}(?:\s{0,4}+\|\s{0,4}+|\s++|(?=\[))(.*)",
    FLAGS,
)
_NAME_FIRST = re.compile(rf"\[([A-Za-z][\w.-]{{0,63}}+)\] (\d{{4}})[-/](\d\d)[-/](\d\d)(?: -)?[ T]{CLOCK} (.*)", FLAGS)
_TYPED = re.compile(rf"([a-z][\w.-]{{0,31}}+) {ISO_STAMP} (.*)", FLAGS)
_LEVEL = "DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|TRACE|LOG|PANIC"
_LOGGER = re.compile(r"([\w.]{1,128}+)\s++\[(\d{1,10}+)\]: ([A-Z]{1,16}+)\s++(.*)", FLAGS)
HOSTED = re.compile(r"([\w.-]{1,255}+) ([\w./-]{1,128}+)(?:\[(\d{1,10}+)\]:?|(?<= kernel):) (.*)", FLAGS)
"""Host, program, pid and message."""
_LEVELLED = re.compile(
    rf"(?:\[(\d{{1,10}}+)\] )?\[?({_LEVEL})\]?:?\s++(?:([A-Za-z][\w.$-]{{0,127}}+(?:::\w{{1,64}}+){{0,8}}+): )?(.*)",
    FLAGS | re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?:\[(\d{1,10}+)\]:?|(\d{1,10}+)(?= \[[A-Z]))\s++(?:\[([A-Z][A-Za-z]{1,15}+)\] )?(.*)", FLAGS)
_PID_TAG = re.compile(
    rf"(?!(?:{_LEVEL})\[)([A-Za-z][\w./-]{{0,127}}+)\[(\d{{1,10}}+)(?::\d{{1,10}}+)?\]:? "
    r"(?:(info|notice|warning|error|debug|fatal): )?(.*)",
    FLAGS,
)
_NAMED_LEVEL = re.compile(
    rf"([A-Za-z][\w-]{{0,63}}+(?::[\w-]{{1,63}}+)?)(?:: |\.)({_LEVEL}): (.*)", FLAGS
)  # OSSEC's; Monolog's
_ASTERISK = re.compile(r"([A-Z]{3,16}+)\[(\d{1,10}+)\](?:\[C-[\da-f]{1,16}+\])?:? (?=[\w/-]{1,64}+\.c:)(.*)", FLAGS)
_SOURCE_LINE = re.compile(r"(\w{1,128}+)\.(?:java|scala|kt):\d{1,6}+ - (.*)", FLAGS)
_LOGGER_LAST = re.compile(r" \(([a-z]\w{0,63}(?:\.[\w$]{1,64}){1,12})\)\Z", FLAGS)
_JAVA_LEVEL = re.compile(  # Spring Boot's, Logback's and Log4j's
    rf"(?:\[[^\]]{{1,128}}+\]\s)?\[?({_LEVEL})\]?\s++(?:(\d{{1,10}}+) --- )?(?:\[[^\]]{{0,128}}+\] ){{0,3}}"
    r"((?(2)|(?=[\w$]{1,64}+\.))[A-Za-z_][\w.$/\[\]-]{0,255}+)(?:#[\w$]{1,128}+)? *(?: - | : |(?<! ): )(.*)",
    FLAGS,
)
_BRACKETED = re.compile(  # JBoss', with a thread after it; Kea's, with a process and a thread in it
    rf"({_LEVEL})\s++\[([A-Za-z][\w$-]{{0,63}}+(?:\.[\w$-]{{1,64}}+)++)(?:/(\d{{1,10}}+)\.\d{{1,20}}+)?\] "
    r"(?:\([^)]{1,128}+\) )?(.*)",
    FLAGS,
)
_ZOOKEEPER = re.compile(
    rf"(?:\[myid:\d{{0,9}}+\] )?- ({_LEVEL})\s++\[(?:[^@]{{0,255}}[:/])?([\w$.]{{1,128}}+)@-?\d{{1,9}}+\] - (.*)", FLAGS
)
_OPENSTACK = re.compile(rf"(\d{{1,10}}+) ({_LEVEL}) ([\w.]{{1,128}}+) (\[.*)", FLAGS)
_ODOO = re.compile(rf"(\d{{1,10}}+) ({_LEVEL}) \S{{1,64}}+ ([a-z]\w{{0,63}}+(?:\.\w{{1,64}}+){{0,8}}): (.*)", FLAGS)
_BARRED = re.compile(  # NLog's, and loguru's with a function and a line
    rf"({_LEVEL})\s{{0,9}}+\|\s?([\w.$<>-]{{1,128}}+)(?::[\w.<>]{{1,64}}+:\d{{1,9}}+)?(?: - |\s?\|\s?)(.*)", FLAGS
)
_RUST = re.compile(rf"({_LEVEL})\s{{1,2}}+([a-z]\w{{0,63}}+(?:::\w{{1,64}}+){{0,8}})\] (.*)", FLAGS)  # env_logger's
_CLASS = re.compile(r"([a-z]\w{0,63}+(?:\.[a-z]\w{0,63}+){0,8}\.[A-Z][\w$]{0,63}+): (.*)", FLAGS)
_SERVICING = re.compile(r"(Info|Warning|Error|Perf)\s{2,32}+([A-Z]{2,8}+)\s{2,8}+(.*)", FLAGS)  # Windows' CBS.log
_LIBVIRT = re.compile(r"(\d{1,10}+): (debug|info|warning|error) : (.*)", FLAGS)
_RSPAMD = re.compile(r"#(\d{1,10}+)\([\w-]{1,32}+\) (.*)", FLAGS)
_MONGO = re.compile(r"([FEWID])\d? {1,2}([A-Z]{1,16}+|-) ++(\[.*)", FLAGS)
_LEVEL_FIRST = re.compile(
    rf"\[?({_LEVEL})\]?:? {{0,4}}+(?:\[[^\]]{{1,128}}+\] )?\[?(\d{{4}})-(\d\d)-(\d\d)[ T]{CLOCK}"
    r"(Z|[+-]\d\d:?\d\d|)\]?:?\s*+(?:\[[^\]]{1,128}+\] )?(.*)",
    FLAGS,
)
_PROCESS = re.compile(rf"({_LEVEL})/[\w.-]{{1,128}}+\] (.*)", FLAGS)  # Celery's
_THREAD = re.compile(rf"\[[^\]/]{{1,128}}+/({_LEVEL})\]: (.*)", FLAGS)  # Minecraft's
_SSSD = re.compile(
    r"(?=\[(?:sssd|be|nss|pam|ifp|sudo|ssh|pac|kcm)\b[^\s\]]{0,255}+\]++ \[\w{1,128}+\] \(0x)(.*)", FLAGS
)
_UWSGI = re.compile(
    r"\[pid: (\d{1,10}+)\|app: [^|]{1,32}+\|req: [^\]]{1,64}+\] (\S{0,255}+) \(([^)]{0,128}+)\) \{[^}]{0,255}+\} "
    rf"\[[A-Z][a-z]{{2}} ({DATE}) {CLOCK} (\d{{4}})\] (.*)",
    FLAGS,
)
_FLOW = re.compile(
    r"\d{1,2} \d{12} eni-\S{1,64}+ (\S{1,45}+) (?:\S{1,45}+ ){6}(\d{10}) \d{10} [A-Z-]{1,8}+ [A-Z-]", FLAGS
)
_ZABBIX = re.compile(r" {0,9}+(\d{1,10}+):(\d{4})(\d\d)(\d\d):(\d\d)([0-5]\d)([0-6]\d(?:\.\d{1,9}+)?) (.*)", FLAGS)
_COLUMN = re.compile(r"(?=.{11} \S)([A-Z]\w{2,9}+|spid\d{1,5}+s?) {2,9}+(.*)", FLAGS)  # SQL Server's, twelve wide
_DASHED = re.compile(rf"- ([\w.]{{1,128}}+) - ({_LEVEL}) - (.*)", FLAGS)
_HEADS: tuple[tuple[re.Pattern[str], tuple[str, ...], str | None], ...] = (
    (_DASHED, ("program", "level", "message"), None),
    (_LOGGER, ("program", "pid", "level", "message"), None),
    (HOSTED, ("host", "program", "pid", "message"), None),
    (_ASTERISK, ("level", "pid", "message"), "asterisk"),
    (_PID_TAG, ("program", "pid", "level", "message"), None),
    (_NAMED_LEVEL, ("program", "level", "message"), None),
    (_SOURCE_LINE, ("program", "message"), None),
    (_BRACKETED, ("level", "program", "pid", "message"), None),
    (_ZOOKEEPER, ("level", "program", "message"), None),
    (_OPENSTACK, ("pid", "level", "program", "message"), None),
    (_ODOO, ("pid", "level", "program", "message"), None),
    (_BARRED, ("level", "program", "message"), None),
    (_RUST, ("level", "program", "message"), None),
    (_CLASS, ("program", "message"), None),
    (_SERVICING, ("level", "program", "message"), None),
    (_LIBVIRT, ("pid", "level", "message"), None),
    (_RSPAMD, ("pid", "message"), None),
    (_JAVA_LEVEL, ("level", "pid", "program", "message"), None),
    (_LEVELLED, ("pid", "level", "program", "message"), None),
    (_MONGO, ("level", "program", "message"), None),
    (_NUMBERED, ("pid", "number", "level", "message"), None),
    (_PROCESS, ("level", "message"), None),
    (_THREAD, ("level", "message"), None),
    (_SSSD, ("message",), "sssd"),
    (_COLUMN, ("program", "message"), None),
)
"""What may stand between a date and a text: each with what its groups are, and whose it is where it says none."""
_GROUP = re.compile(r"\[([^\[\]]{0,128}+)\]", FLAGS)
_LEVELS = {**SEVERITIES, "i": 6, "w": 4, "e": 3, "f": 2, "d": 7, "note": 6, "system": 6, "log": 6}
"""MongoDB's, MySQL's and PostgreSQL's besides."""
_NUMBERED_LOGGER = re.compile(r"([A-Za-z][\w.]{0,63}+) {0,32}+:\d{1,6}+", FLAGS)  # Salt's, with a line's number
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
        for form in FORMS:
            if found := form.pattern.match(message):
                return form.read(found, origin, now, zone)._replace(time=time)
    return build(origin, time, "", None, None, message, None)


def _apache(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`[Sun Dec 04 04:47:44 2005] [notice] message`; 2.4 adds a module, pid and thread."""
    date, hour, minute, second, year, level, pid, message = found.groups()
    time = at(int(year), date, hour, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "httpd", pid, message, SEVERITIES.get(level))


def _access(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`10.0.0.5 - bob [23/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 5`, a virtual host in front or not."""
    host, client, user, day, month, year, date, hour, minute, second, offset, message = found.groups()
    date = date or f"{year}-{MONTHS.get(month, 0):02}-{day}"
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    if user and _DATED.search(message, 0, MAX_REQUEST):  # his name may hold all that came before
        user = ""
    return build(origin, time, host, "httpd", None, message, None)._replace(user=user or "", address=client)


def _bucket(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`79a5 bucket [23/Nov/2026:10:00:00 +0000] 10.0.0.5 arn:… 3E57 REST.GET.OBJECT key "GET / HTTP/1.1" …`: S3's."""
    day, month, year, hour, minute, second, offset, client, user, message = found.groups()
    time = iso_at(f"{year}-{MONTHS.get(month, 0):02}-{day}", hour, offset, zone) + int(minute) * 60 + seconds(second)
    line = build(origin, time, "", "", None, message, None)
    return line._replace(user=user.removeprefix("-"), address=client.removeprefix("-"))


def _nginx(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`2026/11/23 10:00:00 [error] 1234#5678: *9 message, client: 10.0.0.5, server: …`."""
    year, month, day, hour, minute, second, level, pid, message = found.groups()
    time = iso_at(f"{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "nginx", pid, message, SEVERITIES.get(level))


def _ring(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`[Mon Nov 23 10:00:00 2026] usb 1-1: message`, as `dmesg -T` writes it; `kern  :warn  : [Mon …` with `-x`."""
    level, date, hour, minute, second, year, message = found.groups()
    time = at(int(year), date, hour, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "kernel", None, message, SEVERITIES.get(level or ""))


def _ring_iso(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`kern  :warn  : 2026-11-23T10:00:00,123456+01:00 usb 1-1: message`, by `dmesg -x --time-format iso`."""
    level, date, hour, minute, second, offset, message = found.groups()
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "kernel", None, message, SEVERITIES.get(level))


def _ctime(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`Mon Nov 23 10:00:00 2026 message`; vsftpd's have a pid, FreeRADIUS' a colon, and OpenVPN's name no program."""
    date, hour, minute, second, zone_name, year, pid, message = found.groups()
    zone = named_zone(zone_name, zone) if zone_name else zone
    time = at(int(year), date, hour, zone) + int(minute) * 60 + seconds(second)
    if transfer := _TRANSFER.match(message):
        return build(origin, time, "", None, None, message, None)._replace(address=transfer[1], user=transfer[2])
    if pid is None and (tag := HOSTED.match(message)) and not PRIORITISED.match(message):
        host, program, pid, message = tag.groups()
        return build(origin, time, host, program, pid, message, None)
    if message.startswith(": "):
        return build(origin, time, "", "radiusd", None, message[2:], None)
    return build(origin, time, "", "vsftpd" if pid else None, pid, message, None)


def _audit(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`type=USER_LOGIN msg=audit(1364481363.243:24287): pid=1 …`: without its seconds and its serial number.

    `ausearch -i` writes a date instead, `11/23/2026 10:00:00.243`.
    """
    host, epoch, month, day, year, hour, minute, second, message = found.groups()
    if epoch:
        time = float(epoch)
    else:
        time = iso_at(f"{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + seconds(second)
    pid = _PID.search(message, 0, 4_096)
    kind = found.string[found.string.index("type=") :].partition(" ")[0]
    return build(origin, time, host, "auditd", pid and pid[1], f"{kind} {message}", None)


def _klog(found: re.Match[str], origin: str, now: float, zone: tzinfo) -> LogLine:
    """`I1123 10:00:00.123456    1 server.go:12] message`, or `I20261123 …`; the number is a process's or thread's.

    CockroachDB's: `I261123 10:00:00.123456 12 server/server.go:12 ⋮ message`.
    """
    level, year, month, day, hour, minute, second, pid, file, message = found.groups()
    year = f"20{year}" if year and len(year) == 2 else year
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
    year, month, day, hour, minute, second, offset, zone_name, message = found.groups()
    offset, zone = "Z" if offset == "UTC" else offset, named_zone(zone_name, zone) if zone_name else zone
    time = iso_at(f"{year}-{month}-{day}", hour, offset, zone) + int(minute) * 60 + seconds(second)
    return undressed(message, origin, time, None)


def _w3c(found: re.Match[str], origin: str, _now: float, _zone: tzinfo) -> LogLine:
    """`2026-11-23 10:00:00 10.0.0.1 GET / - 443 bob 203.0.113.9 Mozilla/5.0 …`. Source: IIS; its times are UTC."""
    date, hour, minute, second, message, user, client = found.groups()
    time = iso_at(date, hour, "Z", UTC) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", None, None, message, None)._replace(user=user.strip("-"), address=client)


def _typed(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`https 2026-11-23T10:00:00.186641Z app/edge/50dc 203.0.113.9:2817 …`: load balancers write a kind first."""
    kind, date, hour, minute, second, offset, message = found.groups()
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "", None, f"{kind} {message}", None)


def _cups(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`E [23/Nov/2026:10:00:00 +0000] [Job 88] message`."""
    level, day, month, year, hour, minute, second, offset, message = found.groups()
    time = iso_at(f"{year}-{MONTHS.get(month, 0):02}-{day}", hour, offset, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "cupsd", None, message, _LEVELS.get(level.lower()))


def _sql_audit(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`20261123 10:00:00,db-07,report,10.3.8.8,322,9912,QUERY,shop,'SELECT 1',0`."""
    year, month, day, hour, minute, second, host, user, client, message = found.groups()
    time = iso_at(f"{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + seconds(second)
    line = build(origin, time, host, "", None, message, None)
    return line._replace(user=user, address=entities(client)[1])


def _ruby(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`I, [2026-11-23T10:00:00.123456 #55]  INFO -- app: message`."""
    date, hour, minute, second, offset, pid, level, program, message = found.groups()
    time = iso_at(date, hour, offset, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", program, pid, message, SEVERITIES.get(level.lower()))


def _samba(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`[2026/11/23 10:00:00.123456,  3, pid=777, …] ../../source3/auth/auth.c:201(function)`."""
    year, month, day, hour, minute, second, pid, message = found.groups()
    time = iso_at(f"{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "", pid, message, None)


def _postgresql(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`2026-11-23 10:00:00.123 UTC,"bob","app",20,"10.0.0.5:4711",…,FATAL,28P01,"message",…`: PostgreSQL's csvlog."""
    date, hour, minute, second, named = found.groups()
    time = iso_at(date, hour, named, zone) if named[0] in "+-" else iso_at(date, hour, "", named_zone(named, zone))
    time += int(minute) * 60 + seconds(second)
    columns = [*_columns(found.string), *[""] * 14]
    user, pid, client, level, message = (columns[n] for n in (1, 3, 4, 11, 13))
    pid = pid if pid.isdecimal() and len(pid) <= 10 else ""
    line = build(origin, time, "", None, pid, message or found.string[found.end() - 1 :], _LEVELS.get(level.lower()))
    return line._replace(user=user or line.user, address=entities(client)[1] or line.address)


def _columns(text: str) -> list[str]:
    """What stands between commas, quoted or not; nothing of what no program writes, a line feed out of quotes."""
    with suppress(csv.Error):
        return next(csv.reader([text]), [])
    return []


def _level_first(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`INFO  [main] 2026-11-23 10:00:00,123 message`, `[INFO] 2026-11-23 10:00:00 message`."""
    level, year, month, day, hour, minute, second, offset, message = found.groups()
    time = iso_at(f"{year}-{month}-{day}", hour, offset, zone) + int(minute) * 60 + seconds(second)
    return undressed(message, origin, time, _LEVELS.get(level.lower()))


def _name_first(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`[app] 2026-11-23 10:00:00 message`, `[GIN] 2026/11/23 - 10:00:00 | 200 | …`."""
    name, year, month, day, hour, minute, second, message = found.groups()
    time = iso_at(f"{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", name, None, message, None)


def _uwsgi(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`[pid: 77|app: 0|req: 1/1] 10.0.0.5 (bob) {40 vars in 600 bytes} [Mon Nov 23 10:00:00 2026] GET / => …`."""
    pid, client, user, date, hour, minute, second, year, message = found.groups()
    time = at(int(year), date, hour, zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "uwsgi", pid, message, None)._replace(user=user, address=client)


def _flow(found: re.Match[str], origin: str, _now: float, _zone: tzinfo) -> LogLine:
    """`2 123456789010 eni-0a1b 10.0.0.5 10.0.0.6 4711 22 6 1 40 1795424400 1795424460 REJECT OK`: AWS' VPCs'."""
    client, time = found.groups()
    return build(origin, float(time), "", "", None, found.string, None)._replace(user="", address=client.strip("-"))


def _zabbix(found: re.Match[str], origin: str, _now: float, zone: tzinfo) -> LogLine:
    """`   777:20261123:100000.123 message`: a process, a date and a clock."""
    pid, year, month, day, hour, minute, second, message = found.groups()
    time = iso_at(f"{year}-{month}-{day}", hour, "", zone) + int(minute) * 60 + seconds(second)
    return build(origin, time, "", "", pid, message, None)


def undressed(message: str, origin: str, time: float, severity: int | None) -> LogLine:
    """What follows a date: host and program, or a logger, pid and level, or a level, or these in brackets."""
    if message.startswith("[") and "][" in message[:MAX_GROUPED]:
        program, pid, level, message = _grouped(message)
        return build(origin, time, None, program, pid, message, _level(level, severity))
    for pattern, names, speaker in _HEADS:
        if head := pattern.match(message):
            told = dict(zip(names, head.groups(), strict=True))
            program, message = told.get("program") or speaker, told["message"] or ""
            if program is None and (last := _LOGGER_LAST.match(message, max(message.rfind(" ("), 0))):
                program, message = last[1], message[: last.start()]
            pid = told.get("pid") or told.get("number")
            return build(origin, time, told.get("host"), program, pid, message, _level(told.get("level"), severity))
    return build(origin, time, None, None, None, message, severity)


def _level(named: str | None, otherwise: int | None) -> int | None:
    severity = _LEVELS.get((named or "").lower())
    return otherwise if severity is None else severity


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
    if program is None and (named := _NUMBERED_LOGGER.fullmatch(groups[0])):
        program = named[1]
    return program, pid, level, message[start:]


FORMS = (
    Form("apache", _APACHE, _apache, "["),
    Form("nginx", _NGINX, _nginx, "0"),
    Form("kernel", _RING, _ring, "[a"),
    Form("kernel", _RING_ISO, _ring_iso, "a"),
    Form("ctime", _CTIME, _ctime, "A("),
    Form("audit", _AUDIT, _audit, "a"),
    Form("klog", _KLOG, _klog, "A"),
    Form("suricata", _FAST, _fast, "0"),
    Form("named", _NAMED, _named, "[0"),
    Form("hadoop", _HADOOP, _hadoop, "0"),
    Form("cluster", _CLUSTER, _cluster),
    Form("access", _ACCESS, _access),
    Form("access", _UWSGI, _uwsgi, "["),
    Form("flow", _FLOW, _flow, "0"),
    Form("zabbix", _ZABBIX, _zabbix, " 0"),
    Form("access", _BUCKET, _bucket, "0a"),
    Form("logfmt", _LOGFMT, _logfmt, "a"),
    Form("iis", _W3C, _w3c, "0"),
    Form("postgresql", _POSTGRESQL, _postgresql, "0"),
    Form("ruby", _RUBY, _ruby, "A"),
    Form("cups", _CUPS, _cups, "Aa"),
    Form("mariadb", _SQL_AUDIT, _sql_audit, "0"),
    Form("samba", _SAMBA, _samba, "["),
    Form("plain", _PLAIN, _plain, "A0[("),
    Form("plain", _TYPED, _typed, "a"),
    Form("plain", _LEVEL_FIRST, _level_first, "A["),
    Form("plain", _NAME_FIRST, _name_first, "["),
)
"""In the order they are tried; no line has two of these forms but for the last, which take what the others leave."""


def _month(number: str) -> str:
    return "JanFebMarAprMayJunJulAugSepOctNovDec"[int(number) * 3 - 3 : int(number) * 3] or "-"
