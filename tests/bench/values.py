"""How much longer a poll takes with a view of values beside the default ones, without the server: read, match, judge.

python tests/bench/values.py [--lines 100000] [--json]

Two streams, each learnt from what it repeats: the shipped `auth.log`, and made-up weeks of a company, where two thirds
of the lines are of a template with a network. The cut lets nothing through: judging is what is timed, in CPU seconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from parsers.line import LogLine  # noqa: E402 - the repository is no installed package
from plugin.bundle import Bundle  # noqa: E402
from plugin.config import ViewSettings, default_views  # noqa: E402
from plugin.doors import files  # noqa: E402
from plugin.pipeline import detect  # noqa: E402
from plugin.ports import Hit  # noqa: E402
from plugin.sources import Source  # noqa: E402
from plugin.training import Plan, learn  # noqa: E402
from tests import rhythms  # noqa: E402

WEEK_S = 7 * 86_400.0
RUNS = 3
"""The fastest counts."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn twice, judge alternately, print a row a stream."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="an object a row")
    options = parser.parse_args(arguments)
    auth, _ = files.read([str(ROOT / "tests" / "data" / "auth-excerpt.log")])
    for name, lines in (("auth.log", auth), ("made-up weeks", rhythms.lines(28))):
        row = {"name": name, **_row(lines, options.lines)}
        told = f"{name:<14} {row['ratio']:.2f} × the time: {row['with_s']:.2f} s for {row['without_s']:.2f} s"
        print(json.dumps(row) if options.json else told)


def _row(lines: Sequence[LogLine], n: int) -> dict[str, float]:
    plain, valued = _learnt(lines, {}), _learnt(lines, {"values": ViewSettings(detector={"kind": "values"})})
    hits = _hits(lines, n)
    runs = [(_seconds(plain, hits), _seconds(valued, hits)) for _ in range(RUNS)]
    without, with_ = (min(column) for column in zip(*runs, strict=True))
    return {"ratio": with_ / without, "with_s": with_, "without_s": without}


def _learnt(lines: Sequence[LogLine], more: dict[str, ViewSettings]) -> Bundle:
    bundle, _ = learn(lines, Plan("bench", default_views() | more, 5.0, "1", "", 0), lambda _: None)
    return bundle.with_cut(100.0, "1", "")


def _hits(lines: Sequence[LogLine], n: int) -> list[Hit]:
    """The lines again and again, each round some weeks later and under its own process ids."""
    span = WEEK_S * math.ceil((lines[-1].time - lines[0].time + 60.0) / WEEK_S)
    return [_hit(lines[i % len(lines)], i // len(lines), i, span) for i in range(n)]


def _hit(line: LogLine, turn: int, i: int, span: float) -> Hit:
    at = line.time + turn * span
    document = {
        "@timestamp": datetime.fromtimestamp(at, UTC).isoformat(),
        "message": line.message,
        "host": {"name": line.host},
        "process": {"name": line.program, "pid": (line.pid or 0) + turn * 100_000},
    }
    return Hit("bench", str(i), int(at * 1e9), document)


def _seconds(bundle: Bundle, hits: Sequence[Hit]) -> float:
    """CPU seconds of one poll's judging, as `poll` does it: without looking for garbage."""
    gc.collect()
    gc.disable()
    begun = time.process_time()
    detect(hits, Source("bench"), bundle, {}, hits[-1].clock / 1e9)
    gc.enable()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
