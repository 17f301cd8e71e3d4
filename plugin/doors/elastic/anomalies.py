"""Writing documents: bulk `create`, its answer read item by item, so that a replay doubles nothing and loses nothing.

What the server can never take goes to the dead letters, one each; what it cannot take now is tried again, only that.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from elasticsearch import ApiError, Elasticsearch
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter
from tenacity.wait import wait_base

from plugin.documents import iso
from plugin.doors.elastic.client import TOO_LARGE, TRANSIENT, asking, cause_words, url
from plugin.errors import Refused, Unavailable
from plugin.ports import MAX_HEALTH, Document, NewDocument, Written

CHUNK = 500
"""Documents a request."""
CHUNK_BYTES = 5 * 2**20
"""Bytes a request; the server takes 100 MB, but holds a request in memory several times over."""
ATTEMPTS = 5
BACKOFF = wait_exponential_jitter(initial=1, max=30)
"""1, 2, 4, 8 s and some: five attempts end within a poll's time limit."""
CONFIGURATION = frozenset({401, 403, 404})
"""Statuses of an item that say: the set-up is wrong, and no document is to blame."""
CREATED = frozenset({200, 201})
DUPLICATE = 409

log = logging.getLogger(__name__)


class _Item(NamedTuple):
    """A document and its two lines of a bulk request."""

    document: NewDocument
    lines: tuple[str, str]

    @property
    def size(self) -> int:
        return sum(map(len, self.lines)) + 2  # the text is ASCII: a character is a byte


class _Poison(NamedTuple):
    """A document the server can never take, and its reason."""

    document: NewDocument
    kind: str
    message: str


