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
from plugin import bundle as bundles
from plugin import terminal
from plugin.bundle import Bundle
from plugin.cli import app
from plugin.commands.tune import compare
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


@pytest.mark.parametrize("given", [[], ["--budget", "3", "--cut", "20"]])
def test_one_of_budget_and_cut_is_wanted(given: list[str], tmp_path: Path) -> None:
    """Neither, or both, is wrong usage."""
    assert CliRunner().invoke(app, [*settings(tmp_path), *given]).exit_code == 2
