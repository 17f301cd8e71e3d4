"""Lines in which a stranger has a say: a name he tries, a request, a command, a query.

He may write `user=root from 10.0.0.1` there. Of these lines only that is read which stands where the program writes it
itself: before his words or, where nothing of his can be taken for it, behind them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

CLIENT = (
    r"(?:(?P<host>[^\s\[{:]{1,255}+):\d{1,5}+ )?(?P<address>[^\s\[{,]{1,255}+)(?:, ?[^\s\[{,]{1,255}+){0,8}+ \S{1,255}+"
    r" (?:\"?-\"?(?= \[)|\"?(?P<user>[^\[]{1,255}?)\"?) \["
)
"""What a web server's access line begins with, up to its date: `www:80 10.0.0.5, 10.0.0.6 - bob [`."""

_PEER = r"(?:::ffff:(?=\d))?(?P<address>[\da-fA-F.:]{1,44}[\da-fA-F])"
_HOST = r"(?:::ffff:(?=\d))?(?P<address>(?!UNKNOWN )[^\s,;]{1,255})"
_NOBODY, _NOWHERE = "(?P<user>)", "(?P<address>)"
"""Both groups are in each pattern, for they are asked for together."""

# sshd's. A greedy name leaves the last address and port to the program.
_TO_THE_END = r" port \d{1,5}(?: ssh\d)?(?::.*| \[preauth\]|)\Z"
_TRIED = (
    r"(?:(?:Failed|Accepted|Postponed|Partial) [\w/-]{1,64} for |error: maximum authentication attempts exceeded for )"
    rf"(?:(?:invalid|illegal) user |<invalid username>)?(?P<user>.{{0,128}}) from {_HOST}{_TO_THE_END}"
)
_INVALID = (  # webmin's too
    rf"Invalid (?:user|login as) (?!name(?:/password| [\"']))(?P<user>.{{0,128}}) from {_PEER}(?:{_TO_THE_END}|\Z)"
)
_REFUSED = rf"error: PAM: [A-Z][\w ]{{1,64}} for (?:illegal user )?(?P<user>.{{0,128}}) from {_HOST}\Z"
_LEFT = (
    r"(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) "
    rf"(?:(?:(?:invalid|authenticating) )?user (?P<user>.{{0,128}}) )?{_HOST}{_TO_THE_END}"
)
_TOLD = rf"(?:Received disconnect from|Unable to negotiate with) {_PEER}(?: port \d{{1,5}})?:{_NOBODY}"
_GREETED = rf"Bad protocol version identification '.*' from {_PEER} port \d{_NOBODY}"
_NASTY = rf'Nasty PTR record ".*" is set up for {_PEER}, ignoring{_NOBODY}'

_SESSION = (
    r"pam_\w{1,32}\([^()]{1,128}\): session (?:opened|closed) for user (?P<user>[^\s(]{1,128})(?:\(uid=\d{1,10}\))?"
    rf"(?: by .*)?\Z{_NOWHERE}"
)
_FAILURE = (
    r"(?:pam_\w{1,32}\([^()]{1,128}\): )?authentication failure; logname=\S{0,128} uid=\d{1,10} euid=\d{1,10}"
    rf" tty=\S{{0,128}} ruser=\S{{0,128}} rhost=(?:{_HOST})?(?: {{1,2}}user=(?P<user>.{{0,128}}))?\Z"
)
_RSYNC = rf"auth failed on module \S{{1,128}} from \S{{1,255}} \({_PEER}\)(?: for (?P<user>[^\s:]{{1,128}}))?: "
_PHPMYADMIN = rf"user denied: (?P<user>.{{0,128}}) \([\w-]{{1,32}}\) from {_PEER}\Z"
_BIND = rf"(?:[a-z-]{{1,32}}: [a-z]{{1,16}}: )?client (?:@0x[\da-f]{{1,16}} )?{_PEER}#\d{_NOBODY}"
_DOVECOT = rf"[^<]{{1,200}}: user=<(?P<user>.*)>(?:, method=[\w-]{{1,32}})?, rip={_PEER}, lip="
_LEASE = (  # dhcpd's, before the name that the client gave itself
    rf"DHCP[A-Z]{{3,8}} (?:for|on) {_PEER} (?:\([\d.]{{7,15}}\) )?(?:from|to) [\da-fA-F:]{{11,17}} \({_NOBODY}"
)
_OUTBOUND = (  # Cisco ASA's, from the side it names last
    rf"%\w{{3}}-\d-\d{{6}}: Built outbound .{{0,400}}?(?: to [^\s:]{{1,64}}:| laddr ){_PEER}/\d{{1,5}}"
    r"(?: ?\([^()]{0,128}\))?(?: ?\((?P<user>[^()]{1,128})\))?"
)
_AUDIT = r"(?:node=\S{1,255} )?type="
_AUDIT_WORDS = (  # what was run and opened, in the words of who did it
    rf"{_AUDIT}(?:EXECVE|PROCTITLE|PATH|CWD|SYSCALL|TTY|USER_TTY|USER_CMD) "
    rf"(?:.*\bAUID=\"(?!unset\")(?P<user>[^\"]{{1,128}})\")?{_NOWHERE}"
)
_AUDIT_READ = (  # a name without quotes is in hexadecimal, but for `ausearch -i`
    rf"{_AUDIT}\S{{1,64}} .*?msg='op=.*? acct=(?:\"|(?!(?:[\dA-F]{{2}}){{1,64}}[ ']))(?P<user>[^\s\"']{{1,128}})"
    rf"(?:.* addr={_PEER} )?"
)

