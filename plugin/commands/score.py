"""`score FILE`: the strange lines of a log file, with no server at all.

Without a bundle the file is learnt from itself, cross-fitted: blocks in time order, each judged by a bundle that never
saw it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from models.base import Progress
from models.windows import Tails
from parsers.line import LogLine, Rejected
from plugin import explain
from plugin.bundle import Bundle
from plugin.config import ViewSettings, default_views
from plugin.errors import InputError
from plugin.pipeline import Anomaly, judge
from plugin.training import DAY_S, Learnt, Plan, learn_blocks

BUDGET = 5.0
"""Alerts a day: what one person looks at with care."""
STEP = 5.0
"""Points by which the cut is lowered until enough entries are found: a fit costs seconds, another look hardly one."""
LEAST = 10.0
"""Under one line in ten nothing is strange, however large the budget."""
BEFORE = 5
"""Lines of a session shown before the one that stands out."""


@dataclass(frozen=True)
class Report:
    """What was strange in some lines."""

    anomalies: tuple[Anomaly, ...]
    """One a line, as the view that found it strangest tells it; worst first."""
    also: Mapping[str, tuple[Anomaly, ...]]
    """By origin: what else was said of the same line, by other views or of the end of its session."""
    before: Mapping[str, tuple[LogLine, ...]]
    """By origin: the lines of its session just before it, oldest first."""
    lines: Sequence[LogLine]
    rejected: Counter[str]
    """How many lines could not be read, by reason."""
    notices: tuple[str, ...]
    by_itself: bool = False
    """Whether each quarter of the lines was judged by what the other three hold."""
    worst: float = 0.0
    """The highest score, by a bundle also one under the cut; 0 where nothing was strange enough to be looked for."""

    @property
    def days(self) -> float:
        """Time from the first line to the last, in days."""
        return (self.lines[-1].time - self.lines[0].time) / DAY_S


@dataclass(frozen=True)
class Entry:
    """Alike anomalies, folded: the same view and program, about the same template."""

    anomalies: tuple[Anomaly, ...]
    """Worst first."""

    @property
    def top(self) -> Anomaly:
        """The one that is shown."""
        return self.anomalies[0]

    @property
    def hosts(self) -> list[str]:
        """On which hosts they were, by name."""
        return sorted({anomaly.sighting.line.host for anomaly in self.anomalies} - {""})

    @property
    def span(self) -> tuple[float, float]:
        """Time of the first and of the last one, seconds since the epoch."""
        times = [anomaly.sighting.time for anomaly in self.anomalies]
        return min(times), max(times)


def score(  # noqa: PLR0913 - what a person may ask for
    lines: Sequence[LogLine],
    rejected: Sequence[Rejected],
    name: str,
    *,
    bundle: Bundle | None = None,
    budget: float | None = None,
    views: Mapping[str, ViewSettings] | None = None,
    least: float | None = None,
    progress: Progress,
) -> Report:
    """Judge the lines, oldest first, by a bundle or by themselves.

    `least` is the lowest score that anybody asks for: a bundle looks for one even under `LEAST`.

    Raises:
        InputError: too few lines to learn from.
    """
    if not lines:
        raise InputError(f"{name}: no readable line")
    reasons = Counter(line.reason for line in rejected)
    notices: tuple[str, ...] = ()
    if bundle is not None:
        if budget is not None:
            bundle = bundle.with_cut(bundle.threshold.cut_for(budget), bundle.id, bundle.created)
        told = _by_bundle(lines, name, bundle)
        worst, notices = (told[0][0].score, ()) if told else _strongest(lines, name, bundle, least)
    else:
        told, notices = _by_itself(lines, name, budget or BUDGET, views or default_views(), progress)
        worst = told[0][0].score if told else 0.0
    tops = tuple(anomalies[0] for anomalies in told)
    also = {anomalies[0].sighting.line.origin: _also(anomalies) for anomalies in told}
    return Report(tops, also, _before(lines, tops), lines, reasons, notices, by_itself=bundle is None, worst=worst)


def fold(anomalies: Sequence[Anomaly]) -> list[Entry]:
    """Entries of alike anomalies, worst first."""
    alike: dict[tuple[str, str, str], list[Anomaly]] = {}
    for anomaly in anomalies:
        key = (anomaly.view.name, anomaly.sighting.line.program, explain.about(anomaly))
        alike.setdefault(key, []).append(anomaly)
    return [Entry(tuple(group)) for group in alike.values()]


def _by_bundle(lines: Sequence[LogLine], name: str, bundle: Bundle) -> list[list[Anomaly]]:
    return _one_a_line(judge(bundle.matcher.match(lines), name, bundle, {}, 0.0, since=lines[0].time)[0])


def _strongest(
    lines: Sequence[LogLine], name: str, bundle: Bundle, least: float | None
) -> tuple[float, tuple[str, ...]]:
    """The strangest line's score, where none reached the cut, and how near it that came."""
    cut = lower = bundle.threshold.cut
    lowest = LEAST if least is None else min(least, LEAST)
    while lower > lowest:
        lower = max(lower - 2 * STEP, lowest)
        if told := _by_bundle(lines, name, bundle.with_cut(lower, bundle.id, bundle.created)):
            first = told[0][0]
            return first.score, (
                f"nothing reached the bundle's cut of {cut:.1f}: the strangest, {first.sighting.line.origin}, scores "
                f"{first.score:.1f}; --budget with more alerts a day lowers the cut",
            )
    return 0.0, (f"nothing came near the bundle's cut of {cut:.1f}: no line scores {lowest:g}",)


