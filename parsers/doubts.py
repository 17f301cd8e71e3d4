"""What of a message may be a stranger's words, where no form of the program's own is known: it is not listened to.

Texts in quotes that hold more than a name, what another's words are announced by, a `user=` that a sentence names, keys
that are there twice. The rules are general, and linear in the message's length.
"""

from __future__ import annotations

import re

IP4 = re.compile(r"[0-9](?<![\w.].)[0-9]{0,2}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?!\w|\.\w(?!\d{0,4} > ))")
"""An IPv4 address that is no part of a longer word."""
SAID = (",", "msg=", "message=", 'msg":', 'message":', 'MESSAGE":')
"""What stands before a quote that the program's own words are in."""
_REST = re.compile(
    r"\b(?:[sS]tatement|[cC]ommand|said|User-Agent|vendor ID|Reply-Message|argument\(s\)|VERIFY \w{1,16}"
    r"|[sS]ubject name|TLS Auth Error): ?|\bapplication_name="
    r"|\b(?:database|relation|column|function|table|type|operator) \"(?=.* does not exist)"
)
"""What another's words follow, to the end."""
_CLAIM = re.compile(r" user=\S{1,255}(?: (?:from )?\d{1,3}(?:\.\d{1,3}){3})?")
_VERDICTS = frozenset((
    *("authentication", "login", "logon", "auth", "ok", "failed", "failure", "failures", "succeeded", "success"),
    *("successful", "successfully", "for", "denied", "accepted", "rejected", "refused", "granted", "blocked", "locked"),
    *("error", "attempt", "attempts", "opened", "closed", "expired", "invalid", "bad", "authenticated", "authorized"),
    *("connected", "disconnected", "session", "password", "event", "changed"),
))  # fmt: skip
"""What `user=` may follow in a sentence; behind another word it is a value: a host's name, a network's, a file's."""
_MARKS = {'"': re.compile('"'), "'": re.compile(r"'(?<!\w')|'(?!\w)")}
"""Quotes, but for apostrophes."""
_TOLD = re.compile(
    r"(?<!\\)\"(?:[^\"\\]|\\.)*+\"|(?<![^\s=(\[:,`])'[^']*+'(?!\w)|`[^`']*+'|<[^<>]*+>",
    re.DOTALL,
)
_QUOTED_PEER = re.compile(r"(?<= )['\"][\d.:a-fA-F]{7,45}['\"]\Z")
_ENDS = {mark: re.compile(rf"(?<![\s=:,(\[]){mark}(?=[\s.,;:)\]]|\Z)") for mark in _MARKS}
_TELLING = re.compile(r"=|\b(?:from|for|[uU]ser|username|by|IP|ip|client)\b(?!.?\Z)|\d\.\d{1,3}\.\d{1,3}\.\d")
"""What a name or a title does not hold, but who wants to be taken for another."""
_ENDPOINTS = re.compile(r".[\d.: ]{1,255}.\Z")
_IN_BRACKETS = re.compile(r"\[(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\]")
_PAIRS = re.compile(r"(?:\A|[\s,;|^])([A-Za-z][\w.]{1,24})=(\"[^\"]*|[^\s,;|^\"]{1,255})")
_SPACED_KEYS = ("Source Network Address: ", "username: ", " IP: ", "Uname: ", " IP = ")
_KEYS = frozenset((
    *("user", "username", "userName", "suser", "duser", "usrName", "sasl_username", "acct", "AccountID", "authid"),
    *("src", "srcip", "src_ip", "ip", "ipAddress", "IP", "rip", "rhost", "remip", "raddr"),
))  # fmt: skip
"""Keys of users and of peers, which no line has twice."""
_NAMED_AND_PLACED = re.compile(r"(?<!\S)user=\S{1,128} from (\d{1,3}(?:\.\d{1,3}){3})(?!\w|\.\w)")


def unspoken(message: str) -> str:
    """The message without what stands in quotes and has blanks in it: that is a request, a name, a title.

    Not where `msg=` opens the quote. A quote that is left over closed one of a stranger's.
    """
    if (rest := _REST.search(message)) and not message.endswith(SAID, 0, rest.start() + 1):
        message = message[: rest.start()]
    heard = _TOLD.sub(_silenced, message)
    if (claim := _CLAIM.search(heard)) and _is_anothers(heard[: claim.start()]):
        heard = heard[: claim.start()] + heard[claim.end() :]
    for mark, quotes in _MARKS.items():
        places = [found.start() for found in quotes.finditer(heard)] if mark in heard else []
        if len(places) % 2 and (last := _last_closed(heard, mark)) > places[0]:
            heard = f"{heard[: places[0]]}{mark}{mark} {heard[last:]}"
    return heard


def is_said_twice(message: str, address: str) -> bool:
    """Whether a key of users or peers has two values: one of them may be a stranger's."""
    if "=" in message:
        named = _NAMED_AND_PLACED.search(message)
        before = IP4.findall(message, 0, named.start()) if named and address in {named[1], ""} else ()
        if named and any(at != named[1] for at in before):
            return True
        if message.count("=") > 1:
            values: dict[str, str] = {}
            pairs = ((key, value) for key, value in _PAIRS.findall(message) if key in _KEYS)
            if any(values.setdefault(key, value) != value for key, value in pairs):
                return True
    return any(message.count(key) > 1 for key in _SPACED_KEYS)


def may_be_two(message: str) -> bool:
    """Whether two addresses in brackets could each be the peer's, or two ends of a tunnel its end."""
    if "]..." in message:
        return message.count("]...") > 1
    if message.count("[") < 2 or message[0] == "[" or " from [" in message or "->" in message:
        return False
    return len(set(_IN_BRACKETS.findall(message))) > 1


def _last_closed(message: str, mark: str) -> int:
    """Where the last quote closes, or what stands in it begins where that is an address and the line's end; -1."""
    ends = [found.start() for found in _ENDS[mark].finditer(message)]
    if ends and (peer := _QUOTED_PEER.search(message)):
        return peer.start()
    return ends[-1] if ends else -1


def _is_anothers(before: str) -> bool:
    """Whether a sentence that goes so far names something, which its `user=` then is."""
    words = before.split()[-2:]
    last = words.pop() if words else ""
    if last in {"for", "by"} and words:  # `denied for user=bob`, not `response for user=root.example`
        last = words.pop()
    return "=" not in before and last.isalnum() and last.lower() not in _VERDICTS


def _silenced(told: re.Match[str]) -> str:
    text = told[0]
    if (
        len(text.split(None, 1)) < 2
        or not _TELLING.search(text)
        or _ENDPOINTS.match(text)
        or told.string.endswith(SAID, 0, told.start())
    ):
        return text
    return text[0] + text[-1]
