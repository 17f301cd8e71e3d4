"""Sliding: where events become windows, whatever piece of the stream one poll happens to hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import windows as of_windows
from models.windows import END, FIRST_LOOK, OPENINGS, RECENT, UNKNOWN, Event, Frame, Sighting, Tails, Window, slide

FRAME = Frame(h=3, counts=True, idle_s=60.0, max_sessions=3)
TRANSITIONS = Frame(h=0, counts=False, idle_s=60.0, max_sessions=3, transitions=True)
BINS = Frame(h=0, counts=False, idle_s=180.0, max_sessions=3, bins=3, bin_s=60.0)

steps = st.tuples(st.sampled_from("abcde"), st.integers(0, 9), st.integers(0, 90))


def events(of: list[tuple[str, int, int]]) -> list[Event[int]]:
    """(session, id, seconds since the one before) as events, in order."""
    clock, made = 0.0, []
    for n, (session, id, gap) in enumerate(of):
        clock += gap
        made.append(Event(session, id, clock, clock, (), n, (), (("port <NUM>", float(n)), ("for <*>", session))))
    return made


def windows(seen: list[Sighting[int]]) -> list[Window]:
    """What a detector sees of them."""
    return [sighting.window for sighting in seen]


@pytest.mark.parametrize("frame", [FRAME, replace(FRAME, values=True), TRANSITIONS, BINS])
@given(of=st.lists(steps, max_size=40), cut=st.integers(0, 40))
def test_two_pieces_slide_as_one(frame: Frame, of: list[tuple[str, int, int]], cut: int) -> None:
    """Sliding over two pieces, carrying tails, sees what sliding over both at once sees."""
    stream = events(of)
    until = stream[-1].clock if stream else 0.0
    whole, tails = slide(Tails(), stream, frame, until)
    between = stream[cut - 1].clock if 0 < cut <= len(stream) else 0.0
    first, carried = slide(Tails(), stream[:cut], frame, between)
    second, ended = slide(carried, stream[cut:], frame, until)
    assert first + second == whole
    assert ended == tails


@given(of=st.lists(steps, max_size=40))
def test_open_sessions_are_bounded_and_every_session_ends_once(of: list[tuple[str, int, int]]) -> None:
    """Never more open sessions than `max_sessions`; after a long silence each has ended once, or was dropped."""
    stream = events(of)
    for frame in (FRAME, replace(FRAME, max_sessions=1_000)):
        seen, tails = slide(Tails(), stream, frame, 0.0)
        assert len(tails.sessions) <= frame.max_sessions
        more, closed = slide(tails, [], frame, tails.clock + frame.idle_s)
        ends = [window for window in windows(seen + more) if window.event == END]
        assert closed.sessions == {}
        assert sum(window.history == () for window in windows(seen)) == len(ends) + tails.n_dropped
        assert sum(n for end in ends for _, n in end.counts) == len(stream) or tails.n_dropped


def test_a_session_that_is_dropped_for_want_of_room_is_not_judged() -> None:
    """It did not fall silent; to say so would be a false alarm for each of a flood's sessions."""
    frame = replace(FRAME, max_sessions=2)
    seen, tails = slide(Tails(), events([("a", 1, 0), ("b", 1, 0), ("c", 1, 0), ("d", 1, 0)]), frame, 0.0)
    assert [window.event for window in windows(seen)] == [1, 1, 1, 1]
    assert ([*tails.sessions], tails.n_dropped) == (["c", "d"], 2)


def test_a_session_ends_by_its_own_silence_though_its_clock_stood_still() -> None:
    """Lines read in one instant, logged an hour apart, are two sessions."""
    late = [Event("a", 1, 0.0, 5.0, (), 0), Event("a", 2, 3_600.0, 5.0, (), 1)]
    seen, _ = slide(Tails(), late, FRAME, 5.0)
    assert [window.event for window in windows(seen)] == [1, END, 2]


def test_a_session_begins_with_its_opening() -> None:
    """The first window's history is the opening of the first event, and later ones slide it out."""
    opened = [Event("a", n, 0.0, 0.0, (), n, (OPENINGS,)) for n in range(1, 6)]
    seen, _ = slide(Tails(), opened, FRAME, 0.0)
    assert [window.history for window in windows(seen)] == [
        (OPENINGS,),
        (OPENINGS, 1),
        (OPENINGS, 1, 2),
        (1, 2, 3),
        (2, 3, 4),
    ]


