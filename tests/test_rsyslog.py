"""A real rsyslog ships lines into a real Elasticsearch; its documents are read by the shipped settings as they are."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

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

CONF = """\
global(workDirectory="{folder}" localHostname="relay")
module(load="imptcp")
module(load="omelasticsearch")
template(name="fields" type="list" option.jsonf="on") {{
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="timereported" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="hostname" name="hostname" format="jsonf")
  property(outname="programname" name="programname" format="jsonf")
  property(outname="procid" name="procid" format="jsonf")
  property(outname="severity" name="syslogseverity" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}}
ruleset(name="ship") {{
  action(type="omelasticsearch" server="{host}" serverport="{port}" searchIndex="{index}-plain" searchType=""
         bulkmode="on")
  action(type="omelasticsearch" server="{host}" serverport="{port}" searchIndex="{index}-fields" searchType=""
         bulkmode="on" template="fields")
}}
input(type="imptcp" address="127.0.0.1" port="{listen}" ruleset="ship")
"""
STAMP = f"{datetime.now(UTC) - timedelta(hours=1):%b %d %H:%M:%S}"
"""Of every line: rsyslog gives it a year, and a poll goes no further than the server's now."""
TEXTS = [STAMP + text[len(STAMP) :] for text in (*lines.texts(6, seed=3), lines.strange())]


@contextmanager
def rsyslog(url: str, index: str, folder: Path) -> Iterator[int]:
    """Listens on a port of loopback, and ships to two indices: as its own default template writes, and by fields."""
    servers.need("rsyslogd", "rsyslog", "rsyslog")
    if not list(Path("/usr/lib").rglob("omelasticsearch.so")):
        servers.need("no-such-command", "rsyslog-elasticsearch", "rsyslog's omelasticsearch")
    at, listen = urlsplit(url), servers.free_port()
    conf = folder / "rsyslog.conf"
    conf.write_text(CONF.format(folder=folder, host=at.hostname, port=at.port, index=index, listen=listen))
    process = subprocess.Popen(
        ["rsyslogd", "-n", "-f", str(conf), "-i", str(folder / "pid")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "TZ": "UTC"},
    )
    try:
        yield listen
    finally:
        process.terminate()
        process.communicate(timeout=20)


def send(port: int, texts: list[str]) -> None:
    """As a host's daemon would: one line after another over a connection, once it is answered."""
    limit = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall("".join(f"<38>{text}\n" for text in texts).encode())
                return
        except ConnectionRefusedError:
            assert time.monotonic() < limit, "rsyslog does not listen"
            time.sleep(0.05)


def shipped(client: Elasticsearch, index: str) -> list[Hit]:
    """What has come to an index, once it is as much as was sent."""
    limit = time.monotonic() + 60
    while True:
        client.options(ignore_status=404).indices.refresh(index=index)
        found = client.search(index=index, size=1_000, ignore_unavailable=True)["hits"]["hits"]
        if len(found) >= len(TEXTS):
            return [Hit(row["_index"], row["_id"], 0, row["_source"]) for row in found]
        assert time.monotonic() < limit, f"{len(found)} of {len(TEXTS)} lines have come to {index}"
        time.sleep(0.1)


def told(line: LogLine, *, program: bool) -> tuple[object, ...]:
    """What has to be the same, however a line came here."""
    by = (line.program, line.pid) if program else ()
    return (line.host, *by, line.message, line.user, line.address)


def test_what_rsyslog_ships_is_read_and_judged(elastic_url: str, tmp_path: Path) -> None:
    """By its default template and by one of fields: host, program, message, user and address, then an anomaly."""
    index = f"rsyslog-{uuid.uuid4().hex[:8]}"
    expected = lines.lines(TEXTS)
    with Elasticsearch(elastic_url, request_timeout=60) as client, rsyslog(elastic_url, index, tmp_path) as port:
        send(port, TEXTS)
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
