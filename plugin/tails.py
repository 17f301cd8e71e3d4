"""Tails as bytes and back: compressed JSON, so that a stored checkpoint is data and can never run code.

    {view: {"clock": …, "sessions": [[session, history, [[id, count], …], [the line's fields], start, time, clock], …],
            "recent": [[event id, [[time, number, …], …]], …]}}

Where images are counted a row goes on: [[event, next, count], …], [[bin, event, count], …], last event, events so far.
The order of the sessions is theirs: longest silent first. `recent` is there where a view asks for values.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from models.windows import END, Cell, Moment, Tail, Tails
from parsers.line import LogLine

NO_IMAGES: list[Any] = [[], [], END, 0]
"""What a row goes on with where nothing of the kind is counted; left out, so that most checkpoints stay small."""


def encode(tails: Mapping[str, Tails[LogLine]]) -> bytes:
    """The tails of all views of a source."""
    document = {
        view: {"clock": each.clock, "sessions": [_row(session, tail) for session, tail in each.sessions.items()]}
        | ({"recent": list(each.recent.items())} if each.recent else {})
        for view, each in tails.items()
    }
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode("ascii"))


def decode(data: bytes) -> dict[str, Tails[LogLine]]:
    """What `encode` was given.

    Raises:
        ValueError: the bytes are truncated or foreign.
    """
    try:
        document = json.loads(zlib.decompress(data))
        return {
            view: Tails(
                dict(_session(row) for row in each["sessions"]),
                float(each["clock"]),
                dict(_recent(row) for row in each.get("recent", ())),
            )
            for view, each in document.items()
        }
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"these are not tails: {error}"
        raise ValueError(message) from error


def _row(session: str, tail: Tail[LogLine]) -> list[Any]:
    counts = [[event, count] for event, count in tail.counts.items()]
    images = [_cells(tail.transitions), _cells(tail.bins), tail.last, tail.n]
    row = [session, tail.history, counts, tail.line, tail.start, tail.time, tail.clock]
    return row if images == NO_IMAGES else row + images


def _recent(row: Sequence[Any]) -> tuple[int, tuple[Moment, ...]]:
    event, moments = row
    return int(event), tuple(tuple(map(float, moment)) for moment in moments)


def _session(row: Sequence[Any]) -> tuple[str, Tail[LogLine]]:
    session, history, counts, line, start, time, clock, *images = row
    transitions, bins, last, n = images or NO_IMAGES
    plain = Tail(tuple(history), dict(counts), LogLine(*line), start, time, clock)
    return session, plain._replace(transitions=_counts(transitions), bins=_counts(bins), last=last, n=n)


def _cells(counts: Mapping[Cell, int]) -> list[list[int]]:
    return [[row, event, n] for (row, event), n in counts.items()]


def _counts(cells: Sequence[Sequence[int]]) -> dict[Cell, int]:
    return {(row, event): n for row, event, n in cells}
