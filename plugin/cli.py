"""The command line: reads arguments, calls one command, prints what it returns. Results on stdout, talk on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from models.base import Progress as Tell
from parsers.syslog import FORMATS
from plugin import bundle as bundles
from plugin import config as settings_file
from plugin import documents, logs, stopping, story, terminal, wiring
from plugin.commands import backfill as backfills
from plugin.commands import check as checking
from plugin.commands import follow as following
from plugin.commands import score as scoring
from plugin.commands import status as states
from plugin.commands import train as training
from plugin.commands import tune as tuning
from plugin.commands.follow import Share
from plugin.commands.poll import Polling
from plugin.commands.status import Status
from plugin.config import Settings
from plugin.doors import files, metrics, pages, queue
from plugin.errors import BundleError, ConfigError, InputError, PluginError, Refused
from plugin.ports import Nobody, Ports, Span, Watch

FAILED_AT = 10
"""Exit code of `score --fail-at` when something reached the score."""
MOST = 1e9
"""Alerts a day: more than any log has lines."""
WATCH_S = 2.0
"""Between two looks of `status --watch`."""
FAULTS = 9
"""Exit code of `check` when something has to be mended."""

app = typer.Typer(
    name="siem-anomaly",
    help="Finds the strange lines in logs, in files or in Elasticsearch. No labels, no GPU, no paid licence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
shelf = typer.Typer(help="The bundles of a source: what judges it, now and before.", no_args_is_help=True)
app.add_typer(shelf, name="bundle")
talk = Console(stderr=True, emoji=False)


class _Patient(Console):
    """Whoever reads us may stop when they have read enough, as `head` does: that is no failure."""

    def on_broken_pipe(self) -> None:
        """End well."""
        _enough()


out = _Patient(width=None if sys.stdout.isatty() else 120, emoji=False)


@dataclass(frozen=True)
class Given:
    """The options before the command."""

    config: Path | None
    debug: bool

    @property
    def settings(self) -> Settings:
        """The settings, read when a command asks."""
        return settings_file.load(self.config)


def _source_name(name: str) -> str:
    try:
        return settings_file.named(name)
    except ValueError as error:
        raise typer.BadParameter(f"{name!r} {error}") from None


SourceName = Annotated[
    str, typer.Option("--source", callback=_source_name, help="A source of the settings, by its name.")
]
AnySource = Annotated[str | None, typer.Option("--source", help="One source; all of them without.")]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # no such zone; a path; a folder of zones
        raise typer.BadParameter(f"{name!r} is no time zone; give an IANA name, such as Europe/Berlin") from None
    return name


def _known_format(name: str) -> str:
    if name not in FORMATS:
        raise typer.BadParameter(f"{name!r} is no format; there are {', '.join(FORMATS)}")
    return name


READY = settings_file.ready_views()
"""Views by name."""


def _known_views(names: list[str] | None) -> list[str] | None:
    if unknown := set(names or ()) - READY.keys():
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: no such view; there are {', '.join(READY)}")
    return names


Zone = Annotated[
    str, typer.Option("--zone", callback=_known_zone, help="IANA name of the zone of stamps without an offset.")
]
Format = Annotated[
    str, typer.Option("--format", callback=_known_format, help=f"Read only lines of this format: {', '.join(FORMATS)}.")
]


def _tell_version(asked: bool) -> None:
    if asked:
        out.print(f"siem-anomaly {metadata.version('siem-anomaly')}", highlight=False)
        raise typer.Exit


def _instant(text: str) -> int:
    """Milliseconds since the epoch."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write it as 2026-11-01 or 2026-11-01T08:30+01:00") from None
    return round((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)


def _in_a_folder(path: Path | None) -> Path | None:
    if path is not None and not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}; make it, or name a file elsewhere")
    return path


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(envvar="SIEM_ANOMALY_CONFIG", help="The settings file (TOML).")] = None,
    debug: Annotated[bool, typer.Option(help="Show a traceback when something fails.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version and stop.")
    ] = False,
) -> None:
    """Options of every command."""
    logs.set_up(debug=debug)
    context.obj = Given(config, debug)


