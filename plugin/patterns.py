"""Structured events to text: a message made of a document's fields, by a pattern or by the one for its kind.

A pattern is literal text and `{path}`: nothing is evaluated, so what a stranger writes into a field is only ever text.
The built-in ones say what a daemon would have written, where an ingest pipeline took its line apart, so that raw and
parsed lines share their templates. A number is a variable to every mask; where it names an event, letters stand
before it (`event4625`), which makes it a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from parsers.line import Layout
from plugin.lookup import Find, first

MISSING = "-"
"""What a field reads that is not there."""
KINDS = ("event.dataset", "event.module")
"""What says of which kind a document is; without either, only its own fields do."""
SPEAKERS = ("event.provider", *KINDS, "eventSource")
"""What stands in for a program where no field names one."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PATH = re.compile(r"[^\s.|{}]+(?:\.[^\s.|{}]+)*")


class Told(NamedTuple):
    """A message made of fields."""

    text: str
    layout: Layout | None
    """None where it is worded as its daemon would: its values are named as in the daemon's own lines."""


NOTHING = Told("", None)


class Pattern:
    """`{event.action} from {source.ip|source.address}`, compiled; of several paths the first that holds something.

    Raises:
        ValueError: it cannot be meant; says why.
    """

    def __init__(self, pattern: str) -> None:
        pieces = _PLACEHOLDER.split(pattern)  # literal, path, literal, path … literal
        if any("{" in literal or "}" in literal for literal in pieces[::2]):
            raise ValueError("has a brace without its other one; write {event.action}, and no other brace")
        if len(pieces) == 1:
            raise ValueError("names no field; write {event.action} where its value is to stand")
        named = [tuple(paths.split("|")) for paths in pieces[1::2]]
        if wrong := next((path for paths in named for path in paths if not _PATH.fullmatch(path)), None):
            raise ValueError(f"has {{{wrong}}}, which is no path: names joined by dots, without blanks")
        if "" in (path for paths in named for path in paths):
            raise ValueError("has an empty path; write {event.action}")
        self.paths = tuple(dict.fromkeys(path for paths in named for path in paths))
        self._literals = pieces[::2]
        self._finds: list[Find] = [first(paths) for paths in named]
        names = (paths[0] for paths in named)
        self._pieces = tuple(next(names) if n % 2 else piece for n, piece in enumerate(pieces))

    def told(self, document: Mapping[str, object]) -> Told:
        """The message; '' where the document holds none of the fields. Never raises, whatever the document."""
        values = [find(document).strip() for find in self._finds]
        if not any(values):
            return NOTHING
        told = (f"{value or MISSING}{literal}" for value, literal in zip(values, self._literals[1:], strict=True))
        layout = Layout(self._pieces, tuple([len(value.split()) or 1 for value in values]))
        return Told((self._literals[0] + "".join(told)).strip(), layout)


def speaker(document: Mapping[str, object]) -> str:
    """Who speaks in a document that names no program: its provider, else its dataset or module, or ''."""
    return _speaker(document)


def told(document: Mapping[str, object]) -> Told:
    """The message of a document by the built-in pattern of its kind; '' where there is none for it."""
    for rule in _rules_for(_kind(document)):
        if rule.fits(document) and (found := rule.pattern.told(document)).text:
            return found._replace(layout=None) if rule.is_wording else found
    return NOTHING


class _Rule(NamedTuple):
    """A pattern, and the documents that it is for."""

    kinds: re.Pattern[str]
    wanted: tuple[tuple[Find, re.Pattern[str]], ...]
    """What certain fields must begin with."""
    pattern: Pattern
    paths: tuple[str, ...]
    is_wording: bool = False
    """Whether its text is what the daemon itself would have written."""

    def fits(self, document: Mapping[str, object]) -> bool:
        """Whether it is for such a document of its kinds."""
        return all(begin.match(find(document)) for find, begin in self.wanted)


@lru_cache(maxsize=256)  # kinds are few, and a stranger names none
def _rules_for(of: str) -> tuple[_Rule, ...]:
    return tuple(rule for rule in _RULES if rule.kinds.fullmatch(of))


def _rule(kinds: str, wanted: Mapping[str, str], pattern: str) -> _Rule:
    compiled = Pattern(pattern)
    named = {paths: tuple(paths.split("|")) for paths in wanted}
    return _Rule(
        re.compile(kinds),
        tuple((first(named[paths]), re.compile(begin)) for paths, begin in wanted.items()),
        compiled,
        (*compiled.paths, *(path for paths in named.values() for path in paths)),
    )


