"""Poll after poll: one source until it has caught up, or every source in turn until told to stop."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import Any, NamedTuple

from plugin import documents
from plugin.ahead import reading_ahead
from plugin.behind import writing_behind
from plugin.commands.poll import Polled, Polling, poll
from plugin.commands.recount import recount
from plugin.commands.reshape import settled
from plugin.config import SourceSettings
from plugin.errors import BundleError, PluginError, PollInProgress, Refused, ServiceError, Unavailable
from plugin.ports import Nobody, Ports, Watch

log = logging.getLogger("siem_anomaly.poll")


WITHOUT_BUNDLE_S = 60.0
"""Until a source that has no bundle is looked at again."""
NOBODY = Nobody()
Share = tuple[str, int]
"""A source and one of its parts: what is polled by itself."""


def catch_up(
    polling: Polling, ports: Ports, *, dry_run: bool = False, for_s: float = float("inf"), watch: Watch = NOBODY
) -> list[Polled]:
    """Poll until nothing is left to read, oldest first, then look for what came late; or for about `for_s`.

    Raises what `poll` raises. How it went, or why it did not, is a health document.
    """
    present = not dry_run and polling.past is None
    try:
        done = _caught_up(polling, ports, dry_run=dry_run, for_s=for_s, watch=watch)
    except (Unavailable, Refused) as error:
        if present:
            status = "blocked" if isinstance(error, Refused) else "degraded"
            with contextlib.suppress(ServiceError):  # what failed was perhaps the store of these very documents
                _write_health(polling, ports, {"status": status, "reason": str(error), "bundle": polling.bundle.id})
        raise
    if present:
        _write_health(polling, ports, _figures(polling, done))
    return done


def _caught_up(polling: Polling, ports: Ports, *, dry_run: bool, for_s: float, watch: Watch) -> list[Polled]:
    limit = time.monotonic() + for_s
    done: list[Polled] = []
    if not dry_run and polling.past is None:
        settled(polling, ports)
    with reading_ahead(ports) as ahead, writing_behind(ahead, polling.key) as behind:
        for polled in _steps(polling, behind, lambda: time.monotonic() >= limit, dry_run=dry_run):
            done.append(polled)
            tell(polled, logging.INFO if polling.past is None else logging.DEBUG)
            if polling.past is None:  # how far the source lags is not a past time's to say
                watch.polled(polled.source, polled.counts, polled.levels, polled.seconds)
    return done


class Attended(NamedTuple):
    """How a source fared while it was worked on."""

    left: bool = False
    """Its time was over before its backlog was."""
    hopeless: PluginError | None = None
    """Why retrying does not help."""


def attend(polling: Polling, ports: Ports, for_s: float, watch: Watch = NOBODY) -> Attended:
    """Catch up for a while; what fails is told in the log, too.

    A service that does not answer costs a poll: the next one repeats it.
    """
    try:
        done = catch_up(polling, ports, for_s=for_s, watch=watch)
    except PollInProgress as error:
        log.info("source=%s another worker was first: %s", polling.key, error)
        watch.failed(polling.key, "raced")
    except Unavailable as error:
        log.warning("source=%s %s; trying again in %.0f s", polling.key, error, polling.settings.interval_s)
        watch.failed(polling.key, "degraded")
    except Refused as error:
        log.error("source=%s %s", polling.key, error)
        watch.failed(polling.key, "blocked")
        return Attended(hopeless=error)
    else:
        return Attended(left=done[-1].backlog_s > 0.0)
    return Attended()


def follow(
    shares: Sequence[Share],
    polling_of: Callable[[Share], Polling],
    ports: Ports,
    stop: Event,
    watch: Watch = NOBODY,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Poll every source on its interval in this one process, until `stop` is set.

    A source with a backlog is worked on for a while, and goes on as soon as the others that are due have had theirs.
    One without a bundle is left out until it has one.

    Raises:
        Refused, BundleError: no source can be polled, and retrying cannot help.
    """
    due = dict.fromkeys(shares, clock())
    hopeless: dict[Share, PluginError] = {}
    while not stop.is_set():
        for share in shares:
            if stop.is_set() or due[share] > clock():
                continue
            begun = clock()
            attended, interval_s = _turn(share, polling_of, ports, len(shares), watch)
            due[share] = clock() if attended.left else begun + interval_s
            hopeless.pop(share, None)
            if attended.hopeless:
                hopeless[share] = attended.hopeless
        if len(hopeless) == len(shares):
            raise next(iter(hopeless.values()))
        stop.wait(max(min(due.values()) - clock(), 0.0))


def _turn(
    share: Share, polling_of: Callable[[Share], Polling], ports: Ports, n_shares: int, watch: Watch
) -> tuple[Attended, float]:
    """How a source fared, and the seconds from one turn to the next."""
    try:
        polling = polling_of(share)  # again each time: another bundle may be in use by now
    except BundleError as error:
        log.error("source=%s %s", share[0], error)
        return Attended(hopeless=error), WITHOUT_BUNDLE_S
    settings = polling.settings
    return attend(polling, ports, share_s(settings, n_shares), watch), settings.interval_s


def share_s(settings: SourceSettings, n_shares: int) -> float:
    """How long one of so many may be worked on before the others have their turn, seconds."""
    return settings.interval_s / n_shares


def tell(polled: Polled, level: int = logging.INFO) -> None:
    """The one canonical log line of a poll."""
    counts = " ".join(f"{name}={n}" for name, n in polled.counts.items())
    stations = " ".join(f"{station}_s={seconds:.2f}" for station, seconds in polled.seconds.items())
    log.log(
        level,
        "polled source=%s bundle=%s %s lag_s=%.1f backlog_s=%.1f took_s=%.2f %s",
        *(polled.source, polled.bundle, counts, polled.lag_s, polled.backlog_s, polled.took_s, stations),
    )


def _steps(polling: Polling, ports: Ports, enough: Callable[[], bool], *, dry_run: bool) -> Iterator[Polled]:
    """Polls until the source is judged up to its delay; then what has come late.

    Ends early when it is `enough`, but what has come late is looked for once however long the polls took.
    """
    while True:
        polled = poll(polling, ports, dry_run=dry_run)
        yield polled
        if dry_run or polled.backlog_s == 0.0:
            break
        if enough():
            return
    while not dry_run and polling.past is None and (late := recount(polling, ports)) is not None:
        yield late
        if enough():
            return


def _figures(polling: Polling, done: Sequence[Polled]) -> dict[str, Any]:
    counts = sum((Counter(polled.counts) for polled in done), Counter[str]())
    took = round(sum(polled.took_s for polled in done), 3)
    nothing = dict.fromkeys(done[-1].counts, 0)  # a sum of counters leaves out what is 0
    return {"status": "ok", **nothing, **counts, **done[-1].levels, "took_seconds": took, "bundle": polling.bundle.id}


def _write_health(polling: Polling, ports: Ports, figures: dict[str, Any]) -> None:
    now = ports.logs.now() / 1000
    ports.anomalies.create([documents.health(polling.prefix, polling.worker, polling.name, now, figures, polling.part)])
