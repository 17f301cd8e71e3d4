"""A year of an office's logins, made up, and accounts that are taken over: sshd, sudo, openvpn, cron as they write.

Twenty accounts. Fifteen people work by day, each at hours of their own: 3 to 7 logins to two or three of six servers,
fewer at noon, from their desk or, on two days a week, by VPN from an address that their provider changes every forty
days; now and then an evening or a weekend, 8 weeks in a hundred off, a new password each quarter, one more server
within the year; some use sudo, and Leo FTP. Nina, an administrator, works by night, everywhere, and uses su; Tom
travels every second week, with a hotel's address each three days and hours shifted; the last of the fifteen begins in
October. `root`, `backup` and `deploy` are cron's. On holidays cron and Nina alone are there. Strangers knock at the VPN
and name no account.

The same seed gives the same lines, and a day's lines do not depend on what is planted into another. All hours are UTC.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from parsers.line import LogLine
from parsers.syslog import parse

MONDAY = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
DAY_S, HOUR_S = 86_400.0, 3_600.0
SERVERS = ("files-01", "mail-01", "web-01", "web-02", "db-01", "build-01")
GATE = "vpn-01"
HOLIDAYS = frozenset({"04-03", "04-06", "05-01", "05-14", "05-25", "10-03", "12-24", "12-25", "12-31", "01-01"})
"""Month and day of 2026."""
BY_DAY = [
    "alice",
    "bob",
    "carol",
    "dora",
    "emil",
    "frank",
    "gina",
    "hugo",
    "irene",
    "jonas",
    "karla",
    "leo",
    "mara",
    "nils",
    "olga",
]
NIGHT, TRAVELS, TRANSFERS = "nina", "tom", "leo"
OCTOBER = 269
"""Days after the first Monday when the last of `BY_DAY` begins."""
Kind = Literal["all", "hour", "address"]
KINDS: tuple[Kind, ...] = ("all", "hour", "address")
"""What is odd about a take-over: everything (hour, address, host, programs), the hour alone, the address alone."""


class Timed(NamedTuple):
    """A line that is to be written."""

    time: float
    host: str
    program: str
    pid: int
    message: str
    mark: str = ""
    """Of which take-over it is part, '' = of none."""

    @property
    def text(self) -> str:
        """As rsyslog writes it."""
        stamp = datetime.fromtimestamp(self.time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return f"{stamp} {self.host} {self.program}[{self.pid}]: {self.message}"


@dataclass(frozen=True)
class Account:
    """Someone, and what is usual for them."""

    name: str
    addresses: tuple[str, ...]
    """Of the desk, and the one that the VPN gives."""
    hosts: tuple[str, ...]
    """The usual ones, the commonest first."""
    begins: float = 8.0
    """Hour of the day."""
    hours: float = 9.0
    method: str = "publickey"
    sudo: bool = False
    home: tuple[int, ...] = ()
    """Days of the week spent at home, 0 = Monday."""
    gains: tuple[int, str] = (0, "")
    """One more host, from a day on."""
    since: int = 0
    """First day at work."""

    @property
    def middle(self) -> float:
        """Hour in the middle of the usual day."""
        return (self.begins + self.hours / 2) % 24


def staff(seed: int) -> list[Account]:
    """The people."""
    people = []
    for n, name in enumerate((*BY_DAY, TRAVELS)):
        chance = random.Random(f"{seed}/{name}")  # noqa: S311 - made-up people
        hosts = chance.sample(SERVERS, 4)
        people.append(
            Account(
                name,
                (f"10.1.0.{11 + n}", f"10.9.0.{11 + n}"),
                tuple(hosts[: chance.randint(2, 3)]),
                chance.gauss(8.0, 0.8),
                chance.gauss(9.0, 0.5),
                chance.choice(("publickey", "password")),
                sudo=chance.random() < 0.4,
                home=tuple(chance.sample(range(5), 2)),
                gains=(chance.randint(60, 330), hosts[3]),
                since=OCTOBER if name == BY_DAY[-1] else 0,
            )
        )
    return [*people, Account(NIGHT, ("10.1.0.250", "10.9.0.250"), SERVERS, 22.0, 8.0, sudo=True)]


def lines(days: int, seed: int = 0, planted: Iterable[Timed] = (), first: int = 0) -> list[LogLine]:
    """`days` from the `first` on, oldest first, read by the product's parser; origins of planted ones are marked."""
    people = staff(seed)
    timed = [
        line
        for day in range(first, first + days)
        for line in _day(day, people, random.Random(f"{seed}/{day}"), seed)  # noqa: S311
    ]
    return read([*timed, *planted])


