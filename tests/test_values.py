"""`models.detectors.values` on the product's own path: weeks of made-up logs with one odd value planted.

What is planted is found at a budget of five alerts a day and named first; the clean copy keeps within twice the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from models.base import Explanation
from models.detectors.values import Config, Detector
from models.windows import Event, Frame, Tails, Window, slide
from parsers.line import LogLine
from parsers.matcher import Matcher
from plugin import explain, values
from plugin.bundle import Bundle, load, save
from plugin.config import ViewSettings
from plugin.pipeline import Anomaly, judge
from plugin.ports import Hit
from plugin.sources import Source
from plugin.training import Learnt, Plan, learn, learn_blocks
from tests import rhythms
from tests.rhythms import at

BUDGET = 5.0
LEARNT, NEW = 24, 4
"""Days; the new ones are Thursday to Sunday."""
THURSDAY, FRIDAY = LEARNT, LEARNT + 1
PLAN = Plan("app", {"values": ViewSettings(detector={"kind": "values"})}, BUDGET, "1", "2026-11-01T00:00:00Z", 0)


def silent(_share: float) -> None:
    """Nobody watches."""


def creeping(time: float) -> float:
    """Response times on Friday: from 8 to 16 h they grow to five times as much, and stay so until 20 h."""
    hour = (time - at(FRIDAY, 0)) / rhythms.HOUR_S
    return 1.0 + 4.0 * min(max((hour - 8.0) / 8.0, 0.0), 1.0) if hour < 20.0 else 1.0


def is_slow(anomaly: Anomaly) -> bool:
    """Whether it is a response while times were at least three times as long."""
    hour = (anomaly.sighting.time - at(FRIDAY, 0)) / rhythms.HOUR_S
    return 12.0 <= hour < 20.0 and "took" in anomaly.sighting.line.message


def weeks(seed: int = 0) -> list[LogLine]:
    """The clean copy."""
    return rhythms.lines(LEARNT + NEW, seed)


def new(lines: Sequence[LogLine]) -> list[LogLine]:
    """What comes after what is learnt."""
    return [line for line in lines if line.time >= at(LEARNT, 0)]


def with_transfer(lines: list[LogLine]) -> list[LogLine]:
    """Account K1002 sends a hundred times what it usually does."""
    number = 1 + sum("Transfer" in line.message for line in lines if at(FRIDAY, 0) <= line.time < at(FRIDAY, 11.2))
    amount = 100.0 * rhythms.ACCOUNTS["K1002"]
    return rhythms.planted(lines, rhythms.transfer(at(FRIDAY, 11.2), "K1002", amount, FRIDAY * 100 + number))


def with_login(lines: list[LogLine]) -> list[LogLine]:
    """Alice, who works by day, comes at three in the night; Nina, who works by night, does so every week."""
    return rhythms.planted(lines, rhythms.login(at(FRIDAY, 3.0), "alice"))


def with_creep(seed: int = 0) -> list[LogLine]:
    """The clean copy with Friday's response times."""
    return rhythms.lines(LEARNT + NEW, seed, slow=creeping)


@cache
def bundle() -> Bundle:
    """What the clean days teach."""
    learnt, _ = learn([line for line in weeks() if line.time < at(LEARNT, 0)], PLAN, silent)
    return learnt


def found(lines: Sequence[LogLine], by: Bundle | None = None) -> list[Anomaly]:
    """What is over the cut, worst first."""
    by = by or bundle()
    anomalies, _ = judge(by.matcher.match(lines), "app", by, {}, lines[-1].time)
    return sorted(anomalies, key=lambda anomaly: -anomaly.score)


def planted(anomalies: Sequence[Anomaly]) -> Anomaly:
    """The anomaly of the planted line."""
    return next(anomaly for anomaly in anomalies if anomaly.sighting.line.origin.startswith("planted"))


