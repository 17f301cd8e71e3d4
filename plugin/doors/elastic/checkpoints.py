"""Keeping checkpoints: one document a source, replaced only by who read the newest one; its version in real time."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from elastic_transport import ObjectApiResponse
from elasticsearch import ConflictError, Elasticsearch, NotFoundError

from plugin import elias_fano, tails
from plugin.doors.elastic.client import asking
from plugin.errors import PollInProgress, Refused
from plugin.ports import Checkpoint, Told
from plugin.tally import Cell, Seconds, Tally

HEAD = struct.Struct(">QQ")
"""Before a second's hashes."""


class ElasticCheckpoints:
    """Implements `Checkpoints`, in the index `{prefix}-state`."""

    def __init__(self, client: Elasticsearch, prefix: str = "siem-anomaly") -> None:
        self._client = client
        self._index = f"{prefix}-state"
        self._known: dict[str, Checkpoint] = {}
        """As committed or loaded last: with tens of thousands of open sessions it takes seconds to read one again."""

    def load(self, source: str) -> Checkpoint | None:
        """The last one committed; a get by id is answered in real time, where a search would lag."""
        known = self._known.get(source)
        if known is not None:
            answer = self._get(source, ["until"])
            if answer and (_version(answer), answer["_source"]["until"]) == (known.version, known.until):
                return known
        answer = self._get(source, True)
        if answer is None:
            return None
        try:
            self._known[source] = checkpoint = _checkpoint(source, answer)
        except (ValueError, KeyError, TypeError, struct.error, zlib.error) as error:
            raise Refused(
                f"the checkpoint of {source} in {self._index} cannot be read ({error}): "
                f"delete the document {_id(source)} to begin anew"
            ) from error
        return checkpoint

    def _get(self, source: str, fields: list[str] | bool) -> dict[str, Any] | None:
        with asking(self._client, f"load the checkpoint of {source}"):
            try:
                return dict(self._client.get(index=self._index, id=_id(source), source=fields).body)
            except NotFoundError as error:
                if "error" in error.body:  # it is the index that is missing
                    raise
                return None

    def commit(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> int:
        """Store it if `replacing` is still the stored one; the server compares, so no lock is needed."""
        expected = replacing.version if replacing else None
        body = _body(checkpoint)
        self._known.pop(checkpoint.source, None)  # whatever comes of it, it is no longer the one
        with asking(self._client, f"commit the checkpoint of {checkpoint.source}"):
            try:
                answer = self._put(_id(checkpoint.source), body, expected)
            except ConflictError as error:
                raise PollInProgress(
                    f"another worker has committed the checkpoint of {checkpoint.source} first: its work stands"
                ) from error
        self._known[checkpoint.source] = replace(checkpoint, version=_version(answer.body))
        return sum(len(part) for part in body.values() if isinstance(part, str))

    def _put(self, name: str, body: Mapping[str, Any], expected: tuple[int, int] | None) -> ObjectApiResponse[Any]:
        if expected is None:
            return self._client.create(index=self._index, id=name, document=body)
        seq_no, term = expected
        return self._client.index(index=self._index, id=name, document=body, if_seq_no=seq_no, if_primary_term=term)


def _version(answer: Mapping[str, Any]) -> tuple[int, int]:
    return answer["_seq_no"], answer["_primary_term"]


def _id(source: str) -> str:
    return f"checkpoint:{source}"


def _body(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "source": checkpoint.source,
        "until": checkpoint.until,
        "since": checkpoint.since,
        "generation": checkpoint.generation,
        "closed": checkpoint.closed,
        "bundle": checkpoint.bundle,
        "seen": _text(_packed(checkpoint.seen)),
        "tally": _text(_counted(checkpoint.tally)),
        "tails": _text(tails.encode(checkpoint.tails)),
        "told": _text(zlib.compress(json.dumps(checkpoint.told).encode())),
    }


def _checkpoint(source: str, answer: Mapping[str, Any]) -> Checkpoint:
    body = answer["_source"]
    return Checkpoint(
        source=source,
        until=int(body["until"]),
        since=int(body["since"]),
        generation=int(body["generation"]),
        closed=bool(body["closed"]),
        bundle=str(body["bundle"]),
        seen=_unpacked(_bytes(body["seen"])),
        tally=_tally(_bytes(body["tally"])),
        tails=tails.decode(_bytes(body["tails"])),
        told=_told(_bytes(body["told"])) if "told" in body else {},  # an earlier release told nobody
        version=_version(answer),
    )


def _packed(seen: Seconds) -> bytes:
    """Second and number of hashes, eight bytes each, then the hashes, coded; second after second."""
    rows = ((second, np.frombuffer(packed, elias_fano.BIG_ENDIAN)) for second, packed in sorted(seen.items()))
    return b"".join(HEAD.pack(second, len(hashes)) + elias_fano.encode(hashes) for second, hashes in rows)


def _unpacked(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(data):
        second, n = HEAD.unpack_from(data, at)
        begins = at + HEAD.size
        at = begins + elias_fano.size(n)
        found[second] = elias_fano.decode(data[begins:at], n).tobytes()
    return found


def _counted(tally: Tally) -> bytes:
    """`[[start, [[cell, n, mixed], …]], …]`, compressed."""
    buckets = [[at, [[cell, *counts] for cell, counts in bucket.items()]] for at, bucket in tally.buckets.items()]
    return zlib.compress(json.dumps(buckets, separators=(",", ":")).encode())


def _tally(data: bytes) -> Tally:
    rows = _json(data)
    return Tally({int(at): {int(cell): Cell(int(n), int(mixed)) for cell, n, mixed in cells} for at, cells in rows})


def _told(data: bytes) -> dict[str, Told]:
    return {str(key): Told(float(at), float(score), int(n)) for key, (at, score, n) in _json(data).items()}


def _json(data: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(zlib.decompress(data))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
