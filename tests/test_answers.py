"""What a real server answers when something is wrong with it, with us or between us, and what becomes of a poll then.

Where the server cannot be made to answer so, a proxy before it does.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from elasticsearch import BadRequestError, Elasticsearch
from tenacity import wait_none

from plugin.commands import check as checking
from plugin.commands.follow import attend, catch_up, never
from plugin.commands.poll import poll
from plugin.config import ElasticsearchSettings
from plugin.documents import iso
from plugin.doors.elastic.anomalies import ElasticAnomalies
from plugin.doors.elastic.checkpoints import ElasticCheckpoints
from plugin.doors.elastic.client import connect
from plugin.doors.elastic.logs import ElasticLogs
from plugin.doors.elastic.setup import LIFECYCLE, MAPPER_EXTRAS, Installer
from plugin.errors import Refused, Unavailable
from plugin.ports import Document, Hit, NewDocument, Part, Ports, Span, Stream
from plugin.sources import Source
from tests import lines, servers
from tests.contract import log_document, stamp
from tests.fakes import NOON
from tests.histories import BEGIN, END, History, broken, day, polling
from tests.proxy import Plan, Reply, proxy
from tests.test_elastic import DOCUMENTS
from tests.test_sources import arrays, dotted

pytestmark = pytest.mark.live

DAY = Span(BEGIN, END)
STRANGE = next(n for n, hit in enumerate(day()) if lines.STRANGE in str(hit.fields))
"""Its place in the day."""


class Site(NamedTuple):
    """A day's documents on a server, and a worker whose way there leads through a proxy; its clock says: next day."""

    client: Elasticsearch
    """Past the proxy."""
    plan: Plan
    ports: Ports
    history: History
    prefix: str
    placed: list[tuple[str, Hit]]

    @property
    def polling(self) -> Any:
        """The source."""
        return polling(self.history, prefix=self.prefix)

    @property
    def stream(self) -> Stream:
        """What it reads."""
        return self.polling.stream

    def put(self, hits: Sequence[Hit], n: int = 0) -> None:
        """Documents of the day, searchable at once, in the source's n-th index."""
        index = f"{self.history.name}-logs-{n}"
        if not self.client.indices.exists(index=index):
            mappings = {"dynamic": False, "properties": {"@timestamp": {"type": "date"}}}
            self.client.indices.create(index=index, mappings=mappings)
        rows = [row for hit in hits for row in ({"create": {"_index": index, "_id": hit.id}}, dict(hit.fields))]
        assert not self.client.bulk(operations=rows, refresh=True)["errors"]
        self.placed.extend((index, hit) for hit in hits)

    def stored(self, kind: str) -> list[Document]:
        """Our documents of one kind."""
        index = f"{self.prefix}-{kind}-*"
        self.client.indices.refresh(index=index)
        return [hit["_source"] for hit in self.client.search(index=index, size=10_000)["hits"]["hits"]]

    def broken(self) -> str:
        """What of the law does not hold: each record of an undisturbed poll, once."""
        return broken(self.history, self.placed, self.stored("records"))

    @property
    def health(self) -> tuple[str, str]:
        """The newest health document's status and reason."""
        self.client.indices.refresh(index=f"{self.prefix}-health-*")
        told = self.ports.anomalies.health(self.history.name, 0.0)[0]["siem_anomaly"]["health"]
        return told["status"], told.get("reason", "")

    def must_fail(self, words: str, error: type[Exception] = Unavailable) -> None:
        """A poll fails with these words and commits nothing."""
        with pytest.raises(error, match=words):
            poll(self.polling, self.ports)
        assert self.ports.checkpoints.load(self.polling.key) is None


def ports_of(url: str, prefix: str, attempts: int = 2) -> Ports:
    """The real stores, which do not wait before they try again."""
    client = connect(ElasticsearchSettings(url=url, prefix=prefix, request_timeout_s=10))
    anomalies = ElasticAnomalies(client, prefix, attempts=attempts, wait=wait_none())
    return Ports(ElasticLogs(client, prefix), anomalies, ElasticCheckpoints(client, prefix))


