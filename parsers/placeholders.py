"""What stood where a template has a placeholder: the values of a line, by name, numbers as numbers.

A value is named as its template shows it, with the word before it: `port <NUM>`, `bytes=<SIZE>`, `for <*>`. The text of
the template alone decides the names, so they are the same in every line and for ever. Where a message was made of
fields, a value has its field's name: `destination.port`; then the pattern decides. A number that names something, a
port or an id, is no amount: it stays text. Dates are left out: every day has another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import NamedTuple

from parsers.line import Layout
from parsers.masks import MAX_CACHED, MAX_CACHED_CHARS, Masks
from parsers.templates import ANY, Template, Templates

Values = tuple[tuple[str, str | float], ...]
"""(name, value) in the order of the line; what is a number is a float: durations in seconds, sizes in bytes."""

MAX_VALUES = 16
"""Values read of a line, the first ones; more are a list, whose length is what varies."""
MAX_CHARS = 64
"""Of a word: enough for a path or an IPv6 address; what begins alike and is longer counts as one."""
MAX_NAME = 32
"""Characters of the word before a placeholder."""
MAX_DIGITS = 15
"""A longer number is an id, and no float holds it."""

_PLACEHOLDER = re.compile(r"<(\*|[A-Z][A-Z0-9]{0,15})>")
_AMOUNT = re.compile(r"([+-]?)(\d{1,15}(?:[.,]\d{1,15})*)(\D{0,8})", re.ASCII)
_NAME = re.compile(
    r"(?:\b(?:[a-z]{0,8}port|[aer]?[ug]id|p{0,2}id|[st]?id|\w{1,20}_id|code|status|errno|signal|vlan)\W{0,3}|>\]?:)$",
    re.IGNORECASE,
)
"""What stands before a number that names something: nobody has a larger port than another."""
_FIELD_NAME = re.compile(
    r"(?:[pP]ort|(?:\A|[._])(?:p{0,2}id|[rt]id|p)|[a-z]I[dD]|[ug]id|_id|[cC]ode|[sS]tatus|[tT]ype|[nN]umber|vlan|version)\Z"
)
"""The same of a field's name."""
_TIME = "<TIME>"
_SECONDS: Mapping[str, float] = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "": 1.0, "s": 1.0, "sec": 1.0, "secs": 1.0, "m": 60.0, "min": 60.0,
    "mins": 60.0, "h": 3_600.0, "hr": 3_600.0, "hrs": 3_600.0, "d": 86_400.0, "day": 86_400.0, "days": 86_400.0,
}  # fmt: skip
_STAND_IN = re.compile(r"\0(\d+)\0")
MAX_LAYOUTS = 10_000
"""Templates and layouts remembered: strangers write values of any number of words."""
_THOUSANDS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


class Part(NamedTuple):
    """A placeholder within a token."""

    name: str
    """'' where it is left out."""
    is_name: bool
    """Whether a number there names something, and is no amount."""


class Slot(NamedTuple):
    """A token of a template that holds placeholders."""

    place: int
    parts: tuple[Part, ...]
    is_any: bool
    """Whether it is `<*>`: the whole token, whatever it is."""


class _Tokens(dict[str, tuple[str | float, ...]]):
    """Token → the values that masks stand for in it, within the bounds of `parsers.masks`."""

    def __init__(self, masks: Masks) -> None:
        super().__init__()
        self._masks = masks

    def __missing__(self, token: str) -> tuple[str | float, ...]:
        found = tuple(value(mask, text) for mask, text in self._masks.parts(token))
        if len(token) <= MAX_CACHED_CHARS:
            if len(self) >= MAX_CACHED:
                self.clear()
            self[token] = found
        return found


class Reader:
    """Reads the values of messages whose template is known. Linear in the message's length."""

    def __init__(self, masks: Masks, templates: Templates) -> None:
        self._tokens = _Tokens(masks)
        self._slots: dict[int, tuple[Slot, ...]] = {template.id: slots(template) for template in templates}
        self._laid_out: dict[tuple[int, Layout], tuple[Slot, ...]] = {}

    def read(self, message: str, event: int, layout: Layout | None = None) -> Values:
        """The values of a message that is this event; () for one that matches no template."""
        wanted = self._slots.get(event, ())
        if layout and wanted:
            wanted = self._named_by_field(event, layout)
        if not wanted:
            return ()
        tokens = message.split()
        found: list[tuple[str, str | float]] = []
        for place, parts, is_any in wanted:
            if place >= len(tokens):  # of another template
                break
            if is_any:
                found.append((parts[0].name, tokens[place][:MAX_CHARS]))
                continue
            for (name, is_name), each in zip(parts, self._tokens[tokens[place]], strict=False):  # <LONG> has none
                if name:
                    found.append((name, f"{each:.15g}" if is_name and isinstance(each, float) else each))
        return tuple(found[:MAX_VALUES])

    def _named_by_field(self, event: int, layout: Layout) -> tuple[Slot, ...]:
        known = self._laid_out.get((event, layout))
        if known is None:
            if len(self._laid_out) >= MAX_LAYOUTS:
                self._laid_out.clear()
            known = self._laid_out[event, layout] = named_by_field(self._slots[event], layout)
        return known


