"""Judging every window by a detector that never saw it, without giving any up for the fit.

Windows are cut into blocks; each block is judged by a detector fit on the other blocks only. Together the surprises
calibrate like held-out ones. Source: Vovk, "Cross-conformal predictors", Annals of Mathematics and AI, 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from models.base import Detector, DetectorConfig, DetectorModule, Floats, Progress
from models.windows import Window


@dataclass(frozen=True)
class CrossFit:
    """One detector and one array of surprises a block, in the order of the blocks."""

    detectors: tuple[Detector, ...]
    """Each was fit on all blocks but its own."""
    surprises: tuple[Floats, ...]
    """Nats, shape (windows in the block,), by the detector that never saw the block."""


def cross_fit(
    module: DetectorModule, config: DetectorConfig, blocks: Sequence[Sequence[Window]], seed: int, progress: Progress
) -> CrossFit:
    """Fit as many detectors as there are blocks, which come in time order, and let each judge the block it never saw.

    Raises:
        ValueError: fewer than two blocks, or all but one are empty.
    """
    if len(blocks) < 2:
        raise ValueError(f"{len(blocks)} blocks, at least two are needed")
    detectors, surprises = [], []
    for i, block in enumerate(blocks):
        others = list(chain(*blocks[:i], *blocks[i + 1 :]))
        detectors.append(module.Detector.fit(config, others, seed, _part(progress, i, len(blocks))))
        surprises.append(surprise_once(detectors[-1], block))
    return CrossFit(tuple(detectors), tuple(surprises))


def surprise_once(detector: Detector, windows: Sequence[Window]) -> Floats:
    """Surprises in nats, shape (n,), each distinct window computed once: most windows of a log repeat."""
    places: dict[Window, int] = {}
    index: NDArray[np.int64] = np.fromiter(
        (places.setdefault(window, len(places)) for window in windows), dtype=np.int64, count=len(windows)
    )
    return detector.surprise(list(places))[index]


def _part(progress: Progress, i: int, n: int) -> Progress:
    return lambda share: progress((i + share) / n)
