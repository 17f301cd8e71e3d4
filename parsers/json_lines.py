"""One JSON document a line, as journald, Docker and Suricata write them; documents with other fields are not read here.

What has ECS fields or rsyslog's is read by whoever knows where a source keeps its fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import tzinfo

from parsers.daemons import unwrapped
from parsers.forms import build
from parsers.line import LogLine
from parsers.stamps import instant

MAX_MESSAGE = 65_536
"""Characters of a message that are kept, as of a line of text."""
MAX_STAMP = 18
"""Digits of microseconds since the epoch: 16 until the year 2286."""
LAST_S = 253_402_300_799
"""The last second that a calendar has."""


def load(text: str) -> Mapping[str, object] | None:
    """The document of a line, None where it is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # nested a thousand deep; a number of a million digits
        return None
    return document if isinstance(document, dict) else None


def read(document: Mapping[str, object], origin: str, now: float, zone: tzinfo) -> LogLine | None:
    """The line of a document, None where its fields are not those of journald, Docker or Suricata."""
    if "__REALTIME_TIMESTAMP" in document:
        return _journald(document, origin)
    if "log" in document and "time" in document:
        return _docker(document, origin, now, zone)
    if "event_type" in document and "timestamp" in document:
        return _suricata(document, origin)
    return None


def _journald(document: Mapping[str, object], origin: str) -> LogLine | None:
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


def _suricata(document: Mapping[str, object], origin: str) -> LogLine | None:
    """An EVE record: its kind, its signature where it is an alert, and the flow."""
    time = instant(_text(document, "timestamp"))
    if time is None:
        return None
    kind = _text(document, "event_type")
    about = document.get(kind)
    inner: Mapping[str, object] = about if isinstance(about, dict) else {}
    what = [_text(inner, key) for key in ("signature", "category", "rrname", "sni", "http_method", "hostname", "url")]
    flow = f"{_end(document, 'src')} -> {_end(document, 'dest')}"
    words = [kind, *filter(None, what), _text(document, "proto"), flow]
    line = build(origin, time, _text(document, "host"), "suricata", None, " ".join(filter(None, words)), None)
    return line._replace(address=_text(document, "src_ip"))


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
        text = value[:MAX_MESSAGE] if isinstance(value, str) else repr(value)
        return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return ""


def _decoded(values: list[object]) -> str:
    octets = [value for value in values[:MAX_MESSAGE] if isinstance(value, int) and 0 <= value < 256]
    return bytes(octets).decode("utf-8", "replace") if octets else next((v for v in values if isinstance(v, str)), "")


def _number(text: str) -> str | None:
    return text if text.isascii() and text.isdigit() and len(text) <= 10 else None
