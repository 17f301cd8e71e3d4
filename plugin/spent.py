"""Where the time of a poll goes: seconds by station."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Spent:
    """Adds up; a station that is visited twice has both."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock

    @contextmanager
    def on(self, station: str) -> Iterator[None]:
        """The block's time is the station's."""
        started = self._clock()
        try:
            yield
        finally:
            self.seconds[station] = self.seconds.get(station, 0.0) + self._clock() - started
