"""`train`: make a bundle from a source's own recent lines, or from files, and put it in use."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from models.base import Progress
from parsers.line import LogLine
from plugin import bundle as bundles
from plugin.bundle import Bundle
from plugin.config import SourceSettings
from plugin.errors import InputError
from plugin.ports import Logs, Span, Stream, pages
from plugin.sources import Source
from plugin.training import Plan, learn

DAY_MS = 86_400_000
TWINS_SHOWN = 3
"""Groups of near-twin templates that are shown: enough to see what varies."""


@dataclass(frozen=True)
class Trained:
    """A new bundle, where it lies, and what a person should know of it."""

    bundle: Bundle
    path: Path
    notices: tuple[str, ...]
    masked: Mapping[str, int]
    """How many of the lines each mask touched."""


def lines_of(name: str, settings: SourceSettings, logs: Logs, days: float) -> tuple[list[LogLine], int]:
    """The newest `max_lines` lines of the last `days`, oldest first, and the instant up to which was read (ms).

    Raises:
        InputError: there are none.
        ServiceError: as the store answers.
    """
    source = Source(name, settings.fields, settings.text)
    stream = Stream(settings.indices, settings.time_field, settings.page, settings.max_hits, source.paths)
    until = logs.now() - round(settings.delay_s * 1000)
    kept: deque[LogLine] = deque(maxlen=settings.max_lines)
    for page in pages(logs, stream, Span(until - round(days * DAY_MS), until)):
        kept.extend(source.read(page.hits)[0])
    if not kept:
        raise InputError(
            f"sources.{name}: no readable line in {', '.join(settings.indices)} in the last {days:g} days by "
            f"{settings.time_field}; see `siem-anomaly check --source {name}`, or ask for more with --days"
        )
    return list(kept), until


def train(
    name: str, settings: SourceSettings, lines: list[LogLine], until: int, shelf: Path, progress: Progress
) -> Trained:
    """Learn from the lines, write the bundle whole, then put it in use.

    Raises:
        InputError: too few lines.
        BundleError: it cannot be written.
    """
    now = datetime.now(UTC)
    made = Plan(name, settings.views, settings.budget, "", now.isoformat(timespec="seconds"), until)
    plan = replace(made, masks=settings.all_masks, max_templates=settings.max_templates)
    learnt, notices = learn(lines, plan, progress)
    id = bundles.new_id(shelf, name, f"{now:%Y-%m-%d}")  # now: another training may have ended meanwhile
    bundle = replace(learnt, id=id, parent=bundles.in_use(shelf, name))
    path = bundles.save(bundle, shelf)
    bundles.use(shelf, name, id)
    masked = bundle.masks.touched(line.message for line in lines)
    return Trained(bundle, path, (*notices, *_twins(bundle)), masked)


def _twins(bundle: Bundle) -> tuple[str, ...]:
    """A sentence where templates are as alike as two can be, with the largest groups of them."""
    groups = bundle.templates.twins()
    if not groups:
        return ()
    told = "; ".join(" | ".join(f"`{text}`" for text in texts[:3]) for texts in groups[:TWINS_SHOWN])
    n = len({text for texts in groups for text in texts})
    return (
        f"{n:,} of {len(bundle.templates):,} templates differ from another in one word alone; where that word is no "
        f"event of its own, a mask for it would join them: {told}",
    )
