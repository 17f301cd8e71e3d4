"""The door to Elasticsearch keeps the ports' promises on a real server, and says clearly why when it cannot."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from tenacity import wait_none

from plugin.commands.check import check_rights
from plugin.config import ElasticsearchSettings
from plugin.doors.elastic import client as door
from plugin.doors.elastic.anomalies import CHUNK, ElasticAnomalies
from plugin.doors.elastic.checkpoints import ElasticCheckpoints
from plugin.doors.elastic.logs import ElasticLogs
from plugin.doors.elastic.setup import LIFECYCLE, Installer, mapping
from plugin.errors import ConfigError, Refused, Unavailable
from plugin.ports import Checkpoint, NewDocument, Span, Stream
from plugin.sources import Source
from tests.contract import CHECKPOINT, AnomaliesContract, CheckpointsContract, LogsContract, log_document, stamp
from tests.fakes import NOON
from tests.test_sources import AUTH, FULL_RSYSLOG, RAW, RELAYED, RSYSLOG, THERMALD, arrays, dotted

live = pytest.mark.live
MINUTE = Span(NOON, NOON + 60_000)
DOCUMENTS = (AUTH, THERMALD, RELAYED, RSYSLOG, FULL_RSYSLOG, RAW)
HALF_DOTTED = {"message": "m", "log.syslog": {"appname": "cron"}, "log": {"syslog.hostname": "web-01"}}
ODD: tuple[dict[str, Any], ...] = (
    {"message": "m", "host": {"name": {"a": "b"}}, "process": [{"name": "x", "pid": 1}, {"name": "y"}]},
    {"message": ["m", "n"], "host": "web-01", "host.os": {"name": "x"}, "process.name": ["a", "b"]},
    {"message": None, "event": {"original": "hello"}, "host": ["web-01", {"name": "x"}]},
    {"message": {"a": "b"}, "user": {}, "source": []},
)


class LogsBench:
    """The real `Logs`."""

    def __init__(self, client: Elasticsearch, prefix: str) -> None:
        self.client = client
        self.logs = ElasticLogs(client, prefix)

    def put(self, index: str, id: str, fields: Mapping[str, Any]) -> None:
        """Store a document, searchable at once."""
        self.client.index(index=index, id=id, document=fields, refresh=True)


class AnomaliesBench:
    """The real `Anomalies`."""

    def __init__(self, client: Elasticsearch, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        self.anomalies = ElasticAnomalies(client, prefix, attempts=2, wait=wait_none())

    def stored(self, pattern: str) -> dict[str, Mapping[str, Any]]:
        """Every document, by id, of the indices that match."""
        self.client.indices.refresh(index=pattern)
        hits = self.client.search(index=pattern, size=10_000)["hits"]["hits"]
        return {hit["_id"]: hit["_source"] for hit in hits}


@live
class TestElasticLogs(LogsContract):
    """The real store is a `Logs`."""

    @pytest.fixture
    def bench(self, client: Elasticsearch, prefix: str) -> LogsBench:
        """Nothing in it yet."""
        return LogsBench(client, prefix)

    @pytest.fixture
    def index(self, prefix: str) -> str:
        """A source's index, whose name does not look like one of ours."""
        return f"src-{prefix}"

    def test_dates_and_nanosecond_dates_are_read_in_one_order(
        self, client: Elasticsearch, bench: LogsBench, index: str
    ) -> None:
        """A stream over both kinds of index is sorted by time, to the nanosecond, and paged without loss."""
        for kind in ("date", "date_nanos"):
            client.indices.create(index=f"{index}-{kind}", mappings={"properties": {"event.ingested": {"type": kind}}})
        bench.put(f"{index}-date", "1 ms", log_document(1))
        for nanos in ("000000001", "001000001", "002999999"):
            document = {"event": {"ingested": f"2026-11-23T12:00:00.{nanos}Z"}}
            bench.put(f"{index}-date_nanos", nanos, document)
        hits = bench.logs.read(Stream((f"{index}-*",), "event.ingested", 1, 100), Span(NOON, NOON + 3)).hits
        assert [hit.id for hit in hits] == ["000000001", "1 ms", "001000001", "002999999"]
        assert [hit.clock - NOON * 1_000_000 for hit in hits] == [1, 1_000_000, 1_000_001, 2_999_999]

    def test_a_value_that_only_the_mapping_holds_is_in_the_hit(
        self, client: Elasticsearch, prefix: str, index: str
    ) -> None:
        """An alias field is in no document, yet the source's settings may name it."""
        properties = {"msg": {"type": "keyword"}, "text": {"type": "alias", "path": "msg"}}
        client.indices.create(index=index, mappings={"properties": properties})
        client.index(index=index, id="a", document={**log_document(1), "msg": "hello"}, refresh=True)
        logs = ElasticLogs(client, prefix, mapped_only=("text", "event.ingested"))
        (hit,) = logs.read(self.stream(index), MINUTE).hits
        assert hit.fields == {**log_document(1), "msg": "hello", "text": ["hello"]}

    def test_the_wanted_fields_of_a_document_read_as_the_whole_one(
        self, client: Elasticsearch, bench: LogsBench, index: str
    ) -> None:
        """Nested, dotted, half of each or as arrays: what the server leaves out is never what a line is made of."""
        mappings = {"dynamic": False, "properties": {"polled": {"type": "date"}}}
        client.indices.create(index=index, mappings=mappings)
        documents = [shape(document) for document in DOCUMENTS for shape in (dict, dotted, arrays)]
        for n, document in enumerate([*documents, HALF_DOTTED, *ODD]):
            bench.put(index, f"{n:02}", {**document, "polled": stamp(n), "not.wanted": n, "tags": ["x"]})
        source = Source("auth")
        stream = Stream((index,), "polled", 5, 100)
        whole = bench.logs.read(stream, MINUTE).hits
        wanted = bench.logs.read(stream._replace(fields=source.paths), MINUTE).hits
        assert source.read(wanted) == source.read(whole)
        assert len(wanted) == len(documents) + 1 + len(ODD)
        assert not any({"tags", "not.wanted", "polled"} & hit.fields.keys() for hit in wanted)

    def test_half_a_surrogate_pair_stops_no_read(self, bench: LogsBench, index: str) -> None:
        """JSON can spell it and a stranger can log it: what the fast decoder refuses, the slow one reads."""
        body = json.dumps({**log_document(1), "message": "\ud800"}).encode()
        bench.client.perform_request(
            "PUT",
            f"/{index}/_doc/a?refresh=true",
            headers={"content-type": "application/json", "accept": "application/json"},
            body=body,
        )
        (hit,) = bench.logs.read(self.stream(index), MINUTE).hits
        assert hit.fields["message"] == "\ud800"

    def test_an_index_whose_time_is_text_is_refused_by_name(
        self, client: Elasticsearch, bench: LogsBench, index: str
    ) -> None:
        """It would make every search fail, so it is named, with what to do."""
        bench.put(index, "a", log_document(1))
        client.indices.create(index=f"{index}-odd", mappings={"properties": {"event.ingested": {"type": "text"}}})
        with pytest.raises(Refused, match=rf"event\.ingested is a text and no date in {index}-odd"):
            bench.logs.read(self.stream(f"{index}*"), MINUTE)

    def test_an_index_that_is_closed_or_not_there_hides_no_other(
        self, client: Elasticsearch, bench: LogsBench, index: str
    ) -> None:
        """Named one by one beside one that is open: that is read, counted and told by parts as if it stood alone."""
        closed = f"{index}-closed"
        for name in (index, closed):
            bench.put(name, "a", log_document(1))
        bench.put(index, "untimed", {"message": "x"})
        client.indices.close(index=closed)
        for indices in ((index, f"{index}-missing"), (closed, index)):
            stream = self.stream(index)._replace(indices=indices)
            assert [hit.origin for hit in bench.logs.read(stream, MINUTE).hits] == [f"{index}/a"]
            assert bench.logs.count(stream, MINUTE, 1_000) == {NOON: 1}
            assert bench.logs.count_without(stream) == 1
            assert [*bench.logs.indices(stream)] == [index]
            assert bench.logs.members(stream, [f"{name}/a" for name in indices]) == {f"{index}/a"}

    def test_an_own_time_that_is_no_date_only_loses_its_place(
        self, client: Elasticsearch, bench: LogsBench, index: str
    ) -> None:
        """`@timestamp` orders within one instant; mapped as text it is left out of that, and nothing fails."""
        client.indices.create(index=index, mappings={"properties": {"@timestamp": {"type": "text"}}})
        bench.put(index, "b", {**log_document(1), "@timestamp": "yesterday"})
        bench.put(index, "a", {**log_document(1), "@timestamp": "today"})
        assert [hit.id for hit in bench.logs.read(self.stream(index), MINUTE).hits] == ["a", "b"]

    def test_records_reached_through_a_wide_pattern_are_left_out(
        self, installed: Elasticsearch, bench: LogsBench, prefix: str, index: str
    ) -> None:
        """A pattern that matches our own indices reads none of them, not even documents without our mark."""
        bench.put(index, "log", log_document(1))
        bench.put(f"{prefix}-records-2026.11", "ours", log_document(1))
        bench.put(f"{prefix}-other", "theirs", log_document(1))
        installed.indices.refresh(index=f"{prefix}*")
        hits = bench.logs.read(Stream((index, f"{prefix}*"), "event.ingested", 10, 100), MINUTE).hits
        assert [hit.id for hit in hits] == ["log", "theirs"]

    def test_a_read_leaves_nothing_open_on_the_server(
        self, client: Elasticsearch, bench: LogsBench, index: str
    ) -> None:
        """The frozen view is closed, also when the read stops early."""
        for n in range(9):
            bench.put(index, str(n), log_document(n))
        bench.logs.read(self.stream(index, 2, max_hits=3), MINUTE)
        stats = client.nodes.stats(metric="indices", index_metric="search")["nodes"].values()
        assert sum(node["indices"]["search"]["open_contexts"] for node in stats) == 0

    def test_a_bounded_read_asks_for_hardly_more_than_it_keeps(
        self, client: Elasticsearch, bench: LogsBench, index: str
    ) -> None:
        """Pages are cut so that the last one tells where the read ends, and none is asked for after it."""
        for n in range(30):
            bench.put(index, str(n), log_document(n))

        def n_queries() -> int:
            return int(client.indices.stats(index=index, metric="search")["_all"]["total"]["search"]["query_total"])

        before = n_queries()
        assert len(bench.logs.read(self.stream(index, page=5, max_hits=10), MINUTE).hits) == 10
        assert n_queries() - before == 3


