"""What we ask of stores and clock, and the values that cross: hits come in, documents and checkpoints go out.

Each port is kept by an in-memory fake (tests/fakes.py) and by the real store (plugin/doors/elastic); both pass the same
contract (tests/contract.py). Times that bound a read are whole milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from models.windows import Tails
from parsers.line import LogLine
from plugin.tally import Seconds, Tally

Document = Mapping[str, Any]

MAX_HEALTH = 1_000
"""Health documents looked at: eight hours of a source that is polled every 30 seconds."""


class Hit(NamedTuple):
    """A document read from a source."""

    store: str
    """The index it lies in, or the file."""
    id: str
    clock: int
    """The polled time field, nanoseconds since the epoch."""
    fields: Mapping[str, Any]
    """The document: keys nested or literally dotted, any value may be a list."""

    @property
    def origin(self) -> str:
        """`index/id`, for ever."""
        return f"{self.store}/{self.id}"


class Part(NamedTuple):
    """A share of a source's documents: those whose host falls to it. All parts together are all documents."""

    k: int
    """0 … n - 1."""
    n: int
    fields: tuple[str, ...]
    """Where the host is looked for, dotted; a document that has none of them falls to part 0."""


class Stream(NamedTuple):
    """Which documents a read is about."""

    indices: tuple[str, ...]
    time_field: str
    page: int
    """Documents a request, 1…10,000."""
    max_hits: int
    """Documents a read, at most (one instant that holds more is still read whole)."""
    fields: tuple[str, ...] = ()
    """Paths, nested or dotted, of what is wanted of each document; the rest may be left out. Empty = all of it."""
    part: Part | None = None
    """Of these documents; None = all."""


class Span(NamedTuple):
    """Half-open range of the polled time field: from `lo` up to, not including, `hi`; milliseconds."""

    lo: int
    hi: int


class Page(NamedTuple):
    """What one read found: every document of `span`, by clock, time, `lookup.sequence`, index and id."""

    hits: list[Hit]
    span: Span
    """The span really read: its `hi` is smaller than asked for when `max_hits` was reached."""


class Told(NamedTuple):
    """An anomaly that a person was told of, and what has said the same since."""

    at: float
    """When its line was shown, seconds since the epoch."""
    score: float
    n: int
    """Alike ones since."""


@dataclass(frozen=True)
class Checkpoint:
    """Cursor and tails of one source, committed as one."""

    source: str
    until: int
    """Everything before this instant has been judged; milliseconds."""
    bundle: str
    """The language of the bundle whose event ids the tails speak: see `Bundle.language`."""
    since: int = 0
    """Where polling began, milliseconds; what lies before is the training's."""
    seen: Seconds = field(default_factory=dict)
    """What was judged within the overlap before `until`."""
    tally: Tally = field(default_factory=Tally)
    """What was judged before that, as far back as anything can be late."""
    generation: int = 0
    """How often the source's parts have been cut anew."""
    closed: bool = False
    """The parts are being cut anew: this one goes on no more, others take up from it."""
    tails: Mapping[str, Tails[LogLine]] = field(default_factory=dict)
    """By the views that share them: see `plugin.views.Walk`."""
    told: Mapping[str, Told] = field(default_factory=dict)
    """By what is said: see `plugin.repeats`."""
    version: tuple[int, int] | None = None
    """The store's own stamp, for compare-and-set; None = never stored."""


class Written(NamedTuple):
    """How a batch of documents fared."""

    created: int
    duplicates: int
    """Already there: a replay met its earlier self."""
    refused: list[tuple[str, str]]
    """(id, reason) of documents the store can never take; they went to the dead letters."""


class NewDocument(NamedTuple):
    """A document to create, never to overwrite."""

    store: str
    """The index it goes to."""
    id: str
    body: Document


