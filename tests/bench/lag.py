"""From a line written to its anomaly searchable, under load: `siem-anomaly poll --follow` beside a feeder.

python tests/bench/lag.py [--rate 5000] [--seconds 600] [--json]

The shipped lines are written at the rate again and again, each round under its own process ids; what was written in a
fifth of a second is shipped together, each line with its own stamp; one strange line a second is among them. The bundle
has learnt from such rounds at that rate, for a budget of one alert in ten thousand lines. Every quarter of a second the
records are searched: a lag is from the line's stamp to when its record was first found.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import elasticsearch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from parsers.line import LogLine  # noqa: E402 - the repository is no installed package
from plugin.doors import files  # noqa: E402
from tests import servers  # noqa: E402
from tests.bench.polling import EXCERPT, installed  # noqa: E402

INTERVAL_S = 5.0
DELAY_S = 2.0
BATCH_S = 0.2
LOOK_S = 0.25
N_LEARNT = 40_000
SHARE = 1e-4
"""Of the lines, that may be alerts."""
SETTINGS = """\
bundles = "{folder}/bundles"
[elasticsearch]
url = "{url}"
[sources.bench]
indices = ["bench"]
time_field = "@timestamp"
interval_s = {interval}
delay_s = {delay}
overlap_s = 20
max_hits = 5000  # what has waited longest is judged and written first
[sources.bench.views]
sequence = {{ idle_s = 30 }}  # sessions are over in half a second here
rarity = {{ idle_s = 30 }}
"""


def main() -> None:
    """Feed, follow, look, and print the lags."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--rate", type=int, default=5_000)
    options.add_argument("--seconds", type=float, default=600.0)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    with servers.elasticsearch() as server, tempfile.TemporaryDirectory() as folder:
        path = _site(server.url, Path(folder), given.rate)
        client = elasticsearch.Elasticsearch(server.url, request_timeout=60)
        with _following(path, Path(folder)):
            fed = threading.Event()
            feeder = threading.Thread(target=_feed, args=(client, given.rate, given.seconds, fed))
            feeder.start()
            lags = _lags(client, fed, math.ceil(given.seconds), given.seconds + 60.0)
            feeder.join()
    row = {"name": "lag", "rate": given.rate, "seconds": given.seconds, "n": len(lags), **_quantiles(lags)}
    words = ", ".join(f"{name} {row[name]:.1f} s" for name in ("p50", "p95", "p99", "max"))
    print(json.dumps(row) if given.json else f"lag   {len(lags)} anomalies at {given.rate:,} events/s: {words}")


def _site(url: str, folder: Path, rate: int) -> Path:
    path = folder / "settings.toml"
    words = SETTINGS.format(folder=folder, url=url, interval=INTERVAL_S, delay=DELAY_S)
    now = datetime.now(UTC)
    rounds = itertools.islice(_rounds(), N_LEARNT)
    lines = [line._replace(origin=f"r:{n}", time=n / rate, clock=n / rate) for n, line in enumerate(rounds)]
    installed(path, words, lines, SHARE * rate * 86_400.0, now)
    mappings = {"properties": {"@timestamp": {"type": "date"}}}
    client = elasticsearch.Elasticsearch(url)
    client.indices.create(index="bench", mappings=mappings, settings={"number_of_replicas": 0})
    return path


@contextlib.contextmanager
def _following(path: Path, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "plugin.cli", "--config", str(path), "poll", "--follow"]
    with (folder / "poll.out").open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20.0)


def _rounds() -> Iterator[LogLine]:
    """The shipped lines for ever."""
    lines, _ = files.read([str(EXCERPT)])
    for turn in itertools.count():
        yield from (line._replace(pid=(line.pid or 0) + 100_000 * turn) for line in lines)


def _feed(client: elasticsearch.Elasticsearch, rate: int, seconds: float, fed: threading.Event) -> None:
    """Batches on the clock; one that is late is not caught up by a burst."""
    endless, places = _rounds(), itertools.count()
    begun, n_batches = time.time(), round(seconds / BATCH_S)
    for batch in range(n_batches):
        time.sleep(max(begun + batch * BATCH_S - time.time(), 0.0))  # the clock is what is measured against
        shipped, n_lines = time.time(), round(rate * BATCH_S)
        rows: list[dict[str, Any]] = []
        for n, line in enumerate(itertools.islice(endless, n_lines), 1):
            stamp = _iso(shipped - BATCH_S * (1 - n / n_lines))
            process = {"name": line.program, "pid": line.pid}
            body = {"message": line.message, "host": {"name": line.host}, "process": process}
            place = {"log": {"offset": next(places)}}
            rows += [{"create": {}}, {"@timestamp": stamp, **body, **place}]
        if batch % round(1 / BATCH_S) == 0:
            strange = {"message": f"kernel panic of a kind never seen, number {batch}", "process": {"name": "odd"}}
            body = {"@timestamp": _iso(shipped), "host": {"name": "h"}, **strange}
            rows += [{"create": {"_id": f"strange-{batch}"}}, body]
        client.bulk(index="bench", operations=rows)
    fed.set()


def _iso(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _lags(client: elasticsearch.Elasticsearch, fed: threading.Event, n_strange: int, limit_s: float) -> list[float]:
    """Of every strange line's record, ascending, until all are found or too long is waited."""
    found: dict[str, float] = {}
    ends = time.monotonic() + limit_s
    query = {"prefix": {"siem_anomaly.source.ids": "strange-"}}
    while time.monotonic() < ends:
        time.sleep(LOOK_S)
        answer = client.search(
            index="siem-anomaly-records-*", query=query, size=10_000, source=["@timestamp", "event.id"]
        )
        now = time.time()
        for hit in answer["hits"]["hits"]:
            stamp = datetime.fromisoformat(hit["_source"]["@timestamp"]).timestamp()
            found.setdefault(hit["_id"], now - stamp)
        if fed.is_set() and len(found) == n_strange:
            break
    return sorted(found.values())


def _quantiles(lags: list[float]) -> dict[str, float]:
    at = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: lags[min(int(share * len(lags)), len(lags) - 1)] for name, share in at.items()}


if __name__ == "__main__":
    main()