@app.command()
def score(  # noqa: PLR0913, PLR0917 - each argument is an option a person may give
    file: Annotated[list[str], typer.Argument(help="Log files, plain or .gz; - reads standard input.")],
    bundle: Annotated[Path | None, typer.Option(help="Judge by this bundle, not by the file itself.")] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0.001, max=MOST, help="Alerts a day; 5 without a bundle, its own cut with one."),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(callback=_known_views, help=f"Look this way, several times for several: {', '.join(READY)}."),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Show each line; do not fold alike ones.")] = False,
    top: Annotated[int, typer.Option(min=0, help="Entries shown; 0 = all.")] = terminal.SHOWN,
    json_: Annotated[bool, typer.Option("--json", help="One anomaly document a line.")] = False,
    html: Annotated[Path | None, typer.Option(callback=_in_a_folder, help="Write a self-contained page there.")] = None,
    fail_at: Annotated[
        float | None, typer.Option(min=0, max=100, help="Exit 10 when a line reaches this score.")
    ] = None,
    zone: Zone = "UTC",
    format_: Format = "auto",
) -> None:
    """Find the strange lines of log files, with no server: learns from the files themselves."""
    if html and html.exists() and any(Path(each).exists() and html.samefile(each) for each in file):
        raise typer.BadParameter(f"score: --html: {html} is one of the logs that are read; name another file")
    if bundle and view:
        raise typer.BadParameter("score: --view goes with no --bundle: a bundle has its own views")
    lines, rejected = files.read(file, ZoneInfo(zone), format_)
    judge = bundles.load(bundle) if bundle else None
    name = files.title_of(file)
    with _progress(f"learning from {name}") as tell:
        views = {each: READY[each] for each in view} if view else None
        report = scoring.score(
            lines, rejected, name, bundle=judge, budget=budget, views=views, least=fail_at, progress=tell
        )
    if html is not None:  # first: whoever reads what follows may stop
        pages.write(story.tell(report, name, unfold=all_), html)
        talk.print(f"{html} is written", markup=False, highlight=False)
    with _ending(FAILED_AT if fail_at is not None and 0.0 < report.worst >= fail_at else 0):
        if json_:
            for anomaly in report.anomalies:
                found = documents.record(anomaly, "siem-anomaly", time.time(), "score")
                _print_json({"_id": found.id, **found.body})
        else:
            terminal.show(out, report, unfold=all_, top=top)


@contextmanager
def _ending(code: int) -> Iterator[None]:
    """Exit with this code at the end of the block, also where its reader has read enough."""
    try:
        yield
    except SystemExit:
        if not code:
            raise
    if code:
        raise typer.Exit(code)


@app.command()
def init(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
) -> None:
    """Install index templates, lifecycle and indices in Elasticsearch; run it again after an upgrade."""
    for step, outcome in wiring.installer(_settings(context)).steps(dry_run=dry_run):
        word, colon, more = outcome.partition(":")
        told = {"created": "to create", "updated": "to update"}.get(word, word) if dry_run else word
        out.print(f"{told:<10} {step}{colon}{more}", highlight=False)


@app.command()
def check(
    context: typer.Context,
    source: AnySource = None,
    file: Annotated[list[str] | None, typer.Option("--file", help="Log files instead: no server, no settings.")] = None,
    zone: Zone = "UTC",
    format_: Format = "auto",
) -> None:
    """Show what each source's newest documents are read as, and what has to be mended. Exit 9 when something has."""
    _end_with(_check_files(file, ZoneInfo(zone), format_) if file else _check_sources(context, source))


def _check_sources(context: typer.Context, source: str | None) -> list[str]:
    settings = _settings(context)
    ports, installer = wiring.build(settings), wiring.installer(settings)
    faults = checking.check_rights(installer)
    if not installer.secured():
        _notice("security is off on this server: whoever reaches it can read logs and forge records")
    for name in _sources(settings, source):
        checked = checking.check(name, settings.source(name), ports.logs, installer)
        faults += checked.faults
        if isinstance(checked, checking.Checked):
            terminal.show_checked(out, checked)
            if not bundles.ids(settings.bundles, name):
                _notice(f"sources.{name}: no bundle yet: `siem-anomaly train --source {name}` makes one")
                continue
            try:
                for notice in checking.outdated(bundles.current(settings.bundles, name), settings.source(name)):
                    _notice(notice)
            except BundleError as error:
                faults.append(str(error))
    return faults


def _tell(told: str) -> None:
    out.print(told, highlight=False, markup=False, soft_wrap=True)


def _notice(told: str) -> None:
    talk.print(told, style="yellow", highlight=False, markup=False, soft_wrap=True)


def _check_files(paths: list[str], zone: tzinfo, format: str) -> list[str]:
    faults: list[str] = []
    for path in paths:
        looked = files.look(path, zone, format)
        found = looked.format if format == "auto" else format
        checked = checking.check_file(
            files.title(path), found, looked.lines, looked.rejected, detected=format == "auto"
        )
        terminal.show_checked_file(out, checked)
        faults += checked.faults
    return faults


