"""Log files as lines: several, gzipped or not, or standard input. Refuses what is no log, with the reason."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import sys
import time
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

from parsers import json_lines
from parsers.line import LogLine, Rejected
from parsers.repeats import repeated, written_out
from parsers.syslog import MAX_CHARS, NO_STAMP, format_of, is_undated, parse
from parsers.years import dated, is_yearless
from plugin.config import FieldCandidates
from plugin.errors import InputError
from plugin.ports import Hit
from plugin.sources import Source

MAX_LINE = 1 << 20
"""Bytes of one line that are read; the rest of a longer one is skipped, so that memory stays bounded."""
HEAD = 8_192
"""Bytes that tell what a file is."""
STDIN = "-"
GZIP = b"\x1f\x8b"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
CONTROLS = bytes(code for code in (*range(1, 32), 127) if code not in b"\t\n\r\x1b")
"""What text has not. NULs are left out: a machine that lost its power leaves runs of them in its logs."""
JSON = frozenset({"auto", "json"})
"""Formats under which a line may be a JSON document."""
_FIELDS = FieldCandidates()
_DOCUMENTS = Source(
    "file",
    _FIELDS.model_copy(
        update={"time": (*_FIELDS.time, "timestamp", "time", "ts"), "program": (*_FIELDS.program, "app", "service")}
    ),
)
"""Where JSON lines have their parts: as documents do, and where loggers of programs like to put them."""
FIRST = 200
"""Lines that tell a file's format."""
MOST_REPEATS = 100_000
"""Lines that a file's counted repeats are written out to, at most, so that memory stays bounded by the file's size."""
_FRAME = re.compile(rb"(\d{1,7}+) <\d{1,3}>")
QUARTER_S = 900
"""What all zones' offsets are multiples of."""
MOST_CONTROLS = 0.05
"""Of a file's first bytes; random ones have twice as many."""


@dataclass(frozen=True)
class Looked:
    """What a file holds."""

    lines: list[LogLine]
    """In the file's order."""
    rejected: list[Rejected]
    formats: Counter[str]
    """Of its first lines, those of each format; '' = of none."""

    @property
    def format(self) -> str:
        """The format most of the first lines have, '' where none has any."""
        return next((name for name, _ in self.formats.most_common() if name), "")


def read(paths: Iterable[str], zone: tzinfo = UTC, format: str = "auto") -> tuple[list[LogLine], list[Rejected]]:
    """The lines of all files in the order of their times, and those that could not be read.

    Stamps without an offset are read in `zone`; `format` is one of `parsers.syslog.FORMATS`.

    Raises:
        InputError: a file is missing, unreadable, empty or binary, or none has a readable line.
    """
    lines: list[LogLine] = []
    rejected: list[Rejected] = []
    for path, name in _named(paths).items():
        looked = look(path, zone, format, name)
        if not looked.lines:
            why = f"has no line with a time stamp that can be read; {_first(looked.rejected)}"
            raise InputError(f"{_called(path)}: {why}")
        lines += looked.lines
        rejected += looked.rejected
    return sorted(lines, key=lambda line: line.time), rejected  # stable: equal times keep the file's order


def look(path: str, zone: tzinfo = UTC, format: str = "auto", name: str = "") -> Looked:
    """One file's lines, dated by their order, what a daemon only counted written out; and what could not be read.

    Raises:
        InputError: it is missing, unreadable, empty or binary.
    """
    looked, yearless, before, n_seen, n_more = Looked([], [], Counter()), bytearray(), dict[str, LogLine](), 0, 0
    any_dated = False
    for text, read, undated in _parsed(path, name or title(path), zone, format):
        if n_seen < FIRST:
            n_seen += 1
            looked.formats[format_of(text)] += 1
        if isinstance(read, Rejected):
            looked.rejected.append(read)
            continue
        line, n = repeated(read, before.get(read.host))
        if undated and looked.lines:
            line = line._replace(time=looked.lines[-1].time)
        elif not undated and not any_dated:  # the first stamp dates what stands before it
            looked.lines[:] = (each._replace(time=line.time) for each in looked.lines)
            any_dated, yearless = True, bytearray([is_yearless(text)]) * len(looked.lines)
        before[line.host] = line
        looked.lines.append(line)
        yearless.append(yearless[-1] if undated and yearless else is_yearless(text))
        if n > 1 and n_more < MOST_REPEATS:
            more = list(written_out(line, n))[1:]
            n_more += len(more)
            looked.lines.extend(more)
            yearless += yearless[-1:] * len(more)
    moments = dated([line.time for line in looked.lines], yearless, zone)
    for at, (line, moment) in enumerate(zip(looked.lines, moments, strict=True)):
        if line.time != moment:
            looked.lines[at] = line._replace(time=moment)
    return looked


