"""`plugin.explain`: the sentences a person decides by, one for each way to be strange."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import Explanation, Spot
from models.windows import END, UNKNOWN, Sighting, Window
from parsers.templates import Templates
from plugin import explain
from plugin.pipeline import Anomaly
from tests import lines

ACCEPTED = "Accepted password for <*> from <IP> port <NUM> ssh2"
FAILED = "Failed password for <*> from <IP> port <NUM> ssh2"
LINE = lines.lines([lines.stamped(60, "sshd", 7, "Accepted password for alice from 10.1.2.3 port 50022 ssh2")])[0]


def event(text: str) -> int:
    """The id of a template of the day."""
    return next(template.id for template in lines.bundle().templates if template.text == text)


def anomaly(why: Explanation, window: Window) -> Anomaly:
    """An anomaly of the day's bundle."""
    bundle = lines.bundle()
    seen = Sighting(window, "host.name=web-01|process.pid=7", LINE, LINE.time - 5, LINE.time, 1)
    return Anomaly("auth", bundle, bundle.views[0], seen, 8.5, 41.4, 30.0, why)


def sequence(history: tuple[int, ...], came: int) -> Anomaly:
    """One where another event was expected."""
    expected = ((event(FAILED), 0.61), (END, 0.22), (event(ACCEPTED), 0.1))
    return anomaly(Explanation("sequence", 1 / 2_900, 4, expected), Window(history, came))


def test_a_sequence_says_what_came_before_what_was_usual_and_how_rare_it_is() -> None:
    """Repeats are counted, not repeated; two alternatives are enough."""
    failed, accepted = event(FAILED), event(ACCEPTED)
    assert explain.reason(sequence((accepted, failed, failed, failed), accepted)) == (
        f"After `{ACCEPTED}`, then `{FAILED}` ×3: `{FAILED}` (61 %) or `end of the session` (22 %) was expected; "
        f"`{ACCEPTED}` came instead (1 in 2,900)."
    )


def test_what_was_hardly_expected_is_not_named() -> None:
    """`0 %` says nothing; the likeliest is named, however unlikely it is."""
    accepted, failed = event(ACCEPTED), event(FAILED)
    sure = anomaly(Explanation("sequence", 0.001, 2, ((END, 0.994), (accepted, 0.004))), Window((failed,), accepted))
    assert f"After `{FAILED}`: `end of the session` (99 %) was expected; " in explain.reason(sure)
    lost = anomaly(Explanation("sequence", 0.001, 2, ((END, 0.004), (accepted, 0.003))), Window((failed,), accepted))
    assert "`end of the session` (0 %) was expected; " in explain.reason(lost)


def test_a_long_template_keeps_its_beginning_and_its_end() -> None:
    """Many begin alike and differ in their last words."""
    for end in ("", " user=root"):
        text = f"authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=<IP>{end}"
        long = replace(lines.bundle(), templates=Templates.numbered({text: 1}))
        told = explain.reason(replace(anomaly(Explanation("event", 0.1), Window((), 1)), bundle=long))
        assert told.startswith("`authentication failure; logname= uid=0 euid=0…")
        assert f"{text[-20:]}` came" in told


def test_a_sessions_start_and_its_silence_have_words() -> None:
    """Neither has a template's text."""
    told = explain.reason(sequence((), END))
    assert told.startswith("When a session of sshd begins: ")
    assert told.endswith("; the session fell silent instead (1 in 2,900).")


def test_a_whole_session_is_told_by_its_strangest_step() -> None:
    """What followed what, what is usual there, how often, and how many more there were."""
    failed, accepted = event(FAILED), event(ACCEPTED)
    usual = ((END, 0.7), (failed, 0.2))
    spots = (Spot(accepted, failed, 2, 0.01), Spot(END, accepted, 1, 0.1))
    why = Explanation("steps", 1 / 200, expected=usual, seen=3, total=2_900, spots=spots)
    assert explain.reason(anomaly(why, Window((failed,), END))) == (
        f"Right after `{FAILED}`, `end of the session` (70 %) or `{FAILED}` (20 %) was expected; `{ACCEPTED}` came 2 "
        "times instead, as in 3 of 2,900 such places before; 1 more step of the session stood out."
    )
    begun = replace(why, spots=(Spot(accepted, END, 1, 0.01),))
    assert explain.reason(anomaly(begun, Window((failed,), END))) == (
        f"When the session began, `end of the session` (70 %) or `{FAILED}` (20 %) was expected; "
        f"`{ACCEPTED}` came once instead, as in 3 of 2,900 such places before."
    )
    assert explain.reason(anomaly(replace(why, after=3), Window((failed,), END))).startswith(
        f"Right after `{FAILED}` and the 2 events before it, `end of the session` (70 %)"
    )
    silent = replace(why, spots=(Spot(END, failed, 1, 0.01),), expected=usual[1:], seen=0)
    assert explain.reason(anomaly(silent, Window((failed,), END))) == (
        f"Right after `{FAILED}`, `{FAILED}` (20 %) was expected; the session fell silent instead, as in none of 2,900 "
        "such places before."
    )


