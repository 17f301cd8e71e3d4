"""`parsers.syslog`: every form it names, every line of the real excerpts, and any text at all."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.line import MAX_MESSAGE, LogLine, Rejected
from parsers.syslog import EMPTY, FORMATS, NO_JSON, NO_STAMP, NO_SUCH_DATE, REASONS, format_of, parse

DATA = Path(__file__).parent / "data"
NOW = datetime(2017, 4, 20, 12, tzinfo=UTC).timestamp()


def read(text: str, now: float = NOW, zone: tzinfo = UTC) -> LogLine:
    """The line, which must be understood."""
    line = parse(text, "test:1", now, zone)
    assert isinstance(line, LogLine), line
    return line


def reason(text: str) -> str:
    """Why the line is rejected, which it must be."""
    line = parse(text, "test:1", NOW)
    assert isinstance(line, Rejected), line
    return line.reason


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> float:
    """Seconds since the epoch, UTC."""
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()


def excerpt(name: str) -> list[LogLine]:
    """The lines of a real log, every one of which must be understood."""
    text = (DATA / name).read_text(encoding="utf-8", errors="surrogateescape")
    return [read(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("text", "host", "program", "pid", "message"),
    [
        ("Mar 27 13:06:56 web sshd[1291]: Server listening.", "web", "sshd", 1291, "Server listening."),
        ("Apr  1 13:06:56 web systemd: Started.", "web", "systemd", None, "Started."),
        ("Apr 1 13:06:56 web kernel: [ 1.5] eth0: up", "web", "kernel", None, "[ 1.5] eth0: up"),
        ("Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass", "combo", "sshd(pam_unix)", 19939, "check pass"),
        ("Mar 27 13:06:56 web sudo:   ubuntu : TTY=pts/0", "web", "sudo", None, "ubuntu : TTY=pts/0"),
        ("Mar 27 13:06:56 web last message repeated 2 times", "web", "", None, "last message repeated 2 times"),
        ("Mar 27 13:06:56 su: 'su root' failed", "", "su", None, "'su root' failed"),
        ("Mar 27 13:06:56 sshd[7]: no host", "", "sshd", 7, "no host"),
        ("Mar 27 13:06:56 web app[main]: no number", "web", "app", None, "no number"),
        ("Mar 27 13:06:56 web app[1]:glued", "web", "app", 1, "glued"),
        ("Mar 27 13:06:56 web audit(11.2:0): initialized", "web", "", None, "audit(11.2:0): initialized"),
        ("Jun 19 04:09:11 combo syslogd 1.4.1: restart.", "combo", "syslogd", None, "restart."),
        ("Jul  4 23:22:09 mac Microsoft Word[14463]: error", "mac", "Microsoft Word", 14463, "error"),
        ("Jul  1 09:29:02 mac sandboxd[129] ([31211]): deny", "mac", "sandboxd", 129, "([31211]): deny"),
        ("Mar 27 13:06:56 web sshd[1]:", "web", "sshd", 1, ""),
        ("Mar 27 13:06:56 web", "", "", None, "web"),
    ],
)
def test_bsd_syslog_is_read_as_it_is_written(text: str, host: str, program: str, pid: int | None, message: str) -> None:
    """Tags with and without pid, brackets, spaces or host; where there is no tag, all is message."""
    line = read(text)
    assert (line.host, line.program, line.pid, line.message) == (host, program, pid, message)


LEVELS = [("30", 6), ('"error"', 3), ('"Information"', 6), ("4", 4), ('"odd"', None), ("1e3", None), ("true", None)]


@pytest.mark.parametrize(("level", "severity"), LEVELS)
def test_loggers_of_applications_say_their_level_in_many_ways(level: str, severity: int | None) -> None:
    """Pino's tens, syslog's digits, names in any case; what is none of them is no severity."""
    assert read(f'{{"time": "2017-03-27T13:06:56Z", "msg": "x", "level": {level}}}').severity == severity


@pytest.mark.parametrize("stamp", ["1e30", "-1", "true", '"soon"', "[1]", "1e5", '"' + "9" * 40 + '"', "null"])
def test_a_logger_whose_time_is_none_is_rejected(stamp: str) -> None:
    """Too far, too small to be an instant, or no number at all."""
    assert isinstance(parse(f'{{"time": {stamp}, "msg": "x"}}', "a:1", NOW), Rejected)


@pytest.mark.parametrize(("pri", "severity"), [("<0>", 0), ("<38>", 6), ("<191>", 7), ("<192>", None), ("", None)])
def test_the_priority_gives_the_severity(pri: str, severity: int | None) -> None:
    """Its lower three bits, if it is a priority at all; without one the severity is unknown."""
    assert read(f"{pri}Mar 27 13:06:56 web sshd[1]: x").severity == severity
    assert read(f"{pri}2017-03-27T13:06:56Z web sshd[1]: x").severity == severity


def test_rfc_5424_is_read_with_its_structured_data_left_out() -> None:
    """As in the RFC: NILVALUE is nothing, brackets and quotes inside values end no value, a BOM is no text."""
    full = read(
        '<165>1 2003-08-24T05:14:15-07:00 192.0.2.1 myproc 8710 ID47 [a@1 k="v\\"]"][b@2 k="]"] \ufeff%% It\'s up'
    )
    assert full == LogLine(
        "test:1",
        at(2003, 8, 24, 12, 14, 15),
        "192.0.2.1",
        "myproc",
        8710,
        "%% It's up",
        5,
        "",
        "",
    )
    bare = read("<34>1 2003-10-11T22:14:15.003Z - - - - -")
    assert (bare.host, bare.program, bare.pid, bare.message, bare.severity) == ("", "", None, "", 2)
    assert read("<34>1 2003-10-11T22:14:15Z h app worker-1 - - x").pid is None
    assert read('<34>1 2003-10-11T22:14:15Z h app 1 - [broken x="1 text').message == '[broken x="1 text'
    undated = read("<34>1 - h app 1 - - x")
    assert (undated.time, undated.host, undated.program, undated.pid, undated.message) == (NOW, "h", "app", 1, "x")


def test_iso_8601_stamps_carry_their_own_offset() -> None:
    """Offset, Z or none (then the zone's), with and without a fraction, are the same moment."""
    moment = at(2026, 11, 23, 9, 0, 0)
    for stamp in ("10:00:00+01:00", "10:00:00+0100", "09:00:00Z", "09:00:00.000000Z", "04:00:00-05:00", "09:00:00"):
        line = read(f"2026-11-23T{stamp} host prog[1]: msg")
        assert (line.time, line.host, line.program, line.pid, line.message) == (moment, "host", "prog", 1, "msg"), stamp
    assert read("2026-11-23T10:00:00 h p: m", zone=timezone(timedelta(hours=1))).time == moment
    assert read("2026-11-23T10:00:00.388+01:00 h p: m").time == pytest.approx(moment + 0.388, abs=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59:59-12:00 web-01 sshd[7]: m",
        "9999-12-31 23:00:00 HST [812] LOG:  m",
        "Fri Dec 31 23:00:00 HST 9999 m",
        "0001-01-01 00:00:00 NZDT [812] LOG:  m",
    ],
)
def test_an_offset_reaches_over_no_end_of_the_calendar(text: str) -> None:
    """The year 0 or 10000 can be written nowhere: such a line is rejected, and stops no poll."""
    assert parse(text, "test:1", NOW) == Rejected("test:1", NO_SUCH_DATE, text)


