"""`plugin.terminal`: what a person sees, and what no log line can do to a screen."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from parsers.line import LogLine, Rejected
from plugin import explain, terminal
from plugin.commands.backfill import Worked
from plugin.commands.check import CheckedFile, Unreadable
from plugin.commands.poll import Polled
from plugin.commands.score import Report, fold, score
from plugin.commands.status import Status
from plugin.commands.train import Trained
from plugin.ports import Written
from plugin.seen import Seen
from tests import lines
from tests.test_poll import polling


@cache
def report() -> Report:
    """A day's twenty strangest kinds of lines."""
    day = sorted(lines.lines([*lines.texts(), lines.strange()]), key=lambda line: line.time)
    return score(day, [], "auth.log", budget=20, views=lines.views(), progress=lines.silent)


def shown(told: Report, *, unfold: bool = False, top: int = 0, width: int = 400) -> str:
    """What a terminal of some width shows of a report."""
    screen = io.StringIO()
    terminal.show(Console(file=screen, width=width), told, unfold=unfold, top=top)
    return screen.getvalue()


def spoken(**parts: Any) -> Report:
    """The report with another worst line, which is also what came before it."""
    top = report().anomalies[0]
    line: LogLine = top.sighting.line._replace(**parts)
    other = replace(top, sighting=top.sighting._replace(line=line))
    return replace(report(), anomalies=(other,), before={line.origin: (line,)}, also={})


def test_the_worst_entry_is_shown_first_with_all_it_takes_to_decide() -> None:
    """When, where, who, the line, its score, how rare, why, and where to find it."""
    top = report().anomalies[0]
    first = shown(report()).split("\n\n")[0]
    assert first.lstrip().startswith("1.")
    for part in (
        f"{top.score:.1f}",
        explain.rarity(top.score),
        terminal.stamp(top.sighting.time),
        lines.HOST,
        "useradd[31337]",
        top.sighting.line.origin,
        lines.STRANGE,
        explain.reason(top),
    ):
        assert part in first, part


def test_alike_lines_are_one_entry_with_their_number() -> None:
    """Unfolded each has its own."""
    folded, unfolded = shown(report()), shown(report(), unfold=True)
    assert "×" in folded
    assert "alike" in folded
    assert "alike" not in unfolded
    n = len(report().anomalies)
    assert n > 20
    assert f" {n}. " in f" {unfolded}".replace("\n", "\n ")
    assert f"in {n} entries" in unfolded


def test_top_bounds_the_entries_and_says_how_many_more() -> None:
    """Nothing is hidden without a word."""
    few = shown(report(), top=3)
    assert f"{len(fold(report().anomalies)) - 3} more entries" in few
    assert " 4. " not in few
    assert "more entries" not in shown(report())


def test_the_last_line_sums_up() -> None:
    """Lines read, over what time, how many not and why, how many strange."""
    told = replace(report(), rejected=Counter({"no time stamp": 3}))
    last = shown(told).rstrip().splitlines()[-1]
    strange = f"{len(told.anomalies)} strange in {len(fold(told.anomalies))} entries"
    for part in (f"{len(told.lines)} lines", f"{told.days * 24:.1f} hours", "3 unread (no time stamp)", strange):
        assert part in last
    assert last.endswith("Each quarter was judged by what the other three hold. Times are UTC.")
    assert "quarter" not in shown(replace(told, by_itself=False)).rstrip().splitlines()[-1]


def test_repeats_that_were_written_out_are_told_apart() -> None:
    """Else a file would seem to have more lines than it has."""
    lines_read = [
        line._replace(origin=f"a:{n // 2}#{n}" if n % 2 else f"a#1:{n // 2}") for n, line in enumerate(report().lines)
    ]
    n = len(lines_read)
    told = shown(replace(report(), lines=lines_read)).rstrip().splitlines()[-1]
    assert told.startswith(f"{n - n // 2} lines ({n} with the repeats they tell of) over ")


def test_nothing_strange_is_said_too() -> None:
    """And is no empty screen."""
    assert "nothing" in shown(replace(report(), anomalies=()))


