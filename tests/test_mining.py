"""`tests/bench/mining.py`: figures that can be worked out by hand, and the tables it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import mining
from tests.bench.mining import Found, quality


def test_perfect_groups_and_words_are_one() -> None:
    """Whatever the groups are called, and however many pieces a word's variable has."""
    labels = ["a <*>", "a <*>", "b"]
    assert quality(labels, Found([7, 7, 3], ["a <IP>:<NUM>"] * 2 + ["b"])) == (1.0, 1.0, 2)


def test_a_group_counts_only_whole() -> None:
    """Of four lines in two groups, one line apart leaves only the untouched group right."""
    found = quality(["a", "a", "a", "b"], Found([1, 1, 2, 3], ["a", "a", "a", "b"]))
    assert found.grouping == pytest.approx(1 / 4)
    assert found.template == pytest.approx(2 * 1 / (2 + 3))


def test_a_right_group_with_wrong_words_is_no_right_template() -> None:
    """Grouping does not see it, template accuracy does."""
    assert quality(["a <*>", "b"], Found([1, 2], ["<*> <*>", "b"])) == (1.0, 0.5, 2)


def test_the_shipped_excerpts_are_mined_by_all_and_ours_is_the_best(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Rows for six logs and their mean; on the mean both accuracies are above drain3's defaults."""
    assert mining.main(["--json", "--data", str(tmp_path)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["set"] for row in rows} > {"mean", "loghub-hdfs-excerpt", "loghub-mac-excerpt"}
    means = {row["parser"]: row for row in rows if row["set"] == "mean"}
    for key in ("grouping_accuracy", "template_accuracy"):
        assert means["ours"][key] > means["drain3, its defaults"][key]


def test_a_person_reads_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Every parser by its name."""
    assert mining.main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in mining.PARSERS)
