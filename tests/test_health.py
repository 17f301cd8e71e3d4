"""What polls tell of themselves, in health documents, to Prometheus and by `status`; and turns that are cut short."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
from celery.exceptions import SoftTimeLimitExceeded
from elasticsearch import Elasticsearch
from typer.testing import CliRunner

from plugin import bundle as bundles
from plugin import config, tally, tasks, wiring
from plugin.bundle import Bundle
from plugin.cli import app
from plugin.commands.follow import after, attend, catch_up, never
from plugin.commands.poll import Polled, Polling
from plugin.commands.status import status
from plugin.config import MetricsSettings, Settings
from plugin.documents import iso, record_id
from plugin.doors import metrics, queue
from plugin.errors import ConfigError, PluginError, PollInProgress, Refused, Unavailable
from plugin.ports import Document, Nobody, Ports, Watch
from plugin.training import Plan, learn
from tests import lines, servers
from tests.fakes import FakeAnomalies, FakeCheckpoints
from tests.histories import parts
from tests.test_late import BEGIN, put, without
from tests.test_law import Disturbed
from tests.test_poll import DAY_MS, HITS, polling, records
from tests.test_status import Failing
from tests.test_tasks import _until as until
from tests.test_tasks import _worker as worker


@cache
def taught() -> Bundle:
    """It ends its training before the day that is polled; one view, learnt in a moment, two sessions open at most."""
    view = lines.views()["rarity"].model_copy(update={"max_sessions": 2})
    plan = Plan("day", {"rarity": view}, 5.0, "2026-11-22-01", "2026-11-22T00:00:00Z", BEGIN)
    learnt, _ = learn(lines.lines(lines.texts()), plan, lines.silent)
    return learnt.with_cut(8.0, "2026-11-22-02", "2026-11-22T01:00:00Z")


class Site:
    """A day's documents on fakes, polled a turn at a time, each a second after the one before."""

    def __init__(self, name: str = "day", watch: Watch | None = None) -> None:
        self.logs, self.anomalies, self.checkpoints = without(HITS, []), FakeAnomalies(), FakeCheckpoints()
        self.ports, self.watch = Ports(self.logs, self.anomalies, self.checkpoints), watch or Nobody()
        source = polling(replace(taught()), max_window_s=20_000.0, max_late_s=3 * 86_400.0)  # remembers no message yet
        self.polling = replace(source, name=name)

    def add(self, second: float, **fields: Any) -> None:
        """One more document, of a second of the day."""
        id = f"more-{len(self.logs.documents)}"
        self.logs.put("logs-auth", id, {"@timestamp": iso(lines.DAY.timestamp() + second), **fields})

    def turn(self) -> bool:
        """One poll, and a look for what came late; whether something of the backlog is left."""
        self.logs.clock_ms += 1_000
        return attend(self.polling, self.ports, after(0.0), self.watch).left

    def catch_up(self) -> None:
        """Turns until nothing is left."""
        while self.turn():
            pass

    def written(self, kind: str) -> list[Document]:
        """Our documents of one kind, oldest first."""
        return [body for (index, _), body in self.anomalies.documents.items() if f"-{kind}-" in index]

    @property
    def health(self) -> list[Mapping[str, Any]]:
        """What each turn has told."""
        return [body["siem_anomaly"]["health"] for body in self.written("health")]


# --- what is counted ------------------------------------------------------------------------------------------------


EMPTY: list[tuple[float, dict[str, Any]]] = [(second, {}) for second in (100.0, 101.0, 70_000.0)]
STRANGERS = [(second, {"message": lines.strange(second)}) for second in (100.0, 70_000.0)]
SPOKEN = {"message": "Disconnected", "process.name": "sshd"}
CROWDS = [(second + n, {**SPOKEN, "host": f"host-{n}"}) for second in (3_000.0, 63_500.0) for n in range(5)]
"""Twice in the day five hosts speak at once, three more than sessions may be open."""
ADDED = {"events": EMPTY, "rejected": EMPTY, "dead_letters": EMPTY, "unknown": STRANGERS, "dropped_sessions": CROWDS}
"""Documents besides those of the day, by the figure that counts them."""
TRUTH: dict[str, Callable[[Site], int]] = {
    "events": lambda site: len(site.logs.documents),
    "late": lambda _: 2,
    "rejected": lambda _: len(EMPTY),
    "unknown": lambda _: len(STRANGERS) + 1,  # the day has one
    "cache_misses": lambda _: len({line.message for line in lines.lines([*lines.texts(20, seed=7), lines.strange()])}),
    "dropped_sessions": lambda _: 2 * (5 - 2),
    "anomalies": lambda site: len(site.written("records")),
    "suppressed": lambda site: sum(body["siem_anomaly"]["suppressed"] for body in site.written("records")),
    "records": lambda site: len(site.written("records")),
    "duplicates": lambda site: 2 * len(site.written("records")),
    "dead_letters": lambda site: len(site.written("deadletter")),
}


