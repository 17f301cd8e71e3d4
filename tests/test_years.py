"""`parsers.years`: the years of stamps that have none, from the order of their file."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.stamps import DAY_S, year_before
from parsers.years import dated, is_yearless

LAST = datetime(2026, 3, 10, tzinfo=UTC).timestamp()


@given(st.lists(st.floats(0, 100), max_size=40), st.booleans(), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_a_log_of_years_is_dated_as_it_happened(gaps: list[float], backwards: bool, name: str) -> None:
    """Whatever its length, where no gap is longer than a hundred days, and whichever way the file runs."""
    zone = ZoneInfo(name)
    happened = [LAST]
    for gap in gaps:
        happened.append(happened[-1] - gap * DAY_S)
    happened = [time for time in happened if datetime.fromtimestamp(time, zone).strftime("%m%d") != "0229"]
    if not backwards:
        happened.reverse()
    seen = [_within_a_year(time, zone) for time in happened]
    if len(set(seen)) > 1 and _mostly_falls(seen) == backwards:
        found = dated(seen, bytes([1]) * len(seen), zone)
        assert found == pytest.approx(happened, abs=DAY_S / 12)  # an hour that summer time has twice, or not at all


def _within_a_year(time: float, zone: ZoneInfo) -> float:
    """As a stamp without its year reads, when the file was last changed."""
    moment = datetime.fromtimestamp(time, zone)
    times = (moment.replace(year=year).timestamp() for year in (2026, 2025))
    return next(found for found in times if found <= LAST + DAY_S)


def _mostly_falls(times: list[float]) -> bool:
    steps = [(a > b) - (a < b) for a, b in pairwise(times)]
    return sum(steps) > 0


def test_the_day_that_most_years_lack_goes_back_four() -> None:
    """29 February has no year but a leap year."""
    leap = datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp()
    assert year_before(leap, leap - 1, UTC) == datetime(2020, 2, 29, 12, tzinfo=UTC).timestamp()
    assert year_before(leap, leap, UTC) == leap


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nov 23 10:00:00 web a: x", True),
        ("<34>Nov  3 10:00:00 web a: x", True),
        ("52 <34>Nov 23 10:00:00 web a: x", True),
        ("000123: *Mar  1 00:00:01.123: %SYS-5-X: y", True),
        ("I1123 10:00:00.000000 1 a.go:1] x", True),
        ("11/23-10:00:00.000000  [**] x", True),
        ("Nov 23 2026 10:00:00 web a: x", False),
        ("2026-11-23T10:00:00Z web a: x", False),
        ("Mon Nov 23 10:00:00 2026 x", False),
    ],
)
def test_a_stamp_without_a_year_is_told_from_one_with(text: str, expected: bool) -> None:
    """Whatever stands in front of it."""
    assert is_yearless(text) == expected
