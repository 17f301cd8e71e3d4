"""Where the time of a poll goes: seconds by station."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Thing = TypeVar("Thing")


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

    def each(self, station: str, things: Iterable[Thing]) -> Iterator[Thing]:
        """The same things; the time until each is there is the station's."""
        coming = iter(things)
        while True:
            with self.on(station):
                found = next(coming, None)
            if found is None:
                return
            yield found
