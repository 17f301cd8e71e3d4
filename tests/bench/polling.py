"""poll → score → write against a bare client's pull of the same documents, in one run, on a real Elasticsearch.

python tests/bench/polling.py [--documents 50000] [--shapes small filebeat] [--json]

Documents of four fields, then ones of Filebeat's size (1.5 kB); then the default views beside DeepLog's alone. The bare
pull is the stock client with its stock decoder and whole documents, nothing kept: its second run counts, because its
first one warms the server up too. Ours polls as installed: the fields that the source reads, orjson, the next pages
asked for while the last are judged; so the time for `read` is only what was waited for. Then where the time went.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import elasticsearch
from elasticsearch import helpers

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from parsers.line import LogLine  # noqa: E402 - the repository is no installed package
from plugin import bundle as bundles  # noqa: E402
from plugin import config, wiring  # noqa: E402
from plugin.commands.follow import catch_up  # noqa: E402
from plugin.commands.poll import Polled, Polling  # noqa: E402
from plugin.doors import files  # noqa: E402
from plugin.training import Plan, learn  # noqa: E402
from tests import servers  # noqa: E402

EXCERPT = ROOT / "tests" / "data" / "auth-excerpt.log"
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
Shape = Callable[[LogLine, datetime], dict[str, object]]


def installed(path: Path, words: str, lines: Sequence[LogLine], budget: float, begin: datetime) -> config.Settings:
    """The settings, written; the server set up by them, and a bundle of the lines in use for the source `bench`."""
    path.write_text(words, encoding="utf-8")
    settings = config.load(path)
    list(wiring.installer(settings).steps())
    plan = Plan("bench", settings.source("bench").views, budget, "bench-1", begin.isoformat(), 0)
    learnt, _ = learn(lines, plan, lambda _: None)
    bundles.save(replace(learnt, until=int(begin.timestamp() * 1000)), settings.bundles)
    bundles.use(settings.bundles, "bench", "bench-1")
    return settings


MACHINE = {
    "architecture": "x86_64",
    "containerized": False,
    "id": "ec2f1b2a6f1c8d7e9a0b1c2d3e4f5a6b",
    "ip": ["10.77.20.248", "fe80::8ff:fe1c:1d2a", "172.17.0.1"],
    "mac": ["0A-FF-1C-1D-2A-00", "02-42-AC-11-00-01"],
    "os": {
        "codename": "jammy",
        "family": "debian",
        "kernel": "6.5.0-1022-aws",
        "name": "Ubuntu",
        "platform": "ubuntu",
        "type": "linux",
        "version": "22.04.4 LTS (Jammy Jellyfish)",
    },
}
FILEBEAT = {
    "agent": {
        "ephemeral_id": "0a7b3f1e-6a54-4f0e-9a3c-4a8d8f8e2c11",
        "id": "8b1f5f6f-32c6-4f4d-9f4f-6c1f8a0b9d55",
        "name": "ip-10-77-20-248",
        "type": "filebeat",
        "version": "8.19.8",
    },
    "cloud": {
        "account": {"id": "123456789012"},
        "availability_zone": "eu-central-1a",
        "image": {"id": "ami-0abcdef1234567890"},
        "instance": {"id": "i-0abcdef1234567890"},
        "machine": {"type": "t3.medium"},
        "provider": "aws",
        "region": "eu-central-1",
        "service": {"name": "EC2"},
    },
    "ecs": {"version": "8.11.0"},
    "fileset": {"name": "auth"},
    "input": {"type": "log"},
    "log": {"file": {"device_id": "51713", "inode": "527123", "path": "/var/log/auth.log"}, "offset": 1_234_567},
    "service": {"type": "system"},
    "tags": ["beats_input_codec_plain_applied", "auth"],
}


def main() -> None:
    """Load, pull bare, poll, and print the ratio of the two rates."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--documents", type=int, default=50_000)
    options.add_argument("--shapes", nargs="+", choices=SHAPES, default=[*SHAPES])
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    with servers.elasticsearch() as server:
        for shape in given.shapes:
            _tell(_row(server.url, shape, given.documents), "a bare pull", given)
        _tell(_views(server.url, given.shapes[-1], given.documents), "the view `sequence` alone", given)


def _tell(row: Mapping[str, Any], beside: str, given: argparse.Namespace) -> None:
    if given.json:
        print(json.dumps(row), flush=True)
        return
    ours, theirs = f"ours {row['ours_per_s']:,.0f} documents/s", f"{row['theirs_per_s']:,.0f} documents/s"
    print(f"{row['name']:<16}  {row['ratio']:.2f} ×   {ours}, {beside} {theirs}", flush=True)
    stations = ", ".join(f"{name} {us:.1f}" for name, us in row["stations"].items())
    print(f"{'':<16}  µs a document: {stations}", flush=True)


