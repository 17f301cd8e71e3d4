"""What an explanation looks like, drawn: images of events as small maps, a number beside its usual range."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from models.base import Spot
from plugin import explain, values
from plugin.doors.pages import Heat, Range, Shade
from plugin.pipeline import Anomaly

ROWS = 8
"""Events of a map, those that stood out first: more are hard to read and tell little."""


def picture(anomaly: Anomaly) -> Heat | Range | None:
    """The picture of what was found; None where words and the bars of what was expected say it all."""
    aspect = anomaly.explanation.aspect
    if aspect == "bins":
        return _over_time(anomaly)
    if aspect == "transitions":
        return _from_to(anomaly)
    return _range(anomaly) if aspect in values.ASPECTS else None


def _over_time(anomaly: Anomaly) -> Heat:
    """Events by time bin, the one that was judged last."""
    frame = anomaly.view.lens.frame
    counts = {(event, age): n for age, event, n in anomaly.sighting.window.bins}
    spots = {(spot.event, spot.column): spot for spot in anomaly.explanation.spots}
    events = _events((event for event, _ in spots), counts)
    ages = range(frame.bins - 1, -1, -1)
    rows = [(event, [(event, age) for age in ages]) for event in events]
    width = explain.lasting(frame.bin_s)
    caption = f"Events by {width}, the last one on the right"
    odd = {cell for cell in spots if cell[1] == 0}
    return _heat(
        anomaly,
        caption,
        [f"-{age}" if age in {frame.bins - 1, frame.bins // 2} else "" for age in ages],
        rows,
        counts,
        spots,
        odd,
    )


def _from_to(anomaly: Anomaly) -> Heat:
    """What followed what in the session: the first event down, the next across."""
    counts: Counter[tuple[int, int]] = Counter()
    for before, event, n in anomaly.sighting.window.transitions:
        counts[before, event] += n
    spots = {(spot.column, spot.event): spot for spot in anomaly.explanation.spots}
    events = _events(chain.from_iterable(spots), counts)
    rows = [(before, [(before, event) for event in events]) for before in events]
    columns = [str(number) for number in range(1, len(events) + 1)]
    caption = "What followed what: an event on the left, then the one of the column's number"
    heat = _heat(anomaly, caption, columns, rows, counts, spots, spots)
    numbered = tuple((f"{number} {name}", cells) for number, (name, cells) in zip(columns, heat.rows, strict=True))
    return replace(heat, rows=numbered)


def _events(odd: Iterable[int], counts: Mapping[tuple[int, int], int]) -> list[int]:
    """Those that stood out, then the commonest."""
    rest = [event for event, _ in sorted(counts, key=lambda cell: -counts[cell])]
    return list(dict.fromkeys([*odd, *rest]))[:ROWS]


def _heat(
    anomaly: Anomaly,
    caption: str,
    columns: Sequence[str],
    rows: Sequence[tuple[int, list[tuple[int, int]]]],
    counts: dict[tuple[int, int], int],
    spots: dict[tuple[int, int], Spot],
    odd: Collection[tuple[int, int]],
) -> Heat:
    most = math.log1p(max(counts.values(), default=1))

    def shade(cell: tuple[int, int]) -> Shade:
        n = counts.get(cell, 0)
        usual = explain.usually(spots[cell].expected) if cell in spots else ""
        return Shade(n, usual, math.log1p(n) / most, cell in odd)

    named = [(explain.text(anomaly, event), tuple(map(shade, cells))) for event, cells in rows]
    return Heat(caption, tuple(columns), tuple(named))


def _range(anomaly: Anomaly) -> Range | None:
    """The number and what is usual on one line, as logarithms where all are above 0 and far apart."""
    why = anomaly.explanation
    numbers = [*why.usual, why.observed]
    if len(why.usual) != 3 or not all(isinstance(number, float) and math.isfinite(number) for number in numbers):
        return None
    low, middle, high, seen = (float(number or 0.0) for number in numbers)
    apart = min(low, seen) > 0 and max(high, seen) > 20 * min(low, seen)
    places = [math.log(number) if apart else number for number in (low, middle, high, seen)]
    begin, span = min(places), max(max(places) - min(places), 1e-12)
    low_at, middle_at, high_at, at = ((place - begin) / span for place in places)
    return Range(low_at, high_at, at, middle_at, (*values.usual(why), values.observed(why)))  # type: ignore[arg-type]
