"""`plugin.documents`: ids that last, and bodies that any store takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.base import Explanation
from models.calibration import severity
from models.windows import END, Sighting, Window
from parsers.line import LogLine, Rejected
from plugin import documents
from plugin.pipeline import Anomaly, judge
from tests import lines

MAPPINGS = Path(documents.__file__).parent / "mappings"
NOW = lines.DAY.timestamp() + 90_000.0


@cache
def anomalies() -> list[Anomaly]:
    """What the watchful bundle finds in a day with a strange line."""
    day = sorted(lines.lines([*lines.texts(16, seed=3), lines.strange()]), key=lambda line: line.time)
    bundle = lines.watchful(5.0)
    found, _ = judge(bundle.matcher.match(day), "auth", bundle, {}, NOW)
    return found


def strange() -> Anomaly:
    """The verdict on the strange line."""
    return next(found for found in anomalies() if found.sighting.line.message == lines.STRANGE)


def spoken(found: Anomaly, line: LogLine) -> Anomaly:
    """The same verdict on another line."""
    return replace(found, sighting=found.sighting._replace(line=line))


def test_every_document_is_plain_json() -> None:
    """Whatever view or aspect spoke: no number of numpy's, no NaN, nothing that a store would refuse."""
    found = anomalies()
    assert {anomaly.explanation.aspect for anomaly in found} >= {"sequence", "event", "set"}
    for anomaly in found:
        body = documents.record(anomaly, "siem-anomaly", NOW, "w1").body
        assert json.loads(json.dumps(body, allow_nan=False)) == body


def test_ids_are_one_for_each_line_and_end() -> None:
    """Two verdicts are never one document."""
    found = anomalies()
    assert len({documents.record_id(anomaly) for anomaly in found}) == len(found)
    line = next(anomaly for anomaly in found if anomaly.sighting.window.event == END)
    window = line.sighting.window._replace(event=1)
    same_line = replace(line, sighting=line.sighting._replace(window=window))
    assert documents.record_id(line) != documents.record_id(same_line)


def test_the_id_is_the_same_under_another_bundle_and_at_another_time() -> None:
    """So a replay meets its earlier self instead of doubling it."""
    found = strange()
    first = documents.record(found, "siem-anomaly", NOW, "w1")
    again = documents.record(
        replace(found, bundle=lines.bundle(), score=99.0, surprise=1.0), "siem-anomaly", NOW + 1e6, "w2"
    )
    assert (first.store, first.id) == (again.store, again.id)
    assert first.id == "".join(filter("0123456789abcdef".__contains__, first.id))
    assert len(first.id) == 40


def test_the_index_is_the_month_of_the_polled_time() -> None:
    """Not of the line's time, which may be ancient, and not of now, which a replay has not."""
    found = strange()
    line = found.sighting.line
    polled = spoken(found, line._replace(time=0.0, clock=lines.DAY.timestamp() + 10 * 86_400))
    assert documents.record(polled, "siem-anomaly", NOW, "w").store == "siem-anomaly-records-2026.12"
    assert documents.record(found, "mine", NOW + 1e7, "w").store == "mine-records-2026.11"


def test_a_record_says_what_was_strange_where_and_why() -> None:
    """The fields that alert rules, dashboards and pivots read."""
    found = strange()
    body = documents.record(found, "siem-anomaly", NOW, "w1").body
    ours = body["siem_anomaly"]
    assert body["event"]["kind"] == "alert"
    assert body["event"]["severity"] == severity(found.score, found.cut)
    assert body["event"]["ingested"] == documents.iso(NOW)
    assert body["host"] == {"name": lines.HOST}
    assert body["process"] == {"name": "useradd", "pid": 31_337}
    assert body["user"] == {"name": "toor"}
    assert (ours["score"], ours["initial_score"]) == (round(found.score, 2),) * 2
    assert (ours["view"], ours["detector"]) == (found.view.name, found.view.lens.settings.detector.kind)
    assert ours["bundle"] == {"id": found.bundle.id, "sha256": found.bundle.sha256}
    assert ours["template"] == {"key": "UNKNOWN", "text": "a line like none before", "new": True}
    assert ours["lag_seconds"] == pytest.approx(NOW - found.sighting.line.time, abs=1e-3)


def test_an_end_is_a_record_of_its_last_line() -> None:
    """Its template is END, which is not new, and its time is when the session was last heard."""
    end = next(found for found in anomalies() if found.sighting.window.event == END)
    body = documents.record(end, "siem-anomaly", NOW, "w1").body
    assert body["siem_anomaly"]["template"] == {"key": "END", "text": "end of the session", "new": False}
    assert body["@timestamp"] == documents.iso(end.sighting.line.time)


@pytest.mark.parametrize(
    ("origin", "index", "id"),
    [
        ("logs-auth/Ab1", "logs-auth", "Ab1"),
        (".ds-logs-2026.11.23-000001/a/b", ".ds-logs-2026.11.23-000001", "a/b"),
        ("auth.log:7", "", "auth.log:7"),
        ("/var/log/auth.log:7", "", "/var/log/auth.log:7"),
    ],
)
def test_an_origin_is_index_and_id(origin: str, index: str, id: str) -> None:
    """An id may hold slashes, an index cannot; a file has no index."""
    found = strange()
    body = documents.record(spoken(found, found.sighting.line._replace(origin=origin)), "p", NOW, "w").body
    assert (body["siem_anomaly"]["source"]["index"], body["siem_anomaly"]["source"]["ids"]) == (index, [id])
    letter = documents.rejection(Rejected(origin, "no text", ""), "auth", "p", NOW)
    assert (letter.body["source"]["index"], letter.body["source"]["id"]) == (index, id)


