"""RedBeat's timetable, that finds its way back to a Redis which was away, or came back having forgotten everything.

RedBeat takes its lock and stores its schedule once, when it starts. Without either of them it ends, or goes on and
sends nothing: then no source is polled, and nothing says so.
"""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

from redbeat.schedulers import RedBeatScheduler, acquire_distributed_beat_lock
from redis.exceptions import RedisError

log = logging.getLogger("siem_anomaly.beat")


class Timetable(RedBeatScheduler):  # type: ignore[misc]
    """Stores the schedule whenever it has taken the lock; waits for it as a standby does where another has it."""

    is_stored = False
    """Whether the schedule has been stored since the lock was taken."""

    def tick(self, *args: Any, **kwargs: Any) -> float:  # noqa: ANN401 - Celery's own
        """Send what is due; seconds until the next look. A Redis that does not answer is asked again then."""
        try:
            if self.lock is None or not self.lock.owned():
                log.warning("beat has lost its lock, or never had it; waiting for it")
                self.is_stored = False
                acquire_distributed_beat_lock(sender=SimpleNamespace(scheduler=self))
            if not self.is_stored:
                self.setup_schedule()
                self.is_stored = True
            return float(super().tick(*args, **kwargs))
        except RedisError as error:
            log.warning("beat cannot reach Redis: %s; trying again", error)
            return float(self.max_interval)