@live
class TestElasticAnomalies(AnomaliesContract):
    """The real store is an `Anomalies`."""

    @pytest.fixture
    def bench(self, installed: Elasticsearch, prefix: str) -> AnomaliesBench:
        """Nothing in it yet."""
        return AnomaliesBench(installed, prefix)

    def test_a_large_batch_is_written_whole(self, bench: AnomaliesBench) -> None:
        """More documents than fit one request, by number and by size, are all there."""
        index = f"{bench.prefix}-records-2026.11"
        batch = [NewDocument(index, str(n), {"n": n, "text": "x" * 4_000}) for n in range(4 * CHUNK)]
        assert bench.anomalies.create(batch) == (4 * CHUNK, 0, [])
        assert bench.stored(index).keys() == {each.id for each in batch}

    def test_text_that_is_no_unicode_stops_nothing(self, bench: AnomaliesBench) -> None:
        """A lone surrogate, as broken bytes leave it, or a figure that is no number harms at most its own document."""
        index = f"{bench.prefix}-records-2026.11"
        odd = [
            NewDocument(index, "surrogate", {"message": "\udc80"}),
            NewDocument(index, "nan", {"siem_anomaly": {"score": float("nan")}}),
        ]
        written = bench.anomalies.create([*odd, NewDocument(index, "good", {"message": "fine"})])
        assert written.created + len(written.refused) == 3
        assert "good" in bench.stored(index)

    def test_a_dead_letter_is_of_its_documents_month_and_tells_whose_line_it_is_about(
        self, bench: AnomaliesBench
    ) -> None:
        """Met again by a replay after the turn of the month; with the index and id that a person looks for."""
        about = {"name": "auth", "index": "logs-a", "ids": ["x", "y"], "count": 2}
        body = {"@timestamp": "no date", "siem_anomaly": {"source": about}}
        poison = NewDocument(f"{bench.prefix}-records-2026.10", "bad", body)
        for day in ("2026-10-31T23:59:59", "2026-11-01T00:00:01"):
            now = datetime.fromisoformat(f"{day}+00:00").timestamp()
            store = ElasticAnomalies(bench.client, bench.prefix, clock=lambda now=now: now)  # type: ignore[misc]
            assert len(store.create([poison]).refused) == 1
        (letter,) = bench.stored(f"{bench.prefix}-deadletter-*").values()
        assert bench.stored(f"{bench.prefix}-deadletter-2026.10") == {"bad": letter}
        assert letter["@timestamp"] == "2026-10-31T23:59:59.000Z"
        assert letter["source"] == {"name": "auth", "index": "logs-a", "id": "x"}

    def test_a_full_disk_is_unavailable_and_loses_nothing(self, bench: AnomaliesBench) -> None:
        """The server answers 429 item by item; when there is room again the same batch goes through."""
        blocked, free = f"{bench.prefix}-records-2026.10", f"{bench.prefix}-records-2026.11"
        batch = [NewDocument(index, id, {"message": id}) for id in "ab" for index in (blocked, free)]
        bench.client.indices.create(index=blocked, settings={"index.blocks.read_only_allow_delete": True})
        with pytest.raises(Unavailable, match="cannot take 2 documents now"):
            bench.anomalies.create(batch)
        bench.client.indices.put_settings(index=blocked, settings={"index.blocks.read_only_allow_delete": None})
        assert bench.anomalies.create(batch) == (2, 2, [])

    def test_an_index_that_takes_no_writes_is_refused_by_name(self, bench: AnomaliesBench) -> None:
        """A block is the set-up's fault: no document becomes a dead letter for it."""
        index = f"{bench.prefix}-records-2026.10"
        bench.client.indices.create(index=index, settings={"index.blocks.write": True})
        with pytest.raises(Refused, match=f"will not write to {index}"):
            bench.anomalies.create([NewDocument(index, "a", {})])
        assert bench.client.indices.exists(index=f"{bench.prefix}-deadletter-*", allow_no_indices=False).body is False


