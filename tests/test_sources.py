"""`plugin.sources`: the shapes that real documents have, and what no shape may do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.line import LogLine
from plugin.config import FieldCandidates
from plugin.lookup import sequence
from plugin.ports import Hit
from plugin.sources import Source

CLOCK = datetime(2026, 11, 23, 10, 0, 5, tzinfo=UTC).timestamp()
TEN = CLOCK - 5
FAILED = "Failed password for root from 10.1.2.3 port 50022 ssh2"

AUTH = {
    "@timestamp": "2026-11-23T10:00:00Z",
    "message": FAILED,
    "host": {"hostname": "web-01", "name": "relay-1"},
    "process": {"name": "sshd", "pid": 123},
    "user": {"name": " admin"},
    "source": {"ip": "10.9.9.9"},
    "log": {"syslog": {"severity": {"code": 6, "name": "Informational"}}},
}
THERMALD = {
    "@timestamp": "2026-11-23T10:00:00.388Z",
    "message": "constraint_0_power_limit_uw exceeded.",
    "event": {"dataset": "system.syslog", "ingested": "2026-11-23T10:00:05Z"},
    "host": {"hostname": "rmb04", "name": "relay-1"},
    "process": {"name": "thermald"},
    "log": {"file": {"path": "/var/log/syslog"}, "offset": 199},
}
RELAYED = {
    "@timestamp": "2026-11-23T10:00:00Z",
    "message": "Stopped target Default.",
    "host": {"hostname": "agent-1"},
    "log": {
        "syslog": {
            "appname": "systemd",
            "hostname": "test.lab.com",
            "procid": "153589",
            "priority": 30,
            "severity": {"code": 6, "name": "Informational"},
        }
    },
    "process": {"name": "systemd"},
}
RSYSLOG = {
    "message": f" {FAILED}",
    "fromhost": "web-01",
    "facility": "auth",
    "priority": "err",
    "timereported": "2026-11-23T10:00:00+00:00",
}
FULL_RSYSLOG = RSYSLOG | {"programname": "sshd", "procid": "123", "message": " Accepted publickey for deploy"}
RAW = {
    "@timestamp": "2026-11-23T10:00:00Z",
    "message": f"Nov 23 10:00:00 web-01 sshd[123]: {FAILED}",
    "agent": {"type": "filebeat"},
}


def hit(fields: Mapping[str, Any]) -> Hit:
    """A document as a read returns it."""
    return Hit("logs", "1", int(CLOCK * 1e9), fields)


def read(fields: Mapping[str, Any]) -> LogLine:
    """The document's line, which it must have."""
    (line,), rejected = Source("auth").read([hit(fields)])
    assert not rejected
    return line


