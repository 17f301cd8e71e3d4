"""`make live`: from log lines to alerts on real services, in about five minutes. Nothing here is pretended.

Most of a log is loaded and learnt; the rest "happens" in batches while a Celery worker, its beat and ElastAlert 2, with
the rule we ship, run beside it. Every other batch is sent to a real rsyslog, which ships it. Exit 0 only if every line
was judged once, anomalies were found and each was alerted exactly once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from elasticsearch import Elasticsearch

from parsers.line import LogLine
from parsers.syslog import parse
from tests import servers

ROOT = Path(__file__).parent.parent
RULE = ROOT / "deploy/elastalert/siem-anomaly.yaml"
SOURCE, INDEX, SHIPPED = "auth", "logs-auth", "rsyslog"
PACKAGES = ("elastalert2==2.19.*", "pytz", "setuptools<81")
"""ElastAlert 2, and what it imports without saying so."""
HISTORY = 0.85
"""Share of the log that is learnt; the rest happens."""
N_BATCHES = 8
LIMIT_S = 180.0
"""Bound of every wait: ten times what two idle cores need."""
LOOK_S = 0.25
"""Between two looks in a wait; the error of the lags."""
STOP_S = 20.0
YEAR_END = datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
"""Lines without a year are read as of a leap year's end, so that no log of one year is torn in two."""
SETTINGS = """\
bundles = "{folder}/bundles"
[elasticsearch]
url = "{elastic}"
[celery]
broker = "{redis}"
[sources.auth]
indices = ["{index}", "{shipped}-fields*"]
time_field = "@timestamp"  # rsyslog's documents carry no time of arrival
interval_s = 2
delay_s = 2  # the server makes documents searchable every second
overlap_s = 20
"""
ELASTALERT = """\
rules_folder: {folder}/rules
run_every: {{seconds: 3}}
buffer_time: {{minutes: 10}}
es_host: {host}
es_port: {port}
writeback_index: elastalert_status
alert_time_limit: {{days: 1}}
"""
SITE_RULE = """\
import: {rule}
alert: [command]
command: [tee, -a, {folder}/alerts]
pipe_match_json: true
"""
STARTED = time.monotonic()


class Missing(Exception):
    """What did not happen."""


class Run(NamedTuple):
    """What every step needs."""

    folder: Path
    client: Elasticsearch
    settings: Path
    ingested: dict[str, float]
    """When each line that happened was indexed, by document id."""
    found: dict[str, Found]
    """Anomalies by id, in the order they became searchable."""


class Found(NamedTuple):
    """An anomaly, and how long after its line it could be found."""

    body: Mapping[str, Any]
    lag_s: float | None
    """None where its line is of the history's last seconds, at which the first poll looks again."""


def main() -> int:
    """Run it all; 1 and the reason when something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--log", type=Path, default=ROOT / "tests/data/auth-excerpt.log", help="a syslog file")
    log: Path = parser.parse_args().log
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is stopped then, too
    try:
        lines = read(log)
        elastalert = install_elastalert()
        with environment() as run:
            walk(run, lines, elastalert)
    except (Missing, servers.NoServer) as error:
        say(f"FAILED: {error}")
        return 1
    say("done: every anomaly that is news was alerted exactly once, and no repeat was")
    return 0


def walk(run: Run, lines: Sequence[LogLine], elastalert: Path) -> None:
    """The steps, in order."""
    n_history = int(len(lines) * HISTORY)
    command_line(run, "init")
    load(run, lines[:n_history])
    command_line(run, "train", "--source", SOURCE, "--days", "60")
    with celery(run), alerting(run, elastalert), shipping(run) as port:
        happen(run, lines[n_history:], port)
        wait(f"{n_created(run)} written records to be searchable", lambda: len(look(run)) >= n_created(run))
        wait("an alert of every anomaly", lambda: news(look(run)) <= alerts(run).keys())
        settle(run)
    report(run)


def read(log: Path) -> list[LogLine]:
    """The lines of the log that can be read, oldest first."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Missing(f"{log} cannot be read ({error.strerror})") from error
    parsed = [parse(line, f"{log.name}:{n}", YEAR_END) for n, line in enumerate(text.splitlines(), 1)]
    lines = sorted((line for line in parsed if isinstance(line, LogLine)), key=lambda line: line.time)
    say(f"{log.name}: {len(lines):,} lines")
    return lines


