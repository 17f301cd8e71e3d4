"""What a person sees on a terminal: a report's entries, worst first.

Logs, files and settings may hold any text: it is printed as styled pieces, never as markup, which would be obeyed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from models.windows import END
from parsers.line import LogLine
from parsers.templates import Template
from plugin import explain
from plugin.bundle import Bundle
from plugin.commands.backfill import Worked
from plugin.commands.check import Checked, CheckedFile
from plugin.commands.poll import Polled, Polling
from plugin.commands.score import Entry, Report, fold
from plugin.commands.status import Status
from plugin.commands.train import Trained
from plugin.commands.tune import Tuned
from plugin.doors.files import printable
from plugin.pipeline import Anomaly, of_the_unseen

MAX_CHARS = 500
"""Characters of a message that are shown: seven rows of a terminal."""
INDENT = 6
"""Blanks before what belongs to an entry."""
LABEL = 8
"""Width of what stands before its sentences, `why` and the like."""
Also = Mapping[str, Sequence[Anomaly]]
Before = Mapping[str, Sequence[LogLine]]

SHOWN = 10
"""Entries a terminal shows before it says how many more there are: what fits a person's patience."""


def show(console: Console, report: Report, *, unfold: bool, top: int) -> None:
    """Print the report: one entry for alike anomalies, or one for each when `unfold`."""
    entries = [Entry((anomaly,)) for anomaly in report.anomalies] if unfold else fold(report.anomalies)
    for notice in report.notices:
        _say(console, (printable(notice), "yellow"))
    _show_entries(console, entries[:top] if top else entries, report.also, report.before)
    if top and len(entries) > top:
        more = _more_of(len(entries) - top, "entry", "entries")
        _say(console, f"… {more}: --top 0 shows all, --html OUT makes a page of them.\n")
    _say(console, (f"{summary(report, len(entries))} Times are UTC.", "dim"))


def show_found(console: Console, source: str, found: Sequence[Anomaly]) -> None:
    """What a poll would write: one entry for alike anomalies, worst first."""
    entries = fold(sorted(found, key=lambda anomaly: -anomaly.score))
    _show_entries(console, entries, {}, {})
    told = f"{printable(source)}: {_strange(len(found), len(entries))}. Nothing was written. Times are UTC."
    _say(console, (told, "dim"))


def polled_row(source: str, done: Sequence[Polled]) -> str:
    """`auth: judged 1,234 documents, until 2026-03-30 15:58:42 UTC; 3 new anomalies`."""
    counts = sum((Counter(polled.counts) for polled in done), Counter[str]())
    judged = f"judged {_documents(counts['events'])}, until {stamp(done[-1].until / 1000)} UTC"
    n = counts["dead_letters"]
    unread = f"; {n:,} dead {'letter' if n == 1 else 'letters'}" if n else ""
    k = counts["suppressed"] if counts["records"] else 0
    again = f"; {k:,} {'repeats' if k == 1 else 'repeat'} what was told" if k else ""
    return f"{printable(source)}: {judged}; {_anomalies(counts['records'])}{again}{unread}."


def backfilled(polling: Polling, worked: Sequence[Worked]) -> str:
    """What was judged of the past, and that some of it has to wait."""
    n, new = sum(each.n_hits for each in worked), sum(each.n_new for each in worked)
    told = f"{printable(polling.name)}: judged {_documents(n)} by bundle {polling.bundle.id}; {_anomalies(new)}."
    if waiting := sum(not each.whole for each in worked):
        lead = duration(polling.lead / 1000)
        told += (
            f" In {waiting} of {len(worked)} pieces sessions may go on, for up to {lead} after --to: `poll` sees them."
        )
    return told


def _documents(n: int) -> str:
    return f"{n:,} {'document' if n == 1 else 'documents'}"


def _anomalies(n: int) -> str:
    return f"{n:,} new {'anomaly' if n == 1 else 'anomalies'}"


def summary(report: Report, n_entries: int) -> str:
    """The last line: what was read, over what time, what was found."""
    n, bad = len(report.lines), sum(report.rejected.values())
    repeated = sum("#" in line.origin.rpartition(":")[2] for line in report.lines)  # `auth.log:17#2`
    read = f"{n - repeated:,} lines" + (f" ({n:,} with the repeats they tell of)" if repeated else "")
    unread = f", {bad:,} unread ({', '.join(report.rejected)})" if bad else ""
    how = " Each quarter was judged by what the other three hold." if report.by_itself else ""
    return f"{read} over {_span(report.days)}{unread}: {_strange(len(report.anomalies), n_entries)}.{how}"


