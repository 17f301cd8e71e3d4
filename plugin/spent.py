"""Where the time of a poll goes: seconds by station."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Spent:
    """Adds up; a station that is visited twice has both."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def on(self, station: str) -> Iterator[None]:
        """The block's time is the station's."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[station] = self.seconds.get(station, 0.0) + time.perf_counter() - started
