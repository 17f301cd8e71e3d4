"""How well detectors find abnormal sessions, beside a rank rule and a count-vector IsolationForest.

Files hold one session of event ids a line, plain or .gz. Everything is fit on --train alone, and every cut is set from
training sessions that the judging detector never saw; --normal and --abnormal are looked at once, at the end.

    python tests/bench/evaluate.py --data DIR                 # HDFS in DIR/hdfs, ADFA-LD in DIR/syscalls
    python tests/bench/evaluate.py --train F --normal F --abnormal F [--abnormal F …] [--json]
        [--also NAME …]         # detectors beside the default views
        [--detectors NAME …]    # instead of them

Without --detectors the calibration of the default views is judged, too. Each abnormal file is a family of its own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import IsolationForest

from models.base import Detector, DetectorConfig, Floats, frame_for, module, registry
from models.calibration import Calibration, cut_for
from models.combining import combine
from models.crossfit import cross_fit, surprise_once
from models.detectors import deeplog
from models.evaluate import Outcome, average_precision, roc_auc
from models.means import by_session
from models.windows import Event, Frame, Sighting, Tails, Window, slide

Session = tuple[int, ...]
DEFAULT = ("deeplog", "rarity", "ngrams")
"""What the default views are made of."""
ALL = "all"
SHARES = ("precision", "recall", "f1", "average_precision", "roc_auc")
FOLDS = 5
PER = 10_000
"""The budget counts false alarms per this many normal sessions."""
BUDGET = 10.0
"""One in a thousand, score 30: set before the first run. The test sets have no say in it."""
BUDGETS = (20.0, 10.0, 5.0, 2.0, 1.0)
HDFS_NORMALS = 553_366
"""Normal test sessions of the published set, of which the files hold a sample (Du et al., CCS 2017)."""
PUBLISHED: dict[str, tuple[dict[str, Any], ...]] = {
    "hdfs": ({"detector": "DeepLog, as published", "precision": 0.95, "recall": 0.96, "f1": 0.96},),
    "syscalls": ({"detector": "LSTM's mean likelihood, by others", "roc_auc": 0.841},),
}
"""Du et al., CCS 2017, on the whole of HDFS; the best that was tried on the same split of ADFA-LD."""
CHUNK = 200
"""Sessions turned into windows at once: long traces would otherwise fill the memory."""
ENOUGH = 20
"""A promise is looked at where at least so many windows are expected over the cut."""
talk = Console(stderr=True)


class BadFile(Exception):
    """One sentence: which file, which line, what was expected."""


class Files(NamedTuple):
    """A data set."""

    name: str
    train: Path
    normal: Path
    abnormal: Sequence[Path]
    folds: int
    """Of the cross-fit."""
    normals_total: int | None = None
    """Normal sessions of the published set, among which false alarms are counted."""


@dataclass(frozen=True)
class Sessions:
    """The three files."""

    train: list[Session]
    normal: list[Session]
    abnormal: list[Session]
    families: dict[str, slice]
    """Where among the abnormal each family is; `ALL` of them first."""


class Row(NamedTuple):
    """One way to judge sessions, and what it said."""

    detector: str
    normal: Floats
    """What normal test sessions are ranked by, higher is stranger, shape (normal,)."""
    abnormal: Floats
    """The same of abnormal ones, shape (abnormal,)."""
    outcome: Outcome
    """At the cut set beforehand."""
    seconds: float
    calibration: Calibration | None = None
    """Of held-out training sessions; None where no budget sets the cut."""

    def at(self, budget: float) -> Outcome:
        """What the cut for another budget would do."""
        assert self.calibration is not None
        cut = cut_for(PER, budget)
        normal, abnormal = self.calibration.score(self.normal), self.calibration.score(self.abnormal)
        return Outcome.of(normal >= cut, abnormal >= cut)

    def among(self, family: slice, budget: float) -> Row:
        """The same with one family as the only abnormal sessions."""
        part = self._replace(abnormal=self.abnormal[family])
        by_rank = Outcome.of(part.normal > 0.0, part.abnormal > 0.0)
        return part._replace(outcome=part.at(budget) if self.calibration else by_rank)


class Bound(NamedTuple):
    """What cuts promise and what they let through, on the windows of normal sessions that the fit never saw."""

    name: str
    n: int
    rows: list[tuple[float, float, int]]
    """(cut, promised, real), every five points."""
    factor_at_scores: float
    """Worst of promised/real and real/promised at the scores that these windows attained."""
    factor_over: float
    """Worst of real/promised at any cut: between two attained scores fewer than promised is all one can say."""


@dataclass(frozen=True)
class Learnt:
    """A detector fit on all its sessions, and the surprises of the same sessions when they were held out."""

    config: DetectorConfig
    frame: Frame
    detector: Detector
    by_window: Floats
    firsts: NDArray[np.int64]
    """Where each session's first window is."""

    def surprises(self, sessions: Sequence[Session]) -> list[Floats]:
        """Each session's window surprises."""
        return _surprises(self.detector, sessions, self.frame)


