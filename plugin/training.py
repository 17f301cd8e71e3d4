"""Lines to bundles: mine templates, cut windows, fit each view, calibrate, and turn the budget into a cut.

Templates are mined from all lines: they are the dictionary, not the verdict. A template that the fit of a block never
saw is as new to its detector as one that nobody ever saw. Calibration is cross-fitted: blocks in time order, each
judged by detectors that never saw it. Each view is calibrated on its own, then all of them together: the budget is the
source's, not a view's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise

import numpy as np

from models import base
from models.base import Floats, Progress
from models.calibration import MIN_WINDOWS, Calibration, Tail, cut_for
from models.crossfit import cross_fit
from models.means import Sum, by_session
from models.windows import Sighting, Tails, Window, slide
from parsers.line import LogLine
from parsers.masks import Masks
from parsers.matcher import Match, Matcher
from parsers.miner import MAX_TEMPLATES, Mined, survey
from plugin.bundle import Bundle
from plugin.config import ViewSettings
from plugin.errors import InputError
from plugin.seen import Seen
from plugin.views import Example, Lens, Look, Threshold, View, together

BLOCKS = 4
"""Each detector of the cross-fit sees three quarters of the lines; four small fits cost about four large ones."""
MIN_LINES = 20
"""Below, no count means anything."""
EXAMPLES = 200
"""Held-out lines kept for `tune`: enough for cuts far from today's, 40 kB at most."""
ALIKE = 5
DAY_S = 86_400.0
HALF = 0.5
"""Days below which what a day brings is a guess that a person should know of."""
SIMPLE = "rarity"
"""The detector that needs no calibration to be of use: counts are probabilities already."""


@dataclass(frozen=True)
class Plan:
    """What is to be learnt, and from where."""

    source: str
    views: Mapping[str, ViewSettings]
    budget: float
    """Alerts a day, over all views."""
    id: str
    created: str
    until: int
    """Milliseconds; see `Bundle.until`."""
    parent: str | None = None
    seed: int = 0
    masks: Masks = field(default_factory=Masks.default)
    max_templates: int = MAX_TEMPLATES


@dataclass(frozen=True)
class Learnt:
    """A bundle for each block that never saw that block, the blocks of lines, and what was left out."""

    bundles: tuple[Bundle, ...]
    blocks: tuple[Sequence[LogLine], ...]
    notices: tuple[str, ...]


def learn_blocks(lines: Sequence[LogLine], plan: Plan, progress: Progress) -> Learnt:
    """Cross-fit: one bundle a block of `lines`, oldest first.

    Raises:
        InputError: too few lines to learn anything.
    """
    ground = _ground(lines, plan)
    lenses, notices = _lenses(plan, ground)
    fitted = [_cross_fitted(lens, ground, plan, _share(progress, i, len(lenses))) for i, lens in enumerate(lenses)]
    threshold = _threshold(fitted, plan, ground)
    bundles = tuple(
        _bundle(plan, ground, tuple(of_lens.views[k] for of_lens in fitted), threshold)
        for k in range(len(ground.blocks))
    )
    return Learnt(bundles, ground.blocks, notices)


def learn(lines: Sequence[LogLine], plan: Plan, progress: Progress) -> tuple[Bundle, tuple[str, ...]]:
    """The bundle to deploy: fit on all lines, calibrated by the cross-fit; and what a person should know of it.

    Raises:
        InputError: too few lines to learn anything.
    """
    ground = _ground(lines, plan)
    lenses, notices = _lenses(plan, ground)
    fitted: list[_Fitted] = []
    views: list[View] = []
    for i, lens in enumerate(lenses):
        part = _share(progress, i, len(lenses))
        fitted.append(_cross_fitted(lens, ground, plan, _share(part, 0, 2)))
        windows = [seen.window for block in fitted[-1].sightings for seen in block]
        detector = base.module(lens.settings.detector.kind).Detector.fit(
            lens.settings.detector, windows, plan.seed, _share(part, 1, 2)
        )
        views.append(replace(fitted[-1].views[0], detector=detector))
    short = _short(ground)
    return _bundle(plan, ground, tuple(views), _threshold(fitted, plan, ground)), (*notices, *short)


@dataclass(frozen=True)
class _Ground:
    """What all views share."""

    masks: Masks
    mined: Mined
    blocks: tuple[Sequence[LogLine], ...]
    matches: tuple[list[Match], ...]

    @property
    def days(self) -> float:
        """Time from the first line to the last, in days; at least one line's second."""
        times = [line.time for block in self.blocks for line in block]
        return max(max(times) - min(times), 1.0) / DAY_S

    @property
    def n_lines(self) -> int:
        """Lines in all blocks."""
        return sum(map(len, self.blocks))


@dataclass(frozen=True)
class _Fitted:
    """One view's cross-fit; the lists are by block."""

    views: list[View]
    """As each block's detector judges it, all under one calibration."""
    sightings: list[list[Sighting[LogLine]]]
    surprises: Sequence[Floats]

    def look(self, block: int) -> Look:
        """What a view that never saw the block finds in it."""
        surprises = self.surprises[block]
        view = self.views[block]
        return Look(view, self.sightings[block], surprises, view.calibration.score(surprises))


def _ground(lines: Sequence[LogLine], plan: Plan) -> _Ground:
    if len(lines) < MIN_LINES:
        raise InputError(
            f"{plan.source}: at least {MIN_LINES} readable lines are needed to learn from, and there are {len(lines)}"
        )
    mined = survey((line.message for line in lines), plan.masks, plan.max_templates)
    asked = any(view.detector.values for view in plan.views.values())
    matcher = Matcher(plan.masks, mined.templates, values=asked)
    edges = [round(len(lines) * k / BLOCKS) for k in range(BLOCKS + 1)]
    blocks = tuple(lines[a:b] for a, b in pairwise(edges))
    return _Ground(plan.masks, mined, blocks, tuple(matcher.match(block) for block in blocks))


