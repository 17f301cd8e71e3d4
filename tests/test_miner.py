"""`parsers.miner`: templates that a person can read, and that match what they were mined from."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.line import LogLine
from parsers.masks import Masks
from parsers.matcher import Matcher
from parsers.miner import mine, survey
from parsers.syslog import parse
from parsers.templates import ANY, UNKNOWN, Templates

DATA = Path(__file__).parent / "data"
MASKS = Masks.default()
MESSAGES = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d.", "1", "x=y"]), max_size=5).map(" ".join), max_size=60)


def messages(path: Path) -> list[str]:
    """The messages of a real log."""
    lines = (parse(line, path.name, 1.5e9) for line in path.read_text(encoding="utf-8").splitlines())
    return [line.message for line in lines if isinstance(line, LogLine)]


def texts(lines: list[str]) -> list[str]:
    """The texts of the templates mined from `lines`, those without a line left out."""
    return [template.text for template in mine(lines, MASKS) if template.count]


@given(MESSAGES)
def test_every_mined_message_matches_and_is_counted_once(lines: list[str]) -> None:
    """None is UNKNOWN, and the counts are the matcher's own."""
    templates = mine(lines, MASKS)
    ids = Matcher(MASKS, templates).ids(lines)
    assert UNKNOWN not in ids
    assert [template.count for template in templates] == [ids.count(template.id) for template in templates]


@given(MESSAGES, st.randoms(use_true_random=False))
def test_the_order_of_the_messages_does_not_matter(lines: list[str], order: random.Random) -> None:
    """The same messages in any order give the same templates under the same ids."""
    shuffled = order.sample(lines, len(lines))
    assert mine(shuffled, MASKS) == mine(lines, MASKS)


@pytest.mark.parametrize("path", sorted(DATA.glob("*-excerpt.log")), ids=lambda path: path.stem)
def test_templates_of_real_logs_hold_more_words_than_stars(path: Path) -> None:
    """All lines match, there are far fewer templates than lines, and none is nearly all `<*>`."""
    lines = messages(path)
    templates = mine(lines, MASKS)
    assert UNKNOWN not in Matcher(MASKS, templates).ids(lines)
    assert len(templates) < 0.75 * len(lines)
    assert all(2 * template.words.count(ANY) <= len(template.words) for template in templates)


def test_the_templates_of_sshd_read_as_a_person_would_write_them() -> None:
    """Users and addresses are variables; what happened is not."""
    found = set(texts(messages(DATA / "auth-excerpt.log")))
    assert {
        "Failed password for <*> from <IP> port <NUM> ssh2",
        "Failed password for invalid user <*> from <IP> port <NUM> ssh2",
        "Accepted password for <*> from <IP> port <NUM> ssh2",
        "Connection closed by <IP> port <NUM> [preauth]",
        "New session <NUM> of user <*>",
        "pam_unix(sshd:session): session opened for user <*> by (uid=<NUM>)",
    } <= found


def test_a_few_words_that_come_again_and_again_stay_words() -> None:
    """`closed` and `reset` are two events; a third word, once seen or never, is caught by their frame."""
    lines = [f"Connection {word} by 10.1.2.3 port {i}" for i in range(9) for word in ("closed", "reset")]
    templates = mine([*lines, "Connection abandoned by 10.1.2.3 port 4"], MASKS)
    frame = "Connection <*> by <IP> port <NUM>"
    assert {template.text: template.count for template in templates} == {
        "Connection closed by <IP> port <NUM>": 9,
        "Connection reset by <IP> port <NUM>": 9,
        frame: 1,
    }
    unseen = Matcher(MASKS, mine(lines, MASKS)).ids(["Connection lost by 10.1.2.3 port 4"])
    assert mine(lines, MASKS).text(unseen[0]) == frame


def test_many_words_at_one_place_are_a_variable() -> None:
    """More than a sentence has verbs: these are names."""
    lines = [f"Connection {word}ed by 10.1.2.3 port {i}" for i in range(9) for word in "abcdefg"]
    assert texts(lines) == ["Connection <*> by <IP> port <NUM>"]


def test_what_follows_for_or_user_is_a_variable_however_few_came() -> None:
    """Two users are users, not events."""
    lines = [f"session closed for user {user}" for user in ("root", "news") * 20]
    assert texts(lines) == ["session closed for user <*>"]


def test_a_user_in_the_first_word_makes_no_template_of_its_own() -> None:
    """Who did it stands first in what sudo writes: one template, not one per user."""
    lines = [f"user{c} : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/su" for c in "abcdefgh"]
    assert texts(lines) == ["<*> : TTY=pts/<NUM> ; PWD=<PATH> ; USER=root ; COMMAND=<PATH>"]


def test_beyond_the_limit_the_rarest_templates_are_left_out() -> None:
    """What only they match is UNKNOWN, and counted nowhere."""
    templates = mine(["a b"] * 3 + ["c d e"] * 2 + ["f"], MASKS, max_templates=2)
    assert [(template.text, template.count) for template in templates] == [("a b", 3), ("c d e", 2)]
    assert mine([], MASKS) == Templates()


def test_what_is_left_out_is_counted_after_what_is_kept_has_caught_its_share() -> None:
    """A kept one with a star may match lines of one that is left out; what none matches is UNKNOWN, and counted."""
    lines = [f"link {word} now" for word in ("up", "down") for _ in range(9)] + ["link lost now", "f"]
    whole = survey(lines, MASKS)
    assert (len(whole.templates), whole.n_left_out, whole.n_unknown) == (4, 0, 0)
    mined = survey(lines, MASKS, max_templates=3)
    assert (len(mined.templates), mined.n_left_out) == (3, 1)
    ids = Matcher(MASKS, mined.templates).ids(lines)
    assert [template.count for template in mined.templates] == [ids.count(template.id) for template in mined.templates]
    assert ids.count(UNKNOWN) == mined.n_unknown


def test_each_template_keeps_a_line_that_it_matched() -> None:
    """As it came, not masked; one that only catches what was never seen keeps none."""
    templates = mine([f"Connection {word} by 10.1.2.{i}" for i in range(9) for word in ("closed", "reset")], MASKS)
    assert {template.text: template.example for template in templates} == {
        "Connection closed by <IP>": "Connection closed by 10.1.2.0",
        "Connection reset by <IP>": "Connection reset by 10.1.2.0",
        "Connection <*> by <IP>": "",
    }