def test_notices_come_first() -> None:
    """What a person should know before the scores."""
    assert shown(replace(report(), notices=("99 lines [too few]",))).startswith("99 lines [too few]\n")


@pytest.mark.parametrize("field", ["message", "host", "program", "origin"])
def test_no_line_can_speak_to_the_terminal(field: str) -> None:
    """Escape sequences, markup, right-to-left marks and line ends are shown, not obeyed, wherever they stand."""
    hostile = "\x1b[2J\x9b31m[red]x[/red]\r\n\u202e\x07\\"
    screen = shown(spoken(**{field: hostile}))
    assert "[red]x[/red]" in screen
    assert all(char.isprintable() or char == "\n" for char in screen)
    assert screen.count("\n") == shown(spoken(**{field: "x"})).count("\n")


LITERAL = ("C:\\dir\\", "C:\\dir\\[/]", "\\[bold]x", "a[/]", "web[prod]", "a :warning: b")
"""What markup or emoji codes would change, or stumble over."""


@pytest.mark.parametrize("text", LITERAL)
@pytest.mark.parametrize("field", ["message", "host", "program", "origin"])
def test_what_a_log_says_is_shown_to_the_letter(field: str, text: str) -> None:
    """As any other text of its length would be, in the same places."""
    other = "Q" * len(text)
    assert shown(spoken(**{field: text})) == shown(spoken(**{field: other})).replace(other, text)