def _more_of(n: int, one: str, many: str) -> str:
    return f"{n:,} more {one if n == 1 else many}"


def _strange(n: int, n_entries: int) -> str:
    return f"{n:,} strange in {n_entries:,} {'entry' if n_entries == 1 else 'entries'}" if n else "nothing strange"


def _span(days: float) -> str:
    """`9.0 days`, `4.2 hours`, `12 minutes`."""
    if days * 24 < 1:
        return f"{days * 1_440:.0f} minutes"
    return f"{days:.1f} days" if days >= 1 else f"{days * 24:.1f} hours"


def bundle_row(bundle: Bundle, *, in_use: bool) -> str:
    """What a person chooses by: id, when it was made, of how many lines, its cut and what that lets through."""
    made, cut = bundle.created[:16].replace("T", " "), bundle.threshold.cut
    said = (
        f"made {made} UTC of {bundle.n_lines:,} lines, cut {cut:.1f}, {bundle.threshold.alerts(cut):.1f} alerts a day"
    )
    parent = f", from {bundle.parent}" if bundle.parent else ""
    return f"{'*' if in_use else ' '} {printable(bundle.source)}  {bundle.id}  {said}{parent}"


def stamp(seconds: float) -> str:
    """`2026-03-30 15:58:42`, UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


STATES = {"ok": "green", "degraded": "yellow", "blocked": "red", "unable": "red"}


def status_table(found: Sequence[Status]) -> Group:
    """Every source on a screen; below, what is wrong."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("source", "state", "judged until", "behind", "waiting"):
        table.add_column(name, justify="right" if name in {"behind", "waiting"} else "left")
    for name in ("judged", "late", "anomalies", "repeats", "unread"):
        table.add_column(f"{name}/h", justify="right")
    table.add_column("bundle")
    for each in found:
        table.add_row(
            Text(printable(each.source)),
            Text(each.state, STATES.get(each.state, "dim")),
            each.until[:19].replace("T", " ") if each.until else "never",
            "" if each.lag_s is None else duration(each.lag_s),
            "" if each.waiting is None else f"{each.waiting:,}",
            *(f"{n:,}" for n in (each.events, each.late, each.anomalies, each.suppressed, each.dead_letters)),
            Text(printable(each.bundle)),
        )
    return Group(
        table, *(Text(printable(f"{each.source}: {told}"), "red") for each in found if (told := _faults(each)))
    )


def _faults(status: Status) -> str:
    """What last went wrong, and what never shows by itself."""
    last = f"at {status.fault_at[11:19]} {status.fault}" if status.fault and status.fault_at else status.fault or ""
    without = f"{status.without_time:,} documents lack the time field: they are never judged"
    return "; ".join(filter(None, (last, without if status.without_time else "")))


def duration(seconds: float) -> str:
    """`1 min 5 s`, `3 h 20 min`, `2 d 4 h`."""
    whole = round(seconds)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    for (unit, size), (smaller, size_smaller) in pairwise(units):
        if whole >= size:
            rest = whole % size // size_smaller
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def show_checked(console: Console, checked: Checked) -> None:
    """Ten hits as they were understood, and why others were not."""
    _show_understood(console, checked.source, checked.lines)
    for reason, n in checked.rejected.most_common():
        _say(console, f"{n} of {checked.n_hits} not read: {reason}")


def show_checked_file(console: Console, checked: CheckedFile) -> None:
    """A file's format, ten of its lines as they were understood, and the share that was not, with an example each."""
    how = "as its first lines are" if checked.detected else "as --format says"
    n = checked.n_read + checked.n_unread
    _show_understood(console, checked.name, checked.lines)
    told = f"format {checked.format}, {how}" if checked.format else "no format that is known"
    _say(console, f"{told}; {checked.n_read:,} of {n:,} lines understood")
    for group in checked.unreadable:
        where, text = _plain(group.example.origin), _plain(group.example.text)
        share = f"{group.n:,} ({group.n / n:.1%}) not: {group.reason}"
        _say(console, f"{share}, such as ", (where, "dim"), f"  {text or '(blank)'}")


