"""The masks for any log as patterns that fail at once: what `parsers.masks.DEFAULT` says, by first characters.

A token is searched at every character, so a stranger's token costs what a failure costs. Here each pattern begins with
the characters that its mask may begin with, which `re` tests without a call, and looks back only then; what begins with
a digit is decided by what follows the digits; and masks that need a mark which a token lacks are not tried in it.
`tests/test_masks.py` holds that both find the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_DIGIT = re.compile(r"[0-9]")
_HEX = "[0-9a-fA-F]"
_START = r"(?<![\w>].)"
_FRACTION = r"(?:[.,]\d{1,9})?"
_MORE = r"(?:[.,]\d+){0,31}(?!\w)"
_PATH = r"(?=[\w.@+~-]{0,255}[A-Za-z])[\w.@%+~/-]*[\w/~-]"
_SIX = rf"(?:(?:{_HEX}{{1,4}}:){{0,6}}(?:\d{{1,3}}(?:\.\d{{1,3}}){{3}}|{_HEX}{{1,4}}))?"
_SIX_AHEAD = r"(?<=(?=[0-9a-fA-F:]{0,40}\d|::(?![\w:<])).)"
_SIX_END = r"(?:%\w{1,15})?(?![\w:<]|\.[\d<])"
_FINGERPRINT = rf"{_HEX}:(?:{_HEX}{{2}}:){{6,62}}{_HEX}{{2}}(?!\w|:\w)"
_SHA256 = r"(?<=SHA256:.)[A-Za-z0-9+/]{42}(?!\w)"
_IP = r"(?<!\..)\d{0,2}(?:\.\d{1,3}){3}(?!\w|\.\w)"
_NAMED = "Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"

_KEYS, _DIGITS, _TEXTS, _PATHS, _COLONS, _THREE = "=", "0", "@", "/", ":", "3"
"""What a token may hold that some masks need: `host=` and the like, a digit, …, just three characters."""

# An empty group at its end names the mask: at its beginning the quick test of the first character would not be made.
_HOST = r"[\w.:-](?<=host=.)(?:[\w.:-]{0,253}\w|(?<=\w))(?P<HOST>)"
_USER = r"[^\s,;()<>\[\]](?:(?<=\buser=.)|(?<=\bacct=.))[^\s,;()<>\[\]]{0,127}(?P<USER>)"
_URL = rf"[A-Za-z]{_START}[A-Za-z0-9+.-]{{1,15}}://[^\s\"'<>()\[\],;]*[^\s\"'<>()\[\],;.:!?](?P<URL>)"
_EMAIL = r"[\w.+-](?<![\w>.+-].)[\w.+-]{0,63}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?!\w)(?P<EMAIL>)"
_GROUPED = (
    rf"{_HEX}{_START}(?:{_HEX}{{7}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}(?!\w)(?P<UUID>)"
    rf"|(?<!:.)(?:{_HEX}:(?:{_HEX}{{2}}:){{4}}{_HEX}{{2}}(?!\w|:\w)(?P<MAC>)"
    rf"|(?<!\..)(?:{_HEX}{{0,3}}:(?:{_HEX}{{1,4}}:){{6}}{_HEX}{{1,4}}"
    rf"|{_SIX_AHEAD}{_HEX}{{0,3}}(?::{_HEX}{{1,4}}){{0,6}}::{_SIX}){_SIX_END}(?P<IP6>)))",
    rf":(?=:)(?<![\w>:.].){_SIX_AHEAD}:{_SIX}{_SIX_END}(?P<IP6_2>)",
)
_ROOTED = (
    rf"/(?<![\w>/.<~].){_PATH}(?P<PATH>)",
    rf"~(?<![\w>/.<~].)/{_PATH}(?P<PATH_2>)",
    rf"\.(?<![\w>/.<~].)\.?/{_PATH}(?P<PATH_3>)",
    r"/(?<==/)(?![\w<])(?P<PATH_4>)",
    rf"[A-Za-z]{_START}:\\[\w.@%+~\\-]*\w(?P<PATH_5>)",
)
# Of a number that nothing follows which could make more of it, no other mask needs to be asked: it is the commonest.
_NUMBER = r"(?<![\w>]\..)(?:\d{0,2}(?=[/-])|\d{0,39}(?![\w.,:/µ-])|(?<=:.)\d{0,38}(?=:))(?P<NUM>)"
_TIME = (
    rf"(?<![:.].)(?:\d{{3}}[-/]\d\d[-/]\d\d(?:T\d\d:\d\d:\d\d{_FRACTION}(?:Z|[+-]\d\d:?\d\d)?)?"
    rf"|\d?:\d\d(?::\d\d{_FRACTION})?)(?!\w|:\w)(?P<TIME>)"
)
_MEASURED = (
    r"(?<!\..)\d*(?:\.\d+)?(?:(?:[nuµm]?s|secs?|m|mins?|h|hrs?|d|days?)(?!\w)(?P<DUR>)"
    r"|(?:[kKMGTP]i?[bB]?|[bB]|[bB]ytes|[kMG]?Hz)(?!\w)(?P<SIZE>))"
)
_NUMBERS = (
    rf"[-+](?<![\w.<>)\]-].)\d+{_MORE}(?P<NUM_3>)",
    rf"-(?<=_-)\d+{_MORE}(?P<NUM_4>)",
    r"\d(?<=_.)\d{4,}(?!\w)(?P<NUM_5>)",
)


_Part = tuple[str, str, str]
"""Marks that a token must hold, marks that it must not hold, and the pattern that is then tried."""
_FIRST: tuple[_Part, ...] = (
    (_KEYS, "", _HOST),
    (_TEXTS, "", _URL),
    (_TEXTS, "", _EMAIL),
    *((_COLONS, "", pattern) for pattern in _GROUPED),
    (_KEYS + _DIGITS, "", rf"\d{_START}{_IP}(?P<IP>)"),
    (_KEYS, "", _USER),
    *((_PATHS, "", pattern) for pattern in _ROOTED),
)
_AFTER_LETTER: tuple[_Part, ...] = (
    (_DIGITS, "", rf"(?=[a-fA-F]{{0,63}}\d){_HEX}{{7,}}(?!\w)(?P<HEX_5>)"),
    (_COLONS, "", rf"(?<!:.){_FINGERPRINT}(?P<HEX_6>)"),
)
_BETWEEN: tuple[_Part, ...] = (
    (_TEXTS, "", rf"[A-Za-z+/]{_SHA256}(?P<HEX_7>)"),
    (_THREE, "", rf"[A-Z](?<!\S.)(?<=(?=(?:{_NAMED})(?!\S)).)..(?P<TIME_2>)"),
)
_AFTER_DIGIT: tuple[_Part, ...] = (
    ("", _KEYS + _TEXTS, _NUMBER),
    ("", _KEYS, f"{_IP}(?P<IP>)"),
    ("", "", rf"(?<=0)[xX]{_HEX}+(?!\w)(?P<HEX>)"),
    ("", "", rf"(?=\d{{0,63}}[a-fA-F]){_HEX}{{7,}}(?!\w)(?P<HEX_2>)"),
    (_COLONS, "", rf"(?<!:.){_FINGERPRINT}(?P<HEX_3>)"),
    (_TEXTS, "", f"{_SHA256}(?P<HEX_4>)"),
    ("", "", _TIME),
    ("", "", _MEASURED),
    ("", "", rf"(?<![\w>]\..)\d*{_MORE}(?P<NUM_2>)"),
)


def marks(token: str) -> str:
    """What a token holds of the marks that masks need, in one order: `alternatives` are for just these."""
    found = ""
    if "=" in token and ("host=" in token or "user=" in token or "acct=" in token):
        found = _KEYS
    if _DIGIT.search(token):
        found += _DIGITS
    if "@" in token or "://" in token or "SHA256:" in token:
        found += _TEXTS
    if "/" in token or "\\" in token:
        found += _PATHS
    if "::" in token or token.count(":") >= 5 or token.count("-") >= 4:
        found += _COLONS
    return found + _THREE if len(token) == 3 else found


def alternatives(held: str) -> Iterator[str]:
    """The masks that a token with these marks may hold, as parts of one pattern, in order of rank.

    Their groups are called as the masks, with `_` and a number after it where a mask is in several.
    """
    yield from _of(_FIRST, held)
    if after_letter := "|".join(_of(_AFTER_LETTER, held)):
        yield rf"[a-fA-F]{_START}(?:{after_letter})"
    yield from _of(_BETWEEN, held)
    if _DIGITS in held:
        yield rf"\d{_START}(?:{'|'.join(_of(_AFTER_DIGIT, held))})"
        yield from _NUMBERS


def _of(parts: tuple[_Part, ...], held: str) -> Iterator[str]:
    for needed, excluded, pattern in parts:
        if all(mark in held for mark in needed) and not any(mark in held for mark in excluded):
            yield pattern
