"""Tails as bytes and back: compressed JSON, so that a stored checkpoint is data and can never run code.

    {view: {"clock": …, "sessions": [[session, history, [[id, count], …], [the line's fields], start, time, clock], …],
            "recent": [[event id, [[time, number, …], …]], …]}}

The order of the sessions is theirs: longest silent first. `recent` is there where a view asks for values.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from models.windows import Moment, Tail, Tails
from parsers.line import LogLine


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
    return [session, tail.history, counts, tail.line, tail.start, tail.time, tail.clock]


def _session(row: Sequence[Any]) -> tuple[str, Tail[LogLine]]:
    session, history, counts, line, start, time, clock = row
    return session, Tail(tuple(history), dict(counts), LogLine(*line), start, time, clock)


def _recent(row: Sequence[Any]) -> tuple[int, tuple[Moment, ...]]:
    event, moments = row
    return int(event), tuple(tuple(map(float, moment)) for moment in moments)