def dotted(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The same document with literally dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        flat |= dotted(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def arrays(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same document as the `fields` of a search return it: dotted keys, every value an array."""
    return {key: [value] for key, value in dotted(document).items()}


@pytest.mark.parametrize("shape", [dict, dotted, arrays])
@pytest.mark.parametrize(
    ("document", "host", "program", "pid", "severity"),
    [
        (AUTH, "web-01", "sshd", 123, 6),
        (THERMALD, "rmb04", "thermald", None, None),
        (RELAYED, "test.lab.com", "systemd", 153_589, 6),
        (RSYSLOG, "web-01", "", None, 3),
        (FULL_RSYSLOG, "web-01", "sshd", 123, 3),
        (RAW, "web-01", "sshd", 123, None),
    ],
)
def test_documents_are_read_nested_dotted_and_as_arrays(
    shape: Any, document: Mapping[str, Any], host: str, program: str, pid: int | None, severity: int | None
) -> None:
    """The shapes that Filebeat, Elastic Agent and rsyslog write give the same line however their keys are spelt."""
    line = read(shape(document))
    assert (line.host, line.program, line.pid, line.severity) == (host, program, pid, severity)
    assert (line.origin, line.clock) == ("logs/1", CLOCK)
    assert int(line.time) == TEN


def test_keys_may_be_half_nested_and_half_dotted() -> None:
    """Ingest pipelines leave any mixture behind."""
    document = {"message": "m", "log.syslog": {"appname": "cron"}, "log": {"syslog.hostname": "web-01"}}
    line = read(document)
    assert (line.program, line.host) == ("cron", "web-01")


def test_the_first_candidate_that_holds_something_is_taken() -> None:
    """Empty texts, empty arrays, nulls, truth values and objects hold nothing."""
    for nothing in ("", [], None, [None], True, {"a": 1}):
        assert read({"message": "m", "log.syslog.appname": nothing, "process.name": "sshd"}).program == "sshd"


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_what_is_empty_hides_no_value_under_other_keys(nothing: object) -> None:
    """A dotted key without a value, or a half nested one, as a pipeline may leave it beside the object."""
    document = {"message": "m", "host.name": nothing, "host": {"name": "web"}}
    assert read(document).host == "web"
    half = {"message": "m", "log.syslog": {"appname": nothing}, "log": {"syslog.appname": "cron"}}
    assert read(half).program == "cron"


def test_of_a_list_the_first_item_that_holds_something_is_taken() -> None:
    """Nulls, empty texts, truth values and objects hold nothing."""
    assert read({"message": [None, "", True, {"a": 1}, "text", "more"], "process.name": "p"}).message == "text"
    assert read({"message": "m", "process.name": "p", "severity": [None, 0, 7]}).severity == 0


def test_the_candidates_are_settings() -> None:
    """A site with its own names says so and is read."""
    source = Source("own", FieldCandidates(message=("text",), program=("unit",)))
    (line,), _ = source.read([hit({"text": "hello", "unit": "api", "message": "not this"})])
    assert (line.message, line.program) == ("hello", "api")


@pytest.mark.parametrize(
    ("tag", "program", "pid"), [("sshd[123]:", "sshd", 123), ("cron:", "cron", None), ("app[main]", "app", None)]
)
def test_a_syslog_tag_is_program_and_pid(tag: str, program: str, pid: int | None) -> None:
    """`sshd[123]:` is what rsyslog's `syslogtag` holds."""
    line = read({"message": "m", "syslogtag": tag})
    assert (line.program, line.pid) == (program, pid)


def test_raw_and_parsed_documents_of_one_line_agree() -> None:
    """So templates, users and addresses are the same whichever way a line came."""
    raw, parsed = read(RAW), read({key: AUTH[key] for key in ("@timestamp", "message", "host", "process")})
    assert raw == parsed
    assert (raw.user, raw.address) == ("root", "10.1.2.3")


def test_fields_win_over_what_the_text_says() -> None:
    """A pipeline's own user and address are taken, trimmed of the blank that the usual grok leaves."""
    line = read(AUTH)
    assert (line.user, line.address) == ("admin", "10.9.9.9")


@pytest.mark.parametrize("document", [{}, {"message": "  "}, {"message": None}, {"event": {"original": ""}}])
def test_a_document_without_text_is_rejected(document: Mapping[str, Any]) -> None:
    """As a value with its origin and reason, not as an exception; the others are read."""
    lines, rejected = Source("auth").read([hit(document), hit(AUTH)])
    assert [(each.origin, each.reason, each.text) for each in rejected] == [("logs/1", "no text", "")]
    assert len(lines) == 1


def test_what_the_text_does_not_say_its_document_does() -> None:
    """A line without stamp or host has its document's; what it says itself counts."""
    document = {"@timestamp": "2026-11-23T10:00:00Z", "host": {"name": "fw-01"}}
    bare = read(document | {"message": "%ASA-4-106023: Deny tcp src outside:203.0.113.5/4711"})
    assert (bare.time, bare.host, bare.program, bare.address) == (TEN, "fw-01", "ASA", "203.0.113.5")
    own = read(document | {"message": "<164>Nov 23 09:00:00 fw-02 : %ASA-4-733100: drop rate-1 exceeded"})
    assert (own.time, own.host) == (TEN - 3_600, "fw-02")
    assert read(document | {"message": "<30>1 - - app 5 - - x"}).host == "fw-01"


def test_text_without_program_host_or_stamp_is_rejected() -> None:
    """Nothing says who spoke, or when."""
    lines, (rejected,) = Source("auth").read([hit({"message": "hello"})])
    assert not lines
    assert rejected.text == "hello"


WHO = [
    (
        {
            "winlog": {
                "computer_name": "ws-7.corp.example",
                "provider_name": "Microsoft-Windows-Security-Auditing",
                "event_id": "4625",
                "event_data": {"TargetUserName": "bob", "IpAddress": "10.1.2.3", "LogonType": "3"},
            },
            "message": "An account failed to log on.",
        },
        ("ws-7.corp.example", "Microsoft-Windows-Security-Auditing", "bob", "10.1.2.3"),
    ),
    (
        {
            "winlog": {
                "provider_name": "Microsoft-Windows-Sysmon",
                "event_id": 3,
                "event_data": {"User": "CORP\\bob", "SourceIp": "10.1.2.3", "Image": "C:\\x.exe"},
            },
            "host": {"name": "ws-7"},
        },
        ("ws-7", "Microsoft-Windows-Sysmon", "CORP\\bob", "10.1.2.3"),
    ),
    (
        {
            "Hostname": "dc-1",
            "SourceName": "Microsoft-Windows-Security-Auditing",
            "Message": "An account was logged on.",
            "TargetUserName": "alice",
            "IpAddress": "-",
        },
        ("dc-1", "Microsoft-Windows-Security-Auditing", "alice", ""),
    ),
    (
        {
            "eventSource": "signin.amazonaws.com",
            "eventName": "ConsoleLogin",
            "sourceIPAddress": "203.0.113.7",
            "userIdentity": {"type": "IAMUser", "userName": "eve"},
        },
        ("", "signin.amazonaws.com", "eve", "203.0.113.7"),
    ),
    (
        {
            "event": {"dataset": "azure.signinlogs", "action": "Sign-in activity", "outcome": "failure"},
            "user": {"name": "eve"},
            "source": {"ip": "203.0.113.9"},
        },
        ("", "azure.signinlogs", "eve", "203.0.113.9"),
    ),
    (
        {"kubernetes": {"node": {"name": "n1"}, "container": {"name": "api"}}, "message": "GET /health 200"},
        ("n1", "api", "", ""),
    ),
]


@pytest.mark.parametrize(("document", "who"), WHO)
def test_who_and_from_where_is_found_in_the_shapes_that_agents_write(
    document: Mapping[str, Any], who: tuple[str, str, str, str]
) -> None:
    """Winlogbeat's, nxlog's, CloudTrail's own, any event named as ECS does, containers' nodes; `-` is nobody."""
    line = read({"@timestamp": "2026-11-23T10:00:00Z", **document})
    assert (line.host, line.program, line.user, line.address) == who
    assert line.message


def test_an_applications_text_needs_no_syslog() -> None:
    """With a time of its own it is a line, under the name by which the application goes, if it says one."""
    document = {"@timestamp": "2026-11-23T10:00:00Z", "message": "user 7 logged in"}
    assert read(document)[1:6] == (TEN, "", "", None, "user 7 logged in")
    assert read(document | {"service": {"name": "shop"}, "log.logger": "c.e.Login"}).program == "shop"
    assert read(document | {"kubernetes": {"container": {"name": "web"}}}).program == "web"
    assert read(document | {"service.name": "shop", "message": "Nov 23 10:00:00 h sshd[1]: x"}).program == "sshd"


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("2026-11-23T10:00:00.388Z", TEN + 0.388),
        ("2026-11-23T11:00:00+01:00", TEN),
        ("2026-11-23T10:00:00.123456789Z", TEN + 0.123456),
        ("2026-11-23T10:00:00", TEN),
        (int(TEN * 1000), TEN),
        ("yesterday", CLOCK),
        ("0001-01-01T00:00:00+14:00", CLOCK),
        ("9999-12-31T23:59:59-14:00", CLOCK),
        (True, CLOCK),
    ],
)
def test_times_are_read_as_elasticsearch_writes_them(stamp: object, seconds: float) -> None:
    """ISO 8601 or milliseconds; where there is none that can be shown again, the polled time stands in."""
    line = read({"message": "m", "process.name": "p", "@timestamp": stamp})
    assert line.time == pytest.approx(seconds, abs=1e-5)


def test_no_text_reaches_a_line_that_no_store_would_take_back() -> None:
    """Lone surrogates, which JSON can spell, become U+FFFD, and a megabyte is cut."""
    line = read({"message": "\ud800" + "a" * 2**20, "process.name": "p\udcff", "user.name": "\ud801", "host.name": "é"})
    for text in (line.message, line.program, line.user, line.host):
        text.encode("utf-8")
    assert (line.program, line.user, line.host) == ("p\ufffd", "\ufffd", "é")
    assert len(line.message) < 2**17


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "ip", "pid"]), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["@timestamp", "message", "host", "host.name", "process", "process.pid", "process.name", "syslogtag", "severity",
     "user", "source", "source.ip", "log.syslog.severity.code"]
)  # fmt: skip