@pytest.fixture(scope="module")
def home(elastic_url: str) -> Iterator[tuple[Elasticsearch, str]]:
    """A server that is set up, once for all of these tests, and the prefix of our indices."""
    settings = ElasticsearchSettings(url=elastic_url, prefix=f"t{uuid.uuid4().hex[:12]}")
    with connect(settings) as client, servers.cleaned(client, settings.prefix):
        list(Installer(client, settings).steps())
        yield client, settings.prefix


@pytest.fixture
def site(elastic_url: str, home: tuple[Elasticsearch, str]) -> Iterator[Site]:
    """No document yet; when the test ends there is none again."""
    client, prefix = home
    history = History((), page=40, max_window_s=90_000.0, overlap_s=90_000.0, name=f"src-{uuid.uuid4().hex[:12]}")
    with proxy(elastic_url) as (url, plan):
        plan.epoch = END // 1000
        yield Site(client, plan, ports_of(url, prefix), history, prefix, [])
    servers.delete(client, *(f"{prefix}-{kind}-*" for kind in ("records", "health", "deadletter")), f"{history.name}*")


@pytest.fixture
def full(site: Site) -> Site:
    """The whole day in one index."""
    site.put(day())
    return site


def at(n: int, path: str, do: Callable[[dict[str, Any]], object]) -> Callable[[str, bytes], None]:
    """Something happens right before the n-th request to a path goes on."""
    numbers = itertools.count(1)

    def instead(asked: str, body: bytes) -> None:
        if asked == path and next(numbers) == n:
            do(json.loads(body or b"{}"))

    return instead


def answering(
    status: int, path: str, kind: str = "planned", times: int = 10**6
) -> Callable[[str, bytes], Reply | None]:
    """A status instead of the first answers to a path."""
    left = iter(range(times))

    def instead(asked: str, _body: bytes) -> Reply | None:
        if asked != path or next(left, None) is None:
            return None
        return status, {"error": {"type": kind, "reason": "planned"}, "status": status}

    return instead


@contextmanager
def cluster(client: Elasticsearch, name: str, value: object) -> Iterator[None]:
    """A setting of the cluster, taken back at the end."""
    client.cluster.put_settings(persistent={name: value})
    try:
        yield
    finally:
        client.cluster.put_settings(persistent={name: None})


# --- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [1, 2])
def test_a_frozen_view_that_expires_costs_a_poll_and_no_record(full: Site, page: int) -> None:
    """Before the first page or between two: nothing is committed, and the next poll reads the same span."""
    full.plan.instead = at(page, "/_search", lambda body: full.client.close_point_in_time(id=body["pit"]["id"]))
    full.must_fail("frozen view of .* was lost")
    poll(full.polling, full.ports)
    assert full.broken() == ""


def test_an_index_deleted_under_its_frozen_view_costs_a_poll(site: Site) -> None:
    """The view does not hold it: what is left is read by the next poll."""
    half = len(day()) // 2
    site.put(day()[:half], 0)
    site.put(day()[half:], 1)
    gone = f"{site.history.name}-logs-0"
    site.plan.instead = at(2, "/_search", lambda _: site.client.indices.delete(index=gone))
    site.must_fail(gone.removesuffix("-0"))
    assert poll(site.polling, site.ports).n_hits == len(day()) - half


def test_an_index_that_a_rollover_makes_in_mid_poll_is_read_by_the_next(site: Site) -> None:
    """It is in no frozen view of before; its documents lie within the overlap and are judged, marked late."""
    site = site._replace(history=replace(site.history, late=(STRANGE,)))
    in_time = [hit for n, hit in enumerate(day()) if n != STRANGE]
    site.put(in_time)
    site.plan.instead = at(1, "/_search", lambda _: site.put([day()[STRANGE]], 1))
    assert poll(site.polling, site.ports).n_hits == len(in_time)
    site.plan.epoch = END // 1000 + 1
    polled = poll(site.polling, site.ports)
    assert (polled.n_hits, polled.n_late) == (1, 1)
    assert site.broken() == ""