# --- what runs ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def environment() -> Iterator[Run]:
    """Both servers, and a folder with the settings."""
    with servers.elasticsearch() as elastic, servers.redis() as redis, tempfile.TemporaryDirectory() as name:
        say(f"Elasticsearch at {elastic.url}, Redis at {redis.url}")
        folder = Path(name)
        settings = folder / "settings.toml"
        settings.write_text(
            SETTINGS.format(folder=folder, elastic=elastic.url, redis=redis.url, index=INDEX, shipped=SHIPPED)
        )
        with Elasticsearch(elastic.url, request_timeout=60) as client:
            yield Run(folder, client, settings, {}, {})


@contextlib.contextmanager
def celery(run: Run) -> Iterator[None]:
    """A prefork worker and a beat, each a process as in production."""
    app = [sys.executable, "-m", "celery", "-A", "plugin.tasks"]
    worker = [*app, "worker", "--concurrency", "1", "--pool", "prefork"]
    with process(run, "worker", worker), process(run, "beat", [*app, "beat", "--pidfile", ""]):
        wait("the worker's first poll", lambda: "polled source=" in output(run, "worker"))
        say("worker and beat run")
        yield


@contextlib.contextmanager
def alerting(run: Run, elastalert: Path) -> Iterator[None]:
    """ElastAlert 2 with the shipped rule, which a site's rule imports to say where alerts go: here into a file."""
    rules = run.folder / "rules"
    rules.mkdir()
    (rules / "site.yaml").write_text(SITE_RULE.format(rule=RULE, folder=run.folder))
    at = urlsplit(server_url(run))
    config = run.folder / "elastalert.yaml"
    config.write_text(ELASTALERT.format(folder=run.folder, host=at.hostname, port=at.port))
    do([str(elastalert / "elastalert-create-index"), "--config", str(config)])
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00}"
    with process(run, "elastalert", [str(elastalert / "elastalert"), "--config", str(config), "--start", now]):
        wait("ElastAlert's first look", lambda: n_looks(run, since=0.0) > 0)
        say("ElastAlert runs with the shipped rule")
        yield


@contextlib.contextmanager
def shipping(run: Run) -> Iterator[int | None]:
    """The port of an rsyslog that ships to the source's second index; None, and the reason, where there can be none."""
    with contextlib.ExitStack() as stack:
        try:
            port = stack.enter_context(servers.rsyslog(server_url(run), SHIPPED))
        except servers.NoServer as error:
            say(f"without rsyslog: {error}")
            port = None
        yield port


@contextlib.contextmanager
def process(run: Run, name: str, command: Sequence[str]) -> Iterator[None]:
    """A running process in a group of its own, its output in a file; the group is gone when the block ends."""
    environ = {**os.environ, "SIEM_ANOMALY_CONFIG": str(run.settings)}
    with (run.folder / f"{name}.out").open("wb") as out:
        started = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out, stderr=out, start_new_session=True)
    try:
        yield
        if started.poll() is not None:
            raise Missing(f"{name} ended by itself (exit code {started.returncode})")
    except Missing:
        sys.stdout.write(f"--- the last words of {name}:\n{output(run, name)[-2_000:]}\n")
        raise
    finally:
        started.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)  # what the process should have taken with it
        started.wait()


