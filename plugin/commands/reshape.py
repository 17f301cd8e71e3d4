"""Cutting a source into another number of parts: nothing is lost, open sessions go on, whoever does it.

The parts before are closed, brought to one instant, and shared out among the parts after, which begin there. Every step
is a compare-and-set that a second worker, or the same one after a crash, repeats without harm. The first part is made
last: once it is there, so are all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from models.windows import Tails
from parsers.line import LogLine
from plugin import tally
from plugin.commands.poll import Polling, begin, notes, poll
from plugin.errors import PollInProgress
from plugin.ports import Checkpoint, Ports, Span, Told, pages
from plugin.tally import Judged, Tally

MOST = 64
"""Parts a source can have."""


def settled(polling: Polling, ports: Ports) -> None:
    """Make sure that the source is cut into as many parts as the settings say.

    Raises:
        PollInProgress: another worker is at it; call again.
        Unavailable: a service did not answer in full; call again.
        Refused: a service will not answer.
    """
    own = ports.checkpoints.load(polling.key)
    if own is not None and not own.closed:
        return
    before = _newest(polling, ports)
    if before is None or before[0] == polling.settings.partitions:  # never cut, or this part has not begun yet
        return
    n_before, generation = before
    closed = _at_one_instant([_cut(polling, k, n_before) for k in range(n_before)], ports)
    for k in reversed(range(polling.settings.partitions)):
        part = _cut(polling, k, polling.settings.partitions)
        made = replace(_shared_out(part, ports, closed), generation=generation + 1)
        with contextlib.suppress(PollInProgress):  # someone else has made the same
            stored = ports.checkpoints.load(part.key)
            if stored is None or stored.generation <= generation:
                ports.checkpoints.commit(made, replacing=stored)


def _cut(polling: Polling, k: int, n: int) -> Polling:
    """Part k of n of the same source."""
    return replace(polling, settings=polling.settings.model_copy(update={"partitions": n}), part=k, end=None)


def _newest(polling: Polling, ports: Ports) -> tuple[int, int] | None:
    """Into how many parts the source was cut last, and how often by then; by its first parts."""
    cuts = [(n, ports.checkpoints.load(_cut(polling, 0, n).key)) for n in range(1, MOST + 1)]
    return max(((n, first.generation) for n, first in cuts if first is not None), key=lambda cut: cut[1], default=None)


def _at_one_instant(parts: Sequence[Polling], ports: Ports) -> list[Checkpoint]:
    """Every part closed, and judged up to where the foremost was."""
    closed = [_closed(part, ports) for part in parts]
    end = max(checkpoint.until for checkpoint in closed)
    for part, checkpoint in zip(parts, closed, strict=True):
        until = checkpoint.until
        while until < end:
            until = poll(replace(part, end=end), ports).until
    return [_closed(part, ports) for part in parts]


def _closed(part: Polling, ports: Ports) -> Checkpoint:
    stored = ports.checkpoints.load(part.key)
    if stored is not None and stored.closed:
        return stored
    ports.checkpoints.commit(replace(stored or begin(part), closed=True), replacing=stored)
    return _closed(part, ports)


def _shared_out(part: Polling, ports: Ports, before: Sequence[Checkpoint]) -> Checkpoint:
    """What a new part takes over: its hosts' sessions, and what was judged of its documents within the overlap."""
    until = before[0].until
    noted = (max(old.since, tally.begins(old.seen)) for old in before)
    overlap = Span(min(max(until - part.overlap, *noted, 0), until), until)
    judged = _judged(part, ports, overlap, before)
    speaking = [old for old in before if old.bundle == part.bundle.language]
    return Checkpoint(
        part.key,
        until,
        part.bundle.language,
        since=overlap.lo,
        seen=tally.in_seconds(judged),
        tally=Tally().plus(judged),
        tails=_tails(part, ports, speaking),
        told=_told(before),
    )


def _judged(part: Polling, ports: Ports, overlap: Span, before: Sequence[Checkpoint]) -> list[Judged]:
    """Which of the part's documents within the overlap have been judged; no more than `max_hits` are held at once."""
    known = frozenset(each for old in before for packed in old.seen.values() for each in tally.hashes(packed))
    judged: list[Judged] = []
    for page in pages(ports.logs, part.stream, overlap):
        judged += (each for each in notes(page.hits, part.source.read(page.hits)[0]) if each.hash in known)
    return judged


def _told(before: Sequence[Checkpoint]) -> dict[str, Told]:
    """What any part told last: one that it had from the cut before, and whose host is not its own, it never went on."""
    told: dict[str, Told] = {}
    for key, each in (item for old in before for item in old.told.items()):
        known = told.get(key, each)
        told[key] = max(known, each, key=lambda one: (one.at, one.n))
    return told


def _tails(part: Polling, ports: Ports, before: Sequence[Checkpoint]) -> dict[str, Tails[LogLine]]:
    """The open sessions whose last lines fall to the part, longest silent first."""
    origins = {tail.line.origin for old in before for tails in old.tails.values() for tail in tails.sessions.values()}
    own = ports.logs.members(part.stream, origins)
    names = {name for old in before for name in old.tails}
    return {name: _joined([old.tails[name] for old in before if name in old.tails], own) for name in names}


def _joined(before: Iterable[Tails[LogLine]], own: set[str]) -> Tails[LogLine]:
    before = list(before)
    sessions = [each for tails in before for each in tails.sessions.items() if each[1].line.origin in own]
    moments = [each for tails in before for each in tails.recent.items()]
    recent = {event: max(each for other, each in moments if other == event) for event, _ in moments}
    return Tails(dict(sorted(sessions, key=lambda each: each[1].clock)), max(tails.clock for tails in before), recent)
