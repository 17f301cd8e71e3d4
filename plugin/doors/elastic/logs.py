"""Reading log documents: a frozen view of the indices (a point in time), page after page, all of a span or an error.

What we write ourselves is never read back. Ties are normal (Fleet truncates `event.ingested` to whole seconds), so a
read that gets too long ends between two milliseconds, never inside one.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

from elasticsearch import ApiError, BadRequestError, Elasticsearch, NotFoundError, TransportError

from plugin.doors.elastic import client as door
from plugin.doors.elastic.client import asking, reason, wants_less
from plugin.errors import Refused, Unavailable
from plugin.lookup import sequence
from plugin.ports import Hit, Page, Span, Stream

KEEP_ALIVE = "2m"
"""How long the server holds the frozen view between two pages; a page and its retry take a minute at most."""
NANOS = "strict_date_optional_time_nanos"
"""Sort values come as text with 3 digits from `date` and 9 from `date_nanos` indices; as numbers they would mix."""
NS_PER_MS = 1_000_000
MAPPED_ONLY = ("data_stream.dataset", "data_stream.namespace")
"""Fields that often stand in the mapping alone (`constant_keyword`) and so are in no document."""
DATES_OR_NONE = frozenset({"date", "date_nanos", "unmapped"})
"""How a time field may be mapped; `unmapped` where an index has no such field."""
KEYWORDS = frozenset({"keyword", "constant_keyword", "unmapped"})
"""What a script can ask for its one value."""
FALLS_TO = """
for (field in params.fields) {
  if (doc.containsKey(field) && doc[field].size() > 0) {
    int rest = doc[field].value.hashCode() % params.n;
    return (rest < 0 ? rest + params.n : rest) == params.k;
  }
}
return params.k == 0;
"""
"""Painless: whether a document falls to part k of n, by its host. Run on what the other filters leave."""
MAX_IDS = 5_000
OUR_MODULE = "siem_anomaly"
"""`event.module` of everything we write."""


class _Found(NamedTuple):
    """A hit and what orders it within its clock: its own time and its place in it, where it has them."""

    hit: Hit
    time: int
    sequence: tuple[int, int]

    @property
    def order(self) -> tuple[int, int, tuple[int, int], str, str]:
        return self.hit.clock, self.time, self.sequence, self.hit.store, self.hit.id


class _Asked(NamedTuple):
    """What a search asks for, by how the stream's fields are mapped."""

    fields: list[Any]
    """Besides the documents themselves, of what is mapped at all: each costs the server time."""
    in_nanos: bool
    """Whether an index keeps nanoseconds: then all are sorted by them. Without need it keeps the server from leaving
    out what cannot be among the first, and each page of a long backlog costs as much as all of it."""


