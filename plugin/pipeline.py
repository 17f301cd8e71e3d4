"""The whole flow on a screen: hits in, anomalies out, tails to carry on. Pure: same arguments, same result."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from models.base import Explanation
from models.windows import UNKNOWN, Sighting, Tails, Window
from parsers.line import LogLine, Rejected
from parsers.matcher import Match
from plugin.bundle import Bundle
from plugin.ports import Hit
from plugin.sources import Source
from plugin.spent import Spent
from plugin.views import Look, View, together, with_sums

NEAR = 5.0
"""Points: what another view finds at most three times commoner than the strongest does is worth telling beside it."""

NEVER_SEEN = "never seen"
"""A name that no host and no program has: neither holds a blank."""


@dataclass(frozen=True)
class Anomaly:
    """A line, or the end of a session, that all views together find at least as strange as the cut."""

    source: str
    bundle: Bundle
    view: View
    """The one that finds it strangest; its sighting, surprise and explanation follow."""
    sighting: Sighting[LogLine]
    surprise: float
    score: float
    """Of all views together."""
    cut: float
    explanation: Explanation
    voices: tuple[tuple[str, float], ...] = ()
    """(view, its own score) of every view that finds it strange at all, strangest first."""
    also: tuple[Anomaly, ...] = ()
    """The same as told by the other views that find it nearly as strange."""
    before: tuple[int, ...] = ()
    """Events of the session before it, oldest first: as many as any view that joins lines so looks back to."""
    repeats: int = 0
    """How many alike ones have come since the one that was told; 0 = this is the one."""


@dataclass(frozen=True)
class Detection:
    """What one pass over some hits found."""

    anomalies: list[Anomaly]
    lines: list[LogLine]
    rejected: list[Rejected]
    n_unknown: int
    tails: Mapping[str, Tails[LogLine]]
    n_missed: int = 0
    """Messages that the matcher did not remember."""
    n_dropped: int = 0
    """Open sessions that were dropped for want of room, of all views."""


def detect(
    hits: Sequence[Hit],
    source: Source,
    bundle: Bundle,
    tails: Mapping[str, Tails[LogLine]],
    until: float,
    spent: Spent | None = None,
) -> Detection:
    """Turn hits, oldest first, into anomalies, and the tails of each walk to carry on.

    `until` is how far the source's clock has come, in seconds. `spent` is told where the time goes.
    """
    spent = spent or Spent()
    with spent.on("parse"):
        lines, rejected = source.read(hits)
    missed = bundle.matcher.n_missed
    with spent.on("match"):
        matches = bundle.matcher.match(lines)
    anomalies, carried = judge(matches, source.name, bundle, tails, until, spent)
    n_unknown = sum(match.event == UNKNOWN for match in matches)
    n_dropped = sum(each.n_dropped for each in carried.values())
    return Detection(anomalies, lines, rejected, n_unknown, carried, bundle.matcher.n_missed - missed, n_dropped)


def judge(
    matches: Sequence[Match],
    source: str,
    bundle: Bundle,
    tails: Mapping[str, Tails[LogLine]],
    until: float,
    spent: Spent | None = None,
    since: float = -math.inf,
) -> tuple[list[Anomaly], dict[str, Tails[LogLine]]]:
    """The anomalies of matched lines, by all views together, and each walk's tails.

    `since` is where the lines begin, seconds since the epoch, if sessions may have been under way there: of what may
    have begun before, neither the first event nor the whole is judged.
    """
    spent = spent or Spent()
    views = {view.name: view for view in bundle.views}
    looks: list[Look] = []
    carried: dict[str, Tails[LogLine]] = {}
    for walk in bundle.walks:
        before = tails.get(walk.name) or Tails(since=since)
        with spent.on("window"):
            sightings, after = walk.slide(matches, before, until)
        with spent.on("score"):
            seen = [views[lens.name].look(sightings, before) for lens in walk.lenses]
            carried[walk.name] = with_sums(after, seen)
            looks += seen
    with spent.on("score"):
        looks.sort(key=lambda look: [*views].index(look.view.name))  # of equals the first in the settings speaks
        items, nats = together(looks)
        scores = bundle.threshold.calibration.score(nats)
    over = scores >= bundle.threshold.cut
    heard: dict[int, list[tuple[Look, int]]] = {item: [] for item in np.flatnonzero(over).tolist()}
    for look, numbers in zip(looks, items, strict=True):
        for place in np.flatnonzero(over[numbers]).tolist():
            heard[int(numbers[place])].append((look, place))
    explained = {view.name: cache(view.detector.explain) for view in bundle.views}  # alike lines share theirs
    with spent.on("explain"):
        told = [_anomaly(source, bundle, float(scores[item]), voices, explained) for item, voices in heard.items()]
    return told, carried


def of_the_unseen(bundle: Bundle) -> float:
    """The score of a line like none before, the first of a host and a program that were never seen: by itself it tells
    only how often the training itself brought what was new.
    """
    line = LogLine("", bundle.until / 1000, NEVER_SEEN, NEVER_SEEN, None, NEVER_SEEN)
    all_of_it = bundle.with_cut(0.0, bundle.id, bundle.created)
    told, _ = judge([Match(line, UNKNOWN, ())], bundle.source, all_of_it, {}, 0.0)
    return max(anomaly.score for anomaly in told)


def _anomaly(
    source: str,
    bundle: Bundle,
    score: float,
    voices: Sequence[tuple[Look, int]],
    explained: Mapping[str, Callable[[Window], Explanation]],
) -> Anomaly:
    """As the view tells it that finds it strangest; of equals, the first in the settings."""
    ranked = sorted(voices, key=lambda voice: -voice[0].scores[voice[1]])
    ranked = [voice for voice in ranked if voice[0].scores[voice[1]] > 0.0] or ranked[:1]
    spoken = tuple((look.view.name, float(look.scores[place])) for look, place in ranked)
    near = [each for each, (_, own) in zip(ranked, spoken, strict=True) if own >= spoken[0][1] - NEAR]
    first, *also = [
        Anomaly(
            source,
            bundle,
            look.view,
            seen := look.own(place),
            float(look.surprises[place]),
            float(look.scores[place]),
            bundle.threshold.cut,
            explained[look.view.name](seen.window),
            before=look.sightings[place].window.history,
        )
        for look, place in near
    ]
    return replace(first, score=score, voices=spoken, also=tuple(also))