def test_a_transfer_a_hundred_times_the_usual_size_is_found_and_named() -> None:
    """It is the strangest line of four days; the amount comes first, then what this account usually sends."""
    anomalies = found(new(with_transfer(weeks())))
    assert planted(anomalies) is anomalies[0]
    why = anomalies[0].explanation
    assert (why.aspect, why.value, why.observed, why.beside) == (
        "number",
        "of <NUM>",
        22_000.0,
        ("account <*>", "K1002"),
    )
    low, middle, high = why.usual
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert low < 220.0 < high < 2_200.0
    assert middle == pytest.approx(220.0, rel=0.2)
    assert explain.reason(anomalies[0]).startswith("`of 22,000`; usual beside `account K1002` is 2")


def test_a_login_by_night_of_one_who_works_by_day_is_found_and_named() -> None:
    """Though another user comes at that hour: it is her hours that are told."""
    anomaly = planted(found(new(with_login(weeks()))))
    why = anomaly.explanation
    assert (why.aspect, why.value, why.beside) == ("hour", "for <*>", ("for <*>", "alice"))
    assert why.observed == pytest.approx(3 * 3_600)
    assert explain.reason(anomaly).startswith("`for alice` at 03:00 UTC; on ")
    assert "from 07:" in explain.reason(anomaly) or "from 08:" in explain.reason(anomaly)


def test_a_response_time_that_creeps_to_five_times_the_usual_is_found_and_named() -> None:
    """Though each line follows the one before: measured against weeks, and by the middle of the last lines."""
    slow = [anomaly for anomaly in found(new(with_creep())) if is_slow(anomaly)]
    assert len(slow) > 20
    of_time = [anomaly for anomaly in slow if anomaly.explanation.value == "took <DUR>"]
    assert len(of_time) > 0.9 * len(slow)
    assert all(explain.reason(anomaly).startswith("`took ") for anomaly in of_time)
    assert {anomaly.explanation.aspect for anomaly in of_time} == {"number", "level"}


def test_the_clean_copy_stays_within_twice_the_budget() -> None:
    """Days that nothing was planted into, and that no fit saw."""
    assert len(found(new(weeks()))) <= 2 * BUDGET * NEW


def by_itself(lines: list[LogLine]) -> list[Anomaly]:
    """What is over the cut in a file that is learnt from itself, as `score` does it: each block by the others."""
    learnt: Learnt = learn_blocks(lines, PLAN, silent)
    anomalies = [each for block, by in zip(learnt.blocks, learnt.bundles, strict=True) for each in found(block, by)]
    assert len(anomalies) <= 2 * BUDGET * (LEARNT + NEW)
    return anomalies


def test_a_file_learnt_from_itself_tells_its_odd_transfer_and_login() -> None:
    """Though what is judged helped to set the cut."""
    anomalies = by_itself(with_login(with_transfer(weeks())))
    named = {each.explanation.value for each in anomalies if each.sighting.line.origin.startswith("planted")}
    assert named == {"of <NUM>", "for <*>"}


def test_a_file_learnt_from_itself_tells_its_slow_hours() -> None:
    """A few hundred slow lines are more than the budget of the whole file: most of it goes to them."""
    anomalies = by_itself(with_creep())
    slow = [each for each in anomalies if is_slow(each) and each.explanation.value == "took <DUR>"]
    assert len(slow) > 0.5 * len(anomalies)


def test_what_was_learnt_survives_the_disk(tmp_path: Path) -> None:
    """Networks, words, hours and sizes: the same anomalies with the same reasons."""
    again = load(save(bundle(), tmp_path))
    lines = new(with_login(with_transfer(weeks())))
    told = [(each.score, explain.reason(each)) for each in found(lines)]
    assert told == [(each.score, explain.reason(each)) for each in found(lines, again)]


