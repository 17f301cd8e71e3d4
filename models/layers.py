"""The layers that detectors' networks are made of. A network is written once, over `Layers`, and runs on two kinds.

It is fit on torch's (`models.fit`) and judges on numpy's, here: a worker that only judges never loads torch, which
takes more memory than all the rest of it. Names and shapes of the weights are torch's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Numbers = NDArray[Any]
Array = TypeVar("Array", Numbers, "Tensor")
Weights = Mapping[str, Numbers]
"""By name, as `lstm.weight_ih_l0`."""


class Embedding(NamedTuple):
    """Whole numbers → vectors. Number 0 says nothing: its vector is zero."""

    numbers: int
    size: int

    def weights(self) -> dict[str, tuple[int, ...]]:
        """Their shapes."""
        return {"weight": (self.numbers, self.size)}


class Linear(NamedTuple):
    """Vectors → vectors."""

    inputs: int
    outputs: int

    def weights(self) -> dict[str, tuple[int, ...]]:
        """Their shapes."""
        return {"weight": (self.outputs, self.inputs), "bias": (self.outputs,)}


class Lstm(NamedTuple):
    """Sequences of vectors → what a long short-term memory holds at their end."""

    inputs: int
    size: int
    depth: int = 1

    def weights(self) -> dict[str, tuple[int, ...]]:
        """Their shapes, by level."""
        shapes: dict[str, tuple[int, ...]] = {}
        for level in range(self.depth):
            shapes[f"weight_ih_l{level}"] = (4 * self.size, self.size if level else self.inputs)
            shapes[f"weight_hh_l{level}"] = (4 * self.size, self.size)
            shapes[f"bias_ih_l{level}"] = shapes[f"bias_hh_l{level}"] = (4 * self.size,)
        return shapes


class Conv1d(NamedTuple):
    """Channels × time → channels × time, each place from those around it."""

    inputs: int
    outputs: int
    width: int
    stride: int = 1
    padding: int = 0
    groups: int = 1

    def weights(self) -> dict[str, tuple[int, ...]]:
        """Their shapes."""
        return {"weight": (self.outputs, self.inputs // self.groups, self.width), "bias": (self.outputs,)}


class Table(NamedTuple):
    """Numbers that are learnt as they are, normal with this deviation at first."""

    rows: int
    columns: int
    deviation: float

    def weights(self) -> dict[str, tuple[int, ...]]:
        """Their shapes."""
        return {"weight": (self.rows, self.columns)}


Layer = Embedding | Linear | Lstm | Conv1d | Table
Network = Mapping[str, Layer]
"""Its layers by name, in the order in which their first weights are drawn."""


class Layers(Protocol[Array]):
    """What a network may do with its layers, given by name, and with arrays; the first axis is the batch's."""

    def embedding(self, name: str, numbers: Array) -> Array:
        """(batch, time) → (batch, time, size)."""
        ...

    def lstm(self, name: str, x: Array) -> Array:
        """(batch, time, inputs) → the last state of the last level, (batch, size)."""
        ...

    def linear(self, name: str, x: Array) -> Array:
        """(…, inputs) → (…, outputs)."""
        ...

    def conv1d(self, name: str, x: Array) -> Array:
        """(batch, inputs, time) → (batch, outputs, time')."""
        ...

    def table(self, name: str) -> Array:
        """Its weights, (rows, columns)."""
        ...

    def relu(self, x: Array) -> Array:
        """What is below zero becomes zero."""
        ...

    def tanh(self, x: Array) -> Array:
        """Hyperbolic tangent."""
        ...

    def clamp(self, x: Array, most: float) -> Array:
        """-most … most."""
        ...

    def hide(self, x: Array, share: float) -> Array:
        """While it learns, this share of the numbers is zero, by chance; the others grow to make up for it."""
        ...

    def highest(self, x: Array) -> Array:
        """Along the last axis: (…, n) → (…)."""
        ...

    def turned(self, x: Array) -> Array:
        """The last two axes exchanged."""
        ...

    def flat(self, x: Array) -> Array:
        """(batch, …) → (batch, all)."""
        ...

    def joined(self, parts: Sequence[Array]) -> Array:
        """Side by side along the last axis."""
        ...

    def log_softmax(self, x: Array) -> Array:
        """Log shares along the last axis."""
        ...


