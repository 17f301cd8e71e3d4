"""Images of what log lines did, most of whose cells are empty: how they are held, and how far one is from another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.base import Floats

Ints = NDArray[np.int64]
Cells = Mapping[int, int]
"""Cell → how often; a cell is its row · width + its column."""


class Images(NamedTuple):
    """Some images, each with how often it came; only cells that hold something."""

    cells: Ints
    """Shape (cells of all,)."""
    weights: Floats
    """log(1 + how often), shape (cells of all,)."""
    ends: Ints
    """Where each image's cells end, shape (m,)."""
    times: Ints
    """How often it came, shape (m,)."""

    def one(self, i: int) -> tuple[Ints, Floats]:
        """Cells and weights of image i."""
        cut = slice(int(self.ends[i - 1]) if i else 0, int(self.ends[i]))
        return self.cells[cut], self.weights[cut]

    @classmethod
    def of(cls, images: Sequence[tuple[Cells, int]]) -> Images:
        """(an image, how often it came), in their order."""
        return cls(
            np.array([cell for image, _ in images for cell in image], dtype=np.int64),
            np.log1p(np.array([n for image, _ in images for n in image.values()], dtype=np.float64)),
            np.cumsum([len(image) for image, _ in images], dtype=np.int64),
            np.array([times for _, times in images], dtype=np.int64),
        )

    def first(self, m: int) -> Images:
        """The first m of them."""
        n = int(self.ends[:m][-1]) if len(self.ends[:m]) else 0
        return Images(self.cells[:n], self.weights[:n], self.ends[:m], self.times[:m])

    def dense(self, rows: Iterable[int], shape: tuple[int, int]) -> Floats:
        """Some with all their cells, shape (rows, *shape)."""
        rows = list(rows)
        full = np.zeros((len(rows), shape[0] * shape[1]))
        for place, row in enumerate(rows):
            cells, weights = self.one(row)
            full[place, cells] = weights
        return full.reshape(len(rows), *shape)


def summed(cells: Iterable[tuple[int, int]]) -> Cells:
    """(cell, how often) as an image: what falls into one cell is counted together."""
    image: Counter[int] = Counter()
    for cell, n in cells:
        image[cell] += n
    return image


def errors(observed: Floats, expected: Floats) -> Floats:
    """Poisson error of each cell, half its deviance, nats, at least 0; `expected` is over 0 wherever `observed` is."""
    ratio = np.divide(observed, expected, out=np.ones_like(observed), where=observed > 0.0)
    return observed * np.log(ratio) - observed + expected
