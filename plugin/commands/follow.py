"""Poll after poll: one source until it has caught up, or every source in turn until told to stop."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Event
from typing import Any, NamedTuple

from plugin import documents
from plugin.ahead import reading_ahead
from plugin.behind import writing_behind
from plugin.commands.poll import Polled, Polling, poll
from plugin.commands.recount import recounts
from plugin.commands.reshape import settled
from plugin.config import SourceSettings
from plugin.errors import BundleError, PluginError, PollInProgress, Refused, ServiceError, Unavailable
from plugin.ports import Nobody, Ports, Watch

log = logging.getLogger("siem_anomaly.poll")


WITHOUT_BUNDLE_S = 60.0
"""Until a source that has no bundle is looked at again."""
TURN_S = 60.0
"""How long a backlog is worked off in one go while nobody else waits; then how it went is written down."""
HOUR_MS = 3_600_000
NOBODY = Nobody()
Share = tuple[str, int]
"""A source and one of its parts: what is polled by itself."""


Enough = Callable[[], bool]
"""Whether a source has been worked on for long enough; asked after each poll."""


def never() -> bool:
    """Go on until nothing is left."""
    return False


def after(seconds: float) -> Enough:
    """Enough once so many seconds are over."""
    limit = time.monotonic() + seconds
    return lambda: time.monotonic() >= limit


def catch_up(
    polling: Polling, ports: Ports, *, dry_run: bool = False, enough: Enough = never, watch: Watch = NOBODY
) -> list[Polled]:
    """Poll until nothing is left to read, oldest first, then look for what came late; or until it is `enough`.

    Raises what `poll` raises. How it went, and why it went no further, is a health document.
    """
    done: list[Polled] = []
    told = not dry_run and polling.past is None
    try:
        for polled in _caught_up(polling, ports, enough, dry_run=dry_run):
            tell(polled, logging.INFO if polling.past is None else logging.DEBUG)
            if polling.past is None:  # how far the source lags is not a past time's to say
                watch.polled(polled.source, polled.counts, polled.levels, polled.seconds)
            done.append(polled if dry_run else replace(polled, anomalies=()))  # written; a backlog may have many
    except Exception as error:
        if told and (done or not isinstance(error, PollInProgress)):
            with contextlib.suppress(ServiceError):  # what failed was perhaps the store of these very documents
                _write_health(polling, ports, _figures(polling, done) | _outcome(error))
        raise
    if told:
        _write_health(polling, ports, _figures(polling, done) | {"status": "ok"} | _hourly(polling, ports, done))
    return done


def _caught_up(polling: Polling, ports: Ports, enough: Enough, *, dry_run: bool) -> Iterator[Polled]:
    if not dry_run and polling.past is None:
        settled(polling, ports)
    with reading_ahead(ports) as ahead, writing_behind(ahead, polling.key) as behind:
        yield from _steps(polling, behind, enough, dry_run=dry_run)


class Attended(NamedTuple):
    """How a source fared while it was worked on."""

    left: bool = False
    """Its time was over before its backlog was."""
    hopeless: PluginError | None = None
    """Why retrying does not help."""


def attend(polling: Polling, ports: Ports, enough: Enough, watch: Watch = NOBODY) -> Attended:
    """Catch up, or until it is `enough`; what fails is told in the log, too.

    A service that does not answer costs a poll: the next one repeats it.
    """
    try:
        done = catch_up(polling, ports, enough=enough, watch=watch)
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
    except Exception:  # a fault of ours, or a poll that its worker cut: of one source, and no other has to wait for it
        log.exception("source=%s a poll broke off; the next one repeats it", polling.key)
        watch.failed(polling.key, "broken")
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

    A source with a backlog is worked on for its share of the time, and while no other is due; it goes on as soon as the
    others have had their turn. One without a bundle is left out until it has one.

    Raises:
        Refused, BundleError: no source can be polled, and retrying cannot help.
    """
    rota = _Rota(shares, clock)
    hopeless: dict[Share, PluginError] = {}
    while not stop.is_set():
        for share in rota.now_due():
            if stop.is_set():
                break
            attended = _turn(share, polling_of, ports, rota, stop, watch)
            hopeless.pop(share, None)
            if attended.hopeless:
                hopeless[share] = attended.hopeless
        if len(hopeless) == len(shares):
            raise next(iter(hopeless.values()))
        stop.wait(rota.idle_s())


