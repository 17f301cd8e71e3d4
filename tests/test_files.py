"""`plugin.doors.files`: what is read as a log, and the sentence for what is none."""

from __future__ import annotations

import gzip
import io
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from plugin.doors import files
from plugin.errors import InputError

TWO = (
    b"Nov 23 10:00:00 web-01 sshd[1]: Server listening.\n"
    b"Nov 23 10:00:01 web-01 sshd[1]: Connection closed by 10.1.2.3\n"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of two lines."""
    path = tmp_path / "auth.log"
    path.write_bytes(TWO)
    return path


def refused(*paths: object) -> str:
    """Why the files cannot be read, which they must not."""
    with pytest.raises(InputError) as caught:
        files.read(map(str, paths))
    return str(caught.value)


def test_a_files_lines_know_where_they_came_from(log: Path) -> None:
    """By the file's name and the line's number, blank lines counted."""
    log.write_bytes(TWO.replace(b"\n", b"\n\n", 1))
    lines, rejected = files.read([str(log)])
    assert [line.origin for line in lines] == ["auth.log:1", "auth.log:3"]
    assert rejected == []


def test_a_zipped_log_reads_as_the_plain_one(log: Path, tmp_path: Path) -> None:
    """By its first bytes, whatever it is called; stamps without a year are dated by its own last change."""
    zipped = tmp_path / "auth.log.1"
    zipped.write_bytes(gzip.compress(TWO))
    os.utime(log, (1_700_000_000,) * 2)
    os.utime(zipped, (1_700_000_000,) * 2)
    plain, unzipped = files.read([str(log)])[0], files.read([str(zipped)])[0]
    assert [line[1:] for line in plain] == [line[1:] for line in unzipped]
    assert plain[0].time < 1_700_000_000 + 86_400


def test_a_log_that_a_crash_left_nuls_in_is_still_a_log(log: Path) -> None:
    """Before, between and within its lines; what they hold is as if there had been none."""
    whole = files.read([str(log)])[0]
    log.write_bytes(b"\0" * 10_000 + TWO.replace(b"\n", b"\n" + b"\0" * 500, 1).replace(b"listening", b"lis\0tening"))
    assert files.read([str(log)]) == (whole, [])


def test_several_files_become_one_stream_in_the_order_of_time(log: Path, tmp_path: Path) -> None:
    """However they are given; lines of one instant keep the order of their file."""
    later = tmp_path / "later.log"
    later.write_bytes(TWO.replace(b"10:00", b"11:00") * 2)
    lines, _ = files.read([str(later), str(log)])
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    assert [line.origin for line in lines[:2]] == ["auth.log:1", "auth.log:2"]
    assert [line.origin for line in lines[2:]] == ["later.log:1", "later.log:3", "later.log:2", "later.log:4"]


def test_files_of_one_name_are_told_apart(log: Path, tmp_path: Path) -> None:
    """Two hosts' auth.log must not look like one; the same file twice is read once."""
    other = tmp_path / "other" / "auth.log"
    other.parent.mkdir()
    other.write_bytes(TWO)
    lines, _ = files.read([str(log), str(other), str(log)])
    assert len({line.origin for line in lines}) == len(lines) == 4


def test_one_file_under_several_names_is_read_once(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the first of them: paths written otherwise, symbolic and hard links."""
    monkeypatch.chdir(tmp_path)
    Path("soft.log").symlink_to(log)
    Path("hard.log").hardlink_to(log)
    for paths in (["auth.log", "./auth.log", str(log), "soft.log", "hard.log"], ["auth.log", "hard.log"]):
        assert [line.origin for line in files.read(paths)[0]] == ["auth.log:1", "auth.log:2"]


def test_files_whose_names_look_alike_are_told_apart(tmp_path: Path) -> None:
    """Bytes that are no text are shown alike; the origins of two files' lines never are."""
    paths = [tmp_path / os.fsdecode(b"caf%b.log" % byte) for byte in (b"\xe8", b"\xe9", "\ufffd".encode())]
    for path in paths:
        path.write_bytes(TWO)
    lines, _ = files.read(map(str, paths))
    assert len({line.origin for line in lines}) == len(lines) == 6
    assert all(line.origin.isprintable() for line in lines)


def test_standard_input_is_a_file_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` names it."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(TWO)))
    lines, _ = files.read(["-"])
    assert [line.origin for line in lines] == ["stdin:1", "stdin:2"]


def test_what_several_files_are_called() -> None:
    """By the first and how many more; a pipe that a shell made by its path, for its name is a number."""
    assert files.title_of(["/var/log/a.log"]) == "a.log"
    assert files.title_of(["a.log", "b.log", "-"]) == "a.log and 2 more"
    assert files.title("/dev/fd/63") == "/dev/fd/63"


@pytest.mark.parametrize("content", [TWO, gzip.compress(TWO)])
def test_a_pipe_is_a_file_like_any_other(tmp_path: Path, content: bytes) -> None:
    """Zipped or not, and in whatever pieces it is written; what has no year is of now."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write_slowly() -> None:
        with pipe.open("wb", buffering=0) as end:
            for piece in (content[:1], content[1:60], content[60:]):
                end.write(piece)
                time.sleep(0.05)

    writer = Thread(target=write_slowly)
    writer.start()
    lines, _ = files.read([str(pipe)])
    writer.join()
    assert [line.origin for line in lines] == ["pipe:1", "pipe:2"]
    assert time.time() - 366 * 86_400 < lines[0].time < time.time() + 2 * 86_400


def test_standard_input_may_be_zipped_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file may; who opened it closes it."""
    stdin = io.BytesIO(gzip.compress(TWO))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stdin))
    assert [line.origin for line in files.read(["-"])[0]] == ["stdin:1", "stdin:2"]
    assert not stdin.closed


def test_empty_standard_input_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that brought nothing is the commonest slip."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO()))
    assert "is empty" in refused("-")


def test_unreadable_lines_are_counted_beside_the_others(log: Path) -> None:
    """With number, reason and their beginning."""
    log.write_bytes(b"no stamp here\n" + TWO)
    lines, (rejected,) = files.read([str(log)])
    assert len(lines) == 2
    assert (rejected.origin, rejected.text) == ("auth.log:1", "no stamp here")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n \n", "it is blank"),
        (b"\x7fELF\x00\x01", "is a binary file"),
        ("Nov 23 10:00:00 a b: c\n".encode("utf-16"), "is UTF-16"),
        (b"just words\n", "line 1: no time stamp: 'just words'"),
        (b"\x1b[2Jwords\n", r"'\x1b[2Jwords'"),
        (gzip.compress(TWO * 500)[:-20], "cannot be read"),
        (b"\x1f\x8bno gzip at all", "cannot be read"),
        (gzip.compress(b""), "is empty"),
    ],
)
def test_what_is_no_log_is_refused_with_the_reason(log: Path, content: bytes, why: str) -> None:
    """One sentence that names the file, and shows nothing that could act on a terminal."""
    log.write_bytes(content)
    sentence = refused(log)
    assert str(log) in sentence
    assert why in sentence
    assert sentence.isprintable()


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF\x00\x01", TWO.decode().encode("utf-16"), gzip.compress(TWO * 500)[:-20], b"just words\n"]
)
def test_whatever_holds_it_what_is_no_log_is_refused_alike(
    log: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard input and inside of a .gz, by the sentence for a plain file."""
    log.write_bytes(content)
    plain = refused(log)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert refused("-") == plain.replace(str(log), "standard input")
    if not content.startswith(files.GZIP):
        log.write_bytes(gzip.compress(content))
        assert refused(log) == plain


def test_a_files_name_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    """In no sentence, title or origin, whatever is wrong with the file."""
    for n, content in enumerate((None, b"", b"\xff\xfex", b"\x7fELF\x00\x01", b"just words\n", TWO)):
        path = tmp_path / f"{n}\x1b[31m\n\u202e.log"
        if content is not None:
            path.write_bytes(content)
        if content == TWO:
            assert [line.origin for line in files.read([str(path)])[0]] == [
                f"{n}\ufffd[31m \ufffd.log:{k}" for k in (1, 2)
            ]
        else:
            assert f"{n}\ufffd[31m \ufffd.log" in refused(path)
            assert refused(path).isprintable()


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    """With the system's own reason."""
    assert "No such file" in refused(tmp_path / "absent.log")
    assert "directory" in refused(tmp_path)


def test_one_bad_file_is_told_by_its_own_lines(log: Path, tmp_path: Path) -> None:
    """Not by what was wrong in the one before."""
    log.write_bytes(b"unreadable\n" + TWO)
    blank = tmp_path / "blank.log"
    blank.write_bytes(b"\n")
    sentence = refused(log, blank)
    assert str(blank) in sentence
    assert "it is blank" in sentence


@pytest.mark.parametrize("zipped", [False, True])
def test_a_gigantic_line_is_cut_and_the_next_one_read(log: Path, zipped: bool) -> None:
    """Memory stays bounded, and the lines after it keep their numbers."""
    content = TWO.replace(b"listening", b"x" * (3 * files.MAX_LINE), 1)
    log.write_bytes(gzip.compress(content) if zipped else content)
    lines, _ = files.read([str(log)])
    assert [line.origin for line in lines] == ["auth.log:1", "auth.log:2"]
    assert len(lines[0].message) < files.MAX_LINE
    assert lines[1].message == "Connection closed by 10.1.2.3"


def test_a_line_of_just_the_longest_length_swallows_nothing(log: Path) -> None:
    """The line end may be the first byte beyond what is read at once."""
    head, tail = TWO.splitlines(keepends=True)
    for length in (files.MAX_LINE - 1, files.MAX_LINE):
        log.write_bytes(head.rstrip().ljust(length, b"x") + b"\n" + tail)
        lines, _ = files.read([str(log)])
        assert lines[-1].origin == "auth.log:2"
        assert len(lines) == 2


def test_bytes_that_are_no_text_stay_readable(tmp_path: Path) -> None:
    """Broken UTF-8 in a line or in a file's name becomes U+FFFD or `?`; both can be written again."""
    strange = tmp_path / os.fsdecode(b"caf\xe9.log")
    strange.write_bytes(TWO.replace(b"Server", b"S\xffrver"))
    (line, _), _ = files.read([str(strange)])
    assert line.message.startswith("S\ufffdrver")
    line.origin.encode("utf-8")


def write(path: Path, *texts: str, changed: str = "2026-03-10") -> Path:
    """A file of these lines, last changed on a day."""
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    os.utime(path, (datetime.fromisoformat(changed).replace(tzinfo=UTC).timestamp(),) * 2)
    return path


def days(path: Path, zone: tzinfo = UTC) -> list[str]:
    """The days of a file's lines, in its order."""
    return [f"{datetime.fromtimestamp(line.time, zone):%Y-%m-%d}" for line in files.look(str(path), zone).lines]


def test_counted_messages_are_written_out(log: Path) -> None:
    """As often as they came, each with an origin of its own; the first has that of the line."""
    head = "Nov 23 10:00:0{} web sshd[7]: {}"
    failed = "Failed password for bob from 10.1.2.3 port 5 ssh2"
    wrapped = head.format(1, f"message repeated 3 times: [ {failed}]")
    write(log, head.format(0, failed), wrapped, "Nov 23 10:00:02 web last message repeated 2 times")
    lines = files.read([str(log)])[0]
    assert {line[2:9] for line in lines} == {lines[0][2:9]}
    assert (lines[1].user, lines[1].address, lines[1].message) == ("bob", "10.1.2.3", failed)
    origins = ["auth.log:1", "auth.log:2", "auth.log:2#2", "auth.log:2#3", "auth.log:3", "auth.log:3#2"]
    assert [line.origin for line in lines] == origins
    assert [line.time - lines[0].time for line in lines] == [0, 1, 1, 1, 2, 2]


def test_no_count_fills_the_memory(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand a line, and so many a file; the lines themselves are never lost."""
    line = "Nov 23 10:00:00 web sshd[7]: message repeated 999999999 times: [ x]"
    write(log, line, "Nov 23 10:00:01 web sshd[7]: message repeated 0 times: [ x]")
    assert len(files.read([str(log)])[0]) == 1_001
    monkeypatch.setattr(files, "MOST_REPEATS", 1_500)
    write(log, *[line] * 5)
    assert len(files.read([str(log)])[0]) == 2 * 1_000 + 3


def test_a_count_without_what_it_counts_is_a_line(log: Path) -> None:
    """Another host's line is not what was repeated."""
    write(log, "Nov 23 10:00:00 db sshd[7]: x", "Nov 23 10:00:01 web last message repeated 9 times")
    assert [line.message for line in files.read([str(log)])[0]] == ["x", "last message repeated 9 times"]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Dec 30, Dec 31, Jan  1, Jan  2", "2025-12-30, 2025-12-31, 2026-01-01, 2026-01-02"),
        ("Dec 31, Jan  1, Dec 31, Jan  1", "2025-12-31, 2026-01-01, 2025-12-31, 2026-01-01"),
        ("Feb  1, Jul  1, Dec 31, Jan  1, Jun  1, Dec  1, Jan 15, Mar  1",
         "2024-02-01, 2024-07-01, 2024-12-31, 2025-01-01, 2025-06-01, 2025-12-01, 2026-01-15, 2026-03-01"),
        ("Nov 20, Nov 21, Jan  1, Nov 22, Nov 23", "2025-11-20, 2025-11-21, 2025-01-01, 2025-11-22, 2025-11-23"),
        ("Feb 20, Feb 28, Feb 10, Feb 19", "2026-02-20, 2026-02-28, 2026-02-10, 2026-02-19"),
        ("Feb 29, Mar  5, Jun  1, Nov  1, Jan  9, Jun  1, Nov  1, Jan  3",
         "2024-02-29, 2024-03-05, 2024-06-01, 2024-11-01, 2025-01-09, 2025-06-01, 2025-11-01, 2026-01-03"),
    ],
)  # fmt: skip
def test_years_follow_from_the_order_of_a_file(log: Path, written: str, expected: str, backwards: bool) -> None:
    """Over New Year, over two of them, with a straggler, an unset clock or a wrong order; oldest or newest first."""
    texts = [f"{day} 10:00:00 web app: x" for day in written.split(", ")]
    order = -1 if backwards else 1
    write(log, *texts[::order])
    assert days(log)[::order] == expected.split(", ")


def test_a_year_that_is_written_is_kept(log: Path) -> None:
    """Whatever the order."""
    write(log, "Nov 23 2025 10:00:00 web a: x", "Mar  1 2025 10:00:00 web a: x", "2025-01-01T00:00:00Z web a: x")
    assert days(log) == ["2025-11-23", "2025-03-01", "2025-01-01"]


def test_stamps_without_an_offset_are_of_the_zone(log: Path) -> None:
    """Those with one are not; a zone's summer time is kept across years."""
    zone = ZoneInfo("Europe/Berlin")
    write(log, "Jul  1 10:00:00 web a: x", "Jan  1 10:00:00 web a: x", "2026-01-01T10:00:00Z web a: x")
    summer, winter, utc = files.read([str(log)], zone)[0]
    assert [datetime.fromtimestamp(line.time, UTC).hour for line in (summer, winter, utc)] == [8, 9, 10]


BERLIN = ZoneInfo("Europe/Berlin")
THREE = datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()
"""When Berlin's clocks go from 3:00 back to 2:00."""


def told(moments: Sequence[float], zone: tzinfo, form: str) -> list[str]:
    """A line of each moment, stamped as a clock in a zone shows it."""
    return [f"{datetime.fromtimestamp(moment, zone):{form}} web a: x" for moment in moments]


@pytest.mark.parametrize("form", ["%b %d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"])
@pytest.mark.parametrize("step", [30, -30])
def test_the_hour_that_clocks_show_twice_is_told_by_the_order_of_a_file(log: Path, form: str, step: int) -> None:
    """Of its two readings each line has the one nearer to the line before it; a file may run either way."""
    moments = [THREE + n * step for n in range(-300, 300)]
    write(log, *told(moments, BERLIN, form), changed="2026-10-26")
    assert [line.time for line in files.look(str(log), BERLIN).lines] == moments


def test_an_hour_that_is_shown_twice_stays_where_a_file_does_not_tell(log: Path) -> None:
    """A line a minute late is no second hour, and an offset says which it is."""
    moments = [THREE - 1_800, THREE - 1_860, THREE - 1_770]
    write(log, *told(moments, BERLIN, "%b %d %H:%M:%S"), changed="2026-10-26")
    assert [line.time for line in files.look(str(log), BERLIN).lines] == moments
    moments = [THREE + 60, THREE - 3_000, THREE + 120]
    write(log, *told(moments, BERLIN, "%Y-%m-%dT%H:%M:%S%z"), changed="2026-10-26")
    assert [line.time for line in files.look(str(log), BERLIN).lines] == moments


def test_frames_that_follow_on_each_other_are_lines(log: Path) -> None:
    """RFC 6587 counts octets, and needs no line ends."""
    messages = [f"<34>1 2026-01-01T00:00:0{n}Z web app 1 - - caf\u00e9 {n}" for n in range(3)]
    write(log, "".join(f"{len(text.encode())} {text}" for text in messages))
    lines = files.read([str(log)])[0]
    assert [line.message for line in lines] == ["caf\u00e9 0", "caf\u00e9 1", "caf\u00e9 2"]
    assert [line.origin for line in lines] == ["auth.log:1", "auth.log:1.2", "auth.log:1.3"]


def test_a_counted_message_may_hold_line_feeds(log: Path) -> None:
    """The count says where it ends: before the next frame, or at a line's end; lines keep the file's numbers."""
    trace = b"<34>1 2026-01-01T00:00:00Z web app 1 - - it broke\n  at a.py:1\n  at b.py:2"
    other = b"<34>1 2026-01-01T00:00:01Z web app 1 - - fine"
    for between in (b"", b"\n"):
        log.write_bytes(between.join(b"%d %s" % (len(text), text) for text in (trace, other, trace, trace)))
        lines, rejected = files.read([str(log)])
        assert rejected == []
        assert sorted(line.message for line in lines) == ["fine"] + ["it broke\n  at a.py:1\n  at b.py:2"] * 3
        assert len({line.origin for line in lines}) == 4


def test_a_count_that_is_wrong_takes_no_other_lines(log: Path) -> None:
    """Too large, by much or by little, or cut by the file's end: each line stays one, with its own number."""
    framed = "<34>1 2026-01-01T00:00:00Z web app 1 - - x"
    plain = "2026-01-01T00:00:01Z web app: y"
    for count in (len(framed) + 7, 5_000, 9_999_999):
        write(log, f"{count} {framed}", plain, plain, f"{count} {framed}", plain)
        lines, _ = files.read([str(log)])
        assert sorted(int(line.origin.partition(":")[2]) for line in lines) == [1, 2, 3, 4, 5]


def test_wrong_counts_cost_no_more_than_a_look_at_each_line(log: Path) -> None:
    """Ten thousand are read in a second; looking a message's length ahead from each would take half a minute."""
    log.write_bytes(b"9999999 <34>1 - h a 1 - - x\nx\nx\n" * 10_000)
    began = time.perf_counter()
    lines, _ = files.read([str(log)])
    assert len(lines) == 10_000
    assert time.perf_counter() - began < 15


def test_a_line_without_a_time_has_that_of_the_line_before_it(log: Path) -> None:
    """The first ones have that of the first that has one, and all move with it into its year."""
    bare = "%ASA-4-106023: Deny tcp src outside:203.0.113.5/4711"
    write(log, bare, "Dec 31 10:00:00 fw a: x", bare, "<30>app: x", "Jan  1 10:00:00 fw a: x", "<30>1 - h app 1 - - x")
    os.utime(log, (datetime(2026, 1, 2, tzinfo=UTC).timestamp(),) * 2)
    lines, rejected = files.read([str(log)])
    assert rejected == []
    days = [f"{datetime.fromtimestamp(line.time, UTC):%Y-%m-%d %H}" for line in lines]
    assert days == ["2025-12-31 10"] * 4 + ["2026-01-01 10"] * 2


def test_a_file_without_any_time_has_that_of_its_last_change(log: Path) -> None:
    """So that it can at least be read; the order of its lines is kept."""
    write(log, "<30>app[1]: first", "<30>app[1]: second")
    os.utime(log, (1_700_000_000,) * 2)
    lines, _ = files.read([str(log)])
    assert [(line.message, line.time) for line in lines] == [("first", 1.7e9), ("second", 1.7e9)]


def test_a_files_first_lines_tell_its_format(log: Path) -> None:
    """A format that is given instead rejects the others' lines."""
    write(
        log,
        "Jan  1 10:00:00 web a: x",
        "no log",
        "Jan  1 10:00:00 web a: x",
        '{"log":"x","time":"2026-01-01T00:00:00Z"}',
    )
    looked = files.look(str(log))
    assert (looked.format, looked.formats) == ("syslog", {"syslog": 2, "json": 1, "": 1})
    assert [line.reason for line in looked.rejected] == ["no time stamp"]
    assert len(files.look(str(log), UTC, "json").lines) == 1


def test_a_frame_and_a_repeat_never_have_one_origin(log: Path) -> None:
    """An origin is what a verdict is about: two lines that shared theirs would be judged as one."""
    counted = b"<38>Nov 23 10:00:00 web-01 sshd[1]: message repeated 3 times: [ Failed password for root]"
    plain = b"<38>Nov 23 10:00:01 web-01 sshd[1]: Connection closed by 10.1.2.3"
    log.write_bytes(b"".join(b"%d %s" % (len(text), text) for text in (counted, plain)) + b"\n")
    lines, _ = files.read([str(log)])
    assert [line.origin for line in lines] == ["auth.log:1", "auth.log:1#2", "auth.log:1#3", "auth.log:1.2"]
