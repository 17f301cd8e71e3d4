"""Keeping checkpoints: one document a source, read in real time, replaced only by who read the newest one."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from elasticsearch import ConflictError, Elasticsearch, NotFoundError

from plugin import tails
from plugin.doors.elastic.client import asking
from plugin.errors import PollInProgress, Refused
from plugin.ports import Checkpoint

HASH_BYTES = 8
"""Of the hash of a seen hit: 64 bits."""


class ElasticCheckpoints:
    """Implements `Checkpoints`, in the index `{prefix}-state`."""

    def __init__(self, client: Elasticsearch, prefix: str = "siem-anomaly") -> None:
        self._client = client
        self._index = f"{prefix}-state"

    def load(self, source: str) -> Checkpoint | None:
        """The last one committed; a get by id is answered in real time, where a search would lag."""
        with asking(self._client, f"load the checkpoint of {source}"):
            try:
                answer = self._client.get(index=self._index, id=_id(source)).body
            except NotFoundError as error:
                if "error" in error.body:  # it is the index that is missing
                    raise
                return None
        try:
            return _checkpoint(source, answer)
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(
                f"the checkpoint of {source} in {self._index} cannot be read ({error}): "
                f"delete the document {_id(source)} to begin anew"
            ) from error

    def commit(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> None:
        """Store it if `replacing` is still the stored one; the server compares, so no lock is needed."""
        expected = replacing.version if replacing else None
        with asking(self._client, f"commit the checkpoint of {checkpoint.source}"):
            try:
                self._put(checkpoint, expected)
            except ConflictError as error:
                raise PollInProgress(
                    f"another worker has committed the checkpoint of {checkpoint.source} first: its work stands"
                ) from error

    def _put(self, checkpoint: Checkpoint, expected: tuple[int, int] | None) -> None:
        name, body = _id(checkpoint.source), _body(checkpoint)
        if expected is None:
            self._client.create(index=self._index, id=name, document=body)
            return
        seq_no, term = expected
        self._client.index(index=self._index, id=name, document=body, if_seq_no=seq_no, if_primary_term=term)


def _id(source: str) -> str:
    return f"checkpoint:{source}"


def _body(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "source": checkpoint.source,
        "until": checkpoint.until,
        "bundle": checkpoint.bundle,
        "seen": _text(_hashes(checkpoint.seen)),
        "tails": _text(tails.encode(checkpoint.tails)),
    }


def _checkpoint(source: str, answer: Mapping[str, Any]) -> Checkpoint:
    body = answer["_source"]
    return Checkpoint(
        source=source,
        until=int(body["until"]),
        bundle=str(body["bundle"]),
        seen=_seen(_bytes(body["seen"])),
        tails=tails.decode(_bytes(body["tails"])),
        version=(answer["_seq_no"], answer["_primary_term"]),
    )


def _hashes(seen: Iterable[int]) -> bytes:
    return b"".join(each.to_bytes(HASH_BYTES, "big") for each in sorted(seen))


def _seen(data: bytes) -> frozenset[int]:
    return frozenset(int.from_bytes(data[at : at + HASH_BYTES], "big") for at in range(0, len(data), HASH_BYTES))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