def show_bundle(console: Console, bundle: Bundle, path: Path, *, all_templates: bool = False) -> None:
    """How a bundle was made, its views and cut, its most frequent templates or all of them."""
    source, threshold = printable(bundle.source), bundle.threshold
    made = f"bundle {bundle.id} of {source}: {bundle.n_lines:,} lines, {len(bundle.templates):,} templates"
    parent = f", made {bundle.created}, parent {bundle.parent or 'none'}"
    _say(console, (made, "bold"), f"{parent}\n{printable(str(path))}")
    views = ", ".join(f"{printable(view.name)} ({view.lens.settings.detector.kind})" for view in bundle.views)
    _say(
        console,
        f"views {views}; "
        f"cut {threshold.cut:.1f} lets {threshold.alerts(threshold.cut):.1f} of {threshold.per_day:,.0f} lines and "
        f"ends of sessions a day through{'' if threshold.calibrated else ', uncalibrated'}",
    )
    unseen = of_the_unseen(bundle)
    _say(console, _of_the_unseen(unseen, threshold.cut, threshold.alerts(_below(unseen))))
    _show_templates(console, bundle, None if all_templates else SHOWN)


def _of_the_unseen(score: float, cut: float, alerts: float) -> str:
    """What becomes of a line like none before, and how many alerts a day a cut would bring that tells it."""
    if not score:
        return "no view of this bundle tells a line by itself"
    told = f"a line like none before, of a program never seen, scores {score:.1f} by itself"
    if score >= cut:
        return f"{told}, over the cut"
    lower = f"cut {_below(score):.2f} would tell it, at {alerts:.1f} alerts a day"
    return f"{told}, under the cut; {lower}"


def _show_templates(console: Console, bundle: Bundle, top: int | None) -> None:
    title = "most frequent templates" if top else "templates, most frequent first"
    table = Table("count", "key", "template and an example", title=title, title_justify="left")
    for template in sorted(bundle.templates, key=lambda template: -template.count)[:top]:
        told = Text.assemble(_plain(template.text), (_quiet(bundle, template), "yellow"))
        if template.example:
            told.append(f"\n{_plain(template.example)}", "dim")
        table.add_row(f"{template.count:,}", Text(template.key), told)
    console.print(table)
    if n := sum(bool(_quiet(bundle, template)) for template in bundle.templates):
        share = f"{n:,} of {len(bundle.templates):,} templates"
        _say(console, f"{share} did not come in the last quarter of the training's time.")
    if top and len(bundle.templates) > top:
        n = len(bundle.templates) - top
        command = f"siem-anomaly bundle show --source {printable(bundle.source)} --all"
        _say(console, f"… {_more_of(n, 'template', 'templates')}: `{command}` shows all.")


def _quiet(bundle: Bundle, template: Template) -> str:
    """Since when a template is gone, where the training's last quarter had none of it."""
    since = bundle.seen.quiet_since(template.id) if bundle.seen and template.count else None
    return "" if since is None else f"  not since {datetime.fromtimestamp(since, UTC):%Y-%m-%d}"


def show_trained(console: Console, trained: Trained) -> None:
    """The new bundle, and how many lines each mask touched."""
    show_bundle(console, trained.bundle, trained.path)
    touched = ", ".join(f"<{name}> {n:,}" for name, n in trained.masked.items() if n)
    idle = ", ".join(f"<{name}>" for name, n in trained.masked.items() if not n)
    _say(console, f"lines each mask touched: {touched or 'none'}{f'; none by {idle}' if idle else ''}")


def show_tuned(console: Console, tuned: Tuned) -> None:
    """The cut before and after, what it costs a day, and lines on either side of the new one."""
    alerts = f"alerts a day on held-out lines {tuned.alerts_before:.1f} → {tuned.alerts_after:.1f}"
    _say(console, f"cut {tuned.before:.2f} → {tuned.after:.2f}, {alerts}")
    if tuned.over or tuned.under:
        _say(console, "Held-out lines just over the new cut, and just under it:")
    for name, examples in (("over", tuned.over), ("under", tuned.under)):
        for example in examples:
            told = f"{stamp(example.time)}  {_plain(example.program)}: {_plain(example.text)}"
            _say(console, f"  {name:<5} {example.score:6.2f}  ", (told, "dim"))
    _say(console, _of_the_unseen(tuned.unseen, tuned.after, tuned.alerts_unseen))
    if tuned.next_cut is not None:
        jump = f"{tuned.alerts_after:.1f} → {tuned.alerts_next:.1f} a day at cut {_below(tuned.next_cut):.2f}"
        _say(console, f"Lines that share a score come together: the next step is {jump}.")


