"""Whole sessions by the mean surprise of their steps, wherever polls cut them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.base import Floats
from models.means import KEPT, MILLI, ODD, TEN, by_session, carried
from models.windows import END, FIRST_LOOK, Event, Frame, Sighting, Tails, slide

FRAME = Frame(h=2, counts=False, idle_s=60.0, max_sessions=3)
moves = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 9), st.integers(0, 90)), max_size=40)


def events(of: list[tuple[str, int, int]]) -> list[Event[int]]:
    """(session, id, seconds since the one before) as events, in order."""
    clock, made = 0.0, []
    for n, (session, id, gap) in enumerate(of):
        clock += gap
        made.append(Event(session, id, clock, clock, (), n))
    return made


def nats(seen: list[Sighting[int]]) -> Floats:
    """A detector's: an event's number is its surprise, an END's a half."""
    return np.array([0.5 if sighting.window.event == END else float(sighting.window.event) for sighting in seen])


def judged(tails: Tails[int], stream: list[Event[int]], until: float) -> tuple[list[tuple[float, object]], Tails[int]]:
    """Each sighting's mean and strangest steps, and the tails with their sums."""
    seen, after = slide(tails, stream, FRAME, until)
    means = by_session(seen, [sighting.window for sighting in seen], nats(seen), tails.sessions)
    found = [(float(mean), means.steps.get(i)) for i, mean in enumerate(means.surprises)]
    return found, carried(after, means.sums)


@given(of=moves, cut=st.integers(0, 40))
def test_two_pieces_come_to_what_one_comes_to(of: list[tuple[str, int, int]], cut: int) -> None:
    """Sums and steps carried in the tails give the means of one pass, dropped and reopened sessions included."""
    stream = events(of)
    until = stream[-1].clock if stream else 0.0
    between = stream[cut - 1].clock if 0 < cut <= len(stream) else 0.0
    whole, tails = judged(Tails(), stream, until)
    first, between_tails = judged(Tails(), stream[:cut], between)
    second, ended = judged(between_tails, stream[cut:], until)
    assert first + second == whole
    assert ended == tails


@given(of=moves)
def test_an_end_is_the_mean_of_its_session(of: list[tuple[str, int, int]]) -> None:
    """Over all its steps, END's included, as of a session some sure steps longer; lines are nothing by themselves."""
    seen, _ = slide(Tails(), events(of), replace(FRAME, max_sessions=9), 1e9)
    means = by_session(seen, [sighting.window for sighting in seen], nats(seen), {})
    sums: dict[str, list[float]] = {}
    for sighting, step, mean in zip(seen, nats(seen).tolist(), means.surprises.tolist(), strict=True):
        sums.setdefault(sighting.session, []).append(step)
        if sighting.window.event == END:
            steps = sums.pop(sighting.session)
            assert mean == TEN * sum(steps) / (len(steps) + TEN)
        else:
            assert mean == 0.0
    assert sums == {}
    assert means.sums == {}


def test_a_long_session_is_looked_at_on_its_way() -> None:
    """At `FIRST_LOOK` events and at each doubling, for it may never end."""
    seen, _ = slide(Tails(), events([("a", 2, 0)] * (2 * FIRST_LOOK + 1)), FRAME, 0.0)
    means = by_session(seen, [sighting.window for sighting in seen], nats(seen), {})
    assert [i + 1 for i in np.flatnonzero(means.surprises)] == [FIRST_LOOK, 2 * FIRST_LOOK]
    assert means.surprises[FIRST_LOOK - 1] == TEN * 2 * FIRST_LOOK / (FIRST_LOOK + TEN)
    assert means.sums["a"].nats == 2 * len(seen) * MILLI


def test_a_step_that_goes_on_gets_a_place_among_those_that_came_first() -> None:
    """Five stranger ones came once each before it: it wears one of them away."""
    seen, _ = slide(Tails(), events([("a", id, 0) for id in (9, 8, 7, 6, 5, 4)] + [("a", 3, 0)] * 40), FRAME, 0.0)
    means = by_session(seen, [sighting.window for sighting in seen], nats(seen), {})
    steps = means.sums["a"].steps
    assert len(steps) == KEPT
    assert max(steps, key=lambda step: steps[step].nats) == (3, 3, 3)
    assert steps[3, 3, 3].n > 30


def test_the_strangest_steps_are_kept_and_no_more() -> None:
    """The largest sums, steps that came again added up; what is usual is not kept at all."""
    seen, _ = slide(Tails(), events([("a", id, 0) for id in (0, 3, 4, 5, 6, 7, 8, 9, 0, 0)]), FRAME, 1e9)
    means = by_session(seen, [sighting.window for sighting in seen], nats(seen), {})
    steps = {tuple(step): nats for *step, _, nats in means.steps[len(seen) - 1]}
    assert len(steps) == KEPT
    assert {step[-1] for step in steps} == {5, 6, 7, 8, 9}
    assert steps[7, 8, 9] == 9 * MILLI
    assert min(steps.values()) >= ODD
    again, _ = slide(Tails(), events([("a", 2, 0)] * 5), FRAME, 0.0)
    assert by_session(again, [sighting.window for sighting in again], nats(again), {}).sums["a"].steps == {
        (2,): (1, 2 * MILLI),
        (2, 2): (1, 2 * MILLI),
        (2, 2, 2): (3, 6 * MILLI),
    }
