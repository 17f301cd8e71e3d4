"""One JSON document a line: of journald, Docker, Suricata, MongoDB, nxlog and GELF, and of applications' loggers.

What has ECS fields or rsyslog's is read by whoever knows where a source keeps its fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import tzinfo
from functools import lru_cache

from parsers import daemons, dates
from parsers.daemons import unwrapped
from parsers.entities import entities
from parsers.forms import SEVERITIES, build, writable
from parsers.line import MAX_MESSAGE, LogLine
from parsers.stamps import LAST_S, NoSuchDate, instant

MAX_STAMP = 19
"""Digits of nanoseconds since the epoch until the year 2286."""
MAX_SPOKEN = 64
"""Characters of a date and a clock in whatever order."""


def load(text: str) -> Mapping[str, object] | None:
    """The document of a line, None where it is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # nested a thousand deep; a number of a million digits
        return None
    return document if isinstance(document, dict) else None


def read(document: Mapping[str, object], origin: str, now: float, zone: tzinfo) -> LogLine | None:
    """The line of a document, None where its fields are not those of one of these."""
    lines = (read(document, origin, now, zone) for keys, read in _READERS if keys <= document.keys())
    return next(filter(None, lines), None) or _logged(document, origin, now, zone)


def _journald(document: Mapping[str, object], origin: str, _now: float, _zone: tzinfo) -> LogLine | None:
    """`journalctl -o json`: microseconds; a message that is no UTF-8, or has control characters, is a list of bytes."""
    stamp = _text(document, "_SOURCE_REALTIME_TIMESTAMP") or _text(document, "__REALTIME_TIMESTAMP")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= MAX_STAMP and int(stamp) < LAST_S * 1e6):
        return None
    program = _text(document, "SYSLOG_IDENTIFIER", "_COMM", "_SYSTEMD_UNIT")
    pid, priority = _text(document, "_PID", "SYSLOG_PID"), _text(document, "PRIORITY")
    return build(
        origin,
        int(stamp) / 1e6,
        _text(document, "_HOSTNAME"),
        program,
        _number(pid),
        _text(document, "MESSAGE"),
        int(priority) if priority in set("01234567") else None,
    )


def _docker(document: Mapping[str, object], origin: str, now: float, zone: tzinfo) -> LogLine | None:
    """Docker's json-file: `{"log":"message","stream":"stdout","time":"2026-11-23T10:00:00.123456789Z"}`."""
    time = instant(_text(document, "time"))
    return None if time is None else unwrapped(_text(document, "log").strip(), origin, time, now, zone)


def _suricata(document: Mapping[str, object], origin: str, _now: float, _zone: tzinfo) -> LogLine | None:
    """An EVE record: its kind, its signature where it is an alert, and the flow."""
    time = instant(_text(document, "timestamp"))
    if time is None:
        return None
    kind = _text(document, "event_type")
    inner = _inner(document, kind)
    what = [_text(inner, key) for key in ("signature", "category", "rrname", "sni", "http_method", "hostname", "url")]
    flow = f"{_end(document, 'src')} -> {_end(document, 'dest')}"
    words = [kind, *filter(None, what), _text(document, "proto"), flow]
    line = build(origin, time, _text(document, "host"), "suricata", None, " ".join(filter(None, words)), None)
    return line._replace(user=_somewhere(inner, _NAMES, _spelt), address=_text(document, "src_ip"))


def _mongo(document: Mapping[str, object], origin: str, _now: float, _zone: tzinfo) -> LogLine | None:
    """`{"t":{"$date":"…"},"s":"I","c":"NETWORK","msg":"Connection accepted","attr":{"remote":"10.0.0.5:4711"}}`."""
    stamp, attributes = document["t"], document.get("attr")
    time = instant(_text(stamp, "$date")) if isinstance(stamp, dict) else None
    if time is None:
        return None
    told = attributes if isinstance(attributes, dict) else {}
    words = [_text(document, "msg"), *(f"{key}={text}" for key in told if (text := _text(told, key)))]
    severity = {"F": 2, "E": 3, "W": 4, "I": 6}.get(_text(document, "s")[:1], 7)
    line = build(origin, time, "", _text(document, "c"), None, " ".join(words)[:MAX_MESSAGE], severity)
    return _named(line._replace(user=_somewhere(told, dict.fromkeys(_WHO, 0), _spelt) or line.user), told)