_kind = first(KINDS)
_speaker = first(SPEAKERS)
_ANY, _HELD = ".*", "."
_FROM = "{source.address|source.ip}"
_PEERS = "{source.ip|source.address}:{source.port} -> {destination.ip|destination.address}:{destination.port}"


def _system_auth() -> Iterator[_Rule]:
    """What Filebeat's and Elastic Agent's pipelines for `auth.log` take out of the text, in the daemons' own words.

    Their grok leaves the blank of "invalid user " before the name: that is how such a line can still be told. A name
    that is missing was empty (sshd logs whatever it was sent), and two blanks stand where it would.
    """
    of, ssh = r"system(?:\.auth)?|", "system.auth.ssh."
    method, signed = {f"{ssh}event": _HELD, f"{ssh}method": _HELD}, {f"{ssh}signature": _HELD}
    nobody, stranger = {"user.name": r"\s*$"}, {"user.name": r"\s"}
    for who, wanted in ((" invalid user ", nobody), (" invalid user {user.name}", stranger), (" {user.name}", {})):
        said = f"{{{ssh}event}} {{{ssh}method}} for{who} from {_FROM} port {{source.port}} ssh2"
        yield _rule(of, method | wanted | signed, f"{said}: {{{ssh}signature}}")
        yield _rule(of, method | wanted, said)
    for who, wanted in ((" ", nobody), (" {user.name}", {})):
        said = f"{{{ssh}event}} user{who} from {_FROM}"
        yield _rule(of, {f"{ssh}event": _HELD, "source.port": _HELD} | wanted, f"{said} port {{source.port}}")
        yield _rule(of, {f"{ssh}event": _HELD} | wanted, said)
    dropped = f"{ssh}dropped_ip"
    yield _rule(of, {dropped: _HELD}, f"Did not receive identification string from {{{dropped}}}")
    sudo = "system.auth.sudo."
    ran = f"TTY={{{sudo}tty}} ; PWD={{{sudo}pwd}} ; USER={{{sudo}user|user.effective.name}} ; COMMAND={{{sudo}command}}"
    yield _rule(of, {f"{sudo}error": _HELD}, f"{{user.name}} : {{{sudo}error}} ; {ran}")
    yield _rule(of, {f"{sudo}command": _HELD}, f"{{user.name}} : {ran}")
    added = "home={system.auth.useradd.home}, shell={system.auth.useradd.shell}"
    user = f"new user: name={{user.name}}, UID={{user.id}}, GID={{group.id}}, {added}"
    yield _rule(of, {"system.auth.useradd.home|system.auth.useradd.shell": _HELD}, user)
    yield _rule(
        r"system\.auth", {"group.name": _HELD, "group.id": _HELD}, "new group: name={group.name}, GID={group.id}"
    )


def _hosts() -> Iterator[_Rule]:
    """Windows' channels and Linux' audit daemon."""
    data = "winlog.event_data."
    event = "{winlog.channel|winlog.provider_name|event.provider} event{winlog.event_id|event.code}"
    logon = f"logon{{{data}LogonType}} status{{{data}SubStatus|{data}Status}}"
    who = f"acct={{user.name|{data}TargetUserName|{data}User}} from {{source.ip|{data}IpAddress|{data}SourceIp}}"
    told = f"{event} {{event.action}} {{event.outcome}} {logon} {who} "
    told += f"exe={{process.executable|{data}NewProcessName|{data}Image|{data}ProcessName}}"
    channel = {"winlog.channel|winlog.provider_name": _HELD}
    for by in (channel, {"event.provider": "Microsoft-Windows-"}):
        yield _rule(_ANY, {"winlog.event_id|event.code": r"\d"} | by, told)
    log, data = "auditd.log.", "auditd.data."
    yield _rule(
        r"auditd(?:\..*)?|auditd_manager\..*",
        {},
        f"{{{log}record_type|auditd.message_type}} {{event.action}} {{event.outcome|{log}res|auditd.result}} "
        f"op={{{log}op|{data}op}} syscall{{{log}syscall|{data}syscall}} "
        f"exe={{process.executable|{log}exe}} acct={{user.name|{log}acct}} key={{{log}key|auditd.summary.key}}",
    )