def read(timed: Sequence[Timed]) -> list[LogLine]:
    """The lines in the order of time, all of which must be readable."""
    found = [parse(line.text, f"{line.mark or 'auth.log'}:{n}", line.time) for n, line in enumerate(sorted(timed), 1)]
    assert all(isinstance(line, LogLine) for line in found)
    return [line for line in found if isinstance(line, LogLine)]


def is_workday(day: int) -> bool:
    """Neither weekend nor holiday."""
    return day % 7 < 5 and f"{datetime.fromtimestamp(at(day, 12), UTC):%m-%d}" not in HOLIDAYS


def unused(account: Account, chance: random.Random) -> str:
    """A host that the account never was on, or that nobody was."""
    return chance.choice([host for host in (*SERVERS, "attic-01") if host not in {*account.hosts, account.gains[1]}])


def at(day: int, hour: float) -> float:
    """Seconds since the epoch."""
    return MONDAY + day * DAY_S + hour * HOUR_S


def take_over(
    kind: Kind, account: Account, midnight: float, host: str, chance: random.Random, mark: str
) -> list[Timed]:
    """A stranger in an account, on the day that begins at `midnight`; `host` is one that the account never was on."""
    begin, address = odd(kind, account.middle, account.addresses, midnight, chance)
    host = host if kind == "all" else account.hosts[0]
    found = [*_login(begin, account, host, address, chance)]
    found += tools(begin, account.name, host, address, chance) if kind == "all" else ()
    return [line._replace(mark=mark) for line in found]


def odd(
    kind: Kind, middle: float, addresses: Sequence[str], midnight: float, chance: random.Random
) -> tuple[float, str]:
    """When a stranger comes, half a day from the `middle` hour or within two hours of it, and from where."""
    late, near = (middle + 12) % 24 + chance.uniform(-1, 1), middle + chance.uniform(-2, 2)
    hour = near if kind == "address" else late
    return midnight + hour * HOUR_S, chance.choice(addresses) if kind == "hour" else stranger(chance)


def tools(begin: float, user: str, host: str, address: str, chance: random.Random) -> list[Timed]:
    """What a stranger does: su, as only Nina does else, and a transfer by FTP, as only Leo does."""
    return [*_root(begin + 40, user, host, chance), _transfer(begin + 90, user, host, address, chance)]


def stranger(chance: random.Random) -> str:
    """An address where nobody of the office ever is."""
    return f"45.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randint(1, 254)}"


def _day(day: int, people: Sequence[Account], chance: random.Random, seed: int) -> Iterator[Timed]:
    for person in people:
        if person.name == NIGHT:
            yield from _night(day, person, chance) if day % 7 < 6 else ()
        elif day >= person.since and not _is_off(person, day, seed):
            yield from _at_work(day, person, chance, seed) if is_workday(day) else _spare(day, person, chance, seed)
    yield from _cron(day, chance)
    for _ in range(8):
        said = f"{stranger(chance)}:{chance.randrange(1_024, 65_536)} TLS Error: TLS handshake failed"
        yield Timed(at(day, chance.uniform(0, 24)), GATE, "openvpn", 700, said)


def _is_off(person: Account, day: int, seed: int) -> bool:
    """8 weeks in a hundred, and 3 days."""
    week, ill = (random.Random(f"{seed}/{person.name}/{what}").random() for what in (f"w{day // 7}", day))  # noqa: S311
    return week < 0.08 or ill < 0.03


def _at_work(day: int, person: Account, chance: random.Random, seed: int) -> Iterator[Timed]:
    travels = person.name == TRAVELS and day // 7 % 2 == 1
    trip = random.Random(f"{seed}/{person.name}/trip{day // 3}")  # noqa: S311
    begin = person.begins + chance.gauss(0, 0.35) + (trip.randint(-7, 6) if travels else 0)
    end = begin + person.hours + chance.gauss(0, 0.5)
    desk, pool = person.addresses
    address = desk
    if travels or day % 7 in person.home:
        address = pool
        where = f"188.{trip.randrange(256)}.{trip.randrange(256)}.7" if travels else _provider(person, day, seed)
        yield _tunnel(at(day, begin), person, where, chance)
    hours = [chance.uniform(begin + 0.05, end) for _ in range(chance.randint(3, 7))]
    for hour in sorted(hour + 1.0 if 12 <= hour < 13 and chance.random() < 0.7 else hour for hour in hours):
        yield from _login(at(day, hour), person, _host(person, day, chance), address, chance)
    if person.name == TRANSFERS and chance.random() < 0.7:
        yield _transfer(at(day, end - 1), person.name, person.hosts[0], address, chance)
    if day % 90 == len(person.name) * 7 % 90:
        said = f"pam_unix(passwd:chauthtok): password changed for {person.name}"
        yield Timed(at(day, begin + 1), "mail-01", "passwd", _pid(chance), said)
    if chance.random() < 0.03:
        yield from _spare(day, person, chance, seed, (19.0, 22.0))