def test_a_step_from_a_place_that_was_seldom_seen_claims_no_percentages() -> None:
    """One case is no 100 %; and of a place never seen before nothing was expected."""
    failed, accepted = event(FAILED), event(ACCEPTED)
    spots = (Spot(accepted, failed, 1, 0.01),)
    once = Explanation("steps", 0.01, expected=((END, 1.0),), seen=0, total=1, spots=spots)
    assert explain.reason(anomaly(once, Window((failed,), END))) == (
        f"Right after `{FAILED}`, `{ACCEPTED}` came once; there was only one such place before, with "
        "`end of the session` next."
    )
    some = replace(once, expected=((END, 0.6), (failed, 0.4)), total=5)
    assert "; there were only 5 such places before, mostly with `end of the session` next." in explain.reason(
        anomaly(some, Window((failed,), END))
    )
    never = replace(once, expected=(), total=0)
    assert explain.reason(anomaly(never, Window((failed,), END))) == (
        f"Right after `{FAILED}`, `{ACCEPTED}` came once; what comes there was never seen before."
    )


def test_a_session_without_an_odd_step_says_so() -> None:
    """Many steps that are each a little unlikely: none of them is named."""
    why = Explanation("steps", 0.9, expected=((END, 1.0),), seen=50, total=50, spots=(Spot(END, 1, 1, 0.9),))
    assert explain.reason(anomaly(why, Window((1,), END))) == (
        "None of the session's steps stands out; all together they are unlikely."
    )


def test_a_sessions_unknown_step_is_not_quoted_as_its_last_line() -> None:
    """The line that no template matches was another one."""
    why = Explanation("steps", 0.01, expected=((END, 1.0),), seen=0, total=50, spots=(Spot(UNKNOWN, 1, 1, 0.01),))
    assert explain.message(anomaly(why, Window((1,), END))) == (
        'Unusual course of a sshd session on web-01: "a line like none before"'
    )


def test_a_session_that_ends_with_a_line_like_none_before_quotes_it() -> None:
    """Its last line is at hand: an alert that only says that there was one helps nobody."""
    why = Explanation("steps", 0.01, seen=0, total=0, spots=(Spot(UNKNOWN, UNKNOWN, 1, 0.01),))
    ended = replace(anomaly(why, Window((UNKNOWN,), END)), before=(UNKNOWN, UNKNOWN))
    words = ACCEPTED.replace("<*>", "alice")
    assert explain.message(ended) == f'Unusual course of a sshd session on web-01: "{words}"'
    assert f"`{words}` (a line like none before) came once; what comes there was never seen before" in explain.reason(
        ended
    )
    assert "a line like none before" in explain.message(replace(ended, before=(UNKNOWN, event(FAILED))))


def test_an_event_is_told_by_how_often_it_was_seen() -> None:
    """Once, several times, or never."""
    accepted = event(ACCEPTED)
    for seen, words in [(0, "for the first time in 1,234"), (1, "1 time in 1,234"), (3, "3 times in 1,234")]:
        told = explain.reason(anomaly(Explanation("event", 0.001, seen=seen, total=1_234), Window((), accepted)))
        assert told == f"`{ACCEPTED}` came {words} lines."


def test_a_line_like_none_before_is_quoted_and_called_so() -> None:
    """UNKNOWN has no template: the line's own words tell what came, and of one in the history nothing is known."""
    told = explain.reason(anomaly(Explanation("event", 0.001, total=10), Window((), UNKNOWN)))
    assert (
        told == f"`{ACCEPTED.replace('<*>', 'alice')}` (a line like none before) came for the first time in 10 lines."
    )
    after = explain.reason(sequence((UNKNOWN, UNKNOWN), event(ACCEPTED)))
    assert after.startswith(f"After a line like none before ×2: `{FAILED}` (61 %)")


def test_where_nothing_of_the_history_is_known_nothing_was_expected() -> None:
    """A program never seen: what a network guesses there is about nothing, and is not told."""
    why = Explanation("sequence", 1 / 700, 4, ())
    told = explain.reason(anomaly(why, Window((), UNKNOWN)))
    assert told.startswith("When a session of sshd begins: what comes there was never seen before; `Accepted password")
    assert told.endswith("(a line like none before) came (1 in 700).")


