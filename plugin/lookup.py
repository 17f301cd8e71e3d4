"""Where in a document a value is found: paths whose keys are nested, literally dotted or both."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from parsers.forms import writable
from parsers.syslog import MAX_CHARS

Find = Callable[[Mapping[str, object]], str]
"""A document's text at some path, '' where it holds none."""

_NUMBERS = (int, float)
_MAPPINGS = (dict, Mapping)
"""What is nearly always there comes first: to ask for a `Mapping` costs five times as much."""


def first(candidates: Iterable[str]) -> Find:
    """What finds the first candidate that holds something, as text that is safe to write; a list by its first item."""
    values = [_value(path) for path in candidates]

    def found(document: Mapping[str, object]) -> str:
        for value_in in values:
            value = value_in(document)
            if value is None:
                continue
            if isinstance(value, list):
                value = value[0] if len(value) == 1 else _item(value)
            if isinstance(value, str):
                if value:
                    return _plain(value)
            elif isinstance(value, _NUMBERS) and not isinstance(value, bool):
                return _plain(str(value))
        return ""

    return found


def _item(values: list[object]) -> object:
    """The first item of a list that holds something, a text or a number; None where none does."""
    for value in values:
        if value if isinstance(value, str) else type(value) in _NUMBERS:
            return value
    return None


def can_hold(path: str, keys: Collection[str]) -> bool:
    """Whether a document with these keys at its top may hold something at a path."""
    cuts = (at for at, char in enumerate(path) if char == ".")
    return path in keys or any(path[:at] in keys for at in cuts)


def _plain(text: str) -> str:
    """Bounded as in `parsers.syslog`, and Unicode: JSON can spell lone surrogates, which no store takes back."""
    return writable(text[:MAX_CHARS])


def _value(path: str) -> Callable[[Mapping[str, object]], object]:
    """What finds the value at a path whose keys are nested, literally dotted, or both; an empty one hides no other.

    Every line asks for some twenty paths and most are not there: where a path can be cut is found out once.
    """
    cuts = [at for at, char in enumerate(path) if char == "."]
    if not cuts:
        return lambda document: document.get(path)
    ways = [(path[:at], _value(path[at + 1 :])) for at in cuts]

    def value_in(document: Mapping[str, object]) -> object:
        value = document.get(path)
        if value is not None and (value or value == 0):
            return value
        for head, rest in ways:
            below = document.get(head)
            if below is None:
                continue
            value = rest(below) if isinstance(below, _MAPPINGS) else _in_one_of(below, rest)
            if value is not None and (value or value == 0):
                return value
        return None

    return value_in


def _in_one_of(below: object, rest: Callable[[Mapping[str, object]], object]) -> object:
    """What the first of a list's objects holds: a server that keeps no documents may tear one object into several."""
    objects = (each for each in below if isinstance(each, _MAPPINGS)) if isinstance(below, list) else ()
    return next((value for each in objects if (value := rest(each)) or value == 0), None)


SEQUENCE = ("event.sequence", "log.offset")
STAMP = "@timestamp"
TIES = (STAMP, *SEQUENCE)
"""Where a document says its place among others of one instant: most stamps are whole seconds or milliseconds."""
MAX_PLACE = 18
"""Digits of a place; a stranger may write any number."""
FRACTION = len("2026-11-23T10:00:00")
_FINE = re.compile(r"[.,]\d{3}(\d{1,6})")
_places, _stamp = [_value(path) for path in SEQUENCE], _value(STAMP)


def sequence(document: Mapping[str, object]) -> tuple[int, int]:
    """A document's place among those of its millisecond; (0, 0) where it says none.

    First the nanoseconds of its stamp beyond the millisecond, which a `date` of the mapping does not keep. Every hit of
    every poll passes here.
    """
    stamp, place = _stamp(document), 0
    for place_in in _places:
        if (value := place_in(document)) is not None:
            place = _number(value)
            break
    if isinstance(stamp, list):
        stamp = stamp[0] if stamp else None
    return _beyond(stamp) if isinstance(stamp, str) else 0, place


def _number(value: object) -> int:
    if isinstance(value, list):
        value = value[0]
    if isinstance(value, int):
        return value if 0 <= value < 10**MAX_PLACE and not isinstance(value, bool) else 0
    if isinstance(value, str) and len(value) <= MAX_PLACE and value.isascii() and value.isdigit():
        return int(value)
    return 0


def _beyond(stamp: str) -> int:
    """The digits of a second's fraction behind the third, as nanoseconds."""
    found = _FINE.match(stamp, FRACTION)
    return int(found[1].ljust(6, "0")) if found else 0