def _nxlog(document: Mapping[str, object], origin: str, _now: float, zone: tzinfo) -> LogLine | None:
    """By nxlog: `{"EventTime":"2026-11-23 10:00:00","Hostname":"win1","SourceName":"…","Message":"…"}`."""
    time = instant(_text(document, "EventTime"), zone)
    if time is None:
        return None
    line = build(
        origin,
        time,
        _text(document, "Hostname"),
        _text(document, "SourceName"),
        _number(_text(document, "ProcessID")),
        _text(document, "Message"),
        SEVERITIES.get(_text(document, "Severity").lower()),
    )
    user, address = _spelt(_text(document, "TargetUserName")), _text(document, "IpAddress").replace("-", "")
    user = user or _spelt(_text(document, "User")) or line.user
    return line._replace(user=user, address=address or line.address)


def _exported(document: Mapping[str, object], origin: str, _now: float, zone: tzinfo) -> LogLine | None:
    """An event of Windows by evtx_dump: `{"Event":{"System":{"TimeCreated":{"SystemTime":"…"},…},"EventData":{…}}}`."""
    event = _inner(document, "Event")
    system, data = _inner(event, "System"), _inner(event, "EventData")
    time = instant(_attribute(system, "TimeCreated", "SystemTime"), zone)
    if time is None:
        return None
    number = _text(system, "EventID") or _text(_inner(system, "EventID"), "#text")
    message = f"{number} {_all(data)}".strip()
    program, pid = _attribute(system, "Provider", "Name"), _number(_attribute(system, "Execution", "ProcessID"))
    return _named(build(origin, time, _text(system, "Computer"), program, pid, message, None), data)


def _gelf(document: Mapping[str, object], origin: str, now: float, _zone: tzinfo) -> LogLine | None:
    """Graylog's: `{"host":"web-01","short_message":"message","timestamp":1795424400.123,"level":6}`."""
    stamp, level = document.get("timestamp", now), _text(document, "level")
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not 0 < stamp <= LAST_S:
        return None
    program, pid = _text(document, "_app", "facility", "_facility"), _number(_text(document, "_pid"))
    message, severity = _text(document, "short_message"), int(level) if level in set("01234567") else None
    return _named(build(origin, float(stamp), _text(document, "host"), program, pid, message, severity), document)


def _logged(document: Mapping[str, object], origin: str, now: float, zone: tzinfo) -> LogLine | None:
    """What loggers of applications write: bunyan, pino, zap, logrus, structlog, Serilog, Python's, and their like.

    Audit logs and sensors write no text: what they tell then is all their fields.
    """
    stamps = [document.get(key) for key in _TIMES]
    if not isinstance(stamp := document.get("@timestamp"), str):  # a document of ECS has text there
        stamps.append(stamp)
    time = next((moment for stamp in stamps if (moment := _moment(stamp, now, zone)) is not None), None)
    if time is None:
        return None
    body = document.get("body")  # OpenTelemetry's is an object
    spoken = _text(body, "stringValue") if isinstance(body, dict) else ""
    own = _text(document, *_TEXTS) or spoken or _rendered(document)
    text = own or _all(document)
    if not text:
        return None
    more = (f"{key}={told}" for key in _FAULTS if (told := _text(document, key)))
    level = _text(document, *_LEVELS)
    line = build(
        origin,
        time,
        _called(document, _HOSTS) or _sender(document),
        _called(document, _PROGRAMS),
        _number(_text(document, *_PIDS)),
        " ".join((text, *more))[:MAX_MESSAGE],
        _PINO.get(level, SEVERITIES.get(level.lower())),
    )
    if own:
        user, address = entities(own)
        line = line._replace(user=user, address=address)
    else:  # its fields hold what strangers wrote, too
        user, address = entities(_text(document, "full_log"))
        line = line._replace(user=user, address=address)
    return _named(line._replace(user=_called(document, _USERS) or line.user), document)


