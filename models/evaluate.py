"""How good a detector is where labels exist: at its cut (precision, recall, F1), and over all cuts (two areas).

Labels judge here; they never choose a cut, a weight or a setting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.base import Floats

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Outcome:
    """What a cut did to labelled samples; expected counts may be fractions."""

    caught: float
    """Abnormal ones at or over the cut."""
    missed: float
    """Abnormal ones under it."""
    false_alarms: float
    """Normal ones at or over it."""
    n_normal: float

    @classmethod
    def of(cls, normal: Bools, abnormal: Bools) -> Outcome:
        """From which samples were at or over the cut, shapes (normal,) and (abnormal,)."""
        caught = int(np.count_nonzero(abnormal))
        return cls(caught, len(abnormal) - caught, int(np.count_nonzero(normal)), len(normal))

    @property
    def precision(self) -> float:
        """Share of the alarms that were right, 0…1; 1 where there were none, for none was wrong."""
        alarms = self.caught + self.false_alarms
        return self.caught / alarms if alarms else 1.0

    @property
    def recall(self) -> float:
        """Share of the abnormal that was caught, 0…1; 1 where there was none."""
        abnormal = self.caught + self.missed
        return self.caught / abnormal if abnormal else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0…1; 0 where nothing was caught."""
        return 2.0 * self.caught / (2.0 * self.caught + self.missed + self.false_alarms) if self.caught else 0.0

    @property
    def false_positive_rate(self) -> float:
        """Share of the normal that alarmed, 0…1."""
        return self.false_alarms / self.n_normal if self.n_normal else 0.0

    def among(self, n_normal: float) -> Outcome:
        """The same rates with another number of normal samples: figures at the published proportion."""
        return Outcome(self.caught, self.missed, self.false_positive_rate * n_normal, n_normal)


def alerts_per_day(alerts: int, seconds: float) -> float:
    """Alerts a day from a count over a span of log time, which must be positive."""
    return alerts * 86_400.0 / seconds


def roc_auc(normal: Floats, abnormal: Floats) -> float:
    """Probability that an abnormal sample scores over a normal one, ties count half; 0…1.

    Raises:
        ValueError: one of the two is empty.
    """
    _both(normal, abnormal)
    ordered = np.sort(normal)
    under = np.searchsorted(ordered, abnormal, side="left") + np.searchsorted(ordered, abnormal, side="right")
    return float(under.mean()) / (2.0 * len(normal))


def average_precision(normal: Floats, abnormal: Floats) -> float:
    """Mean of the precisions at each cut, weighted by the recall it adds; 0…1. Equal scores share one cut.

    Raises:
        ValueError: one of the two is empty.
    """
    _both(normal, abnormal)
    cuts, gained = np.unique(abnormal, return_counts=True)  # ascending
    caught = np.cumsum(gained[::-1])[::-1]
    false_alarms = len(normal) - np.searchsorted(np.sort(normal), cuts, side="left")
    return float((gained * caught / (caught + false_alarms)).sum()) / len(abnormal)


def _both(normal: Floats, abnormal: Floats) -> None:
    if not len(normal) or not len(abnormal):
        raise ValueError(f"{len(normal)} normal and {len(abnormal)} abnormal samples: both are needed")
