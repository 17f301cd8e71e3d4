"""The ports in memory, with a clock moved by hand; contract.py holds them to what the real stores promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from plugin.errors import PollInProgress, Refused
from plugin.lookup import sequence
from plugin.ports import MAX_HEALTH, Checkpoint, Document, Hit, NewDocument, Page, Part, Span, Stream, Written

NOON = 1_795_435_200_000
"""2026-11-23T12:00:00Z, milliseconds: when the fakes' clock starts."""
NS_PER_MS = 1_000_000


class FakeLogs:
    """Implements `Logs`. `clock_ms` is the store's clock; move it by assigning."""

    def __init__(self, clock_ms: int = NOON) -> None:
        self.clock_ms = clock_ms
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}
        self._clocks: dict[tuple[str, str, str], int | None] = {}

    def put(self, index: str, id: str, fields: Mapping[str, Any]) -> None:
        """Store a document, searchable at once."""
        self.documents[index, id] = dict(fields)
        self._clocks.clear()

    def now(self) -> int:
        """The clock."""
        return self.clock_ms

    def read(self, stream: Stream, span: Span) -> Page:
        """Every document of the span; an index that nothing was put into does not exist."""
        if not any(fnmatchcase(index, pattern) for index, _ in self.documents for pattern in stream.indices):
            raise Refused(f"no index matches {','.join(stream.indices)}: check the source's indices")
        found = self._within(stream, span)
        found.sort(key=lambda hit: (hit.clock, _time(hit), sequence(hit.fields), hit.store, hit.id))
        if len(found) <= stream.max_hits:
            return Page(found, span)
        instants = [hit.clock // NS_PER_MS for hit in found]
        later = [ms for ms in instants[stream.max_hits :] if ms > instants[0]]
        hi = later[0] if later else span.hi
        return Page([hit for hit in found if hit.clock // NS_PER_MS < hi], Span(span.lo, hi))

    def _within(self, stream: Stream, span: Span) -> list[Hit]:
        timed = {key: self._clock(*key, stream.time_field) for key in self._matching(stream)}
        return [
            Hit(*key, clock, self.documents[key])
            for key, clock in timed.items()
            if clock is not None and span.lo <= clock // NS_PER_MS < span.hi
        ]

    def _clock(self, index: str, id: str, field: str) -> int | None:
        """Asked time and again by tests of many polls, so kept."""
        key = index, id, field
        if key not in self._clocks:
            self._clocks[key] = _nanoseconds(_value(self.documents[index, id], field))
        return self._clocks[key]

    def count(self, stream: Stream, span: Span, width: int) -> dict[int, int]:
        """Documents of the span by the first millisecond of each `width`."""
        return dict(Counter(ms - ms % width for hit in self._within(stream, span) for ms in [hit.clock // NS_PER_MS]))

    def indices(self, stream: Stream) -> set[str]:
        """Those that hold something; an index that nothing was put into does not exist."""
        return {index for index, _ in self.documents if any(fnmatchcase(index, each) for each in stream.indices)}

    def drop(self, index: str) -> None:
        """Delete an index with all that it holds."""
        self.documents = {key: fields for key, fields in self.documents.items() if key[0] != index}
        self._clocks.clear()

    def count_without(self, stream: Stream) -> int:
        """Documents without the time field."""
        return sum(_value(fields, stream.time_field) is None for fields in self._matching(stream).values())

    def _matching(self, stream: Stream) -> dict[tuple[str, str], dict[str, Any]]:
        """The stream's documents but our own."""
        found = {
            key: fields
            for key, fields in self.documents.items()
            if any(fnmatchcase(key[0], pattern) for pattern in stream.indices)
        }
        others = {k: v for k, v in found.items() if _value(v.get("event"), "module") != "siem_anomaly"}
        return {k: v for k, v in others.items() if stream.part is None or _part(v, stream.part) == stream.part.k}

    def members(self, stream: Stream, origins: Collection[str]) -> set[str]:
        """Those of the part."""
        return {"/".join(key) for key in self._matching(stream)} & set(origins)


class FakeAnomalies:
    """Implements `Anomalies`. Like the real store it can never take a document whose `@timestamp` is no date."""

    def __init__(self, prefix: str = "siem-anomaly") -> None:
        self.dead_letters = f"{prefix}-deadletter-2026.11"
        self.documents: dict[tuple[str, str], Document] = {}

    def create(self, documents: Sequence[NewDocument]) -> Written:
        """Create each document that is not there yet."""
        created, duplicates, refused = 0, 0, []
        for store, id, body in documents:
            if (store, id) in self.documents:
                duplicates += 1
            elif "@timestamp" in body and _nanoseconds(body["@timestamp"]) is None:
                refused.append((id, "document_parsing_exception: @timestamp is no date"))
                letter = {"target": store, "document_id": id, "document": body, "reason": {"message": refused[-1][1]}}
                self.documents.setdefault((self.dead_letters, id), letter)
            else:
                self.documents[store, id] = body
                created += 1
        return Written(created, duplicates, refused)

    def health(self, part: str, since: float) -> list[Document]:
        """Those of the source or the part, newest first."""
        health = [body for (store, _), body in self.documents.items() if "-health-" in store]
        own = [body for body in health if _value(body, "siem_anomaly.source.part") == part]
        ours = [body for body in own if (_nanoseconds(body["@timestamp"]) or 0) >= since * 10**9]
        return sorted(ours, key=lambda body: str(body["@timestamp"]), reverse=True)[:MAX_HEALTH]


class FakeCheckpoints:
    """Implements `Checkpoints`."""

    def __init__(self) -> None:
        self.stored: dict[str, Checkpoint] = {}

    def load(self, source: str) -> Checkpoint | None:
        """The last one committed."""
        return self.stored.get(source)

    def commit(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> int:
        """Compare the versions and set."""
        stored = self.stored.get(checkpoint.source)
        version = stored.version if stored else None
        if version != (replacing.version if replacing else None):
            raise PollInProgress(f"another worker has committed the checkpoint of {checkpoint.source} first")
        self.stored[checkpoint.source] = replace(checkpoint, version=(version[0] + 1 if version else 0, 1))
        return 0


def _time(hit: Hit) -> int:
    return _nanoseconds(_value(hit.fields, "@timestamp")) or 0


def _part(fields: Mapping[str, Any], part: Part) -> int:
    """By the hash that Java gives a string, of the first host there is; 0 where there is none."""
    hosts = (_value(fields, name) for name in part.fields)
    host = next((host for host in hosts if isinstance(host, str)), None)
    if host is None:
        return 0
    units = host.encode("utf-16-be")
    number = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        number = (31 * number + (high << 8) + low) & 0xFFFFFFFF
    return (number - (number >> 31 << 32)) % part.n


def _value(fields: object, name: str) -> object:
    """A field whose name is literally dotted or nested; None where there is none."""
    if not isinstance(fields, Mapping):
        return None
    if name in fields:
        return fields[name]
    head, dot, rest = name.partition(".")
    return _value(fields.get(head), rest) if dot else None


def _nanoseconds(stamp: object) -> int | None:
    """ISO 8601 with any number of decimals as nanoseconds since the epoch; None where it is no date."""
    seconds, _, fraction = str(stamp).removesuffix("Z").partition(".")
    try:
        return int(datetime.fromisoformat(seconds).replace(tzinfo=UTC).timestamp()) * 10**9 + int(
            fraction.ljust(9, "0")
        )
    except ValueError:
        return None