def test_a_document_later_than_the_overlap_is_found_by_counting_again(site: Site) -> None:
    """Its ten minutes have grown: it becomes a record, marked late, and nothing is judged twice."""
    site = site._replace(history=replace(site.history, late=(STRANGE,), overlap_s=60.0))
    site.put([hit for n, hit in enumerate(day()) if n != STRANGE])
    catch_up(site.polling, site.ports)
    site.put([day()[STRANGE]])
    assert [polled.n_late for polled in catch_up(site.polling, site.ports)] == [0, 1]
    assert site.broken() == ""
    late = [body["event"]["original"] for body in site.stored("records") if body["siem_anomaly"]["late"]]
    assert any(lines.STRANGE in original for original in late)


def test_a_document_with_two_times_is_judged_once_and_stops_no_poll(site: Site) -> None:
    """The server counts it twice and finds it once: ten minutes that stay different are looked at once a poll."""
    site = site._replace(history=replace(site.history, overlap_s=60.0))
    strange = day()[STRANGE]
    later = iso(strange.clock / 10**9 + 3 * 3_600.0)
    both = {**strange.fields, "@timestamp": [strange.fields["@timestamp"], later]}
    site.put([hit for n, hit in enumerate(day()) if n != STRANGE])
    site.put([strange._replace(fields=both)])
    first, again = catch_up(site.polling, site.ports), catch_up(site.polling, site.ports)
    assert len(first) <= 4
    assert len(again) <= 4
    about = [body["siem_anomaly"] for body in site.stored("records") if lines.STRANGE in body["event"]["original"]]
    assert sum(ours["template"]["key"] != "END" for ours in about) == 1


def test_documents_as_deep_as_a_server_takes_them_stop_no_source(site: Site) -> None:
    """A thousand levels, beside half of a surrogate pair, which the fast decoder refuses: all of the day is judged."""
    index = f"{site.history.name}-logs-0"
    site.put(day())
    half = '{"@timestamp": "2026-11-23T10:00:00Z", "host": {"name": "web-01"}, "message": "\\ud800 alone"}'
    nested = f'{{"@timestamp": "2026-11-23T10:00:00Z", "message": {"[" * 980}{"]" * 980}}}'
    for body in (half, nested):
        site.client.perform_request(
            "POST",
            f"/{index}/_doc?refresh=true",
            body=body,
            headers={"content-type": "application/json", "accept": "application/json"},
        )
    (polled,) = catch_up(site.polling, site.ports)
    assert polled.n_hits == len(day()) + 2


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"timed_out": True}, "it ran out of time"),
        ({"_shards": {"failed": 1}}, "shards failed"),
        ({"_clusters": {"skipped": 1}}, "remote clusters were left out"),
        ({"_clusters": {"partial": 1}}, "remote clusters were left out"),
    ],
)
def test_an_answer_that_leaves_something_out_costs_a_poll(full: Site, part: dict[str, Any], words: str) -> None:
    """What is missing would be passed over for good, so nothing of such an answer is taken."""
    full.plan.amend = lambda path, body: body.update(part) if path == "/_search" else None
    full.must_fail(f"not read in full.*{words}")
    full.plan.amend = None
    poll(full.polling, full.ports)
    assert full.broken() == ""


def test_the_parts_of_half_the_documents_are_not_told(full: Site) -> None:
    """Who shares out sessions by such an answer would lose those whose last lines it leaves out."""
    origins = {f"{index}/{hit.id}" for index, hit in full.placed[:9]}
    assert full.ports.logs.members(full.stream, origins) == origins
    full.plan.amend = lambda _, body: body.update(_shards={"failed": 1})
    with pytest.raises(Unavailable, match=r"not read in full \(shards failed\)"):
        full.ports.logs.members(full.stream, origins)


