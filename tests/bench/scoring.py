"""How much faster windows are judged in one batch, each distinct one once, than one at a time as DeepLog's loop does.

Both have the same weights, and must call the same windows abnormal by the rank rule. One core; about a minute.

    python tests/bench/scoring.py --data DIR [--json]         # the HDFS set in DIR/hdfs
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from models.crossfit import surprise_once
from models.detectors.deeplog import Config, Detector
from models.fit import Learner
from models.windows import Event, Frame, Tails, Window, slide

CONFIG = Config(decision="rank")
N_FIT = 1_000
"""Training sessions to fit on: it is the judging that is timed."""
THEIRS_S = 20.0
"""How long the loop may run; its rate is what counts."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit once, judge twice, print one row. Exit codes: 0, or 2 where the data are missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder that holds hdfs/")
    parser.add_argument("--json", action="store_true", help="one object")
    options = parser.parse_args(arguments)
    folder = options.data / "hdfs"
    try:
        train, *test = (windows(folder / f"{name}.txt.gz") for name in ("train_normal", "test_normal", "test_abnormal"))
    except OSError as error:
        print(f"scoring: {folder} lacks the HDFS set ({error})", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    row = compare(Detector.fit(CONFIG, train[: N_FIT * 20], 0, lambda _share: None), [*test[0], *test[1]])
    if options.json:
        print(json.dumps(row))
    else:
        Console().print(
            f"scoring: {row['ours_per_s']:,.0f} windows a second in one batch, {row['theirs_per_s']:,.0f} one at a "
            f"time: {row['ratio']:.0f} times as fast, same decisions",
            soft_wrap=True,
        )
    return 0


def windows(path: Path) -> list[Window]:
    """The windows of every session, one session a line; each with its END."""
    frame = Frame(CONFIG.h, counts=False, idle_s=1.0)
    found: list[Window] = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            events = [Event("", int(word), 0.0, 0.0, (), None) for word in line.split()]
            found.extend(seen.window for seen in slide(Tails[None](), events, frame, until=1.0)[0])
    return found


def compare(detector: Detector, judged: Sequence[Window]) -> dict[str, str | float]:
    """Rates of both, and their ratio.

    Raises:
        AssertionError: they disagree about a window.
    """
    order = np.random.default_rng(0).permutation(len(judged))
    mixed = [judged[place] for place in order]
    began = time.perf_counter()
    ours = surprise_once(detector, mixed) > 0.0
    ours_per_s = len(mixed) / (time.perf_counter() - began)
    began = time.perf_counter()
    theirs = one_at_a_time(detector, mixed)
    theirs_per_s = len(theirs) / (time.perf_counter() - began)
    assert theirs == ours[: len(theirs)].tolist()
    return {
        "name": "scoring",
        "ratio": ours_per_s / theirs_per_s,
        "ours_per_s": ours_per_s,
        "theirs_per_s": theirs_per_s,
    }


def one_at_a_time(detector: Detector, judged: Sequence[Window]) -> list[bool]:
    """DeepLog's loop: a forward pass a window, abnormal if its event is not among the top g; for `THEIRS_S` at most."""
    columns = {
        event: place + 2 for place, event in enumerate(detector.vocabulary)
    }  # 0: never seen, 1: before the start
    until = time.perf_counter() + THEIRS_S
    verdicts: list[bool] = []
    network = Learner(detector.fitted.network)
    network.begin(detector.fitted.weights)
    network.double().eval()
    with torch.no_grad():
        for window in judged:
            history = [1] * (CONFIG.h - len(window.history)) + [columns.get(event, 0) for event in window.history]
            likeliest = torch.topk(detector.forward(network, torch.tensor([history]))[0], CONFIG.top_g).indices
            verdicts.append(columns.get(window.event, 0) - 2 not in likeliest.tolist())
            if time.perf_counter() > until:
                break
    return verdicts


if __name__ == "__main__":
    sys.exit(main())
