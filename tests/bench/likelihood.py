"""How well the next event of held-out sessions is predicted: DeepLog, the hybrid after the same time, and n-grams.

A fifth of the training sessions is held out: drawn at random, and of auth.log the last fifth in time. No test set is
looked at. Each network takes as many steps as fit into `--seconds`, measured on its own first steps; n-grams count.

    python tests/bench/likelihood.py --data DIR [--seconds 60] [--seed 0] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from models.base import DetectorConfig, Floats, frame_for
from models.crossfit import surprise_once
from models.detectors import deeplog, hybrid, ngrams
from models.nextevent import NextEvent
from models.windows import Event, Tails, Window, slide
from parsers.masks import Masks
from parsers.matcher import Matcher
from parsers.miner import survey
from plugin.config import ViewSettings
from plugin.doors import files
from plugin.views import Lens
from tests.bench.evaluate import BadFile, Session, read_sessions, windows_of

HELD_OUT = 0.2
KINDS: tuple[tuple[type[NextEvent], DetectorConfig], ...] = (
    (deeplog.Detector, deeplog.Config(epochs=1_000_000)),
    (hybrid.Detector, hybrid.Config(epochs=1_000_000)),
)
PACE_STEPS = 40
"""Steps by which a network's pace is measured."""
LOOKS = 20
"""At the windows that the loop sets aside, on the way."""
NEVER = 1_000_000
CHUNK = 20_000
"""Windows judged at once."""


class Halves(NamedTuple):
    """What is learnt from and what is predicted, by the history that a detector wants."""

    fit: list[Window]
    held_out: list[Window]


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, predict, print. Exit codes: 0, or 2 where the data are missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder that holds hdfs/, syscalls/ and auth/")
    parser.add_argument("--seconds", type=float, default=60.0, help="of fitting, each (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one object a row")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    try:
        for name in ("auth", "hdfs", "syscalls"):
            for kind, config in KINDS:
                rows.append(_judge(name, kind, config, halves(name, config, options), options))
                print(json.dumps(rows[-1]), file=sys.stdout if options.json else sys.stderr, flush=True)
            rows.append(_counted(name, halves(name, ngrams.Config(), options), options))
            print(json.dumps(rows[-1]), file=sys.stdout if options.json else sys.stderr, flush=True)
    except (BadFile, OSError) as error:
        print(f"likelihood: {error}", file=sys.stderr)
        return 2
    if not options.json:
        Console().print(_table(rows, options))
    return 0


def halves(name: str, config: DetectorConfig, options: argparse.Namespace) -> Halves:
    """The windows of one data set, parted by sessions, or by time where there is time."""
    if name == "auth":
        windows = _auth(options.data / "auth" / "auth.log", config)
        edge = round(len(windows) * (1.0 - HELD_OUT))
        return Halves(windows[:edge], windows[edge:])
    sessions = read_sessions(options.data / name / "train_normal.txt.gz")
    order = np.random.default_rng(options.seed).permutation(len(sessions)).tolist()
    edge = round(len(sessions) * (1.0 - HELD_OUT))
    return Halves(*(_windows([sessions[i] for i in part], config) for part in (order[:edge], order[edge:])))


def _windows(sessions: Sequence[Session], config: DetectorConfig) -> list[Window]:
    return windows_of(sessions, frame_for(config, idle_s=1.0))[0]


def _auth(path: Path, config: DetectorConfig) -> list[Window]:
    """All that a host logs, as one sequence: long, and many processes mixed."""
    lines, _ = files.read([str(path)])
    masks = Masks.default()
    matches = Matcher(masks, survey((line.message for line in lines), masks, 5_000).templates).match(lines)
    lens = Lens("host", ViewSettings(session_by=("host.name",), idle_s=1e12, detector=config))
    events: list[Event[Any]] = list(lens.events(matches))
    return [seen.window for seen in slide(Tails[Any](), events, lens.frame, 0.0)[0]]


def _judge(
    name: str, kind: type[NextEvent], config: DetectorConfig, of: Halves, options: argparse.Namespace
) -> dict[str, Any]:
    pace = _timed(kind, config, of.fit, PACE_STEPS, NEVER, options.seed)[1] / PACE_STEPS
    steps = max(int(options.seconds / pace), PACE_STEPS)
    detector, seconds = _timed(kind, config, of.fit, steps, max(steps // LOOKS, 1), options.seed)
    nats = np.concatenate(list(_nats(detector, of.held_out)))
    return _row(name, config.kind, nats, of, steps, seconds, options)


def _counted(name: str, of: Halves, options: argparse.Namespace) -> dict[str, Any]:
    began = time.monotonic()
    detector = ngrams.Detector.fit(ngrams.Config(), of.fit, options.seed, lambda _share: None)
    seconds = time.monotonic() - began
    return _row(name, "ngrams", surprise_once(detector, of.held_out), of, 0, seconds, options)


def _row(
    name: str, kind: str, nats: Floats, of: Halves, steps: int, seconds: float, options: argparse.Namespace
) -> dict[str, Any]:
    return {
        "data": name,
        "detector": kind,
        "nats": float(nats.mean()),
        "median": float(np.median(nats)),
        "n_fit": len(of.fit),
        "n_held_out": len(nats),
        "steps": steps,
        "seconds": round(seconds, 1),
        "seed": options.seed,
    }


def _timed(
    kind: type[NextEvent], config: DetectorConfig, windows: Sequence[Window], steps: int, look: int, seed: int
) -> tuple[NextEvent, float]:
    """A detector after so many steps, none spared, and the seconds that they took, a look every `look` steps."""
    schedule = replace(kind.SCHEDULE, min_steps=steps, max_steps=steps, patience=NEVER, look=look)
    of_steps = type(kind.__name__, (kind,), {"SCHEDULE": schedule})
    marks: list[float] = []
    detector = of_steps.fit(config, windows, seed, lambda _share: marks.append(time.monotonic()))
    assert isinstance(detector, NextEvent)
    return detector, (marks[-2] - marks[0]) * steps / (steps - 1)  # the last mark is after the last look


def _nats(detector: NextEvent, windows: Sequence[Window]) -> Iterator[Floats]:
    """-log of the probability of each window's event, never seen ones sharing theirs; shape (n,) a chunk."""
    place = {event: column for column, event in enumerate(detector.vocabulary)}
    for first in range(0, len(windows), CHUNK):
        part = windows[first : first + CHUNK]
        distinct = list({window.history[-detector.config.h :]: None for window in part})
        row = {history: number for number, history in enumerate(distinct)}
        shares = np.vstack([detector.shares(distinct[i : i + 2_000]) for i in range(0, len(distinct), 2_000)])
        rows = [row[window.history[-detector.config.h :]] for window in part]
        yield -np.log(shares[rows, [place.get(window.event, -1) for window in part]])


def _table(rows: Sequence[dict[str, Any]], options: argparse.Namespace) -> Table:
    table = Table("data", "detector", title=f"nats an event on held-out training sessions, seed {options.seed}")
    for name in ("mean", "median", "held-out events", "steps", "seconds"):
        table.add_column(name, justify="right")
    for row in rows:
        figures = [f"{row['nats']:.4f}", f"{row['median']:.4f}", f"{row['n_held_out']:,}", f"{row['steps']:,}"]
        table.add_row(row["data"], row["detector"], *figures, f"{row['seconds']:.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
