"""What the dearest lines cost that a stranger can write: from text to event id, on one core, no cache of any use.

    python tests/bench/hostile.py [--shapes N] [--seed N] [--json]

Each shape is a random choice of characters that masks look for, and of how long its words are; a line is made of words
of that shape, no two alike, behind the head of an sshd line, once a megabyte of them and once as many as a message
keeps. Said are the worst of all shapes and the median, milliseconds of processor time; the better of two runs counts.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from parsers.line import MAX_MESSAGE, LogLine
from parsers.masks import Masks
from parsers.matcher import Matcher
from parsers.miner import mine
from parsers.syslog import parse
from parsers.templates import Templates

EXCERPT = Path(__file__).resolve().parents[1] / "data" / "auth-excerpt.log"
NOW = 1_795_500_000.0
HEAD = "Mar 27 13:06:56 web-01 sshd[1291]: "
ALPHABETS = (
    "0123456789",
    "0123456789abcdef",
    "0123456789.",
    "0123456789:",
    "0123456789abcdef:",
    "0123456789-T:Z",
    "0123456789ms",
    "ABCDEF0123456789-",
    "/abc",
    "a-",
    "@a.",
    "=0123456789",
    "0:",
    "xyz/@:",
    "%0123456789abcdef",
    "([0])",
    'k="0,',
    "http://a/0",
    "{}:",
)
LENGTHS = (3, 6, 10, 17, 24, 40, 64, 100, 200, 500)
"""Characters of a word, at most; at least half as many."""
MEGABYTE = 1 << 20
REPEATS = 2


def words(chance: random.Random, n_chars: int) -> tuple[str, str]:
    """Words of one random shape, that many characters; and the shape."""
    alphabet = "".join(chance.sample(ALPHABETS, chance.choice((1, 1, 2))))
    longest = chance.choice(LENGTHS)
    made: list[str] = []
    left = n_chars
    while left > 0:
        made.append("".join(chance.choices(alphabet, k=chance.randint(max(longest // 2, 1), longest))))
        left -= len(made[-1]) + 1
    return " ".join(made)[:n_chars], f"{alphabet} up to {longest}"


def took(text: str, templates: Templates) -> float:
    """Seconds from a line to its event, where nothing is remembered."""

    def once() -> float:
        matcher = Matcher(Masks.default(), templates)
        begun = time.process_time()
        line = parse(text, "hostile:1", NOW)
        assert isinstance(line, LogLine)
        matcher.match([line])
        return time.process_time() - begun

    return min(once() for _ in range(REPEATS))


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shapes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one object a row")
    given = parser.parse_args()
    chance = random.Random(given.seed)  # noqa: S311 - made-up lines, no secret
    templates = mine(EXCERPT.read_text(encoding="utf-8").splitlines(), Masks.default())
    for name, n_chars in (("a megabyte in one line", MEGABYTE), (f"a line of {MAX_MESSAGE:,} characters", MAX_MESSAGE)):
        shapes = [words(chance, n_chars) for _ in range(given.shapes)]
        seconds = {shape: took(HEAD + text, templates) for text, shape in shapes}
        worst = max(seconds, key=seconds.__getitem__)
        row = {"name": name, "worst_ms": 1e3 * seconds[worst], "median_ms": 1e3 * statistics.median(seconds.values())}
        if given.json:
            sys.stdout.write(json.dumps(row | {"shape": worst}) + "\n")
        else:
            told = f"{row['worst_ms']:.1f} ms at worst ({worst!r}), median {row['median_ms']:.1f} ms"
            sys.stdout.write(f"{name}, the dearest of {len(seconds)} shapes: {told}\n")


if __name__ == "__main__":
    main()
