"""A value in words: what it was, and what is usual in its place. Short, and what is odd comes first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.base import Explanation
from models.table import PAUSE

ASPECTS = frozenset({"number", "step", "level", "course", "pause", "word", "hour"})
"""The aspects of an explanation that are about a value, or about when a line came."""
_PLACEHOLDER = re.compile(r"<(?:\*|[A-Z][A-Z0-9]{0,15})>(?: \d+)?$")
_DURATIONS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_SIZES = ((1024.0**4, "TB"), (1024.0**3, "GB"), (1024.0**2, "MB"), (1024.0, "kB"))


def reason(why: Explanation, template: str) -> str:
    """Why, in one sentence with its figures; `template` is the line's, in quotes."""
    if not why.usual:
        return f"{template} came, and nothing is known that would be usual."
    if why.aspect == "hour":
        return _hour(why, template)
    return _word(why) if why.aspect == "word" else _number(why, template)


def observed(why: Explanation) -> str:
    """What the value was, as a person reads it."""
    return _clock(float(why.observed or 0.0)) if why.aspect == "hour" else _shown(why, why.observed)


def usual(why: Explanation) -> list[str]:
    """What is usual in its place: low, middle and high, or the commonest words, or from when to when."""
    if why.aspect == "hour":
        return [_clock(float(second)) for second in why.usual]
    return [_shown(why, value) for value in why.usual]


def _number(why: Explanation, template: str) -> str:
    """Each begins with what was odd."""
    low, middle, high = usual(why)
    seen = observed(why)
    what, more = _was(why.value, seen), ""
    if why.value == PAUSE:
        what = f"{seen} since the last {template}"
    elif why.aspect == "step" and float(why.observed or 0.0) < 0:
        what = f"`{why.value}` fell by {seen.removeprefix('-')} since the last such line, where it rises"
    elif why.aspect == "step":
        what = f"`{why.value}` rose by {seen} since the last such line"
    elif why.aspect == "level":
        what += f"{' is' if what.endswith('`') else ','} the middle of the last ten lines"
    elif why.beside[1]:
        more = f" beside `{_filled(*why.beside)}`"
    if why.aspect == "course":
        return f"{what}; after the lines before, {middle} was expected ({low} to {high})."
    return f"{what}; usual{more} is {middle} ({low} to {high})."


def _word(why: Explanation) -> str:
    seen = f"{why.seen:,} {'time' if why.seen == 1 else 'times'} in" if why.seen else "for the first time in"
    others = [word for word in usual(why) if word != why.observed]
    told = f"; usual there: {_list(others)}" if others else ""
    came = " came" if _PLACEHOLDER.search(why.value) else ","
    return f"{_was(why.value, observed(why))}{came} {seen} {why.total:,} lines{told}."


def _hour(why: Explanation, template: str) -> str:
    begin, end = usual(why)
    what = f"`{_filled(*why.beside)}`" if why.beside[0] else template
    return f"{what} at {observed(why)} UTC; on {why.total:,} days before, it mostly came from {begin} to {end}."


def _was(name: str, value: str) -> str:
    """`port <NUM>` as `port 22`; a field as what it was: `destination.port` was 22."""
    return f"`{_filled(name, value)}`" if _PLACEHOLDER.search(name) else f"`{name}` was {value}"


def _filled(name: str, value: str) -> str:
    """`port <NUM>` as `port 22`, a field beside its value."""
    return _PLACEHOLDER.sub(lambda _: value, name) if _PLACEHOLDER.search(name) else f"{name} {value}"


def _list(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _shown(why: Explanation, value: float | str | None) -> str:
    if not isinstance(value, float):
        return value or ""
    if why.value == PAUSE or "<DUR>" in why.value:
        return _scaled(value, _DURATIONS) or "0 s"
    return (_scaled(value, _SIZES) if "<SIZE>" in why.value else "") or _plain(value)


def _scaled(value: float, units: Sequence[tuple[float, str]]) -> str:
    """In the largest unit that it fills; '' where it fills none."""
    return next((f"{_plain(value / size)} {unit}" for size, unit in units if abs(value) >= size * 0.9995), "")


def _plain(value: float) -> str:
    """Three digits, or all before the point; a comma from 10,000 on."""
    if abs(value) >= 9_999.5:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 999.5 or abs(value - round(value)) < 1e-9 else f"{value:.3g}"


def _clock(second: float) -> str:
    minutes = int(second // 60) % (24 * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
