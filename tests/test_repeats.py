"""What says again what a person was told is written, marked, and alerts nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.bundle import Bundle
from plugin.commands.follow import catch_up
from plugin.documents import record
from plugin.pipeline import Anomaly
from plugin.ports import Ports, Told
from plugin.repeats import MAX_TOLD, STRANGER, marked, remembered
from tests import lines
from tests.fakes import FakeAnomalies, FakeCheckpoints
from tests.test_explain import ACCEPTED, FAILED, event, sequence
from tests.test_poll import HITS, logs_of, polling

DAY_S = 86_400.0


def said(seconds: float = 0.0, score: float = 30.0, **of_line: Any) -> Anomaly:
    """An anomaly so many seconds after the first, about a line like its own but for what is given."""
    made = sequence((event(FAILED),), event(ACCEPTED))
    line = made.sighting.line
    later = line._replace(time=line.time + seconds, clock=(line.clock or line.time) + seconds, **of_line)
    return replace(made, score=score, sighting=made.sighting._replace(line=later))


def repeats(anomalies: Sequence[Anomaly], suppress_s: float = DAY_S) -> list[int]:
    """How each is marked."""
    return [each.repeats for each in marked({}, anomalies, suppress_s)[0]]


def test_the_first_of_alike_ones_is_told_and_then_none_for_a_day() -> None:
    """A day after it was told it is told again, and counted anew."""
    assert repeats([said(), said(1), said(DAY_S - 1), said(DAY_S), said(DAY_S + 1)]) == [0, 1, 2, 0, 1]


def test_one_that_comes_late_takes_nothing_back() -> None:
    """It is told, being of another day, and what was told after it goes on to be repeated."""
    assert repeats([said(3 * DAY_S), said(0), said(3 * DAY_S + 1)]) == [0, 0, 1]


@pytest.mark.parametrize(
    ("told", "late", "suppress_s"), [(said(3 * DAY_S), said(0), DAY_S), (said(1_000), said(0, 45.0), DAY_S)]
)
def test_of_many_late_alike_ones_the_first_is_told(told: Anomaly, late: Anomaly, suppress_s: float) -> None:
    """A host that was cut off brings hundreds at once, long before what was told or much stranger than it."""
    assert repeats([told, *[late] * 5], suppress_s) == [0, 0, *([1, 2, 3, 4])]


def test_late_ones_of_several_days_are_told_once_a_day() -> None:
    """Whatever order they come in, and whatever was told of later days."""
    days = [said(day * DAY_S + second) for day in (5, 3, 4) for second in range(3)]
    assert repeats([said(7 * DAY_S), *days]) == [0, *([0, 1, 2] * 3)]


def test_a_weak_late_one_makes_no_news_of_stronger_ones() -> None:
    """What was told stays the measure."""
    late = said(-2 * DAY_S, 50.0), said(-2 * DAY_S - 1, 20.0), said(-2 * DAY_S, 45.0)
    assert repeats([said(), *late]) == [0, 0, 1, 2]


def test_a_much_stranger_one_is_news() -> None:
    """Ten times rarer than the one that was told; from then on that is the measure."""
    assert repeats([said(), said(1, 30.0 + STRANGER - 0.1), said(2, 30.0 + STRANGER), said(3, 45.0)]) == [0, 1, 0, 1]


@pytest.mark.parametrize("of_line", [{"host": "other"}, {"user": "other"}, {"address": "10.9.9.9"}])
def test_the_same_of_another_is_news(of_line: dict[str, str]) -> None:
    """Another host, user or address is another story."""
    assert repeats([said(), said(1, **of_line), said(2)]) == [0, 0, 1]


def test_who_wants_each_told_is_told_each() -> None:
    """`suppress_s = 0`."""
    assert repeats([said(), said(), said(1)], 0.0) == [0, 0, 0]


def test_lines_that_no_template_matches_are_told_apart_by_their_own_words() -> None:
    """They have one event id between them, and nothing else."""
    made = said()
    unknown = made.sighting._replace(window=made.sighting.window._replace(event=0))
    texts = ("disk sda is gone", "who has seen 10.1.2.3?", "who has seen 10.9.9.9?")
    each = [
        replace(made, sighting=unknown._replace(line=unknown.line._replace(message=text, program="x")))
        for text in texts
    ]
    assert repeats(each) == [0, 0, 1]
    ends = [
        replace(one, before=(0,), sighting=one.sighting._replace(window=made.sighting.window._replace(event=-1)))
        for one in each
    ]
    assert repeats(ends) == [0, 0, 1]


def test_what_is_remembered_is_bounded() -> None:
    """The latest, none from before an instant."""
    told = {str(n): Told(float(n), 30.0, 0) for n in range(MAX_TOLD + 10)}
    assert remembered(told, 5.0).keys() == {str(n) for n in range(10, MAX_TOLD + 10)}
    assert remembered(told, MAX_TOLD + 7.0).keys() == {str(MAX_TOLD + n) for n in (7, 8, 9)}


def test_a_record_says_that_it_repeats() -> None:
    """In the field that alert rules leave out, and how often it has come since."""
    _, again = marked({}, [said(), said(1)], DAY_S)[0]
    ours = record(again, "siem-anomaly", 0.0, "w1").body["siem_anomaly"]
    assert (ours["suppressed"], ours["repeats"]) == (True, 1)


@pytest.fixture(scope="module")
def news() -> Bundle:
    """A bundle of the day before that finds much strange."""
    return replace(lines.watchful(), until=int(lines.DAY.timestamp() * 1000))


def told(bundle: Bundle, **of_source: object) -> dict[str, int]:
    """What a day's polls write: by id how often it has come since the one that was told."""
    anomalies = FakeAnomalies()
    catch_up(polling(bundle, **of_source), Ports(logs_of(HITS), anomalies, FakeCheckpoints()))
    bodies = [body for (store, _), body in anomalies.documents.items() if "-records-" in store]
    return {body["event"]["id"]: body["siem_anomaly"]["repeats"] for body in bodies}