class ElasticAnomalies:
    """Implements `Anomalies`.

    `prefix` begins the name of the dead letters' index, `wait` says how long to wait between two of `attempts`,
    `clock` tells the time in seconds since the epoch.
    """

    def __init__(
        self,
        client: Elasticsearch,
        prefix: str = "siem-anomaly",
        attempts: int = ATTEMPTS,
        wait: wait_base = BACKOFF,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._attempts = attempts
        self._wait = wait
        self._clock = clock

    def create(self, documents: Sequence[NewDocument]) -> Written:
        """Create each document; see `Anomalies.create`."""
        batch = self._write(documents)
        if batch.poison:
            self._bury(batch.poison)
        refused = [(each.document.id, f"{each.kind}: {each.message}") for each in batch.poison]
        return Written(batch.created, batch.duplicates, refused)

    def health(self, part: str, since: float) -> list[Document]:
        """One search; where no health document was ever written there is no index, and none is found."""
        index = f"{self._prefix}-health-*"
        with asking(self._client, f"read the health of {part}"):
            answer = self._client.search(
                index=index,
                size=MAX_HEALTH,
                allow_partial_search_results=False,
                query={
                    "bool": {
                        "filter": [
                            {"term": {"siem_anomaly.source.part": part}},
                            {"range": {"@timestamp": {"gte": iso(since)}}},
                        ]
                    }
                },
                sort=[{"@timestamp": {"order": "desc", "unmapped_type": "date"}}],
            ).body
        return [hit["_source"] for hit in answer["hits"]["hits"]]

    def _write(self, documents: Sequence[NewDocument]) -> _Batch:
        batch = _Batch(self._client, documents)
        attempts = Retrying(
            stop=stop_after_attempt(self._attempts),
            wait=self._wait,
            retry=retry_if_exception_type(Unavailable),
            reraise=True,
        )
        attempts(batch.send)
        return batch

    def _bury(self, poison: Sequence[_Poison]) -> None:
        """Keep refused documents in the dead letters; where even that fails they are named in the log."""
        batch = self._write([self._letter(each) for each in poison])
        for each in batch.poison:
            log.error("no dead letter could be written for %s: %s: %s", each.document.id, each.kind, each.message)

    def _letter(self, poison: _Poison) -> NewDocument:
        now = self._clock()
        document = poison.document
        body = {
            "@timestamp": iso(now),
            "event": {"module": "siem_anomaly", "dataset": "siem_anomaly.deadletter", "kind": "pipeline_error"},
            "stage": "write",
            "reason": {"type": poison.kind, "message": poison.message},
            "target": document.store,
            "document_id": document.id,
            "document": document.body,
            "source": _source(document.body),
        }
        month = document.store.rpartition("-")[2]  # as the document's own: a replay finds the letter there
        return NewDocument(f"{self._prefix}-deadletter-{month}", document.id, body)


class _Batch:
    """Documents on their way: what has become of each, and which are still to be sent."""

    def __init__(self, client: Elasticsearch, documents: Sequence[NewDocument]) -> None:
        self._client = client
        self._left = [_item(document) for document in documents]
        self._most = CHUNK
        self.created = 0
        self.duplicates = 0
        self.poison: list[_Poison] = []

    def send(self) -> None:
        """Send what is left, chunk by chunk; what the server cannot take now is left for the next call.

        Raises:
            Unavailable: something is left.
            Refused: the set-up is wrong.
        """
        busy: list[tuple[_Item, str]] = []
        try:
            while self._left:
                busy += self._send(_chunk(self._left, self._most))
        finally:  # also when the connection breaks half-way: then the rest is left too
            self._left = [*(item for item, _ in busy), *self._left]
        if busy:
            raise Unavailable(
                f"Elasticsearch at {url(self._client)} cannot take {len(busy)} documents now ({busy[0][1]}): "
                f"they will be sent again"
            )

    def _send(self, chunk: Sequence[_Item]) -> list[tuple[_Item, str]]:
        """Send one request; the items that the server is too busy for, with its words."""
        try:
            with asking(self._client, f"create {len(chunk)} documents"):
                lines: Any = [line for item in chunk for line in item.lines]  # made once, sent as they are
                answer = self._client.bulk(operations=lines).body
        except Refused as error:
            if not (isinstance(error.__cause__, ApiError) and error.__cause__.status_code == TOO_LARGE):
                raise
            self._shrink(chunk)
            return []
        del self._left[: len(chunk)]
        replies = zip(chunk, (reply["create"] for reply in answer["items"]), strict=True)
        return [(item, cause_words(reply["error"])) for item, reply in replies if self._is_busy(item, reply)]

    def _shrink(self, chunk: Sequence[_Item]) -> None:
        """Halve the requests: this one was too large for the server, or for a proxy before it."""
        if len(chunk) > 1:
            self._most = len(chunk) // 2
            return
        message = f"{chunk[0].size} bytes are more than the server takes"
        self.poison.append(_Poison(chunk[0].document, "too_large", message))
        del self._left[0]

    def _is_busy(self, item: _Item, reply: Mapping[str, Any]) -> bool:
        """Count one item's reply, or say that it is to be sent again."""
        status = int(reply["status"])
        if status in TRANSIENT:
            return True
        if status in CONFIGURATION:
            raise Refused(
                f"Elasticsearch at {url(self._client)} will not write to {item.document.store} "
                f"({status}, {cause_words(reply['error'])}): run `siem-anomaly check`"
            )
        if status in CREATED:
            self.created += 1
        elif status == DUPLICATE:
            self.duplicates += 1
        else:
            self.poison.append(_poison(item.document, reply["error"]))
        return False


def _item(document: NewDocument) -> _Item:
    action = {"create": {"_index": document.store, "_id": document.id}}
    return _Item(document, (json.dumps(action), json.dumps(document.body, separators=(",", ":"))))


def _chunk(items: Sequence[_Item], most: int) -> list[_Item]:
    """The first items that fit a request, `most` of them; at least one."""
    return list(_fitting(items[:most])) or list(items[:1])


def _fitting(items: Sequence[_Item]) -> Iterator[_Item]:
    size = 0
    for item in items:
        size += item.size
        if size > CHUNK_BYTES:
            return
        yield item


def _source(body: Document) -> dict[str, Any]:
    """Whose line a document is about, as the letter of a line that could not be read has it; health is about none."""
    told = body.get("siem_anomaly", {}).get("source", {})
    return {"name": told.get("name"), "index": told.get("index"), "id": next(iter(told.get("ids", ())), None)}


def _poison(document: NewDocument, error: Mapping[str, Any]) -> _Poison:
    return _Poison(document, str(error.get("type", "error")), cause_words(error).partition(": ")[2])
