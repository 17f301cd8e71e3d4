"""`poll`: one read-judge-write-commit of one source.

The checkpoint is committed last, by compare-and-set; records have deterministic ids and are created, never overwritten.
So a poll that dies at any step is repeated whole by the next one, and changes nothing that it had already written.
"""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from models.windows import Tails
from parsers.line import LogLine
from plugin import documents, repeats, tally
from plugin.bundle import Bundle
from plugin.config import SourceSettings
from plugin.errors import PollInProgress, Refused
from plugin.pipeline import Anomaly, Detection, detect
from plugin.ports import Checkpoint, Hit, Part, Ports, Span, Stream, Told, Written, pages
from plugin.sources import Source
from plugin.spent import Spent
from plugin.tally import Judged

log = logging.getLogger("siem_anomaly.poll")

MIN_JUDGED = 20
"""Hits below which a share of rejected ones says nothing about the settings."""
MAX_LEAD_MS = 3_600_000
"""Of context on either side; sessions that fall silent for longer than half of it are cut short."""

NOTHING = Written(0, 0, [])
"""What a poll without anomalies writes."""


@dataclass(frozen=True)
class Polling:
    """One source, as it is polled: its settings, its bundle, and the names its documents carry."""

    name: str
    settings: SourceSettings
    bundle: Bundle
    prefix: str
    worker: str
    part: int = 0
    """Of the source's `partitions`."""
    end: int | None = None
    """Milliseconds: not polled beyond; None = to the server's now."""
    past: Span | None = None
    """What was shown then is judged once more, by itself; None = what comes."""

    @property
    def key(self) -> str:
        """The checkpoint's name: the source's, or that of its part or of a past time by a bundle."""
        n = self.settings.partitions
        name = self.name if n == 1 else f"{self.name}.{self.part}-of-{n}"
        return name if self.past is None else f"{name}.past.{self.past.lo}-{self.past.hi}.{self.bundle.id}"

    @property
    def lead(self) -> int:
        """Milliseconds before and after a past time that are read too, so that its sessions are whole."""
        return min(round(2000 * max(view.lens.settings.idle_s for view in self.bundle.views)), MAX_LEAD_MS)

    def limit(self, now: int) -> int:
        """How far can be polled at the server's `now`, milliseconds."""
        newest = now - round(self.settings.delay_s * 1000)
        if self.past is not None:
            return min(self.past.hi + self.lead, newest)
        return newest if self.end is None else self.end

    def holds(self, line: LogLine) -> bool:
        """Whether what is found of a line is to be written."""
        return self.past is None or self.past.lo <= (line.clock or line.time) * 1000 < self.past.hi

    @cached_property
    def source(self) -> Source:
        """How its documents are read."""
        return Source(self.name, self.settings.fields, self.settings.text)

    @cached_property
    def stream(self) -> Stream:
        """Which documents its reads are about, and what of them."""
        given = self.settings
        part = Part(self.part, given.partitions, given.fields.host) if given.partitions > 1 else None
        return Stream(given.indices, given.time_field, given.page, given.max_hits, self.source.paths, part)

    @property
    def overlap(self) -> int:
        """How far back documents are told apart one by one, milliseconds."""
        return round(self.settings.overlap_s * 1000)

    def overlap_before(self, checkpoint: Checkpoint) -> int:
        """The same as it is: less where so many documents came that a checkpoint has no room for more."""
        return min(self.overlap, checkpoint.until - tally.begins(checkpoint.seen))


