"""Anomalies as documents: ids, index names and field names. ECS where it has a name, `siem_anomaly.*` where not."""

from __future__ import annotations

import hashlib
import ipaddress
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from models.calibration import severity
from models.windows import END, UNKNOWN
from parsers.line import Rejected
from plugin import explain, values
from plugin.pipeline import Anomaly
from plugin.ports import NewDocument

ECS = "8.17.0"
SYSLOG_SEVERITIES = ("Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug")
MAX_TEXT = 1024
"""Longest keyword that the mappings index, bytes at worst four a character."""


def record(anomaly: Anomaly, prefix: str, now: float, worker: str, *, late: bool = False) -> NewDocument:
    """The document of an anomaly, with the same id in the same index at every replay; only `now` differs.

    `late` says that its line came after later ones had been judged. The id does not name the bundle: a replay under a
    new one must meet its earlier self.
    """
    id = record_id(anomaly)
    line = anomaly.sighting.line
    return NewDocument(
        monthly(prefix, "records", line.clock or line.time), id, _body(anomaly, id, now, worker, late=late)
    )


def record_id(anomaly: Anomaly) -> str:
    """40 hex digits of SHA-256 over source and origin.

    For a session's end over the session too, what joined it and its silence; for a time bin over the bin's width.
    """
    seen, frame, joined = anomaly.sighting, anomaly.view.lens.frame, ",".join(anomaly.view.lens.settings.session_by)
    session = f"{joined}\0{seen.session}"  # which leaves out what a line does not say
    end = f"\0END\0{session}\0{frame.idle_s:g}" if seen.window.event == END else ""
    end = f"\0BIN\0{session}\0{frame.bins}\0{frame.bin_s:g}" if seen.window.bins else end
    words = f"{anomaly.source}\0{seen.line.origin}{end}"
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def rejection(rejected: Rejected, source: str, prefix: str, now: float) -> NewDocument:
    """The dead letter of a line that could not be read."""
    id = hashlib.sha256(f"{source}\0{rejected.origin}".encode("utf-8", "surrogatepass")).hexdigest()[:40]
    index, name = _where(rejected.origin)
    body = {
        "@timestamp": iso(now),
        "stage": "parse",
        "reason": {"type": rejected.reason, "message": rejected.text},
        "source": {"name": source, "index": index, "id": name},
    }
    return NewDocument(monthly(prefix, "deadletter", rejected.clock or now), id, body)


def health(prefix: str, worker: str, source: str, part: str, now: float, figures: Mapping[str, Any]) -> NewDocument:
    """What a worker has done for a source, or for a `part` of it, since its last such document; what kept it from it.

    Two of one moment are two: their figures are to be added up.
    """
    body = {
        "@timestamp": iso(now),
        "event": {"kind": "metric", "module": "siem_anomaly", "dataset": "siem_anomaly.health"},
        "siem_anomaly": {"worker": worker, "source": {"name": source, "part": part}, "health": dict(figures)},
    }
    return NewDocument(monthly(prefix, "health", now), uuid.uuid4().hex, body)


def monthly(prefix: str, what: str, clock: float) -> str:
    """`siem-anomaly-records-2026.11`: the month of the polled time, so that a replay writes to the same index."""
    return f"{prefix}-{what}-{datetime.fromtimestamp(clock, UTC):%Y.%m}"


