"""A real prefork Celery worker on a real Redis and a real Elasticsearch: killed at any moment, it loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis

from plugin import bundle as bundles
from plugin import config, tasks, wiring
from plugin.commands import backfill as backfills
from plugin.commands.follow import catch_up
from plugin.config import Settings
from plugin.documents import record_id
from tests import lines, servers
from tests.proxy import proxy

pytestmark = pytest.mark.live

HITS = lines.hits([*lines.texts(60, seed=7), lines.strange()])
WAIT_S = 120.0
"""Longest wait for a condition: a worker that loads torch on a busy machine takes half a minute."""


@pytest.fixture
def site(elastic_url: str, redis_url: str, prefix: str, tmp_path: Path) -> Path:
    """A settings file, a bundle in use, templates installed, and a day of documents to poll."""
    begin = int(lines.DAY.timestamp() * 1000)
    bundles.save(replace(lines.watchful(), source="day", until=begin), tmp_path / "bundles")
    bundles.use(tmp_path / "bundles", "day", lines.watchful().id)
    path = tmp_path / "settings.toml"
    path.write_text(
        f'bundles = "{tmp_path / "bundles"}"\n'
        f'[elasticsearch]\nurl = "{elastic_url}"\nprefix = "{prefix}"\n'
        f'[celery]\nbroker = "{redis_url}"\n'
        f'[sources.day]\nindices = ["{prefix}logs"]\ntime_field = "@timestamp"\nmax_window_s = 1800\ndelay_s = 1\n',
        encoding="utf-8",
    )
    list(wiring.installer(config.load(path)).steps())
    _bulk(elastic_url, f"{prefix}logs")
    return path


def _bulk(url: str, index: str) -> None:
    rows: list[object] = []
    for hit in HITS:
        rows += [{"create": {"_id": hit.id}}, hit.fields]
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    request = urllib.request.Request(  # noqa: S310 - always http, on loopback
        f"{url}/{index}/_bulk?refresh=true", body, {"Content-Type": "application/x-ndjson"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        assert not json.load(answer)["errors"]


def _records(settings: Settings) -> set[str]:
    """The ids of all records of this site."""
    given = settings.elasticsearch
    with urllib.request.urlopen(f"{given.url}/{given.prefix}-records-*/_refresh", data=b""):  # noqa: S310
        pass
    with urllib.request.urlopen(f"{given.url}/{given.prefix}-records-*/_search?size=1000") as answer:  # noqa: S310
        return {hit["_id"] for hit in json.load(answer)["hits"]["hits"]}


def _expected(path: Path, earlier_s: float = 0.0) -> set[str]:
    """The ids that an undisturbed run writes which begins to look so much earlier: a dry run of the same site, here."""
    settings = config.load(path)
    polling = wiring.polling(settings, ("day", 0))
    bundle = replace(polling.bundle, until=polling.bundle.until - round(earlier_s * 1000))
    long = polling.settings.model_copy(update={"max_window_s": 86_400.0 * 3650})
    whole = replace(polling, bundle=bundle, settings=long)
    (polled,) = catch_up(whole, wiring.build(settings), dry_run=True)
    return {record_id(anomaly) for anomaly in polled.anomalies}


def _worker(path: Path, name: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A prefork worker in a process group of its own."""
    return _celery(path, name, "worker", "--concurrency", "1", "-n", name)


