"""A server's regular day, made up: the same seed gives the same lines. For tests that need something to learn."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache

from parsers.line import LogLine
from parsers.syslog import parse
from plugin.bundle import Bundle
from plugin.config import ViewSettings, default_views
from plugin.ports import Hit
from plugin.training import Plan, learn

DAY = datetime(2026, 11, 23, tzinfo=UTC)
HOST = "web-01"
USERS = {"alice": "10.1.2.3", "bob": "10.1.2.4", "deploy": "10.1.9.9"}
"""Who logs in, and always from where."""
STRANGE = "new user: name=toor, UID=0, GID=0, home=/root, shell=/bin/sh"


def texts(n_logins: int = 60, seed: int = 0) -> list[str]:
    """A day's lines in the order of time: logins of five or six lines each, one sshd process a login, and cron's."""
    chance = random.Random(seed)  # noqa: S311 - a made-up log, no secret
    timed = [line for n in range(n_logins) for line in _login(chance, n, n_logins)]
    timed += [
        (hour * 3600 + 17 * 60, "CRON", 9000 + hour, "(root) CMD (run-parts /etc/cron.hourly)") for hour in range(24)
    ]
    return [stamped(*line) for line in sorted(timed)]


def stamped(second: float, program: str, pid: int, message: str) -> str:
    """A line of RFC 3164 at a second of the day."""
    time = datetime.fromtimestamp(DAY.timestamp() + second, UTC)
    return f"{time:%b %d %H:%M:%S} {HOST} {program}[{pid}]: {message}"


def strange(second: float = 43_210.0) -> str:
    """A line as no other day had one."""
    return stamped(second, "useradd", 31_337, STRANGE)


def lines(of: Iterable[str]) -> list[LogLine]:
    """The texts as log lines of `auth.log`, every one of which must be readable."""
    read = [parse(text, f"auth.log:{n}", DAY.timestamp() + 86_400) for n, text in enumerate(of, 1)]
    assert all(isinstance(line, LogLine) for line in read)
    return [line for line in read if isinstance(line, LogLine)]


def hits(of: Iterable[str], index: str = "logs-auth") -> list[Hit]:
    """The texts as documents, by turns raw syslog in `message` and parsed into ECS fields."""
    return [_parsed(line, index, n) if n % 2 else _raw(text, line, index, n) for n, text, line in _numbered(of)]


def views(epochs: int = 2) -> dict[str, ViewSettings]:
    """The default views, small enough to be fit in a moment."""
    small = {"kind": "deeplog", "h": 4, "embedding": 8, "hidden": 16, "epochs": epochs, "device": "cpu"}
    plain = {name: view for name, view in default_views().items() if name != "sequence"}
    return {"sequence": ViewSettings(detector=small)} | plain


@cache
def bundle() -> Bundle:
    """What the day teaches; learnt once a run, for it never changes."""
    learnt, _ = learn(lines(texts()), Plan("auth", views(), 5.0, "2026-11-24-01", "2026-11-24T00:00:00Z", 0), silent)
    return learnt


@cache
def watchful(cut: float = 8.0) -> Bundle:
    """The same with so low a cut that many lines are over it."""
    return bundle().with_cut(cut, "2026-11-24-02", "2026-11-24T01:00:00Z")


def silent(_share: float) -> None:
    """Progress that nobody watches."""


def _login(chance: random.Random, n: int, n_logins: int) -> Iterator[tuple[float, str, int, str]]:
    second = 86_000.0 * n / n_logins + chance.randrange(100)
    user = chance.choice(list(USERS))
    address, pid, port = USERS[user], 1000 + n, chance.randrange(40_000, 60_000)
    if n % 5 == 0:
        yield second, "sshd", pid, f"Failed password for {user} from {address} port {port} ssh2"
    yield second + 2, "sshd", pid, f"Accepted password for {user} from {address} port {port} ssh2"
    yield second + 3, "sshd", pid, f"pam_unix(sshd:session): session opened for user {user} by (uid=0)"
    last = second + 10 + chance.randrange(100)
    yield last, "sshd", pid, f"Received disconnect from {address} port {port}:11: disconnected by user"
    yield last + 1, "sshd", pid, f"Disconnected from user {user} {address} port {port}"
    yield last + 2, "sshd", pid, f"pam_unix(sshd:session): session closed for user {user}"


def _numbered(of: Iterable[str]) -> Iterator[tuple[int, str, LogLine]]:
    of = list(of)
    return ((n, text, line) for n, (text, line) in enumerate(zip(of, lines(of), strict=True)))


def _raw(text: str, line: LogLine, index: str, n: int) -> Hit:
    return Hit(index, f"id-{n}", _clock(line), {"@timestamp": _iso(line), "message": text})


def _parsed(line: LogLine, index: str, n: int) -> Hit:
    fields = {
        "@timestamp": _iso(line),
        "message": line.message,
        "host": {"name": line.host},
        "process.name": line.program,
        "process": {"pid": line.pid},
    }
    return Hit(index, f"id-{n}", _clock(line), fields)


def _iso(line: LogLine) -> str:
    return datetime.fromtimestamp(line.time, UTC).isoformat()


def _clock(line: LogLine) -> int:
    return int(line.time * 1_000_000_000)
