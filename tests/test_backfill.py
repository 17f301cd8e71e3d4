"""The past is judged in pieces: whatever their size, each record once, and as a poll at the time would have had it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugin.commands.backfill import HOUR_MS, begin_again, pieces, progress, work
from plugin.commands.follow import after, catch_up
from plugin.errors import InputError
from plugin.ports import Ports
from tests import lines
from tests.fakes import FakeAnomalies, FakeCheckpoints
from tests.test_late import BEGIN
from tests.test_poll import DAY_MS, HITS, logs_of, polling, records

NOW = BEGIN + 2 * DAY_MS
LATER = replace(lines.watchful(), until=BEGIN + DAY_MS)
"""A bundle that was trained after the day in question."""


def ports() -> Ports:
    """A store with a day in the past."""
    return Ports(logs_of(HITS), FakeAnomalies(), FakeCheckpoints())


def written(of: Ports) -> set[tuple[str, str]]:
    """Its records."""
    assert isinstance(of.anomalies, FakeAnomalies)
    return records(of.anomalies)


@pytest.fixture(scope="module")
def at_the_time() -> set[tuple[str, str]]:
    """What polls would have written then."""
    then = ports()
    catch_up(polling(replace(LATER, until=BEGIN)), then)
    return written(then)


@pytest.mark.parametrize("hours", [24.0, 5.0, 1.0])
def test_pieces_together_write_what_polls_had_written(hours: float, at_the_time: set[tuple[str, str]]) -> None:
    """Sessions over a seam are whole, because each piece reads some time before and after it."""
    store = ports()
    for span in pieces(BEGIN, BEGIN + DAY_MS, hours, NOW):
        assert work(polling(LATER), span, store).done == 1.0
    assert written(store) == at_the_time


def test_a_piece_goes_on_where_it_was_left() -> None:
    """One poll at a time, each as its own process might do, and progress is told in between."""
    store, (span,) = ports(), pieces(BEGIN, BEGIN + DAY_MS, 24.0, NOW)
    shares = [0.0]
    source = polling(LATER, max_window_s=7_200.0)
    while shares[-1] < 1.0:
        shares.append(work(source, span, store, enough=after(0.0)).done)
        assert [piece.done for piece in progress(source, [span], store)] == shares[-1:]
    assert shares == sorted(shares)
    assert len(shares) > 10
    before = written(store)
    work(source, span, store)
    assert written(store) == before


def test_the_past_leaves_the_present_alone() -> None:
    """The source's own checkpoint is not touched, no health is told, and nothing outside of the piece is written."""
    store, noon = ports(), BEGIN + 12 * HOUR_MS
    (span,) = pieces(noon, noon + HOUR_MS, 24.0, NOW)
    work(polling(LATER), span, store)
    assert isinstance(store.anomalies, FakeAnomalies)
    assert isinstance(store.checkpoints, FakeCheckpoints)
    assert "day" not in store.checkpoints.stored
    bodies = store.anomalies.documents.values()
    assert {body["event"]["kind"] for body in bodies} == {"alert"}
    clocks = [body["@timestamp"] for body in bodies]
    assert all("2026-11-23T12" <= clock < "2026-11-23T13" for clock in clocks)


def test_a_time_that_ends_before_it_begins_is_refused() -> None:
    """It is said what to give."""
    with pytest.raises(InputError, match="--from is not before --to"):
        pieces(5, 5, 1.0, NOW)
    assert [tuple(span) for span in pieces(0, 5 * HOUR_MS // 2, 1.0, NOW)] == [
        (0, HOUR_MS),
        (HOUR_MS, 2 * HOUR_MS),
        (2 * HOUR_MS, 5 * HOUR_MS // 2),
    ]


def test_a_time_to_come_is_refused() -> None:
    """A piece that cannot be done yet would be tried for ever."""
    with pytest.raises(InputError, match="--to lies in the future"):
        pieces(BEGIN, NOW + 1, 1.0, NOW)


def test_a_newer_bundle_judges_the_past_anew() -> None:
    """Each bundle has checkpoints of its own; what both find is written once."""
    store, (span,) = ports(), pieces(BEGIN, BEGIN + DAY_MS, 24.0, NOW)
    first = work(polling(LATER), span, store)
    assert work(polling(LATER), span, store) == (1.0, True, 0, 0)
    newer = work(polling(replace(LATER, id="newer")), span, store)
    assert newer == (1.0, True, first.n_hits, 0)


def test_the_same_bundle_judges_again_what_it_is_told_to() -> None:
    """Documents may have come since; what was there is written once, as ever."""
    store, spans = ports(), pieces(BEGIN, BEGIN + DAY_MS, 12.0, NOW)
    first = work(polling(LATER), spans[0], store)
    before = written(store)
    begin_again(polling(LATER), spans, store)  # the second has not been begun at all
    assert [piece.done for piece in progress(polling(LATER), spans, store)] == [0.0, 0.0]
    assert work(polling(LATER), spans[0], store) == first._replace(n_new=0)
    assert written(store) == before


def test_a_past_that_ends_just_now_is_not_called_whole() -> None:
    """All that has come is judged, and its last sessions may still go on."""
    store, source = ports(), polling(LATER)
    (span,) = pieces(BEGIN, source.limit(NOW), 24.0 * 7, NOW)
    worked = work(source, span, store)
    assert (worked.done, worked.whole) == (1.0, False)
