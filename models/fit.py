"""The one training loop, and the layers as torch has them. It knows of rows and losses, not of windows.

Only `models.learning` imports this, and only when something is learnt.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.base import Progress
from models.layers import Conv1d, Embedding, Fitted, Layer, Linear, Lstm, Network, Numbers, Table
from models.lesson import Lesson, Schedule

Losses = Callable[[Tensor], Tensor]
"""Row numbers, shape (batch,) → their losses, shape (batch,)."""
SET_ASIDE = 0.1
"""Share of the windows that the loop does not fit, to see when to stop."""
PARTS = 4
"""A row much commoner than most is cut into parts of at most 4 × the mean, so that it comes in many batches of an
epoch rather than shaking one. It adds a quarter to the rows at most."""

CHUNK = 4_096
"""Rows looked at together where nothing is learnt; in memory at once are as many as the lesson allows."""


def device(choice: str) -> torch.device:
    """`auto` is a GPU where there is one; else what is asked for.

    Raises:
        ValueError: a GPU is asked for and there is none.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {choice}: torch sees no GPU here")
    return torch.device("cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu")


def learn(lesson: Lesson, schedule: Schedule, seed: int, progress: Progress, where: torch.device) -> Fitted:
    """See `models.learning.learn`. Torch's own random numbers are left as they were."""
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        torch.manual_seed(seed)
        learner = Learner(lesson.network)
        learner.begin(lesson.begin)
        learner.to(where)

        def losses(rows: Tensor) -> Tensor:
            return torch.cat([some(part.numpy()) for part in torch.split(rows, lesson.at_once)])

        def some(rows: NDArray[np.int64]) -> Tensor:
            return lesson.losses(learner, *(_tensor(each).to(where) for each in lesson.rows(rows)))

        if lesson.times.any():
            fit(learner, losses, lesson.times, schedule, seed, progress)
    return Fitted.of(lesson.network, learner.weights())


def _tensor(numbers: Numbers) -> Tensor:
    """Whole numbers as they are, others as floats."""
    found = torch.from_numpy(numbers)
    return found.float() if found.is_floating_point() else found


class Learner(nn.Module):
    """Implements `Layers`: what is being learnt."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: _module(layer) for name, layer in network.items()})

    def begin(self, weights: Mapping[str, Numbers]) -> None:
        """Set some weights by name."""
        known = dict(self.layers.named_parameters())
        for name, numbers in weights.items():
            known[name].data = _tensor(numbers).float()

    def weights(self) -> dict[str, Numbers]:
        """All of them by name."""
        return {name: weight.detach().cpu().numpy() for name, weight in self.layers.named_parameters()}

    def embedding(self, name: str, numbers: Tensor) -> Tensor:
        """See `Layers`."""
        return cast("Tensor", self.layers[name](numbers))

    def lstm(self, name: str, x: Tensor) -> Tensor:
        """See `Layers`."""
        states, _ = self.layers[name](x)  # (batch, time, size)
        return cast("Tensor", states[:, -1])

    def linear(self, name: str, x: Tensor) -> Tensor:
        """See `Layers`."""
        return cast("Tensor", self.layers[name](x))

    def conv1d(self, name: str, x: Tensor) -> Tensor:
        """See `Layers`."""
        return cast("Tensor", self.layers[name](x))

    def table(self, name: str) -> Tensor:
        """See `Layers`."""
        return cast("Tensor", self.layers[name].weight)

    def relu(self, x: Tensor) -> Tensor:
        """See `Layers`."""
        return x.relu()

    def tanh(self, x: Tensor) -> Tensor:
        """See `Layers`."""
        return x.tanh()

    def clamp(self, x: Tensor, most: float) -> Tensor:
        """See `Layers`."""
        return x.clamp(-most, most)

    def hide(self, x: Tensor, share: float) -> Tensor:
        """See `Layers`."""
        return nn.functional.dropout(x, share, self.training)

    def highest(self, x: Tensor) -> Tensor:
        """See `Layers`."""
        return x.amax(dim=-1)

    def turned(self, x: Tensor) -> Tensor:
        """See `Layers`."""
        return x.transpose(-1, -2)

    def flat(self, x: Tensor) -> Tensor:
        """See `Layers`."""
        return x.flatten(1)

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """See `Layers`."""
        return torch.cat(list(parts), dim=-1)

    def log_softmax(self, x: Tensor) -> Tensor:
        """See `Layers`."""
        return torch.log_softmax(x, dim=-1)


class _Learnt(nn.Module):
    """Numbers that are learnt as they are."""

    def __init__(self, layer: Table) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.deviation * torch.randn(layer.rows, layer.columns))


def _module(layer: Layer) -> nn.Module:
    match layer:
        case Embedding(numbers, size):
            return nn.Embedding(numbers, size, padding_idx=0)
        case Linear(inputs, outputs):
            return nn.Linear(inputs, outputs)
        case Lstm(inputs, size, depth):
            return nn.LSTM(inputs, size, depth, batch_first=True)
        case Conv1d(inputs, outputs, width, stride, padding, groups):
            return nn.Conv1d(inputs, outputs, width, stride, padding, groups=groups)
        case Table():
            return _Learnt(layer)


def fit(
    network: nn.Module, losses: Losses, times: NDArray[np.int64], schedule: Schedule, seed: int, progress: Progress
) -> None:
    """Fit `network` in place so that the mean of `losses` over all windows is small; row i came `times[i]` times.

    Stops early, and keeps the weights that were best on a random tenth of the windows, set aside beforehand.
    """
    chance = np.random.default_rng(seed)
    learn, check = _split(times, chance)
    rows, weights = _parts(learn)
    batches = math.ceil(len(rows) / schedule.batch)
    look, steps = max(batches, schedule.look), schedule.steps(batches)
    adam, best = _Adam(network), _Best(network)
    network.train()
    for step, picked in enumerate(_batches(len(rows), schedule.batch, steps, chance), start=1):
        network.zero_grad()
        _mean(losses, rows[picked], weights[picked]).backward()  # type: ignore[no-untyped-call]
        adam.step(schedule.rate * (1.0 + math.cos(math.pi * (step - 1) / steps)) / 2.0)
        progress(step / steps)
        if (step % look == 0 or step == steps) and best.stale(_checked(losses, check)) >= schedule.patience:
            break
    best.restore()
    progress(1.0)


class _Adam:
    """Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, with their constants.

    Not `torch.optim`'s: making one imports torch's compiler, three to ten seconds and 200 MB for these few lines.
    """

    MEAN, SQUARE, FLOOR = 0.9, 0.999, 1e-8

    def __init__(self, network: nn.Module) -> None:
        self.weights = list(network.parameters())
        self.means = [torch.zeros_like(weight) for weight in self.weights]
        self.squares = [torch.zeros_like(weight) for weight in self.weights]
        self.steps = 0

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move each weight against its gradient, by about `rate`."""
        self.steps += 1
        known, known_square = 1.0 - self.MEAN**self.steps, 1.0 - self.SQUARE**self.steps
        for weight, mean, square in zip(self.weights, self.means, self.squares, strict=True):
            if weight.grad is None:
                continue
            mean.lerp_(weight.grad, 1.0 - self.MEAN)
            square.lerp_(weight.grad.square(), 1.0 - self.SQUARE)
            weight.addcdiv_(mean, (square / known_square).sqrt_().add_(self.FLOOR), value=-rate / known)


