"""What a page tells: a report as plain values, in the words of `plugin.explain`. Beside `terminal.py`, for HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from models.windows import END
from parsers.line import LogLine
from plugin import explain
from plugin.commands.score import Entry, Report, fold
from plugin.doors.pages import Card, Chart, Mark, Said, Story, Usual
from plugin.pictures import picture
from plugin.pipeline import Anomaly
from plugin.terminal import stamp, summary

BINS = 96
"""Bars of the chart: four an hour for a day, and on a phone still three pixels each."""
ALIKE = 50
"""Alike lines listed in an entry; an entry of thousands must not drown the page."""
LIKELY = 0.005
"""Probability from which an event counts as usual: less would read as 0 %."""
TICKS = 7
"""Times named below the chart, at most: as many as fit beside each other."""
STEPS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000)
"""Seconds between those times: steps that a clock or a calendar has; beyond them, whole years."""
YEAR_S = 31536000


def tell(report: Report, name: str, *, unfold: bool = False) -> Story:
    """The story of a report on the file `name`: entries of alike anomalies, or one for each when `unfold`."""
    entries = [Entry((anomaly,)) for anomaly in report.anomalies] if unfold else fold(report.anomalies)
    first, last = report.lines[0].time, report.lines[-1].time
    return Story(
        title=name,
        subtitle=f"{_day(first)} – {_day(last)}, UTC",
        summary=summary(report, len(entries)),
        notices=report.notices,
        chart=_chart(report, entries),
        cards=tuple(_card(number, entry, report) for number, entry in enumerate(entries, 1)),
    )


def _chart(report: Report, entries: Sequence[Entry]) -> Chart:
    start = report.lines[0].time
    span = max(report.lines[-1].time - start, 1.0)  # lines of one second still need a width
    return Chart(
        bins=_bins(report.lines, start, span),
        bin_label=_lasting(span / BINS),
        ticks=_ticks(start, span),
        grid=_grid([anomaly.score for anomaly in report.anomalies]),
        marks=tuple(
            Mark((a.sighting.time - start) / span, a.score, number, a is entry.top, _is_strong(a), _label(a))
            for number, entry in enumerate(entries, 1)
            for a in entry.anomalies
        ),
        description=f"{len(report.lines):,} lines and {len(report.anomalies):,} anomalies over time.",
    )


def _bins(lines: Sequence[LogLine], start: float, span: float) -> tuple[int, ...]:
    counts = [0] * BINS
    for line in lines:
        counts[min(int((line.time - start) / span * BINS), BINS - 1)] += 1
    return tuple(counts)


def _ticks(start: float, span: float) -> tuple[tuple[float, str], ...]:
    step = next((step for step in STEPS if span / step <= TICKS), YEAR_S * math.ceil(span / YEAR_S / TICKS))
    first = math.ceil(start / step)
    times = [n * step for n in range(first, int((start + span) // step) + 1)]
    form = _form(step, span)
    return tuple(((time - start) / span, f"{datetime.fromtimestamp(time, UTC):{form}}") for time in times)


def _form(step: int, span: float) -> str:
    """How a time is named where neighbours are `step` seconds apart: no more than tells them apart."""
    if span < 86400:
        return "%H:%M:%S" if step < 60 else "%H:%M"
    if step < 2592000:
        return "%b %d %H:%M" if step < 86400 else "%b %d"
    return "%b %Y"


def _grid(scores: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Every ten points from below the lowest score to above the highest."""
    if not scores:
        return ()
    low, high = math.floor(min(scores) / 10), math.floor(max(scores) / 10) + 1
    return tuple((10.0 * n, explain.rarity(10.0 * n)) for n in range(low, high + 1))


def _card(number: int, entry: Entry, report: Report) -> Card:
    top = entry.top
    line = top.sighting.line
    return Card(
        number=number,
        score=top.score,
        rarity=explain.rarity(top.score),
        is_strong=_is_strong(top),
        stamp=stamp(top.sighting.time),
        instant=datetime.fromtimestamp(top.sighting.time, UTC).isoformat(),
        host=line.host,
        program=explain.program(line),
        origin=line.origin,
        line=explain.headline(top),
        is_end=top.sighting.window.event == END,
        why=explain.reason(top),
        also=tuple(explain.reason(other) for other in report.also.get(line.origin, ())),
        usual=tuple(Usual(explain.text(top, e), p) for e, p in top.explanation.expected if p >= LIKELY),
        picture=picture(top),
        before=tuple(Said(stamp(mate.time), mate.message) for mate in report.before.get(line.origin, ())),
        n_alike=len(entry.anomalies),
        span=_span(entry) if len(entry.anomalies) > 1 else "",
        alike=tuple(Said(stamp(a.sighting.time), explain.headline(a)) for a in entry.anomalies[1 : ALIKE + 1]),
    )


def _span(entry: Entry) -> str:
    first, last = entry.span
    hosts = ", ".join(entry.hosts[:4]) + (" …" if len(entry.hosts) > 4 else "")
    return f"from {stamp(first)} to {stamp(last)}" + (f" on {hosts}" if hosts else "")


def _label(anomaly: Anomaly) -> str:
    return f"{anomaly.score:.1f}, {stamp(anomaly.sighting.time)}: {explain.headline(anomaly)[:120]}"


def _is_strong(anomaly: Anomaly) -> bool:
    return anomaly.score >= anomaly.cut + 10


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d %b %Y %H:%M}"


def _lasting(seconds: float) -> str:
    """A length of time in its largest fitting unit: `2.6 minutes`."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.2g} seconds"