@dataclass(frozen=True)
class Judged:
    """One view's figures."""

    learnt: Learnt
    normal: list[Floats]
    """Surprises of each session's windows, nats."""
    abnormal: list[Floats]
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, judge, print. Exit codes: 0, or 2 for a file that cannot be used."""
    options = _options(arguments)
    figures: list[dict[str, Any]] = []
    try:
        sets = [(files, _sessions(files)) for files in _sets(options)]  # all of them, before any is judged
        for files, sessions in sets:
            figures += _evaluate(files, sessions, argparse.Namespace(**vars(options) | files._asdict()))
    except BadFile as error:
        talk.print(f"evaluate: {error}", markup=False, highlight=False, soft_wrap=True)
        return 2
    if options.json:
        print("\n".join(map(json.dumps, figures)))
    else:
        Console(width=None if sys.stdout.isatty() else 140).print(_table(figures, options))
    return 0


def _evaluate(files: Files, sessions: Sessions, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The figures of one data set, a row a detector and family; what else is to be said of it is printed."""
    kinds = options.detectors or [*dict.fromkeys((*DEFAULT, *options.also))]
    views = [_judge(_config(kind, options), sessions, options) for kind in kinds]
    joined = views if options.detectors else views[: len(DEFAULT)]
    rows = [*_together(joined, options), *(_alone(view, options.budget) for view in views)]
    rows += [_by_rank(view.learnt.detector, sessions) for view in views if view.learnt.config.kind == "deeplog"]
    rows.append(_forest(sessions, options))
    if not options.json:
        Console().print(_budgets_table(files.name, rows, options))
    if not options.json and not options.detectors:
        as_split = _bounds("as the files are split", [view.learnt for view in joined], [view.normal for view in joined])
        configs = [view.learnt.config for view in joined]
        for bound in [*as_split, *_at_random(configs, sessions, options)]:
            Console().print(_bound_table(files.name, bound))
    figures = [_figures(row, family, sessions, options) for family in sessions.families for row in rows]
    if options.json:
        return figures
    published = [{"data": files.name, "family": ALL} | row for row in PUBLISHED.get(files.name, ())]
    return [*figures[: len(rows)], *published, *figures[len(rows) :]]


def _config(kind: str, options: argparse.Namespace) -> DetectorConfig:
    """A detector's own defaults; `--h` is DeepLog's."""
    config: DetectorConfig = deeplog.Config(h=options.h) if kind == "deeplog" else module(kind).Config()
    return config


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, help="a folder that holds hdfs/ and syscalls/: judge these sets")
    parser.add_argument("--train", type=Path, help="normal sessions to learn from")
    parser.add_argument("--normal", type=Path, help="other normal sessions")
    parser.add_argument("--abnormal", type=Path, nargs="+", action="extend", help="a family of abnormal ones")
    parser.add_argument("--detectors", nargs="+", choices=registry(), help="instead of the default views")
    parser.add_argument("--also", nargs="+", choices=registry(), default=[], help="beside the default views")
    parser.add_argument("--folds", type=int, help=f"of the cross-fit (default {FOLDS}, system calls 2)")
    parser.add_argument("--h", type=int, default=deeplog.Config.h, help="events of history (default %(default)s)")
    parser.add_argument(
        "--budget", type=float, default=BUDGET, help=f"false alarms per {PER} normal sessions (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--normals-total", type=int, help="count false alarms among so many normal sessions")
    parser.add_argument("--json", action="store_true", help="one object a row")
    options = parser.parse_args(arguments)
    if not options.data and not (options.train and options.normal and options.abnormal):
        parser.error("give --data DIR, or --train, --normal and --abnormal")
    if options.also and options.detectors:
        parser.error("--also is beside the default views, --detectors instead of them: give one")
    if options.h < 1 or (options.folds or FOLDS) < 2 or not 0 < options.budget <= PER:
        parser.error(f"--h must be at least 1, --folds at least 2, --budget over 0 and at most {PER}")
    return options


