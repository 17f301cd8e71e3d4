"""How fast 1, 2 and 4 workers poll a source, each its own part, and which share of the documents each is given.

python tests/bench/parts.py [--documents 200000] [--hosts 200] [--json]

The shipped lines as small documents of many hosts. Each worker is a process of its own; all are ready before the clock
runs, and it stops when the last has caught up. The server picks the parts, on the same machine: with as many cores as
workers and server together want, more workers are faster; with two they share what there is.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import elasticsearch
from elasticsearch import helpers

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from plugin import config, wiring  # noqa: E402 - the repository is no installed package
from plugin.commands.follow import catch_up  # noqa: E402
from plugin.doors import files  # noqa: E402
from tests import servers  # noqa: E402
from tests.bench.polling import BEGIN, EXCERPT, SHAPES, _actions, installed  # noqa: E402

SETTINGS = """\
bundles = "{folder}/bundles"
[elasticsearch]
url = "{url}"
prefix = "siem-{n}"
[sources.bench]
indices = ["bench"]
time_field = "@timestamp"
delay_s = 0
max_window_s = 1e7
partitions = {n}
"""


def main() -> None:
    """Load once, poll in 1, 2 and 4 parts, and print the rates."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--documents", type=int, default=200_000)
    options.add_argument("--hosts", type=int, default=200)
    options.add_argument("--json", action="store_true")
    options.add_argument("--work", nargs=2, metavar=("SETTINGS", "PART"), help="be a worker")
    given = options.parse_args()
    if given.work:
        _work(Path(given.work[0]), int(given.work[1]))
        return
    with servers.elasticsearch() as server:
        client = elasticsearch.Elasticsearch(server.url, request_timeout=120)
        mappings = {"properties": {"@timestamp": {"type": "date"}, "host.name": {"type": "keyword"}}}
        client.indices.create(index="bench", mappings=mappings, settings={"number_of_replicas": 0})
        helpers.bulk(client, _of_many_hosts(given.documents, given.hosts), chunk_size=5_000, refresh=True)
        for n in (1, 2, 4):
            row = _row(server.url, n)
            shares = ", ".join(f"{share:.1%}" for share in row["shares"])
            words = f"{n} parts   {row['per_s']:>8,.0f} documents/s   shares {shares}"
            print(json.dumps(row) if given.json else words, flush=True)


def _of_many_hosts(n: int, hosts: int) -> Iterator[dict[str, Any]]:
    """A host's lines stay together: each round of the shipped lines is another host's."""
    n_lines = len(files.read([str(EXCERPT)])[0])
    for i, action in enumerate(_actions(n, "bench", SHAPES["small"])):
        body: Any = action["_source"]
        yield {**action, "_source": {**body, "host": {"name": f"web-{i // n_lines % hosts}"}}}


def _row(url: str, n: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.toml"
        installed(path, SETTINGS.format(folder=folder, url=url, n=n), files.read([str(EXCERPT)])[0], 5.0, BEGIN)
        workers = [_worker(path, part) for part in range(n)]
        for worker in workers:
            assert worker.stdout
            worker.stdout.readline()  # ready
        begun = time.perf_counter()
        counts = _counts(workers)
        seconds = time.perf_counter() - begun
    total = sum(counts)
    return {"name": "parts", "parts": n, "per_s": total / seconds, "n": total, "shares": [c / total for c in counts]}


def _counts(workers: list[subprocess.Popen[str]]) -> list[int]:
    """Documents that each was given, once all have caught up."""
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return [int(worker.communicate()[0]) for worker in workers]


def _worker(path: Path, part: int) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--work", str(path), str(part)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _work(path: Path, part: int) -> None:
    settings = config.load(path)
    polling, ports = wiring.polling(settings, ("bench", part)), wiring.build(settings)
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(polled.n_hits for polled in catch_up(polling, ports)), flush=True)


if __name__ == "__main__":
    main()
