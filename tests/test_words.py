"""`models.words`: how rare a word is at its place, and at its hour."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from models.words import DAY_S, LINE, MIN_DAYS, Hours, Place, Words

HOUR_S = 3_600.0


def place(texts: Sequence[str | None], times: Sequence[float] | None = None) -> Place:
    """What is known of these words."""
    return Place.of(texts, np.array(times if times is not None else np.arange(len(texts)) * 60.0), has_hours=True)


def nats(of: Place, *texts: str | None) -> list[float]:
    """How surprising each is."""
    found: list[float] = of.words.nats(of.codes(texts)).tolist()
    return found


def test_a_word_is_as_rare_as_all_that_are_as_rare_together() -> None:
    """Among 990 of one and ten of another, the other is one in ninety; one never seen one in a thousand."""
    common, rare, new = nats(place((["a"] * 99 + ["b"]) * 10), "a", "b", "c")
    assert common == pytest.approx(0.0, abs=1e-9)
    assert rare == pytest.approx(-math.log(11 / 1_001))
    assert new == pytest.approx(-math.log(1 / 1_001))


def test_words_that_come_in_bursts_are_news_less_than_they_are_rare() -> None:
    """No word came just once, but half of the later lines had one that the earlier had not."""
    bursts = [f"w{n // 10}" if n % 2 else "a" for n in range(1_000)]
    (new,) = nats(place(bursts), "other")
    assert new == pytest.approx(-math.log(0.5), abs=0.05)
    assert not place(bursts).is_telling


def test_a_line_without_a_word_has_no_say() -> None:
    """Neither has its hour."""
    of = place(["a", None] * 50)
    assert math.isnan(nats(of, None)[0])
    assert np.isnan(of.hours.figures(of.codes([None]), np.array([0.0]))).all()


def test_a_habit_is_counted_in_days_not_in_lines() -> None:
    """A hundred lines of one night are no habit; one a day on ten days are."""
    night = [3 * HOUR_S + n for n in range(100)]
    days = [day * DAY_S + 9 * HOUR_S for day in range(2 * MIN_DAYS)]
    of = place(["a"] * 100 + ["b"] * len(days), [*night, *days])
    figures = of.hours.figures(of.codes(["a", "b"]), np.array([3 * HOUR_S, 3 * HOUR_S]))
    assert math.isnan(figures[0])
    assert figures[1] > 5.0


def test_an_hour_is_stranger_the_farther_it_is_from_the_usual_ones_round_the_clock() -> None:
    """Half past eleven at night is near to midnight."""
    times = [day * DAY_S + hour * HOUR_S for day in range(20) for hour in (22.2, 23.2, 0.2)]
    of = place(["a"] * len(times), sorted(times))
    hours = np.array([23.7, 1.5, 3.0, 12.0]) * HOUR_S
    figures = of.hours.figures(np.zeros(4, dtype=np.int64), hours)
    assert (np.diff(figures) > 0.5).all()
    assert of.hours.span(0) == (22 * HOUR_S, 0.5 * HOUR_S)


def test_what_was_learnt_can_be_read_back() -> None:
    """And words that do not belong together cannot."""
    times = [day * DAY_S + 9 * HOUR_S for day in range(30)]
    of = place([LINE] * 30, times)
    data = {
        "vocabulary": of.vocabulary,
        "words": {"counts": of.words.counts, "total": of.words.total, "once": of.words.once},
        "hours": {"days": of.hours.days, "came": of.hours.came},
        "beyond": {"n": 0, "knots": [], "above": [], "scale": 1.0},
    }
    again = Place.from_json(data)
    assert (again.words, again.hours) == (of.words, of.hours)
    with pytest.raises(ValueError, match="together"):
        Place.from_json(data | {"vocabulary": ["a", "b"]})
    assert isinstance(again.hours, Hours)
    assert isinstance(again.words, Words)


def test_who_comes_at_any_hour_has_no_habit() -> None:
    """What it would mean to be away from the usual hours is nothing then."""
    round_the_clock = sorted(day * DAY_S + hour * HOUR_S for day in range(20) for hour in (1.2, 7.3, 13.4, 20.5))
    of = place(["a"] * len(round_the_clock), round_the_clock)
    assert np.isnan(of.hours.figures(np.array([0]), np.array([4 * HOUR_S]))).all()
