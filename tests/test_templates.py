"""`parsers.templates`: ids that never change, and JSON that is checked."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.templates import MAX_EXAMPLE, UNKNOWN, Template, Templates, key

WORDS = st.lists(st.sampled_from(["a", "b", "<*>", "<IP>", "é", "\ud800"]), max_size=4).map(" ".join)
COUNTS = st.dictionaries(WORDS, st.integers(0, 9), max_size=8)


def test_templates_are_numbered_by_text() -> None:
    """From 1 on, in the order of their texts, however they came."""
    templates = Templates.numbered({"b <*>": 2, "a": 1})
    assert list(templates) == [Template(1, key("a"), "a", 1), Template(2, key("b <*>"), "b <*>", 2)]
    assert (len(templates), templates[2].text, templates.text(2)) == (2, "b <*>", "b <*>")


def test_a_key_depends_on_the_text_alone() -> None:
    """It is the beginning of the text's SHA-256, and lasts when ids do not."""
    text = "Accepted password for <*> from <IP> port <NUM> ssh2"
    assert key(text) == hashlib.sha256(text.encode()).hexdigest()[:12]
    assert Templates.numbered({text: 1})[1].key == Templates.numbered({"A": 1, text: 5})[2].key == key(text)


@pytest.mark.parametrize("id", [0, -1, 3])
def test_ids_outside_one_to_n_are_no_templates(id: int) -> None:
    """UNKNOWN has a text for people, but is no template."""
    with pytest.raises(IndexError, match="1 to 2"):
        Templates.numbered({"a": 1, "b": 1})[id]
    assert Templates().text(UNKNOWN) == "UNKNOWN"


@given(COUNTS, COUNTS)
def test_extending_keeps_every_id_and_appends_the_new(old: dict[str, int], new: dict[str, int]) -> None:
    """Retraining renumbers nothing; the new ones follow by text; the counts are the new ones."""
    before = Templates.numbered(old)
    after = before.extended(new)
    assert [template.text for template in after][: len(before)] == [template.text for template in before]
    assert [template.text for template in after][len(before) :] == sorted(new.keys() - old.keys())
    assert [template.id for template in after] == list(range(1, len(after) + 1))
    assert {template.text: template.count for template in after} == {**dict.fromkeys(old, 0), **new}


@given(COUNTS, COUNTS)
def test_templates_come_back_from_json(old: dict[str, int], new: dict[str, int]) -> None:
    """Plain JSON there and back, equal, keys and all."""
    templates = Templates.numbered(old).extended(new)
    assert Templates.from_json(json.loads(json.dumps(templates.to_json()))) == templates


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({}, "list"), ("[]", "list"), ([1], "object"), ([{"id": 1, "text": "a"}], "object"),
        ([{"id": 1, "text": "a", "count": 1, "key": "x"}], "object"), ([{"id": 2, "text": "a", "count": 1}], "1 to n"),
        ([{"id": True, "text": "a", "count": 1}], "1 to n"), ([{"id": 1, "text": 7, "count": 1}], "words"),
        ([{"id": 1, "text": "a  b", "count": 1}], "words"), ([{"id": 1, "text": "a", "count": -1}], "count"),
        ([{"id": 1, "text": "a", "count": 1.5}], "count"),
        ([{"id": 1, "text": "a", "count": 1, "example": 7}], "example"),
        ([{"id": 1, "text": "a", "count": 1, "example": "a" * 201}], "example"),
        ([{"id": 1, "text": "a", "count": 1}, {"id": 2, "text": "a", "count": 1}], "1 and 2 have the same text"),
    ],
)  # fmt: skip
def test_nonsense_is_no_templates(value: object, why: str) -> None:
    """A bundle's file is checked before it is used, and the fault is named."""
    with pytest.raises(ValueError, match=why):
        Templates.from_json(value)


@given(COUNTS, st.text(st.characters(), max_size=300))
def test_examples_come_back_from_json(counts: dict[str, int], message: str) -> None:
    """Bounded, as text that a file takes; a template without one is written as it always was."""
    templates = Templates.numbered(counts).with_examples({1: message})
    written = templates.to_json()
    "".join(template.example for template in templates).encode("utf-8")
    assert Templates.from_json(json.loads(json.dumps(written))) == templates
    assert all(len(template.example) <= MAX_EXAMPLE for template in templates)
    assert all("example" not in entry for entry in written[1:])


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("login password=hunter2 ok", "login password=… ok"),
        ('{"token": "abc.def", "user": "x"}', '{"token": "…", "user": "x"}'),
        ("Authorization: Bearer eyJhbGciOi.x.y", "Authorization: Bearer …"),
        ("GET /?api_key=1234&b=2", "GET /?api_key=…&b=2"),
        ("Failed password for root from 10.1.2.3", "Failed password for root from 10.1.2.3"),
        ("a" * 500, "a" * 200),
    ],
)
def test_an_example_is_bounded_and_tells_no_secret(message: str, shown: str) -> None:
    """It is kept in a file and shown on screens; the rest of the line stays as it came."""
    assert Templates.numbered({"a": 1}).with_examples({1: message})[1].example == shown


def test_near_twins_are_told_together_the_largest_group_first() -> None:
    """They differ in one word that is none of `<*>`; in two words, or in their length, they are no twins."""
    texts = ["job a done", "job b done", "job c done", "link up", "link down", "link <*>", "x y z", "x b c"]
    assert Templates.numbered(dict.fromkeys(texts, 1)).twins() == [
        ("job a done", "job b done", "job c done"),
        ("link down", "link up"),
    ]