def _by_itself(
    lines: Sequence[LogLine], name: str, budget: float, views: Mapping[str, ViewSettings], progress: Progress
) -> tuple[list[list[Anomaly]], tuple[str, ...]]:
    """What all blocks say of the strangest lines, worst first: at most as many entries as the budget allows."""
    plan = Plan(name, views, budget, "itself", _now(), int(lines[-1].time * 1000) + 1)
    learnt = learn_blocks(lines, plan, progress)
    days = max(lines[-1].time - lines[0].time, 1.0) / DAY_S
    n = max(round(budget * max(days, 1.0)), 1)
    cut = max(learnt.bundles[0].threshold.cut_for(n / days), LEAST)
    told = _told(learnt, name, cut)
    while len(entries := fold([of_line[0] for of_line in told])) < n and cut > LEAST:
        cut = max(cut - STEP, LEAST)
        told = _told(learnt, name, cut)
    lowest = entries[min(n, len(entries)) - 1].top.score if entries else 0.0
    kept = {id(anomaly) for entry in entries[:n] for anomaly in entry.anomalies if anomaly.score >= lowest}
    strongest = [[replace(each, cut=lowest) for each in of_line] for of_line in told if id(of_line[0]) in kept]
    return strongest, learnt.notices


def _told(learnt: Learnt, name: str, cut: float) -> list[list[Anomaly]]:
    """What each block's own bundle says under a cut, one list a line, worst first."""
    found: list[Anomaly] = []
    tails: Mapping[str, Tails[LogLine]] = {}
    for block, bundle in zip(learnt.blocks, learnt.bundles, strict=True):
        lowered = bundle.with_cut(cut, bundle.id, bundle.created)
        anomalies, tails = judge(bundle.matcher.match(block), name, lowered, tails, 0.0, since=block[0].time)
        found += anomalies
    return _one_a_line(found)


def _one_a_line(anomalies: Sequence[Anomaly]) -> list[list[Anomaly]]:
    """All that was said of one line, the strongest first; lines in the order of their strongest, worst first."""
    by_line: dict[str, list[Anomaly]] = {}
    for anomaly in sorted(anomalies, key=lambda anomaly: (-anomaly.score, anomaly.sighting.time)):
        by_line.setdefault(anomaly.sighting.line.origin, []).append(anomaly)
    return list(by_line.values())


def _also(anomalies: Sequence[Anomaly]) -> tuple[Anomaly, ...]:
    """What else is to be said of the line of the first: of its session not once more that this line was unexpected."""
    first, *others = anomalies
    event = first.sighting.window.event if first.explanation.aspect == "sequence" else None
    return tuple(
        other
        for other in (*first.also, *others)
        if other.explanation.aspect != "steps" or other.explanation.spots[0].event != event
    )


def _before(lines: Sequence[LogLine], anomalies: Sequence[Anomaly]) -> dict[str, tuple[LogLine, ...]]:
    """The lines of each anomaly's process just before it; at a session's end, those that led to it."""
    wanted = {anomaly.sighting.line.origin for anomaly in anomalies}
    recent: dict[tuple[str, str, int | None], deque[LogLine]] = {}
    before: dict[str, tuple[LogLine, ...]] = {}
    for line in lines:
        mates = recent.setdefault((line.host, line.program, line.pid), deque(maxlen=BEFORE))
        if line.origin in wanted:
            before[line.origin] = tuple(mates)
        mates.append(line)
    return before


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
