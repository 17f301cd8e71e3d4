"""A few histories on a real server, of the two hundred that tests/bench/histories.py plays; what it says of a fault."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from plugin.config import ElasticsearchSettings
from plugin.doors.elastic.client import connect
from plugin.doors.elastic.setup import Installer
from plugin.ports import NewDocument, Ports, Written
from tests.bench import histories
from tests.bench.histories import CONTEXT, PREFIX, PRELOADED, Site, fault, one
from tests.fakes import FakeAnomalies
from tests.histories import History, Step
from tests.proxy import Plan, proxy
from tests.servers import Server
from tests.test_law import FakeWorld


@pytest.mark.live
def test_histories_of_faults_end_with_the_same_records(elastic_url: str, tmp_path: Path) -> None:
    """Workers killed and stopped at random instructions, answers lost, cut and refused; checkpoints and indices
    deleted, sources cut into other numbers of parts.
    """
    CONTEXT.set_forkserver_preload(PRELOADED)
    settings = ElasticsearchSettings(url=elastic_url, prefix=PREFIX)
    list(Installer(connect(settings), settings).steps())
    with proxy(elastic_url) as (url, plan), Elasticsearch(elastic_url, request_timeout=60) as client:
        site = Site(url, plan, client, tmp_path, Server(elastic_url, ()))
        faults = {seed: fault(site, one(seed)) for seed in range(8)}
    assert not any(faults.values()), faults


class Doubling(FakeAnomalies):
    """The planted fault: a record's id is by chance, so that one written again is there twice."""

    def create(self, documents: Sequence[NewDocument]) -> Written:
        """Create each, whatever is there."""
        return super().create([each._replace(id=f"{len(self.documents)}-{n}") for n, each in enumerate(documents)])


class BrokenWorld(FakeWorld):
    """In which a lost checkpoint doubles what had been written."""

    def __init__(self, _site: object, history: History) -> None:
        super().__init__(history)
        self.indices = set[str]()
        self.anomalies = Doubling()
        self.ports = Ports(self.logs, self.anomalies, self.checkpoints)


def test_a_history_that_breaks_the_law_is_printed_with_its_seed_and_only_the_steps_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one before, in which nothing went wrong, is passed over; exit code 1, and 0 where none goes wrong."""
    plain, begin, poll, more = replace(one(0), late=()), Step("happen", 400), Step("poll"), Step("rollover")
    needed = begin, poll, Step("forget")
    told = {5: (begin, poll, more, poll), 6: (*needed[:2], more, needed[2], poll)}
    here: Any = SimpleNamespace(plan=Plan())
    monkeypatch.setattr(histories, "site", lambda: nullcontext(here))
    monkeypatch.setattr(histories, "RealWorld", BrokenWorld)
    monkeypatch.setattr(histories, "one", lambda seed: replace(plain, steps=told[seed]))
    monkeypatch.setattr("sys.argv", ["histories", "--seed", "5", "--n", "1"])
    assert (histories.main(), capsys.readouterr().out) == (0, "")
    monkeypatch.setattr("sys.argv", ["histories", "--seed", "5", "--n", "2"])
    assert histories.main() == 1
    shown = capsys.readouterr().out
    assert shown.startswith("seed 6: twice: [")
    assert shown.endswith(f"\n{replace(plain, steps=needed)}\n")
    assert fault(here, replace(plain, steps=needed)).startswith("twice: [")
