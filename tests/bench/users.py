"""Whether accounts that are taken over are found by five alerts a day, of a made-up year or of a real auth.log.

Three kinds are planted after the training: a login at an odd hour from a new address to a new host with programs that
its user never ran (`all`); a login from a usual address at an odd hour (`hour`); one at a usual hour from a new address
(`address`). The year is `tests/office.py`'s: nine months to learn, three to judge, eight of each kind among the people
who are there all year. Of the real log the first 60 % of its time are learnt; three of each kind are copies of its own
users' logins, moved in time, with another address or host, and for `all` with what sudo ran for someone else.

Each way to look is learnt (`plugin.training.learn`) and judges (`plugin.pipeline.judge`) as the product does. A
take-over is found when a person is told of one of its lines, not of one that repeats what was told within a day: by the
bundle's cut for the budget, which may raise more or fewer, and among as many of the strongest as the budget allows.

    python tests/bench/users.py [--seeds 0 1 2] [--budget 5] [--json]
    python tests/bench/users.py --data DIR
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from parsers.line import LogLine  # noqa: E402 - the repository is no installed package
from plugin.bundle import Bundle  # noqa: E402
from plugin.config import ViewSettings, ready_views  # noqa: E402
from plugin.doors import files  # noqa: E402
from plugin.pipeline import Anomaly, judge  # noqa: E402
from plugin.repeats import marked  # noqa: E402
from plugin.training import Plan, learn  # noqa: E402
from tests import office  # noqa: E402
from tests.office import DAY_S, KINDS, Kind  # noqa: E402

DAYS, LEARNT = 364, 273
EACH, EACH_OF_DATA = 8, 3
"""Take-overs of a kind: twenty-four in three months; nine in ten days."""
LEARNT_SHARE = 0.6
LOGINS = 5
"""That an account of the real log must have had while learning."""
LOWER = 10.0
"""Points under the cut that are looked at for the strongest."""


class Case(NamedTuple):
    """Lines to learn from, and lines to judge that hold what was planted."""

    learnt: list[LogLine]
    judged: list[LogLine]
    marks: dict[Kind, list[str]]

    @property
    def days(self) -> float:
        """Of what is judged."""
        return (self.judged[-1].time - self.judged[0].time) / DAY_S


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant, learn, judge, print. Exit codes: 0, or 2 where the data are missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, help="a folder that holds auth/auth.log; else the made-up year")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--budget", type=float, default=5.0, help="alerts a day (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="an object a row")
    options = parser.parse_args(arguments)
    path = options.data and options.data / "auth" / "auth.log"
    if path and not path.is_file():
        print(f"users: {path} is missing", file=sys.stderr)
        return 2
    for seed in options.seeds:
        case = of_data(path, seed) if path else of_office(seed)
        for name, views in ways().items():
            row = {"seed": seed, "views": name, **_row(case, views, options.budget, seed)}
            print(json.dumps(row) if options.json else _told(row), flush=True)
    return 0


def ways() -> dict[str, dict[str, ViewSettings]]:
    """Ways to look at the lines."""
    ready = ready_views()
    users = ready["users"]
    hourless = tuple(pair for pair in users.pairs if "hour" not in pair)
    return {
        "users": {"users": users},
        "users, no hour": {"users": users.model_copy(update={"pairs": hourless})},
        "users, no pairs": {"users": users.model_copy(update={"pairs": ()})},
        "rarity": {"rarity": ready["rarity"]},
        "rarity + users": {"rarity": ready["rarity"], "users": users},
    }


def of_office(seed: int) -> Case:
    """The year."""
    chance = random.Random(f"users/{seed}")  # noqa: S311 - made-up attacks
    people = [person for person in office.staff(seed) if not person.since]
    days = [day for day in range(LEARNT, DAYS) if office.is_workday(day)]
    planted: list[office.Timed] = []
    for kind, mark in _marks(EACH):
        person = chance.choice(people)
        midnight = office.at(chance.choice(days), 0)
        planted += office.take_over(kind, person, midnight, office.unused(person, chance), chance, mark)
    lines = office.lines(DAYS, seed, planted)
    edge = office.at(LEARNT, 0)
    return _case([line for line in lines if line.time < edge], [line for line in lines if line.time >= edge], EACH)


def of_data(path: Path, seed: int) -> Case:
    """A real log."""
    chance = random.Random(f"users/{seed}")  # noqa: S311 - made-up attacks
    lines, _ = files.read([str(path)])
    edge = lines[0].time + LEARNT_SHARE * (lines[-1].time - lines[0].time)
    learnt, judged = [line for line in lines if line.time < edge], [line for line in lines if line.time >= edge]
    logins, sudo = _logins(learnt), [line for line in learnt if " : TTY=" in line.message]
    midnights = range(math.ceil(edge / DAY_S), int(lines[-1].time // DAY_S))
    for kind, mark in _marks(EACH_OF_DATA):
        user = chance.choice(sorted(logins))
        copy = _copied(kind, logins[user], chance.choice(midnights) * DAY_S, chance)
        if kind == "all":
            copy += _borrowed(copy[0], [line for line in sudo if line.user != user], chance)
        judged += [line._replace(origin=f"{mark}:{n}") for n, line in enumerate(copy)]
    return _case(learnt, sorted(judged, key=lambda line: line.time), EACH_OF_DATA)


def _marks(each: int) -> Iterator[tuple[Kind, str]]:
    return ((kind, f"planted-{kind}-{n}") for kind in KINDS for n in range(each))


def _case(learnt: list[LogLine], judged: list[LogLine], each: int) -> Case:
    marks: dict[Kind, list[str]] = {kind: [] for kind in KINDS}
    for kind, mark in _marks(each):
        marks[kind].append(mark)
    return Case(learnt, judged, marks)


def _logins(lines: Sequence[LogLine]) -> Mapping[str, list[list[LogLine]]]:
    """By user: the lines of each of their sessions, login first; of those who came often enough."""
    by_process: dict[tuple[str, int | None], list[LogLine]] = {}
    for line in lines:
        if line.program == "sshd":
            by_process.setdefault((line.host, line.pid), []).append(line)
    found: dict[str, list[list[LogLine]]] = {}
    for session in by_process.values():
        starts = [i for i, line in enumerate(session) if line.message.startswith("Accepted ")]
        ends = [i for i, line in enumerate(session) if "session closed" in line.message]
        if starts and ends and starts[0] < ends[0]:  # what comes later is another process of that number
            found.setdefault(session[starts[0]].user, []).append(session[starts[0] : ends[0] + 1])
    return {user: sessions for user, sessions in found.items() if len(sessions) >= LOGINS}


def _copied(kind: Kind, sessions: Sequence[list[LogLine]], midnight: float, chance: random.Random) -> list[LogLine]:
    """One of an account's sessions, at another time, and where the kind is so, from and to elsewhere."""
    session = chance.choice(sessions)
    login = session[0]
    angles = [math.tau * (each[0].time % DAY_S) / DAY_S for each in sessions]
    middle = math.atan2(sum(map(math.sin, angles)), sum(map(math.cos, angles))) / math.tau * 24 % 24
    begin, address = office.odd(kind, middle, [each[0].address for each in sessions], midnight, chance)
    return [
        line._replace(
            time=line.time - login.time + begin,
            host=f"{login.host}-b" if kind == "all" else login.host,
            message=line.message.replace(login.address, address),
            address=address if line.address == login.address else line.address,
        )
        for line in session
    ]


