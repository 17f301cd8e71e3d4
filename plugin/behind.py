"""Writing behind: while a backlog is worked off, a checkpoint of many open sessions is not stored after each poll.

Records are written before it and never twice, so a checkpoint that was held back costs whoever polls next a repetition,
and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from plugin.ports import Checkpoint, Checkpoints, Ports

SHARE = 20
"""Storing takes at most one part in so many of the time, but for the last one."""


@contextmanager
def writing_behind(ports: Ports, source: str, clock: Callable[[], float] = time.monotonic) -> Iterator[Ports]:
    """The same ports, whose store of checkpoints is now and then behind for one source. When the block ends it is not.

    Raises:
        PollInProgress, Unavailable, Refused: as `commit` does, at the end too.
    """
    behind = _Behind(ports.checkpoints, source, clock)
    try:
        yield replace(ports, checkpoints=behind)
    finally:
        behind.store()


class _Behind:
    """Implements `Checkpoints`."""

    def __init__(self, checkpoints: Checkpoints, source: str, clock: Callable[[], float]) -> None:
        self._checkpoints = checkpoints
        self._source = source
        self._clock = clock
        self._held: Checkpoint | None = None
        self._replacing: Checkpoint | None = None
        """What is stored while one is held."""
        self._size = 0
        self._due = float("-inf")

    def load(self, source: str) -> Checkpoint | None:
        """The one that is held, or the store's."""
        return self._held if source == self._source and self._held else self._checkpoints.load(source)

    def commit(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> int:
        """Hold it, or store it when that is due. Returns the size of the last one that was stored."""
        if checkpoint.source != self._source:
            return self._checkpoints.commit(checkpoint, replacing)
        if self._held is None:
            self._replacing = replacing
        self._held = checkpoint
        if self._clock() >= self._due:
            self.store()
        return self._size

    def store(self) -> None:
        """What is held, if anything is."""
        if self._held is None:
            return
        held, self._held = self._held, None
        begun = self._clock()
        self._size = self._checkpoints.commit(held, self._replacing)
        now = self._clock()
        self._due = now + (SHARE - 1) * (now - begun)