def test_any_pieces_find_what_one_piece_finds() -> None:
    """What a template's last lines said is carried from poll to poll."""
    lines = new(with_creep())
    tails: dict[str, Tails[LogLine]] = {}
    pieces: list[Anomaly] = []
    for piece in (lines[:100], lines[100:101], lines[101:700], lines[700:]):
        anomalies, tails = judge(bundle().matcher.match(piece), "app", bundle(), tails, piece[-1].time)
        pieces += anomalies
    assert {(each.sighting.line.origin, each.score) for each in pieces} == {
        (each.sighting.line.origin, each.score) for each in found(lines)
    }


def seen(numbers: Sequence[float], words: Sequence[str], times: Sequence[float] | None = None) -> list[Window]:
    """The windows of one template whose lines say a number and a word, one a minute where no times are given."""
    times = [60.0 * n for n in range(len(numbers))] if times is None else times
    events = [
        Event("s", 1, time, time, (), n, (), (("took <DUR>", float(number)), ("for <*>", word)))
        for n, (time, number, word) in enumerate(zip(times, numbers, words, strict=True))
    ]
    sightings, _ = slide(Tails(), events, Frame(0, False, 1e9, values=True), 0.0)
    return [sighting.window for sighting in sightings]


def changed(window: Window, number: float | None = None, word: str | None = None) -> Window:
    """The same window with another number or word."""
    (of_number, old), (of_word, user) = window.values
    return window._replace(values=((of_number, old if number is None else number), (of_word, word or user)))


CHANCE = np.random.default_rng(7)
USERS = [str(user) for user in CHANCE.choice(["ann", "ben", "cem"], 600)]
SIZES = CHANCE.lognormal(0.0, 0.3, 600) * np.array([{"ann": 1.0, "ben": 50.0, "cem": 2_000.0}[user] for user in USERS])


@cache
def plain() -> Detector:
    """Fit on lines whose number depends on the word beside it; without a network."""
    return Detector.fit(Config(), seen(SIZES.tolist(), USERS), 0, silent)


def test_a_word_never_seen_speaks_and_the_usual_ones_are_named() -> None:
    """The share of what came once is how likely another is: nothing, here."""
    odd = changed(seen(SIZES.tolist(), USERS)[-1], word="mallory")
    usual, strange = plain().surprise([seen(SIZES.tolist(), USERS)[-1], odd])
    why = plain().explain(odd)
    assert strange > usual + 2.0
    assert (why.aspect, why.value, why.observed, why.seen, why.total) == ("word", "for <*>", "mallory", 0, 600)
    assert sorted(map(str, why.usual)) == ["ann", "ben", "cem"]


def test_a_number_is_measured_beside_the_word_that_tells_most_about_it() -> None:
    """What is usual for one user is a thousand times too much for another."""
    last = seen(SIZES.tolist(), USERS)[-1]
    small, large = changed(last, 50.0, "ben"), changed(last, 50.0, "ann")
    assert plain().surprise([large])[0] > plain().surprise([small])[0] + 3.0
    assert plain().explain(large).beside == ("for <*>", "ann")


def test_ids_that_never_come_again_are_no_news() -> None:
    """Where nearly every line brings a new word, none is strange."""
    ids = [f"req-{n:04x}" for n in range(600)]
    detector = Detector.fit(Config(), seen(SIZES.tolist(), ids), 0, silent)
    last = seen(SIZES.tolist(), ids)[-1]
    assert detector.surprise([changed(last, word="req-ffff")])[0] == detector.surprise([last])[0]


def test_a_number_that_counts_up_is_judged_by_its_steps() -> None:
    """The next one is larger than all before, and usual; one that jumps is not."""
    counter = (10_000 + 3.0 * np.arange(600)).tolist()
    windows = seen(counter, USERS)
    detector = Detector.fit(Config(), windows[:500], 0, silent)
    usual, jump = detector.surprise([windows[-1], changed(windows[-1], counter[-1] + 5_000.0)])
    assert jump > usual + 3.0
    why = detector.explain(changed(windows[-1], counter[-1] + 5_000.0))
    assert (why.aspect, why.observed) == ("step", 5_003.0)
    assert why.usual == pytest.approx((3.0, 3.0, 3.0))