def _end_with(faults: list[str]) -> None:
    if not faults:
        talk.print("Nothing has to be mended.")
    for fault in faults:
        talk.print(fault, style="red", highlight=False, markup=False, soft_wrap=True)
    if faults:
        raise typer.Exit(FAULTS)


@app.command()
def train(
    context: typer.Context,
    source: SourceName,
    file: Annotated[list[str] | None, typer.Argument(help="Learn from log files, not from Elasticsearch.")] = None,
    days: Annotated[float, typer.Option(min=0.01, help="How far back lines are read.")] = 7.0,
    zone: Zone = "UTC",
    format_: Format = "auto",
) -> None:
    """Learn what is normal in a source, write a bundle, and put it in use."""
    settings = _settings(context)
    given = settings.source(source) if source in settings.sources or not file else settings_file.file_source()
    if file:
        lines = files.read(file, ZoneInfo(zone), format_)[0]
        until = int(lines[-1].time * 1000) + 1
    else:
        lines, until = training.lines_of(source, given, wiring.build(settings).logs, days)
    with _progress(f"learning {source} from {len(lines):,} lines") as tell:
        trained = training.train(source, given, lines, until, settings.bundles, tell)
    terminal.show_trained(out, trained)
    before = trained.bundle.parent
    back = f"; `siem-anomaly bundle use --source {source} {before}` goes back" if before else ""
    _tell(f"{source}: bundle {trained.bundle.id} is in use{back}.")
    if settings.sources and source not in settings.sources:
        _notice(f"{source}: the settings name {', '.join(settings.sources)} and no such source: nothing will poll it")
    for notice in trained.notices:
        _notice(notice)


@app.command()
def tune(
    context: typer.Context,
    source: SourceName,
    budget: Annotated[float | None, typer.Option(min=0.001, max=MOST, help="Alerts a day.")] = None,
    cut: Annotated[float | None, typer.Option(min=0, max=100, help="The score an anomaly has at least.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would change; write nothing.")] = False,
) -> None:
    """Make a new bundle with another cut, and show what it would let through."""
    bundle = bundles.current(_shelf(_settings(context), source), source)
    if budget is not None and cut is None:
        new = bundle.threshold.cut_for(budget)
    elif cut is not None and budget is None:
        new = cut
    else:
        raise typer.BadParameter("tune: give either --budget ALERTS_A_DAY or --cut SCORE")
    terminal.show_tuned(out, tuning.compare(bundle, new))
    if new == bundle.threshold.cut:
        _tell(f"{source}: that is the cut in use; nothing was written.")
    elif not dry_run:
        child = tuning.tune(bundle, source, new, _settings(context).bundles)
        back = f"`siem-anomaly bundle use --source {source} {bundle.id}` goes back"
        _tell(f"{source}: bundle {child.id} is in use; {back}.")
    else:
        out.print("Nothing was written.")


@app.command()
def poll(
    context: typer.Context,
    source: AnySource = None,
    once: Annotated[bool, typer.Option("--once", help="Read until nothing is left, then stop (the default).")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on, each source on its interval.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print anomalies; write nothing.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="With --dry-run: one anomaly document a line.")] = False,
) -> None:
    """Judge what has come since the last poll, and write the anomalies to Elasticsearch."""
    if follow and (once or dry_run):
        raise typer.BadParameter("poll: --follow goes with neither --once nor --dry-run")
    if json_ and not dry_run:
        raise typer.BadParameter("poll: --json goes with --dry-run; without it the documents are in Elasticsearch")
    settings = _settings(context)
    ports, shares = wiring.build(settings), wiring.shares(settings, _sources(settings, source))
    if follow:
        following.follow(shares, partial(wiring.polling, settings), ports, stopping.by_signal(), _watch(settings))
        return
    unable: list[BundleError] = []
    for share in shares:
        try:
            _poll_once(wiring.polling(settings, share), ports, dry_run=dry_run, as_json=json_)
        except BundleError as error:  # it keeps the others waiting no longer
            unable.append(error)
    if unable:
        raise BundleError("\n".join(dict.fromkeys(map(str, unable))))


def _poll_once(polling: Polling, ports: Ports, *, dry_run: bool, as_json: bool) -> None:
    done = following.catch_up(polling, ports, dry_run=dry_run)
    found = [anomaly for polled in done for anomaly in polled.anomalies]
    if as_json:
        for anomaly in found:
            _print_json(dict(documents.record(anomaly, polling.prefix, time.time(), polling.worker).body))
    elif dry_run:
        terminal.show_found(out, polling.key, found)
    else:
        _tell(terminal.polled_row(polling.key, done))
    if not any(polled.n_hits for polled in done) and (without := ports.logs.count_without(polling.stream)):
        field = polling.settings.time_field
        _notice(f"{polling.key}: nothing was read, and {without:,} documents lack {field}: they can never be")


