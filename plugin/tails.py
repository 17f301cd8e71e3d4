"""Tails as bytes and back: compressed JSON, so that a stored checkpoint is data and can never run code.

    {"lines": [[a line's fields], …],
     "views": {view: {"clock": …,
                      "sessions": [[session, history, [[id, count], …], place of its line, start, time, clock,
                                    events so far, what its steps came to, [[events before …, event, n, nats], …]], …],
                      "recent": [[event id, [[time, number, …], …]], …]}}}

Views that cut their sessions alike share their lines. Where images are counted a row goes on: [[event before,
event, count], …], [[bin, event, count], …], last event. The order of the sessions is theirs: longest silent first.
`recent` is there where a view asks for values. A blank before it all: see `WHOLE`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from models.windows import END, Cell, Moment, Odd, Tail, Tails
from parsers.line import LogLine

COUNTED = 7
"""Where in a row its events so far are."""
NO_IMAGES: tuple[Any, ...] = ((), (), END)
"""What a row goes on with where nothing of the kind is counted; left out, so that most checkpoints stay small."""
WHOLE = b" "
"""Before a document that only the slower reader reads whole: it holds strings that are no Unicode, as logs do, or
numbers beyond 64 bits."""
LEVEL = 1
"""Of compression: four times as fast as the usual 6, and a fifth larger."""


def encode(tails: Mapping[str, Tails[LogLine]]) -> bytes:
    """The tails of all views of a source."""
    places: dict[int, int] = {}  # by identity: to compare lines costs more than all the rest
    lines: list[tuple[Any, ...]] = []

    def place(line: LogLine) -> int:
        at = places.setdefault(id(line), len(lines))
        if at == len(lines):
            lines.append(line[:LINE_FIELDS])
        return at

    views = {
        view: {
            "clock": each.clock,
            "sessions": [_row(name, tail, place(tail.line)) for name, tail in each.sessions.items()],
        }
        | ({"recent": list(each.recent.items())} if each.recent else {})
        for view, each in tails.items()
    }
    return zlib.compress(_dumps({"lines": lines, "views": views}), LEVEL)


LINE_FIELDS = LogLine._fields.index("layout")
"""Those of a line that are kept: its layout only names values, which are read before it is a tail's."""


def decode(data: bytes) -> dict[str, Tails[LogLine]]:
    """What `encode` was given.

    Raises:
        ValueError: the bytes are truncated or foreign.
    """
    try:
        document = _loads(zlib.decompress(data))
        lines = [LogLine(*fields) for fields in document["lines"]]
        return {
            view: Tails(
                dict(_session(row, lines) for row in each["sessions"] if not _is_old(row)),
                float(each["clock"]),
                dict(_recent(row) for row in each.get("recent", ())),
            )
            for view, each in document["views"].items()
        }
    except (zlib.error, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        message = f"these are not tails: {error}"
        raise ValueError(message) from error


def _dumps(document: object) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError:
        return WHOLE + json.dumps(document, separators=(",", ":")).encode("ascii")


def _loads(data: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(data) if data.startswith(WHOLE) else orjson.loads(data)


def _row(session: str, tail: Tail[LogLine], place: int) -> tuple[Any, ...]:
    history, counts, _, start, time, clock, transitions, bins, before, n, nats, steps = tail
    row = (
        session,
        history,
        [*counts.items()],
        place,
        start,
        time,
        clock,
        n,
        nats,
        [[*step, *odd] for step, odd in steps.items()],
    )
    if before == END:
        return row
    return (*row, _cells(transitions), _cells(bins), before)


def _is_old(row: Sequence[Any]) -> bool:
    """Whether an earlier version wrote it, which did not count events, under bundles of another language."""
    return len(row) == COUNTED or (len(row) > COUNTED and isinstance(row[COUNTED], list))


def _recent(row: Sequence[Any]) -> tuple[int, tuple[Moment, ...]]:
    event, moments = row
    return int(event), tuple(tuple(map(float, moment)) for moment in moments)


def _session(row: Sequence[Any], lines: Sequence[LogLine]) -> tuple[str, Tail[LogLine]]:
    session, history, counts, place, start, time, clock, n, nats, steps, *images = row
    transitions, bins, before = images or NO_IMAGES
    plain = Tail(tuple(history), dict(counts), lines[place], start, time, clock, n=n, nats=nats, steps=_odd(steps))
    return session, plain._replace(transitions=_counts(transitions), bins=_counts(bins), before=int(before))


def _odd(steps: Sequence[Sequence[int]]) -> dict[Cell, Odd]:
    return {tuple(step): Odd(n, nats) for *step, n, nats in steps}


def _cells(counts: Mapping[Cell, int]) -> list[list[int]]:
    return [[*cell, n] for cell, n in counts.items()]


def _counts(cells: Sequence[Sequence[int]]) -> dict[Cell, int]:
    return {tuple(cell): n for *cell, n in cells}
