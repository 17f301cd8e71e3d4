"""Stopping in time: the poll in hand is finished if it can be soon, and dropped if not. Nothing has to be repaired.

A poll may be dropped at any instruction: its checkpoint is committed last, and the next poll repeats it whole.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterable
from threading import Event, Timer

log = logging.getLogger("siem_anomaly.stop")

GRACE_S = 8.0
"""How long a poll in hand may take to end: containers are given ten seconds before they are killed."""


def by_signal() -> Event:
    """Set by SIGTERM or Ctrl-C: no other poll is begun. One that does not end within `GRACE_S` is dropped."""
    stop = Event()

    def told(*_: object) -> None:
        if not stop.is_set():
            stop.set()
            drop_later(tuple)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    return stop


def drop_later(children: Callable[[], Iterable[int]]) -> None:
    """End this process and its `children`, by pid, after `GRACE_S`, if it has not ended by itself."""
    timer = Timer(GRACE_S, _drop, (children,))
    timer.daemon = True  # a process that ends in time does not wait for it
    timer.start()


def _drop(children: Callable[[], Iterable[int]]) -> None:
    log.warning("the poll in hand takes longer than %.0f s: dropped, and repeated by whoever polls next", GRACE_S)
    for pid in children():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os._exit(0)