@dataclass(frozen=True)
class Polled:
    """What one poll did."""

    source: str
    """Its key: the source's name, or that of its part."""
    bundle: str
    until: int = 0
    """Everything before this instant has been judged; milliseconds."""
    n_hits: int = 0
    n_late: int = 0
    """Hits among them that came after later ones had been judged."""
    n_rejected: int = 0
    n_unknown: int = 0
    n_missed: int = 0
    """Messages that the matcher did not remember."""
    n_dropped: int = 0
    """Open sessions dropped for want of room."""
    n_anomalies: int = 0
    n_suppressed: int = 0
    """Anomalies among them that repeat what was told."""
    written: Written = NOTHING
    lag_s: float = 0.0
    """From the end of what has been judged to the server's now."""
    backlog_s: float = 0.0
    """Of it what could have been judged by now: all but the delay."""
    checkpoint_bytes: int = 0
    overlap_s: float = 0.0
    """How far back documents are told apart one by one: less than `overlap_s` of the settings where too many came."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By station: load, read, parse, match, window, score, explain, write, commit."""
    anomalies: tuple[Anomaly, ...] = ()
    since: int = 0
    """Where it began; milliseconds."""

    @property
    def counts(self) -> dict[str, int]:
        """What it counted, as metrics and health documents name it."""
        return {
            "events": self.n_hits,
            "late": self.n_late,
            "rejected": self.n_rejected,
            "unknown": self.n_unknown,
            "cache_misses": self.n_missed,
            "dropped_sessions": self.n_dropped,
            "anomalies": self.n_anomalies,
            "suppressed": self.n_suppressed,
            "records": self.written.created,
            "duplicates": self.written.duplicates,
            "dead_letters": self.n_rejected + len(self.written.refused),
        }

    @property
    def levels(self) -> dict[str, float]:
        """Where the source stands after it."""
        levels = {"lag_seconds": self.lag_s, "backlog_seconds": self.backlog_s, "overlap_seconds": self.overlap_s}
        return levels | ({"checkpoint_bytes": self.checkpoint_bytes} if self.checkpoint_bytes else {})  # as it was

    @property
    def took_s(self) -> float:
        """All stations together."""
        return sum(self.seconds.values())


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage meanwhile: a poll holds on to its hits, and to walk them all time and again costs a fifth."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@uncollected()
def poll(polling: Polling, ports: Ports, *, dry_run: bool = False) -> Polled:
    """Read what has come since the checkpoint, judge it, write the anomalies, commit the checkpoint.

    Raises:
        PollInProgress: another worker committed first; its work stands.
        Unavailable: a service did not answer in full; nothing was committed.
        Refused: a service will not, or most lines cannot be read; nothing was committed.
    """
    spent = Spent()
    with spent.on("load"):
        stored = ports.checkpoints.load(polling.key)
        now = ports.logs.now()
    checkpoint = stored or begin(polling)
    wanted = _span(polling, checkpoint, now)
    if wanted.lo >= wanted.hi:
        return _polled(polling, wanted.lo, checkpoint, now)
    with spent.on("read"):
        late = _late(polling, ports, checkpoint)
        page = ports.logs.read(polling.stream, wanted)
    hits, until = [*late, *page.hits], page.span.hi
    found = detect(hits, polling.source, polling.bundle, _tails(checkpoint, polling.bundle), until / 1000, spent)
    found, told = told_once(polling, checkpoint, found)
    _refuse_unreadable(polling, hits, found)
    judged, written, size = replace(checkpoint, until=until), NOTHING, 0
    if not dry_run:
        with spent.on("write"):
            written = write(polling, ports, found, now / 1000, late=_came_after(checkpoint.until))
        with spent.on("commit"):
            judged = _advanced(polling, replace(checkpoint, told=told), hits, until, found)
            size = ports.checkpoints.commit(judged, replacing=stored)
    return _polled(polling, wanted.lo, judged, now, found, len(late), written, size, spent.seconds)


def begin(polling: Polling) -> Checkpoint:
    """The checkpoint before the first: where the training ended, or a past time begins."""
    until = polling.bundle.until if polling.past is None else polling.past.lo - polling.lead
    return Checkpoint(polling.key, until, polling.bundle.language, since=until)


def told_once(polling: Polling, checkpoint: Checkpoint, found: Detection) -> tuple[Detection, dict[str, Told]]:
    """Only what is to be written, repeats of what was told marked as such; and what has been told by now."""
    own = [each for each in found.anomalies if polling.holds(each.sighting.line)]
    anomalies, told = repeats.marked(checkpoint.told, own, polling.settings.suppress_s)
    return replace(found, anomalies=anomalies), told


def write(polling: Polling, ports: Ports, found: Detection, now: float, *, late: Callable[[Anomaly], bool]) -> Written:
    """Create the records of what was found, and a dead letter for each line that could not be read.

    `late` says whether an anomaly's line came after later ones had been judged. Returns how the records fared, and what
    the store refused of either. Raises what `create` raises.
    """
    prefix, worker = polling.prefix, polling.worker
    records = [documents.record(each, prefix, now, worker, late=late(each)) for each in found.anomalies]
    letters = [documents.rejection(line, polling.name, prefix, now) for line in found.rejected]
    written = ports.anomalies.create(records)
    unread = ports.anomalies.create(letters)
    return written._replace(refused=[*written.refused, *unread.refused])