def _sets(options: argparse.Namespace) -> list[Files]:
    if not options.data:
        given = (options.train, options.normal, options.abnormal)
        return [Files(options.train.parent.name, *given, options.folds or FOLDS, options.normals_total)]
    sets = []
    for name, pattern, folds, total in (
        ("hdfs", "test_abnormal*", FOLDS, options.normals_total or HDFS_NORMALS),
        ("syscalls", "test_attack*", 2, None),
    ):
        folder = options.data / name
        of_set = (folder / "train_normal.txt.gz", folder / "test_normal.txt.gz", sorted(folder.glob(pattern)))
        sets.append(Files(name, *of_set, options.folds or folds, total))
    return sets


def _sessions(files: Files) -> Sessions:
    read = {path.name.removesuffix(".gz").removesuffix(".txt"): read_sessions(path) for path in files.abnormal}
    if not read:
        raise BadFile(f"{files.train.parent} has no abnormal sessions; expected test_abnormal or test_attack files")
    edges = np.cumsum([0, *map(len, read.values())]).tolist()
    families = {name: slice(a, b) for name, a, b in zip(read, edges, edges[1:], strict=False)} if len(read) > 1 else {}
    abnormal = list(chain.from_iterable(read.values()))
    train, normal = read_sessions(files.train), read_sessions(files.normal)
    return Sessions(train, normal, abnormal, {ALL: slice(0, len(abnormal))} | families)


def read_sessions(path: Path) -> list[Session]:
    """One session a line; ids are moved up by one, for 0 means UNKNOWN to the detectors.

    Raises:
        BadFile: it is missing, unreadable, empty, or a line holds something else than non-negative whole numbers.
    """
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            sessions = [_session(line, path, number) for number, line in enumerate(lines, start=1) if line.strip()]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadFile(f"{path} cannot be read ({error}); expected one session of event ids a line") from error
    if not sessions:
        raise BadFile(f"{path} is empty; expected one session of event ids a line")
    return sessions


def _session(line: str, path: Path, number: int) -> Session:
    try:
        session = tuple(int(word) + 1 for word in line.split())
    except ValueError as error:
        raise BadFile(f"{path}, line {number}: event ids are whole numbers ({error})") from error
    if min(session) < 1:
        raise BadFile(f"{path}, line {number}: event ids are not negative")
    return session


def windows_of(sessions: Sequence[Session], frame: Frame) -> tuple[list[Window], NDArray[np.int64]]:
    """All windows, session by session, each with its END; and where each session's first window is."""
    sightings, firsts = _sightings(sessions, frame)
    return [seen.window for seen in sightings], firsts


def _sightings(sessions: Sequence[Session], frame: Frame) -> tuple[list[Sighting[None]], NDArray[np.int64]]:
    sightings: list[Sighting[None]] = []
    firsts = []
    for session in sessions:
        events = [Event("", event, 0.0, 0.0, (), None) for event in session]
        seen, _ = slide(Tails[None](), events, frame, until=frame.idle_s)
        firsts.append(len(sightings))
        sightings.extend(seen)
    return sightings, np.array(firsts, dtype=np.int64)


def _judged(config: DetectorConfig, sightings: Sequence[Sighting[None]], surprises: Floats) -> Floats:
    """What a detector's surprises come to, as the product judges them: of lines, or of whole sessions."""
    if not config.whole:
        return surprises
    return by_session(sightings, [seen.window for seen in sightings], surprises, {}).surprises


def _judge(config: DetectorConfig, sessions: Sessions, options: argparse.Namespace) -> Judged:
    """Fit, calibrate by cross-fit, and judge the test sessions with a detector fit on all training sessions."""
    began = time.monotonic()
    learnt = _learn(config, sessions.train, options)
    normal, abnormal = learnt.surprises(sessions.normal), learnt.surprises(sessions.abnormal)
    return Judged(learnt, normal, abnormal, time.monotonic() - began)