def told_by(line: LogLine, pairs: Mapping[str, object]) -> LogLine:
    """The line with the user and the address that the values of these keys name, where its message names none."""
    named = _named(line, pairs)
    return line._replace(user=named.user, address=line.address or named.address)


def spoken(line: LogLine) -> LogLine:
    """The line of a document in a syslog line, with the user and the address that its fields name."""
    document = load(line.message.removeprefix("@cee:").lstrip())
    if not document:
        return line
    user, address = entities(_text(document, *_TEXTS) or _all(document))
    return _named(line._replace(user=_spelt(_called(document, _USERS)) or user, address=address), document)


def _named(line: LogLine, document: Mapping[str, object]) -> LogLine:
    user = line.user or _somewhere(document, _NAMES, _spelt)
    address = _somewhere(document, _FROM_WHERE, _address) or _somewhere(document, _ENDS, _literal) or line.address
    return line._replace(user=user, address=address)


_TIMES = (
    *("time", "timestamp", "ts", "@t", "asctime", "datetime", "date", "timeMillis", "Timestamp", "instant"),
    *("eventTime", "CreationTime", "published", "requestReceivedTimestamp"),  # CloudTrail, Office 365, Okta, Kubernetes
    *(
        "Time",
        "event_time",
        "eventTimestamp",
        "unixTime",
        "time_local",
        "time_iso8601",
        "start_time",
        "receiveTimestamp",
        "timeUnixNano",
        "observedTimeUnixNano",
        "EdgeStartTimestamp",  # Cloudflare
        "Datetime",
        *("UtcTime", "TimeGenerated", "TimeCreated", "createdAt", "created_at", "date_create", "Date", "log_time"),
    ),
)
_TEXTS = (
    *("message", "msg", "@m", "event", "text", "body", "log", "RenderedMessage"),
    *("textPayload", "eventName", "Operation", "displayMessage"),  # Google, CloudTrail, Office 365, Okta
)
_FAULTS = ("error", "err", "@x")
_LEVELS = ("level", "severity", "levelname", "lvl", "@l", "log_level", "severityText")
_HOSTS = ("hostname", "host", "hostIdentifier", "MachineName", "Computer", "syslog_hostname")
_SENDERS = ("agent", "device", "kubernetes")
"""Objects whose name, or whose host, is the host's."""
_PROGRAMS = (
    *("_path", "syslog_program", "ident"),  # Zeek, Fluentd
    *("service", "app", "application", "appname", "program", "logger", "name", "component", "module"),
    *("loggerName", "logger_name", "SourceContext"),  # Log4j, Logstash, Serilog
)
_PIDS = ("pid", "process_id", "process", "ProcessId")
_USERS = ("user", "username", "user_name", "User", "UserName")
_WHO = frozenset({
    "username", "user", "usr", "uname", "loginname", "accountname", "principalname", "principalemail", "alternateid",
    "clientusername", "clientaccount", "remoteuser", "useremail", "userprincipalname", "targetusername",
})  # fmt: skip
_WHOSE = frozenset({
    "userid", "login", "account", "principal", "principalid", "displayname", "identity", "initiatedby",
    "actor", "actorname", "actoremail",
})  # fmt: skip
_NAMES = dict.fromkeys(_WHOSE, 1) | dict.fromkeys(_WHO, 0)
"""Keys of the user's name, in small letters and without what parts their words; of two alike the outer one counts."""
_FROM_WHERE = dict.fromkeys((
    *(
        f"{side}{what}"
        for side in ("src", "source", "client", "remote", "peer", "user", "caller", "origin", "real", "http", "actor")
        for what in ("ip", "ips", "addr", "address", "ipaddress", "ipaddr", "host")
    ),
    *("idorigh", "origh", "calleripaddress", "clientipaddress", "remotehost", "saddr", "srcaddr", "callerip", "rhost"),
), 0)  # fmt: skip
_BARE = ("ip", "ips", "address", "ipaddress", "ipaddr")
_ENDS = dict.fromkeys(("src", "source", "client", "remote", "peer", "addrremote"), 0) | dict.fromkeys(_BARE, 1)
"""Keys of the peer's address; the latter ones may hold something else, and count where none of the former is."""
_SELVES = frozenset(
    {"agent", "host", "observer", "server", "device", "manager", "destination", "dest", "local", "target"}
)
"""Objects whose bare address is none of the peer's."""
_STRANGERS = frozenset(
    {
        "header",
        "headers",
        "query",
        "params",
        "parameters",
        "args",
        "form",
        "cookies",
        "body",
        "payload",
        "requestobject",
        "responseobject",
        "annotations",
        "command",
        "doc",
        "filter",
        "document",
    }
)
"""Objects that hold what a stranger wrote."""
_NOBODY = frozenset({"", "-", "--", "<nil>", "n/a", "nil", "none", "null", "unknown"})
MAX_FIELDS = 256
"""Of a document that are looked through."""
MAX_DEPTH = 4
_PINO = {"10": 7, "20": 7, "30": 6, "40": 4, "50": 3, "60": 2} | {str(level): level for level in range(8)}
_PARTING = str.maketrans("", "", "._-")
_HOLE = re.compile(r"\{[@$]?(\w{1,64})[^{}]{0,64}\}", re.ASCII)
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Below what a number is an instant in seconds, in milliseconds, …: each is the year 5138 or so."""


def _fields(document: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The values of a document by the path of their keys, `request.remote_ip`, the outer ones first."""
    level: list[tuple[str, Mapping[str, object]]] = [("", document)]
    n = 0
    for _ in range(MAX_DEPTH):
        inner: list[tuple[str, Mapping[str, object]]] = []
        for path, fields in level:
            for key, value in fields.items():
                if n == MAX_FIELDS:
                    return
                n += 1
                if isinstance(value, dict):
                    inner.append((f"{path}{key}.", value))
                else:
                    yield path + key, value
        level = inner


