"""Where in a document a value is found: paths whose keys are nested, literally dotted or both."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from parsers.syslog import MAX_CHARS

Find = Callable[[Mapping[str, object]], str]
"""A document's text at some path, '' where it holds none."""

_NUMBERS = (int, float)
_MAPPINGS = (dict, Mapping)
"""What is nearly always there comes first: to ask for a `Mapping` costs five times as much."""


def first(candidates: Iterable[str]) -> Find:
    """What finds the first candidate that holds something, as text that is safe to write; of a list, its first item."""
    values = [_value(path) for path in candidates]

    def found(document: Mapping[str, object]) -> str:
        for value_in in values:
            value = value_in(document)
            if value is None:
                continue
            if isinstance(value, list):
                value = value[0] if value else None
            if isinstance(value, str):
                if value:
                    return _plain(value)
            elif isinstance(value, _NUMBERS) and not isinstance(value, bool):
                return _plain(str(value))
        return ""

    return found


def can_hold(path: str, keys: Collection[str]) -> bool:
    """Whether a document with these keys at its top may hold something at a path."""
    cuts = (at for at, char in enumerate(path) if char == ".")
    return path in keys or any(path[:at] in keys for at in cuts)


def _plain(text: str) -> str:
    """Bounded as in `parsers.syslog`, and Unicode: JSON can spell lone surrogates, which no store takes back."""
    text = text[:MAX_CHARS]
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _value(path: str) -> Callable[[Mapping[str, object]], object]:
    """What finds the value at a path whose keys are nested, literally dotted, or both.

    Every line asks for some twenty paths and most are not there: where a path can be cut is found out once.
    """
    cuts = [at for at, char in enumerate(path) if char == "."]
    if not cuts:
        return lambda document: document.get(path)
    ways = [(path[:at], _value(path[at + 1 :])) for at in cuts]

    def value_in(document: Mapping[str, object]) -> object:
        if path in document:
            return document[path]
        for head, rest in ways:
            below = document.get(head)
            if below is None:
                continue
            value = rest(below) if isinstance(below, _MAPPINGS) else _in_one_of(below, rest)
            if value is not None:
                return value
        return None

    return value_in


def _in_one_of(below: object, rest: Callable[[Mapping[str, object]], object]) -> object:
    """What the first of a list's objects holds: a server that keeps no documents may tear one object into several."""
    objects = (each for each in below if isinstance(each, _MAPPINGS)) if isinstance(below, list) else ()
    return next((value for each in objects if (value := rest(each)) is not None), None)


SEQUENCE = ("event.sequence", "log.offset")
STAMP = "@timestamp"
TIES = (STAMP, *SEQUENCE)
"""Where a document says its place among others of one instant: most stamps are whole seconds or milliseconds."""
_sequence, _stamp = first(SEQUENCE), first([STAMP])
_FINE = re.compile(r"[.,]\d{3}(\d{1,6})")


def sequence(document: Mapping[str, object]) -> tuple[int, int]:
    """A document's place among those of its millisecond; (0, 0) where it says none.

    First the nanoseconds of its stamp beyond the millisecond, which a `date` of the mapping does not keep.
    """
    text, fine = _sequence(document), _FINE.search(_stamp(document))
    beyond = int(fine[1].ljust(6, "0")) if fine else 0
    return beyond, int(text) if text.isascii() and text.isdigit() else 0