def notes(hits: Sequence[Hit], lines: Sequence[LogLine]) -> list[Judged]:
    """What a checkpoint remembers of hits that were read as these lines, or not at all."""
    hosts = {line.origin: line.host for line in lines}
    return [tally.note(hit.clock, hit.origin, hosts.get(hit.origin, "")) for hit in hits]


def _came_after(until: int) -> Callable[[Anomaly], bool]:
    """Whether an anomaly's line was shown before an instant that had been judged; what ends comes when it must."""

    def late(anomaly: Anomaly) -> bool:
        line = anomaly.sighting.line
        return anomaly.sighting.window.is_line and (line.clock or line.time) * 1000 < until

    return late


def _span(polling: Polling, checkpoint: Checkpoint, now: int) -> Span:
    if checkpoint.closed and polling.end is None:
        raise PollInProgress(f"the parts of {polling.name} are being cut anew: this one goes on no more")
    return Span(
        checkpoint.until, min(polling.limit(now), checkpoint.until + round(polling.settings.max_window_s * 1000))
    )


def _late(polling: Polling, ports: Ports, checkpoint: Checkpoint) -> list[Hit]:
    """What has come within the overlap since it was judged, oldest first; told by counting each second again."""
    begins = max(_overlap_from(polling, checkpoint.until), checkpoint.since, tally.begins(checkpoint.seen))
    overlap = Span(min(begins, checkpoint.until), checkpoint.until)
    counts = ports.logs.count(polling.stream, overlap, tally.SECOND_MS)
    seconds = tally.changed(checkpoint.seen, counts, polling.stream.max_hits)
    again = frozenset(seconds)
    judged = tally.hashes(b"".join(checkpoint.seen.get(second, b"") for second in seconds))
    hits: list[Hit] = []
    for lo, hi in tally.spans(seconds):
        span = Span(max(lo, overlap.lo), min(hi, overlap.hi))
        for page in pages(ports.logs, polling.stream, span):
            found = (hit for hit in page.hits if hit.clock // 1_000_000_000 in again)
            hits += (hit for hit in found if tally.hash_of(hit.origin) not in judged)
    return hits


def _overlap_from(polling: Polling, until: int) -> int:
    """Where the overlap before an instant begins: at a whole second."""
    begins = until - polling.overlap
    return begins - begins % tally.SECOND_MS


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


def _advanced(polling: Polling, before: Checkpoint, hits: Sequence[Hit], until: int, found: Detection) -> Checkpoint:
    judged = notes(hits, found.lines)
    begins = _overlap_from(polling, until)
    recent = {second: hashes for second, hashes in before.seen.items() if second * tally.SECOND_MS >= begins}
    seen = tally.joined(recent, tally.in_seconds(each for each in judged if each.clock >= begins))
    seen = tally.bounded(seen, tally.MAX_HASHES)
    if short := tally.begins(seen):
        log.warning("source=%s so many documents that the overlap is %.0f s", polling.key, (until - short) / 1000)
    counted = before.tally.plus(judged).after(until - round(polling.settings.max_late_s * 1000))
    told = repeats.remembered(before.told, until / 1000 - 2.0 * polling.settings.suppress_s)
    now = replace(before, until=until, seen=seen, tally=counted, tails=found.tails, told=told, version=None)
    return replace(now, bundle=polling.bundle.language)


def _polled(  # noqa: PLR0913, PLR0917 - what a poll knows at its end
    polling: Polling,
    since: int,
    judged: Checkpoint,
    now: int,
    found: Detection | None = None,
    n_late: int = 0,
    written: Written = NOTHING,
    size: int = 0,
    seconds: Mapping[str, float] | None = None,
) -> Polled:
    found = found or Detection([], [], [], 0, {})
    return Polled(
        polling.key,
        polling.bundle.id,
        judged.until,
        len(found.lines) + len(found.rejected),
        n_late,
        len(found.rejected),
        found.n_unknown,
        found.n_missed,
        found.n_dropped,
        len(found.anomalies),
        sum(each.repeats > 0 for each in found.anomalies),
        written,
        lag_s=(now - judged.until) / 1000,
        backlog_s=max(polling.limit(now) - judged.until, 0) / 1000,
        checkpoint_bytes=size,
        overlap_s=polling.overlap_before(judged) / 1000,
        seconds=seconds or {},
        anomalies=tuple(found.anomalies),
        since=since,
    )
