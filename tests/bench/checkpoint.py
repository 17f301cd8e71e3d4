"""How large a checkpoint gets, and what it costs: many open sessions in the default views, and a full overlap.

python tests/bench/checkpoint.py [--sessions 50000] [--rate 5000] [--json]

The shipped lines, each round under its own process ids, until so many sessions are open; the hashes of the documents of
the default overlap at the rate, and the counts of a day. Its size is that of the texts as the server keeps them. No
server: what is timed is one core's processor time for writing it as text and for reading it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from models.windows import Tails  # noqa: E402 - the repository is no installed package
from parsers.line import LogLine  # noqa: E402
from parsers.matcher import Match  # noqa: E402
from plugin.config import SourceSettings, default_views  # noqa: E402
from plugin.doors import files  # noqa: E402
from plugin.doors.elastic import checkpoints  # noqa: E402
from plugin.ports import Checkpoint, Told  # noqa: E402
from plugin.repeats import MAX_TOLD  # noqa: E402
from plugin.tally import BUCKET_MS, CELLS, HASH_BYTES, Cell, Tally  # noqa: E402
from plugin.training import Plan, learn  # noqa: E402
from plugin.views import with_sums  # noqa: E402
from tests.bench.polling import EXCERPT  # noqa: E402


def main() -> None:
    """Build it, write it, read it, print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--sessions", type=int, default=50_000)
    options.add_argument("--rate", type=int, default=5_000, help="documents a second")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    made = _checkpoint(given.sessions, given.rate)
    begun = time.process_time()
    body = checkpoints._body(made)
    written = time.process_time()
    loaded = checkpoints._checkpoint("bench", {"_source": body, "_seq_no": 0, "_primary_term": 1})
    read = time.process_time()
    assert replace(loaded, version=None) == made
    sizes = {name: len(text) / 1e6 for name, text in body.items() if isinstance(text, str)}
    n = min(len(tails.sessions) for tails in made.tails.values())
    row = {
        "name": "checkpoint",
        "sessions": n,
        "mb": sum(sizes.values()),
        "write_s": written - begun,
        "read_s": read - written,
    }
    of = ", ".join(f"{name} {sizes[name]:.1f}" for name in ("seen", "tally", "tails", "told"))
    cost = f"{written - begun:.2f} s to write, {read - written:.2f} s to read"
    words = f"{n:,} open sessions a view: {sum(sizes.values()):.1f} MB ({of}), {cost}"
    print(json.dumps(row) if given.json else words)


def _checkpoint(sessions: int, rate: int) -> Checkpoint:
    lines, _ = files.read([str(EXCERPT)])
    bundle, _ = learn(lines, Plan("bench", default_views(), 5.0, "1", "", 0), lambda _: None)
    views = {view.name: view for view in bundle.views}
    tails = {walk.name: Tails[LogLine]() for walk in bundle.walks}
    endless = _rounds(lines)
    while min(len(each.sessions) for each in tails.values()) < sessions:
        matches: list[Match] = bundle.matcher.match(itertools.islice(endless, 20_000))
        for walk in bundle.walks:
            before = tails[walk.name]
            seen_now, more = walk.slide(matches, before, 0.0)
            more = with_sums(more, [views[lens.name].look(seen_now, before) for lens in walk.lenses])
            kept = list(more.sessions.items())[-sessions:]
            tails[walk.name] = replace(more, sessions=dict(kept), n_dropped=0)
    seconds = round(SourceSettings(indices=("bench",)).overlap_s)
    seen = {second: b"".join(sorted(os.urandom(HASH_BYTES) for _ in range(rate))) for second in range(seconds)}
    buckets = {
        at: {cell: Cell(rate, int.from_bytes(os.urandom(HASH_BYTES))) for cell in range(CELLS)}
        for at in range(0, 144 * BUCKET_MS, BUCKET_MS)
    }
    told = {os.urandom(10).hex(): Told(n / 7.0, 30.0 + n % 97 / 9.7, n % 50) for n in range(MAX_TOLD)}
    return Checkpoint("bench", 0, "language", seen=seen, tally=Tally(buckets), tails=tails, told=told)


def _rounds(lines: list[LogLine]) -> Iterator[LogLine]:
    for turn in itertools.count():
        for n, line in enumerate(lines):
            yield line._replace(
                pid=(line.pid or 0) + 100_000 * turn, time=1.0, clock=1.0, origin=f"logs/{turn:x}-{n:x}"
            )


if __name__ == "__main__":
    main()