def _lenses(plan: Plan, ground: _Ground) -> tuple[list[Lens], tuple[str, ...]]:
    """The views that so many lines can feed, and a sentence for each that cannot be, and for what was left out."""
    lenses = [Lens(name, settings) for name, settings in plan.views.items()]
    n, left_out = ground.n_lines, _left_out(ground.mined)
    if n >= MIN_WINDOWS:
        return lenses, left_out
    simple = [lens for lens in lenses if lens.settings.detector.kind == SIMPLE]
    if not simple:
        raise InputError(f"{plan.source}: {n} lines cannot calibrate a view, {MIN_WINDOWS} are needed")
    few = f"{n} lines: too few to calibrate ({MIN_WINDOWS} are needed); {SIMPLE} alone, scores uncalibrated"
    return simple, (few, *left_out)


def _short(ground: _Ground) -> tuple[str, ...]:
    if ground.days >= HALF:
        return ()
    hours = ground.days * 24
    span = f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"
    return (
        f"the lines span {span}: what a day brings, and so the cut that keeps the budget, is reckoned from that; "
        f"learn from days when there are some",
    )


def _left_out(mined: Mined) -> tuple[str, ...]:
    if not mined.n_left_out:
        return ()
    return (
        f"{len(mined.templates):,} templates are kept (max_templates) and the rarest {mined.n_left_out:,} left out: "
        f"{mined.n_unknown:,} lines match none; something varies that a mask of the source's own could name",
    )


def _cross_fitted(lens: Lens, ground: _Ground, plan: Plan, progress: Progress) -> _Fitted:
    tails: Tails[LogLine] = Tails()
    sightings: list[list[Sighting[LogLine]]] = []
    for matches in ground.matches:
        seen, tails = slide(tails, lens.events(matches), lens.frame, 0.0)
        sightings.append(seen)
    module = base.module(lens.settings.detector.kind)
    windows = [[seen.window for seen in block] for block in sightings]
    crossed = cross_fit(module, lens.settings.detector, windows, plan.seed, progress)
    surprises = _means(sightings, windows, crossed.surprises) if lens.whole else crossed.surprises
    calibration = _calibration(np.concatenate(surprises), ground)
    views = [View(lens, detector, calibration) for detector in crossed.detectors]
    return _Fitted(views, sightings, surprises)


def _means(
    sightings: Sequence[Sequence[Sighting[LogLine]]], windows: Sequence[Sequence[Window]], surprises: Sequence[Floats]
) -> list[Floats]:
    """What sessions come to, by block; one that goes on from block to block is judged by a detector for each part."""
    sums: dict[str, Sum] = {}
    found = []
    for block in zip(sightings, windows, surprises, strict=True):
        means = by_session(*block, sums)
        sums |= means.sums
        found.append(means.surprises)
    return found


def _threshold(fitted: Sequence[_Fitted], plan: Plan, ground: _Ground) -> Threshold:
    """All views together on lines they never saw: their calibration, and the cut that keeps the budget."""
    nats: list[Floats] = []
    seen: list[Sighting[LogLine]] = []
    for block in range(len(ground.blocks)):
        looks = [of_lens.look(block) for of_lens in fitted]
        items, found = together(looks)
        sightings = chain.from_iterable(look.sightings for look in looks)
        by_item = dict(zip(np.concatenate(items).tolist(), sightings, strict=True))
        nats.append(found)
        seen += [by_item[item] for item in range(len(found))]
    per_day = len(seen) / ground.days
    calibration = _calibration(np.concatenate(nats), ground)
    examples = _examples(seen, calibration.score(np.concatenate(nats)))
    return Threshold(calibration, cut_for(per_day, plan.budget), per_day, ground.n_lines >= MIN_WINDOWS, examples)


def _examples(seen: Sequence[Sighting[LogLine]], scores: Floats) -> tuple[Example, ...]:
    """The strangest held-out lines, at most `ALIKE` for one event so that no flood hides the rest."""
    kinds: Counter[int] = Counter()
    examples: list[Example] = []
    for i in np.argsort(-scores, kind="stable").tolist():
        event, line = seen[i].window.event, seen[i].line
        kinds[event] += 1
        if kinds[event] <= ALIKE:
            examples.append(Example(float(scores[i]), line.time, line.program, line.message[:200]))
        if len(examples) == EXAMPLES:
            break
    return tuple(examples)


def _calibration(surprises: Floats, ground: _Ground) -> Calibration:
    if ground.n_lines >= MIN_WINDOWS:  # by lines, as `_lenses` decides and says: ends of sessions come on top
        return Calibration.of(surprises)
    return Calibration(1, (0.0,), (1,), Tail(0.0, 1.0, 1.0))  # p = exp(-surprise): taken at its word


def _bundle(plan: Plan, ground: _Ground, views: tuple[View, ...], threshold: Threshold) -> Bundle:
    return Bundle(
        plan.id,
        plan.source,
        plan.created,
        plan.parent,
        plan.until,
        ground.n_lines,
        ground.masks,
        ground.mined.templates,
        views,
        threshold,
        Seen.of(chain.from_iterable(ground.matches), len(ground.mined.templates)),
    )


def _share(progress: Progress, i: int, n: int) -> Progress:
    return lambda share: progress((i + share) / n)