@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_any_document_is_a_line_or_rejected(document: Mapping[str, Any]) -> None:
    """No shape and no value raises."""
    lines, rejected = Source("auth").read([hit(document)])
    assert len(lines) + len(rejected) == 1


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=8), max_size=5))
def test_what_is_remembered_of_alike_documents_changes_nothing(documents: list[Mapping[str, Any]]) -> None:
    """Whether or not there is room to remember where the parts of such documents are found."""
    hits = [hit(document) for document in [*documents, *documents]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plugin.sources.MAX_SHAPES", 1)
        crowded = Source("auth").read(hits)
    assert Source("auth").read(hits) == crowded


PLACES: list[tuple[dict[str, Any], tuple[int, int]]] = [
    ({"@timestamp": "2026-11-23T10:00:00.123456Z", "log": {"offset": 7}}, (456_000, 7)),
    ({"@timestamp": "2026-11-23T10:00:00,1234567+01:00", "event.sequence": "8"}, (456_700, 8)),
    ({"@timestamp": ["2026-11-23T10:00:00.1234Z"], "event": {"sequence": [9, 1]}, "log": {"offset": 7}}, (400_000, 9)),
    ({"@timestamp": 1_795_435_200_000, "log": {"offset": -1}}, (0, 0)),
    ({"event": {"sequence": "9" * 5_000}, "log": {"offset": True}}, (0, 0)),
    ({"event": {"sequence": 10**30}}, (0, 0)),
]


@pytest.mark.parametrize(("document", "place"), PLACES)
def test_a_document_says_its_place_among_those_of_its_millisecond(
    document: Mapping[str, Any], place: tuple[int, int]
) -> None:
    """By the rest of its stamp's fraction, then by its number; one that no log has is none, and stops nothing."""
    assert sequence(document) == place


def looked_up(document: Mapping[str, Any], path: str) -> Any:
    """The value at a path, word by word as the rule says it: the whole key first, then every place to cut it."""
    if value := document.get(path):
        return value
    for at in (at for at, char in enumerate(path) if char == "."):
        below = document.get(path[:at])
        if isinstance(below, Mapping) and (value := looked_up(below, path[at + 1 :])):
            return value
    return None


def test_an_object_torn_into_a_list_reads_as_one() -> None:
    """As a server that puts documents together again gives back dotted keys: the first that holds something counts."""
    torn = {"process": [{"name": "sshd"}, {"pid": 123}, {"name": "x"}, "y"], "log": [{"syslog.severity.code": 6}, {}]}
    assert Source("auth").read([hit(AUTH | torn)]) == Source("auth").read([hit(AUTH)])


PARTS = st.sampled_from(["a", "b", "c", "a.b", "b.c", "a.b.c"])
TREES = st.recursive(
    st.none() | st.text("xyz", min_size=1), lambda inner: st.dictionaries(PARTS, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(PARTS, TREES, max_size=4), PARTS, PARTS)
def test_paths_prepared_once_find_what_a_plain_search_finds(
    document: Mapping[str, Any], first: str, second: str
) -> None:
    """However keys are nested, dotted or both, and whichever of two candidates holds something."""
    source = Source("own", FieldCandidates(message=("message",), program=(first, second)))
    lines, _ = source.read([hit({"message": "m", "host": "web-01"} | document)])
    found = [value for path in (first, second) if isinstance(value := looked_up(document, path), str)]
    assert [line.program for line in lines] == [found[0] if found else ""]
