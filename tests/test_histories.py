"""A few histories on a real server, of the two hundred that tests/bench/histories.py plays."""

from __future__ import annotations

from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from plugin.config import ElasticsearchSettings
from plugin.doors.elastic.client import connect
from plugin.doors.elastic.setup import Installer
from tests.bench.histories import CONTEXT, PREFIX, PRELOADED, Site, fault, one
from tests.proxy import proxy
from tests.servers import Server

pytestmark = pytest.mark.live


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
