"""Histories on real servers: workers are killed and stopped, answers cut and lost, servers killed; the law must hold.

    python tests/bench/histories.py --n 200 --seed 0        # 200 histories, from this seed on
    python tests/bench/histories.py --n 1 --seed 57         # one again, as it was

A history that breaks the law is shortened, and printed with its seed.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from elasticsearch import Elasticsearch
from tenacity import wait_fixed

from plugin import bundle as bundles
from plugin.commands.follow import catch_up
from plugin.commands.poll import Polling
from plugin.config import ElasticsearchSettings
from plugin.doors.elastic.anomalies import ElasticAnomalies
from plugin.doors.elastic.checkpoints import ElasticCheckpoints
from plugin.doors.elastic.client import connect
from plugin.doors.elastic.logs import ElasticLogs
from plugin.doors.elastic.setup import Installer
from plugin.errors import PollInProgress, ServiceError
from plugin.ports import Document, Hit, Ports
from tests import servers
from tests.histories import BEGIN, PEACEFUL, History, Step, attempt, broken, drawn, parts, play, polling, shortest
from tests.proxy import FAULTS, Plan, proxy

BEFALLS = (*PEACEFUL, *FAULTS, "kill", "kill", "stop", "two")
LOST = (*BEFALLS, "forget", "arrive")
KINDS = (LOST, LOST, (*BEFALLS, "arrive", "drop"), (*BEFALLS, "cut"))
"""What can befall, history by history in turn; besides, one in `RESTARTED` has its server killed. Not all at once: what
is deleted cannot be read again, and documents from before a cut are looked for within the overlap alone."""
RESTARTED = 20
REQUESTS = 15
"""That a poll with a few pages makes: faults fall among them."""
PREFIX = "siem-anomaly"
PRELOADED = ["plugin.wiring", "models.detectors.deeplog", "models.detectors.rarity"]
CONTEXT = multiprocessing.get_context("forkserver")
"""Workers are forked from a process that has imported everything and run nothing."""


@dataclass
class Site:
    """What all histories share."""

    url: str
    """Of the proxy."""
    plan: Plan
    client: Elasticsearch
    """Past the proxy."""
    folder: Path
    server: servers.Server


@contextlib.contextmanager
def site() -> Iterator[Site]:
    """A server with a proxy before it, our templates, and both bundles on disk."""
    CONTEXT.set_forkserver_preload(PRELOADED)
    with servers.elasticsearch() as server, proxy(server.url) as (url, plan), tempfile.TemporaryDirectory() as folder:
        settings = ElasticsearchSettings(url=server.url, prefix=PREFIX)
        list(Installer(connect(settings), settings).steps())
        with Elasticsearch(server.url, request_timeout=60) as client:
            yield Site(url, plan, client, Path(folder), server)


def ports_of(url: str) -> Ports:
    """The real stores, which wait a moment rather than seconds before they try again."""
    client = connect(ElasticsearchSettings(url=url, prefix=PREFIX, request_timeout_s=10))
    anomalies = ElasticAnomalies(client, PREFIX, attempts=2, wait=wait_fixed(0.01))
    return Ports(ElasticLogs(client, PREFIX), anomalies, ElasticCheckpoints(client, PREFIX))


def work(url: str, source: Polling, bundle: Path) -> None:
    """A worker's life: one call."""
    called(replace(source, bundle=bundles.load(bundle)), ports_of(url))


def called(source: Polling, ports: Ports) -> None:
    """What a worker does when it is called, and what it does not mind."""
    with contextlib.suppress(PollInProgress, ServiceError):
        attempt(source, ports)


