"""The whole flow on a screen: hits in, anomalies out, tails to carry on. Pure: same arguments, same result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.base import Explanation
from models.windows import UNKNOWN, Sighting, Tails, slide
from parsers.line import LogLine, Rejected
from parsers.matcher import Match
from plugin.bundle import Bundle
from plugin.ports import Hit
from plugin.sources import Source
from plugin.views import View


@dataclass(frozen=True)
class Anomaly:
    """A verdict at or over the cut, with its line."""

    source: str
    bundle: Bundle
    view: View
    sighting: Sighting[LogLine]
    surprise: float
    score: float
    cut: float
    explanation: Explanation


@dataclass(frozen=True)
class Detection:
    """What one pass over some hits found."""

    anomalies: list[Anomaly]
    lines: list[LogLine]
    rejected: list[Rejected]
    n_unknown: int
    tails: Mapping[str, Tails[LogLine]]


def detect(
    hits: Sequence[Hit], source: Source, bundle: Bundle, tails: Mapping[str, Tails[LogLine]], until: float
) -> Detection:
    """Turn hits, oldest first, into anomalies, and the tails of each view to carry on.

    `until` is how far the source's clock has come, in seconds.
    """
    lines, rejected = source.read(hits)
    matches = bundle.matcher.match(lines)
    anomalies, carried = judge(matches, source.name, bundle, tails, until)
    return Detection(anomalies, lines, rejected, sum(match.event == UNKNOWN for match in matches), carried)


def judge(
    matches: Sequence[Match], source: str, bundle: Bundle, tails: Mapping[str, Tails[LogLine]], until: float
) -> tuple[list[Anomaly], dict[str, Tails[LogLine]]]:
    """The anomalies of matched lines, view by view, and each view's tails."""
    anomalies: list[Anomaly] = []
    carried: dict[str, Tails[LogLine]] = {}
    for view in bundle.views:
        events = view.lens.events(matches)
        sightings, carried[view.name] = slide(tails.get(view.name, Tails()), events, view.lens.frame, until)
        surprises = view.surprises(sightings)  # one batch, each distinct window once
        scores = view.calibration.score(surprises)
        anomalies += [
            Anomaly(source, bundle, view, seen, surprise, score, view.cut, view.detector.explain(seen.window))
            for seen, surprise, score in zip(sightings, surprises.tolist(), scores.tolist(), strict=True)
            if score >= view.cut
        ]
    return anomalies, carried