def _firewalls() -> Iterator[_Rule]:
    """Packets let through or not, each by the rule that said so."""
    yield _rule(
        r"cisco(?:[._](?:asa|ftd)(?:\..*)?)?",
        {},
        "asa{cisco.asa.message_id|cisco.ftd.message_id|event.code} {event.action} {event.outcome} {network.direction} "
        f"{{network.transport}} rule {{cisco.asa.rule_name|cisco.ftd.rule_name|rule.name}} {_PEERS}",
    )
    way = "in={observer.ingress.interface.name|iptables.input_device} "
    way += "out={observer.egress.interface.name|iptables.output_device}"
    yield _rule(
        r"(?:iptables|pfsense|opnsense|pf|firewall)(?:\..*)?",
        {"source.ip|source.address|network.transport|network.type": _HELD},
        f"{{event.action}} {{network.direction}} {way} rule{{rule.id|rule.name}} "
        f"{{network.type}} {{network.transport}} {_PEERS}",
    )


def _networks() -> Iterator[_Rule]:
    """Suricata's EVE by kind of event, and Zeek's connections, as ECS and as Zeek itself names their fields."""
    of, eve = r"suricata(?:\..*)?", "suricata.eve."
    alert = f"{{{eve}alert.signature_id|rule.id}} {{{eve}alert.signature|rule.name}}"
    yield _rule(
        of,
        {f"{eve}event_type|event.kind": "alert"},
        f"alert sid{alert} {{event.action|{eve}alert.action|event.outcome}} {{network.transport}} {_PEERS}",
    )
    yield _rule(
        of,
        {f"{eve}event_type": "dns"},
        f"dns {{dns.type|{eve}dns.type}} {{dns.question.type|{eve}dns.rrtype}} {{dns.response_code|{eve}dns.rcode}} "
        f"name={{dns.question.name|{eve}dns.rrname}} {_PEERS}",
    )
    yield _rule(
        of,
        {f"{eve}event_type": "http"},
        f"http {{http.request.method|{eve}http.http_method}} status{{http.response.status_code|{eve}http.status}} "
        f"host={{url.domain|{eve}http.hostname}} {_PEERS}",
    )
    yield _rule(
        of,
        {f"{eve}event_type": _HELD},
        f"{{{eve}event_type}} {{network.protocol|{eve}app_proto}} {{network.transport|{eve}proto}} "
        f"{{{eve}flow.state}} {{{eve}flow.reason}} {_PEERS}",
    )
    start = "{source.ip|source.address|id.orig_h}:{source.port|id.orig_p}"
    yield _rule(
        r"zeek\.conn(?:ection)?",
        {},
        "conn {zeek.connection.state|conn_state} {network.protocol|service} {network.transport|proto} "
        f"{start} -> {{destination.ip|destination.address|id.resp_h}}:{{destination.port|id.resp_p}}",
    )


def _clouds() -> Iterator[_Rule]:
    """Who asked a cloud for what."""
    trail = "aws.cloudtrail."
    told = f"{{event.provider|{trail}event_source|eventSource}} {{event.action|eventName}} {{event.outcome}} "
    told += f"error={{{trail}error_code|errorCode}} by={{{trail}user_identity.type|userIdentity.type}} "
    told += f"mfa={{{trail}console_login.additional_eventdata.mfa_used|additionalEventData.MFAUsed}} "
    told += "user={user.name|user.id|userIdentity.userName} from {source.ip|source.address|sourceIPAddress}"
    yield _rule(r"aws\.cloudtrail", {}, told)
    yield _rule(_ANY, {"eventSource": _HELD, "eventName": _HELD}, told)
    yield _rule(
        r"okta\..*|okta",
        {},
        "{event.action|okta.event_type} {event.outcome|okta.outcome.result} reason={okta.outcome.reason} "
        "by={okta.actor.type} device={okta.client.device} user={user.name|okta.actor.alternate_id} "
        "from {source.ip|client.ip|okta.client.ip}",
    )


def _others() -> Iterator[_Rule]:
    """Whatever else names its events as ECS does: sign-ins, directories, mail, storage."""
    yield _rule(
        _ANY,
        {"event.action|event.code|event.category": _HELD},
        "{event.action|event.code|event.category} {event.outcome} reason={event.reason} "
        "user={user.name|user.email|user.id} from {source.ip|client.ip|source.address} "
        "to {destination.ip|destination.domain|destination.address}:{destination.port} "
        "file={file.path|file.name} url={url.domain|url.original}",
    )


_RULES = (
    *(rule._replace(is_wording=True) for rule in _system_auth()),
    *_hosts(),
    *_firewalls(),
    *_networks(),
    *_clouds(),
    *_others(),
)
"""The first that fits is taken."""
PATHS = tuple(dict.fromkeys((*SPEAKERS, *(path for rule in _RULES for path in rule.paths))))
"""Every path that a built-in pattern may look up, each once."""
