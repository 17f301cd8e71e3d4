"""poll → score → write against a bare client's pull of the same documents, in one run, on a real Elasticsearch.

python tests/bench/polling.py [--documents 50000] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import elasticsearch
from elasticsearch import helpers

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from plugin import config, wiring  # noqa: E402 - the repository is no installed package
from plugin.commands.poll import Polling, catch_up  # noqa: E402
from plugin.doors import files  # noqa: E402
from plugin.training import Plan, learn  # noqa: E402
from tests import servers  # noqa: E402

EXCERPT = ROOT / "tests" / "data" / "auth-excerpt.log"
INDEX = "bench-logs"
BEGIN = datetime(2026, 11, 23, tzinfo=UTC)


def main() -> None:
    """Load, pull bare, poll, and print the ratio of the two rates."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--documents", type=int, default=50_000)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    with servers.elasticsearch() as server, tempfile.TemporaryDirectory() as folder:
        client = elasticsearch.Elasticsearch(server.url, request_timeout=60)
        helpers.bulk(client, _actions(given.documents), refresh=True)
        theirs = given.documents / _timed(lambda: _pull(client))
        ours = given.documents / _timed(_poller(server.url, Path(folder)))
    row = {"name": "polling", "ratio": ours / theirs, "ours_per_s": ours, "theirs_per_s": theirs}
    if given.json:
        print(json.dumps(row))
        return
    print(f"polling   {row['ratio']:.2f} ×   ours {ours:,.0f} documents/s, a bare pull {theirs:,.0f} documents/s")


def _actions(n: int) -> Iterator[dict[str, object]]:
    """The shipped lines again and again, a tenth of a second apart, every round under its own process ids."""
    lines, _ = files.read([str(EXCERPT)])
    for i in range(n):
        line, turn = lines[i % len(lines)], i // len(lines)
        source = {
            "@timestamp": (BEGIN + timedelta(seconds=i / 10)).isoformat(),
            "message": line.message,
            "host": {"name": line.host},
            "process": {"name": line.program, "pid": (line.pid or 0) + turn},
        }
        yield {"_op_type": "create", "_index": INDEX, "_id": str(i), "_source": source}


def _pull(client: elasticsearch.Elasticsearch) -> None:
    """Every document, as cheaply as the client can: a point in time, pages of 5,000."""
    pit = client.open_point_in_time(index=INDEX, keep_alive="2m")["id"]
    after = None
    while True:
        search = {"pit": {"id": pit}, "size": 5_000, "sort": [{"@timestamp": "asc"}], "track_total_hits": False}
        hits = client.search(**search, search_after=after)["hits"]["hits"]
        if not hits:
            break
        after = hits[-1]["sort"]
    client.close_point_in_time(id=pit)


def _poller(url: str, folder: Path) -> Callable[[], object]:
    """What polls all of it: installed, learnt from the shipped lines, its first poll begun."""
    path = folder / "settings.toml"
    path.write_text(
        f'[elasticsearch]\nurl = "{url}"\n[sources.bench]\nindices = ["{INDEX}"]\ntime_field = "@timestamp"\n'
        f"delay_s = 0\nmax_window_s = 1e7\n",
        encoding="utf-8",
    )
    settings = config.load(path)
    list(wiring.installer(settings).steps())
    lines, _ = files.read([str(EXCERPT)])
    plan = Plan("bench", settings.source("bench").views, 5.0, "bench-1", BEGIN.isoformat(), 0)
    bundle, _ = learn(lines, plan, lambda _: None)
    bundle = replace(bundle, until=int(BEGIN.timestamp() * 1000))
    polling = Polling("bench", settings.source("bench"), bundle, settings.elasticsearch.prefix, "bench")
    ports = wiring.build(settings)
    return lambda: catch_up(polling, ports)


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
