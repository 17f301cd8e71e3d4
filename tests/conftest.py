"""What tests share: real servers, up from the first test that asks to the last one, and fresh names."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

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
