"""Reading ahead: while one part of a backlog is judged, the next one is on its way."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from plugin.ports import Logs, Page, Ports, Span, Stream


@contextmanager
def reading_ahead(ports: Ports) -> Iterator[Ports]:
    """The same ports, whose logs read ahead. When the block ends nothing is on its way any more."""
    with ThreadPoolExecutor(1, "ahead") as thread:
        yield replace(ports, logs=_Ahead(ports.logs, thread))


class _Ahead:
    """Implements `Logs`. After a read that could not hold all of its span, the rest is asked for at once.

    So no more than two reads are held. What is asked for early was in the span that the caller asked for, and what
    comes to it later is late, as it would be for any read.
    """

    def __init__(self, logs: Logs, thread: ThreadPoolExecutor) -> None:
        self._logs = logs
        self._thread = thread
        self._coming: tuple[Stream, int, Future[Page]] | None = None

    def now(self) -> int:
        """The store's."""
        return self._logs.now()

    def read(self, stream: Stream, span: Span) -> Page:
        """What was asked for ahead, if it is the beginning of this span; else the store's."""
        coming, self._coming = self._coming, None
        page = None
        if coming is not None and coming[:2] == (stream, span.lo):
            page = coming[2].result()
        if page is None or page.span.hi > span.hi:
            page = self._logs.read(stream, span)
        if page.span.hi < span.hi:
            rest = Span(page.span.hi, span.hi)
            self._coming = stream, rest.lo, self._thread.submit(self._logs.read, stream, rest)
        return page

    def count(self, stream: Stream, span: Span, width: int) -> Mapping[int, int]:
        """The store's."""
        return self._logs.count(stream, span, width)

    def indices(self, stream: Stream) -> Collection[str]:
        """The store's."""
        return self._logs.indices(stream)

    def count_without(self, stream: Stream) -> int:
        """The store's."""
        return self._logs.count_without(stream)

    def members(self, stream: Stream, origins: Collection[str]) -> set[str]:
        """The store's."""
        return self._logs.members(stream, origins)
