"""The door to Jinja2: a story becomes one HTML page that needs nothing but itself: no script, no request, no server.

What a page shows is plain values here; `plugin.story` takes them from a report. Log lines are hostile input: every
value is escaped, and characters that act instead of showing (control codes, changes of direction) are made visible.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from plugin.errors import InputError

PAGES = Path(__file__).with_suffix("")
ACTIVE = (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F), 0x061C)
ISOLATES = range(0x2066, 0x206A)
VISIBLE = {code: f"\\u{code:04x}" for code in (*ACTIVE, *ISOLATES)}
"""Controls but tab and line feed, and Unicode's changes of direction: a line must not rearrange what is beside it."""


@dataclass(frozen=True)
class Mark:
    """An anomaly's place in the chart."""

    x: float
    """Share of the time span, 0…1."""
    score: float
    entry: int
    """The number of the entry it belongs to."""
    is_top: bool
    """Whether it is the one that its entry shows."""
    is_strong: bool
    """Ten times rarer than the cut, or more."""
    label: str


@dataclass(frozen=True)
class Chart:
    """A file over time: how many lines, and where the anomalies are."""

    bins: tuple[int, ...]
    """Lines per equal share of the time span, oldest first."""
    bin_label: str
    """How much time one bin is."""
    ticks: tuple[tuple[float, str], ...]
    """(share of the time span, time in words), ascending."""
    grid: tuple[tuple[float, str], ...]
    """(score, its rarity in words), ascending: the lowest and the highest are the chart's edges."""
    marks: tuple[Mark, ...]
    description: str


@dataclass(frozen=True)
class Said:
    """A log line with its time in words."""

    stamp: str
    text: str


@dataclass(frozen=True)
class Usual:
    """An event that was expected instead."""

    text: str
    probability: float


class Shade(NamedTuple):
    """A cell of a picture."""

    n: int
    """How often."""
    usual: str
    """How often it was expected, in words; '' where that is not known."""
    depth: float
    """0 = never, 1 = the most in the picture."""
    is_odd: bool
    """Whether it is one that stood out."""


@dataclass(frozen=True)
class Heat:
    """Counts as a small map: events down, time or the next event across."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Shade, ...]], ...]
    """(event, its cells)."""


@dataclass(frozen=True)
class Range:
    """A number beside what is usual in its place; places along a line, 0…1."""

    low: float
    high: float
    at: float
    middle: float
    words: tuple[str, str, str, str]
    """Low, middle, high, and what was seen, as people read them."""


@dataclass(frozen=True)
class Card:
    """One entry: an anomaly and those alike."""

    number: int
    score: float
    rarity: str
    is_strong: bool
    stamp: str
    instant: str
    """ISO 8601, UTC."""
    host: str
    program: str
    origin: str
    line: str
    is_end: bool
    """The session fell silent after the line."""
    why: str
    also: tuple[str, ...]
    """What other views said of the same line."""
    usual: tuple[Usual, ...]
    picture: Heat | Range | None
    """What was seen, drawn, where words and bars do not show it."""
    before: tuple[Said, ...]
    n_alike: int
    """Anomalies in the entry, the shown one included."""
    span: str
    """When and where those were, in words; empty for a single one."""
    alike: tuple[Said, ...]
    """The others, worst first, perhaps not all."""


@dataclass(frozen=True)
class Story:
    """All that one page tells."""

    title: str
    subtitle: str
    summary: str
    notices: tuple[str, ...]
    chart: Chart
    cards: tuple[Card, ...]


def write(story: Story, path: Path) -> None:
    """Write the page whole or not at all, readable by its owner only: it quotes logs.

    Raises:
        InputError: it cannot be written there.
    """
    page = render(story).encode("utf-8", "backslashreplace")  # a lone surrogate must not cost the page
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(page)  # a pipe or a device takes the bytes, it must not be replaced by a file
        else:
            _replace(path.resolve(), page)
    except OSError as error:
        raise InputError(
            f"{path}: the page cannot be written ({error.strerror}); name a file in a directory that you may write to"
        ) from error


def render(story: Story) -> str:
    """The page as text. Pure: the same story, the same page."""
    return _pages().get_template("report.html.j2").render(story=story)


@cache
def _pages() -> Environment:
    return Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _replace(path: Path, page: bytes) -> None:
    """A draft beside it takes its place in one step, or is gone."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".draft-", delete=False) as file:
        draft = Path(file.name)
        try:
            file.write(page)
            file.close()
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _visible(value: object) -> object:
    return value.translate(VISIBLE) if type(value) is str else value