@pytest.mark.parametrize(
    ("address", "kept"),
    [("10.1.2.3", True), ("2001:db8::1", True), ("fe80::1%eth0", False), ("evil.example.org", False), ("", False)],
)
def test_only_addresses_go_into_a_field_of_addresses(address: str, kept: bool) -> None:
    """The server refuses a whole document for one host name there."""
    found = strange()
    body = documents.record(spoken(found, found.sighting.line._replace(address=address)), "p", NOW, "w").body
    assert ("source" in body, "ip" in body["related"]) == (kept, kept)


def test_what_a_line_does_not_say_is_left_out() -> None:
    """No empty names to pivot on."""
    found = strange()
    bare = found.sighting.line._replace(host="", program="", pid=None, user="", address="")
    body = documents.record(spoken(found, bare), "p", NOW, "w").body
    assert not {"host", "process", "user", "source"} & body.keys()


@settings(deadline=None, max_examples=40)
@given(
    st.builds(
        LogLine,
        origin=st.text(st.characters()),
        time=st.floats(-62_135_596_800, 253_402_300_799),
        host=st.text(st.characters()),
        program=st.text(st.characters()),
        pid=st.none() | st.integers(0, 10**18),
        message=st.text(st.characters()),
        severity=st.none() | st.integers(0, 7),
        user=st.text(st.characters()),
        address=st.text(st.characters()),
        clock=st.just(0.0),
    )
)
@example(LogLine("\ud800", 0.0, "\ud800\0", "\udcff", 1, "\ud800", 7, "\ud801", "\ud802"))
def test_no_line_can_stop_a_record(line: LogLine) -> None:
    """Lone surrogates, NULs, the first and the last year: a document all the same."""
    document = documents.record(spoken(strange(), line), "siem-anomaly", NOW, "w")
    assert json.loads(json.dumps(document.body, allow_nan=False)) == document.body


def test_a_megabyte_of_text_makes_no_megabyte_of_document() -> None:
    """The original is cut to what the mapping indexes."""
    line = strange().sighting.line._replace(message="A" * 2**20)
    document = documents.record(spoken(strange(), line), "siem-anomaly", NOW, "w")
    assert document.body["event"]["original"] == "A" * documents.MAX_TEXT
    assert len(json.dumps(document.body)) < 20_000


def test_sessions_of_other_fields_have_other_ids() -> None:
    """What a line does not say is left out of its session's name: only what joins them tells such sessions apart."""
    found = strange()
    ended = replace(found, sighting=found.sighting._replace(window=Window((), END), session=""))
    lens = found.view.lens
    other = replace(lens, settings=lens.settings.model_copy(update={"session_by": ("source.ip",)}))
    assert documents.record_id(replace(ended, view=replace(found.view, lens=other))) != documents.record_id(ended)


def test_dead_letters_have_lasting_ids() -> None:
    """A line is rejected once however often it is read."""
    letter = Rejected("logs/1", "no text", "…", NOW)
    first, again = (documents.rejection(letter, "auth", "p", now) for now in (NOW, NOW + 40 * 86_400.0))
    assert (first.store, first.id) == (again.store, again.id) == ("p-deadletter-2026.11", first.id)


def test_each_catching_up_has_its_health_document() -> None:
    """Two of one second and one worker's name are two, or a sum over them would leave one out."""
    ids = {documents.health("p", "w", "auth", "auth", NOW, {"status": "ok"}).id for _ in range(3)}
    assert len(ids) == 3


def test_sightings_have_a_beginning_and_an_end() -> None:
    """In that order, and both are shown."""
    found = strange()
    seen: Sighting[LogLine] = found.sighting._replace(start=NOW - 9, time=NOW - 3)
    event = documents.record(replace(found, sighting=seen), "p", NOW, "w").body["event"]
    assert (event["start"], event["end"]) == (documents.iso(NOW - 9), documents.iso(NOW - 3))


def leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The paths of a document's values."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def mapped(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The paths of a mapping's fields."""
    for key, value in tree["properties"].items():
        if "properties" in value:
            yield from mapped(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


VALUES = [
    Explanation("number", 0.001, value="of <NUM>", observed=22_000.0, usual=(60.0, 230.0, 810.0)),
    Explanation("word", 0.001, value="for <*>", observed="mallory", usual=("alice", "bob")),
    Explanation("hour", 0.001, observed=10_800.0, usual=(28_800.0, 64_800.0), beside=("for <*>", "alice")),
    Explanation("pause", 0.001, value="the last one", observed=7_200.0, usual=(1.0, 60.0, 600.0)),
]


def test_a_record_says_which_value_was_odd_and_what_is_usual() -> None:
    """As people read them; an anomaly that is about no value has no such field."""
    bodies = [documents.record(replace(strange(), explanation=why), "p", NOW, "w").body for why in VALUES]
    assert [body["siem_anomaly"]["value"] for body in bodies] == [
        {"name": "of <NUM>", "observed": "22,000", "usual": ["60", "230", "810"]},
        {"name": "for <*>", "observed": "mallory", "usual": ["alice", "bob"]},
        {"name": "the hour", "observed": "03:00", "usual": ["08:00", "18:00"]},
        {"name": "the last one", "observed": "2 h", "usual": ["1 s", "1 min", "10 min"]},
    ]
    assert "value" not in documents.record(strange(), "p", NOW, "w").body["siem_anomaly"]


def test_every_field_of_a_record_is_in_the_mapping() -> None:
    """What the mapping does not name could be read and never searched."""
    names = set(mapped(json.loads((MAPPINGS / "records.json").read_text(encoding="utf-8"))))
    found = [*anomalies(), *(replace(strange(), explanation=why) for why in VALUES)]
    for anomaly in found:
        assert set(leaves(documents.record(anomaly, "p", NOW, "w").body)) <= names
