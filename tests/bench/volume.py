"""Whether an auth.log's densest hours of failed logins are among the alerts of a daily budget, beside a plain EWMA.

Each entity's hours are images for `counts`, by host, by address and by user, cross-fitted in time as `score` does. The
baseline follows each event of each entity by an exponentially weighted mean and calls strange what is far over it. Both
may raise as many alerts as the budget allows over all days, the strangest; an hour is found when an alert is about it.

    python tests/bench/volume.py --data DIR [--budget 5] [--seed 0] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from models.windows import Tails
from parsers.line import LogLine
from parsers.masks import Masks
from parsers.matcher import Match, Matcher
from parsers.miner import survey
from plugin.config import LINE_FIELDS, LineField, ViewSettings
from plugin.doors import files
from plugin.pipeline import judge
from plugin.training import Plan, learn_blocks

HOUR_S = 3_600.0
DAY_S = 86_400.0
ENTITIES: dict[str, LineField] = {"host": "host.name", "address": "source.ip", "user": "user.name"}
DENSEST = 5
FAILED = ("Failed password", "Invalid user")
WEIGHT = 0.3
"""Of the newest hour in the mean: the usual one of control charts."""


class Alert(NamedTuple):
    """Something strange about an hour."""

    hour: int
    """Since the epoch."""
    strangeness: tuple[float, float]
    entity: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, learn, rank, print. Exit codes: 0, or 2 where the data are missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder that holds auth/auth.log")
    parser.add_argument("--budget", type=float, default=5.0, help="alerts a day (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one object a row")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    path = options.data / "auth" / "auth.log"
    if not path.is_file():
        print(f"volume: {path} is missing", file=sys.stderr)
        return 2
    lines, _ = files.read([str(path)])
    n = round(options.budget * math.ceil((lines[-1].time - lines[0].time) / DAY_S))
    rows = [_row(name, alerts, lines, n, seconds) for name, alerts, seconds in _judged(lines, options)]
    if options.json:
        print("\n".join(map(json.dumps, rows)))
    else:
        Console().print(_table(rows, lines, n))
    return 0


def _judged(lines: Sequence[LogLine], options: argparse.Namespace) -> Iterator[tuple[str, list[Alert], float]]:
    views = {name: {name: field} for name, field in ENTITIES.items()}
    for name, entities in {"counts, all": ENTITIES, **{f"counts, {name}": of for name, of in views.items()}}.items():
        began = time.monotonic()
        yield name, _by_counts(lines, entities, options), time.monotonic() - began
    began = time.monotonic()
    yield "EWMA, all", _by_mean(lines), time.monotonic() - began


def _by_counts(lines: Sequence[LogLine], entities: Mapping[str, LineField], options: argparse.Namespace) -> list[Alert]:
    """All that is strange at all, by blocks of time that the judging detector never saw."""
    views = {name: ViewSettings(session_by=(field,), detector={"kind": "counts"}) for name, field in entities.items()}
    plan = Plan("auth", views, options.budget, "bench", "", 0, seed=options.seed)
    learnt = learn_blocks(lines, plan, lambda _share: None)
    tails: Mapping[str, Tails[LogLine]] = {}
    alerts: list[Alert] = []
    for block, bundle in zip(learnt.blocks, learnt.bundles, strict=True):
        lowered = bundle.with_cut(1.0, bundle.id, bundle.created)
        found, tails = judge(bundle.matcher.match(block), "auth", lowered, tails, 0.0)
        for each in found:
            hour = int(each.sighting.time // HOUR_S)
            alerts.append(Alert(hour, (each.score, each.surprise), each.sighting.session))
    return alerts


def _by_mean(lines: Sequence[LogLine]) -> list[Alert]:
    """One alert an entity and hour, by its event that is most standard deviations over its mean."""
    masks = Masks.default()
    matches = Matcher(masks, survey((line.message for line in lines), masks, 5_000).templates).match(lines)
    worst: dict[tuple[str, int], float] = {}
    for field in ENTITIES.values():
        for (entity, _), hours in _hourly(matches, field).items():
            mean, last = 0.0, min(hours)
            for hour in sorted(hours):
                mean *= (1.0 - WEIGHT) ** max(hour - last - 1, 0)  # the hours between had none
                far = (hours[hour] - mean) / math.sqrt(mean + 1.0)
                worst[entity, hour] = max(worst.get((entity, hour), 0.0), far)
                mean, last = (1.0 - WEIGHT) * mean + WEIGHT * hours[hour], hour
    return [Alert(hour, (far, 0.0), entity) for (entity, hour), far in worst.items()]


def _hourly(matches: Sequence[Match], field: LineField) -> Mapping[tuple[str, int], Counter[int]]:
    """(entity, event) → hour → how often; lines that name no such entity are one entity, as in a view."""
    found: defaultdict[tuple[str, int], Counter[int]] = defaultdict(Counter)
    for line, event, _ in matches:
        value = getattr(line, LINE_FIELDS[field])
        found[f"{field}={value}" if value else f"no {field}", event][int(line.time // HOUR_S)] += 1
    return found


def _densest(lines: Sequence[LogLine]) -> list[tuple[int, int]]:
    """(hour, failed logins), the most first."""
    failed = Counter(int(line.time // HOUR_S) for line in lines if any(words in line.message for words in FAILED))
    return failed.most_common(DENSEST)


def _row(name: str, alerts: Sequence[Alert], lines: Sequence[LogLine], n: int, seconds: float) -> dict[str, Any]:
    ranked = sorted(alerts, key=lambda alert: alert.strangeness, reverse=True)[:n]
    first = {alert.hour: rank for rank, alert in reversed([*enumerate(ranked, 1)])}
    ranks = [first.get(hour) for hour, _ in _densest(lines)]
    return {
        "judge": name,
        "found": sum(rank is not None for rank in ranks),
        "ranks": ranks,
        "alerts": len(ranked),
        "seconds": round(seconds, 1),
    }


def _table(rows: Sequence[dict[str, Any]], lines: Sequence[LogLine], n: int) -> Table:
    table = Table("judge", title=f"rank of the densest hours among the {n} strangest alerts; {len(lines):,} lines")
    for hour, failed in _densest(lines):
        table.add_column(f"{datetime.fromtimestamp(hour * HOUR_S, UTC):%d %b %H h} ({failed})", justify="right")
    table.add_column("seconds", justify="right")
    for row in rows:
        ranks = ["not found" if rank is None else str(rank) for rank in row["ranks"]]
        table.add_row(row["judge"], *ranks, f"{row['seconds']:.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