def _somewhere(document: Mapping[str, object], ranks: Mapping[str, int], read: Callable[[str], str]) -> str:
    """What is read under one of these keys, in whatever object: the first of the lowest rank."""
    best, least = "", len(ranks)
    for path, value in _fields(document):
        rank = min((ranks[key] for key in _keys(path) if key in ranks), default=least)
        if rank < least and (text := read(_text({"": value}, ""))):
            best, least = text, rank
        if least == 0:
            break
    return best


@lru_cache(maxsize=4_096)  # documents of one source have the same
def _keys(path: str) -> tuple[str, ...]:
    """What a field is called, plainly: by its whole path, and by its own key unless the objects around it forbid."""
    around, _, last = path.lower().rpartition(".")
    plain, objects = last.translate(_PARTING), set(around.split("."))
    if objects & _STRANGERS:
        return ()
    whole = path.lower().translate(_PARTING)
    return (whole,) if plain in _BARE and objects & _SELVES else (whole, plain)


def _spelt(text: str) -> str:
    """A name; numbers name nobody."""
    return "" if text.lower() in _NOBODY or text.isdecimal() else text


def _all(document: Mapping[str, object]) -> str:
    """`verb=list user.username=bob …`: all fields but the time, for who writes no text."""
    told = ((path, _text({"": value}, "")) for path, value in _fields(document) if path not in _TIMES)
    return " ".join(f"{path}={text}" for path, text in told if text)[:MAX_MESSAGE]


def _address(text: str) -> str:
    """Of a name or an address with its port: `203.0.113.9:4711`."""
    return _literal(text) or ("" if any(char in text for char in " :,/") else _spelt(text))


def _literal(text: str) -> str:
    """An address, not a name."""
    return entities(text)[1]