_SUDO = rf"(?P<user>[^\s:]{{1,128}}) : (?:\(command continued\)|(?:[^=;]{{1,128}} ; )?(?:TTY|HOST|PWD)=){_NOWHERE}"
_DOAS = rf"(?P<user>[^\s:]{{1,128}})(?: ran command |: Executing command \[){_NOWHERE}"  # and pkexec
_CRON = rf"\((?P<user>[^\s()*]{{1,128}})\) CMD(?:OUT|END)? \({_NOWHERE}"
_NGINX = (  # behind a path, but not in its quotes, and before the request
    r'(?:\*\d{1,20} )?(?:user "(?P<user>[^"]{1,128})")?'
    rf'(?:(?:[^",]++|"[^"]*+"|,(?! client: ))*+|.*?), client: {_PEER}(?=,|\Z)'
)
_APACHE = (  # an address of IPv6 is without a port only where it is sure to have one
    r"(?:\(\d{1,5}\)[^\[\]:]{1,80}: )?\[client (?P<address>\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F:]{2,45}?"
    r"(?=\]|:\d{1,5}\] AH\d))(?::\d{1,5})?\] (?:AH\d{5}: )?"
    r"(?:(?:\w{1,32} \w{1,32}: )?user (?P<user>\S{1,128}?)(?::? authentication fail(?:ure|ed)| not found: ))?"
)
_DATE = r"\d\d/[A-Z][a-z]{2}/\d{4}[: ]\d\d:"
_ACCESS = rf"(?=\S{{0,255}}[.:]){CLIENT}{_DATE}"
_HAPROXY = rf"{_PEER}:\d{{1,5}} \[{_DATE}{_NOBODY}"
_QUEUED = r"(?:(?:[\dA-Za-z]{5,20}|NOQUEUE|warning): ){0,2}"  # Postfix, which names a client before it quotes him …
_CLIENT = rf" from [^\s\[\]]{{1,255}}\[{_PEER}\]"
_POSTFIX = (
    rf"{_QUEUED}(?:[a-z_]{{1,16}}: )?(?!(?:[\w-]{{1,32}} ){{0,4}}(?:user|for|as) )"
    rf"[\w-]{{1,32}}(?: [\w-]{{1,32}}){{0,4}}{_CLIENT}:(?:.* sasl_username=<?(?P<user>[^\s,<>]{{1,128}})>?\Z)?"
)
_HEADER = rf"{_QUEUED}[a-z]{{1,16}}: (?:header|body) .*{_CLIENT}; from=<{_NOBODY}"  # … but for a header's words
_GIN = rf"\| \d{{3}} \|[^|]{{1,40}}\| {{1,20}}{_PEER} \|{_NOBODY}"
_PROFTPD = rf"\S{{1,255}} \(\S{{1,255}}\[{_PEER}\]\)(?:(?: -|:) USER (?P<user>\S{{1,128}}?)(?::| \())?"
_SAMBA = (
    r"(?P<user>[A-Za-z_][\w.\\$@-]{0,127})\|(?P<address>\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F]{0,4}:[\da-fA-F:]{1,40})\|"
    r"(?:[^|]{0,255}\|){0,4}(?:ok|fail)\b"
)

_Match = Callable[[str], re.Match[str] | None]


def _forms(*patterns: str) -> tuple[_Match, ...]:
    return tuple(re.compile(pattern, re.DOTALL).match for pattern in patterns)


_BEGINNINGS: dict[str, tuple[_Match, ...]] = {
    beginning: forms
    for beginnings, forms in (
        (("Fail", "Acce", "Post", "Part", "erro"), _forms(_TRIED, _REFUSED)),
        (("Inva",), _forms(_INVALID)),
        (("Conn", "Disc"), _forms(_LEFT)),
        (("Rece", "Unab"), _forms(_TOLD)),
        (("Bad ",), _forms(_GREETED)),
        (("Nast",), _forms(_NASTY)),
        (("pam_", "auth"), _forms(_SESSION, _FAILURE, _RSYNC)),
        (("user",), _forms(_PHPMYADMIN)),
        (("clie", "quer", "secu"), _forms(_BIND)),
        (("imap", "pop3", "subm", "mana"), _forms(_DOVECOT)),
        (("DHCP",), _forms(_LEASE)),
        (("%ASA", "%FTD"), _forms(_OUTBOUND)),
        (("type", "node"), _forms(_AUDIT_WORDS, _AUDIT_READ)),
    )
    for beginning in beginnings
}
"""By the first letters of the messages: one look-up for all of them."""
_ELSEWHERE: tuple[tuple[str, tuple[tuple[str, _Match], ...]], ...] = tuple(
    (sign, tuple((marker, re.compile(pattern, re.DOTALL).match) for marker, pattern in forms))
    for sign, forms in (
        (" : ", ((" : ", _SUDO),)),
        ("/", ((" command ", _DOAS),)),
        ("(", ((") CMD", _CRON),)),
        ("*", ((", client: ", _NGINX),)),
        ("|", (("|", _SAMBA), (" | ", _GIN))),
        (
            "[",
            (
                ("[client ", _APACHE),
                ("/20", _ACCESS),
                ("/20", _HAPROXY),
                ("]: ", _POSTFIX),
                ("]; from=<", _HEADER),
                ("])", _PROFTPD),
            ),
        ),
    )
)
"""By a sign, then by a word, that those have which begin anyhow: a search costs ten times as much, or thirty."""


def fenced(message: str) -> re.Match[str] | None:
    """What such a line says itself, as `user` and `address`; None for any other line."""
    for form in _BEGINNINGS.get(message[:4], ()):
        if found := form(message):
            return found
    for sign, forms in _ELSEWHERE:
        if sign in message:
            for marker, form in forms:
                if marker in message and (found := form(message)):
                    return found
    return None
