"""`backfill`: judge what lies in the past, in pieces that any worker can take, each from where it was left.

A piece has a checkpoint of its own, so it is resumed, never begun anew; its records have the ids that a poll at the
time would have given them, so nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from plugin.commands.follow import Enough, catch_up, never
from plugin.commands.poll import Polling, begin
from plugin.documents import iso
from plugin.errors import InputError
from plugin.ports import Ports, Span

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Piece:
    """A part of a past time, and how much of it is done."""

    span: Span
    done: float
    """0…1."""


def pieces(since: int, until: int, hours: float, now: int) -> list[Span]:
    """A time, milliseconds, in pieces of so many hours, oldest first; cut alike whenever it is asked for.

    Raises:
        InputError: it ends before it begins, or after the server's `now`.
    """
    if since >= until:
        raise InputError("backfill: --from is not before --to; give two instants, such as 2026-11-01 2026-11-08")
    if until > now:
        raise InputError(
            f"backfill: --to lies in the future, it is {iso(now / 1000)[:16]} UTC: what is to come is for `poll`"
        )
    step = round(hours * HOUR_MS)
    return [Span(lo, min(lo + step, until)) for lo in range(since, until, step)]


def of_past(polling: Polling, span: Span) -> Polling:
    """The source as it is polled for a past time: all of its parts at once."""
    whole = polling.settings.model_copy(update={"partitions": 1})
    return replace(polling, settings=whole, part=0, past=span)


def progress(polling: Polling, spans: Sequence[Span], ports: Ports) -> list[Piece]:
    """How much of each piece is done, by its checkpoint."""
    return [Piece(span, _done(of_past(polling, span), ports)) for span in spans]


def begin_again(polling: Polling, spans: Sequence[Span], ports: Ports) -> None:
    """Forget how much of each piece is done: documents may have come since. Raises what `commit` raises."""
    for of in (of_past(polling, span) for span in spans):
        if (stored := ports.checkpoints.load(of.key)) is not None:
            ports.checkpoints.commit(begin(of), stored)


class Worked(NamedTuple):
    """What was judged of a piece."""

    done: float
    """Of what can be judged by now, 0…1."""
    whole: bool
    """Whether its last sessions cannot go on any more."""
    n_hits: int
    n_new: int
    """Records that were not there before."""


def work(polling: Polling, span: Span, ports: Ports, enough: Enough = never) -> Worked:
    """Judge a piece, or until it is `enough`. Raises what `poll` raises."""
    of = of_past(polling, span)
    done = catch_up(of, ports, enough=enough)
    return Worked(
        _done(of, ports),
        done[-1].until >= span.hi + of.lead,
        sum(polled.n_hits for polled in done),
        sum(polled.written.created for polled in done),
    )


def _done(of: Polling, ports: Ports) -> float:
    checkpoint = ports.checkpoints.load(of.key)
    if checkpoint is None:
        return 0.0
    first, last = begin(of).until, of.limit(ports.logs.now())
    return 1.0 if checkpoint.until >= last else (checkpoint.until - first) / (last - first)
