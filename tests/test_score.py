"""`score FILE`: the strange line of a day is found first, with no label and no server."""

from __future__ import annotations

from functools import cache

import pytest

from parsers.line import LogLine, Rejected
from plugin import explain
from plugin.commands.score import BEFORE, BUDGET, LEAST, Report, fold, score
from plugin.config import ViewSettings
from plugin.errors import InputError
from plugin.pipeline import Anomaly
from tests import lines

DAY_S = 86_400.0


def day() -> list[LogLine]:
    """A regular day with one strange line."""
    return sorted(lines.lines([*lines.texts(), lines.strange()]), key=lambda line: line.time)


@cache
def report(budget: float | None = None) -> Report:
    """What the day says of itself."""
    bad = [Rejected("auth.log:999", "no time stamp", "x")] * 2
    return score(day(), bad, "auth.log", budget=budget, views=lines.views(), progress=lines.silent)


def by_bundle(read: list[LogLine], budget: float | None = None) -> Report:
    """What the bundle of another day says of lines."""
    return score(read, [], "auth.log", bundle=lines.bundle(), budget=budget, progress=lines.silent)


def test_the_strange_line_of_a_day_is_found_first() -> None:
    """The day is its own teacher: each block is judged by a bundle that never saw it."""
    assert report().anomalies[0].sighting.line.message == lines.STRANGE
    assert report().worst == report().anomalies[0].score


def test_a_bundle_finds_the_strange_line_too() -> None:
    """The same line first, judged by what another day taught."""
    judged = by_bundle(day())
    assert judged.anomalies[0].sighting.line.message == lines.STRANGE
    assert {anomaly.bundle.id for anomaly in judged.anomalies} == {lines.bundle().id}


def test_a_lines_other_verdicts_are_kept_beside_its_strongest() -> None:
    """A line counts once, however many views it is strange in; what they said can still be read."""
    for told in (report(), by_bundle(day())):
        origins = [anomaly.sighting.line.origin for anomaly in told.anomalies]
        assert len(origins) == len(set(origins))
        top = told.anomalies[0]
        also = told.also[top.sighting.line.origin]
        assert {top.view.name, *(other.view.name for other in also)} >= {"sequence", "rarity"}
        strongest = max(top.score, top.voices[0][1])  # what another view says has that view's own score
        assert all(other.score <= strongest for other in also)


def test_an_unexpected_line_is_not_told_again_as_its_sessions_strangest_step() -> None:
    """Two verdicts in the same words tell no more than one; where they differ both are told."""
    steps = 0
    for told in (report(1_000), by_bundle(day(), 1_000)):
        for top in told.anomalies:
            others = [other for other in told.also[top.sighting.line.origin] if other.explanation.aspect == "steps"]
            steps += len(others) + (top.explanation.aspect == "steps")
            assert top.explanation.aspect != "sequence" or not any(
                other.explanation.spots[0].event == top.sighting.window.event for other in others
            )
    assert steps


@pytest.mark.parametrize("budget", [1, 3, 5])
def test_the_budget_is_the_entries_of_a_day(budget: int) -> None:
    """What a person will look at; a flood of alike lines is one. Worst first, and the last of them is the cut."""
    scores = [anomaly.score for anomaly in report(budget).anomalies]
    assert len(fold(report(budget).anomalies)) == budget
    assert scores == sorted(scores, reverse=True)
    assert {anomaly.cut for anomaly in report(budget).anomalies} == {scores[-1]}


def test_no_budget_makes_usual_lines_strange() -> None:
    """What one line in ten is like is left alone, however many alerts one would read."""
    told = report(1_000)
    assert 0 < len(told.anomalies) < len(told.lines) / 5
    assert min(anomaly.score for anomaly in told.anomalies) >= LEAST


def test_a_larger_budget_only_adds() -> None:
    """What was strange enough for one alert a day is so for twenty."""
    few, many = ({anomaly.sighting.line.origin for anomaly in report(budget).anomalies} for budget in (1, 20))
    assert few <= many


def test_without_a_budget_it_is_five_a_day() -> None:
    """However many days the file spans."""
    assert len(fold(report().anomalies)) == BUDGET
    three = [line._replace(time=line.time * 1.0 + 2 * DAY_S * (n >= 330)) for n, line in enumerate(day())]
    told = score(three, [], "auth.log", views=lines.views(), progress=lines.silent)
    assert told.days > 2.5
    assert BUDGET < len(fold(told.anomalies)) <= BUDGET * 3