def _spare(
    day: int, person: Account, chance: random.Random, seed: int, hours: tuple[float, float] = (9.0, 18.0)
) -> Iterator[Timed]:
    """An evening, a weekend, a holiday: seldom, and by VPN."""
    if hours[0] > 18 or chance.random() < 0.02:
        hour = chance.uniform(*hours)
        yield _tunnel(at(day, hour), person, _provider(person, day, seed), chance)
        yield from _login(at(day, hour + 0.05), person, person.hosts[0], person.addresses[1], chance)


def _night(day: int, person: Account, chance: random.Random) -> Iterator[Timed]:
    begin = person.begins + chance.gauss(0, 0.3)
    for _ in range(chance.randint(6, 10)):
        host, when = chance.choice(person.hosts), at(day, chance.uniform(begin, begin + person.hours))
        yield from _login(when, person, host, person.addresses[0], chance)
        if chance.random() < 0.2:
            yield from _root(when + 30, person.name, host, chance)


def _login(when: float, account: Account, host: str, address: str, chance: random.Random) -> Iterator[Timed]:
    """In, perhaps something as root, and out."""
    pid, name, port = _pid(chance), account.name, chance.randrange(32_768, 61_000)
    if account.method == "password" and chance.random() < 0.04:
        yield Timed(when - 4, host, "sshd", pid, f"Failed password for {name} from {address} port {port} ssh2")
    yield Timed(when, host, "sshd", pid, f"Accepted {account.method} for {name} from {address} port {port} ssh2")
    yield Timed(when + 0.1, host, "sshd", pid, f"pam_unix(sshd:session): session opened for user {name} by (uid=0)")
    yield Timed(when + 0.2, host, "systemd-logind", 600, f"New session {chance.randrange(100_000)} of user {name}.")
    if account.sudo and chance.random() < 0.5:
        ran = chance.choice(("/usr/bin/systemctl restart app", "/usr/bin/apt update", "/usr/bin/tail /var/log/syslog"))
        said = f"{name} : TTY=pts/{chance.randrange(5)} ; PWD=/home/{name} ; USER=root ; COMMAND={ran}"
        yield Timed(when + 20, host, "sudo", _pid(chance), said)
    out = when + chance.uniform(60, 2_700)
    yield Timed(out, host, "sshd", pid, f"Disconnected from user {name} {address} port {port}")
    yield Timed(out + 0.1, host, "sshd", pid, f"pam_unix(sshd:session): session closed for user {name}")


def _root(when: float, user: str, host: str, chance: random.Random) -> list[Timed]:
    pid = _pid(chance)
    said = f"Successful su for root by {user}", f"pam_unix(su:session): session opened for user root by {user}"
    return [Timed(when + n, host, "su", pid, each) for n, each in enumerate(said)]


def _transfer(when: float, user: str, host: str, address: str, chance: random.Random) -> Timed:
    return Timed(when, host, "vsftpd", _pid(chance), f'[{user}] OK LOGIN: Client "{address}"')


def _tunnel(when: float, person: Account, where: str, chance: random.Random) -> Timed:
    peer = f"{where}:{chance.randrange(1_024, 65_536)}"
    return Timed(when, GATE, "openvpn", 700, f"{peer} [{person.name}] Peer Connection Initiated with [AF_INET]{peer}")


def _cron(day: int, chance: random.Random) -> Iterator[Timed]:
    for host in SERVERS:
        for hour in range(24):
            yield Timed(at(day, hour + 0.28), host, "CRON", _pid(chance), "(root) CMD (run-parts /etc/cron.hourly)")
        yield Timed(at(day, 2.25), host, "CRON", _pid(chance), "(backup) CMD (/usr/local/bin/backup)")
    backup, deploy = Account("backup", ("10.1.2.5",), ()), Account("deploy", ("10.1.2.9",), ())
    yield from _login(at(day, 2.3), backup, "files-01", "10.1.2.5", chance)
    for then in (6.5, 12.5, 18.5) if is_workday(day) else ():
        for host in ("web-01", "web-02"):
            yield from _login(at(day, then), deploy, host, "10.1.2.9", chance)


def _host(person: Account, day: int, chance: random.Random) -> str:
    """The first half of the time, one of the others else."""
    since, more = person.gains
    others = (*person.hosts[1:], more) if day >= since else person.hosts[1:]
    return chance.choice((person.hosts[0], chance.choice(others)))


def _provider(person: Account, day: int, seed: int) -> str:
    """The address at home."""
    chance = random.Random(f"{seed}/{person.name}/isp{day // 40}")  # noqa: S311
    return f"84.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randint(1, 254)}"


def _pid(chance: random.Random) -> int:
    return chance.randrange(1_000, 60_000)