def install_elastalert() -> Path:
    """The folder of ElastAlert's commands, in an environment of its own that is made once and kept in the cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "siem-anomaly"
    home = cache / "elastalert"
    if not (home / "bin/elastalert").exists():
        cache.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(home, ignore_errors=True)
        do([sys.executable, "-m", "venv", str(home)])
        beside = Path(sys.executable).parent / "uv"
        uv = shutil.which("uv") or (str(beside) if beside.exists() else None)
        python = str(home / "bin/python")
        install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
        do([*install, "--quiet", *PACKAGES])
    say(f"ElastAlert 2 in {home}")
    return home / "bin"


def command_line(run: Run, *arguments: str) -> None:
    """One of our own commands, as an operator types it."""
    do([sys.executable, "-m", "plugin.cli", "--config", str(run.settings), *arguments])
    say(f"siem-anomaly {' '.join(arguments)}")


def do(command: Sequence[str]) -> None:
    """Run a command to its end.

    Raises:
        Missing: it failed; with its last words.
    """
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        words = done.stdout.decode(errors="replace")[-2_000:]
        raise Missing(f"`{' '.join(command)}` failed (exit code {done.returncode}): {words}")


# --- what happens ---------------------------------------------------------------------------------------------


def load(run: Run, lines: Sequence[LogLine]) -> None:
    """Index the history, shifted in time so that its last line is of just now."""
    if not lines:
        raise Missing("the log has no line that can be read")
    shift = time.time() - lines[-1].time
    index(run, [document(line, n, line.time + shift) for n, line in enumerate(lines)], refresh=True)
    say(f"{len(lines):,} lines loaded as history")


def happen(run: Run, lines: Sequence[LogLine], port: int | None) -> None:
    """Let the rest come in batches, every other one by rsyslog; the next one when the checkpoint has passed the last.

    Raises:
        Missing: a line was not judged, or more than once.
    """
    size, n_before = max(-(-len(lines) // N_BATCHES), 1), n_judged(run)
    for start in range(0, len(lines), size):
        came = append if port is None or start // size % 2 else partial(ship, port=port)
        came(run, lines[start : start + size])
    say(f"{len(lines):,} more lines happened in {N_BATCHES} batches, and the checkpoint has passed the last")
    wait("every line to be judged", lambda: n_judged(run) - n_before >= len(lines))
    if (n := n_judged(run) - n_before) != len(lines):
        raise Missing(f"{len(lines):,} lines happened and {n:,} were judged")
    if port is not None:
        n_shipped = len(servers.shipped(run.client, f"{SHIPPED}-fields"))
        say(f"{n_shipped:,} of them were documents that rsyslog brought; each line was judged once")


def append(run: Run, lines: Sequence[LogLine]) -> None:
    """Index lines as of now, and wait until they have been judged."""
    now = time.time()
    ids = index(run, [document(line, n, now) for n, line in enumerate(lines)], refresh=False)
    run.ingested.update(dict.fromkeys(ids, now))
    judged(run, now)


def ship(run: Run, lines: Sequence[LogLine], port: int) -> None:
    """Send lines to rsyslog as another rsyslog forwards them, and wait until what it made of them has been judged."""
    now = time.time()
    stamps = [
        datetime.fromtimestamp(now + n / 1_000_000, UTC).isoformat(timespec="microseconds") for n in range(len(lines))
    ]
    servers.send(port, [text(line, stamp) for line, stamp in zip(lines, stamps, strict=True)])

    def brought() -> set[str]:
        return {row["_id"] for row in servers.shipped(run.client, f"{SHIPPED}-fields")} - run.ingested.keys()

    wait(f"rsyslog to bring {len(lines)} documents", lambda: len(brought()) >= len(lines))
    run.ingested.update(dict.fromkeys(brought(), now))
    judged(run, time.time())


def judged(run: Run, instant: float) -> None:
    """Wait until the checkpoint has passed an instant."""

    def passed() -> bool:
        look(run)  # dates what has become searchable
        return until(run) > instant

    wait("the checkpoint to pass a batch", passed)


def document(line: LogLine, n: int, at: float) -> dict[str, Any]:
    """A line as a shipper would send it: every other one raw in `message`, the rest in ECS fields."""
    when = datetime.fromtimestamp(at, UTC)
    base = {"@timestamp": when.isoformat(), "event": {"ingested": when.isoformat()}, "log": {"offset": n}}
    if n % 2:
        return base | {"message": text(line, f"{when:%b %e %H:%M:%S}")}
    process = {"name": line.program} | ({} if line.pid is None else {"pid": line.pid})
    return base | {"message": line.message, "host": {"name": line.host}, "process": process}


def text(line: LogLine, stamp: str) -> str:
    """A line of syslog."""
    tag = line.program if line.pid is None else f"{line.program}[{line.pid}]"
    return f"{stamp} {line.host} {tag}: {line.message}"


def index(run: Run, documents: Sequence[Mapping[str, Any]], *, refresh: bool) -> list[str]:
    """Write documents, and give their ids."""
    operations: list[Mapping[str, Any]] = []
    for each in documents:
        operations += [{"create": {}}, each]
    answer = run.client.bulk(index=INDEX, operations=operations, refresh=refresh)
    if answer["errors"]:
        raise Missing(f"{INDEX} did not take every line of a batch")
    return [item["create"]["_id"] for item in answer["items"]]


# --- what is seen ---------------------------------------------------------------------------------------------


def wait(what: str, ready: Callable[[], bool]) -> None:
    """Look until it is so.

    Raises:
        Missing: it was not so in time.
    """
    limit = time.monotonic() + LIMIT_S
    while not ready():
        if time.monotonic() > limit:
            raise Missing(f"waited {LIMIT_S:.0f} s for {what}")
        time.sleep(LOOK_S)


def look(run: Run) -> dict[str, Found]:
    """All anomalies that could be found so far; new ones are dated with now."""
    unknown = {"bool": {"filter": {"term": {"event.kind": "alert"}}, "must_not": {"ids": {"values": list(run.found)}}}}
    answer = run.client.search(index="siem-anomaly-records-*", query=unknown, size=1_000, ignore_unavailable=True)
    now = time.time()
    for hit in answer["hits"]["hits"]:
        body = hit["_source"]
        happened = run.ingested.get(body["siem_anomaly"]["source"]["ids"][0])
        run.found[hit["_id"]] = Found(body, None if happened is None else now - happened)
    return run.found


def news(found: Mapping[str, Found]) -> set[str]:
    """The anomalies that a person is to be told of: those that do not repeat one."""
    return {id for id, (body, _) in found.items() if not body["siem_anomaly"]["suppressed"]}


def until(run: Run) -> float:
    """Up to when the lines have been judged, seconds since the epoch."""
    answer = run.client.options(ignore_status=404).get(index="siem-anomaly-state", id=f"checkpoint:{SOURCE}")
    return float(answer["_source"]["until"]) / 1000 if answer.get("found") else 0.0


def n_created(run: Run) -> int:
    """Records that the worker says it has written."""
    return sum(map(int, re.findall(r" records=(\d+) ", output(run, "worker"))))


def n_judged(run: Run) -> int:
    """Documents that the worker says it has judged."""
    return sum(map(int, re.findall(r" events=(\d+) ", output(run, "worker"))))


def server_url(run: Run) -> str:
    """Where Elasticsearch is."""
    return str(next(iter(run.client.transport.node_pool.all())).base_url)


def n_looks(run: Run, since: float) -> int:
    """How often ElastAlert has looked since a time, as it notes in its own index."""
    after = {"range": {"@timestamp": {"gt": datetime.fromtimestamp(since, UTC).isoformat()}}}
    answer = run.client.count(index="elastalert_status_status", query=after, ignore_unavailable=True)
    return int(answer["count"])


def settle(run: Run) -> None:
    """Let ElastAlert look again at what it has alerted: a second alert of one anomaly would come now."""
    since = time.time()
    wait("ElastAlert to look again", lambda: n_looks(run, since) >= 2)


def alerts(run: Run) -> Counter[str]:
    """How often each anomaly was alerted, by id."""
    file = run.folder / "alerts"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    whole = (json.loads(line) for line in lines if line.endswith("\n"))
    return Counter(match["_id"] for matches in whole for match in matches)


def output(run: Run, name: str) -> str:
    """What a process has written so far."""
    return (run.folder / f"{name}.out").read_text(errors="replace")


def report(run: Run) -> None:
    """Show the anomalies, their alerts and their lags.

    Raises:
        Missing: there was none, or one was not alerted exactly once, or one that repeats it was.
    """
    told = alerts(run)
    for id, found in run.found.items():
        show(found, told[id])
    if not told:
        raise Missing("not one anomaly was alerted")
    say(f"{len(run.found)} anomalies, news among them: {len(news(run.found))}; alerts: {told.total()}")
    if lags := [found.lag_s for found in run.found.values() if found.lag_s is not None]:
        say(f"from log line to searchable anomaly: p50 {statistics.median(lags):.1f} s, max {max(lags):.1f} s")
    if wrong := [id for id in told.keys() | run.found.keys() if told[id] != (id in news(run.found))]:
        raise Missing(f"alerted exactly once: not so for {len(wrong)} anomalies: {', '.join(wrong[:5])}")


def show(found: Found, n_alerts: int) -> None:
    """One anomaly: time, host, score, message; its alerts and its lag."""
    body, lag_s = found
    host = body.get("host", {}).get("name", "-")
    lag = "of the history" if lag_s is None else f"searchable {lag_s:.1f} s after its line"
    sys.stdout.write(f"{body['@timestamp']}  {host}  {body['siem_anomaly']['score']:.1f}  {body['message']}\n")
    sys.stdout.write(f"{'':26}alerted {n_alerts}×, {lag}\n")


def say(text: str) -> None:
    """One line of progress, with the seconds since the start."""
    sys.stdout.write(f"{time.monotonic() - STARTED:6.1f} s  {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
