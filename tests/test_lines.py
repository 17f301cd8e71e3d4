"""Lines as daemons, devices and containers write them: each is read as exactly what it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.line import LogLine, Rejected
from parsers.syslog import _BY_FORMAT, _FORMS, REASONS, format_of
from plugin.doors import files

LINES = [json.loads(line) for line in (Path(__file__).parent / "data/lines.jsonl").read_text("utf-8").splitlines()]
NOW = datetime(2026, 11, 24, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("known", LINES, ids=[f"{n}-{line['kind']}" for n, line in enumerate(LINES, 1)])
def test_a_line_says_when_where_who_and_from_where(known: dict[str, Any]) -> None:
    """Time, host, program, pid, user and address are those that a person reads in it, and no more."""
    line = files.understand(known["text"], "a:1", NOW)
    assert isinstance(line, LogLine), line
    found = {"host": line.host, "program": line.program, "pid": line.pid, "user": line.user, "address": line.address}
    assert found == {key: known[key] for key in found}
    assert line.time == pytest.approx(datetime.fromisoformat(known["time"]).timestamp(), abs=1e-3)


def test_the_lines_are_many_and_each_has_a_format() -> None:
    """Three hundred at least, and none whose form has no name."""
    assert len(LINES) >= 300
    assert [line["text"] for line in LINES if not format_of(line["text"])] == []


@given(st.sampled_from(LINES), st.characters(max_codepoint=0x2FF), st.booleans())
def test_no_form_takes_a_line_that_begins_as_none_of_its_lines_do(known: Any, char: str, in_place: bool) -> None:
    """Lines are tried by their first character: by that alone no form is missed, nor any that comes first."""
    text = char + known["text"][in_place:]
    matching = [form for form in _FORMS if form.pattern.match(text)]
    assert all(form.may_begin_with(char) for form in matching)
    tried = _BY_FORMAT["auto"].get(char) or _BY_FORMAT["auto"][""]
    found = next((pattern for pattern, _ in tried if pattern.match(text)), None)
    assert found is (matching[0].pattern if matching else None)


@given(st.sampled_from(LINES), st.sampled_from(LINES), st.integers(0, 300), st.integers(0, 300), st.text(max_size=4))
def test_a_damaged_line_is_understood_or_rejected(one: Any, other: Any, cut: int, start: int, between: str) -> None:
    """Two lines run into each other, at any place: nothing raises, and what comes out can be written."""
    line = files.understand(one["text"][:cut] + between + other["text"][start:], "a:1", NOW)
    if isinstance(line, Rejected):
        assert line.reason in REASONS
    else:
        f"{line.host}{line.program}{line.message}{line.user}{line.address}".encode()
        assert line.time < 2**40
