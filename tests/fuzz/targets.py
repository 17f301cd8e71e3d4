"""Coverage-guided fuzzing of everything that meets log text first: parse, mask, match, and the reader of documents.

    python tests/fuzz/targets.py parse -max_total_time=600      # atheris; more options are libFuzzer's

A target fails on an exception, on a result that breaks its promise, on memory grown by half a gigabyte, or on an input
that, drawn out to a line of a megabyte, takes more than half a second of processor time: of such a line a part is kept,
and what grows with the square of its length would take longer. What libFuzzer finds is left in the folder it runs in,
as `crash-…`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["parsers", "plugin.sources"]):
    from parsers.line import MAX_MESSAGE, LogLine, Rejected
    from parsers.masks import Masks
    from parsers.matcher import Matcher
    from parsers.miner import mine
    from parsers.syslog import REASONS, parse
    from parsers.templates import ANY, UNKNOWN
    from plugin.ports import Hit
    from plugin.sources import Source

EXCERPT = ROOT / "tests" / "data" / "auth-excerpt.log"
NOW = 1_795_500_000.0
MEGABYTE = 1 << 20
SECONDS_A_MEGABYTE = 0.5
"""A megabyte in one line: `tests/bench/hostile.py` says what it really takes; here all code is instrumented."""
MOST_GROWTH = 512 << 20
"""Bytes; the caches may grow to a tenth of it. libFuzzer's own limit looks at a peak that Linux hands down from the
process that started this one, so it is switched off."""
EVERY = 512
"""One input of so many is drawn out to a megabyte: that takes as long as all the others."""


def parse_any(text: str) -> None:
    """A line or a reason, whatever the text; nothing of it may be unwritable."""
    line = parse(text, "fuzz:1", NOW)
    if isinstance(line, Rejected):
        assert line.reason in REASONS, line
    else:
        assert isinstance(line, LogLine)
        assert len(line.message) <= MAX_MESSAGE
        line.message.encode()


def mask_any(text: str) -> None:
    """Masking twice changes nothing more, and no token is lost or won; of a message, as long as they are kept."""
    text = text[:MAX_MESSAGE]
    masked = MASKS.mask(text)
    assert MASKS.mask(masked) == masked, masked
    assert len(masked.split()) == len(text.split())


def match_any(text: str) -> None:
    """A template whose literal words are all there, or UNKNOWN; twice the same; of a message, as above."""
    text = text[:MAX_MESSAGE]
    first, second = MATCHER.ids([text, text])
    assert first == second
    if first != UNKNOWN:
        tokens, words = MASKS.mask(text).split(), MATCHER.templates[first].words
        assert len(tokens) == len(words)
        assert all(word in (ANY, token) for word, token in zip(words, tokens, strict=True))


def read_any(text: str) -> None:
    """Every hit becomes a line or a rejection, whatever its fields are."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = {"message": text}
    lines, rejected = Source("fuzz").read([Hit("logs", "1", 10**18, fields if isinstance(fields, dict) else {})])
    assert len(lines) + len(rejected) == 1
    json.dumps([*lines, *rejected]).encode()


TARGETS: dict[str, Callable[[str], None]] = {
    "parse": parse_any,
    "mask": mask_any,
    "match": match_any,
    "read": read_any,
}
MASKS = Masks.default()
MATCHER = Matcher(MASKS, mine(EXCERPT.read_text(encoding="utf-8").splitlines(), MASKS))


def timed(target: Callable[[str], None], text: str) -> None:
    """Run it on the text drawn out to a megabyte, against the clock."""
    long = (text * (MEGABYTE // max(len(text), 1) + 1))[:MEGABYTE]
    begun = time.process_time()
    target(long)
    took = time.process_time() - begun
    assert took <= SECONDS_A_MEGABYTE, f"{took:.2f} s of processor time for a megabyte of {text[:80]!r}"


def resident() -> int:
    """Bytes of memory in use."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def main() -> None:
    """Fuzz one target: its name, then libFuzzer's options."""
    name, *options = sys.argv[1:]
    target = TARGETS[name]
    n, before = 0, resident()

    def one(data: bytes) -> None:
        nonlocal n
        n += 1
        text = data.decode("utf-8", "surrogateescape")
        target(text)
        if n % EVERY == 0 and text:
            timed(target, text)
            assert resident() - before < MOST_GROWTH, f"{(resident() - before) >> 20} MiB more than at the start"

    atheris.Setup([sys.argv[0], *options, "-rss_limit_mb=0"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