def _learn(config: DetectorConfig, sessions: Sequence[Session], options: argparse.Namespace) -> Learnt:
    seed = options.seed
    began = time.monotonic()
    kind = module(config.kind)
    frame = frame_for(config, idle_s=1.0)
    folds = [_sightings(fold, frame) for fold in _folds(sessions, options)]
    blocks = [[seen.window for seen in sightings] for sightings, _ in folds]
    with talk.status(config.kind) as status:
        crossed = cross_fit(kind, config, blocks, seed, _progress(status.update, config.kind, "cross-fitting"))
        everything = list(chain.from_iterable(blocks))
        detector = kind.Detector.fit(config, everything, seed, _progress(status.update, config.kind, "fitting"))
    firsts = np.cumsum([0, *(len(block) for block in blocks[:-1])])
    by_session = np.concatenate([places + first for (_, places), first in zip(folds, firsts, strict=True)])
    judged = [_judged(config, seen, found) for (seen, _), found in zip(folds, crossed.surprises, strict=True)]
    by_window = np.concatenate(judged)
    talk.log(f"{config.kind}: fit {options.folds + 1} times in {time.monotonic() - began:.0f} s")
    return Learnt(config, frame, detector, by_window, by_session)


def _at_random(configs: Sequence[DetectorConfig], sessions: Sessions, options: argparse.Namespace) -> list[Bound]:
    """The same with training and normal sessions mixed and split anew: no drift, so only the calibration is judged."""
    both = sessions.train + sessions.normal
    order = np.random.default_rng(options.seed).permutation(len(both))
    mixed = [both[place] for place in order]
    learnts = [_learn(config, mixed[: len(sessions.train)], options) for config in configs]
    return _bounds("split at random", learnts, [learnt.surprises(mixed[len(sessions.train) :]) for learnt in learnts])


def _folds(sessions: Sequence[Session], options: argparse.Namespace) -> list[list[Session]]:
    order = np.random.default_rng(options.seed).permutation(len(sessions))
    return [[sessions[place] for place in part] for part in np.array_split(order, options.folds)]


def _progress(update: Callable[[str], None], kind: str, doing: str) -> Callable[[float], None]:
    return lambda share: update(f"{kind}: {doing}, {share:.0%}")


def _surprises(detector: Detector, sessions: Sequence[Session], frame: Frame) -> list[Floats]:
    found: list[Floats] = []
    for part in _chunks(sessions):
        sightings, firsts = _sightings(part, frame)
        surprises = surprise_once(detector, [seen.window for seen in sightings])
        found.extend(np.split(_judged(detector.config, sightings, surprises), firsts[1:]))
    return found


def _chunks(sessions: Sequence[Session]) -> Iterator[Sequence[Session]]:
    return (sessions[first : first + CHUNK] for first in range(0, len(sessions), CHUNK))


def _bounds(split: str, learnts: Sequence[Learnt], normal: Sequence[Sequence[Floats]]) -> list[Bound]:
    """What cuts promise, of all views together and of each alone."""
    found = [np.concatenate(of_view) for of_view in normal]
    held_out = [learnt.by_window for learnt in learnts]
    alone = [
        _bound(f"{learnt.config.kind}, {split}", *of_view)
        for learnt, *of_view in zip(learnts, held_out, found, strict=True)
    ]
    return [_bound(f"default, {split}", _combined(learnts, held_out), _combined(learnts, found)), *alone]


def _bound(name: str, held_out: Floats, normal: Floats) -> Bound:
    scores = np.sort(Calibration.of(held_out).score(normal))
    n = len(scores)

    def at(cut: float) -> tuple[float, float, int]:
        return cut, n * 10.0 ** (-cut / 10.0), n - int(np.searchsorted(scores, cut, side="left"))

    attained = [row for row in map(at, np.unique(scores).tolist()) if row[1] >= ENOUGH]
    steps = [row for row in map(at, np.arange(0.0, 100.0, 0.1).tolist()) if row[1] >= ENOUGH]
    both = max(max(real / promised, promised / real) for _, promised, real in attained)
    over = max(real / promised for _, promised, real in [*attained, *steps])
    return Bound(name, n, steps[::50], both, over)


