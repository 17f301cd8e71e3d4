"""`plugin.pipeline`: pure, and the same anomalies however the hits are cut."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from models.windows import END, UNKNOWN, Tails
from parsers.line import LogLine
from plugin import tails as bytes_of
from plugin.documents import record_id
from plugin.pipeline import NEAR, Anomaly, Detection, detect, judge
from plugin.ports import Hit
from plugin.sources import Source
from tests import lines

AUTH = Source("auth")
HITS = lines.hits([*lines.texts(16, seed=3), lines.strange(86_300.0)])
UNTIL = lines.DAY.timestamp() + 86_400.0


def found(hits: list[Hit], tails: Mapping[str, Tails[LogLine]], until: float) -> Detection:
    """One pass under the watchful bundle."""
    return detect(hits, AUTH, lines.watchful(), tails, until)


def told(anomalies: list[Anomaly]) -> set[tuple[str, float]]:
    """What is written of them, and how strange they are."""
    return {(record_id(anomaly), anomaly.score) for anomaly in anomalies}


def test_detect_is_pure() -> None:
    """The same hits and tails give the same result, and the tails given are left as they were."""
    begun = found(HITS[:40], {}, 0.0)
    before = bytes_of.encode(begun.tails)
    first, second = (found(HITS[40:], begun.tails, UNTIL) for _ in range(2))
    assert told(first.anomalies)
    assert told(first.anomalies) == told(second.anomalies)
    assert first.tails == second.tails
    assert bytes_of.encode(begun.tails) == before


@settings(deadline=None, max_examples=60)
@given(
    cuts=st.lists(st.integers(0, len(HITS)), max_size=6).map(sorted),
    lead=st.floats(0.0, 1.0),
    stored=st.booleans(),
)
def test_any_pieces_find_what_one_piece_finds(cuts: list[int], lead: float, stored: bool) -> None:
    """Wherever polls happen to end, and whether their tails were stored and read back: the same records.

    `lead` is how far the clock had come from the last hit of a piece to the first of the next.
    """
    whole = found(HITS, {}, UNTIL)
    tails: Mapping[str, Tails[LogLine]] = {}
    anomalies: list[Anomaly] = []
    for a, b in pairwise([0, *cuts, len(HITS)]):
        part = found(HITS[a:b], tails, _until(b, lead))
        anomalies += part.anomalies
        tails = bytes_of.decode(bytes_of.encode(part.tails)) if stored else part.tails
    assert len(told(anomalies)) == len(anomalies)
    assert told(anomalies) == told(whole.anomalies)
    assert {view: each.sessions for view, each in tails.items()} == {
        view: each.sessions for view, each in whole.tails.items()
    }


def test_what_may_have_begun_earlier_is_not_blamed_for_its_beginning() -> None:
    """A login that was under way when the looking began: neither its first event nor its whole is told, all else is."""
    first = next(n for n, hit in enumerate(HITS) if "Received disconnect" in hit.fields["message"])
    begun = HITS[first].clock / 1e9

    def judged(since: float) -> dict[str, Anomaly]:
        matches = lines.watchful().matcher.match(AUTH.read(HITS[first:])[0])
        anomalies, _ = judge(matches, AUTH.name, lines.watchful(), {}, UNTIL, since=since)
        return {record_id(anomaly): anomaly for anomaly in anomalies}

    everything, fair = judged(-math.inf), judged(begun)
    blamed = [everything[id] for id in everything.keys() - fair.keys()]
    session = {anomaly.sighting.session for anomaly in blamed}
    assert {anomaly.sighting.window.event == END for anomaly in blamed} == {False, True}
    assert {anomaly.sighting.line.pid for anomaly in blamed} == {1000}
    assert all(anomaly.sighting.n == 1 or anomaly.sighting.window.event == END for anomaly in blamed)
    assert all(fair[id].score == everything[id].score for id in fair if everything[id].sighting.session not in session)
    assert fair.keys() <= everything.keys()
    assert judged(begun - 300.0) == everything


def _until(b: int, lead: float) -> float:
    if b in {0, len(HITS)}:
        return UNTIL if b else 0.0
    last, following = HITS[b - 1].clock / 1e9, HITS[b].clock / 1e9
    return last + lead * (following - last)


def test_the_law_is_tried_on_ends_unknown_lines_and_all_views() -> None:
    """Else the property above could hold of nothing much."""
    anomalies = found(HITS, {}, UNTIL).anomalies
    events = {anomaly.sighting.window.event for anomaly in anomalies}
    assert {END, UNKNOWN} <= events
    assert {anomaly.view.name for anomaly in anomalies} == {"sequence", "rarity", "steps"}
    assert len(anomalies) > 20


def test_a_session_that_fell_silent_is_told_with_its_last_line() -> None:
    """Its END comes when the clock has moved on, though no line of it does."""
    login = [hit for hit in HITS if "Accepted" in str(hit.fields["message"])][:1]
    clock = login[0].clock / 1e9
    early, late = found(login, {}, clock + 10), found(login, {}, clock + 10_000)
    assert not [anomaly for anomaly in early.anomalies if anomaly.sighting.window.event == END]
    ends = [anomaly for anomaly in late.anomalies if anomaly.sighting.window.event == END]
    assert {anomaly.sighting.line.origin for anomaly in ends} == {login[0].origin}
    assert all(not each.sessions for each in late.tails.values())


def test_every_anomaly_reaches_the_cut() -> None:
    """And says which bundle judged it, and by how much."""
    for anomaly in found(HITS, {}, UNTIL).anomalies:
        assert anomaly.score >= anomaly.cut == lines.watchful().threshold.cut
        assert anomaly.bundle.id == lines.watchful().id


def strange_to() -> dict[tuple[str, bool], set[str]]:
    """By line, and whether it is about its session's end: the views that alone give it a score over 0."""
    bundle = lines.watchful()
    found: dict[tuple[str, bool], set[str]] = {}
    (walk,) = bundle.walks
    sightings, _ = walk.slide(bundle.matcher.match(AUTH.read(HITS)[0]), Tails(), UNTIL)
    for view in bundle.views:
        for seen, score in zip(sightings, view.look(sightings).scores.tolist(), strict=True):
            if score > 0.0:
                found.setdefault((seen.line.origin, seen.window.event == END), set()).add(view.name)
    return found