def test_a_pair_names_both_its_halves() -> None:
    """Fields by their names, as they are searched for."""
    why = Explanation("pair", 0.001, total=300, pair="user.name=root|source.ip=10.0.0.1")
    told = explain.reason(anomaly(why, Window((), event(ACCEPTED))))
    assert told == "user.name root with source.ip 10.0.0.1: for the first time in 300 lines that name such a pair."
    at_night = replace(why, pair="user.name=root|hour=03 on a work day", total=4_210)
    told = explain.reason(anomaly(at_night, Window((), event(ACCEPTED))))
    assert told.startswith("user.name root with hour 03 on a work day: for the first time in 4,210 lines")


def test_a_set_says_what_was_missing_and_what_was_not_usual() -> None:
    """Against the known session most like it; beyond two events only how many more."""
    failed, accepted = event(FAILED), event(ACCEPTED)
    why = Explanation("set", 0.001, total=62, extra=(failed,), missing=(accepted,) * 5)
    told = explain.reason(anomaly(why, Window((), END, (), ((failed, 1),))))
    unlike = f"unlike the nearest of them, it had `{FAILED}` and lacked `{ACCEPTED}`, `{ACCEPTED}` and 3 more"
    assert told == f"None of 62 sessions was made of just these events; {unlike}."


def test_counts_say_how_often_an_event_came_in_its_session() -> None:
    """And in how many others it came that often."""
    failed = event(FAILED)
    window = Window((), END, (), ((failed, 1_000),))
    none = explain.reason(anomaly(Explanation("counts", 0.001, total=62, extra=(failed,)), window))
    some = explain.reason(anomaly(Explanation("counts", 0.001, seen=2, total=62, extra=(failed,)), window))
    assert none == f"`{FAILED}` came 1,000 times in this session, as in none of 62 others that have it."
    assert "as in 2 of 62 others" in some


def test_counts_of_what_hardly_any_session_had_say_just_that() -> None:
    """To be one of one would tell nothing."""
    failed = event(FAILED)
    window = Window((), END, (), ((failed, 1),))
    told = explain.reason(anomaly(Explanation("counts", 0.001, seen=1, total=1, extra=(failed,)), window))
    assert told == f"Only 1 session had `{FAILED}` before."


NUMBERS = {"usual": (0.09, 0.22, 0.53), "observed": 2.71}


@pytest.mark.parametrize(
    ("why", "told"),
    [
        (
            Explanation("number", 0.001, value="took <DUR>", beside=("GET <PATH>", "/a"), **NUMBERS),
            "`took 2.71 s`; usual beside `GET /a` is 220 ms (90 ms to 530 ms).",
        ),
        (Explanation("number", 0.001, value="bytes=<NUM> 2", **NUMBERS), "`bytes=2.71`; usual is 0.22 (0.09 to 0.53)."),
        (
            Explanation("number", 0.001, value="of <SIZE>", observed=5_368_709_120.0, usual=(0.0, 512.0, 2_048.0)),
            "`of 5 GB`; usual is 512 (0 to 2 kB).",
        ),
        (
            Explanation("level", 0.001, value="took <DUR>", **NUMBERS),
            "`took 2.71 s` is the middle of the last ten lines; usual is 220 ms (90 ms to 530 ms).",
        ),
        (
            Explanation("course", 0.001, value="took <DUR>", **NUMBERS),
            "`took 2.71 s`; after the lines before, 220 ms was expected (90 ms to 530 ms).",
        ),
        (
            Explanation("step", 0.001, value="session <NUM>", observed=5_003.0, usual=(1.0, 3.0, 9.0)),
            "`session <NUM>` rose by 5003 since the last such line; usual is 3 (1 to 9).",
        ),
        (
            Explanation("step", 0.001, value="session <NUM>", observed=-12.0, usual=(1.0, 3.0, 9.0)),
            "`session <NUM>` fell by 12 since the last such line, where it rises; usual is 3 (1 to 9).",
        ),
        (
            Explanation("pause", 0.001, value="the last one", observed=10_800.0, usual=(1.0, 60.0, 3_600.0)),
            f"3 h since the last `{ACCEPTED}`; usual is 1 min (1 s to 1 h).",
        ),
        (
            Explanation("word", 0.001, value="for <*>", observed="mallory", usual=("alice", "bob"), total=1_500),
            "`for mallory` came for the first time in 1,500 lines; usual there: `alice`, `bob`.",
        ),
        (
            Explanation("word", 0.001, value="for <*>", observed="bob", usual=("alice", "bob"), seen=1, total=1_500),
            "`for bob` came 1 time in 1,500 lines; usual there: `alice`.",
        ),
        (
            Explanation(
                "hour",
                0.1,
                value="for <*>",
                observed=10_920.0,
                usual=(28_800.0, 0.0),
                beside=("for <*>", "a"),
                total=21,
            ),
            "`for a` at 03:02 UTC; on 21 days before, it mostly came from 08:00 to 00:00.",
        ),
        (
            Explanation("hour", 0.1, observed=10_920.0, usual=(28_800.0, 64_800.0), total=21),
            f"`{ACCEPTED}` at 03:02 UTC; on 21 days before, it mostly came from 08:00 to 18:00.",
        ),
        (Explanation("hour", 1.0), f"`{ACCEPTED}` came, and nothing is known that would be usual."),
    ],
)
def test_a_value_is_told_first_and_then_what_is_usual(why: Explanation, told: str) -> None:
    """The placeholder is filled with what was there; numbers have three digits and the units of their masks."""
    assert explain.reason(anomaly(why, Window((), event(ACCEPTED)))) == told


