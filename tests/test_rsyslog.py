"""A real rsyslog ships lines into a real Elasticsearch; its documents are read by the shipped settings as they are."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from elasticsearch import Elasticsearch

from parsers.line import LogLine
from plugin.commands.follow import catch_up
from plugin.commands.poll import Polling
from plugin.config import ElasticsearchSettings, SourceSettings
from plugin.doors.elastic.anomalies import ElasticAnomalies
from plugin.doors.elastic.checkpoints import ElasticCheckpoints
from plugin.doors.elastic.client import connect
from plugin.doors.elastic.logs import ElasticLogs
from plugin.doors.elastic.setup import Installer
from plugin.ports import Hit, Ports
from plugin.sources import Source
from tests import lines, servers

pytestmark = pytest.mark.live

STAMP = f"{datetime.now(UTC) - timedelta(hours=1):%b %d %H:%M:%S}"
"""Of every line: rsyslog gives it a year, and a poll goes no further than the server's now."""
TEXTS = [STAMP + text[len(STAMP) :] for text in (*lines.texts(6, seed=3), lines.strange())]


def shipped(client: Elasticsearch, index: str) -> list[Hit]:
    """What has come to an index, once it is as much as was sent."""
    limit = time.monotonic() + 60
    while len(found := servers.shipped(client, index)) < len(TEXTS):
        assert time.monotonic() < limit, f"{len(found)} of {len(TEXTS)} lines have come to {index}"
        time.sleep(0.1)
    return [Hit(row["_index"], row["_id"], 0, row["_source"]) for row in found]


def told(line: LogLine, *, program: bool) -> tuple[object, ...]:
    """What has to be the same, however a line came here."""
    by = (line.program, line.pid) if program else ()
    return (line.host, *by, line.message, line.user, line.address)


def test_what_rsyslog_ships_is_read_and_judged(elastic_url: str) -> None:
    """By its default template and by one of fields: host, program, message, user and address, then an anomaly."""
    index = f"rsyslog-{uuid.uuid4().hex[:8]}"
    expected = lines.lines(TEXTS)
    with Elasticsearch(elastic_url, request_timeout=60) as client, servers.rsyslog(elastic_url, index) as port:
        servers.send(port, TEXTS)
        for kind in ("plain", "fields"):
            read, rejected = Source("rsyslog").read(shipped(client, f"{index}-{kind}"))
            by = {"program": kind == "fields"}
            assert rejected == []
            assert sorted(map(str, (told(line, **by) for line in read))) == sorted(
                map(str, (told(line, **by) for line in expected))
            )
        records = judged(elastic_url, f"{index}-fields", index)
    assert any(lines.STRANGE in record["event"]["original"] for record in records)


def judged(url: str, index: str, prefix: str) -> list[dict[str, dict[str, str]]]:
    """The records of a poll of that index by `timereported`."""
    elastic = ElasticsearchSettings(url=url, prefix=f"s{prefix}")
    list(Installer(connect(elastic), elastic).steps())
    client = connect(elastic)
    source = SourceSettings(indices=(index,), time_field="timereported", max_window_s=1e10)
    bundle = replace(lines.watchful(), until=0)
    ports = Ports(
        ElasticLogs(client, elastic.prefix),
        ElasticAnomalies(client, elastic.prefix),
        ElasticCheckpoints(client, elastic.prefix),
    )
    polled = catch_up(Polling("rsyslog", source, bundle, elastic.prefix, "w"), ports)
    assert sum(each.n_hits for each in polled) == len(TEXTS)
    client.indices.refresh(index=f"{elastic.prefix}-records-*")
    found = client.search(index=f"{elastic.prefix}-records-*", size=1_000)["hits"]["hits"]
    return [row["_source"] for row in found]
