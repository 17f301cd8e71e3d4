"""Poll after poll: one source until it has caught up, or every source in turn until told to stop."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import Any

from plugin import documents
from plugin.commands.poll import Polled, Polling, poll
from plugin.commands.recount import recount
from plugin.errors import PollInProgress, Refused, ServiceError, Unavailable
from plugin.ports import Ports

log = logging.getLogger("siem_anomaly.poll")

Watch = Callable[[Polled], None]
"""Told of each poll that is done."""


def catch_up(
    polling: Polling, ports: Ports, *, dry_run: bool = False, for_s: float = float("inf"), watch: Watch | None = None
) -> list[Polled]:
    """Poll until nothing is left to read, oldest first, or about `for_s` have passed; then look for what came late.

    Raises what `poll` raises.
    """
    limit = time.monotonic() + for_s
    done: list[Polled] = []
    for polled in _steps(polling, ports, dry_run=dry_run):
        done.append(polled)
        tell(polled)
        if watch is not None:
            watch(polled)
        if time.monotonic() >= limit:
            break
    if not dry_run:
        _write_health(polling, ports, _figures(polling, done))
    return done


def attend(polling: Polling, ports: Ports, for_s: float, watch: Watch | None = None) -> Refused | None:
    """Catch up for a while; what fails is told, in the log and in a health document, and returned if it was refused.

    A service that does not answer costs a poll: the next one repeats it.
    """
    try:
        catch_up(polling, ports, for_s=for_s, watch=watch)
    except PollInProgress as error:
        log.info("source=%s another worker was first: %s", polling.name, error)
    except Unavailable as error:
        log.warning("source=%s %s; trying again in %.0f s", polling.name, error, polling.settings.interval_s)
        _write_fault(polling, ports, "degraded", error)
    except Refused as error:
        log.error("source=%s %s", polling.name, error)
        _write_fault(polling, ports, "blocked", error)
        return error
    return None


def follow(
    pollings: Sequence[Polling],
    ports: Ports,
    stop: Event,
    watch: Watch | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Poll every source on its interval in this one process, until `stop` is set.

    A source with a backlog has its share of the time and no more: it goes on when the others have had theirs.

    Raises:
        Refused: every source is refused, and retrying cannot help.
    """
    due = {polling.name: clock() for polling in pollings}
    refused: dict[str, Refused | None] = {}
    while not stop.is_set():
        for polling in pollings:
            if stop.is_set() or due[polling.name] > clock():
                continue
            due[polling.name] = clock() + polling.settings.interval_s
            refused[polling.name] = attend(polling, ports, share_s(polling, len(pollings)), watch)
        if len(refusals := [error for error in refused.values() if error]) == len(pollings):
            raise refusals[0]
        stop.wait(max(min(due.values()) - clock(), 0.0))


def share_s(polling: Polling, n_sources: int) -> float:
    """How long one of so many sources may be worked on before the others have their turn, seconds."""
    return polling.settings.interval_s / n_sources


def tell(polled: Polled) -> None:
    """The one canonical log line of a poll."""
    stations = " ".join(f"{station}_s={seconds:.2f}" for station, seconds in polled.seconds.items())
    log.info(
        "polled source=%s bundle=%s n_hits=%d n_late=%d n_rejected=%d n_unknown=%d n_anomalies=%d n_created=%d "
        "n_duplicates=%d n_refused=%d lag_s=%.1f backlog_s=%.1f took_s=%.2f %s",
        *(polled.source, polled.bundle, polled.n_hits, polled.n_late, polled.n_rejected, polled.n_unknown),
        *(polled.n_anomalies, polled.written.created, polled.written.duplicates, len(polled.written.refused)),
        *(polled.lag_s, polled.backlog_s, polled.took_s, stations),
    )


def _steps(polling: Polling, ports: Ports, *, dry_run: bool) -> Iterator[Polled]:
    """Polls until the source is judged up to its delay, then what has come late."""
    while True:
        polled = poll(polling, ports, dry_run=dry_run)
        yield polled
        if dry_run or polled.backlog_s == 0.0:
            break
    while not dry_run and (late := recount(polling, ports)) is not None:
        yield late


def _figures(polling: Polling, done: Sequence[Polled]) -> dict[str, Any]:
    return {
        "status": "ok",
        "lag_seconds": done[-1].lag_s,
        "backlog_seconds": done[-1].backlog_s,
        "took_seconds": round(sum(polled.took_s for polled in done), 3),
        "events": sum(polled.n_hits for polled in done),
        "late": sum(polled.n_late for polled in done),
        "records": sum(polled.written.created for polled in done),
        "duplicates": sum(polled.written.duplicates for polled in done),
        "rejected": sum(polled.n_rejected for polled in done),
        "dead_letters": sum(len(polled.written.refused) + polled.n_rejected for polled in done),
        "unknown": sum(polled.n_unknown for polled in done),
        "checkpoint_bytes": max(polled.checkpoint_bytes for polled in done),
        "bundle": polling.bundle.id,
    }


def _write_fault(polling: Polling, ports: Ports, status: str, error: ServiceError) -> None:
    with contextlib.suppress(ServiceError):  # what failed was perhaps the store of these very documents
        _write_health(polling, ports, {"status": status, "reason": str(error), "bundle": polling.bundle.id})


def _write_health(polling: Polling, ports: Ports, figures: dict[str, Any]) -> None:
    now = ports.logs.now() / 1000
    ports.anomalies.create([documents.health(polling.prefix, polling.worker, polling.name, now, figures)])
