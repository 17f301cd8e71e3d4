"""`check`: what would go wrong, before it does: rights, indices, time field, and ten hits as log lines; or a file's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from parsers.line import LogLine, Rejected
from parsers.syslog import NO_STAMP
from plugin.bundle import Bundle
from plugin.config import SourceSettings
from plugin.errors import Refused
from plugin.ports import Hit, Logs, Part, Setup, Span, Stream
from plugin.sources import Source

SHOWN = 10
LOOK_BACK_MS = 7 * 86_400_000
HOUR_MS = 3_600_000
NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class Checked:
    """A source as it would be read."""

    source: str
    n_hits: int
    lines: tuple[LogLine, ...]
    """The newest, at most ten."""
    rejected: Counter[str]
    """By reason."""
    without_time: int
    """Documents that lack the time field, and so can never be read."""
    time_field: str
    unsplit: tuple[str, ...] = ()
    """Why it cannot be cut into its parts."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What has to be mended, a sentence each."""
        found = []
        if self.n_hits == 0:
            found.append(f"no document in the last 7 days by time_field = {self.time_field}; check it and indices")
        if self.rejected.total() > self.n_hits / 2:
            found.append(f"most documents cannot be read; check sources.{self.source}.fields")
        if self.without_time:
            other = "" if self.time_field == "@timestamp" else '; do they have `time_field = "@timestamp"`?'
            found.append(f"{self.without_time:,} documents lack {self.time_field} and are never read{other}")
        return tuple(f"sources.{self.source}: {fault}" for fault in (*found, *self.unsplit))


@dataclass(frozen=True)
class Unread:
    """A source that cannot be read: what has to be mended first, a sentence each."""

    faults: tuple[str, ...]


class Unreadable(NamedTuple):
    """Lines that could not be read for one reason."""

    reason: str
    n: int
    example: Rejected
    """The first of them."""


@dataclass(frozen=True)
class CheckedFile:
    """A log file as it would be read."""

    name: str
    format: str
    """The format its lines were read in; '' = in none."""
    detected: bool
    """Whether the format was found in the first lines, not given."""
    n_read: int
    lines: tuple[LogLine, ...]
    """Ten at most, from its beginning to its end."""
    unreadable: tuple[Unreadable, ...]
    """The commonest reason first."""

    @property
    def n_unread(self) -> int:
        """How many lines could not be read."""
        return sum(group.n for group in self.unreadable)

    @property
    def faults(self) -> tuple[str, ...]:
        """What has to be mended, a sentence each."""
        if not self.n_unread and not self.n_read:
            return (f"{self.name}: has no line; give a log that has some",)
        if self.n_unread > self.n_read and self.unreadable[0].reason == NO_STAMP:
            return (f"{self.name}: most lines say no time; what is judged has to say when it was logged",)
        if self.n_unread > self.n_read:
            return (f"{self.name}: most lines cannot be read; see which format it has, and --format",)
        return ()


def check_file(
    name: str, format: str, lines: Sequence[LogLine], rejected: Sequence[Rejected], *, detected: bool
) -> CheckedFile:
    """What a person should see of a file before it is scored: ten of its lines, and why others were not read."""
    shown = [lines[n * len(lines) // SHOWN] for n in range(SHOWN)] if len(lines) > SHOWN else lines
    counts = Counter(line.reason for line in rejected)
    first = {line.reason: line for line in reversed(rejected)}
    unreadable = tuple(Unreadable(reason, n, first[reason]) for reason, n in counts.most_common())
    return CheckedFile(name, format, detected, len(lines), tuple(shown), unreadable)


def check_rights(setup: Setup) -> list[str]:
    """Ask what the key lacks whatever it reads, and for what `init` makes; a sentence each.

    Raises:
        Unavailable: the store does not answer.
        Refused: it is too old, or does not know us.
    """
    try:
        setup.version()
    except Refused:  # perhaps because it may not even ask that
        with suppress(Refused):
            if lacking := setup.missing_to_write():
                return [f"the key lacks {right}" for right in lacking]
        raise
    if lacking := setup.missing_to_write():
        return [f"the key lacks {right}" for right in lacking]
    return [] if setup.installed() else ["nothing is installed to write to: run `siem-anomaly init`"]


def check(name: str, settings: SourceSettings, logs: Logs, setup: Setup) -> Checked | Unread:
    """Ask what the key lacks to read a source, and read its newest hits as log lines.

    Raises:
        Unavailable: the store does not answer.
        Refused: it does not know us.
    """
    if lacking := setup.missing_to_read(settings.indices):
        return Unread(tuple(f"sources.{name}: the key lacks {right}" for right in lacking))
    try:
        return _read(name, settings, logs)
    except Refused as error:
        return Unread((f"sources.{name}: {error}",))


def outdated(bundle: Bundle, settings: SourceSettings) -> tuple[str, ...]:
    """Where the settings differ from what the bundle in use was trained with, by which it judges."""
    made = {view.name: view.lens.settings for view in bundle.views}
    differ = [f"add the view `{name}`" for name in settings.views.keys() - made.keys()]
    differ += [f"drop the view `{name}`" for name in made.keys() - settings.views.keys()]
    differ += [
        f"change the view `{name}`"
        for name in made.keys() & settings.views.keys()
        if made[name] != settings.views[name]
    ]
    differ += [] if bundle.masks == settings.all_masks else ["change the masks"]
    if not differ:
        return ()
    told = ", ".join(sorted(differ))
    train = f"`siem-anomaly train --source {bundle.source}`"
    return (f"sources.{bundle.source}: bundle {bundle.id} judges as it was made; {train} would {told}",)


def _read(name: str, settings: SourceSettings, logs: Logs) -> Checked:
    now = logs.now()
    stream = Stream(settings.indices, settings.time_field, settings.page, settings.max_hits)
    hits = _newest(logs, stream, now)
    lines, rejected = Source(name, settings.fields, settings.text).read(hits)
    reasons = Counter(line.reason for line in rejected)
    unsplit = _unsplit(logs, settings, stream, hits[-1].clock // NS_PER_MS if hits else now)
    return Checked(
        name, len(hits), tuple(lines[-SHOWN:]), reasons, logs.count_without(stream), settings.time_field, unsplit
    )


def _unsplit(logs: Logs, settings: SourceSettings, stream: Stream, instant: int) -> tuple[str, ...]:
    """Ask for one part of the documents of an instant: why the store will not tell it."""
    if settings.partitions == 1:
        return ()
    part = Part(0, settings.partitions, settings.fields.host)
    try:
        logs.count(stream._replace(part=part), Span(instant, instant + 1), 1)
    except Refused as error:
        return (str(error),)
    return ()


def _newest(logs: Logs, stream: Stream, now: int) -> list[Hit]:
    """The hits of the last hour that has any: an hour, a day, a week back."""
    for back in (HOUR_MS, 86_400_000, LOOK_BACK_MS):
        page = logs.read(stream, Span(now - back, now + 1))
        if page.hits:
            return page.hits
    return []
