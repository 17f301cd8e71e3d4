"""What a poll costs without its server, on one core: search answers' bytes to windows, and where the time goes.

    python tests/bench/stations.py [--documents 1000000] [--whole] [--json]

Two rows: documents of four fields, and ones of Filebeat's shape. Both come as the JSON of answers of 5,000 hits, which
hold what the source asks the server for: the fields that it reads, or with `--whole` the documents as they are. Answers
are made outside what is timed, and processor time is what counts: others may use the machine. Stations: the answer
decoded, its hits read as lines, the lines matched to templates, and the windows of the default views cut, as many hits
at once as one poll takes; nothing is scored or written.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from models.windows import Tails  # noqa: E402 - the repository is no installed package
from parsers.line import LogLine  # noqa: E402
from parsers.masks import Masks  # noqa: E402
from parsers.matcher import Matcher  # noqa: E402
from parsers.miner import survey  # noqa: E402
from plugin.commands.poll import uncollected  # noqa: E402
from plugin.config import SourceSettings  # noqa: E402
from plugin.doors import files  # noqa: E402
from plugin.doors.elastic.decoding import FastJson  # noqa: E402
from plugin.doors.elastic.logs import _found  # noqa: E402
from plugin.sources import Source  # noqa: E402
from plugin.spent import Spent  # noqa: E402
from plugin.views import Lens, Walk, walks  # noqa: E402
from tests.bench.polling import BEGIN, EXCERPT, SHAPES, _actions  # noqa: E402

DECODER = FastJson()
PAGE = 5_000
MEGABYTE = 1 << 20


def main() -> None:
    """Both rows, one after the other."""
    options = argparse.ArgumentParser(description="Decode, read, match and window search answers, without a server.")
    options.add_argument("--documents", type=int, default=1_000_000)
    options.add_argument("--whole", action="store_true", help="whole documents, not only the fields that are read")
    options.add_argument("--json", action="store_true", help="one JSON object a row")
    given = options.parse_args()
    for shape in SHAPES:
        row = _row(shape, given.documents, whole=given.whole)
        print(json.dumps(row) if given.json else _told(row))


def _row(shape: str, n: int, *, whole: bool) -> dict[str, Any]:
    settings = SourceSettings(indices=("bench",), time_field="@timestamp")
    source = Source("bench", settings.fields)
    passes = walks(Lens(name, view) for name, view in settings.views.items())
    masks, (lines, _) = Masks.default(), files.read([str(EXCERPT)])
    matcher = Matcher(masks, survey((line.message for line in lines), masks).templates)
    tails: dict[str, Tails[LogLine]] = {}
    spent, n_bytes = Spent(time.process_time), 0
    answers = _answers(shape, n, () if whole else source.paths)
    while poll := list(islice(answers, settings.max_hits // PAGE)):
        n_bytes += sum(map(len, poll))
        tails = _through(poll, source, matcher, passes, tails, spent)
    stations = {station: seconds / n * 1e6 for station, seconds in spent.seconds.items()}
    return {
        "name": f"stations {shape}",
        "documents": n,
        "per_s": n / sum(spent.seconds.values()),
        "bytes": n_bytes / n,
        "stations": stations,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE,
    }


@uncollected()
def _through(
    answers: Sequence[bytes],
    source: Source,
    matcher: Matcher,
    passes: Sequence[Walk],
    tails: Mapping[str, Tails[LogLine]],
    spent: Spent,
) -> dict[str, Tails[LogLine]]:
    """A poll's answers, from their bytes to windows; the tails of each walk to carry on."""
    with spent.on("decode"):
        decoded: list[Any] = [DECODER.json_loads(answer) for answer in answers]
    with spent.on("read"):
        rows = chain.from_iterable(answer["hits"]["hits"] for answer in decoded)
        found = sorted(map(_found, rows), key=lambda each: each.order)
        lines, rejected = source.read(each.hit for each in found)
    with spent.on("match"):
        matches = matcher.match(lines)
    if rejected:
        raise AssertionError(f"{len(rejected)} documents were not read: {rejected[0]}")
    carried: dict[str, Tails[LogLine]] = {}
    with spent.on("window"):
        for walk in passes:
            sightings, carried[walk.name] = walk.slide(matches, tails.get(walk.name, Tails()), lines[-1].clock)
            for lens in walk.lenses:
                lens.windows(sightings)
    return carried


def _answers(shape: str, n: int, paths: Sequence[str]) -> Iterator[bytes]:
    """The bytes of search answers, as the server would write them."""
    actions = enumerate(_actions(n, "bench", SHAPES[shape]))
    while page := list(islice(actions, PAGE)):
        hits = [_hit(i, action, paths) for i, action in page]
        body = {"took": 3, "timed_out": False, "_shards": {"total": 1, "failed": 0}, "pit_id": "x" * 400}
        yield json.dumps({**body, "hits": {"max_score": None, "hits": hits}}, separators=(",", ":")).encode()


def _hit(i: int, action: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    stamp = f"{BEGIN + timedelta(seconds=i / 10):%Y-%m-%dT%H:%M:%S.%f}000Z"
    document = _only(action["_source"], "", frozenset(paths)) if paths else action["_source"]
    fields = {"@timestamp": [stamp]}
    return {"_index": "bench", "_id": str(i), "_score": None, "_source": document, "fields": fields, "sort": [stamp, i]}


def _only(document: Mapping[str, Any], above: str, paths: frozenset[str]) -> dict[str, Any]:
    """What a document holds at these paths, as the server filters it."""
    kept = {}
    for key, value in document.items():
        path = above + key
        if path in paths:
            kept[key] = value
        elif isinstance(value, dict) and (below := _only(value, f"{path}.", paths)):
            kept[key] = below
    return kept


def _told(row: Mapping[str, Any]) -> str:
    spent = ", ".join(f"{name} {us:.1f}" for name, us in row["stations"].items())
    return f"{row['name']:<18} {row['per_s']:,.0f} documents/s of {row['bytes']:,.0f} bytes; µs a document: {spent}"


if __name__ == "__main__":
    main()
