"""The years of stamps that have none, from the order of their file: a log of two winters has two Januaries.

A single stamp is dated by the latest year that fits; here whole files are, whose neighbours are near in time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import tzinfo

from parsers.stamps import DAY_S, year_before

SLACK_S = 31 * DAY_S
"""How far a line may lie behind its neighbours and not be of another year: files put together in the wrong order."""
DIP_S = 183 * DAY_S
"""From here on a gap may be a clock that was not set: routers boot on 1 January or 1 March, until they are told."""

_YEARLESS = re.compile(
    r"(?:\d{1,7}+ (?=<))?(?:<\d{1,3}>)?(?::? ?\d{0,10}+: )?[*.[]?[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:"
    r"|[IWEF]\d{4} \d\d:|\d\d-\d\d \d\d:|\d\d/\d\d-\d\d:|(?:\d{1,10}:[A-Z] |\[\d{1,10}\] )?\d{1,2} [A-Z][a-z]{2} \d\d:",
    re.ASCII,
)


def is_yearless(text: str) -> bool:
    """Does the line's stamp have no year?"""
    return _YEARLESS.match(text) is not None


def dated(times: Sequence[float], yearless: Sequence[int], zone: tzinfo) -> Sequence[float]:
    """The times in the order of their file, those without a year of their own moved to the one they belong to.

    Each is taken to be the latest that is not after its later neighbour, `SLACK_S` allowed. Files may run either way.
    """
    pairs = range(len(times) - 1)
    falls = sum(times[n] > times[n + 1] for n in pairs)
    runs_back = falls > sum(times[n] < times[n + 1] for n in pairs)
    latest_first = range(len(times)) if runs_back else range(len(times) - 1, -1, -1)
    moved = list(times)
    later = top = float("inf")
    for n in latest_first:
        time = moved[n]
        if yearless[n] and time > later + SLACK_S and abs(time - top) > SLACK_S:
            time = moved[n] = year_before(time, later + SLACK_S, zone)
        if time < later - DIP_S:
            top = later
        later = time
    return moved
