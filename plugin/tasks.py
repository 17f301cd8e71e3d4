"""The Celery face: one task polls one source; the timetable is RedBeat's, over Redis, which holds nothing else.

    SIEM_ANOMALY_CONFIG=settings.toml celery -A plugin.tasks worker        # any number of them
    SIEM_ANOMALY_CONFIG=settings.toml celery -A plugin.tasks beat          # or several: a lock lets one work

Two deliveries of one poll are harmless: the checkpoint's compare-and-set lets one of them through.

A poll that nobody took within its interval is dropped: beat's clock says until when, a worker's that it is over. So the
clocks of their machines must agree within the shortest `interval_s`, or a worker that is ahead drops every poll unseen.
To wait longer would pile polls of one source up wherever workers are busy, and each would get in the others' way.
"""

from __future__ import annotations

import logging
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import (
    beat_init,
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)

from plugin import config, logs, stopping, wiring
from plugin.commands import backfill as backfills
from plugin.commands.follow import after, attend, share_s
from plugin.config import Settings
from plugin.doors import metrics, queue
from plugin.errors import PollInProgress, Refused, Unavailable
from plugin.ports import Nobody, Ports, Span, Watch

log = logging.getLogger("siem_anomaly.tasks")

CONFIG_VARIABLE = "SIEM_ANOMALY_CONFIG"
MAX_TURN_S = queue.TASK_LIMIT_S / 2
"""A source is worked on at most so long at a time, whatever its interval: its last poll is to end within the limit."""


def create(settings: Settings) -> Celery:
    """The application: its settings are pinned here, for defaults differ between releases."""
    broker = settings.celery.broker.get_secret_value()
    made = Celery("siem_anomaly", broker=broker)
    made.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        task_reject_on_worker_lost=False,  # True turns an out-of-memory kill into a loop; the next beat resumes
        task_time_limit=queue.TASK_LIMIT_S,
        task_soft_time_limit=queue.TASK_LIMIT_S - 30,
        broker_transport_options={"visibility_timeout": queue.VISIBILITY_S},
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_proc_alive_timeout=60,  # on a busy machine a child takes longer than the default 4 s allows
        worker_max_tasks_per_child=500,
        beat_scheduler="plugin.timetable:Timetable",
        redbeat_redis_url=broker,
        beat_max_loop_interval=5,
        redbeat_lock_timeout=25,  # the default of 25 minutes would stall polling as long when a beat dies
        beat_schedule={
            f"poll-{name}" + (f"-{part}" if part else ""): {
                "task": "siem_anomaly.poll",
                "schedule": settings.source(name).interval_s,
                "args": [name, part],
                "options": {"expires": settings.source(name).interval_s},  # no pile-up while workers are down
            }
            for name, part in wiring.shares(settings, settings.sources)
        },
    )
    return made


def _settings() -> Settings:
    path = os.environ.get(CONFIG_VARIABLE)
    return config.load(Path(path) if path else None)


app = create(_settings())
_ports: dict[str, Ports] = {}
"""This process's own: a client is never inherited over a fork, whose two sides would share its sockets."""


_pool: dict[str, Any] = {}
"""This worker's processes, once they are there."""


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log(**_: Any) -> None:  # noqa: ANN401 - Celery passes what it likes
    logs.set_up()


@worker_init.connect  # type: ignore[untyped-decorator]
def _serve(**_: Any) -> None:  # noqa: ANN401
    """Before the fork: one endpoint for this worker and its children."""
    if (given := _settings().metrics).port:
        metrics.share()
        metrics.serve(given)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _forget(pid: int, **_: Any) -> None:  # noqa: ANN401
    if _settings().metrics.port:
        metrics.forget(pid)


@worker_ready.connect  # type: ignore[untyped-decorator]
def _remember(sender: Any, **_: Any) -> None:  # noqa: ANN401
    _pool["of"] = sender.pool


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop(**_: Any) -> None:  # noqa: ANN401
    """A warm shutdown waits for the polls in hand, but not for ever."""
    stopping.drop_later(lambda: _pool["of"].info.get("processes", ()) if "of" in _pool else ())


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _start(**_: Any) -> None:  # noqa: ANN401
    """After the fork: the client, whose connections cannot be shared."""
    _connected()


@beat_init.connect  # type: ignore[untyped-decorator]
def _begin(**_: Any) -> None:  # noqa: ANN401
    log.info("beat sources=%s", ",".join(app.conf.beat_schedule))


@app.task(name="siem_anomaly.poll")  # type: ignore[untyped-decorator]
def poll(source: str, part: int = 0, until: float | None = None) -> None:
    """Poll one source, or a part of it, for its share of the time; what fails is tried by the next beat.

    What is left goes to the end of the queue, so that others have their turn, until the next beat (`until`, seconds
    since the epoch) brings a task of its own.
    """
    settings = _settings()
    if part >= settings.source(source).partitions:  # of a timetable that is out of date
        return
    polling = wiring.polling(settings, (source, part))
    until = until or time.time() + polling.settings.interval_s
    turn_s = min(share_s(polling.settings, len(wiring.shares(settings, settings.sources))), MAX_TURN_S)
    attended = attend(polling, _connected(), after(turn_s), _watch())
    if attended.left and (rest := until - time.time()) > 0:
        poll.apply_async(args=[source, part, until], expires=rest)


@app.task(name=queue.BACKFILL)  # type: ignore[untyped-decorator]
def backfill(source: str, lo: int, hi: int, pause_s: float) -> None:
    """Judge a piece of the past for a while, then queue what is left of it; others have their turn in between."""
    settings = _settings()
    polling, span = wiring.polling(settings, (source, 0)), Span(lo, hi)
    try:
        enough = after(min(share_s(polling.settings, len(settings.sources)), MAX_TURN_S))
        done = backfills.work(polling, span, _connected(), enough).done
    except (PollInProgress, Unavailable, SoftTimeLimitExceeded) as error:
        log.warning("backfill source=%s from=%d %s; trying again", source, lo, error)
        done, pause_s = 0.0, min(max(pause_s, polling.settings.interval_s), queue.MAX_PAUSE_S)
    except Refused as error:
        log.error("backfill source=%s from=%d given up: %s", source, lo, error)
        return
    log.info("backfill source=%s from=%d to=%d done=%.0f%%", source, lo, hi, 100 * done)
    if done < 1.0:
        backfill.apply_async(args=[source, lo, hi, pause_s], countdown=pause_s)


@lru_cache(maxsize=1)
def _watch() -> Watch:
    """This process's own, too."""
    return metrics.Meter() if _settings().metrics.port else Nobody()


def _connected() -> Ports:
    if "ports" not in _ports:
        _ports["ports"] = wiring.build(_settings())
    return _ports["ports"]
