"""How well messages are grouped and their templates found, beside drain3's own defaults, on labelled logs.

    python tests/bench/mining.py --data DIR [--json]     # DIR/loghub/*_2k.log_structured.csv
    python tests/bench/mining.py [--json]                # the excerpts in tests/data

One set of masks and one set of rules for all systems. All parsers get the same `Content` of every line. Compared are
ours, drain3 as it comes (its defaults, no masks), and drain3 with our masks as its own.

Grouping accuracy (Zhu et al., ICSE-SEIP 2019): the share of lines whose group is, line for line, one of the labels'.
Template accuracy (Khan et al., ICSE 2022, their FTA): F1 of templates; one is right when its group is and its words
are. What a variable is called, and of how many pieces one word's variable consists, is levelled before: `<IP>:<NUM>`,
`<*>:<*>` and `<*>` are the same.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig
from rich.console import Console
from rich.table import Table

from parsers.masks import Masks
from parsers.matcher import Matcher
from parsers.miner import mine

EXCERPTS = Path(__file__).parent.parent / "data"
_VARIABLE = re.compile(r"<(?:\*|[A-Z][A-Z0-9]{0,15})>")
_JOINED = re.compile(r"<\*>(?:[^\w\s<]*<\*>)+")


class Labelled(NamedTuple):
    """A log's messages and the template that a person gave each."""

    name: str
    messages: list[str]
    templates: list[str]


class Found(NamedTuple):
    """What a parser made of the messages: for each its group and that group's template."""

    groups: list[int]
    templates: list[str]


class Quality(NamedTuple):
    """How well that agrees with the labels, each 0 to 1."""

    grouping: float
    template: float
    n_templates: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, mine, compare, print; 2 = there is nothing labelled in the folder."""
    options = _options(arguments)
    sets = [_read(path) for path in _paths(options.data)]
    if not sets:
        print(f"mining: {options.data}/loghub holds no *_structured.csv", file=sys.stderr)
        return 2
    rows = [_row(labelled.name, name, parse, labelled) for labelled in sets for name, parse in PARSERS.items()]
    rows += [_mean(name, [row for row in rows if row["parser"] == name]) for name in PARSERS]
    if options.json:
        print("\n".join(map(json.dumps, rows)))
    else:
        Console(width=120).print(_table(rows))
    return 0


def quality(labels: Sequence[str], found: Found) -> Quality:
    """Grouping accuracy, and F1 over templates of the same group and words."""
    truth, guess = _lines_by(labels), _lines_by(found.groups)
    right = {lines for lines in guess.values() if lines in set(truth.values())}
    named = sum(_level(labels[min(lines)]) == _level(found.templates[min(lines)]) for lines in right)
    n_lines = len(labels)
    return Quality(sum(map(len, right)) / n_lines, 2 * named / (len(truth) + len(guess)), len(guess))


def ours(messages: Sequence[str]) -> Found:
    """By `parsers.miner` and `parsers.matcher`, as a training does it."""
    masks = Masks.default()
    templates = mine(messages, masks)
    ids = Matcher(masks, templates).ids(messages)
    return Found(ids, [templates.text(id) for id in ids])


def theirs(messages: Sequence[str]) -> Found:
    """By drain3 as it comes."""
    return _drain3(messages, [])


def theirs_masked(messages: Sequence[str]) -> Found:
    """By drain3 with our masks in the place of none."""
    return _drain3(messages, [MaskingInstruction(mask.pattern, mask.name) for mask in Masks.default().all])


PARSERS: dict[str, Callable[[Sequence[str]], Found]] = {
    "ours": ours,
    "drain3, its defaults": theirs,
    "drain3, our masks": theirs_masked,
}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, help="a folder that holds loghub/; the shipped excerpts without")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    return parser.parse_args(arguments)


def _paths(data: Path | None) -> list[Path]:
    if data is None or not (data / "loghub").is_dir():
        print(f"no {data or 'DIR'}/loghub: the shipped excerpts are taken", file=sys.stderr)
        return sorted(EXCERPTS.glob("*-excerpt_structured.csv"))
    return sorted((data / "loghub").glob("*_structured.csv"))


def _read(path: Path) -> Labelled:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file))
    name = path.name.removesuffix("_structured.csv").removesuffix(".log").removesuffix("_2k")
    return Labelled(name, [row["Content"] for row in rows], [row["EventTemplate"] for row in rows])


def _drain3(messages: Sequence[str], masking: list[MaskingInstruction]) -> Found:
    config = TemplateMinerConfig()
    config.masking_instructions = masking
    miner = TemplateMiner(config=config)
    groups: list[int] = [miner.add_log_message(message)["cluster_id"] for message in messages]
    texts = {cluster.cluster_id: cluster.get_template() for cluster in miner.drain.clusters}
    return Found(groups, [texts[group] for group in groups])


def _lines_by(keys: Iterable[object]) -> dict[object, frozenset[int]]:
    lines: dict[object, list[int]] = defaultdict(list)
    for line, key in enumerate(keys):
        lines[key].append(line)
    return {key: frozenset(of) for key, of in lines.items()}


def _level(template: str) -> str:
    return " ".join(_JOINED.sub("<*>", _VARIABLE.sub("<*>", word)) for word in template.split())


def _row(name: str, parser: str, parse: Callable[[Sequence[str]], Found], labelled: Labelled) -> dict[str, Any]:
    found = quality(labelled.templates, parse(labelled.messages))
    return {
        "name": f"mining: {name}",
        "set": name,
        "parser": parser,
        "lines": len(labelled.messages),
        "grouping_accuracy": round(found.grouping, 4),
        "template_accuracy": round(found.template, 4),
        "n_templates": found.n_templates,
        "n_labelled": len(set(labelled.templates)),
    }


def _mean(parser: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def mean(key: str) -> float:
        return round(sum(row[key] for row in rows) / len(rows), 4)

    sums = {key: sum(row[key] for row in rows) for key in ("lines", "n_templates", "n_labelled")}
    means = {key: mean(key) for key in ("grouping_accuracy", "template_accuracy")}
    return {"name": "mining", "set": "mean", "parser": parser, **sums, **means}


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("set", "parser", title="Templates, one set of masks for all", title_justify="left")
    for heading in ("grouping accuracy", "template accuracy", "templates", "labelled"):
        table.add_column(heading, justify="right")
    for row in rows:
        accuracies = [f"{row[key]:.3f}" for key in ("grouping_accuracy", "template_accuracy")]
        table.add_row(row["set"], row["parser"], *accuracies, str(row["n_templates"]), str(row["n_labelled"]))
    return table


if __name__ == "__main__":
    sys.exit(main())