def _rendered(document: Mapping[str, object]) -> str:
    """The text of Serilog's `@mt`, a template whose placeholders are the document's fields."""
    return _HOLE.sub(lambda hole: _text(document, hole[1]) or hole[0], _text(document, "@mt"))[:MAX_MESSAGE]


def _moment(stamp: object, now: float, zone: tzinfo) -> float | None:
    """An instant in ISO 8601, as (milli-, micro-, nano-) seconds since the epoch, or in the words of any line's."""
    if isinstance(stamp, dict):  # Log4j's
        whole, part = stamp.get("epochSecond"), stamp.get("nanoOfSecond")
        stamp = whole + part / 1e9 if isinstance(whole, int) and isinstance(part, int) else whole
    if isinstance(stamp, str):
        if not (stamp.isascii() and stamp.replace(".", "", 1).isdecimal() and len(stamp) <= MAX_STAMP):
            return _spoken(stamp, now, zone) if (moment := instant(stamp, zone)) is None else moment
        stamp = float(stamp)
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        return None
    return next((stamp / unit for below, unit in _UNITS if 1e8 <= stamp < below), None)


def _spoken(stamp: str, now: float, zone: tzinfo) -> float | None:
    """`2026-11-23 10:00:00.123 UTC`, `23/Nov/2026:10:00:00 +0000`, `Mon, 23 Nov 2026 10:00:00 GMT`."""
    if len(stamp) > MAX_SPOKEN:
        return None
    with suppress(NoSuchDate):
        for form in (*daemons.FORMS, *dates.FORMS):
            if found := form.pattern.match(f"{stamp} -"):
                return form.read(found, "", now, zone).time
    return None


def _called(document: Mapping[str, object], keys: Sequence[str]) -> str:
    """The first of these that holds a name, also as `{"name": …}`."""
    for key in keys:
        value = document.get(key)
        name = _text(value, "name", "id") if isinstance(value, dict) else _text(document, key)
        if name.strip("-"):
            return name
    return ""


def _sender(document: Mapping[str, object]) -> str:
    """The host that an object for who sent the document names."""
    senders = (sender for key in _SENDERS if isinstance(sender := document.get(key), dict))
    return next((name for sender in senders if (name := _text(sender, "host", "name"))), "")


_Read = Callable[[Mapping[str, object], str, float, tzinfo], LogLine | None]
_READERS: tuple[tuple[frozenset[str], _Read], ...] = (
    (frozenset({"__REALTIME_TIMESTAMP"}), _journald),
    (frozenset({"log", "time"}), _docker),
    (frozenset({"event_type", "timestamp"}), _suricata),
    (frozenset({"t", "msg"}), _mongo),
    (frozenset({"EventTime"}), _nxlog),
    (frozenset({"Event"}), _exported),
    (frozenset({"short_message"}), _gelf),
)
"""By the fields that each has; the first that fits is taken."""


def _inner(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    """The object under a key, an empty one where there is none."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _attribute(document: Mapping[str, object], element: str, name: str) -> str:
    """Of an element of XML, as it is in JSON: beside its text, or in an object of its own."""
    found = _inner(document, element)
    return _text(found, name) or _text(_inner(found, "#attributes"), name)


def _end(document: Mapping[str, object], side: str) -> str:
    port = _text(document, f"{side}_port")
    return _text(document, f"{side}_ip") + (f":{port}" if port else "")


def _text(document: Mapping[str, object], *keys: str) -> str:
    """The first of the keys that holds something, as text that can be written; an array of bytes is decoded."""
    for key in keys:
        value = document.get(key)
        if isinstance(value, list):
            value = _decoded(value)
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            continue
        return writable(value[:MAX_MESSAGE] if isinstance(value, str) else repr(value))
    return ""


def _decoded(values: list[object]) -> str:
    octets = [value for value in values[:MAX_MESSAGE] if isinstance(value, int) and 0 <= value < 256]
    return bytes(octets).decode("utf-8", "replace") if octets else next((v for v in values if isinstance(v, str)), "")


def _number(text: str) -> str | None:
    return text if text.isascii() and text.isdigit() and len(text) <= 10 else None