@pytest.mark.parametrize("text", LITERAL)
def test_names_are_shown_to_the_letter(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of sources, views and files, and what templates, notices and faults say."""
    bundle = lines.bundle()
    views = tuple(replace(view, lens=replace(view.lens, name=text)) for view in bundle.views)
    templates = tuple(replace(template, text=text, example=text) for template in bundle.templates)
    odd = replace(bundle, source=text, views=views, templates=templates)
    screen = io.StringIO()
    console = Console(file=screen, width=400)
    monkeypatch.setattr(terminal, "SHOWN", 3)  # so that there are more
    terminal.show_bundle(console, odd, Path(text))
    terminal.show_found(console, text, [])
    checked = CheckedFile(text, "", True, 0, (), (Unreadable("no time stamp", 1, Rejected(f"{text}:1", "", text)),))
    terminal.show_checked_file(console, checked)
    console.print(terminal.status_table([replace(Status.unable(text, text), bundle=text)]))
    parts = (
        f" of {text}: ", f"\n{text}\n", f"{text} (", f"--source {text} --all", f"│ {text} ", f"{text}: nothing",
        f"such as {text}:1  {text}", f"{text}: {text}", f"\n{text:<6}  unable",
    )  # fmt: skip
    for part in parts:
        assert part in screen.getvalue(), part
    assert shown(replace(report(), notices=(text,))).startswith(f"{text}\n")
    assert f" {text}  {bundle.id}" in terminal.bundle_row(odd, in_use=True)


def test_no_name_can_speak_to_the_terminal() -> None:
    """Nor can a fault that a server told."""
    hostile = "\x1b[2J\u202e\x07"
    screen = io.StringIO()
    console = Console(file=screen, width=400)
    terminal.show_bundle(console, replace(lines.bundle(), source=hostile), Path(hostile))
    terminal.show_found(console, hostile, [])
    console.print(terminal.status_table([Status.unable(hostile, hostile)]))
    told = screen.getvalue() + terminal.bundle_row(replace(lines.bundle(), source=hostile), in_use=True)
    assert all(char.isprintable() or char == "\n" for char in told)


def test_a_gigantic_line_does_not_flood_the_screen() -> None:
    """Its beginning says what it is."""
    screen = shown(spoken(message="a" * 2**20))
    assert len(screen) < 5_000
    assert "…" in screen


def test_a_narrow_terminal_loses_nothing() -> None:
    """Lines wrap between words; none is cut off."""
    wide, narrow = shown(report()).split(), shown(report(), width=60).split()
    assert "".join(wide) == "".join(narrow)


def told_of_bundle(**how: Any) -> str:
    """What a terminal shows of the day's bundle."""
    screen = io.StringIO()
    terminal.show_bundle(Console(file=screen, width=300), lines.bundle(), Path("shelf"), **how)
    return screen.getvalue()


def test_a_bundle_is_shown_with_its_most_frequent_templates_and_a_line_of_each() -> None:
    """Ten, and how to see the others; all of them on demand."""
    by_count = sorted(lines.bundle().templates, key=lambda template: -template.count)
    shown = told_of_bundle()
    for template in by_count[: terminal.SHOWN]:
        assert f"{template.count:,}" in shown
        assert template.key in shown
        assert template.example in shown
    whole = told_of_bundle(all_templates=True)
    assert all(template.key in whole for template in by_count)
    assert ("--all" in shown) == (len(by_count) > terminal.SHOWN)


def test_a_template_that_stopped_coming_says_since_when() -> None:
    """Marked with the day it last came, and counted; those of the training's last quarter are not."""
    bundle = lines.bundle()
    day, n = 86_400.0, len(bundle.templates)
    start = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    rarest = min(bundle.templates, key=lambda template: template.count)
    last = tuple(start + (1 if template == rarest else 39) * day for template in bundle.templates)
    screen = io.StringIO()
    stopped = replace(bundle, seen=Seen(start, last))
    terminal.show_bundle(Console(file=screen, width=300), stopped, Path("shelf"), all_templates=True)
    (marked,) = [line for line in screen.getvalue().splitlines() if "not since" in line]
    assert rarest.key in marked
    assert "not since 2026-11-02" in marked
    assert f"1 of {n:,} templates did not come in the last quarter" in screen.getvalue()
    screen = io.StringIO()
    terminal.show_bundle(Console(file=screen, width=300), replace(bundle, seen=None), Path("shelf"))
    assert "not since" not in screen.getvalue()


def test_a_training_tells_how_many_lines_each_mask_touched() -> None:
    """And which masks touched none: they say what a log does not hold."""
    screen = io.StringIO()
    masked = {"IP": 1_200, "TICKET": 0}
    terminal.show_trained(Console(file=screen, width=300), Trained(lines.bundle(), Path("shelf"), (), masked))
    assert "lines each mask touched: <IP> 1,200; none by <TICKET>" in screen.getvalue()


def test_what_a_poll_would_write_is_shown_as_a_report_is() -> None:
    """Alike ones folded, the worst first, and that nothing was written."""
    screen = io.StringIO()
    terminal.show_found(Console(file=screen, width=400), "day", report().anomalies[::-1])
    told = screen.getvalue()
    assert told.split("\n")[0] == shown(report()).split("\n")[0]
    assert f"day: {len(report().anomalies)} strange in" in told
    assert "Nothing was written." in told


def test_a_poll_tells_in_a_sentence_what_it_did() -> None:
    """The sums of all of its turns, and until when the source is judged."""
    done = [Polled("day", "b", n_hits=1_200, n_rejected=2, written=Written(1, 5, [])), Polled("day", "b", 1_000, 34)]
    told = terminal.polled_row("day", done)
    assert told == "day: judged 1,234 documents, until 1970-01-01 00:00:01 UTC; 1 new anomaly; 2 dead letters."
    told = terminal.polled_row("day", [replace(done[0], n_suppressed=3), done[1]])
    assert told.endswith("; 1 new anomaly; 3 repeat what was told; 2 dead letters.")


def test_a_backfill_tells_what_it_judged_and_what_has_to_wait() -> None:
    """The sums of its pieces; a last one whose sessions may go on is not called done."""
    bundle = lines.bundle()
    past = polling(bundle)
    told = terminal.backfilled(past, [Worked(1.0, True, 900, 1), Worked(1.0, True, 100, 1)])
    assert told == f"{past.name}: judged 1,000 documents by bundle {bundle.id}; 2 new anomalies."
    told = terminal.backfilled(past, [Worked(1.0, True, 9, 0), Worked(1.0, False, 1, 0)])
    assert " In 1 of 2 pieces sessions may go on" in told
