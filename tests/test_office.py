"""A made-up office: it has the rhythms it says, and an account that is taken over in it is told first."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache

from parsers.line import LogLine
from plugin import explain
from plugin.config import ready_views
from plugin.pipeline import Anomaly, judge
from plugin.training import Plan, learn
from tests import office

LEARNT, NEW = 28, 3
"""Days; the new ones begin on a Monday."""
EASTER = 88
"""Good Friday, in days after the first Monday."""


@cache
def month() -> list[LogLine]:
    """What is learnt."""
    return office.lines(LEARNT)


@cache
def strangest() -> list[Anomaly]:
    """What the view of users finds over its cut in three days with take-overs of alice and bob, the worst first."""
    alice, bob, *_ = office.staff(0)
    chance = random.Random(0)  # noqa: S311 - made-up attacks
    planted = [
        *office.take_over("all", alice, office.at(LEARNT + 1, 0), office.unused(alice, chance), chance, "alice"),
        *office.take_over("hour", bob, office.at(LEARNT + 2, 0), "", chance, "bob"),
    ]
    plan = Plan("auth", {"users": ready_views()["users"]}, 5.0, "1", "", 0)
    bundle, _ = learn(month(), plan, lambda _share: None)
    new = office.lines(NEW, 0, planted, LEARNT)
    found, _ = judge(bundle.matcher.match(new), "auth", bundle, {}, new[-1].time)
    return sorted(found, key=lambda each: (-each.score, -each.surprise))


def told(mark: str) -> list[str]:
    """Why the lines of a take-over were found."""
    return [explain.reason(each) for each in strangest() if each.sighting.line.origin.startswith(f"{mark}:")]


def test_the_same_seed_gives_the_same_days() -> None:
    """Whatever is planted beside them, and whichever are asked for."""
    plain, other = office.lines(3, 1), office.lines(3, 2)
    assert plain == office.lines(3, 1)
    assert plain != other
    alice, chance = office.staff(1)[0], random.Random(0)  # noqa: S311 - a made-up attack
    more = office.take_over("hour", alice, office.at(1, 0), "web-01", chance, "planted")
    unmarked = [line.message for line in office.lines(3, 1, more) if not line.origin.startswith("planted")]
    assert unmarked == [line.message for line in plain]
    last = [line.message for line in plain if line.time >= office.at(2, 1)]
    alone = [line.message for line in office.lines(1, 1, first=2) if line.time >= office.at(2, 1)]
    assert set(alone) <= set(last)


def test_every_line_is_understood() -> None:
    """Its host and its program; and who it speaks of, but for strangers at the door."""
    lines = month()
    assert all(line.host and line.program for line in lines)
    assert {line.program for line in lines if not line.user} == {"openvpn"}
    assert {line.user for line in lines} - {""} == {
        *(person.name for person in office.staff(0) if not person.since),
        *("root", "backup", "deploy"),
    }
    logins = [line for line in lines if "Accepted" in line.message]
    assert all(line.address.startswith("10.") for line in logins)


def test_people_have_hours() -> None:
    """By day, fewer at noon, hardly on weekends; Nina by night; on a holiday nobody but her and cron."""
    came = Counter((line.user, int(line.hour[:2]), line.hour[6:]) for line in month() if "Accepted" in line.message)
    day = {hour: sum(came[user, hour, "a work day"] for user in office.BY_DAY) for hour in range(24)}
    assert day[10] > 1.5 * day[12] > 20.0 * day[3]
    nights = [came[office.NIGHT, hour, "a work day"] for hour in (23, 0, 3, 5)]
    assert min(nights) > 0 == came[office.NIGHT, 14, "a work day"]
    assert sum(n for (user, _, kind), n in came.items() if user in office.BY_DAY and kind == "a weekend") < 20
    holiday = {line.user for line in office.lines(1, first=EASTER)}
    assert {"root", "backup", office.NIGHT} <= holiday
    assert len(holiday & set(office.BY_DAY)) <= 3


def test_a_taken_over_account_is_told_first() -> None:
    """Of three days after a month, at five alerts a day: by night, from nowhere, to a host where alice never was."""
    worst = strangest()[0]
    assert worst.sighting.line.origin.startswith("alice:")
    assert explain.message(worst).endswith(': "Successful su for root by alice"')
    begins = {" ".join(reason.split()[:4]) for reason in told("alice")}
    assert begins >= {"user.name alice with host.name", "user.name alice with source.ip"}


def test_a_login_that_is_odd_by_its_hour_alone_is_told_by_it() -> None:
    """From bob's own address to his own host, at one in the night."""
    assert any(reason.startswith("user.name bob with hour 0") for reason in told("bob"))