class Logs(Protocol):
    """Where log documents are read."""

    def now(self) -> int:
        """The store's own clock, milliseconds since the epoch.

        Raises:
            Refused: the store is too old for us.
        """
        ...

    def read(self, stream: Stream, span: Span) -> Page:
        """Every document of the span, or an error: never a part of them.

        Raises:
            Unavailable: the store did not answer in full; nothing was read.
            Refused: the store will not answer.
        """
        ...

    def count(self, stream: Stream, span: Span, width: int) -> Mapping[int, int]:
        """How many documents `read` would find in each `width` milliseconds of the span.

        By the first millisecond of each, a multiple of `width`; where there are none there is no key.

        Raises:
            Unavailable: the store did not count them all.
            Refused: the store will not answer.
        """
        ...

    def indices(self, stream: Stream) -> Collection[str]:
        """The names of the indices that the stream's patterns now stand for.

        Raises:
            Unavailable: the store did not answer in full.
            Refused: the store will not answer.
        """
        ...

    def count_without(self, stream: Stream) -> int:
        """How many documents lack the time field, and so can never be read."""
        ...

    def members(self, stream: Stream, origins: Collection[str]) -> set[str]:
        """Which of the documents, by `index/id`, are of the stream's part; one that is gone is of none.

        Raises:
            Unavailable: the store did not answer in full.
            Refused: the store will not answer.
        """
        ...


def pages(logs: Logs, stream: Stream, span: Span) -> Iterator[Page]:
    """Every document of a span, whatever it holds, in reads of at most `max_hits`.

    Raises what `read` raises.
    """
    while span.lo < span.hi:
        page = logs.read(stream, span)
        yield page
        span = Span(page.span.hi, span.hi)


class Anomalies(Protocol):
    """Where documents are written: anomalies, dead letters, health."""

    def create(self, documents: Sequence[NewDocument]) -> Written:
        """Create each; one that is already there counts as success.

        A document that the store can never take goes to the dead letters.

        Raises:
            Unavailable: some document is neither there nor refused; call again with the same ones.
            Refused: the store takes none of them (rights, missing index).
        """
        ...

    def health(self, part: str, since: float) -> list[Document]:
        """Those of a source, or of that part of it, since then, seconds since the epoch.

        Newest first, at most `MAX_HEALTH`.
        """
        ...


class Checkpoints(Protocol):
    """Where each source's checkpoint is kept."""

    def load(self, source: str) -> Checkpoint | None:
        """The last one committed, read in real time; None before the first."""
        ...

    def commit(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> int:
        """Store it if `replacing` is still the stored one (None = there is none), or nothing happens.

        Returns:
            Its size as stored, bytes.

        Raises:
            PollInProgress: another worker committed first.
        """
        ...


class Watch(Protocol):
    """Who keeps count of polls."""

    def polled(
        self, source: str, counts: Mapping[str, int], levels: Mapping[str, float], seconds: Mapping[str, float]
    ) -> None:
        """One went through: what it counted, where the source now stands, and the seconds spent by station."""
        ...

    def failed(self, source: str, outcome: str) -> None:
        """One did not: `raced` (another worker was first), `degraded` (no answer), `blocked` (refused) or `broken`."""
        ...


class Nobody:
    """Implements `Watch`: keeps no count."""

    def polled(
        self, source: str, counts: Mapping[str, int], levels: Mapping[str, float], seconds: Mapping[str, float]
    ) -> None:
        """Nothing."""

    def failed(self, source: str, outcome: str) -> None:
        """Nothing."""


class Setup(Protocol):
    """What the store is, and what our key may do there."""

    def version(self) -> str:
        """The store's version.

        Raises:
            Refused: it is too old for us.
        """
        ...

    def missing_to_read(self, indices: Sequence[str]) -> list[str]:
        """What the key lacks to read these indices, as `read on logs-*`."""
        ...

    def missing_to_write(self) -> list[str]:
        """What the key lacks to write ours."""
        ...

    def installed(self) -> bool:
        """Whether `init` has made what a worker writes to; the key has what it needs."""
        ...

    def secured(self) -> bool:
        """Whether the store asks who we are."""
        ...


@dataclass(frozen=True)
class Ports:
    """The stores of one running system."""

    logs: Logs
    anomalies: Anomalies
    checkpoints: Checkpoints
