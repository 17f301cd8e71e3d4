"""What has been judged, in so few bytes that a checkpoint carries it: documents that come late are told from it.

Two notes, both by the polled clock. Within the overlap: the hash of every document, by second. Further back: how many
documents of every ten minutes, by index and host, and their hashes mixed. A count on the server that differs says where
something has come, or gone with its index; the notes say what, so that what was judged once is not judged again.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

SECOND_MS = 1_000
BUCKET_MS = 600_000
"""Ten minutes: a day is 144 counts, and what is read again for one late document is bearable."""
CELLS = 64
"""Hosts share this many cells of a bucket's index. Who comes late is mostly one host, whose shipper was down."""
STORES = 2**25
"""Indices are told apart by so many numbers."""
HASH_BYTES = 8
"""Among 600,000 hits of an overlap two collide with odds of one in a hundred million."""
MAX_HASHES = 2_000_000
"""Documents of an overlap that are told apart, some 20 MB of a checkpoint. Where more come, the overlap is shorter, and
what comes late before it is found by counting ten minutes."""
NS_PER_MS = 1_000_000

Seconds = Mapping[int, bytes]
"""By second since the epoch: the hashes of the documents judged, each once, ascending, end to end."""


class Judged(NamedTuple):
    """A document that was judged."""

    clock: int
    """Milliseconds since the epoch."""
    hash: bytes
    cell: int
    """Of its index and host."""


class Cell(NamedTuple):
    """Some documents: how many, and the exclusive or of their hashes."""

    n: int = 0
    mixed: int = 0

    def plus(self, hash: bytes) -> Cell:
        """With one more."""
        return Cell(self.n + 1, self.mixed ^ int.from_bytes(hash))


Bucket = Mapping[int, Cell]
"""Ten minutes, by cell: a number of an index and one of a host in one."""


