"""What is drawn of an explanation shows what was found, and nothing where words say it all."""

from __future__ import annotations

from functools import cache

from plugin.commands.score import Report, score
from plugin.config import ready_views
from plugin.doors.pages import Heat, Range
from plugin.pictures import ROWS, picture
from plugin.pipeline import Anomaly
from tests import lines

FLOOD = [
    lines.stamped(50_000.0 + n, "sshd", 4_000, "Failed password for bob from 10.1.2.4 port 50123 ssh2")
    for n in range(300)
]


@cache
def report(view: str, flood: bool = False) -> Report:
    """A day seen in one way only, with a strange line and perhaps a flood."""
    day = sorted([*lines.texts(), lines.strange(), *(FLOOD if flood else [])])
    return score(lines.lines(day), [], "auth", views={view: ready_views()[view]}, budget=20.0, progress=lines.silent)


def found(view: str, aspect: str, *, flood: bool = False) -> Anomaly:
    """The strangest anomaly of an aspect."""
    of = [each for each in report(view, flood).anomalies if each.explanation.aspect == aspect]
    return max(of, key=lambda each: each.score)


def test_a_flood_is_drawn_where_it_came() -> None:
    """In the last column of the row of its event, outlined, with its number; no map is taller than can be read."""
    heat = picture(found("volume", "bins", flood=True))
    assert isinstance(heat, Heat)
    (event, cells), *_ = heat.rows
    assert event.startswith("Failed password")
    assert cells[-1].is_odd
    assert cells[-1].n >= 200
    assert cells[-1].depth == 1.0
    assert not any(cell.is_odd for _, row in heat.rows for cell in row[:-1])
    assert len(heat.rows) <= ROWS
    assert {len(row) for _, row in heat.rows} == {24}


def test_an_odd_step_is_drawn_from_its_event_to_the_next() -> None:
    """Rows and columns are the same events in the same order, numbered."""
    anomaly = found("order", "transitions")
    heat = picture(anomaly)
    assert isinstance(heat, Heat)
    assert [name.partition(" ")[0] for name, _ in heat.rows] == list(heat.columns)
    odd = sum(cell.is_odd for _, row in heat.rows for cell in row)
    assert odd == len({(spot.column, spot.event) for spot in anomaly.explanation.spots})
    steps = sum(cell.n for _, row in heat.rows for cell in row)
    assert steps <= sum(n for *_, n in anomaly.sighting.window.transitions)


def test_what_words_say_is_not_drawn() -> None:
    """A rare event, an unexpected one and a session's steps have no picture."""
    for view in ("rarity", "sequence", "steps"):
        assert {picture(anomaly) for anomaly in report(view).anomalies} == {None}


def test_a_number_has_its_place_beside_the_usual_ones() -> None:
    """Every number that is told lies on the line, low before high."""
    drawn = [picture(anomaly) for anomaly in report("values").anomalies]
    ranges = [each for each in drawn if isinstance(each, Range)]
    assert all(0.0 <= each.low <= each.middle <= each.high <= 1.0 for each in ranges)
    assert all(0.0 <= each.at <= 1.0 for each in ranges)
    assert not any(isinstance(each, Heat) for each in drawn)
