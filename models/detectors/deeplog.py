"""The next event of a session, predicted from the h before it by a recurrent network.

Source: Du, Li, Zheng and Srikumar, "DeepLog", CCS 2017 (its log key model). Where the paper is silent: a session's
first events and its END are predicted too, and events the fit never saw share the Good-Turing mass of the unseen (see
`models.nextevent`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.base import DetectorConfig, Floats
from models.layers import Array, Embedding, Layers, Linear, Lstm, Network
from models.nextevent import FIRST, NextEvent
from models.windows import Window


@dataclass(frozen=True)
class Config(DetectorConfig):
    """Settings of the detector."""

    kind: Literal["deeplog"] = "deeplog"
    h: int = 10
    top_g: int = 9
    """Ranks up to this are normal where `decision` is `rank`."""
    decision: Literal["score", "rank"] = "score"
    """`score`: the surprise's size counts. `rank`: the paper's rule; surprise is 0 up to rank `top_g`."""
    embedding: int = 32
    hidden: int = 64
    layers: int = 1
    epochs: int = 100
    """Passes over the distinct windows at most."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it is fit. Judging is always done on the CPU, so that verdicts do not depend on the machine."""
    counts: bool = False
    pairs: bool = False

    def __post_init__(self) -> None:
        if min(self.h, self.top_g, self.embedding, self.hidden, self.layers, self.epochs) < 1:
            raise ValueError("every number must be at least 1")


class Detector(NextEvent):
    """A fitted network, the events it knows, and the windows it was fit on."""

    CONFIG = Config
    config: Config

    @classmethod
    def network(cls, n_events: int, config: Any) -> Network:  # noqa: ANN401 - a `Config`, as the base has it
        """Its layers."""
        return {
            "embedding": Embedding(FIRST + n_events, config.embedding),
            "lstm": Lstm(config.embedding, config.hidden, config.layers),
            "head": Linear(config.hidden, n_events),
        }

    @staticmethod
    def forward(on: Layers[Array], histories: Array) -> Array:
        """Columns, shape (batch, h) → log probabilities, shape (batch, n_events)."""
        state = on.lstm("lstm", on.embedding("embedding", histories))  # (batch, hidden)
        return on.log_softmax(on.linear("head", state))

    @property
    def beyond(self) -> int:
        """The rank of an event that the fit never saw: beyond `top_g` too."""
        return max(len(self.vocabulary), self.config.top_g) + 1

    def surprise(self, windows: Sequence[Window]) -> Floats:
        """Shape (n,): nats, -log of the probability that something as unlikely comes, 0 … log(windows of the fit + 1).

        Under `decision = "rank"` log(rank / top_g), 0 for ranks up to `top_g`: all over 0 is abnormal.
        """
        if self.config.decision == "rank":
            return np.maximum(np.log(self.rank(windows) / self.config.top_g), 0.0)
        return super().surprise(windows)
