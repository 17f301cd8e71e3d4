"""Documents that came later than the overlap: found by counting past minutes again, judged with what was around them.

One aggregation says in which ten minutes other documents lie than were judged. Those are read once more, with a lead
before and after so that sessions have their context, and what is strange of the new ones is written, marked late.
Whatever a poll did goes on undisturbed: its tails are not touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from models.windows import Tails
from parsers.line import LogLine, Rejected
from plugin import tally
from plugin.commands.poll import Polled, Polling, notes, told_once, uncollected, write
from plugin.pipeline import Anomaly, Detection, detect
from plugin.ports import Checkpoint, Ports, Span, pages
from plugin.spent import Spent
from plugin.tally import BUCKET_MS, Bucket, Tally


def recounts(polling: Polling, ports: Ports) -> Iterator[Polled]:
    """Judge what has come since, ten minutes after ten minutes, oldest first; each that differs is looked at once.

    What stays different does not keep it here: a document with two times is counted twice and found once, each turn.

    Raises:
        PollInProgress: another worker committed first; its work stands.
        Unavailable: a service did not answer in full; nothing was committed.
        Refused: a service will not; nothing was committed.
    """
    looked_at: set[int] = set()
    while (done := _recount(polling, ports, looked_at)) is not None:
        at, polled = done
        looked_at.add(at)
        yield polled


@uncollected()
def _recount(polling: Polling, ports: Ports, looked_at: Collection[int]) -> tuple[int, Polled] | None:
    """The oldest ten minutes that differ, and what was judged of them; None when none do."""
    spent = Spent()
    with spent.on("load"):
        checkpoint = ports.checkpoints.load(polling.key)
        now = ports.logs.now()
    if checkpoint is None or checkpoint.closed:
        return None
    with spent.on("count"):
        past = _past(polling, checkpoint)
        known = checkpoint.tally.within(ports.logs.indices(polling.stream))  # else what is late hides behind what went
        counts = ports.logs.count(polling.stream, past, BUCKET_MS)
    differing = {*known.grown(counts), *known.shrunk(counts, *past)} - set(looked_at)
    if not differing:
        if known != checkpoint.tally:
            ports.checkpoints.commit(replace(checkpoint, tally=known), replacing=checkpoint)
        return None
    at = min(differing)
    return at, _judged_late(polling, ports, checkpoint, known, at, now, spent)


def _judged_late(
    polling: Polling, ports: Ports, checkpoint: Checkpoint, known: Tally, at: int, now: int, spent: Spent
) -> Polled:
    """Ten minutes judged anew, what is new of them written, and committed what they hold."""
    again = _judged_again(polling, ports, at, spent)
    found, told = told_once(polling, checkpoint, again.new_to(known))
    with spent.on("write"):
        written = write(polling, ports, found, now / 1000, late=lambda _: True)
    with spent.on("commit"):
        advanced = replace(checkpoint, tally=known.having(at, again.bucket), told=told)
        size = ports.checkpoints.commit(advanced, replacing=checkpoint)
    n_new = max(tally.size(again.bucket) - known.n(at), 0)
    return Polled(
        polling.key,
        polling.bundle.id,
        checkpoint.until,
        n_new,
        n_new,
        len(found.rejected),
        n_anomalies=len(found.anomalies),
        n_suppressed=sum(each.repeats > 0 for each in found.anomalies),
        written=written,
        lag_s=(now - checkpoint.until) / 1000,
        checkpoint_bytes=size,
        overlap_s=polling.overlap_before(checkpoint) / 1000,
        seconds=spent.seconds,
        anomalies=tuple(found.anomalies),
    )


@dataclass(frozen=True)
class _Again:
    """Ten minutes as they are now."""

    at: int
    bucket: Bucket
    anomalies: list[Anomaly]
    rejected: list[Rejected]

    def new_to(self, known: Tally) -> Detection:
        """What was found of documents that had not been judged."""

        def new(origin: str, host: str) -> bool:
            return known.is_new(self.at, self.bucket, tally.note(0, origin, host))

        lines = [(anomaly, anomaly.sighting.line) for anomaly in self.anomalies]
        anomalies = [anomaly for anomaly, line in lines if new(line.origin, line.host)]
        return Detection(anomalies, [], [each for each in self.rejected if new(each.origin, "")], 0, {})


def _past(polling: Polling, checkpoint: Checkpoint) -> Span:
    """The whole buckets between how far back anything can be late, or polling began, and the overlap."""
    lo = max(checkpoint.until - round(polling.settings.max_late_s * 1000), checkpoint.since)
    hi = checkpoint.until - polling.overlap_before(checkpoint)
    return Span(lo + -lo % BUCKET_MS, hi - hi % BUCKET_MS)


def _judged_again(polling: Polling, ports: Ports, at: int, spent: Spent) -> _Again:
    """Judge ten minutes anew, and some before and after them for context; never more than `max_hits` at once."""
    around, tails = Span(at - polling.lead, at + BUCKET_MS + polling.lead), dict[str, Tails[LogLine]]()
    again = _Again(at, {}, [], [])
    for page in spent.each("read", pages(ports.logs, polling.stream, around)):
        found = detect(page.hits, polling.source, polling.bundle, tails, page.span.hi / 1000, spent)
        tails = dict(found.tails)
        inside = [hit for hit in page.hits if _inside(at, hit.clock // tally.NS_PER_MS)]
        origins = {hit.origin for hit in inside}
        again = _Again(
            at,
            tally.total(again.bucket, tally.in_buckets(notes(inside, found.lines)).get(at, {})),
            again.anomalies + [each for each in found.anomalies if _inside(at, _clock(each.sighting.line))],
            again.rejected + [each for each in found.rejected if each.origin in origins],
        )
    return again


def _clock(line: LogLine) -> float:
    return (line.clock or line.time) * 1000


def _inside(at: int, clock: float) -> bool:
    return at <= clock < at + BUCKET_MS
