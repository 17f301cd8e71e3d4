"""What a whole session comes to: the mean surprise of its steps, for detectors that judge no line alone.

Many steps that are each a little unlikely are strange together. The mean is told as that of ten steps, in nats: of a
short session it is about what its whole course surprises, as a line's surprise is. Carried of an open session are one
sum and its few strangest steps, whatever its length: a step is judged when it comes, like any line, and the mean when
the session ends, of a long one also now and then on its way. The sum is kept in thousandths of a nat, so that it is the
same wherever polls happen to cut the stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np

from models.base import Floats
from models.windows import END, Cell, Line, Odd, Rows, Sighting, Tails, Window, is_look

MILLI = 1_000.0
"""Of a nat: what sums are counted in."""
TEN = 10
"""Steps that the mean is told of, as many as DeepLog looks back; and steps without surprise that every session is
given, for three steps tell less than three hundred."""
ODD = 1_000
"""Thousandths of a nat from which a step is kept to be told: less came once in three times."""
KEPT = 5


class Summed(Protocol):
    """What is carried of an open session: a tail holds it too."""

    @property
    def nats(self) -> int:
        """Surprise of its steps so far, thousandths of a nat."""
        ...

    @property
    def steps(self) -> Mapping[Cell, Odd]:
        """(events before …, event) → how strange: its strangest steps, at most `KEPT`, as far as these can be told."""
        ...


class Sum(NamedTuple):
    """What a session has come to."""

    nats: int = 0
    steps: Mapping[Cell, Odd] = MappingProxyType({})


NOTHING = Sum()
NOTHING_CARRIED: Mapping[str, Summed] = MappingProxyType({})


class Means(NamedTuple):
    """What some sightings come to, session by session."""

    surprises: Floats
    """Nats of ten steps where a session is looked at, else 0, shape (sightings,)."""
    steps: Mapping[int, Rows]
    """By the place of such a sighting: the session's strangest steps, as `Window.steps`."""
    sums: Mapping[str, Sum]
    """To carry on: the sessions that were seen and have not ended."""


def by_session(
    sightings: Sequence[Sighting[Any]], windows: Sequence[Window], surprises: Floats, before: Mapping[str, Summed]
) -> Means:
    """The means of sessions, from the surprises of their steps.

    Args:
        sightings: in their order, sessions mixed.
        windows: as the detector judged them, shape (sightings,).
        surprises: its surprises, nats, shape (sightings,).
        before: what was carried of sessions that are open.
    """
    found = np.zeros(len(sightings))
    told: dict[int, Rows] = {}
    sums: dict[str, Sum] = {}
    for i, milli in enumerate(np.rint(surprises * MILLI).astype(np.int64).tolist()):
        (_, session, *_, n), window = sightings[i], windows[i]
        is_end = window.event == END
        begins = n == 1 and not is_end
        so_far: Summed = NOTHING if begins else sums.get(session) or before.get(session, NOTHING)
        steps = so_far.steps if milli < ODD else _kept(so_far.steps, (*window.history, window.event), milli)
        sums[session] = now = Sum(so_far.nats + milli, steps)
        if is_end or is_look(n):
            found[i] = TEN * now.nats / MILLI / (n + is_end + TEN)
            told[i] = tuple(sorted((*step, *odd) for step, odd in steps.items()))
        if is_end:
            del sums[session]
    return Means(found, told, sums)


def carried(tails: Tails[Line], sums: Mapping[str, Sum]) -> Tails[Line]:
    """The tails of open sessions with what their sessions have come to."""
    sessions = dict(tails.sessions)
    for session in sums.keys() & sessions.keys():  # others were dropped
        sessions[session] = sessions[session]._replace(nats=sums[session].nats, steps=sums[session].steps)
    return replace(tails, sessions=sessions)


def _kept(steps: Mapping[Cell, Odd], step: Cell, milli: int) -> dict[Cell, Odd]:
    """One more step. A new one that there is no room for wears the weakest away, and so gets its place if it goes on.

    Source: Misra and Gries, "Finding repeated elements", Science of Computer Programming 1982.
    """
    n, nats = steps.get(step, (0, 0))
    more = {**steps, step: Odd(n + 1, nats + milli)}
    if len(more) <= KEPT:
        return more
    del more[step]
    weakest = min(more, key=lambda each: (more[each].nats, each))
    left = more.pop(weakest)
    return more | ({weakest: left._replace(nats=left.nats - milli)} if left.nats > milli else {step: Odd(1, milli)})
