"""`parsers.masks`: what becomes a mask, what stays a word, and the laws of `mask`."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import masks
from parsers.masks import LONG, MAX_TOKEN, Mask, Masks

MASKS = Masks.default()


@pytest.mark.parametrize(
    ("token", "masked"),
    [
        ("[173.234.31.186]", "[<IP>]"), ("10.251.73.220:50010", "<IP>:<NUM>"), ("/10.251.73.220:50010", "/<IP>:<NUM>"),
        ("::1", "<IP6>"), ("::", "<IP6>"), ("fe80::1%eth0", "<IP6>"), ("2607:f140:6000:8:c6b3:1ff:fecd:467f", "<IP6>"),
        ("00:11:43:e3:ba:c3", "<MAC>"), ("550e8400-e29b-41d4-a716-446655440000", "<UUID>"),
        ("<foo@bar.example>", "<<EMAIL>>"), ("(https://a.example/c?d=1).", "(<URL>)."),
        ("COMMAND=/usr/bin/apt-get", "COMMAND=<PATH>"), ("./create_users.sh", "<PATH>"),
        ("C:\\Windows\\x.exe", "<PATH>"),
        ("0x0", "<HEX>"), ("5f4dcc3b5aa765d6", "<HEX>"), ("16:9a:bc:de:f0:11:22:33:44:55:66:77:88:99:aa:bb", "<HEX>"),
        ("SHA256:Kl8kPGZrTiz7g4FO1hyqHdsSBBb5Fge6NWOobN03XJg", "SHA256:<HEX>"),
        ("15ms", "<DUR>"), ("1.5h", "<DUR>"), ("126MB", "<SIZE>"), ("64KiB,", "<SIZE>,"),
        ("12:34:56.789", "<TIME>"), ("2017-07-08T06:26:32.365Z", "<TIME>"), ("2002/03/24", "<TIME>"), ("Jul", "<TIME>"),
        ("port=22", "port=<NUM>"), ("uid=0)", "uid=<NUM>)"), ("-5", "<NUM>"), ("a-5", "a-<NUM>"), ("1,234", "<NUM>"),
        ("1.4.1:", "<NUM>:"), ("95%", "<NUM>%"), ("pts/0", "pts/<NUM>"), ("session-12", "session-<NUM>"),
        ("blk_-1608999687919862906", "blk_<NUM>"), ("blk_38865049064139660", "blk_<NUM>"),
        ("rhost=218.188.2.4", "rhost=<HOST>"), ("rhost=n219.example.net", "rhost=<HOST>"), ("user=root", "user=<USER>"),
    ],
)  # fmt: skip
def test_what_varies_becomes_its_name_and_keeps_its_surroundings(token: str, masked: str) -> None:
    """Only the part that a mask matches is replaced."""
    assert MASKS.mask(token) == masked


@pytest.mark.parametrize(
    "word",
    ["ssh2", "sha256", "x86_64", "eth0", "v1.0.0", "deadbeef", "N/A", "and/or", "</foo>", "/", "CCFile::copyFile",
     "USER=root", "ruser=", "user=", "syslog.1", "2nd", "Sunday", "<IP>", "<*>", "tty1", "May-be"],
)  # fmt: skip
def test_names_with_digits_and_signs_stay_words(word: str) -> None:
    """What belongs to a name is part of the template."""
    assert MASKS.mask(word) == word


def test_tokens_are_joined_by_one_space() -> None:
    """Any white space separates; none is left at the ends."""
    assert MASKS.mask("  port\t22 \n from  10.1.2.3 ") == "port <NUM> from <IP>"
    assert MASKS.mask("") == MASKS.mask(" \t") == ""


TRICKY = st.text(st.sampled_from("0123456789abcdefxzTZ.:,-+_/\\@<>[]()=~%#'\"*NUMIPks \t"), max_size=40)


@given(st.one_of(TRICKY, st.text(), TRICKY.map(lambda text: text * 90)))
def test_masking_is_idempotent(message: str) -> None:
    """What is masked is masked: once more changes nothing."""
    masked = MASKS.mask(message)
    assert MASKS.mask(masked) == masked


@given(st.one_of(TRICKY, st.text()))
def test_a_mask_never_spans_white_space(message: str) -> None:
    """The masked message is the masked tokens, each for itself, whatever was cached before."""
    assert MASKS.mask(message) == " ".join(Masks.default().mask(token) for token in message.split())


def test_a_huge_token_is_one_mask() -> None:
    """A token is searched up to a length; beyond it, it is long, and so is what would grow beyond it."""
    assert MASKS.mask("x" * MAX_TOKEN) == "x" * MAX_TOKEN
    assert MASKS.mask("x" * (MAX_TOKEN + 1)) == LONG
    assert MASKS.mask("1;" * (MAX_TOKEN // 2)) == LONG


def test_hostile_tokens_take_no_longer_than_their_length_allows() -> None:
    """64 KiB of what makes regular expressions backtrack is masked in half a second; 5 to 50 ms are usual."""
    pieces = (
        "1,",
        "1.",
        "a://",
        "a@b.",
        "1:",
        "/-",
        "0x",
        "f",
        "host=",
        "C:\\",
        "<",
        "::",
        "1s",
        "-1",
        "=/",
        "@",
        "_",
        "a-",
    )
    for piece in pieces:
        tokens = " ".join(piece * (1_000 // len(piece)) + str(i) for i in range(64))
        began = time.perf_counter()
        Masks.default().mask(tokens)
        assert time.perf_counter() - began < 0.5


PLAIN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in masks.DEFAULT), re.ASCII)


@given(TRICKY.map(lambda text: text.replace(" ", "").replace("\t", "").replace("<", "").replace("*", "")))
def test_none_of_the_masks_for_any_log_begins_within_a_word(token: str) -> None:
    """So they are tried where words begin, and nowhere else: the same parts as by trying them everywhere."""
    everywhere = [(found.lastgroup, found[0]) for found in PLAIN.finditer(token)]
    assert list(MASKS.parts(token)) == everywhere


MARKED = st.lists(
    st.one_of(
        st.sampled_from(
            ["host=", "user=", "acct=", "://", "::", "SHA256:", "Mon", "0x", "10.1.2.3", "ab:", "12:34:56", "C:\\",
             "12345", "2026-11-23", "T10:00:00Z", "ms", "kB", "µs", "<IP>", "<*>", "a@b.c", "deadbeef1", "1-", "_"]
        ),
        st.text(st.sampled_from("0123456789abcdefxzTZ.:,-+_/\\@<>[]()=~%#'\"*µé"), max_size=6),
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(st.one_of(MARKED, TRICKY.map(lambda text: text.replace(" ", "").replace("\t", ""))))
def test_a_token_is_searched_only_for_what_its_marks_allow_and_nothing_is_missed(token: str) -> None:
    """The same masks, in any rank and with own ones before them, as by one pattern of them all."""
    plain = re.compile(f"{masks._MASKED}|{'|'.join(masks._alternatives(masks.DEFAULT))}", re.ASCII)
    expected = tuple((found.lastgroup or "", found[0]) for found in plain.finditer(token))
    assert MASKS.parts(token) == expected
    assert MASKS.mask(token) == plain.sub(lambda f: f"<{f.lastgroup}>" if f.lastgroup else f[0], token)
    own = Mask("OWN", "zz|=~")
    if "zz" not in token and "=~" not in token:
        assert Masks.with_own([own]).parts(token) == Masks((*masks.DEFAULT, own)).parts(token) == expected


def test_masks_come_back_from_json() -> None:
    """Plain JSON there and back, in order, and equal."""
    own = Masks((Mask("TICKET", r"OPS-\d+"), *MASKS.all))
    assert Masks.from_json(json.loads(json.dumps(own.to_json()))) == own
    assert own.mask("see OPS-7 of 8") == "see <TICKET> of <NUM>"


def test_where_two_masks_match_the_earlier_wins() -> None:
    """Order is what ranks them."""
    number, answer = Mask("NUMBER", r"\d+"), Mask("ANSWER", "42")
    assert Masks((answer, number)).mask("42") == "<ANSWER>"
    assert Masks((number, answer)).mask("42") == "<NUMBER>"
    assert Masks(()).mask("42") == "42"


@pytest.mark.parametrize(
    ("name", "pattern", "why"),
    [
        ("ip", "x", "capital letters"), ("", "x", "capital letters"), ("X", "(", "no regular expression"),
        ("X", "(a)", "must not capture"), ("X", "a*", "empty text"), ("X", r"\b", "empty text"),
        ("X", "", "empty text"),
        ("X", "a b", "white space"), ("X", r"a\sb", "white space"), ("X", r"[\s,]+", "white space"),
        ("X", "a|", "empty"),
    ],
)  # fmt: skip
def test_a_mask_that_cannot_work_is_refused_with_its_reason(name: str, pattern: str, why: str) -> None:
    """Before anything is masked with it."""
    with pytest.raises(ValueError, match=why):
        Masks((Mask(name, pattern),))


@pytest.mark.parametrize("value", [{}, None, [1], [{"name": "X"}], [{"name": "X", "pattern": 1}], [["X", "y"]]])
def test_nonsense_is_no_masks(value: object) -> None:
    """A bundle's file is checked before it is used."""
    with pytest.raises(ValueError, match="mask"):
        Masks.from_json(value)


