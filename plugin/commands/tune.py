"""`tune`: the same bundle with another cut, as a new bundle; and what that would let through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from plugin import bundle as bundles
from plugin.bundle import Bundle
from plugin.pipeline import of_the_unseen
from plugin.views import Example

SHOWN = 3
"""Examples on either side of a cut."""


@dataclass(frozen=True)
class Tuned:
    """A source before and after."""

    before: float
    after: float
    alerts_before: float
    """Alerts a day on the held-out lines."""
    alerts_after: float
    over: tuple[Example, ...]
    """Held-out lines just over the new cut, nearest first."""
    under: tuple[Example, ...]
    """Held-out lines just under it, nearest first."""
    next_cut: float | None
    """The next lower one that lets more through; None = nothing is left."""
    alerts_next: float
    """Alerts a day there. Lines that share a score come together or not at all, so a budget may fall between."""
    unseen: float
    """The score of a line like none before."""
    alerts_unseen: float
    """Alerts a day at a cut that tells it."""


def compare(bundle: Bundle, cut: float) -> Tuned:
    """What another cut would change on the held-out lines of the training."""
    now, unseen = bundle.threshold, of_the_unseen(bundle)
    lower = now.calibration.next_under(cut)
    over = [example for example in now.examples if example.score >= cut]
    under = [example for example in now.examples if example.score < cut]
    return Tuned(
        now.cut,
        cut,
        now.alerts(now.cut),
        now.alerts(cut),
        tuple(sorted(over, key=lambda example: example.score)[:SHOWN]),
        tuple(sorted(under, key=lambda example: -example.score)[:SHOWN]),
        lower,
        now.alerts(cut if lower is None else lower),
        unseen,
        now.alerts(unseen),
    )


def tune(bundle: Bundle, source: str, cut: float, shelf: Path) -> Bundle:
    """Write a child of the source's bundle with this cut, and put it in use; the bundle may be another's, copied.

    Raises:
        BundleError: it cannot be written.
    """
    now = datetime.now(UTC)
    id = bundles.new_id(shelf, source, f"{now:%Y-%m-%d}")
    child = replace(bundle.with_cut(cut, id, now.isoformat(timespec="seconds")), source=source)
    bundles.save(child, shelf)
    bundles.use(shelf, source, id)
    return child
