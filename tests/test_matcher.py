"""`parsers.matcher`: the same ids as a plain loop over the templates, whatever is inside."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.line import LogLine
from parsers.masks import Masks
from parsers.matcher import MAX_CACHED, MAX_CACHED_CHARS, Match, Matcher
from parsers.miner import mine
from parsers.syslog import parse
from parsers.templates import ANY, UNKNOWN, Templates, key

DATA = Path(__file__).parent / "data"
MASKS = Masks.default()
WORDS = st.lists(st.sampled_from(["a", "b", "c", ANY]), max_size=5).map(" ".join)


def plain_loop(templates: Templates, message: str) -> int:
    """The rule, as it is told: of those that match the one with most literal words, then the lowest id."""
    tokens = MASKS.mask(message).split()
    fitting = [
        template
        for template in templates
        if len(template.words) == len(tokens)
        and all(word in (ANY, token) for word, token in zip(template.words, tokens, strict=True))
    ]
    return min(fitting, key=lambda template: (template.words.count(ANY), template.id)).id if fitting else UNKNOWN


def messages(path: Path) -> list[str]:
    """The messages of a real log."""
    lines = (parse(line, path.name, 1.5e9) for line in path.read_text(encoding="utf-8").splitlines())
    return [line.message for line in lines if isinstance(line, LogLine)]


def mutated(lines: list[str]) -> Iterator[str]:
    """Each line with a word dropped, doubled or exchanged: near misses."""
    for i, line in enumerate(lines):
        tokens = line.split() or [""]
        place = i * 7 % len(tokens)
        tokens[place : place + 1] = ([], [tokens[place]] * 2, ["other"], [ANY])[i % 4]
        yield " ".join(tokens)


@given(st.lists(WORDS, unique=True), st.lists(WORDS), st.randoms(use_true_random=False))
def test_the_matcher_gives_what_a_plain_loop_gives(texts: list[str], lines: list[str], order: random.Random) -> None:
    """For any templates under any numbering, and any messages, the second time too."""
    order.shuffle(texts)
    templates = Templates()
    for text in texts:
        templates = templates.extended({text: 1})
    matcher = Matcher(MASKS, templates)
    expected = [plain_loop(templates, line) for line in lines]
    assert matcher.ids(lines) == expected
    assert matcher.ids(lines) == expected


@pytest.mark.parametrize("path", sorted(DATA.glob("*-excerpt.log")), ids=lambda path: path.stem)
def test_real_lines_match_as_in_a_plain_loop(path: Path) -> None:
    """Templates of one half of a log; its lines, shuffled, and near misses of them."""
    lines = messages(path)[:300]
    templates = mine(lines[::2], MASKS)
    lines = sorted([*lines, *mutated(lines)], key=key)  # by their digests: as good as shuffled
    assert Matcher(MASKS, templates).ids(lines) == [plain_loop(templates, line) for line in lines]


def test_more_literal_words_win_then_the_lower_id() -> None:
    """`<*>` matches any one token, and only one."""
    templates = Templates().extended({"a <*> <*>": 1}).extended({"<*> b <*>": 1}).extended({"a b <*>": 1})
    matcher = Matcher(MASKS, templates)
    assert matcher.ids(["a b c", "a x c", "x b c", "a c", "a b c d", ""]) == [3, 1, 2, UNKNOWN, UNKNOWN, UNKNOWN]
    tied = Templates().extended({"<*> b": 1}).extended({"a <*>": 1})
    assert Matcher(MASKS, tied).ids(["a b"]) == [1]


def test_the_empty_message_has_a_template_if_one_is_empty() -> None:
    """No tokens match no words."""
    assert Matcher(MASKS, Templates.numbered({"": 1})).ids(["", "  ", "a"]) == [1, 1, UNKNOWN]


def test_messages_are_masked_before_they_are_matched() -> None:
    """A line's event, beside the line."""
    line = LogLine("f:1", 0.0, "web", "sshd", 1, "Failed password for root from 10.1.2.3 port 22 ssh2")
    matcher = Matcher(MASKS, Templates.numbered({"Failed password for <*> from <IP> port <NUM> ssh2": 1}))
    assert matcher.match([line]) == [Match(line, 1)]


def test_what_is_remembered_is_bounded_and_changes_nothing() -> None:
    """More messages than are remembered, and longer ones: the same answers, and no more memory than said."""
    matcher = Matcher(MASKS, Templates.numbered({"a <*>": 1}))
    lines = [f"a x{i}y" for i in range(MAX_CACHED + 10)]
    assert set(matcher.ids(lines)) == {1}
    assert matcher.ids(lines[:3]) == [1, 1, 1]
    assert len(matcher._by_message) <= MAX_CACHED
    long = "a " + "b" * MAX_CACHED_CHARS
    assert matcher.ids([long]) == [1]
    assert long not in matcher._by_message
