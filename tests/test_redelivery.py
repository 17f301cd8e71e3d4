"""Redis hands out a task again that nobody has acknowledged in time, while the first worker is still at it.

Real prefork workers, a real Redis that is impatient, and a real Elasticsearch; the first worker is held in mid-poll
until another one has done the whole task, then let go.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from elasticsearch import Elasticsearch
from redis import Redis

from plugin import config, wiring
from plugin.config import Settings
from plugin.documents import iso
from tests import lines, servers, test_tasks
from tests.proxy import proxy

pytestmark = pytest.mark.live

site = test_tasks.site
"""The fixture: a day of documents, a bundle in use, settings that name both."""
IMPATIENT = {"visibility_timeout": 2, "unacked_restore_interval": 1, "unacked_restore_throttle": 1}
"""Seconds until a task is handed out again, and that the broker is looked through each second for such ones."""
NEWS = "news"
"""The id of a document that comes when all is over."""


@dataclass
class Hold:
    """The first request to a path, which goes no further until it is let go."""

    path: str
    """A part of it."""
    begun: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def __call__(self, path: str, _body: bytes) -> None:
        """Keep it, if it is the one."""
        if self.path in path and not self.begun.is_set():
            self.begun.set()
            self.over.wait(test_tasks.WAIT_S)


class Hall(NamedTuple):
    """A site whose broker is impatient."""

    path: Path
    """Its settings: many short polls."""
    at_once: Path
    """The same, a day in each poll."""
    settings: Settings
    broker: Redis

    def worker(self, name: str, path: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """A prefork worker with one process, which is told how patient the broker is: Celery's own way to say so."""
        options = f"broker.transport_options=(json){json.dumps(IMPATIENT)}"
        return test_tasks._celery(path, name, "worker", "--concurrency", "1", "-n", name, options)

    def said(self, name: str) -> str:
        """What a worker has logged."""
        return (self.path.parent / f"{name}.log").read_text(encoding="utf-8")

    def idle(self) -> bool:
        """Whether no task waits, and none is at a worker that the broker knows of."""
        return not self.broker.llen("celery") and not self.broker.hlen("unacked")

    def done_by_another(self) -> None:
        """A second worker gets the only task there is, does it to its end and is gone."""
        with self.worker("other", self.at_once):
            test_tasks._until(lambda: test_tasks._caught_up(self.settings) and self.idle(), "the other worker")

    def done_by_who_was_late(self, client: Elasticsearch, index: str) -> None:
        """One more document; the late worker, the only one that is left, judges it with its next task."""
        logs, judged = wiring.build(self.settings).logs, test_tasks._checkpoint(self.settings)
        shape = {"host": {"name": lines.HOST}, "process": {"name": "useradd", "pid": 4_242}, "message": lines.STRANGE}
        client.index(index=index, id=NEWS, document={"@timestamp": iso(judged / 1000 + 0.5)} | shape, refresh=True)
        test_tasks._until(lambda: logs.now() > judged + 3_000, "its time to come")
        test_tasks._ask(self.path)
        test_tasks._until(
            lambda: test_tasks._checkpoint(self.settings) > judged + 500 and self.idle(), "the late worker's next task"
        )


def _hall(here: Path, broker: Redis) -> Hall:
    at_once = here.with_name("at-once.toml")
    at_once.write_text(here.read_text().replace("max_window_s = 1800", "max_window_s = 86400"), encoding="utf-8")
    return Hall(here, at_once, config.load(here), broker)


def _records(client: Elasticsearch, prefix: str) -> tuple[list[str], int]:
    """The id of every record of the day, ordered, as often as it is there; and how many tell of the last document.

    None has ever been written over.
    """
    client.indices.refresh(index=f"{prefix}-records-*")
    hits = client.search(index=f"{prefix}-records-*", size=1_000, version=True)["hits"]["hits"]
    assert {hit["_version"] for hit in hits} == {1}
    news = [hit["_id"] for hit in hits if hit["_source"]["siem_anomaly"]["source"]["ids"] == [NEWS]]
    return sorted(hit["_id"] for hit in hits if hit["_id"] not in news), len(news)


