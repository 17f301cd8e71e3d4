"""`plugin.patterns`: documents of fields as one line of text, in the words of who took the line apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.line import LogLine
from parsers.masks import Masks
from parsers.syslog import parse
from plugin import patterns
from plugin.config import load
from plugin.errors import ConfigError
from plugin.patterns import Pattern
from plugin.ports import Hit
from plugin.sources import Source

DATA = Path(__file__).parent / "data"
SSH = {"event.dataset": "system.auth", "process.name": "sshd", "process.pid": 123, "host.hostname": "web-01"}
PEER = {"source.ip": "10.1.2.3", "source.address": "10.1.2.3", "source.port": 50022}
FLOW = {"source.ip": "10.1.2.3", "source.port": 50022, "destination.ip": "10.9.0.1", "destination.port": 443}


def read(fields: Mapping[str, Any], text: str = "") -> LogLine:
    """The document's line, which it must have."""
    (line,), rejected = Source("any", text=text).read([Hit("logs", "1", 10**18, fields)])
    assert not rejected
    return line


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The same document with nested keys."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *above, last = path.split(".")
        below = tree
        for key in above:
            below = below.setdefault(key, {})
        below[last] = value
    return tree


def arrays(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The same document as the `fields` of a search return it."""
    return {path: [value] for path, value in flat.items()}


AUTH = [
    (
        {"system.auth.ssh.event": "Failed", "system.auth.ssh.method": "password", "user.name": "root", **PEER},
        "Failed password for root from 10.1.2.3 port 50022 ssh2",
    ),
    (
        {"system.auth.ssh.event": "Failed", "system.auth.ssh.method": "password", "user.name": " admin", **PEER},
        "Failed password for invalid user admin from 10.1.2.3 port 50022 ssh2",
    ),
    (
        {"system.auth.ssh.event": "Accepted", "system.auth.ssh.method": "publickey", "user.name": "deploy", **PEER}
        | {"system.auth.ssh.signature": "RSA SHA256:39:33:99"},
        "Accepted publickey for deploy from 10.1.2.3 port 50022 ssh2: RSA SHA256:39:33:99",
    ),
    (
        {"system.auth.ssh.event": "Invalid", "user.name": "test", "source.ip": "10.1.2.3"},
        "Invalid user test from 10.1.2.3",
    ),
    (
        {"system.auth.ssh.event": "Invalid", "user.name": "test", **PEER},
        "Invalid user test from 10.1.2.3 port 50022",
    ),
    ({"system.auth.ssh.dropped_ip": "10.1.2.3"}, "Did not receive identification string from 10.1.2.3"),
    (
        {"user.name": "alice", "system.auth.sudo.tty": "pts/0", "system.auth.sudo.pwd": "/home/alice"}
        | {"system.auth.sudo.user": "root", "system.auth.sudo.command": "/bin/ls -l /root"},
        "alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/ls -l /root",
    ),
    (
        {"user.name": "eve", "system.auth.sudo.error": "user NOT in sudoers", "system.auth.sudo.tty": "pts/1"}
        | {"system.auth.sudo.pwd": "/", "user.effective.name": "root", "system.auth.sudo.command": "/bin/sh"},
        "eve : user NOT in sudoers ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
    ),
    (
        {"user.name": "toor", "user.id": "0", "group.id": "0", "system.auth.useradd.home": "/root"}
        | {"system.auth.useradd.shell": "/bin/sh"},
        "new user: name=toor, UID=0, GID=0, home=/root, shell=/bin/sh",
    ),
    ({"group.name": "ops", "group.id": 1001}, "new group: name=ops, GID=1001"),
]
"""What the pipeline for `auth.log` leaves of a line, and the line."""

OTHERS = [
    (
        {"event.code": "4625", "winlog.event_id": 4625, "winlog.channel": "Security", "event.action": "logon-failed"}
        | {"event.outcome": "failure", "winlog.event_data.LogonType": "3", "winlog.event_data.SubStatus": "0xc000006a"}
        | {"user.name": "Administrator", "source.ip": "10.1.2.3", "winlog.computer_name": "dc01.lan"}
        | {"winlog.provider_name": "Microsoft-Windows-Security-Auditing"},
        ("dc01.lan", "Microsoft-Windows-Security-Auditing", "Administrator", "10.1.2.3"),
        "Security event4625 logon-failed failure logon3 status0xc000006a acct=Administrator from 10.1.2.3 exe=-",
    ),
    (
        {"event.code": "4720", "event.provider": "Microsoft-Windows-Security-Auditing", "event.outcome": "success"}
        | {"event.action": "added-user-account", "user.name": "eve", "host.name": "dc01"},
        ("dc01", "Microsoft-Windows-Security-Auditing", "eve", ""),
        "Microsoft-Windows-Security-Auditing event4720 added-user-account success logon- status- acct=eve from - exe=-",
    ),
    (
        {"event.dataset": "auditd.log", "auditd.log.record_type": "USER_LOGIN", "event.action": "user_login"}
        | {"event.outcome": "failure", "auditd.log.op": "login", "process.executable": "/usr/sbin/sshd"}
        | {"auditd.log.acct": "root", "host.name": "web-01"},
        ("web-01", "auditd.log", "", ""),
        "USER_LOGIN user_login failure op=login syscall- exe=/usr/sbin/sshd acct=root key=-",
    ),
    (
        {"event.dataset": "iptables.log", "event.action": "drop", "iptables.input_device": "eth0"}
        | {"network.transport": "tcp", "network.type": "ipv4", "observer.name": "fw-1", **FLOW},
        ("fw-1", "iptables.log", "", "10.1.2.3"),
        "drop - in=eth0 out=- rule- ipv4 tcp 10.1.2.3:50022 -> 10.9.0.1:443",
    ),
    (
        {"event.dataset": "pfsense.log", "event.provider": "filterlog", "event.action": "block", "rule.id": "1000104"}
        | {"network.direction": "inbound", "network.transport": "udp", "observer.ingress.interface.name": "igb1"}
        | {"network.type": "ipv4", "observer.name": "pf", **FLOW},
        ("pf", "filterlog", "", "10.1.2.3"),
        "block inbound in=igb1 out=- rule1000104 ipv4 udp 10.1.2.3:50022 -> 10.9.0.1:443",
    ),
    (
        {"event.dataset": "cisco_asa.log", "cisco.asa.message_id": "106023", "event.action": "firewall-rule"}
        | {"event.outcome": "failure", "network.transport": "tcp", "network.direction": "inbound"}
        | {"cisco.asa.rule_name": "outside_in", "observer.hostname": "asa-1", **FLOW},
        ("asa-1", "cisco_asa.log", "", "10.1.2.3"),
        "asa106023 firewall-rule failure inbound tcp rule outside_in 10.1.2.3:50022 -> 10.9.0.1:443",
    ),
    (
        {"event.dataset": "suricata.eve", "suricata.eve.event_type": "alert", "event.action": "allowed"}
        | {"suricata.eve.alert.signature_id": 2001219, "network.transport": "tcp", "host.name": "ids", **FLOW}
        | {"suricata.eve.alert.signature": "ET SCAN Potential SSH Scan"},
        ("ids", "suricata.eve", "", "10.1.2.3"),
        "alert sid2001219 ET SCAN Potential SSH Scan allowed tcp 10.1.2.3:50022 -> 10.9.0.1:443",
    ),
    (
        {"event.dataset": "suricata.eve", "suricata.eve.event_type": "dns", "dns.type": "query"}
        | {"dns.question.type": "TXT", "dns.question.name": "a.example.com", **FLOW},
        ("", "suricata.eve", "", "10.1.2.3"),
        "dns query TXT - name=a.example.com 10.1.2.3:50022 -> 10.9.0.1:443",
    ),
    (
        {"event.module": "suricata", "suricata.eve.event_type": "http", "http.request.method": "GET"}
        | {"http.response.status_code": 404, "url.domain": "example.com", **FLOW},
        ("", "suricata", "", "10.1.2.3"),
        "http GET status404 host=example.com 10.1.2.3:50022 -> 10.9.0.1:443",
    ),
    (
        {"event.dataset": "suricata.eve", "suricata.eve.event_type": "flow", "network.protocol": "tls"}
        | {"network.transport": "tcp", "suricata.eve.flow.state": "closed", "suricata.eve.flow.reason": "timeout"}
        | FLOW,
        ("", "suricata.eve", "", "10.1.2.3"),
        "flow tls tcp closed timeout 10.1.2.3:50022 -> 10.9.0.1:443",
    ),
    (
        {"event.dataset": "zeek.connection", "zeek.connection.state": "SF", "network.protocol": "dns"}
        | {"network.transport": "udp", "observer.hostname": "sensor", **FLOW},
        ("sensor", "zeek.connection", "", "10.1.2.3"),
        "conn SF dns udp 10.1.2.3:50022 -> 10.9.0.1:443",
    ),
    (
        {"event.dataset": "zeek.conn", "conn_state": "S0", "proto": "tcp", "id.orig_h": "10.1.2.3"}
        | {"id.orig_p": 1024, "id.resp_h": "10.9.0.1", "id.resp_p": 22},
        ("", "zeek.conn", "", "10.1.2.3"),
        "conn S0 - tcp 10.1.2.3:1024 -> 10.9.0.1:22",
    ),
    (
        {"event.dataset": "aws.cloudtrail", "event.provider": "signin.amazonaws.com", "event.action": "ConsoleLogin"}
        | {"event.outcome": "failure", "aws.cloudtrail.user_identity.type": "Root", "source.ip": "10.1.2.3"}
        | {"aws.cloudtrail.user_identity.arn": "arn:aws:iam::1:root"},
        ("", "signin.amazonaws.com", "arn:aws:iam::1:root", "10.1.2.3"),
        "signin.amazonaws.com ConsoleLogin failure error=- by=Root mfa=- user=- from 10.1.2.3",
    ),
    (
        {"event.dataset": "okta.system", "event.action": "user.session.start", "event.outcome": "failure"}
        | {"okta.outcome.reason": "INVALID_CREDENTIALS", "okta.actor.type": "User", "okta.client.device": "Computer"}
        | {"okta.actor.alternate_id": "alice@example.com", "client.ip": "10.1.2.3"},
        ("", "okta.system", "alice@example.com", "10.1.2.3"),
        "user.session.start failure reason=INVALID_CREDENTIALS by=User device=Computer user=alice@example.com "
        "from 10.1.2.3",
    ),
]
"""Documents as their modules write them; who speaks and of whom; the line."""


@pytest.mark.parametrize("shape", [dict, nested, arrays])
@pytest.mark.parametrize(("fields", "line"), AUTH, ids=lambda value: value[:24] if isinstance(value, str) else "")
def test_what_a_pipeline_took_out_of_auth_log_is_said_again(shape: Any, fields: Mapping[str, Any], line: str) -> None:
    """In the daemon's own words, however the keys are spelt."""
    found = read(shape({**SSH, **fields}))
    assert found.message == line
    assert (found.host, found.program, found.pid) == ("web-01", "sshd", 123)


@pytest.mark.parametrize("shape", [dict, nested, arrays])
@pytest.mark.parametrize(("fields", "who", "line"), OTHERS, ids=[line[:20] for _, _, line in OTHERS])
def test_structured_events_read_as_one_line(
    shape: Any, fields: Mapping[str, Any], who: tuple[str, str, str, str], line: str
) -> None:
    """Windows, auditd, firewalls, Suricata, Zeek, clouds: each by the pattern of its kind, what is missing as `-`."""
    found = read(shape(fields))
    assert found.message == line
    assert (found.host, found.program, found.user, found.address) == who


@pytest.mark.parametrize(("fields", "line"), [(fields, line) for fields, _, line in OTHERS])
def test_what_names_an_event_survives_the_masks(fields: Mapping[str, Any], line: str) -> None:
    """Event ids, message ids and signatures tell events apart; addresses and ports do not."""
    masked = Masks.default().mask(line)
    for path in ("winlog.event_id", "cisco.asa.message_id", "suricata.eve.alert.signature_id", "event.action"):
        assert str(fields.get(path, "")) in masked
    assert "10.1.2.3" not in masked


GROKS = (
    r"(?P<system_auth_ssh_event>Accepted|Failed) (?P<system_auth_ssh_method>\S+) for (?:invalid user)?"
    r"(?P<user_name>.*?) from (?P<source_address>\S+) port (?P<source_port>\d+) ssh2"
    r"(?:: (?P<system_auth_ssh_signature>.+))?",
    r"(?P<system_auth_ssh_event>Invalid) user (?P<user_name>.*?) from (?P<source_address>\S+)"
    r"(?: port (?P<source_port>\d+))?",
    r"Did not receive identification string from (?P<system_auth_ssh_dropped__ip>\S+)",
    r"(?P<user_name>\S+) : (?:(?P<system_auth_sudo_error>.+?) ; )?TTY=(?P<system_auth_sudo_tty>\S+) ;"
    r" PWD=(?P<system_auth_sudo_pwd>\S+) ; USER=(?P<system_auth_sudo_user>\S+) ;"
    r" COMMAND=(?P<system_auth_sudo_command>.+)",
    r"new user: name=(?P<user_name>\S+), UID=(?P<user_id>\d+), GID=(?P<group_id>\d+),"
    r" home=(?P<system_auth_useradd_home>\S+), shell=(?P<system_auth_useradd_shell>\S+)",
    r"new group: name=(?P<group_name>\S+), GID=(?P<group_id>\d+)",
)
"""The patterns of Filebeat's pipeline for `auth.log`; groups spell a dot `_` and `_` itself `__`."""


def taken_apart(line: LogLine) -> dict[str, Any] | None:
    """A line as the pipeline stores it, without its text; None where no pattern of it matches."""
    for grok in GROKS:
        if found := re.fullmatch(grok, line.message):
            values = {_path(group): value for group, value in found.groupdict().items() if value is not None}
            return {"event.dataset": "system.auth", "process.name": line.program, **values}
    return None


def _path(group: str) -> str:
    return group.replace("__", "\0").replace("_", ".").replace("\0", "_")


@pytest.mark.parametrize("name", ["auth-excerpt.log", "loghub-openssh-excerpt.log", "loghub-linux-excerpt.log"])
def test_raw_and_parsed_forms_of_a_line_give_one_template(name: str) -> None:
    """Every line of real logs that the pipeline takes apart is masked to the same text as the line itself."""
    masks, n = Masks.default(), 0
    for number, text in enumerate((DATA / name).read_text(encoding="utf-8").splitlines()):
        line = parse(text, f"{name}:{number}", 1.5e9)
        if isinstance(line, LogLine) and (document := taken_apart(line)):
            rebuilt = read(document)
            assert masks.mask(rebuilt.message) == masks.mask(line.message)
            assert rebuilt.user == line.user
            n += 1
    assert n > 20 or name == "loghub-linux-excerpt.log"


def test_a_sources_own_pattern_makes_its_messages() -> None:
    """Whatever text a document has besides; literals stand as written, and what is missing reads `-`."""
    text = "{event.action} {event.outcome|status} to port{destination.port}"
    fields = {"message": "not this", "event": {"action": " login "}, "status": ["ok", "late"], "host.name": "web-01"}
    assert read(fields, text).message == "login ok to port-"
    assert read(fields | {"destination.port": 22}, text).message == "login ok to port22"


def test_documents_that_hold_none_of_the_fields_are_rejected() -> None:
    """A line of nothing but `-` would say nothing, with a source's own pattern or without one."""
    for text, fields in (("{event.action}", {"message": "m"}), ("", {"event.dataset": "aws.cloudtrailx"})):
        lines, rejected = Source("any", text=text).read([Hit("logs", "1", 1, fields)])
        assert (lines, [each[:3] for each in rejected]) == ([], [("logs/1", "no text", "")])


def test_text_that_is_json_is_no_text_where_there_is_a_pattern() -> None:
    """A structured event that an agent kept in `event.original` reads by its fields; other JSON stays as it is."""
    flow = {**OTHERS[6][0], "event.original": '{"event_type":"alert"}'}
    assert read(flow).message == OTHERS[6][2]
    assert read({"message": '{"a": 1}', "process.name": "app"}).message == '{"a": 1}'


def test_values_are_only_ever_text() -> None:
    """Braces, format specifications and attributes in a field are written as they are."""
    for value in ("{event.outcome}", "{0.__class__}", "%s", "{{}}", "}{"):
        assert read({"a": value, "event.outcome": "no"}, "x {a}").message == f"x {value}"


@pytest.mark.parametrize("text", ["{a", "a}", "{{a}}", "{}", "{a|}", "{a b}", "{a..b}", "{a.}", "no field"])
def test_a_bad_pattern_is_one_fault_with_its_key_path(text: str, tmp_path: Path) -> None:
    """Told when the settings are read, not when the first document comes."""
    file = tmp_path / "settings.toml"
    file.write_text(f"[sources.fw]\nindices = ['x']\ntext = '{text}'", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    (fault,) = caught.value.faults
    assert "sources.fw.text: " in fault


def test_every_path_of_a_pattern_is_asked_for() -> None:
    """What a search leaves out of a document cannot be read from it."""
    own = Source("fw", text="{a.b|c} {d}")
    assert {"a.b", "c", "d", "message", "event.dataset"} <= set(own.paths)
    assert "okta.client.device" not in own.paths
    asked = set(Source("any").paths)
    for fields, *_ in (*AUTH, *OTHERS):
        spare = {"event.code", "source.port", "destination.port", "destination.ip"}
        assert set(fields) <= asked | spare


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", " ", "é", "\ud800", "alert", "Failed", "7"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=3,
)
KINDS = st.sampled_from(
    ["system.auth", "auditd.log", "iptables.log", "suricata.eve", "zeek.conn", "okta.system", "cisco"]
)


@given(st.dictionaries(st.sampled_from(patterns.PATHS), VALUES, max_size=12), KINDS)
def test_any_document_is_a_line_or_rejected(fields: Mapping[str, Any], of: str) -> None:
    """No value of any field that a pattern looks at raises."""
    lines, rejected = Source("any").read([Hit("logs", "1", 1, {"event.dataset": of, **fields})])
    assert len(lines) + len(rejected) == 1
    assert all(line.message.strip() for line in lines)


@given(st.text(st.sampled_from("{}a.| -é"), max_size=12), VALUES)
def test_any_pattern_is_compiled_or_refused(text: str, value: object) -> None:
    """Nothing else can come of it; and what is compiled makes text of any document."""
    try:
        pattern = Pattern(text)
    except ValueError:
        return
    assert isinstance(pattern.told({"a": value}).text, str)