def _borrowed(login: LogLine, sudo: Sequence[LogLine], chance: random.Random) -> list[LogLine]:
    """What another's sudo ran, now for this login; nothing where no other uses it."""
    if not sudo:
        return []
    line = chance.choice(sudo)
    message = line.message.replace(line.user, login.user, 1)
    return [line._replace(time=login.time + 40, host=login.host, user=login.user, message=message)]


def _row(case: Case, views: Mapping[str, ViewSettings], budget: float, seed: int) -> dict[str, Any]:
    began = time.monotonic()
    bundle, _ = learn(case.learnt, Plan("bench", views, budget, "1", "", 0, seed=seed), lambda _share: None)
    ranked = strongest(case, bundle)
    over = [each for each in ranked if each.score >= bundle.threshold.cut]
    n = round(budget * case.days)
    return {
        "by_cut": _found(case, _told_once(over)),
        "among": _found(case, _told_once(ranked)[:n]),
        "n": n,
        "each": len(case.marks["all"]),
        "a_day": _others(case, _told_once(over)),
        "repeats_too": _others(case, over),
        "seconds": round(time.monotonic() - began),
    }


def _told_once(anomalies: Sequence[Anomaly]) -> list[Anomaly]:
    """Those that a person is told of, in the order that was given."""
    in_time = sorted(anomalies, key=lambda each: each.sighting.line.time)
    return sorted((each for each in marked({}, in_time, DAY_S)[0] if not each.repeats), key=_strength)


def _others(case: Case, anomalies: Sequence[Anomaly]) -> float:
    """A day, beside what was planted."""
    return round(sum(not _mark(each) for each in anomalies) / case.days, 1)


def _strength(anomaly: Anomaly) -> tuple[float, float]:
    return -anomaly.score, -anomaly.surprise


def strongest(case: Case, bundle: Bundle) -> list[Anomaly]:
    """What is nearly over the cut or over it, the strongest first."""
    lowered = bundle.with_cut(max(bundle.threshold.cut - LOWER, 1.0), "1", "")
    found, _ = judge(bundle.matcher.match(case.judged), "bench", lowered, {}, case.judged[-1].time)
    return sorted(found, key=_strength)


def _found(case: Case, anomalies: Sequence[Anomaly]) -> dict[str, int]:
    hit = {_mark(each) for each in anomalies}
    return {kind: sum(mark in hit for mark in marks) for kind, marks in case.marks.items()}


def _mark(anomaly: Anomaly) -> str:
    """The take-over that it is about, '' for none."""
    origin = anomaly.sighting.line.origin
    return origin.partition(":")[0] if origin.startswith("planted-") else ""


def _told(row: Mapping[str, Any]) -> str:
    by_cut, among = (" ".join(f"{kind} {n}" for kind, n in row[of].items()) for of in ("by_cut", "among"))
    told = f"seed {row['seed']}  {row['views']:<16} of {row['each']} each: by the cut {by_cut}, beside {row['a_day']} "
    told += f"others a day ({row['repeats_too']} with repeats); "
    return f"{told}among the {row['n']} strongest {among}  ({row['seconds']} s)"


if __name__ == "__main__":
    sys.exit(main())