def iso(seconds: float) -> str:
    """ISO 8601 with milliseconds, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _body(anomaly: Anomaly, id: str, now: float, worker: str, *, late: bool) -> dict[str, Any]:
    line = anomaly.sighting.line
    body: dict[str, Any] = {
        "@timestamp": iso(line.time),
        "ecs": {"version": ECS},
        "tags": ["siem_anomaly"],
        "message": explain.message(anomaly),
        "event": _event(anomaly, id, now),
        "rule": {
            "id": anomaly.view.name,
            "name": explain.rule(anomaly.explanation.aspect)[1].format(program="log"),
            "version": "1",
            "ruleset": "siem_anomaly",
            "category": "anomaly",
        },
        "siem_anomaly": _siem_anomaly(anomaly, now, worker, late=late),
    }
    return body | _entities(anomaly)


def _event(anomaly: Anomaly, id: str, now: float) -> dict[str, Any]:
    return {
        "kind": "alert",
        "category": ["intrusion_detection"],
        "type": ["info"],
        "module": "siem_anomaly",
        "dataset": "siem_anomaly.record",
        "provider": "siem_anomaly",
        "action": explain.rule(anomaly.explanation.aspect)[0],
        "severity": severity(anomaly.score, anomaly.cut),
        "risk_score": round(anomaly.score, 2),
        "id": id,
        "reason": explain.reason(anomaly),
        "original": anomaly.sighting.line.message[:MAX_TEXT],
        "created": iso(now),
        "ingested": iso(now),
        "start": iso(anomaly.sighting.start),
        "end": iso(anomaly.sighting.time),
    }


def _entities(anomaly: Anomaly) -> dict[str, Any]:
    """Who and where, for pivots; what a line does not say is left out."""
    line = anomaly.sighting.line
    found: dict[str, Any] = {"related": {}, "log": {"syslog": {}}}
    if line.host:
        found |= {"host": {"name": line.host}}
        found["related"]["hosts"] = [line.host]
    if line.user:
        found |= {"user": {"name": line.user}}
        found["related"]["user"] = [line.user]
    if _is_ip(line.address):
        found |= {"source": {"ip": line.address}}
        found["related"]["ip"] = [line.address]
    if line.program:
        found["process"] = {"name": line.program} | ({"pid": line.pid} if line.pid is not None else {})
        found["log"]["syslog"]["appname"] = line.program
    if line.severity is not None:
        found["log"]["syslog"]["severity"] = {"code": line.severity, "name": SYSLOG_SEVERITIES[line.severity]}
    return found


def _siem_anomaly(anomaly: Anomaly, now: float, worker: str, *, late: bool) -> dict[str, Any]:
    line, why = anomaly.sighting.line, anomaly.explanation
    store, id = _where(line.origin)
    before = explain.events(anomaly.before)
    return {
        "score": round(anomaly.score, 2),
        "initial_score": round(anomaly.score, 2),
        "cut": round(anomaly.cut, 2),
        "view": anomaly.view.name,
        "detector": anomaly.view.lens.settings.detector.kind,
        "aspect": why.aspect,
        "views": {
            "name": [name for name, _ in anomaly.voices],
            "score": [round(score, 2) for _, score in anomaly.voices],
        },
        "calibrated": anomaly.bundle.threshold.calibrated,
        "late": late,
        "suppressed": anomaly.repeats > 0,
        "repeats": anomaly.repeats,
        "template": _template(anomaly),
        "session": anomaly.sighting.session,
        "history": [explain.text(anomaly, event) for event in before],
        "observed": {
            "rank": why.rank,
            "probability": why.probability,
            "surprise": round(anomaly.surprise, 4),
            "seen": why.seen,
            "total": why.total,
        },
        **_value(anomaly),
        "expected": {
            "text": [explain.text(anomaly, event) for event, _ in why.expected],
            "probability": [round(p, 4) for _, p in why.expected],
        },
        "influencers": _influencers(anomaly),
        "bundle": {"id": anomaly.bundle.id, "sha256": anomaly.bundle.sha256},
        "source": {"name": anomaly.source, "index": store, "ids": [id], "count": len(before) + 1},
        "feedback": {"label": None, "by": None, "at": None, "comment": None},
        "worker": worker,
        "lag_seconds": round(now - (line.clock or line.time), 3),
    }


def _value(anomaly: Anomaly) -> dict[str, Any]:
    """The value that spoke, and what is usual in its place, as people read them; nothing where none did."""
    why = anomaly.explanation
    if why.aspect not in values.ASPECTS:
        return {}
    name = why.value or "the hour"
    return {"value": {"name": name, "observed": values.observed(why), "usual": values.usual(why)}}


def _template(anomaly: Anomaly) -> dict[str, Any]:
    event = anomaly.sighting.window.event
    if event in (END, UNKNOWN):
        return {"key": "END" if event == END else "UNKNOWN", "text": explain.text(anomaly, event), "new": event != END}
    template = anomaly.bundle.templates[event]
    return {"key": template.key, "text": template.text, "new": False, "count": template.count}


def _influencers(anomaly: Anomaly) -> dict[str, list[str]]:
    """The fields of the pair that spoke, or of the session."""
    spoke = anomaly.explanation.pair or anomaly.sighting.session
    parts = [part.partition("=") for part in spoke.split("|")]
    return {"field": [field for field, _, _ in parts], "value": [value for _, _, value in parts]}


def _where(origin: str) -> tuple[str, str]:
    """(index, id) of an origin; a file's has no index. Index names have no slash, ids may."""
    index, _, id = origin.partition("/")
    return (index, id) if index and id else ("", origin)


def _is_ip(address: str) -> bool:
    """Whether the server's `ip` type takes it: a host name or a zone (`fe80::1%eth0`) would poison the document."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return "%" not in address
