"""`tune`: another cut as a new bundle, and what a person is told of it first."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from models.calibration import Calibration
from parsers.masks import DEFAULT
from plugin import bundle as bundles
from plugin import terminal
from plugin.bundle import Bundle
from plugin.cli import app
from plugin.commands.check import outdated
from plugin.commands.tune import compare
from plugin.config import MaskSettings, SourceSettings, ready_views
from plugin.pipeline import judge
from tests import lines

PER_DAY = 1_000.0


def tied() -> Bundle:
    """A bundle of whose thousand held-out lines a day two are strangest, and forty alike."""
    surprises = np.concatenate([np.arange(958) / 1_000.0, np.full(40, 5.0), [9.0, 9.5]])
    bundle = lines.bundle()
    return replace(bundle, threshold=replace(bundle.threshold, calibration=Calibration.of(surprises), per_day=PER_DAY))


def test_a_budget_that_falls_between_equal_lines_is_told() -> None:
    """Forty lines share a score: asked for twenty a day, two come, and the next step is all of them."""
    bundle = tied()
    tuned = compare(bundle, bundle.threshold.cut_for(20.0))
    assert tuned.alerts_after == pytest.approx(2.0)
    assert tuned.alerts_next == pytest.approx(42.0)
    assert tuned.next_cut is not None
    assert bundle.threshold.alerts(tuned.next_cut) == tuned.alerts_next
    told = io.StringIO()
    terminal.show_tuned(Console(file=told, width=120), tuned)
    assert "share a score" in told.getvalue()
    assert f"2.0 → 42.0 a day at cut {tuned.next_cut - 0.005:.2f}" in told.getvalue()


def test_the_cut_that_is_told_lets_the_step_through() -> None:
    """Rounded for a person it is still no higher than what it is to let through."""
    bundle = tied()
    tuned = compare(bundle, 30.0)
    told = io.StringIO()
    terminal.show_tuned(Console(file=told, width=120), tuned)
    cut = float(told.getvalue().rpartition("at cut ")[2].rstrip(".\n"))
    assert bundle.threshold.alerts(cut) == tuned.alerts_next


def test_under_the_lowest_cut_nothing_is_left() -> None:
    """All lines are let through, and no further step is told."""
    tuned = compare(tied(), 0.0)
    assert (tuned.next_cut, tuned.alerts_after) == (None, PER_DAY)


def settings(folder: Path) -> list[str]:
    """The options of a source whose bundle is in use."""
    path = folder / "settings.toml"
    path.write_text(f'bundles = "{folder}/shelf"\n[sources.auth]\nindices = ["x"]\n', encoding="utf-8")
    bundles.save(lines.bundle(), folder / "shelf")
    bundles.use(folder / "shelf", "auth", lines.bundle().id)
    return ["--config", str(path), "tune", "--source", "auth"]


def test_tuning_makes_a_child_and_puts_it_in_use(tmp_path: Path) -> None:
    """The old bundle stays, and it is said how to go back; --dry-run changes nothing."""
    given = settings(tmp_path)
    dry = CliRunner().invoke(app, [*given, "--budget", "3", "--dry-run"], catch_exceptions=False)
    assert "Nothing was written." in dry.stdout
    assert bundles.ids(tmp_path / "shelf", "auth") == [lines.bundle().id]
    done = CliRunner().invoke(app, [*given, "--cut", "21.5"], catch_exceptions=False)
    child = bundles.current(tmp_path / "shelf", "auth")
    assert (child.threshold.cut, child.parent) == (21.5, lines.bundle().id)
    assert f"bundle use --source auth {lines.bundle().id}" in done.stdout


def test_a_bundle_that_was_copied_is_tuned_where_it_lies(tmp_path: Path) -> None:
    """Whatever source it was made for."""
    given = settings(tmp_path)
    (tmp_path / "shelf" / "auth").rename(tmp_path / "shelf" / "sshd")
    with (tmp_path / "settings.toml").open("a", encoding="utf-8") as file:
        file.write('[sources.sshd]\nindices = ["y"]\n')
    CliRunner().invoke(app, [*given[:-1], "sshd", "--cut", "21.5"], catch_exceptions=False)
    assert bundles.current(tmp_path / "shelf", "sshd").threshold.cut == 21.5
    assert not (tmp_path / "shelf" / "auth").exists()


def test_the_cut_in_use_makes_no_new_bundle(tmp_path: Path) -> None:
    """A bundle that judges alike would be one more to tell apart."""
    same = CliRunner().invoke(app, [*settings(tmp_path), "--cut", str(lines.bundle().threshold.cut)])
    assert "nothing was written" in same.stdout
    assert bundles.ids(tmp_path / "shelf", "auth") == [lines.bundle().id]


def test_what_becomes_of_a_line_like_none_before_is_told(tmp_path: Path) -> None:
    """Over the cut or under it, and then the cut that would tell it: the score is just what such a line gets."""
    new = lines.lines([lines.stamped(60, "useradd", 9, "new user: name=eve, UID=0, home=/root, shell=/bin/sh")])
    bundle = lines.bundle()
    judged, _ = judge(bundle.matcher.match(new), "auth", bundle.with_cut(0.0, "x", ""), {}, 0.0)
    tuned = compare(bundle, judged[0].score + 0.1)
    assert tuned.unseen == pytest.approx(judged[0].score)
    assert tuned.alerts_unseen == bundle.threshold.alerts(tuned.unseen)
    given = settings(tmp_path)
    for cut, place in ((tuned.unseen + 0.1, "under the cut"), (tuned.unseen - 0.1, "over the cut")):
        told = CliRunner().invoke(app, [*given, "--cut", str(cut), "--dry-run"]).stdout
        assert f"a line like none before, of a program never seen, scores {tuned.unseen:.1f} by itself, {place}" in told


def test_settings_that_a_bundle_does_not_know_yet_are_told() -> None:
    """A bundle judges by the views and masks it was made with, whatever the settings have become."""
    bundle = lines.bundle()
    masks = tuple(MaskSettings(name=mask.name, pattern=mask.pattern) for mask in bundle.masks.all[: -len(DEFAULT)])
    alike = SourceSettings(indices=("x",), views={view.name: view.lens.settings for view in bundle.views}, masks=masks)
    assert outdated(bundle, alike) == ()
    (first, *others) = alike.views
    ready = ready_views()["users"]
    other = alike.views[others[0]].model_copy(update={"idle_s": 7.0})
    changed = alike.model_copy(update={"views": {"users": ready, others[0]: other}})
    (told,) = outdated(bundle, changed)
    for part in ("add the view `users`", f"drop the view `{first}`", f"change the view `{others[0]}`"):
        assert part in told
    own = (MaskSettings(name="TICKET", pattern="TCK-[0-9]{1,9}"),)
    assert "change the masks" in outdated(bundle, alike.model_copy(update={"masks": own}))[0]


@pytest.mark.parametrize("given", [[], ["--budget", "3", "--cut", "20"]])
def test_one_of_budget_and_cut_is_wanted(given: list[str], tmp_path: Path) -> None:
    """Neither, or both, is wrong usage."""
    assert CliRunner().invoke(app, [*settings(tmp_path), *given]).exit_code == 2