def _beat(path: Path, name: str, *options: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A timetable."""
    return _celery(path, name, "beat", "--pidfile", "", *options)


@contextmanager
def _celery(path: Path, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "celery", "-A", "plugin.tasks", *arguments]
    environment = {**os.environ, tasks.CONFIG_VARIABLE: str(path), "OMP_NUM_THREADS": "1"}
    with (path.parent / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--loglevel", "WARNING"], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _broker(site: Path, more: str = "") -> Iterator[tuple[str, Callable[[], None], Path]]:
    """The url of a Redis of one's own, what kills and restarts it empty, and the site's settings with it."""
    with servers.redis() as broker:
        if broker.restart is None:
            pytest.skip("REDIS_TEST_URL's server is not ours to kill")
        there = site.with_name("other-redis.toml")
        old = config.load(site).celery.broker.get_secret_value()
        there.write_text(site.read_text().replace(old, broker.url) + more)
        yield broker.url, broker.restart, there


def _until(ready: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + WAIT_S
    while not ready():
        assert time.monotonic() < limit, f"waited {WAIT_S:.0f} s for {what}"
        time.sleep(0.05)


def _checkpoint(settings: Settings) -> int:
    """How far the source has been judged, milliseconds; 0 before the first commit."""
    stored = wiring.build(settings).checkpoints.load("day")
    return stored.until if stored else 0


def _ask(path: Path) -> None:
    """Put one poll on the queue, as the beat does."""
    tasks.create(config.load(path)).send_task("siem_anomaly.poll", args=["day"])


def _caught_up(settings: Settings) -> bool:
    """Whether an hour past the last document has been judged, ends of sessions included."""
    return _checkpoint(settings) > max(hit.clock for hit in HITS) // 1_000_000 + 3_600_000


def test_a_worker_killed_twice_in_mid_poll_writes_the_same_records(site: Path) -> None:
    """SIGKILL of the whole worker, twice at moments when a poll is under way, then one left alone: the same set."""
    settings = config.load(site)
    expected = _expected(site)
    assert expected
    for n in range(2):
        with _worker(site, f"killed{n}") as worker:
            before = _checkpoint(settings)
            _ask(site)
            _until(lambda before=before: _checkpoint(settings) > before, "a commit")  # type: ignore[misc]
            os.killpg(worker.pid, signal.SIGKILL)
    with _worker(site, "last"):
        _ask(site)
        _until(lambda: _caught_up(settings), "the last document")
    assert _records(settings) == expected


def test_two_workers_on_one_source_write_each_record_once(site: Path) -> None:
    """Two deliveries of the same poll to two workers at once end with the same set of records."""
    settings = config.load(site)
    expected = _expected(site)
    with _worker(site, "one"), _worker(site, "two"):
        for _ in range(4):
            _ask(site)
        _until(lambda: _caught_up(settings), "the last document")
    assert _records(settings) == expected


def test_the_timetable_polls_every_source_and_piles_nothing_up(site: Path) -> None:
    """Each source has its entry, at its own interval, and a poll that no worker took expires with it."""
    app = tasks.create(config.load(site))
    entry = app.conf.beat_schedule["poll-day"]
    assert (entry["args"], entry["schedule"], entry["options"]) == (["day", 0], 30.0, {"expires": 30.0})


def _pointed_at(path: Path, url: str, *more: str) -> Path:
    """The same site, its Elasticsearch found elsewhere."""
    old = config.load(path).elasticsearch.url
    there = path.with_name("there.toml")
    there.write_text(path.read_text().replace(old, url) + "".join(more), encoding="utf-8")
    return there


def test_a_worker_told_to_stop_ends_within_ten_seconds(site: Path) -> None:
    """SIGTERM while the server answers nothing: the poll in hand is dropped, and the next one misses nothing."""
    settings = config.load(site)
    expected = _expected(site)
    with proxy(settings.elasticsearch.url) as (url, plan):
        there = _pointed_at(site, url)
        with _worker(there, "stopped") as worker:
            _ask(there)
            _until(lambda: _checkpoint(settings) > 0, "a commit")
            plan.stalled.set()
            before = plan.n_requests
            _until(lambda: plan.n_requests > before, "a request that is not answered")
            worker.terminate()
            assert worker.wait(10.0) == 0
    with _worker(site, "next"):
        _ask(site)
        _until(lambda: _caught_up(settings), "the last document")
    assert _records(settings) == expected


def test_following_told_to_stop_ends_within_ten_seconds(site: Path) -> None:
    """The same for `poll --follow`; left alone it would wait half a minute for an answer."""
    with proxy(config.load(site).elasticsearch.url) as (url, plan):
        plan.stalled.set()
        command = [sys.executable, "-m", "plugin.cli", "--config", str(_pointed_at(site, url)), "poll", "--follow"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
        _until(lambda: plan.n_requests > 0, "a request")
        process.terminate()
        _, words = process.communicate(timeout=10.0)
    assert process.returncode == 0
    assert b"dropped, and repeated by whoever polls next" in words


def test_the_figures_of_all_processes_are_at_one_endpoint(site: Path) -> None:
    """Prometheus reads from the worker what its children counted, each source by name."""
    settings, port = config.load(site), servers.free_port()
    there = _pointed_at(site, settings.elasticsearch.url, f"[metrics]\nport = {port}\n")
    with _worker(there, "measured"):
        _ask(there)
        _until(lambda: _caught_up(settings), "the last document")
        figures = dict[str, float]()

        def read() -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                rows = [row.rpartition(" ") for row in answer.read().decode().splitlines() if not row.startswith("#")]
            figures.update({name: float(value) for name, _, value in rows})
            return figures.get('siem_anomaly_events_total{source="day"}') == len(HITS)

        _until(read, "the figures of the last poll")
    assert figures['siem_anomaly_records_total{source="day"}'] == len(_records(settings))
    assert figures['siem_anomaly_station_seconds_total{source="day",station="read"}'] > 0
    assert figures['siem_anomaly_lag_seconds{source="day"}'] > 0


def test_a_redis_that_is_killed_loses_no_anomaly(site: Path) -> None:
    """With all it held: the worker finds it again, and the next poll goes on where the checkpoint says."""
    settings, expected = config.load(site), _expected(site)
    with _broker(site) as (_, restart, there), _worker(there, "orphan"):
        _ask(there)
        _until(lambda: _checkpoint(settings) > 0, "a commit")
        restart()
        _ask(there)
        _until(lambda: _caught_up(settings), "the last document")
    assert _records(settings) == expected


def test_a_redis_that_forgot_its_timetable_is_told_it_again(site: Path) -> None:
    """Flushed, then restarted empty, with two beats at it: either goes on sending, and nobody has to start it anew."""
    settings = config.load(site)
    with (
        _broker(site, "interval_s = 1\n") as (url, restart, there),
        _beat(there, "beat-three"),
        _beat(there, "beat-four"),
        _worker(there, "told-again"),
    ):
        _until(lambda: _caught_up(settings), "the last document")
        for forget in (Redis.from_url(url).flushall, restart):
            forget()
            last = _checkpoint(settings)  # polls that were queued may still come, one second's or two
            _until(lambda last=last: _checkpoint(settings) > last + 8_000, "polls after it")  # type: ignore[misc]


def test_two_beats_poll_no_source_twice_at_once(site: Path) -> None:
    """A standby beat waits for the lock; whichever sends, the records are there once."""
    settings, expected = config.load(site), _expected(site)
    often = site.with_name("often.toml")
    often.write_text(site.read_text() + "interval_s = 1\n")
    with _beat(often, "beat-one"), _beat(often, "beat-two"), _worker(often, "beaten"):
        _until(lambda: _caught_up(settings), "the last document")
    assert _records(settings) == expected


def test_a_beat_that_dies_is_stood_in_for(site: Path) -> None:
    """SIGKILL of the one that sends: when its lock has run out, here after five seconds, the other has it, and polls
    go on.
    """
    settings, short = config.load(site), ("redbeat.lock_timeout=(int)5", "beat.max_loop_interval=1")
    with (
        _broker(site, "interval_s = 1\n") as (url, _, there),
        Redis.from_url(url) as redis,
        _worker(there, "stood-by"),
        _beat(there, "beat-dying", *short) as dying,
    ):
        _until(lambda: _caught_up(settings), "the last document")
        with _beat(there, "beat-standby", *short):
            _until(lambda: "set" in {each["cmd"] for each in redis.client_list()}, "the other one to ask for the lock")
            lock, last = redis.get("redbeat::lock"), _checkpoint(settings)
            _until(lambda: _checkpoint(settings) > last + 2_000, "polls while it waits")
            assert redis.get("redbeat::lock") == lock is not None
            os.killpg(dying.pid, signal.SIGKILL)
            _until(lambda: redis.get("redbeat::lock") not in {lock, None}, "another lock")
            last = _checkpoint(settings)
            _until(lambda: _checkpoint(settings) > last + 4_000, "polls after it")


def test_the_past_is_judged_by_workers_that_are_killed(site: Path) -> None:
    """`backfill` queues pieces; a worker dies over them, the command is given again, and the set is the same."""
    settings = config.load(site)
    day = f"{lines.DAY:%Y-%m-%dT%H:%M:%S}", f"{lines.DAY + timedelta(days=2):%Y-%m-%dT%H:%M:%S}"
    options = ["--source", "day", "--from", day[0], "--to", day[1], "--hours", "6", "--no-wait"]
    command = [sys.executable, "-m", "plugin.cli", "--config", str(site), "backfill", *options]
    polling = wiring.polling(settings, ("day", 0))
    since, until = (round(datetime.fromisoformat(f"{at}Z").timestamp() * 1000) for at in day)
    spans = backfills.pieces(since, until, 6.0, until)

    def done() -> float:
        return sum(piece.done for piece in backfills.progress(polling, spans, wiring.build(settings)))

    with _worker(site, "digging") as worker:
        subprocess.run(command, check=True, capture_output=True)
        _until(lambda: done() > 0.0, "some of the past")
        os.killpg(worker.pid, signal.SIGKILL)
    with _worker(site, "digging-on"):
        words = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        _until(lambda: done() == len(spans), "all of the past")
    assert "of 8 pieces are queued" in words
    assert _records(settings) == _expected(site, earlier_s=polling.lead / 1000)