@pytest.mark.parametrize(
    ("text", "zone", "clock"),
    [
        ("<189>221: sw-1: Nov  7 23:01:33.105 CET: %SYS-5-RESTART: m", UTC, "2026-11-07T22:01:33.105Z"),
        ("Nov  7 23:01:33 EDT web-01 sshd[7]: m", UTC, "2026-11-08T03:01:33Z"),
        ("Sat Nov  7 23:01:33 PST 2026 m", UTC, "2026-11-08T07:01:33Z"),
        ("2026-11-07 23:01:33.105 MSK [812] LOG:  m", UTC, "2026-11-07T20:01:33.105Z"),
        ("Nov  7 23:01:33 CST web-01 sshd[7]: m", ZoneInfo("Asia/Shanghai"), "2026-11-07T15:01:33Z"),
        ("Nov  7 23:01:33 CST web-01 sshd[7]: m", UTC, "2026-11-08T05:01:33Z"),
        ("Nov  7 23:01:33 XYZ web-01 sshd[7]: m", ZoneInfo("Asia/Tokyo"), "2026-11-07T14:01:33Z"),
        ("Jul 23 10:00:00 GMT web-01 sshd[7]: m", ZoneInfo("Europe/London"), "2026-07-23T10:00:00Z"),
        ("2026-11-23T10:00:00+01:00 EST web-01 sshd[12]: m", UTC, "2026-11-23T09:00:00Z"),
        ("Nov 23 12:00:00 relay 2026-11-23T10:00:00Z EST web-01 sshd[12]: m", UTC, "2026-11-23T10:00:00Z"),
    ],
)
def test_a_zones_short_name_counts(text: str, zone: tzinfo, clock: str) -> None:
    """As most people use it, unless the source's own zone is called so; one that nobody knows says nothing."""
    now = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
    assert read(text, now, zone).time == pytest.approx(datetime.fromisoformat(clock).timestamp(), abs=1e-3)


