"""Rarity: counting, with the unseen as likely as what came just once."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors import rarity
from models.detectors.rarity import Config, Detector, Tally
from models.windows import END, Window

items = st.lists(st.integers(0, 30), min_size=1, max_size=200)


def fitted(windows: list[Window]) -> Detector:
    """A detector that counted these."""
    return Detector.fit(Config(), windows, 0, lambda _share: None)


def end(*events: int) -> Window:
    """The END of a session of these events."""
    return Window((), END, (), tuple(sorted(Counter(events).items())))


def event(id: int, *pairs: str) -> Window:
    """One event with its pairs."""
    return Window((), id, pairs)


SESSIONS = fitted([end(1, 2, 3)] * 700 + [end(1, 2, 3, 4)] * 250 + [end(1, 2, 3, 5)] * 49 + [end(1, 2, 3, 4, 5)])


@given(shown=items, asked=st.lists(st.integers(0, 40), max_size=20))
def test_the_rarer_the_stranger(shown: list[int], asked: list[int]) -> None:
    """What came less often is never less surprising; the unseen is the most; all within 0 … log(windows + 1)."""
    times = Counter(shown)
    tally = Tally.of(times, len(shown))
    nats = [tally.nats(item) for item in sorted(asked, key=lambda item: times[item])]
    assert nats == sorted(nats, reverse=True)
    assert all(0.0 <= one <= math.log(len(shown) + 1) + 1e-9 for one in nats)


def test_a_first_event_alarms_only_where_first_events_are_rare() -> None:
    """In a log of ten events it is one in a thousand; in one that brings a new event every other line it is nothing."""
    calm = fitted([event(1 + n % 10) for n in range(1_000)])
    restless = fitted([event(n if n % 2 else 0) for n in range(1_000)])
    new = [event(7_777)]
    assert calm.surprise(new)[0] > math.log(900)
    assert restless.surprise(new)[0] < math.log(3)


def test_a_new_pair_alarms_by_its_own_kind() -> None:
    """Users have few addresses here and many ports: only the new address is strange, and it is the one that is told."""
    windows = [event(1, f"user=u{n % 3}|ip=10.0.0.{n % 3}", f"user=u{n % 3}|port={n}") for n in range(500)]
    detector = fitted(windows)
    usual = event(1, "user=u0|ip=10.0.0.0", "user=u0|port=9999")
    strange = event(1, "user=u0|ip=10.9.9.9", "user=u0|port=9999")
    explanation = detector.explain(strange)
    assert detector.surprise([usual])[0] < 1.0
    assert detector.surprise([strange])[0] > 4.0
    assert (explanation.aspect, explanation.pair, explanation.seen) == ("pair", "user=u0|ip=10.9.9.9", 0)


def test_a_hostile_value_cannot_pretend_to_be_another_kind() -> None:
    """A value full of `|` and `=` makes a kind nobody saw, which is as strange as can be; it never hides the pair."""
    detector = fitted([event(1, f"user=u{n}|ip=10.0.0.1") for n in range(500)])
    assert detector.surprise([event(1, "user=x|ip=y|fake=z")])[0] == pytest.approx(math.log(501))


def test_a_known_signature_is_less_strange_than_any_new_one() -> None:
    """Surprise falls with how often the set came, and every unseen set is beyond."""
    often, seldom, once = (SESSIONS.surprise([end(*ids)])[0] for ids in ((1, 2, 3), (1, 2, 3, 5), (1, 2, 3, 4, 5)))
    assert often < seldom < once < SESSIONS.surprise([end(1, 2)])[0]


def test_unseen_sets_are_graded_by_what_they_lack_or_add() -> None:
    """Lacking what always came, or having what never came, is stranger than another mix of what comes and goes."""
    known = fitted([end(1, 2)] * 500 + [end(1, 2, 3)] * 250 + [end(1, 2, 4)] * 250)
    mixed, lacking, adding = known.surprise([end(1, 2, 3, 4), end(1, 3), end(1, 2, 9)])
    assert mixed < min(lacking, adding)


def test_the_explanation_names_what_is_missing_and_what_is_extra() -> None:
    """Against the known set that comes nearest."""
    explanation = SESSIONS.explain(end(1, 2, 9))
    assert (explanation.aspect, explanation.missing, explanation.extra) == ("set", (3,), (9,))
    assert (explanation.seen, explanation.total) == (0, 1_000)


def test_a_count_out_of_the_ordinary_is_told_with_its_event() -> None:
    """A set that always comes, but one of its events forty times: the counts speak, and say which."""
    explanation = SESSIONS.explain(end(1, *[2] * 40, 3))
    assert (explanation.aspect, explanation.extra, explanation.seen) == ("counts", (2,), 0)
    assert SESSIONS.surprise([end(1, *[2] * 40, 3)])[0] > math.log(300)


def test_an_end_whose_counts_are_not_told_is_no_surprise() -> None:
    """A frame that does not count says nothing about how sessions end."""
    assert SESSIONS.surprise([Window((1, 2), END)])[0] == 0.0


@given(windows=st.lists(st.builds(end, st.integers(1, 6), st.integers(1, 6), st.integers(1, 6)), min_size=1))
def test_every_surprise_is_a_probability(windows: list[Window]) -> None:
    """Finite and at least 0 for any session after any fit."""
    asked = [*windows, end(77), end(1), end(*range(1, 50))]
    surprises = fitted(windows).surprise(asked)
    assert np.isfinite(surprises).all()
    assert (surprises >= 0.0).all()


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    """More items than are kept by name: the file stays small, and the dropped are judged like the unseen."""
    n = rarity.MAX_ITEMS + 5_000
    detector = fitted([event(1, f"user=u|ip={address}") for address in range(n)])
    detector.save(tmp_path)
    words = json.loads((tmp_path / "detector.json").read_text(encoding="utf-8"))
    assert len(words["pairs"]["user|ip"]["items"]) == rarity.MAX_ITEMS
    assert detector.surprise([event(1, f"user=u|ip={n - 1}")])[0] < 0.01