def test_values_are_seen_only_by_frames_that_ask() -> None:
    """To the others a window is as it was, and nothing is carried."""
    seen, tails = slide(Tails(), events([("a", 1, 1), ("a", 1, 1)]), FRAME, 0.0)
    assert [(window.values, window.recent, window.time) for window in windows(seen)] == [((), (), 0.0)] * 2
    assert tails.recent == {}


def test_a_window_holds_what_the_last_events_of_its_template_held() -> None:
    """Of any session, with their times and numbers; few of each, none of a line that matches no template."""
    frame = replace(FRAME, values=True)
    stream = events([("a", 1, 5), ("b", UNKNOWN, 1), ("b", 1, 1), ("a", UNKNOWN, 1), *[("a", 2, 1)] * 30])
    seen, tails = slide(Tails(), stream, frame, 0.0)
    first, unknown, second, _, *others = windows(seen)
    assert (first.recent, first.time) == ((), 5.0)
    assert second.recent == ((5.0, 0.0),)
    assert second.values == (("port <NUM>", 2.0), ("for <*>", "b"))
    assert unknown.recent == ()
    assert [len(window.recent) for window in others[-2:]] == [RECENT, RECENT]
    assert {event: len(recent) for event, recent in tails.recent.items()} == {1: 2, 2: RECENT}


def test_at_its_end_a_session_says_what_followed_what() -> None:
    """From END to END, every step once: as many as the events and one."""
    stream = [Event("a", id, 0.0, 0.0, (), n) for n, id in enumerate((1, 2, 1, 2, 2))]
    seen, _ = slide(Tails(), stream, TRANSITIONS, 1_000.0)
    assert seen[-1].window.transitions == ((END, 1, 1), (1, 2, 2), (2, END, 1), (2, 1, 1), (2, 2, 1))
    assert not any(window.transitions for window in windows(seen[:-1]))


def test_a_session_without_end_is_looked_at_now_and_then() -> None:
    """At the first look and at each doubling, in the line's own window."""
    stream = [Event("a", n % 3, 0.0, 0.0, (), n) for n in range(5 * FIRST_LOOK)]
    seen, _ = slide(Tails(), stream, TRANSITIONS, 0.0)
    looks = [n for n, window in enumerate(windows(seen), 1) if window.transitions]
    assert looks == [FIRST_LOOK, 2 * FIRST_LOOK, 4 * FIRST_LOOK]
    assert sum(n for *_, n in windows(seen)[FIRST_LOOK - 1].transitions) == FIRST_LOOK


@given(of=st.lists(steps, max_size=40))
def test_every_event_is_in_the_last_bin_of_one_image(of: list[tuple[str, int, int]]) -> None:
    """A bin that had an event is seen once it closes, or when its session is put out; none twice, none empty."""
    stream = events(of)
    seen, _ = slide(Tails(), stream, BINS, float("inf"))
    images = [window for window in windows(seen) if window.bins]
    assert all(any(age == 0 for age, *_ in image.bins) for image in images)
    assert all(0 <= age < BINS.bins for image in images for age, *_ in image.bins)
    assert sum(n for image in images for age, _, n in image.bins if age == 0) == len(stream)
    assert not any(window.event == END for window in windows(seen))


def test_an_image_holds_the_last_bins() -> None:
    """Counts by how many bins ago, the oldest forgotten; a bin closes by the clock though nothing comes."""
    stream = [Event("a", id, time, time, (), 0) for id, time in ((1, 0.0), (1, 1.0), (2, 130.0), (3, 190.0))]
    seen, _ = slide(Tails(), stream, BINS, 240.0)
    assert [window.bins for window in windows(seen) if window.bins] == [
        ((0, 1, 2),),
        ((0, 2, 1), (2, 1, 2)),
        ((0, 3, 1), (1, 2, 1)),
    ]


@pytest.mark.parametrize("frame", [TRANSITIONS, BINS])
def test_various_events_fill_no_memory(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room for another cell it is counted as UNKNOWN's, and none is lost."""
    monkeypatch.setattr(of_windows, "MAX_CELLS", 5)
    seen, tails = slide(Tails(), [Event("a", n, 0.0, 0.0, (), n) for n in range(1, 50)], frame, 0.0)
    (tail,) = tails.sessions.values()
    cells = tail.bins or tail.transitions
    assert len(cells) == 6
    assert sum(cells.values()) == len(seen) == 49
    assert max(cells, key=lambda cell: cells[cell])[1] == UNKNOWN
