"""Weeks of a small company's logs, made up: people who work by day, one by night, transfers, a web server, cron.

The same seed gives the same lines, and a day's lines do not depend on what is planted into another.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from parsers.line import LogLine

MONDAY = datetime(2026, 10, 5, tzinfo=UTC).timestamp()
DAY_S = 86_400.0
HOUR_S = 3_600.0
DAY_SHIFT = ("alice", "bob", "dora", "emil")
NIGHT_SHIFT = "nina"
HOSTS = {"alice": 11, "bob": 12, "dora": 13, "emil": 14, "nina": 15}
ACCOUNTS = {"K1001": 45.0, "K1002": 220.0, "K1003": 1_800.0, "K1004": 9.5}
"""What each usually sends, EUR."""
PATHS = {"/api/search": 0.180, "/api/cart": 0.045, "/static/logo.png": 0.004, "/api/report": 0.900}
"""How long each usually takes, seconds."""
Timed = tuple[float, str, int, str]
"""When, program, pid, message."""


def lines(days: int, seed: int = 0, *, slow: Callable[[float], float] = lambda _: 1.0) -> list[LogLine]:
    """`days` from a Monday on, oldest first; `slow(t)` is what response times are multiplied by at a time."""
    timed = [line for day in range(days) for line in _day(day, random.Random(f"{seed}/{day}"), slow)]  # noqa: S311
    return stamped(timed)


def stamped(timed: list[Timed]) -> list[LogLine]:
    """Lines of one host, in the order of time."""
    return [
        LogLine(f"app.log:{n}", time, "app-01", program, pid, message)
        for n, (time, program, pid, message) in enumerate(sorted(timed), 1)
    ]


def planted(into: list[LogLine], *new: Timed) -> list[LogLine]:
    """The same lines with some more at their times."""
    more = [LogLine(f"planted:{message}", time, "app-01", program, pid, message) for time, program, pid, message in new]
    return sorted([*into, *more], key=lambda line: line.time)


def at(day: int, hour: float) -> float:
    """Seconds since the epoch of an hour of a day."""
    return MONDAY + day * DAY_S + hour * HOUR_S


def login(time: float, user: str, pid: int = 7_777, port: int = 47_777) -> Timed:
    """A user comes."""
    return time, "sshd", pid, f"Accepted publickey for {user} from 10.0.0.{HOSTS[user]} port {port} ssh2"


def transfer(time: float, account: str, amount: float, number: int = 990_001) -> Timed:
    """Money goes."""
    return time, "bank", 400, f"Transfer {number} of {amount:.2f} EUR from account {account} to <IBAN> was booked"


def request(time: float, path: str, seconds: float) -> Timed:
    """A page is served."""
    return time, "web", 300, f"GET {path} status 200 took {seconds * 1000:.1f}ms for {900 + 100 * len(path)} bytes"


def _day(day: int, chance: random.Random, slow: Callable[[float], float]) -> Iterator[Timed]:
    is_free = day % 7 >= 5
    for user in () if is_free else DAY_SHIFT:
        if chance.random() < 0.9:
            yield from _shift(day, 8.0 + chance.gauss(0, 0.5), user, chance)
    if day % 7 < 6 and chance.random() < 0.9:
        yield from _shift(day, 22.0 + chance.gauss(0, 0.5), NIGHT_SHIFT, chance)
    hours = [min(max(chance.gauss(13.0, 3.0), 0.0), 23.9) for _ in range(12 if is_free else 60)]
    for n, hour in enumerate(sorted(hours)):
        time = at(day, hour)
        account = chance.choice(list(ACCOUNTS))
        yield transfer(time, account, ACCOUNTS[account] * chance.lognormvariate(0, 0.5), day * 100 + n)
    for _ in range(120 if is_free else 350):
        hour = chance.choice((chance.uniform(0, 24), chance.gauss(13.0, 3.5) % 24))
        busy = 1.0 + 0.5 * math.exp(-(((hour - 13.0) / 3.5) ** 2))  # around noon everything is slower
        path, time = chance.choices(list(PATHS), (5, 3, 8, 1))[0], at(day, hour)
        yield request(time, path, PATHS[path] * busy * chance.lognormvariate(0, 0.35) * slow(time))
    for hour in range(24):
        rows = int(5_000 * chance.lognormvariate(0, 0.1))
        yield at(day, hour + 0.28), "CRON", 20_000 + day * 24 + hour, f"(root) rotated {rows} rows in {rows // 1000}s"


def _shift(day: int, hour: float, user: str, chance: random.Random) -> Iterator[Timed]:
    for n in range(chance.randint(2, 5)):
        pid = 1_000 + day * 50 + n * 7 + len(user)
        time = at(day, hour + n * chance.uniform(0.5, 2.2))
        yield login(time, user, pid, chance.randrange(32_768, 61_000))
        yield time + 1, "sshd", pid, f"session opened for user {user}"
        yield time + chance.uniform(60, 3_000), "sshd", pid, f"session closed for user {user}"
