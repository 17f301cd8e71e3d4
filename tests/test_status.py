"""How each source stands, on fakes."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

from rich.console import Console

from plugin import documents, terminal
from plugin.bundle import Bundle
from plugin.commands.follow import attend, catch_up, never
from plugin.commands.status import Status, status
from plugin.errors import Refused, Unavailable
from plugin.ports import Page, Ports, Span, Stream
from tests import lines
from tests.fakes import FakeAnomalies, FakeCheckpoints, FakeLogs
from tests.histories import parts
from tests.test_poll import HITS, logs_of, polling


def bundle() -> Bundle:
    """It ends its training before the day that is polled."""
    return replace(lines.watchful(), until=int(lines.DAY.timestamp() * 1000))


def test_a_source_that_was_never_polled_is_new_and_everything_waits() -> None:
    """What lies between the training's end and the delay is what a poll would read."""
    found = status(polling(bundle()), Ports(logs_of(HITS), FakeAnomalies(), FakeCheckpoints()))
    assert (found.state, found.until, found.lag_s, found.waiting) == ("new", None, None, len(HITS))


def test_after_a_poll_it_says_what_was_judged_and_found() -> None:
    """The last hour's sums, and how far behind the server's clock."""
    ports = Ports(logs_of(HITS), FakeAnomalies(), FakeCheckpoints())
    done = catch_up(polling(bundle()), ports)
    found = status(polling(bundle()), ports)
    assert (found.state, found.waiting, found.fault) == ("ok", 0, None)
    assert (found.events, found.anomalies) == (len(HITS), sum(polled.n_anomalies for polled in done))
    assert 0 < found.suppressed == sum(polled.n_suppressed for polled in done) < found.anomalies
    assert found.lag_s == 60.0


class Failing(FakeLogs):
    """Reads fail."""

    error: Exception = Unavailable("no answer from anywhere")

    def read(self, stream: Stream, span: Span) -> Page:
        """Fail."""
        del stream, span
        raise self.error


def test_what_went_wrong_is_told_until_a_day_later() -> None:
    """The fault of a poll is a health document with its reason, and the state is its until a poll goes through."""
    logs = logs_of(HITS)
    failing = Failing(logs.clock_ms)
    failing.documents = logs.documents
    anomalies, checkpoints = FakeAnomalies(), FakeCheckpoints()
    for error, state in ((Unavailable("no answer"), "degraded"), (Refused("forbidden"), "blocked")):
        failing.error = error
        failing.clock_ms += 1_000
        attend(polling(bundle()), Ports(failing, anomalies, checkpoints), never)
        found = status(polling(bundle()), Ports(failing, anomalies, checkpoints))
        assert (found.state, found.fault) == (state, str(error))
    logs.clock_ms = failing.clock_ms + 1_000
    catch_up(polling(bundle()), Ports(logs, anomalies, checkpoints))
    after = status(polling(bundle()), Ports(logs, anomalies, checkpoints))
    assert (after.state, after.fault, after.fault_at) == ("ok", "forbidden", documents.iso(failing.clock_ms / 1000))
    logs.clock_ms += 86_400_000
    assert status(polling(bundle()), Ports(logs, anomalies, checkpoints)).fault is None


def test_documents_that_nothing_will_ever_read_are_counted_once_an_hour() -> None:
    """In health documents, where a rule finds them; of a source that is cut, in those of its first part."""
    logs, anomalies = logs_of(HITS), FakeAnomalies()
    ports = Ports(logs, anomalies, FakeCheckpoints())
    logs.put("logs-auth", "timeless", {"message": "x"})
    told = []
    for passed_ms in (0, 1_000, 3_600_000):
        logs.clock_ms += passed_ms
        catch_up(polling(bundle()), ports)
        (newest, *_) = anomalies.health(polling(bundle()).name, 0.0)
        told.append(newest["siem_anomaly"]["health"].get("without_time"))
    assert told == [1, None, 1]
    for part in parts(polling(bundle()), 2):
        logs.clock_ms += 3_600_000
        catch_up(part, ports)
        (newest, *_) = anomalies.health(part.key, 0.0)
        assert ("without_time" in newest["siem_anomaly"]["health"]) == (part.part == 0)


def test_a_count_that_fails_costs_no_figures() -> None:
    """All else is done by then: what was judged is told, and the count an hour later."""

    class Busy(FakeLogs):
        """Counts nothing that has no time."""

        def count_without(self, stream: Stream) -> int:
            """Not now."""
            raise Unavailable(f"{stream.indices}: too busy")

    logs, anomalies = Busy(logs_of(HITS).clock_ms), FakeAnomalies()
    logs.documents = logs_of(HITS).documents
    catch_up(polling(bundle()), Ports(logs, anomalies, FakeCheckpoints()))
    (told,) = anomalies.health(polling(bundle()).key, 0.0)
    health = told["siem_anomaly"]["health"]
    assert (health["status"], health["events"], "without_time" in health) == ("ok", len(HITS), False)


def test_a_screen_holds_every_source() -> None:
    """A row each: name, state, how far, what waits, the bundle, the last fault."""
    ports = Ports(logs_of(HITS), FakeAnomalies(), FakeCheckpoints())
    new = status(polling(bundle()), ports)
    broken = replace(
        new, source="dns", state="blocked", lag_s=3_700.0, fault="no [index]", fault_at="2026-11-25T10:11:12Z"
    )
    timeless = replace(new, source="app", without_time=1_234)
    unable = Status.unable("vpn", "no bundle yet")
    console = Console(width=160, file=StringIO())
    console.print(terminal.status_table([new, broken, unable, timeless]))
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert "never" in text
    assert "1 h 1 min" in text
    assert "10:11:12 no [index]" in text
    assert "1,234 documents lack the time field" in text
    assert re.search("vpn +unable +never .*\nvpn: no bundle yet", text, re.DOTALL)


def test_durations_are_told_in_two_units() -> None:
    """A person wants no decimals."""
    assert [terminal.duration(seconds) for seconds in (0.4, 61, 60, 7_260, 90_000)] == [
        "0 s",
        "1 min 1 s",
        "1 min",
        "2 h 1 min",
        "1 d 1 h",
    ]