@live
class TestElasticCheckpoints(CheckpointsContract):
    """The real store is a `Checkpoints`."""

    @pytest.fixture
    def checkpoints(self, installed: Elasticsearch, prefix: str) -> ElasticCheckpoints:
        """Nothing in it yet."""
        return ElasticCheckpoints(installed, prefix)

    def test_a_missing_index_is_refused_with_what_to_run(self, client: Elasticsearch, prefix: str) -> None:
        """Taken for "no checkpoint yet" it would make a worker read everything again, and never say why."""
        with pytest.raises(Refused, match="siem-anomaly init"):
            ElasticCheckpoints(client, prefix).load("auth")

    def test_a_checkpoint_that_cannot_be_read_is_refused_by_name(
        self, installed: Elasticsearch, checkpoints: ElasticCheckpoints, prefix: str
    ) -> None:
        """Somebody's edit must not be mistaken for an empty state."""
        checkpoints.commit(CHECKPOINT, None)
        installed.update(index=f"{prefix}-state", id="checkpoint:auth", doc={"tails": "bm8="})
        with pytest.raises(Refused, match="delete the document checkpoint:auth"):
            checkpoints.load("auth")

    def test_what_another_worker_committed_is_seen(
        self, installed: Elasticsearch, checkpoints: ElasticCheckpoints, prefix: str
    ) -> None:
        """One that is known from the last poll is asked for again; so is one that is gone."""
        checkpoints.commit(CHECKPOINT, None)
        known = checkpoints.load("auth")
        assert checkpoints.load("auth") is known
        ElasticCheckpoints(installed, prefix).commit(replace(CHECKPOINT, until=NOON + 1), known)
        loaded = checkpoints.load("auth")
        assert loaded is not None
        assert loaded.until == NOON + 1
        installed.delete(index=f"{prefix}-state", id="checkpoint:auth")
        assert checkpoints.load("auth") is None