def test_what_stands_in_a_value_cannot_write_the_sentence() -> None:
    """Digits and backslashes of a word are no pattern's."""
    why = Explanation("word", 0.001, value="for <*>", observed="\\1\\g<0>", usual=("a",), total=9)
    assert explain.reason(anomaly(why, Window((), event(ACCEPTED)))).startswith("`for \\1\\g<0>` came")


def test_alike_values_are_one_entry_and_others_are_not() -> None:
    """By template, and by what it is that was odd: when, or what."""
    window = Window((), event(ACCEPTED))
    number, level, hour, word = (
        explain.about(anomaly(Explanation(aspect, 0.1, value=value), window))
        for aspect, value in (("number", "a <NUM>"), ("level", "a <NUM>"), ("hour", "for <*>"), ("word", "for <*>"))
    )
    assert number == level
    assert len({number, hour, word}) == 3


@pytest.mark.parametrize(
    ("aspect", "begins"),
    [
        ("sequence", "Unexpected sshd event on web-01"),
        ("event", "Rare sshd event on web-01"),
        ("pair", "New combination in sshd on web-01"),
        ("set", "Unusual sshd session on web-01"),
        ("counts", "Unusual sshd session on web-01"),
        ("number", "Unusual number in sshd on web-01"),
        ("level", "Shifted numbers in sshd on web-01"),
        ("hour", "Unusual hour in sshd on web-01"),
    ],
)
def test_the_message_is_a_name_for_an_alert(aspect: str, begins: str) -> None:
    """Short, with the template rather than the line: Kibana groups by it, so figures must not vary."""
    window = Window((), event(ACCEPTED))
    told = explain.message(anomaly(Explanation(aspect, 0.001, expected=((END, 1.0),)), window))
    assert told == f'{begins}: "{ACCEPTED}"'


def test_a_message_says_nothing_of_what_a_line_does_not_say() -> None:
    """Neither host nor program is invented."""
    bare = anomaly(Explanation("event", 0.001), Window((), END))
    bare = replace(bare, sighting=bare.sighting._replace(line=LINE._replace(host="", program="")))
    assert explain.message(bare) == 'Rare log event: "end of the session"'


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (1.0, "100 %"),
        (0.25, "25 %"),
        (0.1, "1 in 10"),
        (1 / 99, "1 in 99"),
        (1 / 449, "1 in 450"),
        (1 / 2_949, "1 in 2,900"),
        (1 / 99_700, "1 in 100,000"),
        (0.0, "1 in 10,000,000,000"),
    ],
)
def test_rarity_is_said_with_two_digits(probability: float, words: str) -> None:
    """More would claim what nobody knows; what happens often is a share."""
    assert explain.one_in(probability) == words


@given(st.floats(0.0, 100.0))
def test_a_score_reads_as_its_frequency(score: float) -> None:
    """Within the rounding: 5 % at two digits, half a percent point for shares."""
    words = explain.rarity(score)
    share = float(words[:-2]) / 100 if words.endswith("%") else 1 / float(words[5:].replace(",", ""))
    assert share == pytest.approx(10 ** (-score / 10), rel=0.05)


def test_history_is_told_in_runs() -> None:
    """Oldest first, each with how often it came in a row."""
    a, b = event(ACCEPTED), event(FAILED)
    assert explain.steps(sequence((a, b, b, a), a)) == [(ACCEPTED, 1), (FAILED, 2), (ACCEPTED, 1)]
