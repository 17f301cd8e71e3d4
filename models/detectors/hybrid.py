"""The next event of a session from a long history: convolutions find short phrases, a recurrent network reads them.

Events → embedding → two 1-D convolutions, each halving the length → LSTM → next event. So a history of 64 is 16 steps
for the LSTM: it sees six times as far as DeepLog's default of 10, and pays for not twice as many steps. Beside what the
LSTM makes of it, the head sees which phrases the history holds anywhere, for an LSTM forgets, and the last events as
they are, for what came just before says most. For sessions that are long: what a user or an address does all day, the
system calls of a process.
Sources: Zhou et al., "A C-LSTM neural network for text classification", arXiv:1511.08630, 2015, for the shape; Du et
al., "DeepLog", CCS 2017, for what is predicted (see `models.nextevent`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from models.base import DetectorConfig
from models.layers import Array, Conv1d, Embedding, Layers, Linear, Lstm, Network
from models.lesson import Schedule
from models.nextevent import FIRST, NextEvent

STRIDE = 4
"""Events of history for one step of the LSTM: two convolutions, each of stride 2."""
NEAR = 10
"""Last events that the head sees as they are, as many as DeepLog sees."""


@dataclass(frozen=True)
class Config(DetectorConfig):
    """Settings of the detector."""

    kind: Literal["hybrid"] = "hybrid"
    h: int = 64
    """Events of history; a multiple of 4 wastes nothing."""
    embedding: int = 32
    channels: int = 32
    hidden: int = 64
    epochs: int = 100
    """Passes over the distinct windows at most."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it is fit. Judging is always done on the CPU, so that verdicts do not depend on the machine."""
    counts: bool = False
    pairs: bool = False

    def __post_init__(self) -> None:
        if min(self.embedding, self.channels, self.hidden, self.epochs) < 1 or self.h < STRIDE:
            raise ValueError(f"h must be at least {STRIDE}, every other number at least 1")


class Detector(NextEvent):
    """A fitted network, the events it knows, and the windows it was fit on."""

    CONFIG = Config
    config: Config
    SCHEDULE = Schedule(min_steps=200, max_steps=2_000, rate=0.01)
    """More layers than DeepLog want smaller steps and more of them: on made-up sessions where the first of 26 events
    decides the last, 100 steps were too few. 2,000 are a minute on one core."""
    MAX_SEEN = 8_000
    """8,000 × 64 × 8 B = 4 MB."""

    @classmethod
    def network(cls, n_events: int, config: Any) -> Network:  # noqa: ANN401 - a `Config`, as the base has it
        """Its layers."""
        return {
            "embedding": Embedding(FIRST + n_events, config.embedding),
            "words": Conv1d(config.embedding, config.channels, width=4, stride=2, padding=1),
            "phrases": Conv1d(config.channels, config.channels, width=4, stride=2, padding=1),
            "lstm": Lstm(config.channels, config.hidden),
            "near": Linear(min(NEAR, config.h) * config.embedding, config.hidden),
            "head": Linear(2 * config.hidden + config.channels, n_events),
        }

    @staticmethod
    def forward(on: Layers[Array], histories: Array) -> Array:
        """Columns, shape (batch, h) → log probabilities, shape (batch, n_events)."""
        events = on.embedding("embedding", histories)  # (batch, h, embedding)
        words = on.relu(on.conv1d("words", on.turned(events)))  # (batch, channels, h / 2)
        phrases = on.relu(on.conv1d("phrases", words))  # (batch, channels, h / 4)
        state = on.lstm("lstm", on.turned(phrases))  # (batch, hidden)
        near = on.relu(on.linear("near", on.flat(events[:, -NEAR:])))  # (batch, hidden)
        ever = on.highest(phrases)  # (batch, channels): which phrases the history holds, wherever
        return on.log_softmax(on.linear("head", on.joined([state, near, ever])))
