"""`plugin.commands.train`: what is read to learn from, and what a person is told of it."""

from __future__ import annotations

from pathlib import Path

from plugin import bundle as bundles
from plugin.commands.train import lines_of, train
from plugin.config import MaskSettings, SourceSettings, ViewSettings
from tests import lines
from tests.fakes import NOON, FakeLogs

RARITY = {"rarity": ViewSettings(detector={"kind": "rarity"})}


def test_the_text_of_a_source_makes_what_is_learnt_from(tmp_path: Path) -> None:
    """`train` reads documents of fields by the pattern by which `poll` will, and takes the bundle in use."""
    logs = FakeLogs(NOON + 600_000)
    for n in range(300):
        event = {"action": "allow" if n % 7 else "deny", "ingested": f"2026-11-23T12:00:00.{n:03}Z"}
        logs.put("fw", str(n), {"event": event, "host.name": "fw-1", "destination.port": n})
    settings = SourceSettings(indices=("fw",), text="{event.action} port {destination.port}", views=RARITY)
    found, until = lines_of("fw", settings, logs, 1.0)
    assert [line.message for line in found[:2]] == ["deny port 0", "allow port 1"]
    trained = train("fw", settings, found, until, tmp_path, lines.silent)
    assert bundles.current(tmp_path, "fw").id == trained.bundle.id
    assert {template.text for template in trained.bundle.templates if template.count} == {
        "allow port <NUM>",
        "deny port <NUM>",
    }


def test_a_training_tells_what_masks_touched_and_which_templates_are_near_twins(tmp_path: Path) -> None:
    """So a person sees that a mask is missing, or that one does nothing."""
    own = (MaskSettings(name="RUN", pattern="run-parts"),)
    settings = SourceSettings(indices=("-",), views=RARITY, masks=own)
    day = lines.lines(lines.texts())
    trained = train("auth", settings, day, 0, tmp_path, lines.silent)
    assert trained.masked["RUN"] == sum("run-parts" in line.message for line in day) > 0
    assert trained.masked["MAC"] == 0
    (notice,) = trained.notices
    assert "differ from another in one word alone" in notice
    assert trained.bundle.templates.twins()