def slots(template: Template) -> tuple[Slot, ...]:
    """The placeholders of a template, token by token, each under a name of its own."""
    found: list[Slot] = []
    taken: dict[str, int] = {}
    before, last = "", ""
    for place, word in enumerate(template.words):
        parts = _parts(word, before) if _PLACEHOLDER.search(word) else []
        if parts and not (word == _TIME or (word == "<NUM>" and last == _TIME)):
            named = tuple(part._replace(name=_unique(part.name, taken)) for part in parts)
            found.append(Slot(place, named, word == ANY))
        before = f"{before} …" if parts and before and not before.endswith("…") else before if parts else word
        last = word
    return tuple(found)


def named_by_field(of: tuple[Slot, ...], layout: Layout) -> tuple[Slot, ...]:
    """The same slots under the names of the fields that fill them; as they are where that cannot be told."""
    stand_ins = (" ".join([f"\0{n}\0"] * tokens) for n, tokens in enumerate(layout.tokens))
    text = "".join(f"{literal}{value}" for literal, value in zip_longest(layout.pieces[::2], stand_ins, fillvalue=""))
    fields = [[layout.pieces[1::2][int(n)] for n in _STAND_IN.findall(token)] for token in text.split()]
    taken: dict[str, int] = {}
    return tuple(
        slot._replace(parts=tuple(_renamed(slot, fields[slot.place] if slot.place < len(fields) else [], taken)))
        for slot in of
    )


def value(mask: str, text: str) -> str | float:
    """A number as a float, in seconds or bytes where it has a unit; anything else as it came, at most `MAX_CHARS`."""
    if mask in {"NUM", "DUR", "SIZE"} and (found := _AMOUNT.fullmatch(text)):
        digits = _plain(found[2])
        if digits and sum(map(str.isdigit, digits)) <= MAX_DIGITS:
            factor = _unit(mask, found[3])
            return float(found[1] + digits) * factor
    return text[:MAX_CHARS]


def _parts(word: str, before: str) -> list[Part]:
    """`port <NUM>` where a word stands before, `bytes=<SIZE>` where the token itself says what it is."""
    parts, last = [], 0
    for placeholder in _PLACEHOLDER.finditer(word):
        own = word[last : placeholder.start()]
        is_name = bool(_NAME.search(word[: placeholder.start()] or before))
        if not last and before and not any(map(str.isalpha, own)):
            own = f"{before[-MAX_NAME:]} {own}"
        name = own[-MAX_NAME:] + placeholder[0]
        parts.append(Part("" if placeholder[0] == _TIME else name, is_name))
        last = placeholder.end()
    return parts


def _renamed(slot: Slot, fields: list[str], taken: dict[str, int]) -> Iterator[Part]:
    """One field may have several placeholders, as a clock has; several in a token have one each, or keep its names."""
    names = fields * len(slot.parts) if len(fields) == 1 else fields
    for part, name in zip(slot.parts, names if len(names) == len(slot.parts) else [""] * len(slot.parts), strict=True):
        if part.name and name:
            yield Part(_unique(name, taken), bool(_FIELD_NAME.search(name)))
        else:
            yield part._replace(name=_unique(part.name, taken))


def _unique(name: str, taken: dict[str, int]) -> str:
    if not name:
        return ""
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name} {taken[name]}"


def _plain(digits: str) -> str:
    """`1,234.5` as `1234.5`, `0,5` as `0.5`; '' for what is no number: `1.2.3`."""
    marks = [char for char in digits if char in ".,"]
    if not marks:
        return digits
    whole, *groups = re.split(r"[.,]", digits)
    grouped = all(len(group) == 3 for group in groups)
    if len(marks) == 1:
        return whole + groups[0] if marks == [","] and grouped and whole != "0" else f"{whole}.{groups[0]}"
    if len(set(marks)) == 1:
        return whole + "".join(groups) if marks[0] == "," and grouped else ""
    grouped = all(len(group) == 3 for group in groups[:-1]) and len(set(marks[:-1])) == 1
    return f"{whole}{''.join(groups[:-1])}.{groups[-1]}" if grouped else ""


def _unit(mask: str, unit: str) -> float:
    if mask == "SIZE":
        power = _THOUSANDS.get(unit[:1].lower(), 0)
        return float((1_000 if unit.endswith("Hz") else 1_024) ** power)
    return _SECONDS.get(unit, 1.0) if mask == "DUR" else 1.0
