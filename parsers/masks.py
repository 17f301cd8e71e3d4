"""Masks: what varies in a message (addresses, numbers, paths …) becomes its name, token by token, before matching.

A token is what `str.split()` gives, so no mask ever spans white space: that is what makes a cache per token possible.
Inside a token a mask replaces the part that it matches and keeps what is around it: `[10.1.2.3]:22` → `[<IP>]:<NUM>`.
Digits that belong to a name stay (`ssh2`, `sha256`, `x86_64`, `eth0`): a name is a word, and words make templates.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import groupby
from typing import NamedTuple, Self

from parsers.mask_search import alternatives, marks

MAX_TOKEN = 1_024
"""Characters of a token that are searched. Longer ones (base64, JSON without spaces) become `<LONG>` as a whole, so
the time a stranger can cost us with one token has a bound. URLs and paths of real logs are shorter."""
LONG = "<LONG>"
MAX_CACHED = 2**16
"""Tokens remembered: the vocabulary of a busy site; at the worst 65,536 × (2 × (49 + 64) + 100) B ≈ 21 MB."""
MAX_CACHED_CHARS = 64
"""Longer tokens are not remembered: they seldom come twice, and memory is to be bounded."""

MAX_PACE = 100.0
"""Times as long as `_PLAIN` that a mask may take for a word, on any machine. Linear patterns take at most some 40 times
as long as it for a token of `MAX_TOKEN`, quadratic ones 250 times and more."""
_PLAIN = re.compile(r"[^\x7f]\x00")
"""Looks once at each character of a word, and finds nothing."""
MIN_S = 3e-6
"""Seconds that a word takes at least, for short ones take hardly longer than the clock."""
PROBED = 12
"""Characters of a pattern that the words which try it are made of, besides those that stand for a class."""
_CLASSES = "a0A-."
"""One of each kind of character that patterns ask for."""


class Mask(NamedTuple):
    """A name, and what it stands for."""

    name: str
    """Capital letters and digits; `IP` is written `<IP>`."""
    pattern: str
    """A regular expression without capturing groups; upper and lower case differ, digits are ASCII."""


# Idempotent by construction: a pattern ends before what could continue the word, and takes a `>` to its left for the
# character of a name, because that is what an earlier mask leaves in the place of one. Repeats are bounded, and begin
# only where a word does: so a token costs time in proportion to its length.
_HEX = "[0-9a-fA-F]"
_START = r"(?<![\w>])"
_FRACTION = r"(?:[.,]\d{1,9})?"
DEFAULT = (
    Mask("HOST", r"(?<=host=)[\w.:-]{0,254}\w"),  # before <IP>: whether a peer has a name makes no other event
    Mask("URL", rf"{_START}[A-Za-z][A-Za-z0-9+.-]{{1,15}}://[^\s\"'<>()\[\],;]*[^\s\"'<>()\[\],;.:!?]"),
    Mask("EMAIL", r"(?<![\w>.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?!\w)"),
    Mask("UUID", rf"{_START}{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}(?!\w)"),
    Mask("MAC", rf"(?<![\w>:])(?:{_HEX}{{2}}:){{5}}{_HEX}{{2}}(?!\w|:\w)"),
    Mask(  # eight groups; or a shortened form, which must hold a digit (`a::b` is C++) or be nothing but `::`
        "IP6",
        rf"(?<![\w>:.])(?:(?:{_HEX}{{1,4}}:){{7}}{_HEX}{{1,4}}"
        rf"|(?=[0-9a-fA-F:]{{0,40}}\d|::(?![\w:<]))(?:{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{0,6}})?::"
        rf"(?:(?:{_HEX}{{1,4}}:){{0,6}}(?:\d{{1,3}}(?:\.\d{{1,3}}){{3}}|{_HEX}{{1,4}}))?)(?:%\w{{1,15}})?(?![\w:<]|\.[\d<])",
    ),
    Mask("IP", r"(?<![\w>.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\w)"),
    Mask("USER", r"(?:(?<=\buser=)|(?<=\bacct=))[^\s,;()<>\[\]]{1,128}"),  # as PAM and the audit daemon write them
    Mask(  # /usr/bin, ~/x, ./x, =/, C:\x; a letter before the next slash, else it is /10.1.2.3 or 10/20
        "PATH",
        r"(?<![\w>/.<~])(?:~|\.{1,2})?/(?=[\w.@+~-]{0,255}[A-Za-z])[\w.@%+~/-]*[\w/~-]|(?<==)/(?![\w<])"
        rf"|{_START}[A-Za-z]:\\[\w.@%+~\\-]*\w",
    ),
    Mask(  # 0x…; eight digits and more that hold a letter and a number; a key's fingerprint, of old and of now
        "HEX",
        rf"{_START}(?:0[xX]{_HEX}+|(?=[a-fA-F]{{0,64}}\d)(?=\d{{0,64}}[a-fA-F]){_HEX}{{8,}})(?!\w)"
        rf"|(?<![\w>:])(?:{_HEX}{{2}}:){{7,63}}{_HEX}{{2}}(?!\w|:\w)|(?<=SHA256:)[A-Za-z0-9+/]{{43}}(?!\w)",
    ),
    Mask(  # 2017-07-08, 2017-07-08T06:26:32Z, 06:26, 06:26:32.365; and, as whole tokens, the names of `Sat Jul 8`
        "TIME",
        rf"(?<![\w>:.])(?:\d{{4}}[-/]\d\d[-/]\d\d(?:T\d\d:\d\d:\d\d{_FRACTION}(?:Z|[+-]\d\d:?\d\d)?)?"
        rf"|\d{{1,2}}:\d\d(?::\d\d{_FRACTION})?)(?!\w|:\w)"
        r"|(?<!\S)(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?!\S)",
    ),
    Mask("DUR", r"(?<![\w>.])\d+(?:\.\d+)?(?:[nuµm]?s|secs?|m|mins?|h|hrs?|d|days?)(?!\w)"),
    Mask("SIZE", r"(?<![\w>.])\d+(?:\.\d+)?(?:[kKMGTP]i?[bB]?|[bB]|[bB]ytes|[kMG]?Hz)(?!\w)"),
    Mask(  # after `_` only with a sign or from five digits on: `blk_-16…` and `blk_38865049064139660` are ids, `x86_64`
        "NUM",  # is not; after a name's dot never: `v1.0.0`, `syslog.1`
        rf"(?:(?<![\w.<>)\]-])[-+]|(?<=_)-|{_START}(?<![\w>]\.))\d+(?:[.,]\d+){{0,31}}(?!\w)|(?<=_)\d{{5,}}(?!\w)",
    ),
)

_NAME = re.compile(r"[A-Z][A-Z0-9]{0,15}")
_MASKED = r"<(?:\*|[A-Z][A-Z0-9]{0,15})>"
"""What is masked already stays: the first alternative of every search, so that masking twice changes nothing."""

_WRITTEN = re.compile(r"<([A-Z][A-Z0-9]{0,15})>")


class _Search(NamedTuple):
    """One pattern for several masks, and which of them each of its groups stands for: the first, '', for none."""

    pattern: re.Pattern[str]
    masks: tuple[str, ...]

    @classmethod
    def of(cls, alternatives: Iterable[str]) -> Self:
        pattern = re.compile("|".join([_MASKED, *alternatives]), re.ASCII)
        return cls(pattern, ("", *(group.partition("_")[0] for group in pattern.groupindex)))


class _Cache(dict[str, str]):
    """Token → masked token, within bounds. Emptied when full: simple, and the words come back at once."""

    def __init__(self, masks: tuple[Mask, ...]) -> None:
        super().__init__()
        self._own = masks[: len(masks) - len(DEFAULT)]
        self._plain = None if self._own + DEFAULT == masks else _Search.of(_alternatives(masks))
        self._searches: dict[str, _Search] = {}

    def search(self, token: str) -> _Search:
        """How to search this token: of the masks for any log, the last, only for those that it has the marks of."""
        if self._plain:
            return self._plain
        held = marks(token)
        if not (search := self._searches.get(held)):
            search = self._searches[held] = _Search.of([*_alternatives(self._own), *_quick(held)])
        return search

    def __missing__(self, token: str) -> str:
        if len(token) > MAX_TOKEN:
            return LONG
        pattern, masks = self.search(token)
        masked = pattern.sub(partial(_named, masks), token)
        if len(masked) > MAX_TOKEN:  # a list of numbers grows; cut here, or masking again would
            return LONG
        if len(token) <= MAX_CACHED_CHARS:
            if len(self) >= MAX_CACHED:
                self.clear()
            self[token] = masked
        return masked


@dataclass(frozen=True)
class Masks:
    """Ordered masks. A token is searched once, left to right; where two match at one place, the earlier wins.

    Raises:
        ValueError: a mask cannot be used; says which, and why.
    """

    all: tuple[Mask, ...] = DEFAULT
    _cache: _Cache = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for mask in self.all:
            if fault := _fault(mask):
                raise ValueError(f"mask {mask.name}: {fault}")
        names = Counter(mask.name for mask in self.all)
        if twice := [name for name, n in names.items() if n > 1]:
            raise ValueError(f"two masks have the same name: {', '.join(twice)}")
        object.__setattr__(self, "_cache", _Cache(self.all))

    @classmethod
    def default(cls) -> Self:
        """The masks for any log."""
        return cls()

    @classmethod
    def with_own(cls, own: Iterable[Mask]) -> Self:
        """A site's own masks before those for any log: they win where both begin at one place.

        Raises:
            ValueError: one cannot be used, or has the name of another; says which, and why.
        """
        return cls((*own, *DEFAULT))

    def parts(self, token: str) -> tuple[tuple[str, str], ...]:
        """(mask, text) of each part of one token that a mask stands for, in order; () of one too long to search.

        A part that is masked already is its own text, under no mask's name.
        """
        if len(token) > MAX_TOKEN:
            return ()
        pattern, masks = self._cache.search(token)
        return tuple((masks[found.lastindex or 0], found[0]) for found in pattern.finditer(token))

    def touched(self, messages: Iterable[str]) -> dict[str, int]:
        """How many of the messages hold something that each mask stands for, in the masks' order."""
        counts = Counter(name for message in messages for name in set(_WRITTEN.findall(self.mask(message))))
        return {mask.name: counts[mask.name] for mask in self.all}

    def mask(self, message: str) -> str:
        """The message's tokens, masked, joined by one space. Idempotent; linear in the message's length."""
        return " ".join(map(self._cache.__getitem__, message.split()))

    def to_json(self) -> list[dict[str, str]]:
        """Plain JSON, in order."""
        return [mask._asdict() for mask in self.all]

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: it is not what `to_json` writes, or a mask cannot be used; says which, and why.
        """
        if not isinstance(value, list):
            raise ValueError(f"masks must be a list, not {type(value).__name__}")
        return cls(tuple(_read(entry, place) for place, entry in enumerate(value, start=1)))


def _alternatives(masks: Iterable[Mask]) -> Iterator[str]:
    """The masks as parts of one pattern. Of our own none begins within a word: asked once for all of them together."""
    for is_default, group in groupby(masks, key=DEFAULT.__contains__):
        each = "|".join(f"(?P<{name}>{pattern})" for name, pattern in group)
        yield rf"(?<![A-Za-z0-9])(?:{each})" if is_default else each


def _quick(held: str) -> Iterator[str]:
    """The same for all of our own masks that a token with these marks may hold."""
    if each := "|".join(alternatives(held)):
        yield rf"(?<![A-Za-z0-9])(?:{each})"


def _named(masks: tuple[str, ...], found: re.Match[str]) -> str:
    group = found.lastindex
    return f"<{masks[group]}>" if group else found[0]


def _read(entry: object, place: int) -> Mask:
    if not isinstance(entry, dict) or entry.keys() != set(Mask._fields):
        raise ValueError(f"mask {place} must be an object of name and pattern")
    name, pattern = entry["name"], entry["pattern"]
    if not isinstance(name, str) or not isinstance(pattern, str):
        raise ValueError(f"mask {place}: name and pattern must be strings")
    return Mask(name, pattern)


def _fault(mask: Mask) -> str:
    """Why a mask cannot be used, or ''."""
    return name_fault(mask.name) or pattern_fault(mask.pattern)


def name_fault(name: str) -> str:
    """Why a mask cannot be called so, or ''."""
    return "" if _NAME.fullmatch(name) else "its name must be 1 to 16 capital letters and digits, a letter first"


def pattern_fault(text: str) -> str:
    """Why a mask cannot stand for what this matches, or ''."""
    try:
        re.compile(text, re.ASCII)  # by itself first: `a)(?:b` would close what is opened around it
        pattern = re.compile(f"(?:{text})", re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        return f"its pattern is no regular expression ({error})"
    if pattern.groups:
        return "its pattern must not capture: write (?:…) for (…)"
    if any(not found[0] for probe in ("", "a", "0 .", "=") for found in pattern.finditer(probe)):
        return "its pattern matches the empty text"
    if _asks_for_space(text):
        return "its pattern asks for white space, but masks see one token at a time: write one mask per token"
    return ""


@lru_cache(maxsize=256)
def pace_fault(text: str) -> str:
    """Why a pattern that can be used should not be, because a stranger could make it slow; or ''.

    Tried, not proved, and so only where a pattern is new: words of its characters grow until they are as long as a
    token can be. They grow so slowly that even an exponential pattern is caught before it takes a second.
    """
    pattern = re.compile(f"(?:{text})", re.ASCII)
    for part in _parts(text):
        for length in _lengths():
            word = (part * length)[: length - 1] + "\x7f"  # what it cannot end with, so that it has to try it all
            if _pace(pattern, word, 1) > MAX_PACE and _pace(pattern, word, 3) > MAX_PACE:
                return (
                    "its pattern takes long for a long word: bound its repeats (\\d{1,20} for \\d+), "
                    "and begin it with what begins a word, (?<!\\w)"
                )
    return ""


def _parts(text: str) -> list[str]:
    """What words are made of: the characters of a pattern, one of each class, and every two of them."""
    chars = list(dict.fromkeys((*_CLASSES, *(char for char in text if char.isalnum() or char in "/:@=_,"))))[:PROBED]
    return [*chars, *(one + other for one in chars for other in chars if one != other)]


def _lengths() -> Iterator[int]:
    length = 4
    while length < MAX_TOKEN:
        yield length
        length += max(4, length // 4)
    yield MAX_TOKEN


def _pace(pattern: re.Pattern[str], word: str, times: int) -> float:
    """How many times as long as `_PLAIN` it takes for a word, the best of several times each."""
    own, plain = (min(_seconds(each, word) for _ in range(times)) for each in (pattern, _PLAIN))
    return own / max(plain, MIN_S)


def _seconds(pattern: re.Pattern[str], word: str) -> float:
    start = time.thread_time()
    pattern.sub("", word)
    return time.thread_time() - start


def _asks_for_space(pattern: str) -> bool:
    """Whether it names white space, other than to exclude it. (`.` may match it, but never meets it.)"""
    wanted = re.sub(r"\[\^(?:\\.|[^\]\\])*\]|\(\?<?!(?:\\.|[^()\\])*\)", "", pattern)
    return bool(re.search(r"\s|\\[sntrfv ]|\\x20", wanted))