def _below(score: float) -> float:
    """A cut of two decimals that lets this score through."""
    return math.floor(score * 100.0) / 100.0


def _show_understood(console: Console, title: str, lines: Sequence[LogLine]) -> None:
    told = Text(_plain(title), "table.title")
    table = Table("time", "host", "program", "user", "address", "message", title=told, title_justify="left")
    for line in lines:
        said = (line.host, explain.program(line), line.user, line.address)
        table.add_row(stamp(line.time), *(Text(_plain(text)) for text in (*said, _cut(line))))
    console.print(table)


def _cut(line: LogLine) -> str:
    return line.message if len(line.message) <= 80 else line.message[:79] + "…"


def _show_entries(console: Console, entries: Sequence[Entry], also: Also, before: Before) -> None:
    for number, entry in enumerate(entries, 1):
        _show_entry(console, number, entry, also, before)


def _show_entry(console: Console, number: int, entry: Entry, also: Also, before: Before) -> None:
    top = entry.top
    line = top.sighting.line
    count = f"  ×{len(entry.anomalies)}" if len(entry.anomalies) > 1 else ""
    where = "  ".join(_plain(part) for part in (line.host, explain.program(line)) if part)
    _say(
        console,
        (f"{number:>2}. ", "bold"),
        (f"{top.score:5.1f}", f"bold {_colour(top)}"),
        f"  {_rarity(top)}",
        (count, "bold"),
        (f"  {stamp(top.sighting.time)}  {where}  ({_plain(line.origin)})", "dim"),
    )
    body = [Text(_plain(_text(top)), "bold"), _labelled("why", explain.reason(top))]
    origin = line.origin
    body += _more(entry, also.get(origin, ()), before.get(origin, ()))
    for n, text in enumerate(body):
        label = text[: LABEL if n else 0]
        for row in text[len(label) :].wrap(console, console.width - INDENT - len(label)):
            row.rstrip()
            console.print(Text(" " * INDENT).append_text(label).append_text(row), soft_wrap=True)
            label = Text(" " * len(label))
    console.print()


def _rarity(anomaly: Anomaly) -> str:
    """`1 in 930 lines`, `37 % of lines`; nobody knows where too few lines were learnt to tell."""
    if not anomaly.bundle.threshold.calibrated:
        return "uncalibrated"
    rare = explain.rarity(anomaly.score)
    return f"{rare} of lines" if rare.endswith("%") else f"{rare} lines"


def _more(entry: Entry, also: Sequence[Anomaly], before: Sequence[LogLine]) -> list[Text]:
    lines = [_labelled("also", explain.reason(other)) for other in also]
    for n, mate in enumerate(before[-3:]):
        lines.append(_labelled("" if n else "before", f"{stamp(mate.time)}  {mate.message}", "dim"))
    if len(entry.anomalies) > 1:
        first, last = entry.span
        hosts = ", ".join(entry.hosts[:4]) + (" …" if len(entry.hosts) > 4 else "")
        on = f" on {hosts}" if any(entry.hosts) else ""
        lines.append(_labelled("alike", f"{len(entry.anomalies)} from {stamp(first)} to {stamp(last)}{on}"))
    return lines


def _labelled(label: str, told: str, style: str = "") -> Text:
    return Text.assemble((label.ljust(LABEL), "cyan"), (_plain(told), style))


def _text(anomaly: Anomaly) -> str:
    message = explain.headline(anomaly)
    shown = message if len(message) <= MAX_CHARS else message[:MAX_CHARS] + "…"
    return f"{shown}  — then silence" if anomaly.sighting.window.event == END else shown


def _plain(text: str) -> str:
    """The beginning of a text that a log may have been made to hold, without power over the terminal."""
    return printable(text[: 2 * MAX_CHARS])


def _say(console: Console, *pieces: str | tuple[str, str]) -> None:
    """Print pieces, some with a style, as they are: neither markup nor `:emoji:` in them counts."""
    console.print(Text.assemble(*pieces))


def _colour(anomaly: Anomaly) -> str:
    return "red" if anomaly.score >= anomaly.cut + 10 else "yellow"
