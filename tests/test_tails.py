"""Tails survive storage."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.windows import END, Odd, Tail, Tails
from parsers.line import Layout, LogLine
from plugin import tails
from tests.contract import CHECKPOINT

words = st.text(st.characters(), max_size=20)  # lone surrogates too: logs hold bytes that are no UTF-8
numbers = st.floats(allow_nan=False, allow_infinity=False)
ids = st.integers(-1, 5_000)
levels = st.none() | st.integers(0, 7)
lines = st.builds(
    LogLine, words, numbers, words, words, st.none() | st.integers(), words, levels, words, words, numbers, st.none()
)
cells = st.dictionaries(st.tuples(ids, ids), ids, max_size=5)
steps = st.dictionaries(st.lists(ids, min_size=2, max_size=6).map(tuple), st.builds(Odd, ids, ids), max_size=5)
counts = st.dictionaries(ids, ids, max_size=5)
histories = st.lists(ids, max_size=10).map(tuple)
none = (st.just({}), st.just({}), st.just(END))
images = (cells, cells, st.integers(0, 5_000))
one = st.one_of(
    st.builds(Tail, histories, counts, lines, *[numbers] * 3, *image, ids, ids, steps) for image in (none, images)
)
recent = st.dictionaries(ids, st.lists(st.lists(numbers, min_size=1, max_size=3).map(tuple), max_size=3).map(tuple))
open_sessions = st.builds(Tails, st.dictionaries(words, one, max_size=4), numbers, recent)


@given(st.dictionaries(words, open_sessions, max_size=3))
def test_decode_undoes_encode(given_tails: dict[str, Tails[LogLine]]) -> None:
    """Every view, session, history, count and line comes back, and the sessions in their order."""
    decoded = tails.decode(tails.encode(given_tails))
    assert decoded == given_tails
    assert [list(each.sessions.items()) for each in decoded.values()] == [
        list(each.sessions.items()) for each in given_tails.values()
    ]


def test_a_session_is_kept_as_a_tuple_like_the_one_given() -> None:
    """Histories and lines are tuples again: as lists they could not be compared or hashed."""
    tail = tails.decode(tails.encode(CHECKPOINT.tails))["sequence"].sessions["b"]
    assert isinstance(tail.history, tuple)
    assert isinstance(tail.line, LogLine)


def test_what_an_earlier_version_wrote_of_sessions_is_left_out() -> None:
    """Rows without a number of events, with images or without: their bundles speak another language anyway."""
    line = list(LogLine("o", 1.0, "h", "p", None, "m 5"))
    plain, images = ["a", [1], [], 0, 1.0, 2.0, 3.0], ["b", [1], [], 0, 1.0, 2.0, 3.0, [[1, 2, 1]], [], [2], 1]
    old = {"lines": [line], "views": {"sequence": {"clock": 3.0, "sessions": [plain, images]}}}
    assert tails.decode(zlib.compress(json.dumps(old).encode())) == {"sequence": Tails({}, 3.0)}


def test_a_lines_layout_is_not_kept() -> None:
    """It names values, which were read before the line became a session's; the rest of the line comes back."""
    line = LogLine("o", 1.0, "h", "p", None, "m 5", layout=Layout(("m ", "source.bytes", ""), (1,)))
    decoded = tails.decode(tails.encode({"sequence": Tails({"a": Tail((1,), {}, line, 1.0, 2.0, 3.0)})}))
    assert decoded["sequence"].sessions["a"].line == line._replace(layout=None)


def test_views_that_cut_alike_share_their_lines() -> None:
    """A line is written once, and is one again."""
    line = LogLine("o", 1.0, "h", "p", None, "m")
    tail = Tail((1,), {}, line, 1.0, 2.0, 3.0)
    data = tails.encode({"sequence": Tails({"a": tail}), "rarity": Tails({"a": tail._replace(counts={1: 2})})})
    assert len(json.loads(zlib.decompress(data))["lines"]) == 1
    decoded = tails.decode(data)
    assert decoded["sequence"].sessions["a"].line is decoded["rarity"].sessions["a"].line


FOREIGN: list[object] = [[], 7, {}, {"lines": [], "views": {"view": 7}}, {"lines": [], "views": {"view": {"clock": 1}}}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no tails",
        tails.encode(CHECKPOINT.tails)[:-9],
        *(zlib.compress(json.dumps(each).encode()) for each in FOREIGN),
    ],
)
def test_bytes_that_are_no_tails_are_refused(data: bytes) -> None:
    """Truncated or foreign bytes are a ValueError, never half a state."""
    with pytest.raises(ValueError, match="not tails"):
        tails.decode(data)


def test_a_row_that_is_too_short_is_refused() -> None:
    """A session with fields missing cannot be carried on."""
    row = ["a", [1], [], 0, 1.0, 2.0]
    document = {"lines": [["o", 1.0, "h", "p", None, "m"]], "views": {"view": {"clock": 1, "sessions": [row]}}}
    data = zlib.compress(json.dumps(document).encode())
    with pytest.raises(ValueError, match="not tails"):
        tails.decode(data)


def test_what_no_view_asks_for_takes_no_room() -> None:
    """Tails without last events of templates have none, and say nothing of them."""
    tails_of = tails.encode({"rarity": Tails({}, 7.0)})
    assert json.loads(zlib.decompress(tails_of)) == {"lines": [], "views": {"rarity": {"clock": 7.0, "sessions": []}}}
    assert tails.decode(tails_of)["rarity"].recent == {}


def test_what_a_templates_last_events_held_can_be_read_by_a_person() -> None:
    """Event id, then for each event its time and its numbers."""
    data = tails.encode({"values": Tails({}, 7.0, {3: ((1.0, 5_000.0), (2.5, 80.0))})})
    assert json.loads(zlib.decompress(data))["views"]["values"]["recent"] == [[3, [[1.0, 5_000.0], [2.5, 80.0]]]]
