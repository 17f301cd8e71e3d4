"""Putting work on the queue from outside of a worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from plugin.config import CelerySettings
from plugin.errors import Unavailable

TASK_LIMIT_S = 300
"""A poll is bounded by `max_hits`; one that takes five minutes hangs."""
VISIBILITY_S = 900
"""After this Redis hands an unacknowledged task to another worker: more than the task limit, so none runs twice."""
MAX_PAUSE_S = VISIBILITY_S - TASK_LIMIT_S
"""A task that waits longer for its time would be handed out meanwhile, and be two."""
BACKFILL = "siem_anomaly.backfill"
"""The task's name: `backfill(source, from, to, pause)`; milliseconds, and seconds."""


def enqueue(settings: CelerySettings, task: str, calls: Iterable[Sequence[object]]) -> None:
    """One task for each list of arguments.

    Raises:
        Unavailable: the broker cannot be reached; those before it are queued.
    """
    from celery import Celery  # noqa: PLC0415 - half a second that few commands need
    from kombu.exceptions import OperationalError  # noqa: PLC0415

    app = Celery("siem_anomaly", broker=settings.broker.get_secret_value())
    app.conf.update(task_serializer="json", task_publish_retry=False, broker_connection_timeout=5)
    try:
        for arguments in calls:
            app.send_task(task, args=list(arguments))
    except OperationalError:
        raise Unavailable(
            "the broker cannot be reached: check celery.broker and that it runs, or work in this process with --here"
        ) from None
    finally:
        app.close()
