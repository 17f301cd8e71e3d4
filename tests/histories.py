"""Histories: what may befall a source and its workers, step by step, on fakes or on real servers; and the law.

The law: whatever happens, in the end the same records are there, each once, as if one undisturbed poll had read
everything in order. For documents that come late it holds line by line: what a session looked like by the time a late
line came is not the same for everybody, so there it is asked of a view that judges lines by themselves.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple, Protocol

from plugin.behind import writing_behind
from plugin.bundle import Bundle
from plugin.commands.poll import Polling, poll
from plugin.commands.recount import recounts
from plugin.commands.reshape import settled
from plugin.config import SourceSettings
from plugin.ports import Document, Hit, Ports
from plugin.training import Plan, learn
from tests import lines
from tests.fakes import FakeAnomalies, FakeCheckpoints, FakeLogs

BEGIN = int(lines.DAY.timestamp() * 1000)
END = BEGIN + 25 * 3_600_000
"""When the day is over, and every session with it."""
MINUTE_MS = 60_000
TIE_MS = 10_000
"""Stamps are cut to this, so that many documents share theirs."""
DELAY_S = 60.0
OTHER = "db-08"
"""A second host, which falls to another part than the first."""


class Step(NamedTuple):
    """Something that happens."""

    kind: str
    n: int = 0
    """Minutes, milliseconds or a number of calls, by kind."""


PEACEFUL = ("happen", "poll", "rollover")
FAULTS = ("die_before", "die_after", "unavailable", "overtaken")
"""At the n-th call of a store, counted from the poll's begin: the worker dies before it or after it took effect; it
gets no answer; another worker does a whole poll in between."""


@dataclass(frozen=True)
class History:
    """Some steps, and how the source is polled."""

    steps: tuple[Step, ...]
    page: int = 5_000
    max_hits: int = 100_000
    max_window_s: float = 600.0
    overlap_s: float = 120.0
    late: tuple[int, ...] = ()
    """Places among the day's documents of those that are held back until `arrive`."""
    seed: int | None = None
    name: str = "day"
    """Of the source, and of its indices."""
    partitions: int = 1
    """At first; the step `cut` changes it."""

    @property
    def settings(self) -> SourceSettings:
        """As a site would write them."""
        return SourceSettings(
            indices=(f"{self.name}-logs-*",),
            time_field="@timestamp",
            delay_s=DELAY_S,
            overlap_s=self.overlap_s,
            max_window_s=self.max_window_s,
            page=self.page,
            max_hits=self.max_hits,
            max_late_s=3 * 86_400.0,
            partitions=self.partitions,
        )

    def without(self, step: int) -> History:
        """One step less."""
        return replace(self, steps=(*self.steps[:step], *self.steps[step + 1 :]))