def test_a_network_expects_what_follows_and_is_kept_only_where_it_helps() -> None:
    """What rises and falls is known in advance: a number that is usual by itself is strange at the wrong turn."""
    turns = 100.0 * np.exp(2.0 * np.sin(np.arange(1_410) * 2.0 * np.pi / 40.0))  # ends on top
    users = ["ann"] * len(turns)
    windows = seen((turns * CHANCE.lognormal(0.0, 0.05, len(turns))).tolist(), users)
    detector = Detector.fit(Config(enough=1_000), windows, 0, silent)
    course = detector.usual[1].course
    assert course is not None
    assert "took <DUR>" in course.beyond
    wrong = changed(windows[-1], 20.0)
    assert detector.surprise([wrong])[0] > detector.surprise([windows[-1]])[0] + 2.0
    why = detector.explain(wrong)
    assert (why.aspect, why.value) == ("course", "took <DUR>")
    assert why.usual[1] == pytest.approx(turns[-1], rel=0.3)
    noise = seen(CHANCE.lognormal(0.0, 0.5, len(users)).tolist(), users)
    noisy = Detector.fit(Config(), noise, 0, silent).usual[1].course
    assert noisy is None or "took <DUR>" not in noisy.beyond


def test_a_pause_is_news_only_of_what_keeps_time() -> None:
    """A heartbeat that was missed is told with its usual pause; of lines that come by chance no pause is strange."""
    last = seen(SIZES.tolist(), USERS)[-1]
    late = last._replace(time=last.time + 3_600.0)
    assert plain().surprise([late])[0] > plain().surprise([last])[0] + 3.0
    why = plain().explain(late)
    assert (why.aspect, why.value, why.observed) == ("pause", "the last one", 3_660.0)
    assert why.usual == pytest.approx((60.0, 60.0, 60.0))
    times = np.cumsum(CHANCE.exponential(60.0, 600)).tolist()
    by_chance = Detector.fit(Config(), seen(SIZES.tolist(), USERS, times), 0, silent)
    last = seen(SIZES.tolist(), USERS, times)[-1]
    late = last._replace(time=last.time + 3_600.0)
    assert by_chance.surprise([late])[0] == by_chance.surprise([last])[0]


@cache
def flows() -> tuple[LogLine, ...]:
    """Twenty days of a firewall's documents, made into text by a source's own pattern; the last one is planted."""
    chance = np.random.default_rng(0)
    source = Source("fw", text="{event.action} {event.outcome} {destination.port} sent {source.bytes}")
    hits = []
    for n in range(4_001):
        port, size = chance.choice([443, 443, 443, 22, 80]), int(chance.normal(500, 40))
        stamp = datetime.fromtimestamp(at(0, 0) + n * 432.0, UTC).isoformat()
        fields = {"event.action": "connect", "event.outcome": "success", "host.name": "fw", "@timestamp": stamp}
        fields |= {"destination.port": 4444 if n == 4_000 else int(port), "source.bytes": size}
        hits.append(Hit("fw", str(n), 1, fields))
    lines, rejected = source.read(hits)
    assert not rejected
    return tuple(lines)


def test_an_odd_value_of_a_document_is_named_by_its_field() -> None:
    """A port that nobody asked for in twenty days is the strangest of the last, and named first."""
    *before, last = flows()
    by, _ = learn(before, PLAN, silent)
    (worst, *_) = found([*before[-200:], last], replace(by, threshold=replace(by.threshold, cut=0.0)))
    assert worst.sighting.line.origin == last.origin
    assert (worst.explanation.value, worst.explanation.observed) == ("destination.port", "4444")
    assert sorted(map(str, worst.explanation.usual)) == ["22", "443", "80"]
    assert explain.reason(worst).startswith("`destination.port` was 4444, for the first time in 4,000 lines; usual")