def _alone(view: Judged, budget: float) -> Row:
    """One view: a session is as strange as its strangest window."""
    held_out = np.maximum.reduceat(view.learnt.by_window, view.learnt.firsts)
    normal, abnormal = (np.array([found.max() for found in of]) for of in (view.normal, view.abnormal))
    return _row(view.learnt.config.kind, held_out, normal, abnormal, budget, view.seconds)


def _together(views: Sequence[Judged], options: argparse.Namespace) -> Iterator[Row]:
    """All views, where there are several: a session is as strange as its strangest window; or as its end alone."""
    if len(views) < 2:
        return
    learnts = [view.learnt for view in views]
    train, normal, abnormal = (
        (_combined(learnts, [np.concatenate(of_view) for of_view in of]), _firsts(of[0]))
        for of in (
            [np.split(learnt.by_window, learnt.firsts[1:]) for learnt in learnts],
            [view.normal for view in views],
            [view.abnormal for view in views],
        )
    )
    name, seconds = "together" if options.detectors else "default", sum(view.seconds for view in views)
    for says, of_session in ((name, _strangest), (f"{name}, ends alone", _last)):
        yield _row(says, of_session(*train), of_session(*normal), of_session(*abnormal), options.budget, seconds)


def _strangest(nats: Floats, firsts: NDArray[np.int64]) -> Floats:
    return np.asarray(np.maximum.reduceat(nats, firsts))


def _last(nats: Floats, firsts: NDArray[np.int64]) -> Floats:
    """Of each session the last window, which is its END."""
    return nats[np.append(firsts[1:], len(nats)) - 1]


def _combined(learnts: Sequence[Learnt], surprises: Sequence[Floats]) -> Floats:
    """All views together, as the product combines them, window by window: nats, shape (windows,)."""
    scores = [Calibration.of(learnt.by_window).score(found) for learnt, found in zip(learnts, surprises, strict=True)]
    return combine(np.tile(np.arange(len(scores[0])), len(scores)), np.concatenate(scores))


def _firsts(sessions: Sequence[Floats]) -> NDArray[np.int64]:
    return np.cumsum([0, *map(len, sessions[:-1])])


def _row(detector: str, held_out: Floats, normal: Floats, abnormal: Floats, budget: float, seconds: float) -> Row:
    """Surprises of sessions as scores, and what the cut for the budget did; the calibration knows `held_out` alone."""
    row = Row(detector, normal, abnormal, Outcome(0, 0, 0, 0), seconds, Calibration.of(held_out))
    return row._replace(outcome=row.at(budget))


def _by_rank(detector: Detector, sessions: Sessions) -> Row:
    """The rule of DeepLog's paper: a session is abnormal when any event ranks beyond top_g."""
    began = time.monotonic()
    assert isinstance(detector, deeplog.Detector)
    ranked = deeplog.Detector(
        replace(detector.config, decision="rank"),
        detector.vocabulary,
        detector.times,
        detector.fitted,
        detector.seen,
    )
    frame = Frame(detector.config.h, counts=False, idle_s=1.0)
    normal = np.array([found.max() for found in _surprises(ranked, sessions.normal, frame)])
    abnormal = np.array([found.max() for found in _surprises(ranked, sessions.abnormal, frame)])
    outcome = Outcome.of(normal > 0.0, abnormal > 0.0)
    return Row("deeplog-rank", normal, abnormal, outcome, time.monotonic() - began)


def _forest(sessions: Sessions, options: argparse.Namespace) -> Row:
    """The baseline: how often each event came, in an isolation forest; its cut from held-out sessions like ours."""
    began = time.monotonic()
    events = {event: column for column, event in enumerate(sorted(set(chain.from_iterable(sessions.train))))}
    folds = [_vectors(fold, events) for fold in _folds(sessions.train, options)]
    held_out = [
        _strangeness(np.concatenate(folds[:i] + folds[i + 1 :]), fold, options.seed) for i, fold in enumerate(folds)
    ]
    train = np.concatenate(folds)
    normal, abnormal = (
        _strangeness(train, _vectors(judged, events), options.seed) for judged in (sessions.normal, sessions.abnormal)
    )
    return _row(
        "isolation-forest", np.concatenate(held_out), normal, abnormal, options.budget, time.monotonic() - began
    )


