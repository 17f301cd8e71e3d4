"""A source that is cut into parts: each host's documents in one of them, and open sessions outlive another cut."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch
from pydantic import ValidationError

from plugin.commands.follow import catch_up
from plugin.config import SourceSettings
from plugin.doors.elastic.logs import ElasticLogs
from plugin.errors import Refused
from plugin.ports import Part, Span, Stream
from tests.fakes import NOON, FakeLogs
from tests.histories import BEGIN, History, Step, broken, day, parts, play
from tests.test_law import FakeWorld

HOSTS = ("web-01", "web-02", "db", "größe", "a" * 200, "", "10.1.2.3")


def opened() -> list[int]:
    """The clock, milliseconds, right after lines in the middle of sessions."""
    return [hit.clock // 10**6 + 1 for hit in day()[1::9]]


@pytest.mark.parametrize("clock", opened())
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_cut_in_mid_session_changes_no_record(clock: int, after: int) -> None:
    """Sessions go on where their hosts' lines are now read: from one part to some, and from some to others."""
    history = History((), max_window_s=90_000.0, partitions=2 if after != 2 else 3)
    world = FakeWorld(history)
    for hit in day():
        world.put("day-logs-0", hit)
    world.to(clock + 60_000)
    for part in world.parts:
        catch_up(part, world.ports)
    world.parts = parts(world.polling, after)
    world.to(BEGIN + 25 * 3_600_000)
    world.settle()
    assert broken(history, [("day-logs-0", hit) for hit in day()], world.records()) == ""


def test_a_history_of_cuts_leaves_one_generation_open() -> None:
    """However often it is cut, only the last parts go on."""
    history = History((Step("happen", 700), Step("poll", 1), Step("cut", 2), Step("poll", 1), Step("cut", 1)))
    world = FakeWorld(history)
    play(history, world)
    stored = world.checkpoints.stored
    open_ = {key for key, checkpoint in stored.items() if not checkpoint.closed}
    assert open_ == {part.key for part in world.parts}
    assert len({stored[key].generation for key in open_}) == 1


def test_views_that_join_hosts_cannot_be_cut() -> None:
    """A user's sessions over all hosts would be torn: said when the settings are read."""
    view = {"session_by": ["user.name"], "detector": {"kind": "rarity"}}
    with pytest.raises(ValidationError, match="people joins lines of several hosts"):
        SourceSettings.model_validate({"indices": ["x"], "partitions": 2, "views": {"people": view}})


@pytest.fixture
def index(elastic_url: str) -> Iterator[tuple[Elasticsearch, str]]:
    """A real index with documents of several hosts, and one without."""
    name = f"parts-{uuid.uuid4().hex[:8]}"
    with Elasticsearch(elastic_url) as client:
        properties = {"@timestamp": {"type": "date"}, "host": {"properties": {"name": {"type": "keyword"}}}}
        client.indices.create(index=name, mappings={"properties": properties})
        for n, host in enumerate(HOSTS):
            client.index(index=name, id=str(n), document=_document(host))
        client.indices.refresh(index=name)
        yield client, name
        client.indices.delete(index=name)


def _document(host: str) -> dict[str, object]:
    return {"@timestamp": "2026-11-23T12:00:00.000Z", "message": "x", **({"host": {"name": host}} if host else {})}


@pytest.mark.live
@pytest.mark.parametrize("n", [2, 3, 64])
def test_the_server_parts_documents_as_the_fake_does(index: tuple[Elasticsearch, str], n: int) -> None:
    """Each document is of one part, whatever its host is called; counts and memberships agree with what is read."""
    client, name = index
    fake = FakeLogs()
    for number, host in enumerate(HOSTS):
        fake.put(name, str(number), _document(host))
    span, origins = Span(NOON, NOON + 1), {f"{name}/{number}" for number in range(len(HOSTS))}
    seen: list[str] = []
    for k in range(n):
        stream = Stream((name,), "@timestamp", 10, 100, (), Part(k, n, ("host.hostname", "host.name")))
        real = ElasticLogs(client)
        found = [hit.origin for hit in real.read(stream, span).hits]
        assert found == [hit.origin for hit in fake.read(stream, span).hits]
        assert real.members(stream, origins | {f"{name}/gone"}) == set(found)
        assert sum(real.count(stream, span, 1_000).values()) == len(found)
        seen += found
    assert sorted(seen) == sorted(origins)


@pytest.mark.live
def test_hosts_that_are_no_keywords_cannot_part_documents(index: tuple[Elasticsearch, str]) -> None:
    """It is said which fields were looked at, and what to do."""
    client, name = index
    stream = Stream((name,), "@timestamp", 10, 100, (), Part(0, 2, ("message", "nothing")))
    with pytest.raises(Refused, match=r"none of message, nothing is a keyword .* set partitions = 1"):
        ElasticLogs(client).read(stream, Span(NOON, NOON + 1))


def test_ends_of_sessions_come_from_one_part() -> None:
    """Every end that an undisturbed run tells is told once by the parts together."""
    history = History((Step("happen", 1_400),), partitions=3, max_window_s=90_000.0)
    world = FakeWorld(history)
    placed = play(history, world)
    ends = [body for body in world.records() if body["siem_anomaly"]["template"]["key"] == "END"]
    assert ends
    assert broken(history, placed, world.records()) == ""