class Workers:
    """Implements `Checkpoints`: each call is another worker's, who knows nothing yet."""

    def __init__(self, client: Elasticsearch, prefix: str) -> None:
        self.client, self.prefix = client, prefix

    def load(self, source: str) -> Checkpoint | None:
        """As stored."""
        return ElasticCheckpoints(self.client, self.prefix).load(source)

    def commit(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> int:
        """Store it."""
        return ElasticCheckpoints(self.client, self.prefix).commit(checkpoint, replacing)


@live
class TestCheckpointsOfManyWorkers(CheckpointsContract):
    """What one stored another reads."""

    @pytest.fixture
    def checkpoints(self, installed: Elasticsearch, prefix: str) -> Workers:
        """Nothing in it yet."""
        return Workers(installed, prefix)


@live
class TestInstaller:
    """What `init` does."""

    def test_a_second_run_changes_nothing(self, client: Elasticsearch, settings: ElasticsearchSettings) -> None:
        """The first run makes everything, the second finds it, but for what this server cannot do."""
        first = dict(Installer(client, settings).steps())
        second = dict(Installer(client, settings).steps())
        assert len(first) == 1 + 1 + 2 * 5 + 3 + 5
        done = {name for name, outcome in first.items() if outcome == "created"}
        assert done >= {f"index {settings.prefix}-state", f"index template {settings.prefix}-records"}
        assert {second[name] for name in done} == {"unchanged"}
        assert {outcome for outcome in second.values() if not outcome.startswith("skipped: ")} == {"unchanged"}

    def test_a_dry_run_makes_nothing(self, client: Elasticsearch, settings: ElasticsearchSettings) -> None:
        """It says what would be done, and a real run then does the same."""
        planned = list(Installer(client, settings).steps(dry_run=True))
        assert not client.indices.get(index=f"{settings.prefix}*", expand_wildcards="all")
        assert list(Installer(client, settings).steps()) == planned

    def test_records_are_seen_through_the_read_alias(self, installed: Elasticsearch, prefix: str) -> None:
        """A month's index that the first write makes has the mapping and the alias of the template."""
        index = f"{prefix}-records-2020.01"
        installed.index(index=index, id="a", document={"unknown": {"field": 1}, "message": "hello"}, refresh=True)
        assert index in installed.indices.get_alias(name="logs-siem_anomaly")
        properties = installed.indices.get_mapping(index=index)[index]["mappings"]["properties"]
        assert "unknown" not in properties
        assert properties["message"]["type"] in {"text", "match_only_text"}

    def test_records_are_deleted_by_age_where_the_server_can(
        self, installed: Elasticsearch, settings: ElasticsearchSettings
    ) -> None:
        """The lifecycle manages a month's index without a fault; a server without one is told what to do by hand."""
        index = f"{settings.prefix}-records-2020.01"
        installed.index(index=index, id="a", document={"message": "hello"})
        outcome = dict(Installer(installed, settings).steps())[f"lifecycle {settings.prefix}"]
        if LIFECYCLE not in Installer(installed, settings).features():
            assert f"delete {settings.prefix}-records-<month> and its like yourself after 90 days" in outcome
            assert "lifecycle" not in installed.indices.get_settings(index=index)[index]["settings"]["index"]
            return
        explained = installed.ilm.explain_lifecycle(index=index)["indices"][index]
        assert (explained["managed"], explained["policy"]) == (True, settings.prefix)
        assert explained.get("step") != "ERROR"

    def test_an_older_template_is_updated(self, installed: Elasticsearch, settings: ElasticsearchSettings) -> None:
        """What differs from ours is put right, and only that."""
        name = f"{settings.prefix}-health-mappings"
        installed.cluster.put_component_template(name=name, template={}, meta={"version": 0})
        outcomes = dict(Installer(installed, settings).steps())
        assert [step for step, outcome in outcomes.items() if outcome == "updated"] == [f"component template {name}"]

    def test_a_newer_release_is_not_overwritten(
        self, installed: Elasticsearch, settings: ElasticsearchSettings
    ) -> None:
        """An older program must not take back what a newer one installed."""
        name = f"{settings.prefix}-health-mappings"
        installed.cluster.put_component_template(name=name, template={}, meta={"version": 99})
        with pytest.raises(Refused, match="newer release"):
            list(Installer(installed, settings).steps())

    def test_fields_are_added_to_indices_that_are_there(
        self, client: Elasticsearch, settings: ElasticsearchSettings
    ) -> None:
        """Templates are for new indices only, so a release's new fields reach the old ones by themselves."""
        index = f"{settings.prefix}-feedback"
        client.indices.create(
            index=index, mappings={"properties": {"host": {"properties": {"os": {"type": "keyword"}}}}}
        )
        outcomes = dict(Installer(client, settings).steps())
        assert outcomes[f"fields of {index}"] == "updated"
        host = client.indices.get_mapping(index=index)[index]["mappings"]["properties"]["host"]
        assert host["properties"].keys() == {"os", "name"}

    def test_version_and_features_are_the_servers(self, client: Elasticsearch, settings: ElasticsearchSettings) -> None:
        """The version as the server writes it, and the names of its modules."""
        installer = Installer(client, settings)
        assert installer.version() == client.info()["version"]["number"]
        assert "transport-netty4" in installer.features()

    def test_without_security_no_privilege_is_missing(
        self, client: Elasticsearch, settings: ElasticsearchSettings
    ) -> None:
        """A server that knows no users forbids nothing, and `init` says what that means."""
        installer = Installer(client, settings)
        assert installer.missing_to_read(["logs-*"]) == installer.missing_to_write() == []
        assert "whoever reaches this server can read logs and forge records" in dict(installer.steps())["security"]
        assert not installer.secured()

    def test_a_store_that_nothing_was_installed_in_is_told(
        self, client: Elasticsearch, settings: ElasticsearchSettings
    ) -> None:
        """Before the first poll fails there."""
        installer = Installer(client, settings)
        assert check_rights(installer) == ["nothing is installed to write to: run `siem-anomaly init`"]
        list(installer.steps())
        assert check_rights(installer) == []


Reply = tuple[int, dict[str, Any]]


@contextmanager
def answering(reply: Callable[[str, bytes], Reply], product: str | None = "Elasticsearch") -> Iterator[str]:
    """A web server that answers path and body as `reply` says: what no real server here can be made to say."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = reply(self.path.partition("?")[0], asked)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if product:
                self.send_header("X-Elastic-Product", product)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def do_POST(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: tests speak through their asserts."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def connected(url: str) -> Iterator[Elasticsearch]:
    """A client of a server that may not be one."""
    client = door.connect(ElasticsearchSettings(url=url, request_timeout_s=5))
    yield client
    client.close()


def test_an_old_server_is_refused_with_the_version_it_needs() -> None:
    """The sentence names the server, its version and ours."""
    nodes = {"nodes": {"a": {"version": "8.19.1"}, "b": {"version": "8.9.2"}}}
    with (
        answering(lambda *_: (200, nodes)) as url,
        connected(url) as client,
        pytest.raises(Refused, match=rf"{url} is Elasticsearch 8\.9\.2.*8\.14 or newer"),
    ):
        door.version(client)


def test_another_product_is_refused() -> None:
    """Whatever answers without the product's mark is not the server we know."""
    with (
        answering(lambda *_: (200, {"nodes": {}}), product=None) as url,
        connected(url) as client,
        pytest.raises(Refused, match=f"{url} .*is not Elasticsearch"),
    ):
        door.version(client)


def test_a_server_that_is_down_is_unavailable() -> None:
    """A closed port is told with the url and the operation, and may be tried again."""
    with answering(lambda *_: (200, {})) as url:
        pass
    with (
        connected(url) as client,
        pytest.raises(Unavailable, match=rf"{url} was asked to read its version.*be reached"),
    ):
        ElasticLogs(client).now()


@pytest.mark.parametrize("verify", [True, False])
def test_a_server_without_tls_is_refused(verify: bool) -> None:
    """TLS that cannot be agreed on is a matter of settings, not of waiting."""
    with answering(lambda *_: (200, {})) as url:
        client = door.connect(ElasticsearchSettings(url=url.replace("http:", "https:"), verify_tls=verify))
        with pytest.raises(Refused, match=r"TLS failed .*: is it http://\?$"):
            door.version(client)
        client.close()


def test_a_refusal_is_one_line() -> None:
    """A proxy's page of HTML is told as a short line, with what to do."""
    page = {"error": "<html>\n <p>no\n" + "x" * 10_000}
    with answering(lambda *_: (400, page)) as url, connected(url) as client, pytest.raises(Refused) as refusal:
        ElasticLogs(client).now()
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 700
    assert str(refusal.value).endswith("check the settings")


@pytest.mark.parametrize("page", [1, 2, 7])
def test_a_page_that_fails_ahead_fails_the_read(page: int) -> None:
    """A page is asked for while the one before is taken in: its failure is the read's, and the view is closed."""
    mapped = {"indices": ["logs-a"], "fields": {"@timestamp": {"date": {}}}}
    row = {"_index": "logs-a", "_id": "x", "_source": {}, "sort": ["2026-11-23T12:00:00.000Z", 1]}
    asked: list[str] = []

    def reply(path: str, body: bytes) -> Reply:
        asked.append(path)
        if path != "/_search":
            return 200, {"/logs-a/_field_caps": mapped, "/logs-a/_pit": {"id": "x"}}.get(path, {})
        if "search_after" in json.loads(body):
            return 503, {"error": {"type": "unavailable", "reason": "busy"}}
        return 200, {"hits": {"hits": [row] * page}}

    with answering(reply) as url, connected(url) as client, pytest.raises(Unavailable, match="busy"):
        ElasticLogs(client).read(Stream(("logs-a",), "@timestamp", page, 100), MINUTE)
    assert asked.count("/_search") == 2
    assert asked[-1] == "/_pit"


def test_only_what_is_not_there_yet_is_sent_again() -> None:
    """One document is too much for a busy server, then the server fails: what is left is sent again."""
    asked: list[list[str]] = []

    def reply(_: str, body: bytes) -> Reply:
        asked.append([json.loads(line)["create"]["_id"] for line in body.splitlines()[::2]])
        if len(asked) == 2:
            return 503, {}
        busy = {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "busy"}}
        fates = [busy if id == "0" and len(asked) == 1 else {"status": 201} for id in asked[-1]]
        return 200, {"items": [{"create": fate} for fate in fates]}

    batch = [NewDocument("a-records-2026.11", str(n), {}) for n in range(CHUNK + 1)]
    with answering(reply) as url, connected(url) as client:
        assert ElasticAnomalies(client, wait=wait_none()).create(batch) == (CHUNK + 1, 0, [])
    assert asked == [[str(n) for n in range(CHUNK)], [str(CHUNK)], ["0", str(CHUNK)]]


