"""`poll`: one read-judge-write-commit of one source, and the loop that follows every source on its interval.

The checkpoint is committed last, by compare-and-set; records have deterministic ids and are created, never overwritten.
So a poll that dies at any step is repeated whole by the next one, and changes nothing that it had already written.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event

from models.windows import Tails
from parsers.line import LogLine
from plugin import documents
from plugin.bundle import Bundle
from plugin.config import SourceSettings
from plugin.errors import PollInProgress, Refused, Unavailable
from plugin.pipeline import Anomaly, Detection, detect
from plugin.ports import Checkpoint, Hit, Ports, Span, Stream
from plugin.sources import Source

log = logging.getLogger("siem_anomaly.poll")

MIN_JUDGED = 20
"""Hits below which a share of rejected ones says nothing about the settings."""


@dataclass(frozen=True)
class Polling:
    """One source, as it is polled: its settings, its bundle, and the names its documents carry."""

    name: str
    settings: SourceSettings
    bundle: Bundle
    prefix: str
    worker: str

    @property
    def source(self) -> Source:
        """How its documents are read."""
        return Source(self.name, self.settings.fields, self.settings.text)

    @property
    def stream(self) -> Stream:
        """Which documents its reads are about, and what of them."""
        given = self.settings
        return Stream(given.indices, given.time_field, given.page, given.max_hits, self.source.paths)


@dataclass(frozen=True)
class Polled:
    """What one poll did."""

    source: str
    bundle: str
    n_hits: int = 0
    n_rejected: int = 0
    n_unknown: int = 0
    n_anomalies: int = 0
    n_created: int = 0
    n_duplicates: int = 0
    n_refused: int = 0
    lag_s: float = 0.0
    """From the end of what has been judged to the server's now."""
    took_s: float = 0.0
    caught_up: bool = True
    """Nothing is left to read but what is younger than the delay."""
    anomalies: tuple[Anomaly, ...] = ()


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage meanwhile: a poll holds on to its hits, and to walk them all time and again costs a fifth."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_uncollected()
def poll(polling: Polling, ports: Ports, *, dry_run: bool = False) -> Polled:
    """Read what has come since the checkpoint, judge it, write the anomalies, commit the checkpoint.

    Raises:
        PollInProgress: another worker committed first; its work stands.
        Unavailable: a service did not answer in full; nothing was committed.
        Refused: a service will not, or most lines cannot be read; nothing was committed.
    """
    started = time.monotonic()
    stored = ports.checkpoints.load(polling.name)
    checkpoint = stored or Checkpoint(polling.name, polling.bundle.until, polling.bundle.language)
    now = ports.logs.now()
    wanted = _span(polling.settings, checkpoint, now)
    if wanted.hi <= checkpoint.until:
        return Polled(polling.name, polling.bundle.id, lag_s=(now - checkpoint.until) / 1000)
    page = ports.logs.read(polling.stream, wanted)
    hits = [hit for hit in page.hits if _hash(hit) not in checkpoint.seen]
    found = detect(hits, polling.source, polling.bundle, _tails(checkpoint, polling.bundle), page.span.hi / 1000)
    _refuse_unreadable(polling, hits, found)
    counts = (0, 0, 0)
    if not dry_run:
        counts = _write(polling, ports, found, now / 1000)
        ports.checkpoints.commit(_advanced(polling, page.hits, page.span.hi, found.tails), replacing=stored)
    return Polled(
        polling.name,
        polling.bundle.id,
        len(hits),
        len(found.rejected),
        found.n_unknown,
        len(found.anomalies),
        *counts,
        lag_s=(now - page.span.hi) / 1000,
        took_s=time.monotonic() - started,
        caught_up=dry_run or page.span.hi >= now - polling.settings.delay_s * 1000,
        anomalies=tuple(found.anomalies),
    )


def catch_up(polling: Polling, ports: Ports, *, dry_run: bool = False) -> list[Polled]:
    """Poll until nothing is left to read, oldest first. Raises what `poll` raises."""
    done = [poll(polling, ports, dry_run=dry_run)]
    tell(done[-1])
    while not done[-1].caught_up:
        done.append(poll(polling, ports, dry_run=dry_run))
        tell(done[-1])
    if not dry_run:
        _write_health(polling, ports, done)
    return done