@pytest.mark.parametrize("alone", [True, False])
def test_a_shard_that_nobody_holds_costs_a_poll(site: Site, alone: bool) -> None:
    """A node is down or its shards still come up: neither "no such index" nor a part of the documents."""
    lost = f"{site.history.name}-logs-{'0' if alone else '1'}"
    if not alone:
        site.put(day())
    nowhere = {"index.routing.allocation.require._name": "nowhere", "number_of_replicas": 0}
    site.client.indices.create(index=lost, settings=nowhere, wait_for_active_shards=0)
    site.must_fail(lost)
    with pytest.raises(Unavailable):
        site.ports.logs.count_without(site.stream)
    site.client.indices.put_settings(index=lost, settings={"index.routing.allocation.require._name": None})
    site.client.cluster.health(index=lost, wait_for_status="yellow")
    if alone:
        site.client.indices.put_mapping(index=lost, properties={"@timestamp": {"type": "date"}})
        site.put(day())
    poll(site.polling, site.ports)
    assert site.broken() == ""


def test_a_remote_cluster_is_read_whole_or_not_at_all(site: Site) -> None:
    """The server leaves out one that it cannot reach (`skip_unavailable`), from a frozen view without a word."""
    site.put(day()[:50], 0)
    site.put(day()[50:], 1)
    node = next(iter(site.client.nodes.info(metric="transport")["nodes"].values()))
    name, here = f"cluster.remote.{site.prefix}.seeds", f"{site.history.name}-logs-"
    both = site.stream._replace(indices=(f"{here}0", f"{site.prefix}:{here}1"))
    with cluster(site.client, name, node["transport"]["publish_address"]):
        hits = site.ports.logs.read(both, DAY).hits
        assert {hit.store for hit in hits} == set(both.indices)
        assert len(hits) == len(day())
    with cluster(site.client, name, "127.0.0.1:1"):  # nobody listens there
        with pytest.raises(Unavailable, match=f"not read in full.*{site.prefix}:.* did not answer"):
            site.ports.logs.read(both, DAY)
        with pytest.raises(Unavailable, match="remote clusters were left out"):
            site.ports.logs.count(both, DAY, 1_000)
        with pytest.raises(Unavailable):
            site.ports.logs.read(both._replace(indices=both.indices[1:]), DAY)


def test_a_tripped_circuit_breaker_is_told_with_its_reason(full: Site) -> None:
    """429, for now: the sentence says what was too large, not only that all shards failed."""
    with (
        cluster(full.client, "indices.breaker.request.limit", "1b"),
        pytest.raises(Unavailable, match=r"cannot now \(429, .*Data too large"),
    ):
        full.ports.logs.count(full.stream, DAY, 1_000)


