"""What a person sees on a terminal: a report's entries, worst first."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from models.windows import END
from parsers.line import LogLine
from plugin import explain
from plugin.commands.score import Entry, Report, fold
from plugin.pipeline import Anomaly

SHOWN = 10
"""Entries a terminal shows before it says how many more there are: what fits a person's patience."""


def show(console: Console, report: Report, *, unfold: bool, top: int) -> None:
    """Print the report: one entry for alike anomalies, or one for each when `unfold`."""
    entries = [Entry((anomaly,)) for anomaly in report.anomalies] if unfold else fold(report.anomalies)
    for notice in report.notices:
        console.print(f"[yellow]{escape(notice)}[/]")
    for number, entry in enumerate(entries[:top] if top else entries, 1):
        _show_entry(console, number, entry, report)
    if top and len(entries) > top:
        console.print(f"… {len(entries) - top} more entries: --top 0 shows all, --html OUT makes a page of them.\n")
    console.print(summary(report, len(entries)), highlight=False, style="dim")


def summary(report: Report, n_entries: int) -> str:
    """The last line: what was read, over what time, what was found."""
    n, bad = len(report.lines), sum(report.rejected.values())
    unread = f", {bad:,} unread ({', '.join(report.rejected)})" if bad else ""
    span = f"{report.days:.1f} days" if report.days >= 1 else f"{report.days * 24:.1f} hours"
    found = f"{len(report.anomalies):,} strange lines in {n_entries:,} entries" if report.anomalies else "nothing"
    return f"{n:,} lines over {span}{unread}: {found}."


def stamp(seconds: float) -> str:
    """`Mar 30 15:58:42`, UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%b %d %H:%M:%S}"


def _show_entry(console: Console, number: int, entry: Entry, report: Report) -> None:
    top = entry.top
    line = top.sighting.line
    count = f"  [bold]×{len(entry.anomalies)}[/]" if len(entry.anomalies) > 1 else ""
    console.print(
        f"[bold]{number:>2}. {_colour(top)}{top.score:5.1f}[/][/]  {explain.rarity(top.score)} windows{count}"
        f"  [dim]{stamp(top.sighting.time)}  {escape(line.host)}  {escape(_program(line))}  ({line.origin})[/]",
        highlight=False,
    )
    body = [f"[bold]{escape(_text(top))}[/]", f"[cyan]why[/]     {escape(explain.reason(top))}"]
    body += _more(entry, report)
    console.print(Padding("\n".join(body), (0, 0, 1, 6)), highlight=False)


def _more(entry: Entry, report: Report) -> list[str]:
    top = entry.top
    origin = top.sighting.line.origin
    lines = [f"[cyan]also[/]    {escape(explain.reason(other))}" for other in report.also.get(origin, ())]
    if top.explanation.expected:
        usual = ", ".join(f"{escape(explain.text(top, e))} {100 * p:.0f} %" for e, p in top.explanation.expected[:3])
        lines.append(f"[cyan]usual[/]   {usual}")
    for n, mate in enumerate(report.before.get(origin, ())[-3:]):
        lines.append(f"[cyan]{'before' if n == 0 else '      '}[/]  [dim]{stamp(mate.time)}  {escape(mate.message)}[/]")
    if len(entry.anomalies) > 1:
        first, last = entry.span
        hosts = ", ".join(entry.hosts[:4]) + (" …" if len(entry.hosts) > 4 else "")
        lines.append(f"[cyan]alike[/]   {len(entry.anomalies)} from {stamp(first)} to {stamp(last)} on {escape(hosts)}")
    return lines


def _text(anomaly: Anomaly) -> str:
    line = anomaly.sighting.line
    return f"{line.message}  — then silence" if anomaly.sighting.window.event == END else line.message


def _program(line: LogLine) -> str:
    return f"{line.program}[{line.pid}]" if line.pid is not None else line.program


def _colour(anomaly: Anomaly) -> str:
    return "[red]" if anomaly.score >= anomaly.cut + 10 else "[yellow]"
