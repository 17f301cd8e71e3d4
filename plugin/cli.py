"""The command line: reads arguments, calls one command, prints what it returns. Results on stdout, talk on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from models.base import Progress as Tell
from plugin import bundle as bundles
from plugin import documents, terminal
from plugin.commands import score as scoring
from plugin.doors import files
from plugin.errors import PluginError

FAILED_AT = 10
"""Exit code of `score --fail-at` when something reached the score."""

app = typer.Typer(
    name="siem-anomaly",
    help="Finds the strange lines in logs, in files or in Elasticsearch. No labels, no GPU, no paid licence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
talk = Console(stderr=True)


@app.callback()
def _all(context: typer.Context, config: Annotated[Optional[Path], typer.Option(help="Settings file.")] = None) -> None:
    context.obj = config


@app.command()
def score(
    file: Annotated[list[str], typer.Argument(help="Log files, plain or .gz; - reads standard input.")],
    bundle: Annotated[Optional[Path], typer.Option(help="Judge by this bundle, not by the file itself.")] = None,
    budget: Annotated[
        Optional[float], typer.Option(min=0.001, help="Alerts a day; 5 without a bundle, its own cuts with one.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Show each line, do not fold alike ones.")] = False,
    top: Annotated[int, typer.Option(min=0, help="Entries shown; 0 = all.")] = terminal.SHOWN,
    json_: Annotated[bool, typer.Option("--json", help="One anomaly document a line.")] = False,
    html: Annotated[Optional[Path], typer.Option(help="Write a self-contained page there.")] = None,
    fail_at: Annotated[
        Optional[float], typer.Option(min=0, max=100, help="Exit 10 when a line reaches this score.")
    ] = None,
) -> None:
    """Find the strange lines of log files, with no server: learns from the files themselves."""
    lines, rejected = files.read(file)
    judge = bundles.load(bundle) if bundle else None
    name = "stdin" if file[0] == files.STDIN else Path(file[0]).name
    with _progress(f"learning from {name}") as tell:
        report = scoring.score(lines, rejected, name, bundle=judge, budget=budget, progress=tell)
    if json_:
        for anomaly in report.anomalies:
            found = documents.record(anomaly, "siem-anomaly", time.time(), "score")
            _out(json.dumps({"_id": found.id, **found.body}, ensure_ascii=False))
    else:
        terminal.show(Console(), report, unfold=all_, top=top)
    if fail_at is not None and report.worst >= fail_at:
        raise typer.Exit(FAILED_AT)


def main() -> None:
    """Run the command line; a fault is one sentence on stderr and its exit code, a traceback with --debug."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        app(args=arguments)
    except PluginError as error:
        if len(arguments) < len(sys.argv) - 1:
            raise
        talk.print(str(error), style="red", highlight=False, markup=False)
        sys.exit(error.exit_code)


def _out(text: str) -> None:
    sys.stdout.write(text + "\n")


@contextmanager
def _progress(what: str) -> Iterator[Tell]:
    """A bar on stderr while something takes long; nothing where stderr is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


if __name__ == "__main__":
    main()