class _Best:
    """The weights that did best on the windows set aside, and how long that is ago."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.loss = math.inf
        self.weights = network.state_dict()
        self.looks = 0

    def stale(self, loss: float) -> int:
        """Note this loss, and say how many looks ago it was last better; 0 = now."""
        self.looks += 1
        if loss < self.loss:
            self.loss, self.weights, self.looks = loss, copy.deepcopy(self.network.state_dict()), 0
        return self.looks

    def restore(self) -> None:
        self.network.load_state_dict(self.weights)
        self.network.eval()


def _split(times: NDArray[np.int64], chance: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often each row is learnt from, and how often it is set aside: windows are drawn, not rows.

    Drawing rows could set the commonest window of all aside and never learn it.
    """
    aside = chance.binomial(times, SET_ASIDE)
    learn = times - aside
    return (learn, aside) if learn.any() and aside.any() else (times, times)  # too few to part


def _parts(times: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Row numbers, the commonest several times, and the weight of each part; mean 1 over the rows that came."""
    rows = np.flatnonzero(times)
    shares = times[rows] / times[rows].mean()
    parts = np.ceil(shares / PARTS).astype(np.int64)
    return np.repeat(rows, parts), np.repeat(shares / parts, parts).astype(np.float32)


def _batches(n: int, size: int, steps: int, chance: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """`steps` batches of at most `size` places among n, each place once an epoch, in random order."""
    while True:
        order = chance.permutation(n)
        for first in range(0, n, size):
            if steps == 0:
                return
            steps -= 1
            yield order[first : first + size]


def _mean(losses: Losses, rows: NDArray[np.int64], weights: NDArray[np.float32]) -> Tensor:
    found = losses(torch.from_numpy(rows))  # (batch,)
    return found @ torch.from_numpy(weights).to(found.device) / float(weights.sum())


def _checked(losses: Losses, times: NDArray[np.int64]) -> float:
    """Mean loss over windows of which row i came `times[i]` times."""
    rows = np.flatnonzero(times)
    weights = times.astype(np.float32)
    total = 0.0
    with torch.no_grad():
        for part in np.array_split(rows, math.ceil(len(rows) / CHUNK)):
            total += float(_mean(losses, part, weights[part])) * int(times[part].sum())
    return total / int(times.sum())
