"""Learning, as detectors ask for it. Torch is loaded here, when something is learnt, and nowhere else."""

from __future__ import annotations

from models.base import Progress
from models.layers import Fitted
from models.lesson import Lesson, Schedule


def learn(lesson: Lesson, schedule: Schedule, seed: int, progress: Progress, device: str = "auto") -> Fitted:
    """Weights that make the mean of the losses small over all rows; the same seed gives the same ones.

    Raises:
        ValueError: a GPU is asked for and there is none.
    """
    from models import fit  # noqa: PLC0415 - see above

    return fit.learn(lesson, schedule, seed, progress, fit.device(device))


def demand(device: str) -> None:
    """Raises ValueError where a GPU is asked for and there is none, before anything is learnt."""
    if device == "cuda":
        from models import fit  # noqa: PLC0415 - see above

        fit.device(device)