def test_a_layout_changes_names_alone() -> None:
    """The templates, their ids and the windows' values are those of the same text as a daemon's line."""
    lines = flows()[:200]
    bare = [line._replace(layout=None) for line in lines]
    by, _ = learn(list(flows()[:2_000]), PLAN, silent)
    matcher = Matcher(by.masks, by.templates, values=True)
    named, plain = matcher.match(lines), matcher.match(bare)
    assert [match.event for match in named] == [match.event for match in plain]
    assert [len(match.values) for match in named] == [len(match.values) for match in plain]
    assert {name for match in named for name, _ in match.values} == {"destination.port", "source.bytes"}


def test_few_lines_vouch_for_little() -> None:
    """Below twenty of a template nothing is said; twenty-five say less than six hundred, however far off one is."""
    for n, most in ((19, 0.0), (25, 2 * np.log(26)), (600, 2 * np.log(601))):
        windows = seen(SIZES[:n].tolist(), USERS[:n])
        far = changed(windows[-1], 1e12)
        surprise = float(Detector.fit(Config(), windows, 0, silent).surprise([far])[0])
        assert surprise <= most
        assert surprise > 0.5 * most or n == 19


def test_a_line_without_its_usual_values_is_judged_all_the_same() -> None:
    """A number that is text, a value missing, no lines before: finite, and explained."""
    last = seen(SIZES.tolist(), USERS)[-1]
    odd = [
        last._replace(values=(("took <DUR>", "1.2.3"), ("for <*>", "ann"))),
        last._replace(values=()),
        last._replace(recent=()),
        last._replace(recent=((1.0,), (2.0, 3.0, 4.0))),
    ]
    assert np.isfinite(plain().surprise(odd)).all()
    assert all(0.0 <= plain().explain(window).probability <= 1.0 for window in odd)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """What was stored is data: one that does not belong together is a ValueError or KeyError, never half a detector."""
    plain().save(tmp_path)
    text = (tmp_path / "detector.json").read_text(encoding="utf-8")
    for old, bad in (('"group": "for <*>"', '"group": "nobody"'), ('"n": 600', '"n": 0'), ('"usual"', '"other"')):
        assert old in text
        (tmp_path / "detector.json").write_text(text.replace(old, bad), encoding="utf-8")
        with pytest.raises((ValueError, KeyError)):
            Detector.load(tmp_path)


def test_reasons_are_short_and_begin_with_what_was_odd() -> None:
    """Of every kind of anomaly that the planted weeks have."""
    anomalies = found(
        new(with_login(with_transfer(with_creep()))), replace(bundle(), threshold=replace(bundle().threshold, cut=6.0))
    )
    assert {each.explanation.aspect for each in anomalies} >= {"number", "level", "hour", "course", "word"}
    for each in anomalies:
        told = explain.reason(each)
        assert len(told) < 250
        assert "usual" in told or "expected" in told or "mostly" in told or "times in" in told


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("took <NUM>", 999.4, "999"),
        ("took <NUM>", 999.6, "1000"),
        ("took <NUM>", -999.6, "-1000"),
        ("took <NUM>", 9_999.6, "10,000"),
        ("sent <SIZE>", 999.7 * 1_024, "1000 kB"),
        ("took <DUR>", 999.7 * 86_400, "1000 d"),
    ],
)
def test_a_number_that_rounds_up_to_another_digit_is_told_as_that_one(name: str, value: float, told: str) -> None:
    """Never as a power of ten."""
    assert values.observed(Explanation("number", 0.1, value=name, observed=value)) == told


def test_settings_that_cannot_be_meant_are_refused() -> None:
    """Numbers below one; and a GPU where there is none, however few the lines."""
    with pytest.raises(ValueError, match="at least 1"):
        Config(enough=0)
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="GPU"):
            Detector.fit(Config(device="cuda"), seen([1.0], ["a"]), 0, silent)
