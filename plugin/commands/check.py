"""`check`: what would go wrong, before it does: rights, indices, time field, and ten hits as log lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from parsers.line import LogLine
from plugin.config import SourceSettings
from plugin.errors import Refused
from plugin.ports import Hit, Logs, Setup, Span, Stream
from plugin.sources import Source

SHOWN = 10
LOOK_BACK_MS = 7 * 86_400_000


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
    rights: tuple[str, ...] = ()
    """Those the key lacks, a sentence each."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What has to be mended, a sentence each."""
        found = []
        if self.n_hits == 0:
            found.append("no document in the last 7 days; check indices and time_field")
        if self.rejected.total() > self.n_hits / 2:
            found.append(f"most documents cannot be read; check sources.{self.source}.fields")
        if self.without_time:
            found.append(f"{self.without_time:,} documents lack the time field and are never read")
        return (*self.rights, *(f"sources.{self.source}: {fault}" for fault in found))


@dataclass(frozen=True)
class Unread:
    """A source that cannot be read: what has to be mended first, a sentence each."""

    faults: tuple[str, ...]


def check(name: str, settings: SourceSettings, logs: Logs, setup: Setup) -> Checked | Unread:
    """Ask what the key lacks, and read the newest hits of a source as log lines.

    Raises:
        Unavailable: the store does not answer.
        Refused: it is too old, or does not know us.
    """
    setup.version()
    lacking = setup.missing_privileges(settings.indices)
    rights = tuple(f"sources.{name}: the key lacks {right}" for right in lacking)
    if any(f"read on {index}" in lacking for index in settings.indices):
        return Unread(rights)
    try:
        return _read(name, settings, logs, rights)
    except Refused as error:
        return Unread((*rights, f"sources.{name}: {error}"))


def _read(name: str, settings: SourceSettings, logs: Logs, rights: tuple[str, ...]) -> Checked:
    now = logs.now()
    stream = Stream(settings.indices, settings.time_field, settings.page, settings.max_hits)
    hits = _newest(logs, stream, now)
    lines, rejected = Source(name, settings.fields).read(hits)
    reasons = Counter(line.reason for line in rejected)
    return Checked(name, len(hits), tuple(lines[-SHOWN:]), reasons, logs.count_without(stream), rights)


def _newest(logs: Logs, stream: Stream, now: int) -> list[Hit]:
    """The hits of the last hour that has any: an hour, a day, a week back."""
    for back in (3_600_000, 86_400_000, LOOK_BACK_MS):
        page = logs.read(stream, Span(now - back, now + 1))
        if page.hits:
            return page.hits
    return []