@dataclass
class RealWorld:
    """Implements `World`."""

    site: Site
    history: History
    waiting: list[dict[str, Any]] = field(default_factory=list)
    indices: set[str] = field(default_factory=set)
    clock: int = BEGIN

    def __post_init__(self) -> None:
        self.polling = polling(self.history, prefix=PREFIX)
        self.parts = parts(self.polling, self.history.partitions)
        self.ports = ports_of(self.site.url)
        shelf = self.site.folder / ("lines" if self.history.late else "views")
        self.bundle = shelf / self.polling.bundle.source / self.polling.bundle.id
        if not self.bundle.exists():
            bundles.save(self.polling.bundle, shelf)

    def put(self, index: str, hit: Hit) -> None:
        """Searchable before anything else happens."""
        if index not in self.indices:
            self.indices.add(index)
            kind = "date_nanos" if int(index.rpartition("-")[2]) % 2 else "date"
            host = {"properties": {"name": {"type": "keyword"}}}
            mappings = {"dynamic": False, "properties": {"@timestamp": {"type": kind}, "host": host}}
            self.site.client.indices.create(
                index=index, mappings=mappings, settings={"number_of_shards": 1, "number_of_replicas": 0}
            )
        self.waiting += [{"create": {"_index": index, "_id": hit.id}}, dict(hit.fields)]

    def drop(self, index: str) -> None:
        """Gone at once."""
        self.site.client.options(ignore_status=404).indices.delete(index=index)

    def to(self, clock_ms: int) -> None:
        """The proxy tells the time."""
        self.clock = clock_ms
        self.site.plan.epoch = clock_ms // 1000
        if self.waiting:
            assert not self.site.client.bulk(operations=self.waiting, refresh=True)["errors"]
            self.waiting = []

    def act(self, step: Step) -> None:
        """A poll, disturbed or not, or something else that befalls the site."""
        self.to(self.clock)
        if not self.indices:
            return
        if step.kind == "forget":
            id = f"checkpoint:{self.history.name}"
            self.site.client.options(ignore_status=404).delete(index=f"{PREFIX}-state", id=id)
        elif step.kind == "cut":
            self.parts = parts(self.polling, 1 + step.n % 4)
        elif step.kind in {"kill", "stop", "two", "restart"}:
            self._worked(step, self.parts[step.n % len(self.parts)])
        else:
            self.site.plan.faults = {step.n % REQUESTS + 1: step.kind} if step.kind in FAULTS else {}
            called(self.parts[step.n % len(self.parts)], self.ports)
            self.site.plan.calm()

    def _worked(self, step: Step, part: Polling) -> None:
        """By workers that are processes of their own, something happens to one after n milliseconds."""
        url, unlearnt = self.site.url, replace(part, bundle=None)  # type: ignore[arg-type]
        worker = CONTEXT.Process(target=work, args=(url, unlearnt, self.bundle))
        worker.start()
        assert worker.pid
        if step.kind != "two":
            time.sleep(step.n / 1000)  # a random moment, not a wait for something
        if step.kind == "kill":
            worker.kill()
        elif step.kind == "stop":
            with contextlib.suppress(ProcessLookupError):  # it may have come to its end by then
                os.kill(worker.pid, signal.SIGSTOP)
                called(part, self.ports)
                os.kill(worker.pid, signal.SIGCONT)
        elif step.kind == "restart" and self.site.server.restart:
            self.site.server.restart()
        else:
            called(part, self.ports)
        worker.join(60)
        assert worker.exitcode is not None, "a worker hangs"

    def settle(self) -> None:
        """Catch up; of many late documents each poll takes a part."""
        self.to(self.clock + 1_000)  # while the clock stands still nothing is looked for
        while any(polled.n_hits for part in self.parts for polled in catch_up(part, self.ports)):
            self.to(self.clock + 1_000)

    def records(self) -> list[Document]:
        """Every record of this source."""
        self.site.client.indices.refresh(index=f"{PREFIX}-records-*")
        query = {"term": {"siem_anomaly.source.name": self.history.name}}
        hits = self.site.client.search(index=f"{PREFIX}-records-*", query=query, size=10_000)["hits"]["hits"]
        return [hit["_source"] for hit in hits]


def fault(site: Site, history: History) -> str:
    """What of the law a history breaks; its indices are gone afterwards."""
    history = replace(history, name=f"{history.name}-{time.monotonic_ns()}")
    world = RealWorld(site, history)
    try:
        placed = play(history, world)
        return broken(history, placed, world.records())
    finally:
        site.plan.calm()
        for index in world.indices:
            site.client.options(ignore_status=404).indices.delete(index=index)


def one(seed: int) -> History:
    """The history of a seed."""
    kinds = KINDS[seed % len(KINDS)]
    history = drawn(seed, kinds, name=f"day{seed}")
    if "cut" in kinds:
        history = replace(history, late=(), partitions=1 + seed % 3)
    if seed % RESTARTED == RESTARTED - 1:
        history = replace(history, steps=(*history.steps[:6], Step("restart", 50 + seed), *history.steps[6:]))
    return history


def main() -> int:
    """Play them; 1 when one breaks the law."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with site() as here:
        for seed in range(given.seed, given.seed + given.n):
            history = one(seed)
            if fault(here, history):
                short, words = shortest(history, lambda shorter: fault(here, shorter))
                sys.stdout.write(f"seed {seed}: {words or 'not again'}\n{short}\n")
                return 1
            if (seed + 1 - given.seed) % 10 == 0:
                sys.stdout.write(f"{seed + 1 - given.seed} of {given.n} histories equal\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