def title(path: str) -> str:
    """What a file is called in origins and titles: its name, as text that can be shown; a pipe's would be a number."""
    return "stdin" if path == STDIN else printable(path if path.startswith("/dev/") else Path(path).name)


def title_of(paths: Sequence[str]) -> str:
    """What several are called together."""
    more = len(paths) - 1
    return title(paths[0]) + (f" and {more} more" if more else "")


def printable(text: str) -> str:
    """The same without power over a terminal: what is not printable, lone surrogates too, as a blank or U+FFFD."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text)


def understand(text: str, origin: str, now: float, zone: tzinfo = UTC, format: str = "auto") -> LogLine | Rejected:
    """One line of a file: text as `parsers.syslog` reads it, or a JSON document with the fields of ECS or rsyslog."""
    line = parse(text, origin, now, zone, format)
    if isinstance(line, LogLine) or line.reason != NO_STAMP or not text.startswith("{") or format not in JSON:
        return line
    document = json_lines.load(text) or {}
    read, _ = _DOCUMENTS.read([Hit("", "", 0, document)])
    return read[0]._replace(origin=origin) if read and read[0].time else line


def _named(paths: Iterable[str]) -> dict[str, str]:
    """Each file once, and what its lines' origins call it: its title, or all of its path where two files share one."""
    once: dict[object, str] = {}
    for path in paths:
        once.setdefault(_identity(path), path)
    titles = {path: title(path) for path in once.values()}
    shared = Counter(titles.values())
    names = {path: printable(path) if shared[name] > 1 else name for path, name in titles.items()}
    return names if len(set(names.values())) == len(names) else {path: ascii(path) for path in names}


def _identity(path: str) -> object:
    """What all paths of one file share; a path that leads nowhere is itself."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a path as it was given, `-` too
    except OSError:
        return path
    return path if path == STDIN else (status.st_dev, status.st_ino)


def _parsed(path: str, name: str, zone: tzinfo, format: str) -> Iterator[tuple[str, LogLine | Rejected, bool]]:
    """Each line's text, what it says, and whether it says no time: then it has the file's."""
    before = None
    try:
        with _opened(path) as (file, now):
            for origin, text in _texts(file, name):
                read = understand(text, origin, now, zone, format)
                undated = isinstance(read, LogLine) and read.time == now and is_undated(text)
                if isinstance(read, LogLine) and not undated:
                    if before is not None and (second := _second(read.time // QUARTER_S, zone)):
                        read = _nearer(before, read, understand(text, origin, now, second, format))
                    before = read.time
                yield text, read, undated
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or str(error)
        hint = "name the files in it" if isinstance(error, IsADirectoryError) else "check the name and your rights"
        hint = "it is cut off, or still being written" if isinstance(error, EOFError) else hint
        raise InputError(f"{_called(path)}: cannot be read ({why}); {hint}") from error


@lru_cache(maxsize=4_096)
def _second(quarter: float, zone: tzinfo) -> tzinfo | None:
    """The later offset of a quarter of an hour that a zone's clocks show twice, as summer time ends; None of others."""
    try:
        shown = datetime.fromtimestamp(quarter * QUARTER_S, zone)
        first, second = (shown.replace(fold=fold).utcoffset() for fold in (0, 1))
    except (ValueError, OverflowError):  # beyond the calendar's ends
        return None
    return None if first == second else timezone(second or timedelta())


def _nearer(before: float, line: LogLine, again: LogLine | Rejected) -> LogLine:
    """Of two readings of a line the one nearer to the line before it, whichever way the file runs."""
    return again if isinstance(again, LogLine) and abs(again.time - before) < abs(line.time - before) else line


def _texts(file: BinaryIO, name: str) -> Iterator[tuple[str, str]]:
    """Each line that is not blank, behind its origin."""
    for n, raw in _wholes(file):
        whole = raw.replace(b"\0", b"")
        for part, frame in enumerate(_frames(whole) if whole[:1].isdigit() else (whole,), 1):
            text = frame.decode("utf-8", "replace").rstrip("\r\n")
            if text.strip():
                yield f"{name}:{n}" if part == 1 else f"{name}:{n}.{part}", text  # `#` numbers repeats