@pytest.mark.parametrize(
    ("durability", "bearable"), [("PERMANENT", 10), ("PERMANENT", 1), ("PERMANENT", 0), ("TRANSIENT", 0)]
)
def test_a_server_with_too_little_memory_for_a_page_is_asked_for_less(
    full: Site, durability: str, bearable: int
) -> None:
    """Where the breaker says that waiting does not help, pages are halved, down to one document; then it is told, and
    at once where it says that waiting does.
    """
    sizes: list[int] = []

    def instead(path: str, body: bytes) -> Reply | None:
        if path != "/_search":
            return None
        sizes.append(json.loads(body)["size"])
        breaker = {"type": "circuit_breaking_exception", "reason": "Data too large", "durability": durability}
        return (429, {"error": {**breaker, "root_cause": [breaker]}}) if sizes[-1] > bearable else None

    full.plan.instead = instead
    if not bearable:
        full.must_fail("Data too large")
        assert sizes == ([40, 20, 10, 5, 2, 1] if durability == "PERMANENT" else [40])
        return
    assert len(full.ports.logs.read(full.stream, DAY).hits) == len(day())
    assert sizes == [size for size in (40, 20, 10, 5, 2, 1) if size >= bearable] + [bearable] * (len(day()) // bearable)


@pytest.mark.parametrize("fault", ["busy", "throttle"])
def test_a_busy_server_costs_a_poll_whatever_it_was_asked(full: Site, fault: str) -> None:
    """503 or 429 to the n-th request: that poll is repeated or went through; no record is lost or doubled."""
    before = full.plan.n_requests
    poll(full.polling, full.ports)
    n_requests, n_failed = full.plan.n_requests - before, 0
    for n in range(1, n_requests + 1):
        full.client.delete(index=f"{full.prefix}-state", id=f"checkpoint:{full.history.name}")
        full.plan.faults = {n: fault}
        try:
            poll(full.polling, full.ports)
        except Unavailable:
            n_failed += 1
            poll(full.polling, full.ports)
    assert n_requests - 3 <= n_failed < n_requests  # a bulk request is repeated, a view that stays open expires
    assert full.broken() == ""


def test_what_a_source_suffers_is_in_its_health(full: Site) -> None:
    """Degraded while the server cannot, blocked while it will not, each with the reason; then it is well again."""
    full.plan.instead = answering(503, "/_search", "busy")
    attend(full.polling, full.ports, never)
    status, reason = full.health
    assert (status, "503, busy: planned" in reason) == ("degraded", True)
    full.plan.instead, full.plan.epoch = None, END // 1000 + 1
    index = f"{full.prefix}-records-2026.11"
    full.client.options(ignore_status=400).indices.create(index=index)  # the current month is there already
    full.client.indices.put_settings(index=index, settings={"index.blocks.write": True})
    attend(full.polling, full.ports, never)
    status, reason = full.health
    assert (status, f"will not write to {index}" in reason) == ("blocked", True)
    assert full.stored("deadletter") == []
    assert full.ports.checkpoints.load(full.polling.key) is None
    full.client.indices.put_settings(index=index, settings={"index.blocks.write": None})
    full.plan.epoch += 1
    attend(full.polling, full.ports, never)
    assert full.health[0] == "ok"
    assert full.broken() == ""


def test_an_index_of_another_kind_that_comes_while_polling_is_told_by_name(full: Site) -> None:
    """Its time is text: the next poll, which counts before it reads, says which index it is and what to do, in health
    too; left out as told, the source is well again.
    """
    attend(full.polling, full.ports, never)
    odd = f"{full.history.name}-logs-odd"
    full.client.indices.create(index=odd, mappings={"properties": {"@timestamp": {"type": "text"}}})
    told = f"@timestamp is a text and no date in {odd}: map it as date, or leave such an index out with `-name` at"
    for ask in (full.ports.logs.read, lambda *asked: full.ports.logs.count(*asked, 1_000)):
        with pytest.raises(Refused, match=re.escape(told)):
            ask(full.stream, DAY)
    assert full.plan.epoch
    full.plan.epoch += 1
    attend(full.polling, full.ports, never)
    status, reason = full.health
    assert (status, told in reason) == ("blocked", True), reason
    full.plan.epoch += 1
    left_out = full.history.settings.model_copy(update={"indices": (*full.stream.indices, f"-{odd}")})
    attend(replace(full.polling, settings=left_out), full.ports, never)
    assert full.health == ("ok", "")
    assert full.broken() == ""


def test_an_index_that_never_had_the_time_field_stops_no_read(site: Site) -> None:
    """The server refuses to sort by a field it does not know, unless told its type; its documents are counted."""
    odd = f"{site.history.name}-logs-odd"
    site.client.index(index=odd, document={"message": "x"}, refresh=True)
    assert site.ports.logs.read(site.stream, DAY).hits == []
    with pytest.raises(BadRequestError):
        site.client.search(index=odd, sort=["@timestamp"])
    site.put(day())
    assert len(site.ports.logs.read(site.stream, DAY).hits) == len(day())
    assert site.ports.logs.count_without(site.stream) == 1


def test_a_document_that_is_put_together_again_reads_as_it_was_sent(site: Site) -> None:
    """An index for logs keeps no document as it came (synthetic `_source`): keys sorted, nested, single values bare."""
    client, base = site.client, f"{site.history.name}-"
    documents = [shape(document) for document in DOCUMENTS for shape in (dict, dotted, arrays)]
    properties = {"host": {"properties": {"name": {"type": "keyword"}}}, "message": {"type": "text"}}
    read = {}
    with trial(client):
        for mode in ("standard", "logsdb"):
            mappings = {"dynamic": False, "properties": {"@timestamp": {"type": "date"}, **properties}}
            client.indices.create(index=f"{base}{mode}", settings={"index.mode": mode}, mappings=mappings)
            for n, document in enumerate(documents):
                timed = {**document, "@timestamp": stamp(n)}
                client.index(index=f"{base}{mode}", id=f"{n:02}", document=timed, refresh=True)
            stream = Stream((f"{base}{mode}",), "@timestamp", 10, 100, Source("auth").paths)
            hits = site.ports.logs.read(stream, Span(NOON, NOON + 60_000)).hits
            told, rejected = Source("auth").read(hits)
            read[mode] = [line._replace(origin="") for line in told], len(rejected)
    assert read["logsdb"] == read["standard"]
    assert len(read["logsdb"][0]) == len(documents)


@contextmanager
def trial(client: Elasticsearch) -> Iterator[None]:
    """A licence under which documents are put together again; a server that is not ours keeps the one it has."""
    if os.environ.get("ES_TEST_URL"):
        yield
        return
    client.license.post_start_trial(acknowledge=True)
    try:
        yield
    finally:
        client.license.post_start_basic(acknowledge=True)


def test_a_poll_refuses_a_server_that_is_too_old(full: Site) -> None:
    """With the sentence of `check`, before anything is read."""
    client = connect(ElasticsearchSettings(url=str(full.client.transport.node_pool.get().base_url)))
    young = full._replace(ports=replace(full.ports, logs=ElasticLogs(client, full.prefix, oldest=(99, 1))))
    young.must_fail(r"is Elasticsearch \d+\.\d+.* too old: upgrade it to 99\.1 or newer", Refused)
    client.close()


# --- writing --------------------------------------------------------------------------------------------------------


def batch(site: Site, n: int = 9) -> list[NewDocument]:
    """Small records."""
    return [NewDocument(f"{site.prefix}-records-2020.01", str(id), log_document(id)) for id in range(n)]


POISON: dict[str, tuple[dict[str, Any], Document]] = {
    "document_parsing_exception": ({"mappings": {"properties": {"n": {"type": "long"}}}}, {"n": "words"}),
    "strict_dynamic_mapping_exception": ({"mappings": {"dynamic": "strict"}}, {"unknown": 1}),
    "illegal_argument_exception": ({"aliases": {"{index}": {"is_write_index": False}}}, {"message": "x"}),
}
"""What makes the server answer so: an index, and a document for it."""


@pytest.mark.parametrize("kind", POISON)
def test_a_document_that_the_server_can_never_take_is_a_dead_letter(site: Site, kind: str) -> None:
    """Whatever its name for it, a 400 harms that document alone, and is kept with the reason."""
    index = f"{site.prefix}-records-odd"
    made: dict[str, Any] = json.loads(json.dumps(POISON[kind][0]).replace("{index}", index))
    site.client.indices.create(index=f"{index}-0" if "aliases" in made else index, **made)
    written = site.ports.anomalies.create([*batch(site), NewDocument(index, "bad", POISON[kind][1])])
    assert (written.created, [(id, reason.split(":")[0]) for id, reason in written.refused]) == (9, [("bad", kind)])
    (letter,) = site.stored("deadletter")
    assert letter["reason"]["type"] == kind


def test_a_dead_letter_that_is_refused_itself_is_named_in_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """The last resort; the other documents are written."""
    month = f"{site.prefix}-deadletter-*"
    odd = {"properties": {"@timestamp": {"type": "boolean"}}}
    site.client.indices.put_index_template(
        name=f"{site.prefix}-odd", index_patterns=[month], priority=501, template={"mappings": odd}
    )
    poison = NewDocument(f"{site.prefix}-records-2020.01", "bad", {"@timestamp": "no date"})
    with caplog.at_level(logging.ERROR):
        assert site.ports.anomalies.create([*batch(site), poison]).created == 9
    assert "no dead letter could be written for bad" in caplog.text
    site.client.indices.delete_index_template(name=f"{site.prefix}-odd")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_write_that_fails_for_now_is_repeated_and_then_costs_a_poll(full: Site, status: int) -> None:
    """Once, and the same call goes through; for longer, and there is no checkpoint: the next poll writes it all."""
    full.plan.instead = answering(status, "/_bulk", times=1)
    assert full.ports.anomalies.create(batch(full)) == (9, 0, [])
    full.client.indices.delete(index=batch(full)[0].store)
    full.plan.instead = answering(status, "/_bulk")
    full.must_fail(rf"cannot now \({status}, planned: planned")
    full.plan.instead = None
    poll(full.polling, full.ports)
    assert full.broken() == ""


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_documents_that_the_server_is_too_busy_for_are_sent_again_and_no_others(site: Site, status: int) -> None:
    """Every second one is told so by itself; it becomes no dead letter, the rest is there once, and counted once."""
    site.plan.faults, site.plan.item_status = {1: "items"}, status
    assert site.ports.anomalies.create(batch(site)) == (9, 0, [])
    assert len(site.stored("records")) == 9
    assert site.stored("deadletter") == []


@pytest.mark.parametrize("fault", ["refuse", "lose", "cut"])
def test_a_lost_answer_is_asked_for_again(site: Site, fault: str) -> None:
    """What had landed before the connection broke is there already, and counts as success."""
    site.plan.faults = {1: fault}
    written = site.ports.anomalies.create(batch(site))
    assert (written.created + written.duplicates, written.refused) == (9, [])
    assert len(site.stored("records")) == 9


def test_an_index_that_may_not_be_made_is_refused_by_name(site: Site) -> None:
    """404 of an item is the set-up's fault: no document becomes a dead letter for it."""
    index = f"{site.prefix}-records-2020.01"
    with (
        cluster(site.client, "action.auto_create_index", f"-{index},+*"),
        pytest.raises(
            Refused, match=rf"will not write to {index} \(404, index_not_found_exception.*siem-anomaly check"
        ),
    ):
        site.ports.anomalies.create(batch(site))
    assert site.stored("deadletter") == []


def test_a_batch_too_large_for_a_proxy_is_halved_until_it_fits(site: Site) -> None:
    """413: what fits in smaller requests is written, what is too large even alone is a dead letter."""
    most = 2_000

    def instead(path: str, body: bytes) -> Reply | None:
        return (413, {}) if path == "/_bulk" and len(body) > most else None

    site.plan.instead = instead
    huge = NewDocument(f"{site.prefix}-records-2020.01", "huge", {"text": "x" * most})
    written = site.ports.anomalies.create([*batch(site, 40), huge])
    assert (written.created, [id for id, _ in written.refused]) == (40, ["huge"])
    assert len(site.stored("records")) == 40


# --- what a server may lack -----------------------------------------------------------------------------------------

LACKING = {"_ilm", "_ingest", "_data_stream", "_scripts", "_update_by_query", "_reindex", "_query", "_security"}
"""What stands in paths that a reduced server does not know."""
MODULES = [{"name": "transport-netty4"}]


def reduced(asked: list[str]) -> Callable[[str, bytes], Reply | None]:
    """Such paths are answered as such a server does, and noted."""

    def instead(path: str, _body: bytes) -> Reply | None:
        if not {*path.split("/")} & LACKING:
            return None
        asked.append(path)
        return 400, {"error": f"no handler found for uri [{path}] and method [PUT]"}

    return instead


def without_modules(path: str, body: dict[str, Any]) -> None:
    """A server's list of modules, as a reduced one has it."""
    for node in body.get("nodes", {}).values() if path == "/_nodes/plugins" else ():
        node["modules"], node["plugins"] = MODULES, []


def test_a_reduced_server_is_set_up_and_polled(elastic_url: str, client: Elasticsearch, prefix: str) -> None:
    """Lifecycle, ingest pipelines, data streams, stored scripts, ES|QL and security may be missing: it is said what is
    lost thereby, and none but security is asked for. The worker stamps `event.ingested` itself.
    """
    asked: list[str] = []
    history = History((), max_window_s=90_000.0, name=f"src-{prefix}")
    with proxy(elastic_url) as (url, plan):
        plan.epoch, plan.instead, plan.amend = END // 1000, reduced(asked), without_modules
        settings = ElasticsearchSettings(url=url, prefix=prefix)
        setup = Installer(connect(settings), settings)
        done = dict(setup.steps())
        site = Site(client, plan, ports_of(url, prefix), history, prefix, [])
        site.put(day())
        assert poll(site.polling, site.ports).n_hits == len(day())
        assert checking.check_rights(setup) == []
        assert site.broken() == ""
        assert all(body["event"]["ingested"] for body in site.stored("records"))
    assert {path.split("/", 2)[1] for path in asked} == {"_security"}
    skipped = {step: outcome for step, outcome in done.items() if outcome.startswith("skipped: ")}
    assert skipped.keys() == {"security", f"lifecycle {prefix}"}


def test_text_is_mapped_as_the_server_can(installed: Elasticsearch, settings: ElasticsearchSettings) -> None:
    """One without `mapper-extras` refuses `match_only_text`, and one without lifecycles their setting."""
    features = Installer(installed, settings).features()
    text = {"properties": {"message": {"type": "match_only_text"}}}
    probe = f"src-{settings.prefix}"
    if MAPPER_EXTRAS not in features:
        with pytest.raises(BadRequestError, match="match_only_text"):
            installed.indices.create(index=probe, mappings=text)
    if LIFECYCLE not in features:
        with pytest.raises(BadRequestError, match=r"unknown setting \[index.lifecycle.name\]"):
            installed.indices.create(index=probe, settings={"index.lifecycle.name": "x"})
    index = f"{settings.prefix}-records-2020.01"
    installed.index(index=index, document={"message": "hello"})
    kind = installed.indices.get_mapping(index=index)[index]["mappings"]["properties"]["message"]["type"]
    assert kind == ("match_only_text" if MAPPER_EXTRAS in features else "text")


def test_an_index_that_someone_else_makes_meanwhile_is_no_fault(
    elastic_url: str, client: Elasticsearch, prefix: str
) -> None:
    """A worker's first record or a second `init` may be faster, between the look and the making."""
    index = f"{prefix}-feedback"
    with proxy(elastic_url) as (url, plan):
        plan.instead = at(2, f"/{index}", lambda _: client.indices.create(index=index))  # looked for, then made
        settings = ElasticsearchSettings(url=url, prefix=prefix)
        assert dict(Installer(connect(settings), settings).steps())[f"index {index}"] == "created"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("keyword", r"the server runs no painless script in a search \(.*allow_expensive_queries.*set partitions = 1"),
        ("text", r"none of .*host\.name.* is a keyword .*set partitions = 1"),
    ],
)
def test_check_says_why_a_source_cannot_be_cut(site: Site, kind: str, words: str) -> None:
    """No scripts in searches, or hosts that are no keywords: a fault with what to do, and none for a whole source."""
    index = f"{site.history.name}-logs-0"
    properties = {"@timestamp": {"type": "date"}, "host": {"properties": {"name": {"type": kind}}}}
    site.client.indices.create(index=index, mappings={"dynamic": False, "properties": properties})
    site.put(day())
    setup = Installer(site.client, ElasticsearchSettings(prefix=site.prefix))
    with cluster(site.client, "search.allow_expensive_queries", kind != "keyword"):
        for partitions in (1, 2):
            given = site.history.settings.model_copy(update={"partitions": partitions})
            found = checking.check("auth", given, site.ports.logs, setup)
            assert isinstance(found, checking.Checked)
            assert len(found.lines) == checking.SHOWN
            told = " ".join(found.faults)
            assert bool(told) == (partitions == 2), told
        with pytest.raises(Refused, match=words):
            site.ports.logs.read(site.stream._replace(part=Part(0, 2, given.fields.host)), DAY)
    assert re.match(f"sources.auth: .*{words}", told)
