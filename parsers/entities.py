"""Who and from where: the user and the peer address that a message speaks of.

Only forms that name a user or an address for certain are read; a wrong name is worse than none. Where a stranger can
write into a message (a user name of `x from 10.0.0.1`), the last `from` counts: it is the program's own.
"""

from __future__ import annotations

import re
from socket import AF_INET, AF_INET6, inet_pton

MAX_CHARS = 4_096
"""How far a message is read: names stand near its beginning, and the time per message is to have a bound."""

_Forms = tuple[tuple[str, re.Pattern[str]], ...]


def _forms(*forms: tuple[str, str]) -> _Forms:
    return tuple((marker, re.compile(pattern)) for marker, pattern in forms)


# Every line passes here, and a substring test costs a tenth of a search: each group is opened by a word, each pattern
# tried only where its marker is, and a pattern that begins with plain characters is found at the speed of `memchr`.
_USERS: tuple[tuple[str, _Forms], ...] = (
    (
        "user",
        _forms(
            ("nvalid user ", r"nvalid user (.{0,128}) from "),  # sshd
            ("nvalid user ", r"nvalid user (.{0,128}) [\d.:a-fA-F]{2,45} port \d"),
            ("nvalid user ", r"nvalid user (\S{0,128})(?: \[preauth\])?$"),
            ("llegal user ", r"llegal user (.{0,128}) from "),
            ("authenticating user ", r"authenticating user (.{0,128}) [\d.:a-fA-F]{2,45} port \d"),
            ("from user ", r"from user (.{0,128}) [\d.:a-fA-F]{2,45} port \d"),
            ("Close session: user ", r"^Close session: user (\S{1,128}) from "),
            ("user=<", r"[ :]user=<([^>]{0,128})>"),  # dovecot
            ('user="', r'(?<![\w.-])user="(?!N/A"|unknown")([^"]{1,128})"'),  # FortiGate
            ("user=", r"(?<!\S)user=(?![\"<]|N/A\b)([^\s;,\"(]{1,128})"),  # PAM
            ("sername=", r"(?<!\S)[uU]sername=\"?(?!N/A\b)([^\s;,\"]{1,128})"),  # Junos
            ('user_name="', r'(?<!\S)user_name="(?!N/A")([^"]{1,128})"'),  # Sophos
            ("sername '", r"\b[uU]sername '([^']{1,128})'"),  # OpenVPN
            ("User name: ", r"User name: ([^\s,\"]{1,128})"),  # PAN-OS
            ("ocal user ", r"^session (?:opened|closed) for local user (\S{1,128}) from "),  # sftp-server
            (" logged ", r"(?:^|,\S{1,64} )user (\S{1,128}) logged (?:in|out) from "),  # RouterOS
            (" suser=", r"[ |]suser=([^=|]{1,128}?)(?=\s{1,8}[\w.-]{1,64}=|\s*\Z)"),  # CEF
            (
                "for user ",  # what ends a name, or goes on after one: else it is prose (`for user input on …`)
                r"for user [`<]?([^\s(\[`<'\":;,][^\s(:;,'>]{0,127})(?<!\.)"
                r"(?=[(:;,'>]|\.?(?:\Z|\s{1,8}(?:from|by|account)\s|\s{0,8}\())",
            ),
            ("of user ", r"of user (\S{1,128}?)\.?$"),  # systemd-logind
            ("new user: name=", r"new user: name=([^,\s]{0,128})"),  # what changes accounts
            ("user '", r"user '([^']{0,128})'"),
            ('user "', r'(?<!client )user "([^"]{0,128})"'),
            ("for user [", r"for user \[([^\]]{0,128})\]"),  # pure-ftpd
            (": user ", r": user (\S{1,128}?): authentication failure"),  # Apache httpd
            (" user = ", r" : user = (\S{1,128})"),  # Cisco ASA
            ("_username=", r" sasl_username=([^\s,]{1,128})"),  # Postfix
        ),
    ),
    (
        " for ",
        _forms(
            ("password for ", r"password for (.{0,128}) from "),  # sshd
            ("publickey for ", r"publickey for (.{0,128}) from "),
            ("Accepted ", r"^Accepted \S{1,64} for (.{0,128}) from "),
            ("attempt for '", r"^Bad (?:PAM )?password attempt for '([^']{0,128})' from "),
            ("succeeded for '", r"^\S{1,32} auth succeeded for '([^']{0,128})' "),
            ("error for ", r"PAM: \S{1,32} error for (?!illegal user )(\S{1,128}) from "),
            ("identify password for [", r"could not identify password for \[([^\]]{1,128})\]"),
            ("none for ", r"none for (.{0,128}) from "),
            ("/pam for ", r"/pam for (.{0,128}) from "),
            ("exceeded for ", r"exceeded for (.{0,128}) from "),
            ("failures for ", r"authentication failures for (\S{1,128})"),
            ("Starting session: ", r"^Starting session: .{0,128} for (\S{1,128}) from "),
            ("password changed for ", r"password changed for (\S{1,128})$"),
            ("(set_id=", r"\(set_id=([^)\s]{1,128})\)"),  # Exim
            (" su for ", r"^(?:Successful|FAILED) su for \S{1,128} by (\S{1,128})$"),  # su: who it was before
        ),
    ),
    (" : ", _forms(("=", r"^([^\s:]{1,128}) : (?:[^=;]{1,128} ; )?(?:TTY|HOST|PWD)="))),  # sudo, the same
    (") CMD", _forms(("(", r"^\(([^\s()*]{1,128})\) CMD"))),
    (" on ", _forms((" to ", r"^(?:BAD SU )?(\S{1,128}) to \S{1,128} on /dev/"))),
    ("(to ", _forms((" on ", r"^(?:FAILED SU )?\(to \S{1,128}\) (\S{1,128}) on "))),
    (" /dev/", _forms((":", r"^[+-] /dev/\S{1,128} ([^\s:]{1,128}):\S{1,128}$"))),  # su of old
    (
        '"',
        _forms(
            ('acct="', r'[ \']acct="([^"]{0,128})"'),  # auditd
            (": Client", r"^\[([^\]]{1,128})\] (?:OK|FAIL) (?:LOGIN|DOWNLOAD|UPLOAD): Client"),  # vsftpd
        ),
    ),
    (
        "'",
        _forms(
            ("User '", r"(?:User|[uU]sername) '([^']{0,128})'"),  # Juniper, Cisco
            ("authentication of '", r"authentication of '([^']{1,128})' with "),  # strongSwan
            ("' to group '", r"^add '([^']{1,128})' to "),
            ("delete user ", r"^delete user '([^']{0,128})'"),
        ),
    ),
    (
        "Account Name:",  # Windows
        _forms(
            ("Member:", r"Member:\s{1,8}Security ID:\s{1,8}\S{1,200}\s{1,8}Account Name:\s{1,8}CN=([^,]{1,128}),"),
            (  # the last one that is named
                ":",
                r"(?<!SAM )(?<!Network )Account Name:\s{1,8}([^\s:-]\S{0,127})"
                r"(?!.{0,4000}(?<!SAM )(?<!Network )Account Name:\s{1,8}[^\s:-])",
            ),
        ),
    ),
    (
        "]",
        _forms(
            (" USER ", r"\](?:\) -|\):) USER (\S{1,128}?)(?::| \()"),  # proftpd
            ("Login ", r"Login (?:OK|incorrect)[^\[]{0,200}: \[([^\]/]{1,128})"),  # FreeRADIUS
            (" Peer Connection ", r"\[([^\]]{1,128})\] Peer Connection Initiated"),  # OpenVPN
        ),
    ),
    ("/", _forms((":", r"^([A-Za-z][\w.@-]{0,127})/[\d.:a-fA-F]{2,45}:\d{1,5} "))),  # OpenVPN
    ("usrName=", _forms(("=", r"(?<!\w)usrName=([^\t\n|^=]{1,128}?)(?=[\t\n|^]|\s{1,8}\w{1,64}=|\s*\Z)"))),  # LEEF
    ("User ", _forms((" not allowed", r"^User (.{1,128}) from \S{1,255} not allowed"))),
    (" BY ", _forms(("LOGIN ON ", r"^(?:ROOT )?LOGIN ON .{1,128} BY (\S{1,128})"))),
)