def test_a_budget_replaces_a_bundles_cut() -> None:
    """Without one its own cut holds."""
    own = by_bundle(day())
    assert {anomaly.cut for anomaly in own.anomalies} <= {lines.bundle().threshold.cut}
    assert len(by_bundle(day(), budget=200).anomalies) > len(own.anomalies) >= len(by_bundle(day(), 0.01).anomalies)


def test_lines_like_none_before_are_folded_by_their_words() -> None:
    """Two that no template has have nothing in common; alike ones are one entry."""
    texts = ["new user: name=eve, UID=0", "delete group `wheel' with 3 members", "new user: name=bob, UID=7"]
    strangers = [lines.stamped(43_200 + n, "useradd", 900 + n, text) for n, text in enumerate(texts)]
    entries = fold(by_bundle(lines.lines(strangers), budget=1_000).anomalies)
    said = [
        sorted(each.sighting.line.message for each in entry.anomalies if each.sighting.window.is_line)
        for entry in entries
    ]
    assert [[texts[1]]] == [each for each in said if texts[1] in each]


def test_how_near_a_bundles_cut_the_strangest_came_is_told() -> None:
    """Where nothing reached the cut a person wants to know whether nearly, and how to see it."""
    bundle = lines.bundle().with_cut(99.0, "2026-11-24-03", "")
    told = score(day(), [], "auth.log", bundle=bundle, progress=lines.silent)
    strongest = by_bundle(day()).anomalies[0]
    assert not told.anomalies
    assert f"the strangest, {strongest.sighting.line.origin}, scores {strongest.score:.1f}; --budget" in told.notices[0]
    usual = [line for line in day() if line.message.startswith("Accepted")][:1]
    assert "came near" in score(usual, [], "auth.log", bundle=bundle, progress=lines.silent).notices[0]


def test_a_regular_day_keeps_to_the_budget_of_its_bundle() -> None:
    """The cut promised five alerts a day on lines like these; twice that is the bound we hold."""
    assert len(by_bundle(lines.lines(lines.texts(seed=7))).anomalies) <= 2 * BUDGET


def test_alike_lines_fold_into_one_entry() -> None:
    """The same view and template; every line is in just one entry, the worst entry first."""
    entries = fold(report(20).anomalies)
    assert len(entries) < len(report(20).anomalies)
    folded: list[Anomaly] = [anomaly for entry in entries for anomaly in entry.anomalies]
    assert sorted(map(id, folded)) == sorted(map(id, report(20).anomalies))
    assert [entry.top.score for entry in entries] == sorted((entry.top.score for entry in entries), reverse=True)
    for entry in entries:
        kinds = {(a.view.name, explain.about(a)) for a in entry.anomalies}
        first, last = entry.span
        assert len(kinds) == 1
        assert first <= entry.top.sighting.time <= last
        assert entry.hosts == [lines.HOST]


def test_the_lines_before_are_those_of_the_same_process() -> None:
    """Oldest first, a few at most, and never the line itself."""
    for anomaly in report(20).anomalies:
        line = anomaly.sighting.line
        before = report(20).before[line.origin]
        assert len(before) <= BEFORE
        assert all((mate.program, mate.pid) == (line.program, line.pid) for mate in before)
        assert all(mate.time <= line.time and mate != line for mate in before)
    assert any(report(20).before.values())


def test_a_report_says_what_was_read() -> None:
    """How many lines, over how long, how many not and why."""
    told = report()
    assert len(told.lines) == len(day())
    assert told.days == pytest.approx(1.0, abs=0.1)
    assert told.rejected == {"no time stamp": 2}
    assert told.notices == ()


def test_few_lines_are_told_to_be_few() -> None:
    """Counting alone, said so, and nothing claimed of sequences."""
    told = score(day()[:60], [], "auth.log", views=lines.views(), progress=lines.silent)
    assert len(told.notices) == 1
    assert {anomaly.view.name for anomaly in told.anomalies} <= {"rarity"}
    assert not any(anomaly.bundle.threshold.calibrated for anomaly in told.anomalies)


@pytest.mark.parametrize("n", [0, 1, 19])
def test_too_few_lines_are_a_sentence(n: int) -> None:
    """Which file, and what it lacks."""
    with pytest.raises(InputError, match=r"auth\.log"):
        score(day()[:n], [], "auth.log", progress=lines.silent)


def test_the_same_file_says_the_same_twice() -> None:
    """Two runs can be compared."""
    views: dict[str, ViewSettings] = lines.views(epochs=1)
    first, second = (score(day()[:160], [], "a", views=views, progress=lines.silent) for _ in range(2))
    assert [(a.score, a.sighting) for a in first.anomalies] == [(a.score, a.sighting) for a in second.anomalies]
