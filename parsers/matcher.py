"""Messages to event ids, by frozen templates.

The rule: a template matches a masked message of as many tokens whose literal words are all equal; `<*>` matches any one
token. Of several, the one with most literal words wins, then the one with the lowest id.

The fast form: templates of one token count are ranked by that rule, and each rank is a bit. Every place knows for each
word the set of templates that accept it there, as one integer; a message's templates are the intersection over its
tokens, and the best is the lowest bit. So the time is one look-up and one `&` per token, whatever the templates: with
10,000 of one length a set is 1.2 KB. (Shapes with a dictionary each were tried; thousands of shapes made them slow.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Self

from parsers.line import LogLine
from parsers.masks import Masks
from parsers.placeholders import Reader, Values
from parsers.templates import ANY, UNKNOWN, Template, Templates

MAX_CACHED = 2**15
"""Messages remembered, masked and as they came; at the worst 2 × 32,768 × (49 + 300 + 100) B ≈ 29 MB. Real logs repeat
themselves: 40 to 85 of 100 messages of loghub's samples word for word (HDFS none), 78 to 99 once they are masked."""
MAX_CACHED_CHARS = 300
"""Longer messages are not remembered; they are few, and memory is to be bounded."""


class Match(NamedTuple):
    """A log line and the event it is."""

    line: LogLine
    event: int
    """A template's id, or 0 = UNKNOWN."""
    values: Values = ()
    """What stood at the template's placeholders; () where nobody asks."""


class Matcher:
    """Frozen templates, compiled. Remembers messages it has seen, within bounds; that never changes an answer."""

    def __init__(self, masks: Masks, templates: Templates, *, values: bool = False) -> None:
        """`values`: whether matches say what stood at the placeholders."""
        self.masks = masks
        self.templates = templates
        self._reader = Reader(masks, templates) if values else None
        self._ranked = _ranked(templates)
        by_masked = _Memory(self._find)
        self._by_message = _Memory(lambda message: by_masked[masks.mask(message)])

    @property
    def n_missed(self) -> int:
        """How many messages so far were not remembered."""
        return self._by_message.missed

    def match(self, lines: Iterable[LogLine]) -> list[Match]:
        """The event of each line, in order."""
        lines = list(lines)
        ids = self.ids(line.message for line in lines)
        if self._reader is None:
            return list(map(Match, lines, ids))
        read = self._reader.read
        return [Match(line, id, read(line.message, id, line.layout)) for line, id in zip(lines, ids, strict=True)]

    def ids(self, messages: Iterable[str]) -> list[int]:
        """The event id of each message, in order; 0 = UNKNOWN."""
        return list(map(self._by_message.__getitem__, messages))

    def _find(self, masked: str) -> int:
        tokens = masked.split()
        ranked = self._ranked.get(len(tokens))
        return ranked.best(tokens) if ranked else UNKNOWN


class _Ranked(NamedTuple):
    """The templates of one token count, best first; bit i of a set stands for the i-th."""

    ids: tuple[int, ...]
    places: tuple[tuple[dict[str, int], int], ...]
    """For each place: word → the templates that have it there or `<*>`; and those that have `<*>`."""

    @classmethod
    def of(cls, templates: Iterable[Template]) -> Self:
        """Templates of one token count, by the rule."""
        best_first = sorted(templates, key=lambda template: (template.words.count(ANY), template.id))
        return cls(
            tuple(template.id for template in best_first),
            tuple(_place(column) for column in zip(*(template.words for template in best_first), strict=True)),
        )

    def best(self, tokens: Sequence[str]) -> int:
        left = (1 << len(self.ids)) - 1
        for (accepting, any_), token in zip(self.places, tokens, strict=True):
            left &= accepting.get(token, any_)
            if not left:
                return UNKNOWN
        return self.ids[(left & -left).bit_length() - 1]


def _ranked(templates: Templates) -> dict[int, _Ranked]:
    """Token count → its templates."""
    by_count: dict[int, list[Template]] = defaultdict(list)
    for template in templates:
        by_count[len(template.words)].append(template)
    return {count: _Ranked.of(alike) for count, alike in by_count.items()}


def _place(column: Sequence[str]) -> tuple[dict[str, int], int]:
    ranks: dict[str, int] = defaultdict(int)
    for rank, word in enumerate(column):
        ranks[word] |= 1 << rank
    any_ = ranks.pop(ANY, 0)
    return {word: having | any_ for word, having in ranks.items()}, any_


class _Memory(dict[str, int]):
    """Text → event id, asked of `find` once. Emptied when full: simple, and what is common comes back at once."""

    def __init__(self, find: Callable[[str], int]) -> None:
        super().__init__()
        self._find = find
        self.missed = 0

    def __missing__(self, text: str) -> int:
        self.missed += 1
        id = self._find(text)
        if len(text) <= MAX_CACHED_CHARS:
            if len(self) >= MAX_CACHED:
                self.clear()
            self[text] = id
        return id