def follow(pollings: Sequence[Polling], ports: Ports, stop: Event, clock: Callable[[], float] = time.monotonic) -> None:
    """Poll every source on its interval in this one process, until `stop` is set.

    A service that does not answer costs a poll, not the process; what it refuses ends it.

    Raises:
        Refused: retrying cannot help.
    """
    due = {polling.name: clock() for polling in pollings}
    while not stop.is_set():
        for polling in pollings:
            if stop.is_set() or due[polling.name] > clock():
                continue
            due[polling.name] = clock() + polling.settings.interval_s
            _tried(polling, ports)
        stop.wait(max(min(due.values()) - clock(), 0.0))


def tell(polled: Polled) -> None:
    """The one canonical log line of a poll."""
    log.info(
        "polled source=%s bundle=%s n_hits=%d n_rejected=%d n_unknown=%d n_anomalies=%d n_created=%d n_duplicates=%d "
        "n_refused=%d lag_s=%.1f took_s=%.2f",
        *(polled.source, polled.bundle, polled.n_hits, polled.n_rejected, polled.n_unknown, polled.n_anomalies),
        *(polled.n_created, polled.n_duplicates, polled.n_refused, polled.lag_s, polled.took_s),
    )


def _tried(polling: Polling, ports: Ports) -> None:
    try:
        catch_up(polling, ports)
    except PollInProgress as error:
        log.info("source=%s another worker was first: %s", polling.name, error)
    except Unavailable as error:
        log.warning("source=%s %s; trying again in %.0f s", polling.name, error, polling.settings.interval_s)


def _span(settings: SourceSettings, checkpoint: Checkpoint, now: int) -> Span:
    newest = now - round(settings.delay_s * 1000)
    hi = min(newest, checkpoint.until + round(settings.max_window_s * 1000))
    overlap = round(settings.overlap_s * 1000) if checkpoint.version else 0  # before the first lies the training
    return Span(checkpoint.until - overlap, hi)


def _tails(checkpoint: Checkpoint, bundle: Bundle) -> Mapping[str, Tails[LogLine]]:
    """The tails to go on with; none when another bundle wrote them, whose event ids mean other things."""
    if checkpoint.bundle == bundle.language:
        return checkpoint.tails
    log.warning("source=%s bundle=%s speaks of other events: open sessions begin anew", bundle.source, bundle.id)
    return {}


def _refuse_unreadable(polling: Polling, hits: Sequence[Hit], found: Detection) -> None:
    share = len(found.rejected) / max(len(hits), 1)
    if len(hits) >= MIN_JUDGED and share > polling.settings.max_rejected:
        reason = found.rejected[0].reason
        raise Refused(
            f"sources.{polling.name}: {share:.0%} of {len(hits)} documents cannot be read ({reason}); "
            f"`siem-anomaly check --source {polling.name}` shows them; mend sources.{polling.name}.fields"
        )


def _write(polling: Polling, ports: Ports, found: Detection, now: float) -> tuple[int, int, int]:
    new = [documents.record(anomaly, polling.prefix, now, polling.worker) for anomaly in found.anomalies]
    new += [documents.rejection(line, polling.name, polling.prefix, now, now) for line in found.rejected]
    written = ports.anomalies.create(new)
    return written.created, written.duplicates, len(written.refused)


def _advanced(polling: Polling, hits: Sequence[Hit], until: int, tails: Mapping[str, Tails[LogLine]]) -> Checkpoint:
    recent = (until - round(polling.settings.overlap_s * 1000)) * 1_000_000
    seen = frozenset(_hash(hit) for hit in hits if hit.clock >= recent)
    return Checkpoint(polling.name, until, polling.bundle.language, seen, tails)


def _write_health(polling: Polling, ports: Ports, done: Sequence[Polled]) -> None:
    figures = {
        "status": "ok",
        "lag_seconds": done[-1].lag_s,
        "events": sum(polled.n_hits for polled in done),
        "records": sum(polled.n_created for polled in done),
        "duplicates": sum(polled.n_duplicates for polled in done),
        "dead_letters": sum(polled.n_refused + polled.n_rejected for polled in done),
        "unknown": sum(polled.n_unknown for polled in done),
        "bundle": polling.bundle.id,
    }
    now = ports.logs.now() / 1000
    ports.anomalies.create([documents.health(polling.prefix, polling.worker, polling.name, now, figures)])


def _hash(hit: Hit) -> int:
    """64 bits of (index, id): among 600,000 hits of an overlap two collide with odds of one in a hundred million."""
    return int.from_bytes(hashlib.blake2b(hit.origin.encode("utf-8", "surrogateescape"), digest_size=8).digest())