@dataclass(frozen=True)
class Fitted:
    """Implements `Layers`: what was learnt, in numpy, in double: a row comes out the same in any batch."""

    network: Network
    weights: Weights

    @classmethod
    def of(cls, network: Network, weights: Weights) -> Fitted:
        """Weights for just these layers.

        Raises:
            ValueError: one is missing, too many, of another shape or not finite.
        """
        shapes = {f"{name}.{of}": shape for name, layer in network.items() for of, shape in layer.weights().items()}
        given = {name: each.shape for name, each in weights.items()}
        if given != shapes:
            wrong = sorted(name for name in {*given, *shapes} if given.get(name) != shapes.get(name))
            raise ValueError(f"weights of another network: {', '.join(wrong[:3])}")
        if not all(np.isfinite(each).all() for each in weights.values()):
            raise ValueError("weights that are not numbers")
        return cls(network, {name: each.astype(np.float64) for name, each in weights.items()})

    def floats(self) -> dict[str, Numbers]:
        """The weights as they are kept: they were learnt in float."""
        return {name: each.astype(np.float32) for name, each in self.weights.items()}

    def embedding(self, name: str, numbers: Numbers) -> Numbers:
        """See `Layers`."""
        return np.asarray(self.weights[f"{name}.weight"][numbers])

    def lstm(self, name: str, x: Numbers) -> Numbers:
        """See `Layers`. Hochreiter and Schmidhuber, "Long short-term memory", 1997, with torch's order of the gates."""
        layer = cast("Lstm", self.network[name])
        for level in range(layer.depth):
            states = self._states(f"{name}.{{}}_l{level}", x, layer.size, every=level + 1 < layer.depth)
            x = np.stack(states, axis=1)  # (batch, time, size)
        return x[:, -1]

    def _states(self, name: str, x: Numbers, size: int, *, every: bool) -> list[Numbers]:
        into, within = (self.weights[name.format(f"weight_{of}")].T for of in ("ih", "hh"))
        bias = self.weights[name.format("bias_ih")] + self.weights[name.format("bias_hh")]
        state, cell = np.zeros((len(x), size)), np.zeros((len(x), size))
        states: list[Numbers] = []
        for step in range(x.shape[1]):
            gates = x[:, step] @ into
            gates += state @ within
            gates += bias
            let_in, keep = np.split(_sigmoid(gates[:, : 2 * size]), 2, axis=1)
            cell *= keep
            cell += let_in * np.tanh(gates[:, 2 * size : 3 * size])
            state = _sigmoid(gates[:, 3 * size :]) * np.tanh(cell)
            states = [*states, state] if every else [state]
        return states

    def linear(self, name: str, x: Numbers) -> Numbers:
        """See `Layers`."""
        return np.asarray(x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"])

    def conv1d(self, name: str, x: Numbers) -> Numbers:
        """See `Layers`."""
        layer = cast("Conv1d", self.network[name])
        kernel = self.weights[f"{name}.weight"]  # (outputs, inputs / groups, width)
        padded = np.pad(x, ((0, 0), (0, 0), (layer.padding, layer.padding)))
        seen = np.lib.stride_tricks.sliding_window_view(padded, layer.width, axis=2)[:, :, :: layer.stride]
        batch, _, times, width = seen.shape
        seen = seen.reshape(batch, layer.groups, -1, times, width).transpose(1, 0, 3, 2, 4)  # (groups, batch, times, …)
        kernels = kernel.reshape(layer.groups, layer.outputs // layer.groups, -1).transpose(0, 2, 1)
        found = seen.reshape(layer.groups, batch * times, -1) @ kernels  # (groups, batch × times, outputs / groups)
        found = found.reshape(layer.groups, batch, times, -1).transpose(1, 0, 3, 2).reshape(batch, layer.outputs, times)
        return np.asarray(found + self.weights[f"{name}.bias"][:, np.newaxis])

    def table(self, name: str) -> Numbers:
        """See `Layers`."""
        return self.weights[f"{name}.weight"]

    def relu(self, x: Numbers) -> Numbers:
        """See `Layers`."""
        return np.asarray(np.maximum(x, 0.0))

    def tanh(self, x: Numbers) -> Numbers:
        """See `Layers`."""
        return np.asarray(np.tanh(x))

    def clamp(self, x: Numbers, most: float) -> Numbers:
        """See `Layers`."""
        return np.clip(x, -most, most)

    def hide(self, x: Numbers, share: float) -> Numbers:
        """See `Layers`: nothing is hidden from what judges."""
        del share
        return x

    def highest(self, x: Numbers) -> Numbers:
        """See `Layers`."""
        return np.asarray(x.max(axis=-1))

    def turned(self, x: Numbers) -> Numbers:
        """See `Layers`."""
        return np.swapaxes(x, -1, -2)

    def flat(self, x: Numbers) -> Numbers:
        """See `Layers`."""
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def joined(self, parts: Sequence[Numbers]) -> Numbers:
        """See `Layers`."""
        return np.concatenate(parts, axis=-1)

    def log_softmax(self, x: Numbers) -> Numbers:
        """See `Layers`."""
        x = x - x.max(axis=-1, keepdims=True)
        return np.asarray(x - np.log(np.exp(x).sum(axis=-1, keepdims=True)))


def _sigmoid(x: Numbers) -> Numbers:
    """In place."""
    np.negative(x, out=x)
    np.exp(np.minimum(x, 700.0, out=x), out=x)  # beyond that the result is zero all the same
    x += 1.0
    return np.reciprocal(x, out=x)