def _row(url: str, shape: str, n: int) -> dict[str, Any]:
    client, index = elasticsearch.Elasticsearch(url, request_timeout=60), f"bench-{shape}"
    helpers.bulk(client, _actions(n, index, SHAPES[shape]), chunk_size=5_000, refresh=True)
    _pull(client, index)
    theirs = n / _timed(lambda: _pull(client, index))
    ours, stations = _polled(url, index, n, "")
    name = "polling" if shape == "small" else f"polling {shape}"
    return {"name": name, "ratio": ours / theirs, "ours_per_s": ours, "theirs_per_s": theirs, "stations": stations}


def _views(url: str, shape: str, n: int) -> dict[str, Any]:
    """What the default views cost beside DeepLog alone; each polls twice, and the second time counts."""
    alone, both = "[sources.bench.views.sequence]\n", ""
    rates = {views: _polled(url, f"bench-{shape}", n, views, turn) for turn in "ab" for views in (alone, both)}
    (theirs, _), (ours, stations) = rates[alone], rates[both]
    return {"name": "views", "ratio": ours / theirs, "ours_per_s": ours, "theirs_per_s": theirs, "stations": stations}


def _polled(url: str, index: str, n: int, views: str, turn: str = "") -> tuple[float, dict[str, float]]:
    """Documents a second, and microseconds a document by station."""
    prefix = f"siem-{index}-{len(views)}{turn}"
    with tempfile.TemporaryDirectory() as folder:
        poll, done = _poller(url, index, Path(folder), prefix, views), list[Polled]()
        rate = n / _timed(lambda: done.extend(poll()))
    spent = sum((Counter(polled.seconds) for polled in done), Counter[str]())
    return rate, {station: seconds / n * 1e6 for station, seconds in spent.items()}


def _actions(n: int, index: str, shape: Shape) -> Iterator[dict[str, object]]:
    """The shipped lines again and again, a tenth of a second apart, every round under its own process ids."""
    lines, _ = files.read([str(EXCERPT)])
    for i in range(n):
        line, turn = lines[i % len(lines)], i // len(lines)
        source = shape(line._replace(pid=(line.pid or 0) + turn), BEGIN + timedelta(seconds=i / 10))
        yield {"_op_type": "create", "_index": index, "_id": str(i), "_source": source}


def _small(line: LogLine, at: datetime) -> dict[str, object]:
    """Nothing but what is read."""
    return {
        "@timestamp": at.isoformat(),
        "message": line.message,
        "host": {"name": line.host},
        "process": {"name": line.program, "pid": line.pid},
    }


def _filebeat(line: LogLine, at: datetime) -> dict[str, object]:
    """What Filebeat's system module sends from a machine in a cloud: most of it is about the machine."""
    return {
        **_small(line, at),
        **FILEBEAT,
        "event": {
            "dataset": "system.auth",
            "ingested": (at + timedelta(seconds=5)).isoformat(),
            "kind": "event",
            "module": "system",
            "original": f"{at:%b %d %H:%M:%S} {line.host} {line.program}[{line.pid}]: {line.message}",
            "timezone": "+00:00",
        },
        "host": {"hostname": line.host, "name": line.host, **MACHINE},
        "related": {"hosts": [line.host]},
    }


SHAPES: Mapping[str, Shape] = {"small": _small, "filebeat": _filebeat}


def _pull(client: elasticsearch.Elasticsearch, index: str) -> None:
    """Every document, as cheaply as the client can: a point in time, pages of 5,000."""
    pit = client.open_point_in_time(index=index, keep_alive="2m")["id"]
    after = None
    while True:
        search = {"pit": {"id": pit}, "size": 5_000, "sort": [{"@timestamp": "asc"}], "track_total_hits": False}
        hits = client.search(**search, search_after=after)["hits"]["hits"]
        if not hits:
            break
        after = hits[-1]["sort"]
    client.close_point_in_time(id=pit)


def _poller(url: str, index: str, folder: Path, prefix: str, views: str) -> Callable[[], list[Polled]]:
    """What polls all of it: installed, learnt from the shipped lines, its first poll begun."""
    path = folder / "settings.toml"
    path.write_text(
        f'[elasticsearch]\nurl = "{url}"\nprefix = "{prefix}"\n'
        f'[sources.bench]\nindices = ["{index}"]\ntime_field = "@timestamp"\n'
        f"delay_s = 0\nmax_window_s = 1e7\n{views}",
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