def _strangeness(train: Floats, judged: Floats, seed: int) -> Floats:
    return -np.asarray(IsolationForest(random_state=seed).fit(train).score_samples(judged), dtype=np.float64)


def _vectors(sessions: Sequence[Session], events: dict[int, int]) -> Floats:
    """How often each event came, shape (sessions, events + 1); the last column is for all that training never saw."""
    vectors = np.zeros((len(sessions), len(events) + 1))
    for row, session in enumerate(sessions):
        for event, count in Counter(session).items():
            vectors[row, events.get(event, -1)] += count
    return vectors


def _figures(row: Row, family: str, sessions: Sessions, options: argparse.Namespace) -> dict[str, Any]:
    """What `--json` prints of a row. Precision and F1 are at the published proportion where one is given."""
    row = row.among(sessions.families[family], options.budget)
    at = row.outcome.among(options.normals_total) if options.normals_total else row.outcome
    published = {"f1_published": at.f1, "precision_published": at.precision} if options.normals_total else {}
    return {
        "data": options.name,
        "detector": row.detector,
        "family": family,
        "precision": at.precision,
        "recall": at.recall,
        "f1": at.f1,
        "average_precision": average_precision(row.normal, row.abnormal),
        "roc_auc": roc_auc(row.normal, row.abnormal),
        "false_positive_rate": at.false_positive_rate,
        "n_train": len(sessions.train),
        "n_normal": len(sessions.normal),
        "n_abnormal": len(row.abnormal),
        "seconds": round(row.seconds, 1),
        "seed": options.seed,
        **published,
    }


def _table(figures: Sequence[dict[str, Any]], options: argparse.Namespace) -> Table:
    """Sets × detectors; precision and F1 at the published proportion where one is given."""
    table = Table(
        "data",
        "detector",
        title=f"Budget {options.budget:g} false alarms in {PER:,} normal sessions, seed {options.seed}",
    )
    for name in ("precision", "recall", "F1", "avg. precision", "ROC AUC", f"alarms in {PER:,}", "seconds"):
        table.add_column(name, justify="right")
    for (data, family), rows in groupby(figures, key=lambda row: (row["data"], row["family"])):
        named, first = f"{data}, {family}", next(rows)
        n = f"{first['n_train']:,} training, {first['n_normal']:,} normal, {first['n_abnormal']:,} abnormal"
        for place, row in enumerate(chain([first], rows)):
            shares = [f"{row[key]:.4f}" if key in row else "" for key in SHARES]
            rate, seconds = row.get("false_positive_rate"), row.get("seconds")
            alarms = "" if rate is None else f"{rate * PER:.1f}"
            took = "" if seconds is None else f"{seconds:.0f}"
            table.add_row((named, n)[place] if place < 2 else "", row["detector"], *shares, alarms, took)
        table.add_section()
    return table


def _budgets_table(data: str, rows: Sequence[Row], options: argparse.Namespace) -> Table:
    """F1 at other budgets, all of them: so that nobody picks the one that looks best."""
    table = Table("detector", title=f"{data}: F1 at other budgets, false alarms per {PER:,} normal sessions")
    for budget in BUDGETS:
        table.add_column(f"{budget:g}", justify="right")
    for row in rows:
        if row.calibration is not None:
            outcomes = [row.at(budget) for budget in BUDGETS]
            at = [each.among(options.normals_total) if options.normals_total else each for each in outcomes]
            table.add_row(row.detector, *(f"{each.f1:.4f}" for each in at))
    return table


def _bound_table(data: str, bound: Bound) -> Table:
    table = Table(
        title=f"{data}, {bound.name}: {bound.n:,} normal windows",
        caption=f"worst factor {bound.factor_at_scores:.2f} at attained scores; "
        f"at any cut at most {bound.factor_over:.2f} × the promise",
    )
    for name in ("cut", "promised", "real"):
        table.add_column(name, justify="right")
    for cut, promised, real in bound.rows:
        table.add_row(f"{cut:g}", f"{promised:,.0f}", f"{real:,}")
    return table


if __name__ == "__main__":
    sys.exit(main())
