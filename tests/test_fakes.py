"""The fakes keep the promises of the real stores, so that what passes on them means something."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.ports import Span, Stream
from tests.contract import AnomaliesContract, CheckpointsContract, LogsContract, log_document
from tests.fakes import NOON, FakeAnomalies, FakeCheckpoints, FakeLogs


class LogsBench:
    """A fake `Logs`."""

    def __init__(self) -> None:
        self.logs = FakeLogs()
        self.put = self.logs.put


class AnomaliesBench:
    """A fake `Anomalies`."""

    prefix = "siem-anomaly"

    def __init__(self) -> None:
        self.anomalies = FakeAnomalies(self.prefix)

    def stored(self, pattern: str) -> dict[str, Mapping[str, Any]]:
        """Every document, by id, of the indices that match."""
        return {id: body for (index, id), body in self.anomalies.documents.items() if fnmatchcase(index, pattern)}


class TestFakeLogs(LogsContract):
    """The fake is a `Logs`."""

    @pytest.fixture
    def bench(self) -> LogsBench:
        """An empty store."""
        return LogsBench()

    @pytest.fixture
    def index(self) -> str:
        """Any name will do."""
        return "logs-a"

    def test_its_clock_moves_by_hand(self) -> None:
        """It stands still until somebody moves it."""
        logs = FakeLogs()
        assert logs.now() == NOON
        logs.clock_ms += 5
        assert logs.now() == NOON + 5


class TestFakeAnomalies(AnomaliesContract):
    """The fake is an `Anomalies`."""

    @pytest.fixture
    def bench(self) -> AnomaliesBench:
        """An empty store."""
        return AnomaliesBench()


class TestFakeCheckpoints(CheckpointsContract):
    """The fake is a `Checkpoints`."""

    @pytest.fixture
    def checkpoints(self) -> FakeCheckpoints:
        """An empty store."""
        return FakeCheckpoints()


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 8))
def test_any_bound_on_hits_reads_each_document_once(instants: list[int], max_hits: int) -> None:
    """Reading on from where the last read ended gives what one long read gives."""
    logs = FakeLogs()
    logs.put("logs-a", "late", log_document(20_000))
    for n, ms in enumerate(instants):
        logs.put("logs-a", f"{n:02}", log_document(ms))
    whole, read, lo = Span(NOON, NOON + 10), [], NOON
    while lo < whole.hi:
        page = logs.read(Stream(("logs-a",), "event.ingested", 3, max_hits), Span(lo, whole.hi))
        read += page.hits
        lo = page.span.hi
    assert read == logs.read(Stream(("logs-a",), "event.ingested", 3, 1_000), whole).hits