def _called(path: str) -> str:
    return "standard input" if path == STDIN else printable(path)


def _frames(raw: bytes) -> Iterator[bytes]:
    """The parts of a line whose octets are counted (RFC 6587), where one follows on the other; else the line."""
    start = 0
    while (frame := _FRAME.match(raw, start)) and _FRAME.match(raw, end := frame.end(1) + 1 + int(frame[1])):
        yield raw[start:end]
        start = end
    yield raw[start:]


def _wholes(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Numbered lines; one whose count of octets (RFC 6587) reaches over line feeds comes with what it reaches over."""
    ahead: deque[bytes] = deque()
    lines, n = _lines(file), 0
    while raw := ahead.popleft() if ahead else next(lines, b""):
        n += 1
        if raw[:1].isdigit() and (lacking := _lacking(raw)):
            further = _counted(lacking, ahead, lines)
            yield n, raw + b"".join(further)
            n += len(further)
        else:
            yield n, raw


def _counted(lacking: int, ahead: deque[bytes], lines: Iterator[bytes]) -> list[bytes]:
    """The further lines that a count reaches over; none where it does not end at the end of a line or before a frame.

    The next line that begins a frame ends the search, so that wrong counts cost no more than one look at each line.
    """
    taken: list[bytes] = []
    n_sure, size = 0, 0
    while lacking and size < MAX_CHARS and (line := _after(len(taken), ahead, lines)) and not _FRAME.match(line):
        taken.append(line)
        size += len(line)
        if len(line) < lacking:
            lacking -= len(line)
            continue
        rest = line[lacking:]
        if rest.strip() and not _FRAME.match(rest):
            break
        n_sure, lacking = len(taken), _lacking(rest)
    for _ in range(n_sure):
        ahead.popleft()
    return taken[:n_sure]


def _after(n: int, ahead: deque[bytes], lines: Iterator[bytes]) -> bytes:
    """The n-th of the lines to come, which then lies ahead; empty where there is none."""
    if n == len(ahead) and (line := next(lines, b"")):
        ahead.append(line)
    return ahead[n] if n < len(ahead) else b""


def _lacking(raw: bytes) -> int:
    """The octets that the last frame of a line still lacks."""
    start = 0
    while frame := _FRAME.match(raw, start):
        start = frame.end(1) + 1 + int(frame[1])
    return max(start - len(raw), 0)


@contextmanager
def _opened(path: str) -> Iterator[tuple[BinaryIO, float]]:
    """A log's bytes, unzipped, and the time by which year-less stamps are dated: its own last change, a pipe's now.

    Raises:
        InputError: it is empty, or no text.
    """
    with nullcontext(sys.stdin.buffer) if path == STDIN else Path(path).open("rb") as file:
        plain = io.BufferedReader(cast(io.BufferedIOBase, file), HEAD)
        try:
            zipped = plain.peek().startswith(GZIP)
            told = io.BufferedReader(gzip.GzipFile(fileobj=plain, mode="rb"), HEAD) if zipped else plain
            if fault := _fault(told.peek()):
                raise InputError(f"{_called(path)}: {fault}")
            yield told, time.time() if path == STDIN else _changed(file)
        finally:
            plain.detach()  # else it would close standard input


def _changed(file: BinaryIO) -> float:
    """When a file last changed; a pipe is being written."""
    status = os.fstat(file.fileno())
    return status.st_mtime if stat.S_ISREG(status.st_mode) else time.time()


def _fault(head: bytes) -> str:
    """Why what begins so is no log, and what to do; '' where it may be one."""
    if not head:
        return "is empty; give a log that has lines"
    if head.startswith(UTF_16):
        return "is UTF-16; make it UTF-8 first, with `iconv -f UTF-16 -t UTF-8`"
    return "is a binary file, not a log; name a text file, or one in .gz" if _is_binary(head) else ""


def _is_binary(head: bytes) -> bool:
    text = head.replace(b"\0", b"")
    return len(text) - len(text.translate(None, CONTROLS)) > MOST_CONTROLS * len(text)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while raw := file.readline(MAX_LINE):
        whole = raw
        while len(raw) == MAX_LINE and not raw.endswith(b"\n"):
            raw = file.readline(MAX_LINE)
        yield whole


def _first(rejected: list[Rejected]) -> str:
    if not rejected:
        return "it is blank"
    return f"line {rejected[0].origin.rpartition(':')[2]}: {rejected[0].reason}: {rejected[0].text[:60]!r}"
