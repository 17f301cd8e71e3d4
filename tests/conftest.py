"""What tests share: real servers, up from the first test that asks to the last one, fresh names, and a client."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch

from plugin.config import ElasticsearchSettings
from plugin.doors.elastic.client import connect
from plugin.doors.elastic.setup import Installer
from tests import servers


@pytest.fixture(scope="session")
def elastic_url() -> Iterator[str]:
    """A real Elasticsearch, one for the whole run."""
    with servers.elasticsearch() as server:
        yield server.url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis, one for the whole run."""
    with servers.redis() as server:
        yield server.url


@pytest.fixture
def prefix() -> str:
    """The beginning of index names that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def settings(elastic_url: str, prefix: str) -> ElasticsearchSettings:
    """Settings of the real server, with index names of this test's own."""
    return ElasticsearchSettings(url=elastic_url, prefix=prefix)


@pytest.fixture
def client(settings: ElasticsearchSettings) -> Iterator[Elasticsearch]:
    """A client; when the test ends everything it installed or wrote is deleted."""
    with connect(settings) as client, servers.cleaned(client, settings.prefix):
        yield client


@pytest.fixture
def installed(client: Elasticsearch, settings: ElasticsearchSettings) -> Elasticsearch:
    """The client of a server that is set up."""
    list(Installer(client, settings).steps())
    return client