@settings(max_examples=8, deadline=None)
@given(window_s=st.integers(3_600, 90_000), max_hits=st.integers(20, 200))
def test_any_poll_length_tells_the_same(news: Bundle, window_s: int, max_hits: int) -> None:
    """What was told is carried from poll to poll."""
    whole = told(news)
    assert 0 < sum(n > 0 for n in whole.values()) < len(whole)
    assert told(news, max_window_s=float(window_s), max_hits=max_hits) == whole


def test_a_source_may_want_each_told(news: Bundle) -> None:
    """Its setting."""
    assert set(told(news, suppress_s=0).values()) == {0}


def test_a_new_pair_is_told_once_whichever_line_shows_it() -> None:
    """A person with a new host logs in, asks for rights and logs out: one story."""

    def of(seconds: float, pair: str) -> Anomaly:
        each = said(seconds, message=f"line {seconds}")
        return replace(each, explanation=replace(each.explanation, aspect="pair", pair=pair))

    pairs = ("user.name=x|host.name=a", "user.name=x|host.name=a", "user.name=y|host.name=a")
    assert repeats([of(n, pair) for n, pair in enumerate(pairs)]) == [0, 1, 0]


Speak = Callable[[Anomaly], Anomaly]


@pytest.mark.parametrize(
    "other",
    [
        lambda each: replace(each, explanation=replace(each.explanation, aspect="pair", pair="user.name=x")),
        lambda each: replace(each, explanation=replace(each.explanation, aspect="word", value="port", observed="4444")),
        lambda each: replace(each, sighting=each.sighting._replace(window=each.sighting.window._replace(event=-1))),
    ],
)
def test_something_else_of_the_same_line_is_news(other: Speak) -> None:
    """Another pair, another word, the end of its session."""
    assert repeats([said(), other(said(1)), said(2), other(said(3))]) == [0, 0, 1, 1]