def latecomers(site: Site) -> None:
    """One comes within the overlap, and one hours after its time."""
    late = HITS[40]
    del site.logs.documents[late.store, late.id]
    site.catch_up()
    site.add((site.logs.clock_ms - BEGIN) / 1000 - 70.0, message="words", host="web-01")
    site.catch_up()
    put(site.logs, [late])
    site.catch_up()


class Gauges(NamedTuple):
    """What Prometheus is told, and where it asks."""

    meter: metrics.Meter
    port: int

    def of(self, source: str) -> dict[str, float]:
        """One source's figures and the process's own, as `GET /metrics` answers on loopback: `polls_total raced`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            rows = re.findall(r"^siem_anomaly_(\w+)(?:{(.*)})? (\S+)$", answer.read().decode(), re.MULTILINE)
        labelled = [(name, dict(re.findall(r'(\w+)="(.*?)"', labels)), float(value)) for name, labels, value in rows]
        own = [row for row in labelled if row[1].pop("source", source) == source and not row[0].endswith("_created")]
        return {" ".join((name, *labels.values())): value for name, labels, value in own}


@pytest.fixture(scope="module")
def gauges() -> Gauges:
    """One for all of these tests: Prometheus' registry takes each figure once a process."""
    port = servers.free_port()
    metrics.serve(MetricsSettings(port=port))
    return Gauges(metrics.Meter(), port)


@pytest.mark.parametrize("figure", [*Polled("day", "b").counts])
def test_the_figures_of_a_backlog_add_up_to_the_truth(figure: str, gauges: Gauges) -> None:
    """Turn after turn a health document tells its share, and Prometheus' counter has the sum."""
    site = Site(figure, gauges.meter)
    for second, fields in ADDED.get(figure, ()):
        site.add(second, **fields)
    (latecomers if figure == "late" else Site.catch_up)(site)
    for _ in range(2 if figure == "duplicates" else 0):  # a lost checkpoint: all is judged again
        site.checkpoints.stored.clear()
        site.catch_up()
    told = [health[figure] for health in site.health]
    assert sum(told) == gauges.of(figure)[f"{figure}_total"] == TRUTH[figure](site)
    assert sum(share > 0 for share in told) > 1


def test_how_far_a_source_is_behind_is_told_after_each_turn(gauges: Gauges) -> None:
    """The lag is the server's now less what is judged, the backlog the same without the delay; down to none."""
    site, lags, left = Site("behind", gauges.meter), list[float](), True
    while left:
        left = site.turn()
        lags.append((site.logs.clock_ms - site.checkpoints.stored["behind"].until) / 1000)
        for told in (site.health[-1], gauges.of("behind")):
            assert (told["lag_seconds"], told["backlog_seconds"]) == (lags[-1], lags[-1] - 60.0)
    assert lags[-1] == 60.0
    assert len(lags) > 5


