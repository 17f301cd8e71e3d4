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
import torch
from torch import Tensor, nn

from models.base import DetectorConfig, Floats
from models.nextevent import FIRST, UNSEEN, NextEvent
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
            raise ValueError(f"{self}: every number must be at least 1")


class Network(nn.Module):
    """Histories → what comes next."""

    def __init__(self, n_events: int, config: Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(FIRST + n_events, config.embedding, padding_idx=UNSEEN)  # UNSEEN says nothing: 0
        self.lstm = nn.LSTM(config.embedding, config.hidden, config.layers, batch_first=True)
        self.head = nn.Linear(config.hidden, n_events)

    def forward(self, histories: Tensor) -> Tensor:
        """Columns, shape (batch, h) → log probabilities, shape (batch, n_events)."""
        states, _ = self.lstm(self.embedding(histories))  # (batch, h, hidden)
        return torch.log_softmax(self.head(states[:, -1]), dim=-1)  # (batch, n_events)


class Detector(NextEvent):
    """A fitted network, the events it knows, and the windows it was fit on."""

    CONFIG = Config
    config: Config

    @classmethod
    def build(cls, n_events: int, config: Any) -> Network:  # noqa: ANN401 - a `Config`, as the base has it
        """The network, not yet fit."""
        return Network(n_events, config)

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