class ElasticLogs:
    """Implements `Logs`.

    `prefix` begins the names of our own indices, which are left out. `mapped_only` names fields to add to a document
    that lacks them: values that only the mapping holds, and alias fields. Of those a stream gets what it wants.
    """

    def __init__(
        self,
        client: Elasticsearch,
        prefix: str = "siem-anomaly",
        mapped_only: Sequence[str] = MAPPED_ONLY,
        oldest: tuple[int, ...] = door.OLDEST,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._mapped_only = tuple(mapped_only)
        self._oldest = oldest
        self._is_known = False

    def now(self) -> int:
        """The server's clock, milliseconds, to the second. The first time its version is asked, too."""
        if not self._is_known:
            door.version(self._client, self._oldest)
            self._is_known = True
        with asking(self._client, "tell its time"):
            rows: Any = self._client.cat.health(h="epoch", format="json").body
        return int(rows[0]["epoch"]) * 1_000

    def read(self, stream: Stream, span: Span) -> Page:
        """Every document of the span, ordered by clock, `@timestamp`, sequence, index and id."""
        if span.lo >= span.hi:
            return Page([], span)
        with self._asking(stream, "read {}"):
            asked = self._preflight(stream)
            with self._point_in_time(stream, span) as pit, self._pages(pit, stream, span, asked) as pages:
                found, read = _bounded(pages, span, stream.max_hits)
        found.sort(key=lambda each: each.order)
        return Page([each.hit for each in found], read)

    def count(self, stream: Stream, span: Span, width: int) -> dict[int, int]:
        """One aggregation, over what `read` would find; it walks no documents."""
        if span.lo >= span.hi:
            return {}
        histogram = {"field": stream.time_field, "fixed_interval": f"{width}ms", "min_doc_count": 1}
        with self._asking(stream, "count {}"):
            answer = self._client.search(
                index=list(stream.indices),
                size=0,
                track_total_hits=False,
                ignore_unavailable=True,
                allow_partial_search_results=False,
                query=self._within(stream, self._falls_to(stream), span),
                aggregations={"counts": {"date_histogram": histogram}},
            ).body
            _require_whole(answer, stream)
        rows = answer.get("aggregations", {}).get("counts", {}).get("buckets", ())
        return {int(row["key"]): int(row["doc_count"]) for row in rows}

    def indices(self, stream: Stream) -> list[str]:
        """As the mappings' answer names them."""
        with self._asking(stream, "look at {}"):
            names: list[str] = self._mapped(stream, [stream.time_field])["indices"]
        return names

    def count_without(self, stream: Stream) -> int:
        """Documents without the time field; none of ours, as in `read`."""
        without = [{"exists": {"field": stream.time_field}}, *self._ours()]
        with self._asking(stream, f"count documents of {{}} without {stream.time_field}"):
            answer = self._client.count(
                index=list(stream.indices), query={"bool": {"must_not": without}}, ignore_unavailable=True
            ).body
            _require_whole(answer, stream)
        return int(answer["count"])

    def members(self, stream: Stream, origins: Collection[str]) -> set[str]:
        """By searches for their ids; an id may be there in several indices."""
        found: set[str] = set()
        wanted = sorted({origin.partition("/")[2] for origin in origins})
        with self._asking(stream, "tell the parts of {}"):
            falls_to = self._falls_to(stream)
            for at in range(0, len(wanted), MAX_IDS):
                answer = self._client.search(
                    index=list(stream.indices),
                    size=2 * MAX_IDS,
                    source=False,
                    ignore_unavailable=True,
                    allow_partial_search_results=False,
                    query={"bool": {"filter": [{"ids": {"values": wanted[at : at + MAX_IDS]}}, *falls_to]}},
                ).body
                _require_whole(answer, stream)
                found.update(f"{row['_index']}/{row['_id']}" for row in answer["hits"]["hits"])
        return found.intersection(origins)

    @contextlib.contextmanager
    def _asking(self, stream: Stream, operation: str) -> Iterator[None]:
        """As `asking`; what of the stream the server will not search, and what to do about it, is said in our words."""
        with asking(self._client, operation.format(_names(stream))):
            try:
                yield
            except BadRequestError as error:
                if stream.part is not None and "script" in reason(error):
                    raise Refused(
                        f"{_names(stream)} cannot be split: the server runs no painless script in a search "
                        f"({reason(error)}); allow it, or set partitions = 1"
                    ) from error
                self._preflight(stream)  # an index may have come since it was last looked at, or was never looked at
                raise

    def _falls_to(self, stream: Stream) -> list[dict[str, Any]]:
        """The filter of the stream's part; none where it is about all documents."""
        if stream.part is None or stream.part.n == 1:
            return []
        caps = self._mapped(stream, stream.part.fields)["fields"]
        fields = [name for name in stream.part.fields if _is_keyword(caps.get(name, {}))]
        if not fields:
            raise Refused(
                f"{_names(stream)} cannot be split: none of {', '.join(stream.part.fields)} is a keyword in all of its "
                f"indices; name one in the source's fields.host, or set partitions = 1"
            )
        params = {"fields": fields, "k": stream.part.k, "n": stream.part.n}
        return [{"script": {"script": {"lang": "painless", "source": FALLS_TO, "params": params}}}]

    def _preflight(self, stream: Stream) -> _Asked:
        """Look at the mappings first: one index whose time field is text would fail every search."""
        mapped_only = [name for name in self._mapped_only if not stream.fields or name in stream.fields]
        names = [stream.time_field, "@timestamp", *mapped_only]
        answer = self._mapped(stream, names)
        if not answer["indices"]:
            raise Refused(
                f"no index matches {_names(stream)}: check the source's indices, and that the key may read them"
            )
        mapped: Mapping[str, Mapping[str, Any]] = answer["fields"]
        for kind, caps in mapped.get(stream.time_field, {}).items():
            if kind not in DATES_OR_NONE:
                where = ", ".join(caps.get("indices", answer["indices"])[:5])
                raise Refused(
                    f"{stream.time_field} is a {kind} and no date in {where}: map it as date, "
                    f"or leave such an index out with `-name` at the end of the source's indices"
                )
        fields: list[Any] = [name for name in mapped_only if mapped.get(name, {}).keys() - {"unmapped"}]
        if stream.time_field != "@timestamp" and mapped.get("@timestamp", {}).keys() <= DATES_OR_NONE:
            fields.append({"field": "@timestamp", "format": NANOS})
        return _Asked(fields, in_nanos="date_nanos" in mapped.get(stream.time_field, {}))

    def _mapped(self, stream: Stream, fields: Sequence[str]) -> Mapping[str, Any]:
        """How each field is mapped, in all of the indices.

        A remote cluster that cannot be reached is left out of a frozen view without a word; only here it is told.
        """
        answer: Mapping[str, Any] = self._client.field_caps(
            index=list(stream.indices), fields=list(fields), include_unmapped=True, ignore_unavailable=True
        ).body
        _require_whole(answer, stream)
        return answer

    @contextlib.contextmanager
    def _point_in_time(self, stream: Stream, span: Span) -> Iterator[list[str]]:
        """The id of the frozen view, in a list: each page may answer with a newer one."""
        answer = self._client.open_point_in_time(
            index=list(stream.indices),
            keep_alive=KEEP_ALIVE,
            ignore_unavailable=True,
            index_filter={"range": {stream.time_field: {"gte": _iso(span.lo), "format": NANOS}}},
        )
        pit = [str(answer["id"])]
        if (
            answer.get("_shards", {}).get("total") == 0
        ):  # a key that may see an index and not read it gets an empty view, no error
            raise Refused(f"{_names(stream)} cannot be read: give the key the right `read` on the source's indices")
        try:
            yield pit
        finally:
            with contextlib.suppress(ApiError, TransportError):  # it expires by itself
                self._client.close_point_in_time(id=pit[0])

    @contextlib.contextmanager
    def _pages(self, pit: list[str], stream: Stream, span: Span, asked: _Asked) -> Iterator[Iterator[list[_Found]]]:
        """Each page's hits. While one is taken in, the next is on its way: the server need not wait for us.

        When the block ends nothing is on its way any more, so the frozen view can be closed.
        """
        with ThreadPoolExecutor(1, "read") as ahead:
            yield self._in_turn(ahead, pit, stream, self._request(stream, span, asked))

    def _in_turn(
        self, ahead: ThreadPoolExecutor, pit: list[str], stream: Stream, request: Mapping[str, Any]
    ) -> Iterator[list[_Found]]:
        n_rows, coming = 0, ahead.submit(self._page, request, pit, stream)
        while True:
            rows, size = coming.result()
            n_rows += len(rows)
            more = len(rows) == size
            if more:
                following = {**request, "size": size, "search_after": rows[-1]["sort"]}
            if surely := more and n_rows <= stream.max_hits:
                coming = ahead.submit(self._page, following, pit, stream)
            yield [_found(row) for row in rows]
            if not more:
                return
            if not surely:  # all of these are of one millisecond, and so may be the next
                coming = ahead.submit(self._page, following, pit, stream)

    def _page(self, request: Mapping[str, Any], pit: list[str], stream: Stream) -> tuple[list[Mapping[str, Any]], int]:
        """The rows of one page, and its size: halved as often as the server has too little memory for it.

        Query and sort are the same for all pages.
        """
        try:
            answer: Mapping[str, Any] = self._client.search(
                **request, pit={"id": pit[0], "keep_alive": KEEP_ALIVE}
            ).body
        except NotFoundError as error:
            raise Unavailable(
                f"the frozen view of {_names(stream)} was lost while it was read: it will be read again"
            ) from error
        except ApiError as error:
            if (less := request["size"] // 2) and wants_less(error):
                return self._page({**request, "size": less}, pit, stream)
            raise
        _require_whole(answer, stream)
        pit[0] = answer.get("pit_id", pit[0])
        rows: list[Mapping[str, Any]] = answer["hits"]["hits"]
        return rows, request["size"]

    def _request(self, stream: Stream, span: Span, asked: _Asked) -> dict[str, Any]:
        order = {"order": "asc", "unmapped_type": "date", "format": NANOS}
        if asked.in_nanos:
            order["numeric_type"] = "date_nanos"
        return {
            "size": _page_size(stream),
            "track_total_hits": False,
            "allow_partial_search_results": False,
            "query": self._within(stream, self._falls_to(stream), span),
            "sort": [{stream.time_field: order}],
            "fields": asked.fields,
            "source": list(stream.fields) or True,
        }

    def _within(self, stream: Stream, falls_to: list[dict[str, Any]], span: Span) -> dict[str, Any]:
        """What finds every document of a span but ours."""
        bounds = {"gte": _iso(span.lo), "lt": _iso(span.hi), "format": NANOS}  # gt and lte would round
        in_span = {"range": {stream.time_field: bounds}}
        return {"bool": {"filter": [in_span, *falls_to], "must_not": self._ours()}}

    def _ours(self) -> list[dict[str, Any]]:
        """What finds our own output: excluded by query, because an alias would get round a `-name` in the pattern."""
        names = [f"{self._prefix}-{kind}" for kind in ("records-*", "health-*", "deadletter-*", "state", "feedback")]
        return [{"term": {"event.module": OUR_MODULE}}, *({"wildcard": {"_index": name}} for name in names)]


def _page_size(stream: Stream) -> int:
    """So many that some pages, all as large, hold hardly more than tells where a read of `max_hits` ends."""
    enough = stream.max_hits + 1
    n_pages = math.ceil(enough / stream.page)
    return math.ceil(enough / n_pages)


def _is_keyword(caps: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a field is one wherever it is mapped, and is mapped somewhere."""
    kinds = caps.keys() - {"unmapped"}
    return bool(kinds) and kinds <= KEYWORDS and all(caps[kind].get("aggregatable") for kind in kinds)


def _bounded(pages: Iterator[list[_Found]], span: Span, max_hits: int) -> tuple[list[_Found], Span]:
    """The hits of all pages, or those before the millisecond in which `max_hits` is passed, and the span they fill."""
    found: list[_Found] = []
    for page in pages:
        found += page
        if (end := _end(found, max_hits)) is not None:
            return [each for each in found if _ms(each) < end], Span(span.lo, end)
    return found, span


def _end(found: Sequence[_Found], max_hits: int) -> int | None:
    """The millisecond before which a read that has grown too long ends; None while it must go on.

    Of a first millisecond that alone holds more than `max_hits` everything is read.
    """
    if len(found) <= max_hits:
        return None
    first = _ms(found[0])
    return next((_ms(each) for each in found[max_hits:] if _ms(each) > first), None)


def _ms(found: _Found) -> int:
    return found.hit.clock // NS_PER_MS


def _found(row: Mapping[str, Any]) -> _Found:
    """A hit of an answer; fields that only the mapping holds are added where the document lacks them."""
    source, mapped = row.get("_source", {}), row.get("fields")
    clock = nanoseconds(row["sort"][0])
    if not mapped:
        return _Found(Hit(row["_index"], row["_id"], clock, source), 0, sequence(source))
    time = mapped.pop("@timestamp", None)
    added = {name: values for name, values in mapped.items() if not _has(source, name)}
    hit = Hit(row["_index"], row["_id"], clock, source | added if added else source)
    return _Found(hit, nanoseconds(time[0]) if time else 0, sequence(source))


def _has(fields: object, name: str) -> bool:
    """Whether a document holds a field, its name literally dotted or nested at any of its dots."""
    if not isinstance(fields, Mapping):
        return False
    head, dot, rest = name.partition(".")
    return name in fields or (bool(dot) and _has(fields.get(head), rest))


def _require_whole(answer: Mapping[str, Any], stream: Stream) -> None:
    """An answer that leaves something out is no answer: a poll would pass over it for good."""
    clusters = answer.get("_clusters", {})
    silent = ", ".join(name for failure in answer.get("failures", ()) for name in failure["indices"])
    missing = {
        "it ran out of time": answer.get("timed_out", False),
        "shards failed": answer.get("_shards", {}).get("failed", 0),
        "remote clusters were left out": sum(clusters.get(state, 0) for state in ("skipped", "partial", "failed")),
        f"{silent} did not answer": silent,
    }
    if faults := [fault for fault, count in missing.items() if count]:
        raise Unavailable(f"{_names(stream)} was not read in full ({', '.join(faults)}): it will be read again")


def nanoseconds(stamp: str) -> int:
    """`2026-11-23T10:00:00.388Z`, with any number of decimals up to nine, as nanoseconds since the epoch."""
    seconds, _, fraction = stamp.removesuffix("Z").partition(".")
    return _second(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))


@functools.lru_cache(maxsize=4_096)  # hits come in the order of time: most share their second with the one before
def _second(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp())


def _iso(milliseconds: int) -> str:
    """A bound with its full fraction, because the server rounds what is missing."""
    seconds, rest = divmod(milliseconds, 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03}000000Z"


def _names(stream: Stream) -> str:
    return ",".join(stream.indices)
