"""`parsers.placeholders`: what stood where a template has a placeholder, by name."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.line import Layout
from parsers.masks import Masks
from parsers.matcher import Match, Matcher
from parsers.placeholders import MAX_CHARS, MAX_VALUES, Reader, slots, value
from parsers.templates import Templates
from tests import lines

MASKS = Masks.default()


def read(text: str, message: str) -> dict[str, str | float]:
    """The values of a message under its one template."""
    return dict(Reader(MASKS, Templates.numbered({text: 1})).read(message, 1))


def test_a_value_is_named_by_the_word_before_it() -> None:
    """As a person reads the template; what a token says of itself comes first."""
    text = "Accepted password for <*> from <IP> port <NUM> ssh2: bytes=<SIZE> [<IP>]:<NUM>"
    message = "Accepted password for alice from 10.1.2.3 port 50022 ssh2: bytes=5kB [10.1.2.4]:443"
    assert read(text, message) == {
        "for <*>": "alice",
        "from <IP>": "10.1.2.3",
        "port <NUM>": "50022",
        "bytes=<SIZE>": 5120.0,
        "ssh2: … [<IP>": "10.1.2.4",
        "]:<NUM>": "443",
    }


def test_no_two_values_of_a_line_have_one_name() -> None:
    """The second `to <NUM>` is `to <NUM> 2`."""
    (template,) = Templates.numbered({"moved to <NUM> and to <NUM> by <*> <*>": 1})
    names = [part.name for slot in slots(template) for part in slot.parts]
    assert names == ["to <NUM>", "to <NUM> 2", "by <*>", "by … <*>"]


def laid_out(template: str, message: str, pieces: tuple[str, ...], tokens: tuple[int, ...]) -> dict[str, str | float]:
    """The values of a message that was made of fields."""
    reader = Reader(MASKS, Templates.numbered({template: 1}))
    return dict(reader.read(message, 1, Layout(pieces, tokens)))


def test_what_was_made_of_fields_is_named_by_them() -> None:
    """Each placeholder by the field that fills it, several in a token too; a port and a code are words."""
    pieces = ("", "event.action", " to ", "destination.ip", ":", "destination.port", " sent ", "source.bytes", "")
    message = "allow to 10.0.0.5:443 sent 512"
    assert laid_out("allow to <IP>:<NUM> sent <NUM>", message, pieces, (1, 1, 1, 1)) == {
        "destination.ip": "10.0.0.5",
        "destination.port": "443",
        "source.bytes": 512.0,
    }
    coded = laid_out("<*> <NUM>", "GET 404", ("", "a.method", " ", "a.status_code", ""), (1, 1))
    assert coded == {"a.method": "GET", "a.status_code": "404"}


def test_a_field_of_several_words_names_each() -> None:
    """What follows it keeps its own name; without a layout the template's words name what they did."""
    pieces = ("", "rule.name", " by ", "user.name", "")
    template, message = "<*> <*> by <*>", "deny all by bob"
    assert laid_out(template, message, pieces, (2, 1)) == {
        "rule.name": "deny", "rule.name 2": "all", "user.name": "bob"
    }  # fmt: skip
    assert "by <*>" in read(template, message)


@pytest.mark.parametrize(
    ("text", "message", "number"),
    [
        ("at port <NUM>", "at port 22", "22"),
        ("uid=<NUM>", "uid=0", "0"),
        ("status <NUM>", "status 500", "500"),
        ("user_id: <NUM>", "user_id: 7", "7"),
        ("<IP>:<NUM>", "10.0.0.1:22", "22"),
        ("sent <NUM>", "sent 22", 22.0),
        ("paid=<NUM>", "paid=22", 22.0),
        ("export of <NUM>", "export of 22", 22.0),
    ],
)
def test_a_number_that_names_something_is_a_word(text: str, message: str, number: str | float) -> None:
    """A port is rare or not, it is never large; an amount is large or not."""
    assert list(read(text, message).values())[-1] == number


def test_dates_are_no_values() -> None:
    """The day of the month beside a month's name is part of it."""
    found = read(
        "from <IP> at <TIME> <TIME> <NUM> <TIME> <NUM> by <*>", "from 10.0.0.1 at Sat Jun 18 02:23:10 2005 by me"
    )
    assert found == {"from <IP>": "10.0.0.1", "by <*>": "me"}


@pytest.mark.parametrize(
    ("mask", "text", "number"),
    [
        ("NUM", "7", 7.0),
        ("NUM", "-7", -7.0),
        ("NUM", "1,234", 1_234.0),
        ("NUM", "0,234", 0.234),
        ("NUM", "1,234,567.5", 1_234_567.5),
        ("NUM", "1.234.567,5", 1_234_567.5),
        ("NUM", "0.25", 0.25),
        ("NUM", "1.2.3", "1.2.3"),
        ("NUM", "12,34,56", "12,34,56"),
        ("NUM", "1234567890123456", "1234567890123456"),
        ("DUR", "250ms", 0.25),
        ("DUR", "2h", 7_200.0),
        ("SIZE", "2kB", 2_048.0),
        ("SIZE", "2MHz", 2_000_000.0),
        ("IP", "10.1.2.3", "10.1.2.3"),
    ],
)
def test_numbers_are_numbers_whatever_their_unit(mask: str, text: str, number: str | float) -> None:
    """Seconds and bytes; what is no number stays text, and so does an id that no float holds."""
    assert value(mask, text) == (pytest.approx(number) if isinstance(number, float) else number)


def test_values_cost_nothing_where_nobody_asks_and_change_no_event() -> None:
    """A matcher that reads values gives the same events; one that does not gives none."""
    bundle, day = lines.bundle(), lines.lines(lines.texts(6))
    plain = bundle.matcher.match(day)
    valued = Matcher(bundle.masks, bundle.templates, values=True).match(day)
    assert all(match.values == () for match in plain)
    assert [Match(line, event) for line, event, _ in valued] == plain
    assert {dict(match.values).get("port <NUM>") for match in valued} - {None}


@given(st.lists(st.text(st.characters(), max_size=30), max_size=30).map(" ".join), st.integers(0, 4))
def test_no_message_can_stop_the_reading(message: str, event: int) -> None:
    """Whatever the text, and were it of another template: few values, short ones, numbers finite."""
    texts = ("<*> <*>", "a <NUM> [<IP>]:<NUM>", "<LONG> <*>")
    found = Reader(MASKS, Templates.numbered(dict.fromkeys(texts, 1))).read(message, event)
    assert len(found) <= MAX_VALUES
    assert all(len(each) <= MAX_CHARS for _, each in found if isinstance(each, str))
    assert all(abs(each) < 1e30 for _, each in found if isinstance(each, float))


def test_a_message_ten_times_as_long_takes_ten_times_as_long() -> None:
    """A stranger's megabyte costs time in proportion: far under a second."""
    reader = Reader(MASKS, Templates.numbered({"<*> <NUM>": 1, "<NUM>": 1}))
    begun = time.process_time()
    for message in ("1" * 2**20 + " 1", "x" * 2**20, "1, " * 2**18, "1,1" * 2**18 + " " + "1." * 300):
        reader.read(message, 1)
        reader.read(message, 2)
    assert time.process_time() - begun < 1.0
