"""Templates: the constant words of log messages, mined once, frozen and numbered. Knows no miner and no matcher."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

UNKNOWN = 0
"""The event id of a message that no template matches."""
ANY = "<*>"
"""The word of a template that stands for any one token."""
KEY_DIGITS = 12
"""48 bits: among 10,000 templates two share a key with odds of one in five million."""

MAX_EXAMPLE = 200
"""Characters of an example: two rows of a terminal; 5,000 templates keep 1 MB at most."""
_SECRET = re.compile(
    r"((?<![a-z])(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)"
    r"[\"']?[=:] ?[\"']?|(?<![a-z])(?:bearer|basic) (?=[\w.~+/-]{8}))[^\s\"'&;,]+",
    re.IGNORECASE,
)
"""What is written behind the name of a secret, `password=…`, and what proves a caller, `Bearer …`."""


@dataclass(frozen=True)
class Template:
    """The constant words of a message. (No `NamedTuple`: a tuple's `count` is a method already.)"""

    id: int
    """The event id inside one bundle, from 1."""
    key: str
    """How the outside names it, whatever the bundle: the first digits of its text's SHA-256."""
    text: str
    """Its words, joined by one space; `<*>` stands for any one token."""
    count: int
    """How many of the mined messages it matched; 0 for one that only catches what was never seen."""
    example: str = ""
    """The beginning of one of those messages, as it came, but for what may be a secret; '' where none was kept."""

    @property
    def words(self) -> tuple[str, ...]:
        """The text, token by token."""
        return tuple(self.text.split())


@dataclass(frozen=True)
class Templates:
    """The templates of one bundle, numbered 1…n in this order. Ids never change: see `extended`."""

    all: tuple[Template, ...] = ()

    @classmethod
    def numbered(cls, counts: Mapping[str, int]) -> Self:
        """From texts and their counts. Sorted by text first: miners number by line order, which means nothing."""
        return cls().extended(counts)

    def extended(self, counts: Mapping[str, int]) -> Self:
        """The same templates under the same ids, those new in `counts` appended; the counts are those of `counts`."""
        kept = tuple(replace(template, count=counts.get(template.text, 0)) for template in self)
        known = {template.text for template in self}
        new = sorted(text for text in counts if text not in known)
        first = len(self) + 1
        return replace(self, all=kept + tuple(_template(id, text, counts[text]) for id, text in enumerate(new, first)))

    def with_examples(self, messages: Mapping[int, str]) -> Self:
        """The same templates with a message each, by id, cut to `MAX_EXAMPLE` characters, its secrets struck out."""
        return replace(self, all=tuple(replace(each, example=_example(messages.get(each.id, ""))) for each in self))

    def twins(self) -> list[tuple[str, ...]]:
        """Texts that differ in one word, together, the largest groups first: often one event, short of a mask."""
        alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for template in self:
            words = template.words
            for place, word in enumerate(words):
                if word != ANY and len(words) > 1:
                    alike[*words[:place], "", *words[place + 1 :]].append(template.text)
        groups = (tuple(sorted(texts)) for texts in alike.values() if len(texts) > 1)
        return sorted(groups, key=lambda texts: (-len(texts), texts))

    def text(self, id: int) -> str:
        """The text of an event id, for people; UNKNOWN has one too."""
        return "UNKNOWN" if id == UNKNOWN else self[id].text

    def __len__(self) -> int:
        return len(self.all)

    def __iter__(self) -> Iterator[Template]:
        return iter(self.all)

    def __getitem__(self, id: int) -> Template:
        if not 1 <= id <= len(self.all):
            raise IndexError(f"no template {id}: they are numbered 1 to {len(self.all)}")
        return self.all[id - 1]

    def to_json(self) -> list[dict[str, Any]]:
        """Plain JSON; the key is left out, because it follows from the text, and an example where there is none."""
        return [_written(template) for template in self]

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: it is not what `to_json` writes; says which entry, and why.
        """
        if not isinstance(value, list):
            raise ValueError(f"templates must be a list, not {type(value).__name__}")
        templates = tuple(_read(entry, id) for id, entry in enumerate(value, start=1))
        texts: dict[str, int] = {}
        for template in templates:
            if texts.setdefault(template.text, template.id) != template.id:
                raise ValueError(f"templates {texts[template.text]} and {template.id} have the same text")
        return cls(templates)


def key(text: str) -> str:
    """A template's key: the first 12 hexadecimal digits of the SHA-256 of its text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:KEY_DIGITS]


def _template(id: int, text: str, count: int) -> Template:
    return Template(id, key(text), text, count)


def _example(message: str) -> str:
    told = _SECRET.sub(r"\1…", message[: 2 * MAX_EXAMPLE])[:MAX_EXAMPLE]
    return told.encode("utf-8", "replace").decode("utf-8")  # a bundle is UTF-8, and lone surrogates are not


def _written(template: Template) -> dict[str, Any]:
    plain = {"id": template.id, "text": template.text, "count": template.count}
    return plain | {"example": template.example} if template.example else plain


def _read(entry: object, id: int) -> Template:
    if not isinstance(entry, dict) or entry.keys() - {"example"} != {"id", "text", "count"}:
        raise ValueError(f"template {id} must be an object of id, text and count, and an example where there is one")
    text, count, example = entry["text"], entry["count"], entry.get("example", "")
    if type(entry["id"]) is not int or entry["id"] != id:
        raise ValueError(f"template {id} has the id {entry['id']!r}: ids must run from 1 to n")
    if not isinstance(text, str) or " ".join(text.split()) != text:
        raise ValueError(f"template {id}: its text must be words joined by single spaces")
    if type(count) is not int or count < 0:
        raise ValueError(f"template {id}: its count must be a whole number, 0 or more")
    if not isinstance(example, str) or len(example) > MAX_EXAMPLE:
        raise ValueError(f"template {id}: its example must be text of at most {MAX_EXAMPLE} characters")
    return replace(_template(id, text, count), example=example)