def test_a_line_is_one_anomaly_that_names_every_view_that_finds_it_strange() -> None:
    """Strangest first; what another view finds nearly as strange is told beside it."""
    anomalies, strange = found(HITS, {}, UNTIL).anomalies, strange_to()
    things = [(a.sighting.line.origin, a.sighting.window.event == END) for a in anomalies]
    assert len(set(things)) == len(things)
    assert any(anomaly.also for anomaly in anomalies)
    for anomaly in anomalies:
        own = dict(anomaly.voices)
        assert own.keys() == strange[anomaly.sighting.line.origin, anomaly.sighting.window.event == END]
        assert min(own.values()) > 0.0
        assert [anomaly.view.name, max(own.values())] == list(anomaly.voices[0])
        assert {a.view.name for a in anomaly.also} == {
            v for v, score in anomaly.voices[1:] if score >= max(own.values()) - NEAR
        }


def test_unreadable_hits_are_counted_and_stop_nothing() -> None:
    """Bad data is a value: the others are judged as if it were not there."""
    bad = Hit("logs-auth", "bad", HITS[5].clock, {"message": ""})
    mixed = found([*HITS[:6], bad, *HITS[6:]], {}, UNTIL)
    assert [rejected.origin for rejected in mixed.rejected] == ["logs-auth/bad"]
    assert told(mixed.anomalies) == told(found(HITS, {}, UNTIL).anomalies)


def test_lines_like_none_before_are_counted() -> None:
    """A rising share of them says that the bundle has aged."""
    assert found(HITS, {}, UNTIL).n_unknown == 1


def test_nothing_read_still_moves_the_clock() -> None:
    """A quiet poll ends the sessions that fell silent."""
    begun = found(HITS[:10], {}, 0.0)
    assert any(each.sessions for each in begun.tails.values())
    assert all(not each.sessions for each in found([], begun.tails, UNTIL).tails.values())