# The look-behinds stand after the first character, so that the search can jump to it: four times as fast.
_IP4 = re.compile(r"[0-9](?<![\w.].)[0-9]{0,2}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?!\w|\.\w)")
_IP6 = re.compile(r"[0-9a-fA-F:](?<![\w:.].)[0-9a-fA-F:]{1,38}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])")
_WWN = re.compile(r"(?:[0-9a-fA-F]{2}:){7}[0-9a-fA-F]{2}")
_REMOTE_HOST = re.compile(r"rhost=([^\s;,]{1,255})")
_FROM_PORT = re.compile(r" from ([^\s,;]{1,255}) port \d")


def entities(message: str) -> tuple[str, str]:
    """The user and the address of a message, each '' where it speaks of none. Linear in the message's length."""
    if len(message) > MAX_CHARS:
        message = message[:MAX_CHARS]
    return _user(message), _address(message)


def _user(message: str) -> str:
    for word, forms in _USERS:
        if word in message:
            for marker, pattern in forms:
                if marker in message and (found := pattern.search(message)):
                    return found[1].strip()
    return ""


def _address(message: str) -> str:
    if "rhost=" in message and (found := _REMOTE_HOST.search(message)):
        return found[1]
    start = message.find(" user IP = ")
    if start >= 0 and (address := _first_address(message, start)):
        return address
    start = message.find("src=")
    if start >= 0 and (address := _first_address(message, start)):
        return address
    start = message.rfind(" from ")
    if start >= 0:
        if found := _FROM_PORT.match(message, start):
            return found[1]
        if address := _first_address(message, start):
            return address
    return _first_address(message, 0)


def _first_address(message: str, start: int) -> str:
    """The first IPv4 address from `start` on, else the first IPv6 one; not 0.0.0.0 and ::, which are nobody's."""
    if message.count(".", start) >= 3:
        for found in _IP4.finditer(message, start):
            if _is_somebodys(found[0]):
                return found[0]
    if message.find("::", start) >= 0 or message.count(":", start) >= 7:
        for found in _IP6.finditer(message, start):
            if _is_somebodys(found[0]):
                return found[0]
    return ""


def _is_somebodys(address: str) -> bool:
    try:
        if address.endswith(".0.0.0") or _WWN.fullmatch(address):
            return False
        return any(inet_pton(AF_INET6 if ":" in address else AF_INET, address))
    except OSError:
        return False
