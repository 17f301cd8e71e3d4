"""`status`: how each source stands: how far it has been judged, what waits, what was found, what last went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from plugin.commands.poll import Polling
from plugin.documents import iso
from plugin.ports import Ports, Span

HOUR_S = 3_600.0
DAY_S = 86_400.0
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Status:
    """One source, or a part of it."""

    source: str
    """`auth`, or `auth.0-of-4`."""
    bundle: str
    state: str
    """As the last health document says: `ok`, `degraded` (no answer), `blocked` (refused); `new` = never polled,
    `unable` = without a bundle that can be read, or not even to be looked at."""
    until: str | None
    """Everything before this instant has been judged; ISO 8601."""
    lag_s: float | None
    """From there to the server's now."""
    waiting: int | None
    """Documents that could be judged by now and are not; None where nothing can be."""
    events: int
    """Judged within the last hour."""
    late: int
    anomalies: int
    """Written within the last hour."""
    dead_letters: int
    fault: str | None
    """What last went wrong within a day."""
    fault_at: str | None
    without_time: int = 0
    """Documents that lack the time field: they can never be polled."""
    suppressed: int = 0
    """Anomalies of the last hour that repeat what was told."""

    @classmethod
    def unable(cls, source: str, reason: str) -> Status:
        """That of a source that cannot be polled yet: it has no bundle, or one that cannot be read, or is refused."""
        return cls(source, "", "unable", None, None, None, 0, 0, 0, 0, reason, None)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def status(polling: Polling, ports: Ports) -> Status:
    """How a source stands.

    Raises:
        Unavailable: a service did not answer.
        Refused: a service will not.
    """
    checkpoint, now = ports.checkpoints.load(polling.key), ports.logs.now()
    health = ports.anomalies.health(polling.key, now / 1000 - DAY_S)
    figures = [(body["@timestamp"], body["siem_anomaly"]["health"]) for body in health]
    hour = [figure for at, figure in figures if at >= iso(now / 1000 - HOUR_S)]
    faults = [(at, figure["reason"]) for at, figure in figures if "reason" in figure]
    at, fault = faults[0] if faults else (None, None)
    return Status(
        polling.key,
        polling.bundle.id,
        figures[0][1]["status"] if figures else "ok" if checkpoint else "new",
        iso(checkpoint.until / 1000) if checkpoint else None,
        (now - checkpoint.until) / 1000 if checkpoint else None,
        _waiting(polling, ports, checkpoint.until if checkpoint else polling.bundle.until, now),
        _sum(hour, "events"),
        _sum(hour, "late"),
        _sum(hour, "records"),
        _sum(hour, "dead_letters"),
        fault,
        at,
        ports.logs.count_without(polling.stream),
        _sum(hour, "suppressed"),
    )


def _sum(figures: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(figure.get(name, 0) for figure in figures)


def _waiting(polling: Polling, ports: Ports, since: int, now: int) -> int:
    return sum(ports.logs.count(polling.stream, Span(since, polling.limit(now)), HOUR_MS).values())