def drawn(seed: int, kinds: Sequence[str], n_steps: int = 10, name: str = "day") -> History:
    """A history by chance; the same seed gives the same one."""
    chance = random.Random(seed)  # noqa: S311 - made-up histories
    n = len(day())
    befalls = [Step(chance.choice(kinds), chance.randrange(1, 400)) for _ in range(n_steps)]
    happens = [Step("happen", chance.randrange(1, 400)) for _ in range(n_steps // 2)]
    return History(
        (Step("happen", 400), *chance.sample(befalls + happens, n_steps + n_steps // 2)),
        page=chance.choice((1, 7, 50, 5_000)),
        max_hits=chance.choice((1, 10, 40, 100_000)),
        max_window_s=chance.choice((1_800.0, 7_200.0, 40_000.0)),
        overlap_s=chance.choice((0.0, 120.0, 7_200.0)),
        late=tuple(sorted(chance.sample(range(n), chance.choice((0, 0, 1, 5, 30))))),
        seed=seed,
        name=name,
    )


@cache
def day() -> list[Hit]:
    """A day's documents in order of their stamps, which many share; each field of the index is still to be said."""
    here = lines.hits([*lines.texts(8, seed=7), lines.strange()])
    there = lines.hits([text.replace(lines.HOST, OTHER) for text in lines.texts(5, seed=8)])
    hits = [_rounded(hit, lines.HOST) for hit in here]
    hits += [_rounded(hit._replace(id=f"{OTHER}-{hit.id}"), OTHER) for hit in there]
    return sorted(hits, key=lambda hit: hit.clock)


def _rounded(hit: Hit, host: str) -> Hit:
    ms = hit.clock // 10**6 // TIE_MS * TIE_MS
    stamp = lines.DAY.timestamp() * 1000
    seconds, rest = divmod(round(ms - stamp), 1000)
    text = f"{lines.DAY:%Y-%m-%d}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}Z"
    return hit._replace(clock=ms * 10**6, fields={**hit.fields, "@timestamp": text, "host": {"name": host}})


@cache
def bundle(*, by_line: bool) -> Bundle:
    """What judges: every view, or only one that sees a line by itself."""
    views = {"rarity": lines.views()["rarity"]} if by_line else lines.views()
    plan = Plan("day", views, 5.0, "2026-11-22-01", "2026-11-22T00:00:00Z", BEGIN)
    learnt, _ = learn(lines.lines(lines.texts()), plan, lines.silent)
    return learnt.with_cut(8.0, "2026-11-22-02", "2026-11-22T01:00:00Z")


class World(Protocol):
    """Where a history happens."""

    def put(self, index: str, hit: Hit) -> None:
        """A document becomes searchable."""
        ...

    def drop(self, index: str) -> None:
        """An index is deleted, if it is still there."""
        ...

    def to(self, clock_ms: int) -> None:
        """The store's clock moves there."""
        ...

    def act(self, step: Step) -> None:
        """A poll, disturbed or not, or something else that befalls the site."""
        ...

    def settle(self) -> None:
        """Undisturbed polls until nothing is left to judge."""
        ...

    def records(self) -> list[Document]:
        """Every record there is."""
        ...


@dataclass
class _Tape:
    """How far a history has come."""

    clock: int = BEGIN
    index: int = 0
    n_happened: int = 0
    held_back: list[Hit] = field(default_factory=list)
    placed: list[tuple[str, Hit]] = field(default_factory=list)


def play(history: History, world: World) -> list[tuple[str, Hit]]:
    """Let it all happen, then settle; every document with the index it went to."""
    tape = _Tape()
    for step in history.steps:
        if step.kind == "happen":
            _happen(tape, history, world, tape.clock + step.n * MINUTE_MS)
        elif step.kind == "rollover":
            tape.index += 1
        elif step.kind == "drop":
            _drop(tape, history, world)
        elif step.kind == "arrive":
            _place(tape, history, world, tape.held_back)
            tape.held_back = []
        else:
            world.act(step)
    _happen(tape, history, world, max(END, tape.clock + 3_600_000))  # a clock never goes back
    world.settle()
    _place(tape, history, world, tape.held_back)
    world.settle()
    return tape.placed


def _happen(tape: _Tape, history: History, world: World, clock: int) -> None:
    tape.clock = clock
    came = [hit for hit in day()[tape.n_happened :] if hit.clock // 10**6 <= clock]
    numbered = list(enumerate(came, tape.n_happened))
    tape.n_happened += len(came)
    tape.held_back += [hit for n, hit in numbered if n in history.late]
    _place(tape, history, world, [hit for n, hit in numbered if n not in history.late])
    world.to(clock)


def _drop(tape: _Tape, history: History, world: World) -> None:
    """Indices that are written to no more are deleted, once all that they hold has been judged."""
    _happen(tape, history, world, tape.clock + 2 * MINUTE_MS)
    world.settle()
    filled = {index for index, _ in tape.placed}
    if (now := _index(tape, history)) in filled:  # a source without any index is no source
        for index in filled - {now}:
            world.drop(index)


def _index(tape: _Tape, history: History) -> str:
    """What is written to."""
    return f"{history.name}-logs-{tape.index}"


def _place(tape: _Tape, history: History, world: World, hits: Iterable[Hit]) -> None:
    for hit in hits:
        index = _index(tape, history)
        world.put(index, hit)
        tape.placed.append((index, hit))


def broken(history: History, placed: Sequence[tuple[str, Hit]], found: Sequence[Document]) -> str:
    """What of the law does not hold; '' = it holds."""
    whole = undisturbed(history, placed)
    expected = {_key(body) for body in whole}
    keys = [_key(body) for body in found]
    if history.late:  # line by line: ends of sessions, and so their records, depend on when a late line came
        expected, keys = {key for key in expected if not key[1]}, [key for key in keys if not key[1]]
    faults = []
    if len(keys) != len(set(keys)):
        faults.append(f"twice: {sorted(key for key in set(keys) if keys.count(key) > 1)}")
    if missing := expected - set(keys):
        faults.append(f"lost: {sorted(missing)}")
    if extra := set(keys) - expected:
        faults.append(f"not there in an undisturbed run: {sorted(extra)}")
    if not history.late and (other := _told(whole) ^ _told(found)):  # which is news depends on when a late line came
        faults.append(f"told otherwise: {sorted(other)}")
    return "; ".join(faults)


SAME = ("repeats", "score", "view", "aspect", "views", "history", "session", "expected")
"""What a record says of its line that no cut of the polls may change."""


def _told(bodies: Sequence[Document]) -> set[tuple[str, bool, str, str]]:
    """Each record, how many alike ones have come since the one that was told, and what it says of its line."""
    said = ({name: body["siem_anomaly"].get(name) for name in SAME} for body in bodies)
    return {(*_key(body), json.dumps(each, sort_keys=True)) for body, each in zip(bodies, said, strict=True)}


def undisturbed(history: History, placed: Sequence[tuple[str, Hit]]) -> list[Document]:
    """The records of one poll that reads everything in order."""
    logs = FakeLogs(END + 86_400_000)
    for index, hit in placed:
        logs.put(index, hit.id, hit.fields)
    anomalies = FakeAnomalies()
    whole = history.settings.model_copy(update={"max_window_s": 3 * 86_400.0, "max_hits": 10**6, "partitions": 1})
    poll(polling(history, whole), Ports(logs, anomalies, FakeCheckpoints()))
    return [body for (index, _), body in anomalies.documents.items() if "-records-" in index]


def polling(history: History, settings: SourceSettings | None = None, prefix: str = "siem-anomaly") -> Polling:
    """The source of a history."""
    return Polling(history.name, settings or history.settings, bundle(by_line=bool(history.late)), prefix, "w1")


def attempt(part: Polling, ports: Ports, n_polls: int = 1) -> None:
    """What a worker does when it is called: some polls, whose checkpoints are held back until the last."""
    settled(part, ports)
    with writing_behind(ports, part.key, clock=itertools.count().__next__) as behind:
        for _ in range(n_polls):
            poll(part, behind)
            list(recounts(part, behind))


def parts(of: Polling, n: int) -> list[Polling]:
    """Every part of a source, cut into n."""
    settings = of.settings.model_copy(update={"partitions": n})
    return [replace(of, settings=settings, part=k) for k in range(n)]


def _key(body: Document) -> tuple[str, bool, str]:
    """A record by its document, whether it is about a session's end, and its own id."""
    ours = body["siem_anomaly"]
    return (
        f"{ours['source']['index']}/{ours['source']['ids'][0]}",
        ours["template"]["key"] == "END",
        body["event"]["id"],
    )


def shortest(history: History, broken_by: Callable[[History], str]) -> tuple[History, str]:
    """The history with every step taken out that the fault does not need; and the fault."""
    fault, step = broken_by(history), 0
    while step < len(history.steps):
        shorter = history.without(step)
        if found := broken_by(shorter):
            history, fault = shorter, found
        else:
            step += 1
    return history, fault
