"""What a date and a clock as daemons write them mean, in seconds since the epoch; with the year to guess, or without.

Calendars are slow, and neighbouring lines share their hour: hours are what is cached.
"""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

HOUR_S, DAY_S = 3_600, 86_400
FIRST_S, LAST_S = -62_135_596_800, 253_402_300_799
"""The first and the last second that a calendar has."""

MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip
"""As written, whatever the locale."""

DATE = r"[A-Z][a-z]{2} {1,2}\d{1,2}"
CLOCK = r"(\d\d):([0-5]\d):([0-6]\d(?:[.,]\d{1,9})?)"
ISO_STAMP = rf"(\d{{4}}-\d\d-\d\d)T{CLOCK}(Z|[+-]\d\d(?::?\d\d)?|)"
"""Pieces of patterns; the clock's groups are hour, minute and second, the stamp's are date, those, and offset."""


class NoSuchDate(Exception):
    """A stamp of the right form that no calendar has."""


def seconds(text: str) -> float:
    """The seconds of a clock, with or without a fraction after a dot or a comma."""
    return int(text) if len(text) == 2 else float(text.replace(",", "."))


def latest(date: str, hour: str, into_s: float, now: float, zone: tzinfo) -> float:
    """The latest such date (`Mar 27`) not after `now` + 1 day, `into_s` seconds into that hour.

    Raises:
        NoSuchDate: no year has it.
    """
    # Asked by the hour, the cache answers; where that hour reaches beyond the limit, the exact limit decides.
    time = _hour_before((int(now) // HOUR_S + 1) * HOUR_S + DAY_S, date, hour, zone) + into_s
    if time > now + DAY_S:
        time = _hour_before(now + DAY_S - into_s, date, hour, zone) + into_s
    if time == -math.inf:
        raise NoSuchDate
    return time


def at(year: int, date: str, hour: str, zone: tzinfo) -> float:
    """When the hour of `Mar 27` began.

    Raises:
        NoSuchDate: that year has none.
    """
    time = _hour(year, date, hour, zone)
    if time is None:
        raise NoSuchDate
    return time


def iso_at(date: str, hour: str, offset: str, zone: tzinfo) -> float:
    """The same for `2026-11-23`, at an offset of `Z`, `+01:00`, `+0100` or `+01`; '' = in `zone`.

    Raises:
        NoSuchDate: there is no such day, hour or offset.
    """
    time = _iso_hour(date, hour, offset, zone)
    if time is None:
        raise NoSuchDate
    return time


def instant(text: str, zone: tzinfo = UTC) -> float | None:
    """An ISO 8601 instant as JSON documents spell it, or None; without an offset it is read in `zone`."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        return None


def zone_of(offset: str) -> tzinfo:
    """The zone of `Z`, `+01:00`, `+0100` or `+01`.

    Raises:
        NoSuchDate: no zone is so far away.
    """
    minutes = 0 if offset == "Z" else int(offset[0] + "1") * (int(offset[1:3]) * 60 + int(offset[3:][-2:] or 0))
    if abs(minutes) >= 24 * 60:
        raise NoSuchDate
    return timezone(timedelta(minutes=minutes))


_HOURS = {
    "UTC": 0, "UCT": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "MET": 1, "MEST": 2, "CET": 1, "CEST": 2, "EET": 2,
    "EEST": 3, "MSK": 3, "SAST": 2, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,  # RFC 822, section 5
    "AKST": -9, "AKDT": -8, "HST": -10,
}  # fmt: skip
"""Hours east of Greenwich of zones by their short names, as most people use these."""


@lru_cache(maxsize=64)  # a stranger may write any name
def named_zone(name: str, otherwise: tzinfo) -> tzinfo:
    """The zone of a name (`Europe/Berlin`, `CET`); the other one where there is none of that name.

    Short names mean more than one zone: `CST` of a source in Shanghai is its own.
    """
    for month in (1, 7):
        moment = datetime(2026, month, 1, tzinfo=otherwise)
        if name == moment.tzname():
            return timezone(moment.utcoffset() or timedelta())
    if name in _HOURS:
        return timezone(timedelta(hours=_HOURS[name]))
    if name.isupper():  # a search for each word of capitals would cost more than the line
        return otherwise
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return otherwise


def in_zone(time: float, zone: tzinfo, other: tzinfo) -> float:
    """The moment that has in another zone the date and the clock that `time` has in `zone`.

    Raises:
        NoSuchDate: the calendar ends before it.
    """
    if other is zone:
        return time
    try:
        moment = datetime.fromtimestamp(math.floor(time), zone)
        return moment.replace(tzinfo=other).timestamp() + time - math.floor(time)
    except (ValueError, OverflowError) as error:
        raise NoSuchDate from error


def in_year(time: float, year: int, zone: tzinfo) -> float:
    """The month, day and clock of `time` in another year.

    Raises:
        NoSuchDate: that year has no such day.
    """
    try:
        moment = datetime.fromtimestamp(time, zone)
        return moment.replace(year=year, microsecond=0).timestamp() + time - math.floor(time)
    except (ValueError, OverflowError) as error:
        raise NoSuchDate from error


def year_before(time: float, until: float, zone: tzinfo) -> float:
    """The latest moment not after `until` with the month, day and clock of `time`; `time` itself where none is."""
    if time <= until:
        return time
    last = datetime.fromtimestamp(time, zone).year
    for year in range(last, max(last - 40, 0), -1):
        with suppress(NoSuchDate):  # 29 February
            earlier = in_year(time, year, zone)
            if earlier <= until:
                return earlier
    return time


# Hours, not days, because offsets change within a day. 4,096 hours are half a year of any one log, some 400 KB.


@lru_cache(maxsize=4_096)
def _hour_before(until: float, date: str, hour: str, zone: tzinfo) -> float:
    """When the latest such hour not after `until` began; -inf = there is none. 29 February may be eight years back."""
    last = datetime.fromtimestamp(until, zone).year
    times = (_hour(year, date, hour, zone) for year in range(last, max(last - 9, 0), -1))
    return next((time for time in times if time is not None and time <= until), -math.inf)


@lru_cache(maxsize=4_096)
def _hour(year: int, date: str, hour: str, zone: tzinfo) -> float | None:
    return _timestamp(year, MONTHS.get(date[:3], 0), int(date[3:]), int(hour), zone)


@lru_cache(maxsize=4_096)
def _iso_hour(date: str, hour: str, offset: str, zone: tzinfo) -> float | None:
    return _timestamp(int(date[:4]), int(date[5:7]), int(date[8:]), int(hour), zone_of(offset) if offset else zone)


def _timestamp(year: int, month: int, day: int, hour: int, zone: tzinfo) -> float | None:
    try:
        return datetime(year, month, day, hour, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None
