"""A network is written once: what torch learns and what numpy judges with are the same function of the same weights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from models import base, course
from models.detectors import counts, deeplog, hybrid, transitions
from models.fit import Learner
from models.layers import Conv1d, Embedding, Fitted, Layers, Linear, Lstm, Network, Numbers, Table

CHANCE = np.random.default_rng(5)
LAYERS: dict[str, tuple[Network, Numbers, Callable[[Layers[Any], Any], Any]]] = {
    "embedding": ({"it": Embedding(7, 3)}, CHANCE.integers(0, 7, (4, 5)), lambda on, x: on.embedding("it", x)),
    "linear": ({"it": Linear(6, 2)}, CHANCE.normal(size=(4, 3, 6)), lambda on, x: on.linear("it", x)),
    "lstm": ({"it": Lstm(6, 5)}, CHANCE.normal(size=(4, 9, 6)), lambda on, x: on.lstm("it", x)),
    "a deep lstm": ({"it": Lstm(6, 5, 3)}, CHANCE.normal(size=(4, 9, 6)), lambda on, x: on.lstm("it", x)),
    "a lstm of large numbers": (
        {"it": Lstm(6, 5)},
        1e6 * CHANCE.normal(size=(4, 9, 6)),
        lambda on, x: on.lstm("it", x),
    ),
    "conv1d": ({"it": Conv1d(6, 4, 3)}, CHANCE.normal(size=(4, 6, 9)), lambda on, x: on.conv1d("it", x)),
    "a padded conv1d with strides": (
        {"it": Conv1d(6, 4, 4, stride=2, padding=1)},
        CHANCE.normal(size=(4, 6, 9)),
        lambda on, x: on.conv1d("it", x),
    ),
    "a conv1d of groups": (
        {"it": Conv1d(6, 12, 3, groups=3)},
        CHANCE.normal(size=(4, 6, 9)),
        lambda on, x: on.conv1d("it", x),
    ),
    "table": ({"it": Table(3, 6, 0.5)}, CHANCE.normal(size=(4, 6)), lambda on, x: x @ on.turned(on.table("it"))),
    "functions": (
        {},
        CHANCE.normal(size=(4, 6, 9)),
        lambda on, x: on.log_softmax(
            on.joined(
                [on.flat(on.relu(x)), on.flat(on.tanh(x)), on.highest(x), on.flat(on.clamp(on.hide(x, 0.5), 0.3))]
            )
        ),
    ),
    "deeplog": (
        deeplog.Detector.network(9, deeplog.Config(layers=2)),
        CHANCE.integers(0, 11, (5, 10)),
        deeplog.Detector.forward,
    ),
    "hybrid": (hybrid.Detector.network(9, hybrid.Config()), CHANCE.integers(0, 11, (5, 64)), hybrid.Detector.forward),
    "transitions": (
        transitions.network(8, transitions.Config()),
        CHANCE.random((5, 8, 8)),
        transitions.forward,
    ),
    "counts": (counts.network(8, counts.Config(bins=24)), CHANCE.random((5, 8, 23)), counts.forward),
    "course": (
        course.network(3),
        CHANCE.normal(size=(5, 10, 7)),
        lambda on, x: course.forward(on, x[:, :, :5], x[:, -1, 5:]),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_what_judges_is_what_was_learnt(name: str) -> None:
    """In double both give the same to twelve digits, with weights as torch draws them."""
    network, x, forward = LAYERS[name]
    learner = Learner(network).double().eval()
    fitted = Fitted.of(network, learner.weights())
    with torch.no_grad():
        learnt = forward(learner, torch.from_numpy(x)).numpy()
    assert forward(fitted, x) == pytest.approx(learnt, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", ["deeplog", "hybrid", "transitions", "counts", "course"])
def test_a_row_comes_out_the_same_in_any_batch(name: str) -> None:
    """Up to the last digits, which verdicts do not keep."""
    network, x, forward = LAYERS[name]
    fitted = Fitted.of(network, Learner(network).weights())
    alone = np.concatenate([forward(fitted, x[i : i + 1]) for i in range(len(x))])
    assert forward(fitted, x) == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("fault", ["missing", "too many", "of another shape", "not finite"])
def test_weights_of_another_network_are_refused(fault: str) -> None:
    """A bundle's file is data that anyone may have written."""
    network = {"head": Linear(3, 2)}
    weights = {"head.weight": np.zeros((2, 3)), "head.bias": np.zeros(2)}
    match fault:
        case "missing":
            del weights["head.bias"]
        case "too many":
            weights["tail.bias"] = np.zeros(2)
        case "of another shape":
            weights["head.bias"] = np.zeros(3)
        case _:
            weights["head.bias"][1] = np.nan
    with pytest.raises(ValueError, match="weights"):
        Fitted.of(network, weights)


def test_judging_never_loads_torch() -> None:
    """All detectors, the tasks of a worker and the reading of bundles are imported; torch, half a gigabyte, is not."""
    names = [f"models.detectors.{name}" for name in base.registry()]
    script = f"import sys, plugin.tasks, plugin.bundle, {', '.join(names)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