def test_a_task_that_another_did_meanwhile_changes_nothing(site: Path, client: Elasticsearch, prefix: str) -> None:
    """Its records are written and its checkpoint is held by the network until another worker has done the same task:
    it then finds that the other was first, nothing is there twice, and it works on.
    """
    settings, expected, hold = config.load(site), test_tasks._expected(site), Hold("-state/_create/")
    assert expected
    with (
        test_tasks._broker(site) as (broker, _, here),
        proxy(settings.elasticsearch.url) as (url, plan),
        Redis.from_url(broker) as redis,
    ):
        hall, plan.instead = _hall(here, redis), hold
        with hall.worker("late", test_tasks._pointed_at(hall.at_once, url)) as late:
            test_tasks._ask(here)
            test_tasks._until(hold.begun.is_set, "the first worker's checkpoint")
            assert _records(client, prefix) == (sorted(expected), 0)
            hall.done_by_another()
            assert "another worker was first" not in hall.said("late")
            hold.over.set()
            test_tasks._until(lambda: "another worker was first" in hall.said("late"), "the late worker's poll")
            hall.done_by_who_was_late(client, f"{prefix}logs")
            assert late.poll() is None
        assert "Traceback" not in hall.said("late") + hall.said("other")
    assert _records(client, prefix) == (sorted(expected), 1)


def test_a_worker_that_stood_still_meanwhile_changes_nothing(site: Path, client: Elasticsearch, prefix: str) -> None:
    """SIGSTOP between two commits until another has done its task, then SIGCONT: the same records, and it works on."""
    expected = test_tasks._expected(site)
    with test_tasks._broker(site) as (broker, _, here), Redis.from_url(broker) as redis:
        hall = _hall(here, redis)
        with hall.worker("late", hall.path) as late:
            test_tasks._ask(here)
            test_tasks._until(lambda: test_tasks._checkpoint(hall.settings) > 0, "a commit")
            (child,) = servers._children(late.pid)
            os.kill(child, signal.SIGSTOP)
            assert not test_tasks._caught_up(hall.settings)
            hall.done_by_another()
            os.kill(child, signal.SIGCONT)
            hall.done_by_who_was_late(client, f"{prefix}logs")
            assert servers._children(late.pid) == (child,)
        assert "Traceback" not in hall.said("late") + hall.said("other")
    assert _records(client, prefix) == (sorted(expected), 1)


def test_a_worker_that_stands_still_beyond_the_time_limit_is_replaced(
    site: Path, client: Elasticsearch, prefix: str
) -> None:
    """SIGSTOP between two commits: at the limit, here five seconds, the process is killed and another takes its place;
    what had been committed stays, and the next tasks end with the same records.
    """
    expected, limits = test_tasks._expected(site), ("task.soft_time_limit=4", "task.time_limit=5")
    with test_tasks._broker(site) as (broker, _, here), Redis.from_url(broker) as redis:
        hall = _hall(here, redis)
        with test_tasks._celery(here, "still", "worker", "--concurrency", "1", "-n", "still", *limits) as still:

            def gone_on() -> bool:
                if hall.idle():  # the limit is short: one task may not do
                    test_tasks._ask(here)
                return test_tasks._caught_up(hall.settings)

            test_tasks._ask(here)
            test_tasks._until(lambda: test_tasks._checkpoint(hall.settings) > 0, "a commit")
            (child,) = servers._children(still.pid)
            os.kill(child, signal.SIGSTOP)
            stood = test_tasks._checkpoint(hall.settings)
            assert not test_tasks._caught_up(hall.settings)
            test_tasks._until(lambda: servers._children(still.pid) not in {(child,), ()}, "another process")
            assert test_tasks._checkpoint(hall.settings) >= stood
            test_tasks._until(gone_on, "the last document")
            assert child not in servers._children(still.pid)
        assert "Hard time limit (5.0s) exceeded" in hall.said("still")
    assert _records(client, prefix) == (sorted(expected), 0)
