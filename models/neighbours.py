"""How far a set of events is from the sets that sessions are known to have.

A set is reached from a known one by flips, an event more or one less. Each costs -log of the share of sessions that
have, or have not, this event: what comes in a quarter of the sessions is cheap, what always or never came is dear.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from models.base import Floats

MAX_SETS = 2_000
"""Sets that an unseen one is compared with, the commonest: 2,000 × 500 events × 8 B = 8 MB."""
Signature = tuple[int, ...]
"""The distinct events of a session, ascending."""


class Neighbours:
    """The known sets of events."""

    def __init__(self, sets: Mapping[Signature, int], having: Mapping[int, int], sessions: int) -> None:
        self.sets = sorted(sets, key=lambda known: (-sets[known], known))[:MAX_SETS]
        self.column = {event: column for column, event in enumerate(sorted(having))}
        self.sessions = sessions
        share = (np.array([having[event] for event in sorted(having)]) + 0.5) / (sessions + 1)
        self._more, self._less = -np.log(share), -np.log1p(-share)  # (events,) each
        self._known = self._rows(self.sets)  # (sets, events)
        self._start = -np.log([sets[known] / sessions for known in self.sets])  # (sets,)
        self._usual = self._usual_path([sets[known] == 1 for known in self.sets])

    def nats(self, signature: Signature) -> float:
        """How much stranger than just any unseen set this one is: its path in units of the usual one."""
        return float(self._paths([signature]).min()) / self._usual if self.sets else 0.0

    def nearest(self, signature: Signature) -> Signature:
        """The known set that explains this one best: common itself, and cheap to flip from."""
        return self.sets[int(self._paths([signature]).argmin())] if self.sets else ()

    def _usual_path(self, alone: Sequence[bool]) -> float:
        """Mean path to a set that came once from all others, so from a set unseen but for one session; at least 1.

        An exponential with this mean then says how likely a path as long is, in a log where sets are this various.
        """
        rows = np.flatnonzero(alone)
        if len(rows) == 0 or len(self.sets) < 2:
            return 1.0
        paths = self._paths([self.sets[row] for row in rows])
        paths[np.arange(len(rows)), rows] = np.inf
        return max((float(paths.min(axis=1).sum()) + 1.0) / (len(rows) + 1), 1.0)

    def _paths(self, signatures: Sequence[Signature]) -> Floats:
        """Cost in nats of reaching each signature from each known set, shape (signatures, sets)."""
        have = self._rows(signatures)  # (signatures, events)
        more = (have * self._more) @ (1.0 - self._known).T
        less = ((1.0 - have) * self._less) @ self._known.T
        foreign = [sum(event not in self.column for event in signature) for signature in signatures]
        never = -math.log(0.5 / (self.sessions + 1))
        return np.asarray(self._start + more + less + never * np.array(foreign)[:, np.newaxis])

    def _rows(self, signatures: Sequence[Signature]) -> Floats:
        rows = np.zeros((len(signatures), len(self.column)))
        for row, signature in enumerate(signatures):
            rows[row, [self.column[event] for event in signature if event in self.column]] = 1.0
        return rows