def test_a_key_file_is_read_and_a_missing_one_is_a_fault(tmp_path: Path) -> None:
    """The key is the file's text; a file that is missing or empty is named with its key path."""
    file = tmp_path / "key"
    settings = ElasticsearchSettings(url="http://127.0.0.1:1", api_key_file=file)
    with pytest.raises(ConfigError, match=r"elasticsearch\.api_key_file: .* cannot be read"):
        door.connect(settings)
    file.write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        door.connect(settings)
    file.write_text("c2VjcmV0\n")
    door.connect(settings).close()


def test_a_missing_authority_is_a_fault(tmp_path: Path) -> None:
    """The certificate's file is looked for before the first call."""
    settings = ElasticsearchSettings(url="https://127.0.0.1:1", ca_certs=tmp_path / "absent.pem")
    with pytest.raises(ConfigError, match=r"elasticsearch\.ca_certs"):
        door.connect(settings)


@pytest.mark.parametrize("kind", ["records", "health", "deadletter", "state", "feedback"])
def test_a_mapping_without_the_extra_module_names_none_of_its_types(kind: str) -> None:
    """Where `mapper-extras` is absent text is mapped as `text`; with it as the files say."""
    assert "match_only_text" not in json.dumps(mapping(kind, frozenset()))
    assert (
        mapping(kind, frozenset())["properties"].keys()
        == mapping(kind, frozenset({"mapper-extras"}))["properties"].keys()
    )
