"""What the readers of every form share: patterns' pieces, severities, and how a line is put together."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple

from parsers.entities import entities
from parsers.line import LogLine

FLAGS = re.DOTALL | re.ASCII
PRI = r"(?:<(\d{1,3})>)?"
# The tag: a program with a pid, or a program and a colon. Without one the program is unknown, and all is message.
# After a pid, launchd and sandboxd of macOS write in brackets whom they speak of: that is message.
TAG = (
    r"([^\s:\[]{1,128}+)(?:\[(?:(\d{1,10})(?::\d{1,5}+)?(?=\])|[^\]\s]{0,64}+)\]"
    r"(?:(?:\([A-Za-z]{1,16}+\))?:|(?= \()|(?= (?:info|notice|warning|error|debug|fatal): ))|:(?=\s|\Z))"
)
"""A tag's groups are program and pid."""

SEVERITIES = {
    "emerg": 0, "panic": 0, "alert": 1, "crit": 2, "critical": 2, "fatal": 2, "failure": 2, "severe": 3, "error": 3,
    "err": 3, "warn": 4, "warning": 4, "notice": 5, "info": 6, "information": 6, "informational": 6, "debug": 7,
    "trace": 7, "verbose": 7,
}  # fmt: skip
"""Level names in use → syslog severity."""
CISCO = re.compile(r"%([A-Z][A-Z0-9_]{1,63}+)(?:-[A-Za-z0-9_]{1,32}?){0,3}-([0-7])-[A-Z0-9_]{1,63}+ ?: ", FLAGS)
"""`%SYS-5-CONFIG_I: `, whose facility serves as program."""

_PRIORITISED = (
    r"(?:kern|user|mail|daemon|auth|authpriv|security|syslog|lpr|news|uucp|cron|ftp|ntp|local[0-7])"
    rf"\.(emerg|panic|alert|crit|err|error|warn|warning|notice|info|debug) {TAG} *+(.*)"
)
PRIORITISED = re.compile(_PRIORITISED, FLAGS)
"""`authpriv.info dropbear[77]: message`: BusyBox writes the priority in words before the tag."""

_WORD = r"[A-Z(][\w.()+&-]{0,63}+"
SPACED_NAME = rf"{_WORD}(?: {_WORD}){{1,3}}+"
"""A name of several words, each with a capital: `Google Chrome Helper`."""
_SPACED_TAG = re.compile(
    rf"{_PRIORITISED}|"
    rf"(?:({SPACED_NAME})(?=\[)|([^\s:\[]{{1,64}}+)(?: \d{{1,9}}+\.[\d.]{{1,16}}+"
    r"| ([^\s:\[]{1,64}+)(?=\[|(?<= kernel):)))(?:\[(\d{1,10}+)\])?:(?:\s|\Z)(.*)",
    FLAGS,
)
"""`authpriv.info …`, `syslogd 1.4.1: `, `Microsoft Word[14463]: `, `notice mcpd[77]: ` and `web-01 sshd[77]: `."""

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONE = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")

Read = Callable[[re.Match[str], str, float, tzinfo], LogLine]


class Form(NamedTuple):
    """One way to write a line: the format it belongs to, how it is known, and how it is read."""

    format: str
    pattern: re.Pattern[str]
    read: Read
    starts: str = ""
    """What its lines begin with: `A` a capital, `a` a small letter, `0` a digit, or a mark; '' = anything."""

    def may_begin_with(self, char: str) -> bool:
        """Whether a line of this form may begin with this character; True where nobody knows."""
        kind = "0" if char.isdigit() else char if not char.isalpha() else "A" if char.isupper() else "a"
        return not self.starts or kind in self.starts


def writable(text: str) -> str:
    """Text that any store takes back: of surrogates a pair becomes the character it means, a lone one U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        if _PAIR.search(text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        text = text.translate(_LONE)  # a codec that replaces takes a microsecond for each
    return text


def build(
    origin: str, time: float, host: str | None, program: str | None, pid: str | None, message: str, severity: int | None
) -> LogLine:
    """The line of these parts; the user and the address are what its message says."""
    message = message.strip()
    if program is None and (found := _SPACED_TAG.match(message)):
        level, program, own_pid, own, name, first, second, pid, message = found.groups()
        if level:
            pid, message, severity = own_pid, own, SEVERITIES[level] if severity is None else severity
        if second and first in SEVERITIES:  # F5 writes the level there
            first, second, severity = second, None, SEVERITIES[first] if severity is None else severity
        if second and first[0].isalnum():  # a relay's name or address stood in front
            host, first, second = first, second, None
        program = program or name or (f"{first} {second}" if second else first)
    user, address = entities(message)
    number = int(pid) if pid else None
    # What LogLine(…) does, without the call in between: every line of every log passes here.
    return tuple.__new__(
        LogLine, (origin, time, host or "", program or "", number, message, severity, user, address, 0.0, None)
    )


def severity_of(pri: str | None) -> int | None:
    """The lower three bits of a priority; RFC 3164 knows 0…191."""
    return int(pri) % 8 if pri and int(pri) <= 191 else None


def base(program: str) -> str:
    """The last part of a program's path; `postfix/smtpd` is none."""
    return (program.rstrip("/").rpartition("/")[2] or program) if program[0] == "/" else program