def test_an_overlap_that_has_no_room_for_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the settings say, or so long that the documents which are told apart one by one fit in, whether a turn
    ended with a poll or with what came late.
    """
    site, late, wide = Site(), HITS[40], 3 * 86_400.0
    site.polling = replace(site.polling, settings=site.polling.settings.model_copy(update={"overlap_s": wide}))
    del site.logs.documents[late.store, late.id]
    site.turn()
    assert site.health[-1]["overlap_seconds"] == wide
    monkeypatch.setattr(tally, "MAX_HASHES", 20)
    for _ in range(2):
        site.catch_up()
        told, until = site.health[-1], site.checkpoints.stored["day"].until

        def n_since(seconds: float, until: int = until) -> int:
            return sum(until - seconds * 1000 <= hit.clock // 10**6 < until for hit in HITS)

        assert n_since(told["overlap_seconds"]) <= 20 < n_since(told["overlap_seconds"] + 1.0)
        put(site.logs, [late])
    assert told["late"] == 1


STATIONS = {"load", "count", "read", "parse", "match", "window", "score", "explain", "write", "commit"}


def test_where_the_time_went_is_told_by_station(gauges: Gauges) -> None:
    """All stations together are what the turns say they took, however many polls, and no more than went by."""
    site, begun, late = Site("timed", gauges.meter), time.perf_counter(), HITS[40]
    del site.logs.documents[late.store, late.id]
    attend(site.polling, site.ports, never, gauges.meter)
    put(site.logs, [late])
    site.catch_up()
    shown = {name.split(" ")[-1]: took for name, took in gauges.of("timed").items() if name.startswith("station")}
    assert {station for station, took in shown.items() if took > 0.0} == STATIONS
    took = sum(health["took_seconds"] for health in site.health)
    assert sum(shown.values()) == pytest.approx(took, abs=0.0006 * len(site.health))
    assert 0.0 < took < time.perf_counter() - begun


@pytest.mark.parametrize(
    ("error", "outcome"), [(PollInProgress, "raced"), (Unavailable, "degraded"), (Refused, "blocked")]
)
def test_how_polls_end_is_counted(error: type[PluginError], outcome: str, gauges: Gauges) -> None:
    """One that does not go through moves no other figure; one that does says when, and what memory was the most."""
    site = Site(outcome, gauges.meter)
    failing = Failing(site.logs.clock_ms)
    failing.documents, failing.error = site.logs.documents, error("not now")
    attend(site.polling, replace(site.ports, logs=failing), never, gauges.meter)
    assert gauges.of(outcome).keys() - {"peak_memory_bytes"} == {f"polls_total {outcome}"}
    begun, least = time.time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    site.catch_up()
    shown, n_ok = gauges.of(outcome), sum(health["status"] == "ok" for health in site.health)
    assert (shown[f"polls_total {outcome}"], shown["polls_total ok"]) == (1, n_ok)
    assert begun <= shown["last_poll_timestamp_seconds"] <= time.time()
    assert least <= shown["peak_memory_bytes"] <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_figures_are_answered_on_one_address_alone(gauges: Gauges) -> None:
    """Another one, of which loopback has some, is closed; a port that is taken is told by its key path."""
    assert "peak_memory_bytes" in gauges.of("any")
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.2:{gauges.port}/metrics")
    with pytest.raises(ConfigError, match=rf"metrics\.port: 127\.0\.0\.1:{gauges.port} cannot be listened on"):
        metrics.serve(MetricsSettings(port=gauges.port))


# --- turns that are cut short ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [PollInProgress("raced"), Unavailable("no answer"), Refused("not ours")])
def test_what_a_turn_had_done_before_it_failed_is_told(error: PluginError) -> None:
    """Judged and committed is judged: figures over all health documents add up, whatever ended a turn."""
    site = Site()

    def fail() -> None:
        raise error

    disturbed = Disturbed(site.ports, 88, "overtaken", fail)  # of the second poll, or the third
    attend(site.polling, Ports(disturbed, disturbed, disturbed), never)
    (told,) = site.health
    assert 0 < told["events"] < len(HITS)
    assert told.get("reason", "raced") == str(error)
    attend(site.polling, site.ports, never)
    assert sum(told["events"] for told in site.health) == len(HITS)
    assert sum(told["records"] for told in site.health) == len(site.written("records"))


def test_each_part_of_a_source_has_a_health_of_its_own() -> None:
    """What one part has judged, or what keeps it from it, is not told of another."""
    site = Site()
    well, ill = parts(site.polling, 2)
    catch_up(well, site.ports)
    failing = Failing(site.logs.clock_ms)
    failing.documents, failing.error = site.logs.documents, Refused("not ours")
    attend(ill, replace(site.ports, logs=failing), never)
    told = [status(part, site.ports) for part in (well, ill)]
    assert [(each.state, each.fault) for each in told] == [("ok", None), ("blocked", "not ours")]
    assert (told[0].events > 0, told[1].events) == (True, 0)


def shelved(folder: Path, *sources: str) -> Path:
    """A folder in which these sources have a bundle in use."""
    for name in sources:
        bundles.save(replace(taught(), source=name), folder / "bundles")
        bundles.use(folder / "bundles", name, taught().id)
    return folder


def on_fakes(folder: Path) -> Path:
    """Settings of the source of a `Site`, whose bundle is in use."""
    settings = shelved(folder, "day") / "settings.toml"
    source = 'indices = ["logs-*"]\ntime_field = "@timestamp"\nmax_window_s = 20_000\n'
    settings.write_text(f'bundles = "{folder}/bundles"\n[sources.day]\n{source}')
    return settings


@pytest.mark.parametrize("call", range(73, 84))
def test_a_turn_cut_by_its_time_limit_is_gone_on_with_by_the_next(
    call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever call of a store it was at: what had been committed stays, and nothing is lost or there twice."""
    monkeypatch.setenv(tasks.CONFIG_VARIABLE, str(on_fakes(tmp_path)))
    undisturbed, site = Site(), Site()
    undisturbed.catch_up()

    def cut() -> None:
        raise SoftTimeLimitExceeded

    disturbed = Disturbed(site.ports, call, "overtaken", cut)
    monkeypatch.setitem(tasks._ports, "ports", Ports(disturbed, disturbed, disturbed))
    tasks.poll("day")
    assert all(told["status"] == "degraded" and "SoftTimeLimitExceeded" in told["reason"] for told in site.health)
    n_told = len(site.health)
    stood = site.checkpoints.stored["day"].until if site.checkpoints.stored else BEGIN
    monkeypatch.setitem(tasks._ports, "ports", site.ports)
    tasks.poll("day")
    assert [told["events"] for told in site.health[n_told:]] == [sum(hit.clock // 10**6 >= stood for hit in HITS)]
    assert records(site.anomalies) == records(undisturbed.anomalies)


def test_a_poll_is_cut_before_its_message_is_handed_to_another() -> None:
    """A turn, and one poll after it, fit in; then it may tidy up, then it is killed, and only then, also if it had to
    rest first, Redis takes its worker for dead.
    """
    conf = tasks.create(Settings()).conf
    assert conf.task_time_limit >= 2 * tasks.MAX_TURN_S
    assert queue.MAX_PAUSE_S + conf.task_time_limit <= conf.broker_transport_options["visibility_timeout"]
    pause = CliRunner().invoke(app, [*PAST, "--pause", str(queue.MAX_PAUSE_S + 1)])
    assert (pause.exit_code, "--pause" in pause.output) == (2, True)
    handed_on = conf.broker_transport_options["visibility_timeout"]
    assert 0 < conf.task_soft_time_limit < conf.task_time_limit < handed_on


PINNED = {
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_ignore_result": True,
    "result_backend": None,
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    "task_track_started": False,
    "task_reject_on_worker_lost": False,
    "task_time_limit": 300,
    "task_soft_time_limit": 270,
    "broker_transport_options": {"visibility_timeout": 900},
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "worker_proc_alive_timeout": 60,
    "worker_max_tasks_per_child": 500,
    "beat_scheduler": "plugin.timetable:Timetable",
    "redbeat_redis_url": Settings().celery.broker.get_secret_value(),
    "beat_max_loop_interval": 5,
    "redbeat_lock_timeout": 25,
}


def test_celery_is_told_what_must_not_depend_on_its_release() -> None:
    """Each by its value here: with another one polls are lost, pile up or are repeated for ever."""
    conf = tasks.create(Settings()).conf
    assert {name: conf[name] for name in PINNED} == PINNED


# --- on a real server -----------------------------------------------------------------------------------------------

SETTINGS = """\
bundles = "{folder}/bundles"
[elasticsearch]
url = "{url}"
prefix = "{prefix}"
[celery]
broker = "{broker}"
[sources.day]
indices = ["src-{prefix}-day"]
time_field = "@timestamp"
interval_s = 1
delay_s = 1
max_window_s = 3600
[sources.untrained]
indices = ["src-{prefix}-day"]
[sources.broken]
indices = ["src-{prefix}-broken"]
time_field = "@timestamp"
"""
"""So short an interval, shared by three, makes short turns."""
PAST = ("backfill", "--source", "day", "--from", "2026-11-23", "--to", "2026-11-24")


@pytest.fixture
def site(installed: Elasticsearch, elastic_url: str, redis_url: str, prefix: str, tmp_path: Path) -> Path:
    """Settings of a source with a day's documents, of one without a bundle, and of one that cannot be read."""
    unread: list[Mapping[str, Any]] = [{"@timestamp": iso(BEGIN / 1000)}] * 30
    for name, bodies in (("day", [hit.fields for hit in HITS]), ("broken", unread)):
        mappings = {"dynamic": False, "properties": {"@timestamp": {"type": "date"}}}
        installed.indices.create(index=f"src-{prefix}-{name}", mappings=mappings)
        store(installed, f"src-{prefix}-{name}", bodies)
    path = shelved(tmp_path, "day", "broken") / "settings.toml"
    path.write_text(SETTINGS.format(folder=tmp_path, url=elastic_url, prefix=prefix, broker=redis_url))
    return path


def store(client: Elasticsearch, index: str, bodies: Sequence[Mapping[str, Any]]) -> None:
    """Documents, searchable at once."""
    create: Mapping[str, Any] = {"create": {}}
    rows = [row for body in bodies for row in (create, body)]
    assert not client.bulk(index=index, operations=rows, refresh=True)["errors"]


def found(client: Elasticsearch, index: str) -> list[dict[str, Any]]:
    """The rows of an index of ours."""
    client.indices.refresh(index=index)
    rows: list[dict[str, Any]] = client.search(index=index, size=10_000, version=True)["hits"]["hits"]
    return rows


def run(site: Path, *arguments: str) -> str:
    """What a command prints, which must go well."""
    result = CliRunner().invoke(app, ["--config", str(site), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def whole(settings: Settings) -> Polling:
    """The day's source, polled in one go."""
    source = wiring.polling(settings, ("day", 0))
    return replace(source, settings=source.settings.model_copy(update={"max_window_s": 3_650 * 86_400.0}))


def expected(site: Path) -> set[str]:
    """The ids of the records that an undisturbed poll would write."""
    settings = config.load(site)
    (polled,) = catch_up(whole(settings), wiring.build(settings), dry_run=True)
    assert polled.anomalies
    return {record_id(anomaly) for anomaly in polled.anomalies}


@pytest.mark.live
def test_the_server_can_add_health_up(site: Path, installed: Elasticsearch, prefix: str) -> None:
    """Each figure is mapped as a number, and is what lies in our other indices; refused records are dead letters."""
    addresses = {"source": {"properties": {"ip": {"type": "boolean"}}}}  # a record that names one cannot be taken
    servers.delete(installed, f"{prefix}-records-*")
    installed.indices.create(index=f"{prefix}-records-2026.11", mappings={"properties": addresses})
    store(installed, f"src-{prefix}-day", [{"@timestamp": iso(BEGIN / 1000 + 5)}] * 2)
    settings = config.load(site)
    catch_up(whole(settings), wiring.build(settings))
    letters = [row["_source"] for row in found(installed, f"{prefix}-deadletter-*")]
    refused = [letter["document"]["siem_anomaly"] for letter in letters if letter["stage"] == "write"]
    taken = [row["_source"]["siem_anomaly"] for row in found(installed, f"{prefix}-records-*")]
    assert min(len(refused), len(taken)) > 0
    (state,) = [row["_source"] for row in found(installed, f"{prefix}-state")]
    (told,) = [row["_source"]["siem_anomaly"]["health"] for row in found(installed, f"{prefix}-health-*")]
    assert (told.pop("status"), told.pop("bundle")) == ("ok", taught().id)
    sums = {name: {"sum": {"field": f"siem_anomaly.health.{name}"}} for name in told}
    answer = installed.search(
        index=f"{prefix}-health-*", query={"term": {"siem_anomaly.health.status": "ok"}}, aggs=sums
    )
    added = {name: row["value"] for name, row in answer["aggregations"].items()}
    assert added == pytest.approx(told)
    truth = {
        "events": len(HITS) + 2,
        "rejected": 2,
        "dead_letters": len(letters),
        "records": len(taken),
        "anomalies": len(taken) + len(refused),
        "suppressed": sum(body["suppressed"] for body in (*taken, *refused)),
        "checkpoint_bytes": sum(len(part) for part in state.values() if isinstance(part, str)),
        "lag_seconds": 1.0,
        "backlog_seconds": 0.0,
        "overlap_seconds": 120.0,
    }
    assert added.items() >= truth.items()


def begun(site: Path, client: Elasticsearch, prefix: str) -> int:
    """One source is polled for an hour of its day, one in vain; how many documents wait."""
    settings = config.load(site)
    ports = wiring.build(settings)
    (polled,) = catch_up(wiring.polling(settings, ("day", 0)), ports, enough=after(0.0))
    attend(wiring.polling(settings, ("broken", 0)), ports, never)
    client.indices.refresh(index=f"{prefix}-health-*")
    return len(HITS) - polled.n_hits


@pytest.mark.live
def test_status_tells_who_is_behind_who_has_no_bundle_and_who_failed(
    site: Path, installed: Elasticsearch, prefix: str
) -> None:
    """A row each, and below what is wrong; as JSON one object a line says the same."""
    waiting = begun(site, installed, prefix) + 1
    judged = len(HITS) + 1 - waiting
    store(installed, f"src-{prefix}-day", [{"@timestamp": iso(time.time() + second)} for second in (-60.0, 3_600.0)])
    day, untrained, broken = (json.loads(row) for row in run(site, "status", "--json").splitlines())
    assert (day["state"], day["waiting"], day["events"], day["fault"]) == ("ok", waiting, judged, None)
    assert (day["until"], day["lag_s"] > 86_400.0) == (iso(BEGIN / 1000 + 3_600), True)
    assert (untrained["state"], untrained["waiting"]) == ("unable", None)
    assert (broken["state"], broken["waiting"], broken["until"]) == ("blocked", 30, None)
    text = run(site, "status")
    for row in (
        rf"day +ok +2026-11-23 +\d+ d.* {waiting} +{judged} +0 +{day['anomalies']} .* {taught().id}",
        r"untrained +unable +never +0 +0 ",
        rf"broken +blocked +never +30 +0 +0 .* {taught().id}",
        r"untrained: .*: has no bundle yet; run\s+`siem-anomaly train --source untrained` first",
        r"broken: at \d\d:\d\d:\d\d sources.broken: 100% of 30 documents cannot be read \(no text\)",
    ):
        assert re.search(f"^{row}", text, re.MULTILINE), (row, text)


@pytest.mark.live
def test_a_source_that_the_server_refuses_hides_no_other(site: Path, installed: Elasticsearch, prefix: str) -> None:
    """Its row says why; the others' are as they would be alone."""
    index = f"src-{prefix}-words"
    installed.indices.create(index=index, mappings={"properties": {"@timestamp": {"type": "keyword"}}})
    with site.open("a", encoding="utf-8") as settings:
        settings.write(f'[sources.words]\nindices = ["{index}"]\ntime_field = "@timestamp"\n')
    shelved(site.parent, "words")
    rows = {row["source"]: row for row in map(json.loads, run(site, "status", "--json").splitlines())}
    assert (rows["day"]["state"], rows["day"]["waiting"]) == ("new", len(HITS))
    assert rows["words"]["state"] == "unable"
    assert "keyword" in rows["words"]["fault"]


@pytest.fixture
def queued(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What takes from the queue, as a worker would, all that is there; before and after there is nothing."""
    monkeypatch.setattr(tasks.app.conf, "broker_url", redis_url)

    def take() -> list[dict[str, Any]]:
        with redis.Redis.from_url(redis_url) as broker:
            messages = [json.loads(message) for message in broker.lrange("celery", 0, -1)]
            broker.delete("celery")
        return messages

    take()
    yield take
    take()


@pytest.mark.live
def test_what_is_left_of_a_backlog_goes_back_to_the_queue(
    queued: Callable[[], list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turn after turn until nothing is left, each with what the one before put there, and no later than when the next
    beat brings a task of its own; from then on nothing is put there.
    """
    monkeypatch.setenv(tasks.CONFIG_VARIABLE, str(on_fakes(tmp_path)))
    monkeypatch.setattr(tasks, "MAX_TURN_S", 0.0)
    undisturbed, site, overdue = Site(), Site(), Site()
    undisturbed.catch_up()
    monkeypatch.setitem(tasks._ports, "ports", site.ports)
    until = time.time() + 600.0
    turns = [["day", 0, until]]
    for turn in turns:
        tasks.poll(*turn)
        for message in queued():
            assert datetime.fromisoformat(message["headers"]["expires"]).timestamp() == pytest.approx(until, abs=5.0)
            turns.append(json.loads(base64.b64decode(message["body"]))[0])
    assert turns == [["day", 0, until]] * len(site.health)
    assert len(turns) > 5
    assert records(site.anomalies) == records(undisturbed.anomalies)
    monkeypatch.setitem(tasks._ports, "ports", overdue.ports)
    tasks.poll("day", 0, time.time() - 1.0)
    assert overdue.health[0]["backlog_seconds"] > 0.0
    assert queued() == []


@pytest.mark.live
def test_a_piece_of_the_past_that_is_cut_goes_back_to_the_queue(
    queued: Callable[[], list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its `--wait` would wait for ever; its rest is bounded like any."""
    fakes = Site()

    def cut() -> None:
        raise SoftTimeLimitExceeded

    disturbed = Disturbed(fakes.ports, 5, "overtaken", cut)
    monkeypatch.setenv(tasks.CONFIG_VARIABLE, str(on_fakes(tmp_path)))
    monkeypatch.setitem(tasks._ports, "ports", Ports(disturbed, disturbed, disturbed))
    tasks.backfill("day", BEGIN, BEGIN + DAY_MS, 0.0)
    (message,) = queued()
    assert message["headers"]["task"] == queue.BACKFILL


@pytest.mark.live
def test_status_goes_on_looking_until_it_is_told_to_stop(site: Path, installed: Elasticsearch, prefix: str) -> None:
    """On a terminal: what comes meanwhile is shown as waiting, and Ctrl-C gives the screen back."""
    waiting, shown = begun(site, installed, prefix), ""
    ours, theirs = pty.openpty()
    wide = os.environ | {"COLUMNS": "160", "LINES": "40", "TERM": "xterm", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-m", "plugin.cli", "--config", str(site), "status", "--watch"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=wide)

    def shows(pattern: str) -> bool:
        nonlocal shown
        if select.select([ours], [], [], 0.0)[0]:
            shown += os.read(ours, 65_536).decode(errors="replace")
        return re.search(pattern, shown) is not None

    try:
        until(lambda: shows(rf"day [^\n]* {waiting} "), "what waits")
        store(installed, f"src-{prefix}-day", [HITS[-1].fields] * 2)
        until(lambda: shows(rf"day [^\n]* {waiting + 2} "), "what came")
        process.send_signal(signal.SIGINT)
        until(lambda: shows(r"\x1b\[\?1049l"), "the screen as it was before")
        assert process.wait(10.0) == 128 + signal.SIGINT
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)
    assert "Traceback" not in shown


@pytest.mark.live
def test_the_past_is_judged_with_rests_in_between(site: Path, installed: Elasticsearch, prefix: str) -> None:
    """Each turn at a piece begins `--pause` seconds after the last, where that was left; done, it is only judged again
    when `--again` asks for it, and nothing is written twice.
    """
    log = site.with_name("resting.log")
    with worker(site, "resting"):
        assert "day: 1 of 1 pieces are queued" in run(site, *PAST, "--pause", "1", "--no-wait")
        until(lambda: "done=100%" in log.read_text(), "the end of the piece")
    turns = re.findall(r"^(\S+)Z INFO \S+ backfill source=day .* done=(\d+)%$", log.read_text(), re.MULTILINE)
    ends, shares = [datetime.fromisoformat(at).timestamp() for at, _ in turns], [int(share) for _, share in turns]
    assert min(later - before for before, later in pairwise(ends)) >= 1.0
    assert shares == sorted(set(shares))
    told = [run(site, *PAST, "--here", *more) for more in ((), ("--again",))]
    said = (
        re.findall(r"^day: judged (\d+) documents by .*; (\d+) new anomalies\.$", each, re.MULTILINE) for each in told
    )
    assert [*said] == [[("0", "0")], [(str(len(HITS)), "0")]]
    rows = found(installed, f"{prefix}-records-*")
    assert {row["_id"] for row in rows} == expected(site)
    assert {row["_version"] for row in rows} == {1}