@app.command()
def backfill(  # noqa: PLR0913, PLR0917 - each argument is an option a person may give
    context: typer.Context,
    source: SourceName,
    since: Annotated[int, typer.Option("--from", parser=_instant, metavar="TIME", help="First instant.")],
    until: Annotated[int, typer.Option("--to", parser=_instant, metavar="TIME", help="End, itself left out.")],
    hours: Annotated[float, typer.Option(min=0.1, help="Hours of a piece, which one worker judges at a time.")] = 24.0,
    pause_s: Annotated[
        float,
        typer.Option("--pause", min=0.0, max=queue.MAX_PAUSE_S, help="Seconds of rest between two turns at a piece."),
    ] = 0.0,
    again: Annotated[
        bool, typer.Option("--again", help="Also what this bundle has judged before; nothing is written twice.")
    ] = False,
    here: Annotated[bool, typer.Option("--here", help="In this process, without workers.")] = False,
    wait: Annotated[
        bool, typer.Option(help="Show how far it is until it is done; Ctrl-C leaves it to the workers.")
    ] = True,
) -> None:
    """Judge what lies in the past, by the bundle in use. Run again, it goes on where it was left.

    Times are such as 2026-11-01 or 2026-11-01T08:30+01:00; UTC without an offset.
    """
    settings = _settings(context)
    ports, polling = wiring.build(settings), wiring.polling(settings, (source, 0))
    try:
        spans = backfills.pieces(since, until, hours, ports.logs.now())
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
    if again:
        backfills.begin_again(polling, spans, ports)
    left = [piece.span for piece in backfills.progress(polling, spans, ports) if piece.done < 1.0]
    if before := len(spans) - len(left):
        told = f"{source}: {before} of {len(spans)} pieces have been judged by bundle {polling.bundle.id} before."
        talk.print(told, markup=False)
    if here:
        worked = _worked(polling, left, ports)
        _tell(terminal.backfilled(polling, worked))
        return
    queue.enqueue(settings.celery, queue.BACKFILL, [(source, *span, pause_s) for span in left])
    _tell(f"{source}: {len(left)} of {len(spans)} pieces are queued.")
    with _progress(f"judging the past of {source}") as tell:
        while wait and (share := _share_done(polling, spans, ports)) < 1.0:
            tell(share)
            time.sleep(WATCH_S)
    if wait:
        _tell(f"{source}: all {len(spans)} pieces are done.")


def _worked(polling: Polling, spans: Sequence[Span], ports: Ports) -> list[backfills.Worked]:
    worked: list[backfills.Worked] = []
    with _progress(f"judging the past of {polling.name}") as tell:
        for span in spans:
            worked.append(backfills.work(polling, span, ports))
            tell(len(worked) / len(spans))
    return worked


def _share_done(polling: Polling, spans: Sequence[Span], ports: Ports) -> float:
    return sum(piece.done for piece in backfills.progress(polling, spans, ports)) / len(spans)


@app.command()
def status(
    context: typer.Context,
    source: AnySource = None,
    json_: Annotated[bool, typer.Option("--json", help="One object a source and line.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")] = False,
) -> None:
    """Show how each source stands: how far it is judged, what waits, what was found, what last went wrong."""
    settings = _settings(context)
    ports, shares = wiring.build(settings), wiring.shares(settings, _sources(settings, source))
    ports.logs.now()  # whether it answers us at all

    def looked() -> list[Status]:
        return [_status(settings, share, ports) for share in shares]

    if json_:
        for each in looked():
            _print_json(each.document())
    elif not watch:
        out.print(terminal.status_table(looked()))
    else:
        with Live(terminal.status_table(looked()), console=out, screen=out.is_terminal) as live:
            while True:
                time.sleep(WATCH_S)
                live.update(terminal.status_table(looked()))


def _status(settings: Settings, share: Share, ports: Ports) -> Status:
    try:
        return states.status(wiring.polling(settings, share), ports)
    except (BundleError, Refused) as error:  # it hides the others no longer
        return Status.unable(share[0], str(error))


