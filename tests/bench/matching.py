"""Our matcher against drain3's `match`, with the same masks, on one core, side by side in one run.

    python tests/bench/matching.py --data DIR [--json] [--lines N]

The 2,000 lines of each loghub sample (Linux, OpenSSH, HDFS, Thunderbird) are parsed, and their messages mined by both.
Then `--lines` messages, made of these 2,000, are matched: once as they are (the row `matching`: every cache warm, the
best case; real logs repeat 0 to 85 of 100 messages word for word), and once with other numbers in every line that holds
one (`matching, new numbers`: as many digits as before, so small ones come again), and once so that no line ever comes
again (`matching, every line new`: those that hold a number by itself, counted up there; the cold figure). Rows that
carry one `set` are parts of these totals.

drain3 gets our masks as its masking instructions, its own defaults otherwise, and its fastest search (`never`). Both go
the whole way from a message to its event; reading files counts for neither. The better of two runs counts for both.
drain3 keeps nothing from one message to the next, so the first fifth of the messages tells its rate.

Then our matcher alone, with 10,000 made-up templates against 100 of them: every message new, each of a template drawn
at random. Lengths are mixed as in real logs, and then all alike, which is the worst case: its sets are the longest.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

from parsers.line import LogLine
from parsers.masks import Masks
from parsers.matcher import Matcher
from parsers.miner import mine
from parsers.syslog import parse
from parsers.templates import UNKNOWN, Templates

SETS = ("Linux", "OpenSSH", "HDFS", "Thunderbird")
REPEATS = 2
THEIR_SHARE = 5
"""drain3 is timed on one message in so many: 100,000 lines a set take half a minute then, not two."""
NAMES = {"repeat": "matching", "new": "matching, new numbers", "cold": "matching, every line new"}
FEW, MANY = 100, 10_000
LENGTHS = {"mixed lengths": (5, 20), "one length": (12, 12)}
"""Tokens of made-up templates, from and to."""
VARIABLES = {"<NUM>": "{0}", "<IP>": "10.{1}.{2}.{3}", "<*>": "name-{0}"}
NUMBER = re.compile(r"(?<!\w)\d+(?!\w)")

ALONE = re.compile(r"(?<![\w.:/-])\d+(?![\w.:/-])")


class Timing(NamedTuple):
    """Seconds that both took for `lines` messages of a set."""

    set: str
    kind: str
    lines: int
    ours_s: float
    theirs_s: float


def main() -> int:
    """Run the command; 2 = a set is missing."""
    arguments = _arguments()
    missing = [str(path) for name in SETS if not (path := _path(arguments.data, name)).is_file()]
    if missing:
        print(f"missing: {', '.join(missing)}. They are loghub's 2k samples.", file=sys.stderr)
        return 2
    timings = [timing for name in SETS for timing in _timings(name, _messages(arguments.data, name), arguments.lines)]
    for row in _rows(timings):
        print(json.dumps(row) if arguments.json else _told(row))
    for name, tokens in LENGTHS.items():
        row = _scaled(name, tokens, arguments.lines)
        print(json.dumps(row) if arguments.json else _told_scaled(row))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Our matcher against drain3's, in one run.")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds loghub/*_2k.log")
    parser.add_argument("--lines", type=int, default=100_000, help="messages to match per set and kind")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    return parser.parse_args()


def _path(data: Path, name: str) -> Path:
    return data / "loghub" / f"{name}_2k.log"


def _messages(data: Path, name: str) -> list[str]:
    path = _path(data, name)
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    lines = (parse(line, path.name, path.stat().st_mtime) for line in text.splitlines())
    return [line.message for line in lines if isinstance(line, LogLine)]


def _timings(name: str, messages: Sequence[str], n: int) -> list[Timing]:
    repeated = [messages[i % len(messages)] for i in range(n)]
    new = [_renumbered(message, i) for i, message in enumerate(repeated)]
    masks = Masks.default()
    templates = mine(messages, masks)
    theirs = _drain3(messages, masks)
    timings = []
    for kind, lines in (("repeat", repeated), ("new", new), ("cold", _never_again(messages, n))):
        ours_s = min(_seconds(Matcher(Masks.default(), templates).ids, lines) for _ in range(REPEATS))
        theirs_s = min(_seconds(theirs, lines[: n // THEIR_SHARE]) for _ in range(REPEATS)) * THEIR_SHARE
        timings.append(Timing(name, kind, n, ours_s, theirs_s))
    return timings


def _renumbered(message: str, i: int) -> str:
    """The message with other numbers of as many digits; others again for each `i`."""
    return NUMBER.sub(
        lambda found: str((int(found[0]) + 7_919 * i) % 10 ** len(found[0])).zfill(len(found[0])), message
    )


def _never_again(messages: Sequence[str], n: int) -> list[str]:
    """Those messages that hold a number by itself, again and again, the last of these numbers counted up."""
    around = [(message[: last.start()], message[last.end() :]) for message in messages if (last := _last(message))]
    return [f"{before}{10_000_000 + i}{after}" for i, (before, after) in enumerate(islice(cycle(around), n))]


def _last(message: str) -> re.Match[str] | None:
    return deque(ALONE.finditer(message), maxlen=1).pop() if ALONE.search(message) else None


def _drain3(messages: Sequence[str], masks: Masks) -> Callable[[Sequence[str]], object]:
    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(mask.pattern, mask.name) for mask in masks.all]
    miner = TemplateMiner(config=config)
    for message in messages:
        miner.add_log_message(message)
    return lambda lines: [miner.match(line) for line in lines]


def _seconds(match: Callable[[Sequence[str]], object], lines: Sequence[str]) -> float:
    start = time.perf_counter()
    match(lines)
    return time.perf_counter() - start


def _rows(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    rows = []
    for kind, name in NAMES.items():
        mine_ = [timing for timing in timings if timing.kind == kind]
        rows.append(_row(name, "all", mine_))
        rows.extend(_row(f"{name}: {timing.set}", timing.set, [timing]) for timing in mine_)
    return rows


def _row(name: str, set_: str, timings: Sequence[Timing]) -> dict[str, Any]:
    lines = sum(timing.lines for timing in timings)
    ours_s, theirs_s = sum(timing.ours_s for timing in timings), sum(timing.theirs_s for timing in timings)
    return {
        "name": name,
        "set": set_,
        "ratio": round(theirs_s / ours_s, 2),
        "ours_per_s": round(lines / ours_s),
        "theirs_per_s": round(lines / theirs_s),
    }


def _scaled(name: str, tokens: tuple[int, int], n: int) -> dict[str, Any]:
    """Our speed with `MANY` templates as a share of that with `FEW`; the better of two runs of each, by turns."""
    chance = random.Random(0)  # noqa: S311 - made-up templates, no secret
    many = _made_up(chance, tokens)
    best: dict[int, float] = {}
    for _ in range(REPEATS):
        for n_templates in (FEW, MANY):
            texts = many[:n_templates]
            lines = [_filled(texts[chance.randrange(n_templates)], i) for i in range(n)]
            matcher = Matcher(Masks.default(), Templates.numbered(dict.fromkeys(texts, 1)))
            took = _seconds(matcher.ids, lines)
            best[n_templates] = min(best.get(n_templates, took), took)
            if UNKNOWN in matcher.ids(lines[:1_000]):
                raise AssertionError("a message of a template matches none")
    return {
        "name": f"matching, {MANY:,} templates of {name} against {FEW}",
        "share": round(best[FEW] / best[MANY], 3),
        "few_per_s": round(n / best[FEW]),
        "many_per_s": round(n / best[MANY]),
    }


def _made_up(chance: random.Random, tokens: tuple[int, int]) -> list[str]:
    """Templates of words from a vocabulary of 2,000; one place in four is a variable."""
    words = [f"{a}{b}" for a in "qwrtpsdfgh" for b in ("".join(chance.choices("aeioulmn", k=6)) for _ in range(200))]
    texts: dict[str, None] = {}
    while len(texts) < MANY:
        length = chance.randint(*tokens)
        variables = set(chance.sample(range(1, length), length // 4))
        texts[" ".join(chance.choice([*VARIABLES] if i in variables else words) for i in range(length))] = None
    return list(texts)


def _filled(text: str, i: int) -> str:
    """A message of the template; no two are alike."""
    for mask, form in VARIABLES.items():
        text = text.replace(mask, form.format(i, i >> 16 & 255, i >> 8 & 255, i & 255))
    return text


def _told_scaled(row: dict[str, Any]) -> str:
    return f"{row['name']}: {row['share']:.2f} of its speed, {row['many_per_s']:,}/s against {row['few_per_s']:,}/s"


def _told(row: dict[str, Any]) -> str:
    return f"{row['name']:36} {row['ratio']:6.1f} ×   ours {row['ours_per_s']:9,}/s   drain3 {row['theirs_per_s']:9,}/s"


if __name__ == "__main__":
    sys.exit(main())
