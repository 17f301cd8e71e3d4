"""`plugin.training`: what is learnt from few lines, from many, and from none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from models.calibration import MIN_WINDOWS, cut_for
from models.windows import Window
from parsers.masks import Mask, Masks
from plugin.config import ViewSettings
from plugin.errors import InputError
from plugin.training import BLOCKS, MIN_LINES, Plan, learn, learn_blocks
from tests import lines

PLAN = Plan("auth", lines.views(), 5.0, "2026-11-24-01", "2026-11-24T00:00:00Z", 1_795_500_000_000, "parent")
DAY = lines.lines(lines.texts())


def test_a_bundle_says_how_it_was_made() -> None:
    """Source, id, parent, where its lines ended, how many they were; nothing to tell when all went well."""
    bundle, notices = learn(DAY, replace(PLAN, views={"rarity": lines.views()["rarity"]}), lines.silent)
    assert (bundle.source, bundle.id, bundle.parent) == ("auth", PLAN.id, "parent")
    assert (bundle.until, bundle.created, bundle.n_lines) == (PLAN.until, PLAN.created, len(DAY))
    assert notices == ()


def test_the_budget_is_the_sources_and_makes_one_cut() -> None:
    """Five alerts a day, however many views look; the day's lines and ends of sessions make it a score."""
    threshold = lines.bundle().threshold
    assert threshold.calibrated
    assert all(view.calibration.n == threshold.calibration.n > len(DAY) for view in lines.bundle().views)
    days = (DAY[-1].time - DAY[0].time) / 86_400.0
    assert threshold.per_day == pytest.approx(threshold.calibration.n / days)
    assert threshold.cut == threshold.cut_for(5.0) == cut_for(threshold.per_day, 5.0)


def test_what_a_day_brings_is_reckoned_from_hours() -> None:
    """A quarter of a regular day says of a day what all of it does, and a person is told so."""
    early = [line for line in DAY if line.time < DAY[0].time + 21_600.0]
    bundle, notices = learn(early, replace(PLAN, views={"rarity": lines.views()["rarity"]}), lines.silent)
    assert bundle.threshold.per_day == pytest.approx(lines.bundle().threshold.per_day, rel=0.2)
    assert [notice for notice in notices if notice.startswith("the lines span ")]


def test_the_calibration_keeps_the_budget_on_its_own_held_out_lines() -> None:
    """A cut lets through at most what it promises, on lines its detectors never saw."""
    threshold = lines.bundle().threshold
    assert threshold.alerts(threshold.cut) <= 5.0 + 1e-9


def test_the_same_lines_and_seed_teach_the_same() -> None:
    """Two trainings can be compared, and a bundle can be made again."""
    small = replace(PLAN, views=lines.views(epochs=1))
    first, second = (learn(DAY[:150], small, lines.silent)[0] for _ in range(2))
    assert first.sha256 == second.sha256


def test_each_block_is_learnt_without_itself() -> None:
    """Blocks are consecutive, cover all lines, and the bundle of the one with the strange line never saw it."""
    day = sorted(lines.lines([*lines.texts(), lines.strange()]), key=lambda line: line.time)
    learnt = learn_blocks(day, replace(PLAN, views={"rarity": lines.views()["rarity"]}), lines.silent)
    assert len(learnt.bundles) == len(learnt.blocks) == BLOCKS
    assert [line for block in learnt.blocks for line in block] == day
    for block, bundle in zip(learnt.blocks, learnt.bundles, strict=True):
        (event,) = bundle.matcher.ids([lines.STRANGE])
        seen = bundle.views[0].detector.explain(Window((), event)).seen
        assert seen == (0 if any(line.message == lines.STRANGE for line in block) else 1)


def test_too_few_lines_go_on_with_counting_alone_and_say_so() -> None:
    """Below what can be calibrated the bundle is marked, and the sentence says how many lines are needed."""
    bundle, (notice, *_) = learn(DAY[: MIN_WINDOWS - 1], PLAN, lines.silent)
    assert [view.name for view in bundle.views] == ["rarity"]
    assert not bundle.threshold.calibrated
    assert f"{MIN_WINDOWS - 1} lines" in notice
    assert f"{MIN_WINDOWS} are needed" in notice


def test_an_uncalibrated_score_is_the_detectors_own_probability() -> None:
    """One in ten scores 10, whatever the few lines were."""
    bundle, _ = learn(DAY[: MIN_WINDOWS - 1], PLAN, lines.silent)
    for calibration in (bundle.views[0].calibration, bundle.threshold.calibration):
        assert calibration.score(np.array([math.log(10.0)])).tolist() == pytest.approx([10.0])


@pytest.mark.parametrize("n", [0, 1, MIN_LINES - 1])
def test_next_to_no_lines_teach_nothing(n: int) -> None:
    """The sentence says how many there were, and how many it takes."""
    with pytest.raises(InputError, match=f"at least {MIN_LINES} readable lines .* there are {n}"):
        learn(DAY[:n], PLAN, lines.silent)


def test_few_lines_without_a_counting_view_are_refused() -> None:
    """Nothing that is left could be of use."""
    views = {"sequence": ViewSettings(detector={"kind": "deeplog"})}
    with pytest.raises(InputError, match=f"{MIN_WINDOWS} are needed"):
        learn(DAY[:50], replace(PLAN, views=views), lines.silent)


def test_lines_of_one_instant_can_be_learnt() -> None:
    """A dump with one stamp has no span, but has counts."""
    bundle, _ = learn([line._replace(time=DAY[0].time) for line in DAY], PLAN, lines.silent)
    assert 0.0 <= bundle.threshold.cut <= 100.0


def test_progress_runs_from_nothing_to_all() -> None:
    """And never back."""
    told: list[float] = []
    learn(DAY[:150], replace(PLAN, views=lines.views(epochs=1)), told.append)
    assert told == sorted(told)
    assert 0.0 <= told[0] < told[-1] == pytest.approx(1.0)


def test_own_masks_and_the_bound_on_templates_are_the_plans() -> None:
    """What the masks of a source name is learnt as one event, and what was left out is told."""
    masks = Masks.with_own([Mask("RUN", "run-parts")])
    plan = replace(PLAN, views={"rarity": lines.views()["rarity"]}, masks=masks, max_templates=3)
    bundle, (notice,) = learn(DAY, plan, lines.silent)
    assert bundle.masks == masks
    assert len(bundle.templates) == 3
    n_unknown = sum(not match.event for match in bundle.matcher.match(DAY))
    assert n_unknown > 0
    assert f"{n_unknown:,} lines match none" in notice
