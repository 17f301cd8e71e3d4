"""`tune`: the same bundle with other cuts, as a new bundle; and what that would let through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from models.calibration import cut_for
from plugin import bundle as bundles
from plugin.bundle import Bundle
from plugin.views import Example, View

SHOWN = 3
"""Examples on either side of a cut."""


@dataclass(frozen=True)
class Tuned:
    """One view before and after."""

    view: str
    before: float
    after: float
    alerts_before: float
    """Alerts a day on the held-out windows."""
    alerts_after: float
    over: tuple[Example, ...]
    """Held-out lines just over the new cut, nearest first."""
    under: tuple[Example, ...]
    """Held-out lines just under it, nearest first."""


def cuts_for(bundle: Bundle, *, budget: float | None, cut: float | None) -> Mapping[str, float]:
    """The cut of each view: one for all, or the budget shared equally."""
    if cut is not None:
        return {view.name: cut for view in bundle.views}
    share = (budget or 0.0) / len(bundle.views)
    return {view.name: cut_for(view.windows_per_day, share) for view in bundle.views}


def compare(bundle: Bundle, cuts: Mapping[str, float]) -> list[Tuned]:
    """What the new cuts would change, view by view, on the held-out windows of the training."""
    return [_compared(view, cuts[view.name]) for view in bundle.views]


def tune(bundle: Bundle, cuts: Mapping[str, float], shelf: Path) -> Bundle:
    """Write a child of the bundle with these cuts, and put it in use.

    Raises:
        BundleError: it cannot be written.
    """
    now = datetime.now(UTC)
    id = bundles.new_id(shelf, bundle.source, f"{now:%Y-%m-%d}")
    child = bundle.with_cuts(cuts, id, now.isoformat(timespec="seconds"))
    bundles.save(child, shelf)
    bundles.use(shelf, bundle.source, id)
    return child


def _compared(view: View, cut: float) -> Tuned:
    over = [example for example in view.examples if example.score >= cut]
    under = [example for example in view.examples if example.score < cut]
    return Tuned(
        view.name,
        view.cut,
        cut,
        view.calibration.expected(view.cut) * view.windows_per_day,
        view.calibration.expected(cut) * view.windows_per_day,
        tuple(sorted(over, key=lambda example: example.score)[:SHOWN]),
        tuple(sorted(under, key=lambda example: -example.score)[:SHOWN]),
    )