@app.command()
def config(context: typer.Context) -> None:
    """Print the settings in force, as JSON; secrets are never shown."""
    given: Given = context.obj
    _print(json.dumps(given.settings.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n")


@shelf.command("list")
def bundle_list(context: typer.Context, source: AnySource = None) -> None:
    """The bundles of each source, oldest first; * is in use."""
    settings = _settings(context)
    for name in _sources(settings, source):
        ids = bundles.ids(settings.bundles, name)
        in_use = bundles.in_use(settings.bundles, name)
        for id in ids:
            _tell(_bundle_row(settings.bundles / name / id, in_use=id == in_use))
        if ids and not in_use:
            _notice(f"  {name}  none is in use: `siem-anomaly bundle use --source {name} {ids[-1]}` takes the newest")
        if not ids:
            _tell(f"  {name}  no bundle yet: `siem-anomaly train --source {name}` makes one")


def _bundle_row(path: Path, *, in_use: bool) -> str:
    try:
        return terminal.bundle_row(bundles.load(path), in_use=in_use)
    except BundleError as error:
        return f"{'*' if in_use else ' '} {error}"


@shelf.command("show")
def bundle_show(
    context: typer.Context,
    source: SourceName,
    id: Annotated[str | None, typer.Argument(help="A bundle's id; the one in use without.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every template, not only the most frequent.")] = False,
) -> None:
    """One bundle: how it was made, its views and cut, its templates with a line each."""
    settings = _settings(context)
    shelf = _shelf(settings, source)
    found = bundles.load(shelf / source / id) if id else bundles.current(shelf, source)
    terminal.show_bundle(out, found, settings.bundles / source / found.id, all_templates=all_)


@shelf.command("use")
def bundle_use(
    context: typer.Context, source: SourceName, id: Annotated[str, typer.Argument(help="A bundle's id.")]
) -> None:
    """Put another bundle in use; workers take it at their next poll."""
    bundles.use(_shelf(_settings(context), source), source, id)
    _tell(f"{source}: bundle {id} is in use.")


def main() -> None:
    """Run the command line; a fault is one sentence on stderr and its exit code, a traceback with --debug."""
    try:
        try:
            app(_in_front(sys.argv[1:]))
        finally:
            _print("")
    except PluginError as error:
        _fail(error, str(error), error.exit_code)
    except OSError as error:  # a disk that is full, a folder that may not be written to
        _leave_unread()
        where = f"{error.filename}: " if error.filename else ""
        why = f"{where}cannot be read or written ({error.strerror or error}); with --debug it is told where"
        _fail(error, why, InputError.exit_code)


def _fail(error: Exception, told: str, code: int) -> NoReturn:
    if "--debug" in sys.argv:
        raise error
    talk.print(told, style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(code)


def _in_front(arguments: Sequence[str]) -> list[str]:
    """Options of every command before the command: wherever a person puts them, what they mean is clear."""
    first: list[str] = []
    rest: list[str] = []
    given = iter(arguments)
    for each in given:
        if each == "--":
            rest += (each, *given)
        elif each == "--config":
            if (value := next(given, None)) is None:
                return [each]  # which says that it wants one
            first += (each, value)
        else:
            (first if each == "--debug" or each.startswith("--config=") else rest).append(each)
    return first + rest


def _print(text: str) -> None:
    """Write to stdout, and have it there."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _enough()


def _enough() -> NoReturn:
    _leave_unread()
    sys.exit(0)


def _leave_unread() -> None:
    """What is still to be flushed fails no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _settings(context: typer.Context) -> Settings:
    given: Given = context.obj
    settings = given.settings
    if given.config is None and not settings.sources:
        raise ConfigError(["no settings: name their file with --config FILE, or in SIEM_ANOMALY_CONFIG"])
    return settings


def _shelf(settings: Settings, source: str) -> Path:
    """Where the bundles of a source lie, one of the settings or one that files were learnt for."""
    if not bundles.ids(settings.bundles, source):
        settings.source(source)
    return settings.bundles


def _sources(settings: Settings, source: str | None) -> list[str]:
    if source is not None:
        settings.source(source)
        return [source]
    if not settings.sources:
        raise ConfigError(["sources: the settings name none"])
    return list(settings.sources)


def _watch(settings: Settings) -> Watch:
    """Who keeps count for Prometheus, where a port is set for it."""
    if not settings.metrics.port:
        return Nobody()
    metrics.serve(settings.metrics)
    return metrics.Meter()


def _print_json(body: object) -> None:
    _print(json.dumps(body, ensure_ascii=False) + "\n")


@contextmanager
def _progress(what: str) -> Iterator[Tell]:
    """A bar on stderr while something takes long; nothing where stderr is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


if __name__ == "__main__":
    main()