def test_apache_hadoop_and_cluster_lines_are_read() -> None:
    """Each form's time, host, program, pid, severity and message."""
    old = read("[Sun Dec 04 04:47:44 2005] [error] mod_jk child in error state 6")
    assert old[1:7] == (at(2005, 12, 4, 4, 47, 44), "", "httpd", None, "mod_jk child in error state 6", 3)
    new = read("[Sun Dec 04 04:47:44.500000 2005] [core:warn] [pid 12:tid 3456] [client 10.1.2.3:9] denied")
    assert new[1:7] == (at(2005, 12, 4, 4, 47, 44) + 0.5, "", "httpd", 12, "[client 10.1.2.3:9] denied", 4)
    assert new.address == "10.1.2.3"
    hdfs = read("081109 203615 148 WARN dfs.DataNode$PacketResponder: terminating")
    assert hdfs[1:7] == (at(2008, 11, 9, 20, 36, 15), "", "dfs.DataNode$PacketResponder", 148, "terminating", 4)
    bird = read("- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond(pam_unix)[2915]: session closed")
    assert bird[1:7] == (1131566461.0, "dn228", "crond(pam_unix)", 2915, "session closed", None)
    gene = read(
        "KERNDTLB 1117838570 2005.06.03 R02-M1-N0 2005-06-03-15.42.50.363779 R02-M1-N0 RAS KERNEL FATAL data TLB error"
    )
    assert gene[1:7] == (1117838570.0, "R02-M1-N0", "KERNEL", None, "data TLB error", 2)


@pytest.mark.parametrize(
    ("name", "n", "host", "programs"),
    [
        ("auth-excerpt.log", 2036, "ip-10-77-20-248", {"sshd", "CRON", "sudo", "systemd", "systemd-logind"}),
        ("loghub-openssh-excerpt.log", 151, "LabSZ", {"sshd"}),
        ("loghub-linux-excerpt.log", 197, "combo", {"ftpd", "sshd(pam_unix)", "-- root", "syslogd", "login(pam_unix)"}),
        ("loghub-apache-excerpt.log", 150, "", {"httpd"}),
        ("loghub-hdfs-excerpt.log", 150, "", {"dfs.FSNamesystem", "dfs.DataNode$DataXceiver"}),
        (
            "loghub-thunderbird-excerpt.log",
            166,
            "tbird-admin1",
            {"ACPI", "gmetad", "ntpd", ""},
        ),
        ("loghub-mac-excerpt.log", 180, "calvisitor-10-105-160-95", {"kernel", "QQ", "sandboxd", "com.apple.cts"}),
    ],
)
def test_every_line_of_a_real_log_is_read(name: str, n: int, host: str, programs: set[str]) -> None:
    """None is rejected; hosts and programs are those of the log."""
    lines = excerpt(name)
    assert len(lines) == n
    assert host in {line.host for line in lines}
    assert programs <= {line.program for line in lines}


