"""Whether what is dense is among the alerts of a daily budget, beside a plain EWMA of counts.

Of an auth.log the five densest hours of failed logins. Of the shipped week of a firewall, which `record_firewall.py`
recorded, a port scan, a SYN flood and a slow scan, each told by its address.

Each entity's hours are images for `counts`, cross-fitted in time as `score` does: by host, by address and by user; of
the firewall by address, which is the view `volume`, and the default views beside it. The baseline follows each event of
each entity by an exponentially weighted mean and calls strange what is far over it. All may raise as many alerts as the
budget allows over all days, the strangest, each line of the default views being one.

    python tests/bench/volume.py --data DIR [--budget 5] [--seed 0] [--json]
    python tests/bench/volume.py --firewall
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from models.windows import Tails  # noqa: E402 - the repository is no installed package
from parsers.line import LogLine  # noqa: E402
from parsers.masks import Masks  # noqa: E402
from parsers.matcher import Match, Matcher  # noqa: E402
from parsers.miner import survey  # noqa: E402
from plugin.config import LINE_FIELDS, LineField, ViewSettings, default_views, ready_views  # noqa: E402
from plugin.doors import files  # noqa: E402
from plugin.pipeline import judge  # noqa: E402
from plugin.training import Plan, learn_blocks  # noqa: E402
from tests.bench.record_firewall import PLANTED  # noqa: E402

HOUR_S = 3_600.0
DAY_S = 86_400.0
ENTITIES: dict[str, LineField] = {"host": "host.name", "address": "source.ip", "user": "user.name"}
ADDRESS: dict[str, LineField] = {"address": "source.ip"}
FIREWALL = ROOT / "tests" / "data" / "firewall.log.gz"
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
    """`source.ip=10.0.0.1`, or whatever it is about."""


class Target(NamedTuple):
    """What is to be found: alerts about its hour, or about its entity."""

    name: str
    hour: int | None = None
    entity: str = ""

    def is_hit(self, alert: Alert) -> bool:
        """Whether the alert is about it."""
        return self.hour in {None, alert.hour} and self.entity in {"", alert.entity}


Judge = Callable[[Sequence[LogLine]], list[Alert]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, learn, rank, print. Exit codes: 0, or 2 where the data are missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--data", type=Path, help="a folder that holds auth/auth.log")
    which.add_argument("--firewall", action="store_true", help="the shipped week of a firewall")
    parser.add_argument("--budget", type=float, default=5.0, help="alerts a day (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one object a row")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    path = FIREWALL if options.firewall else options.data / "auth" / "auth.log"
    if not path.is_file():
        print(f"volume: {path} is missing", file=sys.stderr)
        return 2
    lines, _ = files.read([str(path)])
    n = round(options.budget * math.ceil((lines[-1].time - lines[0].time) / DAY_S))
    targets = planted() if options.firewall else _densest(lines)
    judges = _of_firewall(options) if options.firewall else _of_auth(options)
    rows = [_row(name, by, lines, targets, n) for name, by in judges.items()]
    if options.json:
        print("\n".join(map(json.dumps, rows)))
    else:
        Console().print(_table(rows, targets, lines, n))
    return 0


def planted() -> list[Target]:
    """What the firewall's week holds."""
    return [Target(name, entity=f"source.ip={address}") for name, address in PLANTED.items()]


def _of_auth(options: argparse.Namespace) -> dict[str, Judge]:
    views = {name: {name: field} for name, field in ENTITIES.items()}
    by = {"counts, all": ENTITIES, **{f"counts, {name}": of for name, of in views.items()}}
    judges: dict[str, Judge] = {name: partial(_by_counts, entities=of, options=options) for name, of in by.items()}
    return judges | {"EWMA, all": partial(_by_mean, entities=ENTITIES)}


def _of_firewall(options: argparse.Namespace) -> dict[str, Judge]:
    return {
        "view volume": partial(by_views, views={"volume": ready_views()["volume"]}, options=options),
        "default views": partial(by_views, views=default_views(), options=options),
        "EWMA, address": partial(_by_mean, entities=ADDRESS),
    }


def _by_counts(lines: Sequence[LogLine], entities: Mapping[str, LineField], options: argparse.Namespace) -> list[Alert]:
    views = {name: ViewSettings(session_by=(field,), detector={"kind": "counts"}) for name, field in entities.items()}
    return by_views(lines, views, options)


def by_views(lines: Sequence[LogLine], views: Mapping[str, ViewSettings], options: argparse.Namespace) -> list[Alert]:
    """All that is strange at all, by blocks of time that the judging detectors never saw."""
    plan = Plan("bench", views, options.budget, "bench", "", 0, seed=options.seed)
    learnt = learn_blocks(lines, plan, lambda _share: None)
    tails: Mapping[str, Tails[LogLine]] = {}
    alerts: list[Alert] = []
    for block, bundle in zip(learnt.blocks, learnt.bundles, strict=True):
        lowered = bundle.with_cut(1.0, bundle.id, bundle.created)
        found, tails = judge(bundle.matcher.match(block), "bench", lowered, tails, 0.0)
        for each in found:
            seen = each.sighting
            entity = seen.session if seen.window.bins else f"source.ip={seen.line.address}"
            alerts.append(Alert(int(seen.time // HOUR_S), (each.score, each.surprise), entity))
    return alerts


def _by_mean(lines: Sequence[LogLine], entities: Mapping[str, LineField]) -> list[Alert]:
    """One alert an entity and hour, by its event that is most standard deviations over its mean."""
    masks = Masks.default()
    matches = Matcher(masks, survey((line.message for line in lines), masks, 5_000).templates).match(lines)
    worst: dict[tuple[str, int], float] = {}
    for field in entities.values():
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


def _densest(lines: Sequence[LogLine]) -> list[Target]:
    """The hours with most failed logins, the most first."""
    failed = Counter(int(line.time // HOUR_S) for line in lines if any(words in line.message for words in FAILED))
    return [
        Target(f"{datetime.fromtimestamp(hour * HOUR_S, UTC):%d %b %H h} ({n})", hour=hour)
        for hour, n in failed.most_common(DENSEST)
    ]


def _row(name: str, by: Judge, lines: Sequence[LogLine], targets: Sequence[Target], n: int) -> dict[str, Any]:
    began = time.monotonic()
    ranked = sorted(by(lines), key=lambda alert: alert.strangeness, reverse=True)[:n]
    seconds = time.monotonic() - began
    ranks = [next((i for i, alert in enumerate(ranked, 1) if target.is_hit(alert)), None) for target in targets]
    return {
        "judge": name,
        "found": sum(rank is not None for rank in ranks),
        "ranks": ranks,
        "alerts": len(ranked),
        "seconds": round(seconds, 1),
    }


def _table(rows: Sequence[dict[str, Any]], targets: Sequence[Target], lines: Sequence[LogLine], n: int) -> Table:
    table = Table("judge", title=f"rank among the {n} strangest alerts; {len(lines):,} lines")
    for target in targets:
        table.add_column(target.name, justify="right")
    table.add_column("seconds", justify="right")
    for row in rows:
        ranks = ["not found" if rank is None else str(rank) for rank in row["ranks"]]
        table.add_row(row["judge"], *ranks, f"{row['seconds']:.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