def test_excluding_white_space_is_not_asking_for_it() -> None:
    r"""`[^\s,]` and look-arounds that keep white space out are fine."""
    assert Masks((Mask("VALUE", r"(?<=v=)[^\s,]+(?!\s)"),)).mask("v=a,b") == "v=<VALUE>,b"


def test_own_masks_win_and_are_counted_with_the_others() -> None:
    """A ticket's number is a ticket, not a number; a message counts once for each mask that touched it."""
    own = Masks.with_own([Mask("TICKET", r"(?<!\w)TCK-\d{1,9}")])
    assert own.mask("closed TCK-77 of 10.1.2.3 after 3 tries") == "closed <TICKET> of <IP> after <NUM> tries"
    touched = own.touched(["TCK-1 TCK-2", "TCK-3 from 10.1.2.3", "nothing"])
    assert {name: n for name, n in touched.items() if n} == {"TICKET": 2, "IP": 1}
    assert list(touched) == [mask.name for mask in own.all]


@pytest.mark.parametrize("pattern", [r"(?:a+)+$", r"(?:a|a)*b", r"(?:ab|ab)*c", r"a*a*a*b", r"\w+@x", r"(?:\w+-?)+;"])
def test_a_pattern_that_a_stranger_could_make_slow_is_refused(pattern: str) -> None:
    """Exponential and quadratic ones, within seconds; the sentence says how to mend it."""
    assert masks.pattern_fault(pattern) == ""
    start = time.monotonic()
    assert "bound its repeats" in masks.pace_fault(pattern)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "pattern", [r"(?<!\w)TCK-\d{1,9}", r"(?<!\w)[A-Z]{2,5}-\d{1,9}(?!\w)", r"\b[A-Z]+-\d+", "ORD[0-9a-f]{8}"]
)
def test_patterns_as_people_write_them_are_fast_enough(pattern: str) -> None:
    """What begins where a word does, or repeats a bounded number of times, takes a token's length."""
    assert masks.pattern_fault(pattern) == masks.pace_fault(pattern) == ""


def test_the_masks_for_any_log_are_fast_enough() -> None:
    """Each by the rule for own ones."""
    assert [mask.name for mask in masks.DEFAULT if masks.pace_fault(mask.pattern)] == []


@pytest.mark.parametrize("pattern", ["a)(?:b", "a{99999999999}", "(?P=HOST)", "(?i)x|", "(?:" * 500 + "x"])
def test_what_is_no_pattern_is_told(pattern: str) -> None:
    """As a sentence, never as an exception of `re`."""
    assert masks.pattern_fault(pattern)
