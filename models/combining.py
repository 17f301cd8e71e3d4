"""One strangeness from what several views say of the same thing: the harmonic mean of their p-values.

The smallest p-value decides, and agreement adds a little: views look at the same lines, so two that agree are no two
witnesses. What comes out is no p-value yet, for nobody knows how far the views depend on each other: it is calibrated
once more, on held-out lines. Source: Wilson, "The harmonic mean p-value for combining dependent tests", PNAS 2019.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.base import Floats

NATS = math.log(10.0) / 10.0
"""Nats a point of the score: 10·log10(1/p) is log(1/p) in tenths of a decade."""


def combine(items: NDArray[np.int64], scores: Floats) -> Floats:
    """-log of the harmonic mean p of each item, nats, at least 0, shape (items,).

    Args:
        items: which item each score is about, 0 … items - 1 and none without a score, shape (n,).
        scores: 10·log10(1/p), 0…100, shape (n,); an item has as many as there are views that saw it.
    """
    together = np.bincount(items, weights=np.exp(scores * NATS))
    return np.maximum(np.log(together / np.bincount(items)), 0.0)
