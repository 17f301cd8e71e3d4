"""`plugin.views`: which lines are one sequence, and which combinations are seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from models.windows import Tails, slide
from parsers.line import LogLine
from parsers.matcher import Match
from plugin.config import LineField, ViewSettings, ready_views
from plugin.views import Lens, together, walks
from tests import lines

LINE = LogLine("i/1", 100.0, "web-01", "sshd", 123, "m", None, "root", "10.1.2.3", 105.0)


def lens(*session_by: LineField, kind: str = "rarity") -> Lens:
    """A view before anything is learnt."""
    return Lens("v", ViewSettings(session_by=session_by, detector={"kind": kind}))


@pytest.mark.parametrize(
    ("session_by", "line", "session"),
    [
        (("host.name", "process.name", "process.pid"), LINE, "host.name=web-01|process.name=sshd|process.pid=123"),
        (("host.name", "process.pid"), LINE._replace(pid=None), "host.name=web-01"),
        (("process.pid",), LINE._replace(pid=0), "process.pid=0"),
        (("user.name",), LINE, "user.name=root"),
        (("source.ip", "user.name"), LINE._replace(user=""), "source.ip=10.1.2.3"),
        (("user.name",), LINE._replace(user=""), ""),
    ],
)
def test_a_session_is_named_by_its_fields(session_by: tuple[LineField, ...], line: LogLine, session: str) -> None:
    """Lines with the same values of these are one sequence; what a line does not say is left out of the name."""
    (event,) = lens(*session_by).events([Match(line, 7)])
    assert event.session == session


def test_pairs_are_seen_only_when_complete() -> None:
    """Half a pair is no news: a line without a user says nothing about who comes from where."""
    whole, half = lens("host.name").events([Match(LINE, 1), Match(LINE._replace(user=""), 1)])
    assert whole.pairs == (
        "user.name=root|source.ip=10.1.2.3",
        "process.name=sshd|user.name=root",
        "host.name=web-01|process.name=sshd",
    )
    assert half.pairs == ("host.name=web-01|process.name=sshd",)


@pytest.mark.parametrize(
    ("moment", "hour"),
    [
        ("2026-11-27T03:59:59Z", "03 on a work day"),
        ("2026-11-27T23:59:59.999Z", "23 on a work day"),
        ("2026-11-28T00:00:00Z", "00 on a weekend"),
        ("2026-11-29T14:30:00Z", "14 on a weekend"),
        ("2026-11-30T00:30:00+02:00", "22 on a weekend"),
        ("1969-12-31T23:00:00Z", "23 on a work day"),
    ],
)
def test_the_hour_of_a_line_can_be_paired(moment: str, hour: str) -> None:
    """Of the day, on work days or on weekends, UTC: when a user never came can be news as where from can."""
    timed = LINE._replace(time=datetime.fromisoformat(moment).timestamp())
    of_hours = Lens("v", ViewSettings(pairs=(("user.name", "hour"),), detector={"kind": "rarity"}))
    (event,), (nobodys,) = of_hours.events([Match(timed, 1)]), of_hours.events([Match(timed._replace(user=""), 1)])
    assert (event.pairs, nobodys.pairs) == ((f"user.name=root|hour={hour}",), ())


def test_only_detectors_that_count_pairs_get_them() -> None:
    """To the others two windows that differ in a pair alone are the same, and are computed once."""
    (event,) = lens("host.name", kind="deeplog").events([Match(LINE, 1)])
    assert event.pairs == ()


def test_events_carry_the_time_of_the_line_and_the_clock_of_the_source() -> None:
    """A file has no other clock than its lines."""
    polled, filed = lens("host.name").events([Match(LINE, 1), Match(LINE._replace(clock=0.0), 1)])
    assert (polled.time, polled.clock) == (100.0, 105.0)
    assert (filed.time, filed.clock) == (100.0, 100.0)
    assert polled.line == LINE


def test_a_value_cannot_pretend_to_be_another_field() -> None:
    """A user may call himself anything; the session is still his own."""
    user = LINE._replace(user="root|source.ip=10.9.9.9", address="10.1.2.3")
    honest = LINE._replace(user="root", address="10.9.9.9")
    of_user = lens("user.name", "source.ip")
    sessions = [event.session for event in of_user.events([Match(user, 1), Match(honest, 1)])]
    assert sessions == ["user.name=root%7Csource.ip=10.9.9.9|source.ip=10.1.2.3", "user.name=root|source.ip=10.9.9.9"]


def test_the_frame_is_what_the_detector_needs() -> None:
    """Its history and its counts come from the detector, silence and bounds from the view."""
    settings = ViewSettings(idle_s=60, max_sessions=9, detector={"kind": "deeplog", "h": 4})
    frame = Lens("v", settings).frame
    assert (frame.h, frame.counts, frame.idle_s, frame.max_sessions) == (4, False, 60.0, 9)
    assert lens("host.name").frame.counts


def test_surprises_are_one_for_each_sighting() -> None:
    """In their order, however often a window repeats."""
    view = lines.bundle().views[0]
    events = view.lens.events(lines.bundle().matcher.match(lines.lines(lines.texts(6))))
    sightings, _ = slide(Tails(), events, view.lens.frame, 0.0)
    alone = [float(view.look([sighting]).surprises[0]) for sighting in sightings]
    assert view.look([*sightings, *reversed(sightings)]).surprises.tolist() == [*alone, *reversed(alone)]


def test_all_views_number_a_line_alike_and_an_end_by_its_session() -> None:
    """A view that ends sessions otherwise has ends of its own, for they are known at other times."""
    sequence, rarity, _ = lines.bundle().views
    other = replace(rarity, lens=Lens("idle", rarity.lens.settings.model_copy(update={"idle_s": 60.0})))
    matches = lines.bundle().matcher.match(lines.lines(lines.texts(6)))
    seen = {view: slide(Tails(), view.lens.events(matches), view.lens.frame, 1e12)[0] for view in (sequence, rarity)}
    looks = [view.look(sightings) for view, sightings in seen.items()]
    n_ends = len(looks[0].sightings) - len(matches)
    assert n_ends > 0
    items, nats = together(looks)
    assert items[0].tolist() == items[1].tolist()
    assert len(nats) == len(matches) + n_ends
    (_, apart), _ = together([looks[0], looks[1]._replace(view=other)])
    assert len({*items[0].tolist(), *apart.tolist()}) == len(matches) + 2 * n_ends


def test_views_that_end_sessions_alike_share_a_pass_and_see_what_they_would_see_alone() -> None:
    """Ends, histories, counts, pairs and values are those of a pass of its own, whatever the others ask for."""
    matches = lines.bundle().matcher.match(lines.lines(lines.texts(8)))
    ready = ready_views()
    names = ("sequence", "order", "rarity", "users", "values", "steps", "long")
    passes = walks(Lens(name, ready[name]) for name in names)
    assert [walk.name for walk in passes] == ["sequence+rarity+values+steps", "order", "users+long"]
    for walk in passes:
        sightings, _ = walk.slide(matches, Tails(), 1e12)
        for own in walk.lenses:
            alone, _ = slide(Tails(), own.events(matches), own.frame, 1e12)
            assert own.windows(sightings) == [seen.window for seen in alone]
            assert [seen[1:] for seen in sightings] == [seen[1:] for seen in alone]


def test_a_tail_has_room_for_what_one_view_makes_of_its_session() -> None:
    """Two that judge whole sessions do not share a pass, and each carries sums of its own."""
    ready = ready_views()
    shorter = ViewSettings(detector={"kind": "ngrams", "h": 2})
    passes = walks([Lens("steps", ready["steps"]), Lens("rarity", ready["rarity"]), Lens("shorter", shorter)])
    assert [walk.name for walk in passes] == ["steps+rarity", "shorter"]


def test_only_detectors_that_judge_values_get_them() -> None:
    """To the others lines that differ in a number alone are one window."""
    match = Match(LINE, 1, (("port <NUM>", "22"), ("bytes=<NUM>", 7.0)))
    (valued,), (counted,) = lens("host.name", kind="values").events([match]), lens("host.name").events([match])
    assert (valued.values, counted.values) == (match.values, ())
    assert lens("host.name", kind="values").frame.values
    assert not lens("host.name").frame.values