@dataclass(frozen=True)
class Tally:
    """What was judged in each bucket."""

    buckets: Mapping[int, Bucket] = field(default_factory=dict)
    """By the bucket's first millisecond."""

    def plus(self, judged: Iterable[Judged]) -> Tally:
        """With more documents."""
        more = in_buckets(judged)
        return Tally({**self.buckets, **{at: total(self._at(at), more[at]) for at in more}})

    def after(self, instant: int) -> Tally:
        """Without the buckets that begin before an instant, milliseconds."""
        return Tally({at: cells for at, cells in self.buckets.items() if at >= instant})

    def having(self, at: int, bucket: Bucket) -> Tally:
        """With one bucket as it was just read."""
        return Tally({**self.buckets, at: bucket})

    def within(self, stores: Collection[str]) -> Tally:
        """Without the documents of every index that is none of these: it has been deleted, and they with it."""
        left = {_store(store) for store in stores}
        gone = {at for at, cells in self.buckets.items() if not {cell // CELLS for cell in cells} <= left}
        if not gone:
            return self
        kept = {at: {cell: n for cell, n in self.buckets[at].items() if cell // CELLS in left} for at in gone}
        return Tally({**self.buckets, **kept})

    def grown(self, counts: Mapping[int, int]) -> list[int]:
        """The buckets, oldest first, that hold more documents by `counts` than were judged."""
        return sorted(at for at, n in counts.items() if n > self.n(at))

    def shrunk(self, counts: Mapping[int, int], lo: int, hi: int) -> list[int]:
        """The buckets from `lo` up to `hi`, oldest first, that hold fewer: something was deleted."""
        return sorted(at for at in self.buckets if lo <= at < hi and counts.get(at, 0) < self.n(at))

    def n(self, at: int) -> int:
        """How many documents of a bucket were judged."""
        return size(self._at(at))

    def is_new(self, at: int, now: Bucket, judged: Judged) -> bool:
        """Whether a document of a bucket, which now holds `now`, has come since.

        One more of a cell is told exactly, by its hash; of several more of a cell that held some it may be any.
        """
        before, after = self._at(at).get(judged.cell, Cell()), now[judged.cell]
        if after.n == before.n + 1:
            return before.mixed ^ after.mixed == int.from_bytes(judged.hash)
        return after.n > before.n

    def _at(self, at: int) -> Bucket:
        return self.buckets.get(at, {})


def note(clock: int, origin: str, host: str) -> Judged:
    """Of a document polled by `clock`, nanoseconds, whose line speaks of `host`; '' where it could not be read."""
    store = origin.partition("/")[0]
    return Judged(clock // NS_PER_MS, hash_of(origin), _store(store) * CELLS + _cell(host))


def hash_of(origin: str) -> bytes:
    """64 bits of (index, id)."""
    return hashlib.blake2b(origin.encode("utf-8", "surrogateescape"), digest_size=HASH_BYTES).digest()


@lru_cache(maxsize=1_000)
def _store(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogateescape")) % STORES


@lru_cache(maxsize=10_000)
def _cell(host: str) -> int:
    return zlib.crc32(host.encode("utf-8", "surrogateescape")) % CELLS


def in_buckets(judged: Iterable[Judged]) -> dict[int, dict[int, Cell]]:
    """Documents by bucket and cell."""
    found: dict[int, dict[int, Cell]] = {}
    for clock, hash, cell in judged:
        cells = found.setdefault(clock - clock % BUCKET_MS, {})
        cells[cell] = cells.get(cell, Cell()).plus(hash)
    return found


def total(some: Bucket, more: Bucket) -> dict[int, Cell]:
    """Both, which share no document."""
    both = dict(some)
    for cell, (n, mixed) in more.items():
        before = both.get(cell, Cell())
        both[cell] = Cell(before.n + n, before.mixed ^ mixed)
    return both


def size(bucket: Bucket) -> int:
    """Its documents."""
    return sum(cell.n for cell in bucket.values())


def in_seconds(judged: Iterable[Judged]) -> dict[int, bytes]:
    """Hashes by second."""
    found: dict[int, set[bytes]] = {}
    for clock, hash, _ in judged:
        found.setdefault(clock // SECOND_MS, set()).add(hash)
    return {second: b"".join(sorted(hashes)) for second, hashes in found.items()}


def hashes(packed: bytes) -> frozenset[bytes]:
    """The hashes of a second."""
    return frozenset(packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES))


def joined(seconds: Seconds, more: Seconds) -> dict[int, bytes]:
    """Both, each hash once."""
    shared = seconds.keys() & more.keys()
    both = {second: b"".join(sorted(hashes(seconds[second]) | hashes(more[second]))) for second in shared}
    return {**seconds, **more, **both}


def bounded(seconds: Seconds, most: int) -> dict[int, bytes]:
    """The newest of them, of no more documents than that but for one second; an empty second says where they begin."""
    kept = dict(seconds)
    n = sum(map(len, kept.values())) // HASH_BYTES
    left_out = None
    for second in sorted(kept):
        if n <= most or len(kept) == 1:
            break
        n -= len(kept.pop(second)) // HASH_BYTES
        left_out = second
    return kept if left_out is None else {left_out: b"", **kept}


def begins(seconds: Seconds) -> int:
    """Milliseconds from which on all that was judged is noted: after what `bounded` left out; else 0."""
    return max((second + 1 for second, packed in seconds.items() if not packed), default=0) * SECOND_MS


def changed(seconds: Seconds, counts: Mapping[int, int], most: int) -> list[int]:
    """The seconds, oldest first, that hold more documents by `counts`, by first millisecond, than were judged.

    Not more than hold `most` documents together, but at least one: the others are found again by the next count.
    """
    found, documents = list[int](), 0
    for at, n in sorted(counts.items()):
        if n <= len(seconds.get(at // SECOND_MS, b"")) // HASH_BYTES:
            continue
        documents += n
        if found and documents > most:
            break
        found.append(at // SECOND_MS)
    return found


def spans(seconds: Iterable[int], gap: int = 5) -> Iterator[tuple[int, int]]:
    """Milliseconds [lo, hi) of spans that hold ascending seconds; neighbours up to `gap` apart share one.

    A read has its price, and so has reading what was judged.
    """
    lo = hi = None
    for second in seconds:
        if lo is None or hi is None or second - hi > gap:
            if lo is not None and hi is not None:
                yield lo * SECOND_MS, hi * SECOND_MS
            lo = second
        hi = second + 1
    if lo is not None and hi is not None:
        yield lo * SECOND_MS, hi * SECOND_MS