class _Rota:
    """Whose turn it is."""

    def __init__(self, shares: Sequence[Share], clock: Callable[[], float]) -> None:
        self.clock = clock
        self._due = dict.fromkeys(shares, clock())

    def now_due(self) -> Iterator[Share]:
        """Those whose turn it is, one round."""
        return (share for share in self._due if self._due[share] <= self.clock())

    def idle_s(self) -> float:
        """Seconds until somebody's turn."""
        return max(min(self._due.values()) - self.clock(), 0.0)

    def again(self, share: Share, at: float) -> None:
        """When its next turn is."""
        self._due[share] = at

    def enough(self, share: Share, settings: SourceSettings) -> Enough:
        """Its share of the time is over and another waits, or all of a turn's time is."""
        begun, own_s = self.clock(), share_s(settings, len(self._due))

        def over() -> bool:
            now = self.clock()
            waits = any(due <= now for other, due in self._due.items() if other != share)
            return now - begun >= (own_s if waits else max(own_s, TURN_S))

        return over


def _turn(
    share: Share, polling_of: Callable[[Share], Polling], ports: Ports, rota: _Rota, stop: Event, watch: Watch
) -> Attended:
    begun = rota.clock()
    try:
        polling = polling_of(share)  # again each time: another bundle may be in use by now
    except BundleError as error:
        log.error("source=%s %s", share[0], error)
        rota.again(share, begun + WITHOUT_BUNDLE_S)
        return Attended(hopeless=error)
    over = rota.enough(share, polling.settings)
    attended = attend(polling, ports, lambda: stop.is_set() or over(), watch)
    rota.again(share, rota.clock() if attended.left else begun + polling.settings.interval_s)
    return attended


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
    if dry_run or polling.past is not None:
        return
    for late in recounts(polling, ports):
        yield late
        if enough():
            return


def _figures(polling: Polling, done: Sequence[Polled]) -> dict[str, Any]:
    if not done:
        return {"bundle": polling.bundle.id}
    counts = sum((Counter(polled.counts) for polled in done), Counter[str]())
    took = round(sum(polled.took_s for polled in done), 3)
    nothing = dict.fromkeys(done[-1].counts, 0)  # a sum of counters leaves out what is 0
    return {**nothing, **counts, **done[-1].levels, "took_seconds": took, "bundle": polling.bundle.id}


def _outcome(error: Exception) -> dict[str, str]:
    """Why a turn ended before its time; where another worker was first, that one may count some of it once more."""
    match error:
        case PollInProgress():
            return {"status": "ok"}
        case Refused():
            return {"status": "blocked", "reason": str(error)}
        case Unavailable():
            return {"status": "degraded", "reason": str(error)}
    return {"status": "degraded", "reason": f"a poll broke off: {error!r}"}


def _hourly(polling: Polling, ports: Ports, done: Sequence[Polled]) -> dict[str, int]:
    """Once an hour of what was judged, by the source's first part: documents that nothing will ever read."""
    if polling.part or done[0].since // HOUR_MS == done[-1].until // HOUR_MS:
        return {}
    with contextlib.suppress(ServiceError):  # all else is done: it is told an hour later
        return {"without_time": ports.logs.count_without(polling.stream)}
    return {}


def _write_health(polling: Polling, ports: Ports, figures: dict[str, Any]) -> None:
    now = ports.logs.now() / 1000
    told = documents.health(polling.prefix, polling.worker, polling.name, polling.key, now, figures)
    ports.anomalies.create([told])