def test_the_lines_of_a_log_stay_in_the_order_of_their_times() -> None:
    """Nine days without a year come out in order, in the year before `now`."""
    times = [line.time for line in excerpt("auth-excerpt.log")]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (at(2017, 3, 31, 0, 13, 11), at(2017, 4, 8, 23, 17, 1))


@pytest.mark.parametrize(
    ("stamp", "now", "expected"),
    [
        ("Dec 31 23:59:59", (2018, 1, 1, 0, 0, 5), (2017, 12, 31, 23, 59, 59)),
        ("Jan  1 00:00:05", (2017, 12, 31, 23, 0, 0), (2018, 1, 1, 0, 0, 5)),
        ("Jan  1 23:30:05", (2017, 12, 31, 23, 30, 5), (2018, 1, 1, 23, 30, 5)),
        ("Jan  1 23:30:05", (2017, 12, 31, 23, 30, 4), (2017, 1, 1, 23, 30, 5)),
        ("Feb 29 12:00:00", (2019, 1, 1, 0, 0, 0), (2016, 2, 29, 12, 0, 0)),
        ("Feb 29 12:00:00", (1903, 1, 1, 0, 0, 0), (1896, 2, 29, 12, 0, 0)),
    ],
)
def test_a_date_without_a_year_is_the_latest_not_after_tomorrow(
    stamp: str, now: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """`now` + 1 day is the limit, to the second; a leap day goes back to the last leap year."""
    assert read(f"{stamp} web sshd[1]: x", at(*now)).time == at(*expected)


@given(
    st.integers(365 * 86_400, 2**32),
    st.floats(0, 363 * 86_400),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_any_moment_of_the_last_year_is_found_again(moment: int, age_s: float, name: str) -> None:
    """What is written without year and offset is read back, in its zone, when it is less than a year old."""
    zone = ZoneInfo(name)
    written = datetime.fromtimestamp(moment, zone)
    back = read(f"{written:%b %d %H:%M:%S} web sshd[1]: x", written.timestamp() + age_s, zone).time
    assert datetime.fromtimestamp(back, zone).replace(tzinfo=None, fold=0) == written.replace(tzinfo=None, fold=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", EMPTY), (" \t\r\n", EMPTY), ("hello", NO_STAMP), ("\x00" * 9, NO_STAMP),
        ("\tat java.lang.Thread", NO_STAMP),
        ("Foo 27 13:06:56 web sshd[1]: x", NO_SUCH_DATE), ("Feb 30 13:06:56 web sshd[1]: x", NO_SUCH_DATE),
        ("Mar 27 24:06:56 web sshd[1]: x", NO_SUCH_DATE), ("2017-13-01T00:00:00Z web a: x", NO_SUCH_DATE),
        ("2017-01-01T00:00:00+25:00 web a: x", NO_SUCH_DATE), ("0000-01-01T00:00:00Z web a: x", NO_SUCH_DATE),
        ("Mar 27 13:66:56 web sshd[1]: x", NO_STAMP),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(text: str, expected: str) -> None:
    """One of the constant reasons, and the beginning of the line."""
    assert expected in REASONS
    assert reason(text) == expected


PIECES = st.sampled_from(
    ["Mar 27 13:06:56 ", "<34>", "1 ", "2003-10-11T22:14:15.003Z ", "host ", "sshd[12]: ", '[a b="', '\\"', "]",
    "- ", "\x00",
     "\ud800", "\ufeff", "1131566461 2005.11.09 ", "081109 203615 148 INFO a: ",
     "[Sun Dec 04 04:47:44 2005] [error] ", "٣", "2026/11/23 10:00:00 ", "I1123 10:00:00.1 1 a.go:1] ", "stdout F ",
     "type=A msg=audit(1.2:3): ", "11/23/2026-10:00:00.1  [**] ", "23-Nov-2026 10:00:00 ", "%SYS-5-X: ", "*", "12: ",
     '10.0.0.1 - - [23/Nov/2026:10:00:00 +0000] "', '{"log":"', '","time":"2026-11-23T10:00:00Z"}', "99999999999",
     '{"__REALTIME_TIMESTAMP":"', '{"timestamp":"0001-01-01T00:00:00+23:59","event_type":"',
     "0000 ", "}", "MSWinEventLog "]
)  # fmt: skip


@given(st.one_of(st.text(st.characters()), st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=12).map("".join)))
def test_any_text_at_all_is_understood_or_rejected(text: str) -> None:
    """Nothing raises, and what comes out can be written as UTF-8."""
    line = parse(text, "test:1", NOW)
    if isinstance(line, Rejected):
        assert line.reason in REASONS
        assert len(line.text) <= 200
        line.text.encode()
    else:
        f"{line.host}{line.program}{line.message}{line.user}{line.address}".encode()


def test_long_lines_are_cut_and_take_no_longer_than_their_length_allows() -> None:
    """A megabyte of what makes regular expressions backtrack is read in a second; 5 ms are usual."""
    began_with = ["Mar 27 13:06:56 web ", "<34>1 2003-10-11T22:14:15Z h a 1 - ", "[Sun Dec 04 04:47:44 2005] ", ""]
    began_with += [
        '{"log":"',
        "10.0.0.1 - - [",
        "type=A msg=audit(1.2:3): ",
        "2026-11-23 10:00:00 ",
        "12: ",
        "*Mar  1 ",
        "<30>",
        "<30>1 - h a 1 - ",
        "fw1 ",
        "1795424400.123 1 10.0.0.1 TCP_MISS/200 ",
        "23 Nov 2026 10:00:00 ",
        "CEF:0|a|b|",
        "date=2026-11-23 time=10:00:00 ",
        "2026-11-23T10:00:00Z INFO ",
        "[2026-11-23 10:00:00][",
        "2026-11-23 10:00:00 W3SVC1 w 10.0.0.1 GET / - 443 ",
        "2026-11-23 10:00:00 UTC,",
        "<30>a=b ",
        "Mon Nov 23 10:00:00 2026 1 10.0.0.1 5 /",
    ]
    pieces = ['[a="', '\\"', "[", ":", " ", "a.", "1.1.1.", " from ", "invalid user ", " : ", "\ud800", '{"a":', "[["]
    pieces += ["Mar 27 13:06:56 h ", "Account Name: x", "%A-1-", "- ", "pid=1", "x/1.1.1.1:1"]
    pieces += ["Ab ", "][", " rt=1", "src=", " level=", "[1] ", "a|", "\t", "1 GET "]
    pieces += [
        "a=b ",
        'a="b" ',
        "user ",
        "User: ",
        " failed for ",
        "1.1.1.1.1 > ",
        "ip=1.1.1.1 ",
        "AS_REQ x@y for ",
        "a(b,",
    ]
    for piece in pieces:
        for start in began_with:
            began = time.perf_counter()
            line = parse(start + piece * (1_000_000 // len(piece)), "test:1", NOW)
            assert time.perf_counter() - began < 1
            assert isinstance(line, Rejected) or len(line.message) <= MAX_MESSAGE


def test_a_date_of_slashes_is_read_in_the_order_that_a_calendar_has() -> None:
    """Month first, and day first where that is no date or one to come; dots and dashes the other way round."""
    assert read("03/04/2017 10:00:00 x").time == at(2017, 3, 4, 10)
    assert read("30/03/2017 10:00:00 x").time == at(2017, 3, 30, 10)
    assert read("06/04/2017 10:00:00 x").time == at(2017, 4, 6, 10)
    assert read("03.04.2017 10:00:00 x").time == read("03-04-2017:10:00:00 x").time == at(2017, 4, 3, 10)
    assert reason("31/31/2017 10:00:00 x") == NO_SUCH_DATE


def test_a_clock_alone_is_of_the_last_day() -> None:
    """An hour ahead is a clock that goes fast; beyond it was yesterday."""
    assert read("11:59:59.500 [main] INFO a.B - x").time == at(2017, 4, 20, 11, 59, 59) + 0.5
    assert read("12:59:00 [main] INFO a.B - x").time == at(2017, 4, 20, 12, 59)
    assert read("13:00:01 [main] INFO a.B - x").time == at(2017, 4, 19, 13, 0, 1)
    assert reason("12:00:00 is noon") == NO_STAMP


def test_behind_a_priority_any_form_that_says_a_time_is_read() -> None:
    """Its time counts, and the priority's severity; without one it is now."""
    dated = read("<28>2017/04/19 10:00:00 [error] 5#6: *9 open failed")
    assert (dated.time, dated.program, dated.pid, dated.severity) == (at(2017, 4, 19, 10), "nginx", 5, 4)
    assert read('<30>{"time":"2017-04-19T10:00:00Z","msg":"x"}').time == at(2017, 4, 19, 10)
    assert read("<3>\x1e").message == ""
    assert read("<30>2017/04/39 10:00:00 x").time == read('<30>{"msg":"x"}').time == NOW


def test_commas_that_are_no_table_are_a_text() -> None:
    """A line feed out of quotes, which a file has none of and a document may have."""
    text = '2017-04-19 10:00:00.123 UTC,"bob","app",20,x\ry,"password'
    assert read(text).message.startswith('"bob"')


def test_a_document_without_a_text_says_all_its_fields() -> None:
    """By the path of their keys; who and from where are found in whatever object they stand."""
    line = read('{"ts":1492596000,"auth":{"user":"bob","ok":true},"request":{"remote_address":"10.1.2.3:5","n":7}}')
    assert (line.message, line.user, line.address) == (
        "auth.user=bob request.remote_address=10.1.2.3:5 request.n=7",
        "bob",
        "10.1.2.3",
    )
    assert reason('{"ts":1492596000}') == reason('{"auth":{"user":"bob"}}') == NO_STAMP


def test_a_format_that_is_named_reads_only_its_own_lines() -> None:
    """What is written in another one is rejected, with the same reasons as ever; `auto` reads them all."""
    lines = {
        "syslog": "Mar 27 13:06:56 web sshd[1]: x",
        "rfc5424": "<34>1 2003-10-11T22:14:15Z h app 1 - - x",
        "json": '{"log":"x","stream":"stdout","time":"2016-11-23T10:00:00Z"}',
        "access": '10.0.0.1 - - [23/Nov/2016:10:00:00 +0000] "GET / HTTP/1.1" 200 1',
        "plain": "2016-11-23 10:00:00 x",
    }
    for name, text in lines.items():
        assert isinstance(parse(text, "test:1", NOW, UTC, "auto"), LogLine)
        assert format_of(text) == name
        for other in lines:
            assert isinstance(parse(text, "test:1", NOW, UTC, other), LogLine) == (other == name), (name, other)
    assert set(lines) < set(FORMATS)


def test_json_that_is_broken_says_so() -> None:
    """Cut short, nested without end, or no object."""
    for text in ('{"log":"x', "{", '{"a":' * 30_000, '{"a":' + "9" * 9_999 + "}"):
        assert reason(text) == NO_JSON
    assert reason('{"log":"x","time":"yesterday"}') == NO_STAMP


def test_more_relays_than_there_are_leave_the_rest_as_it_is() -> None:
    """A line of nothing but stamps is read in its length's time, and stays a line."""
    line = read("Mar 27 13:06:56 relay " * 3_000)
    assert line.host == "relay"
