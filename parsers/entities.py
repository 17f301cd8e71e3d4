"""Who and from where: the user and the peer address that a message speaks of.

Only forms that name a user or an address for certain are read; a wrong name is worse than none. Where a stranger can
write into a message (a user name of `x from 10.0.0.1`), the last `from` counts: it is the program's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_pton

from parsers.doubts import IP4, SAID, is_said_twice, may_be_two, unspoken
from parsers.fenced import fenced

MAX_CHARS = 4_096
"""How far a message is read: names stand near its beginning, and the time per message is to have a bound."""

_Forms = tuple[tuple[str, Callable[[str], re.Match[str] | None]], ...]
_Test = Callable[[re.Match[str]], bool]


def _forms(*forms: tuple[str, str]) -> _Forms:
    """A search for `^` would fail at every character anew."""
    each = ((marker, re.compile(pattern)) for marker, pattern in forms)
    return tuple((marker, form.match if form.pattern[0] == "^" else form.search) for marker, form in each)


_NAME = r"[^\s,;:\"'()\[\]<>|=]{0,127}[^\s,;:\"'()\[\]<>|=.]"
"""What names of users are made of where nothing marks their end; a last dot is the sentence's."""
_NOBODY = r"(?!N/A\b|No Authentication Required\b|(?i:unknown|none|null|nil|unauthenticated)\b|-(?![\w.]))"
_THINGS = (
    r"(?:the|this|all|any|client|host|service|server|port|interface|request|session|connection|device|station|peer"
    r"|user)"
)
"""What else authentication is said to fail for."""
_OPENED, _CLOSED = r"[\"'\[<(]", r"[\"'\]>)]"
_TRIED = (  # `login failed for bob from …`, `peer authentication failed for bob`
    r" for (?:(?<=failed for )|(?<=attempt for )|(?<=failure for )|(?<=succeeded for )|(?<=success for )"
    r"|(?<=successful for )|(?<=ailed authentication for )|(?<=ailed login for )|(?<=refused for )"
    r"|(?<=rejected for )|(?<=denied for ))"
    rf"(?:(?:user|peer|account|username) )?{_OPENED}?(?!/|\d{{1,3}}\.\d|{_THINGS}\b){_NOBODY}({_NAME}){_CLOSED}?"
    r"(?=[.,;:]?(?:\s(?:from|on|at|by|via|against)\s|\s?[({]|\s-|\Z)|[,;:]\s)"
)

_KEYED = (  # `srcuser="bob"`, `user.name=bob`; not in a URL's query, nor in quotes
    r"user(?:(?<![^\s,;|\[]user)|(?<=[\s,]srcuser)|(?<=[\s,]src_user)|(?<=[\s,]unauthuser)|(?<=[\s,]xauthuser))"
    rf"(?:_?[nN]ame|\.name|)=\"?{_NOBODY}((?<=\")[^\"]{{1,128}}(?=\")|{_NAME})"
)

_LOGGED = (  # `bob logged in`, `'bob' has logged out`
    rf"[\"']?(?!(?:[uU]ser|[hH]as|[hH]ave|[iI]s|[wW]as|[nN]ot|[nN]obody|[jJ]ust|[sS]uccessfully)\b)({_NAME})[\"']?"
    r"(?: has| successfully){0,2} logged (?:in|out|on|off)"
)

# Every line passes here, and a substring test costs a tenth of a search: each group is opened by a word, each pattern
# tried only where its marker is, and a pattern that begins with plain characters is found at the speed of `memchr`.
_USERS: tuple[tuple[str, _Forms], ...] = (
    (
        "user=",
        _forms(
            ("] Event ", rf"\] Event \d{{1,20}} : User ({_NAME})@\S{{1,255}} logged "),  # VMware
            (" suser=", r"[ |]suser=([^=|]{1,128}?)(?=\s{1,8}[\w.-]{1,64}=|\s*\Z)"),  # CEF
            (" duser=", r"[ |]duser=([^=|]{1,128}?)(?=\s{1,8}[\w.-]{1,64}=|\s*\Z)"),
            ("user=<", r"[ :]user=<([^>]{0,128})>"),  # dovecot
            ('user="', r'(?<![\w.-])user="(?!N/A"|unknown")([^"]{1,128})"'),  # FortiGate
            ("user=", r"(?<!\S)user=(?![\"<]|N/A\b|\[unknown\])([^\s;,\"(\]]{1,128})"),  # PAM
            ("user=", _KEYED),
        ),
    ),
    (
        "name=",
        _forms(
            ("sername=", r"(?<!\S)[uU]sername=\"?(?!N/A\b)((?<=\")[^\"]{1,128}(?=\")|[^\s;,\"]{1,128})"),  # Junos
            ('user_name="', r'(?<!\S)user_name="(?!N/A")([^"]{1,128})"'),  # Sophos
            ("_username=", r" sasl_username=([^\s,]{1,128})"),  # Postfix
            ("user", _KEYED),
        ),
    ),
    (
        "user ",
        _forms(
            ("nvalid user ", r"nvalid user (?!(?:name|input|credentials|password)\b)(.{0,128}) from "),  # sshd
            ("nvalid user ", r"nvalid user (.{0,128}) [\d.:a-fA-F]{2,45} port \d"),
            (": invalid user ", r"^\w{1,64}: invalid user (\S{0,128})(?: \[preauth\])?$"),
            ("llegal user ", r"llegal user (.{0,128}) from "),
            ("authenticating user ", r"authenticating user (.{0,128}) [\d.:a-fA-F]{2,45} port \d"),
            ("from user ", r"from user (.{0,128}) [\d.:a-fA-F]{2,45} port \d"),
            ("Close session: user ", r"^Close session: user (\S{1,128}) from "),
        ),
    ),
    (
        "user",
        _forms(
            ("sername '", r"\b[uU]sername '([^']{1,128})'"),  # OpenVPN
            ("User name: ", r"User name: ([^\s,\"]{1,128})"),  # PAN-OS
            ("ocal user ", r"^session (?:opened|closed) for local user (\S{1,128}) from "),  # sftp-server
            ("t find user [", r"Can't find user \[([^@\]]{1,128})@[^\]]{0,255}\] from "),  # FreeSWITCH
            (  # Samba, behind a domain; Elasticsearch; WatchGuard
                "user [",
                r"\buser \[(?:[^\]\s]{0,64}\]\\\[)?"
                r"((?<=\\\[)[^\]]{1,128}|(?<=authenticate user \[)[^\]]{1,128}|[^\]]{1,128}(?=\] from ))\]",
            ),
            (
                "for user",  # what ends a name, or goes on after one: else it is prose (`for user input on …`)
                r"for user:? [`<]?([^\s(\[`<'\":;,][^\s(:;,'>]{0,127})(?<!\.)"
                r"(?=[(:;,'>]|\.?(?:\Z|\s{1,8}(?:from|by|account|through|via)\s|\s{0,8}\())",
            ),
            ("of user ", r"of user (\S{1,128}?)\.?$"),  # systemd-logind
            ("new user: name=", r"new user: name=([^,\s]{0,128})"),  # what changes accounts
            ("user '", r"user '([^']{0,128})'"),
            ("user id '", r"user id '([^']{1,128})'"),  # Meraki
            ('user "', r'(?<!client )user "([^"]{0,128})"'),
            ("ailed to ", rf"\b[uU]ser ({_NAME}) [fF]ailed to (?:log|sign|authenticate)"),  # Arista, Dell
            ("for user [", r"for user \[([^\]]{0,128})\]"),  # pure-ftpd
            (" user = ", r" : user = (\S{1,128})"),  # Cisco ASA
            (" (", rf"user ({_NAME}) \((?:uid=)?\d{{1,10}}[),]"),
            (" from ", rf"user(?<!such user) ({_NAME}) from [\da-fA-F.:]{{2,45}}(?![\w.:])"),
            (", user ", rf", user ({_NAME}) - "),  # F5
            ("by user ", rf"by user ['\"]?({_NAME})['\"]?(?=[.,;]?(?:\s|\Z))"),
            ("unix-user:", rf"unix-user:({_NAME})"),  # polkit
            ('"user', rf'"user(?:_?[nN]ame|)"\s?:\s?"{_NOBODY}([^"]{{1,128}})"'),  # JSON behind a tag
            ("user: ", rf"user: {_OPENED}{_NOBODY}({_NAME}){_CLOSED}"),
            ("username: ", rf"username: {_OPENED}?{_NOBODY}({_NAME})"),
            ("username ", rf"[ (]username (?!mismatch)({_NAME}), "),  # xrdp
            (  # rspamd, behind what the message says of itself
                ", user: ",
                r"_write_log: id: <[^\s<>]{0,255}>, (?:qid: <[^\s<>]{0,64}>, )?ip: [\da-fA-F.:]{2,45},"
                r" user: ([^\s,]{1,128}),",
            ),
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
            ("none for ", r"none for (?!<invalid username>)(.{0,128}) from "),
            ("/pam for ", r"/pam for (.{0,128}) from "),
            ("exceeded for ", r"exceeded for (.{0,128}) from "),
            ("failures for ", r"authentication failures for (\S{1,128})"),
            ("Starting session: ", r"^Starting session: .{0,128} for (\S{1,128}) from "),
            ("login query for '", r"login query for '([^']{1,128})'"),  # tac_plus
            ('request for "', r'uthentication request for "([^"]{1,128})" '),  # Jellyfin
            (" login:", r"ogin failed for db:\S{1,64} login:(\S{1,128}) from "),  # Odoo
            ("'su ", r"'su \S{1,128}' (?:failed|succeeded) for (\S{1,128}) on "),  # su: who it was before
            ("password changed for ", r"password changed for (\S{1,128})$"),
            ("(set_id=", r"\(set_id=([^)\s]{1,128})\)"),  # Exim
            (" su for ", r"^(?:Successful|FAILED) su for \S{1,128} by (\S{1,128})$"),
            ("ogin ", _TRIED),
            ("uthentication ", _TRIED),
            ("EAP method ", _TRIED),
            ("code for ", rf"nvalid (?:verification )?code for ({_NAME})$"),  # Google Authenticator
            ("thenticator for ", rf"^Accepted google_authenticator for ({_NAME})$"),
            (  # FreeSWITCH
                "SIP auth ",
                r"SIP auth [a-z]{1,16} \([A-Z]{3,16}\) on sofia profile '[^']{1,64}'"
                r" for \[([^@\]]{1,128})@[^\]]{0,255}\] from ",
            ),
        ),
    ),
    (
        " logged ",
        _forms(
            (" using ", rf" logged in using ({_NAME}),"),  # iDRAC
            ("USER: ", r"USER: (\S{1,128}) connected from "),  # Aruba
            ("ser ", rf"ser (?<=[uU]ser )(?<!\w.ser ){_LOGGED}(?= (?:from|via|at)\b| ?\[from|\.?\Z)"),
            (" ", rf"^{_LOGGED} (?:from|via|at) "),
            ("; ", rf"; {_LOGGED} (?:from|via|at) "),
        ),
    ),
    (
        '"',
        _forms(
            ('acct="', r'[ \']acct="([^"]{0,128})"'),  # auditd
            ('AccountID="', r'\bAccountID="(?!<unknown>|")([^"]{1,128})"'),  # Asterisk
            ('AUID="', r' ?\bAUID="(?!unset")([^"]{1,128})"'),
            (": Client", r"^\[([^\]]{1,128})\] (?:OK|FAIL) (?:LOGIN|DOWNLOAD|UPLOAD): Client"),  # vsftpd
        ),
    ),
    (
        "'",
        _forms(
            ("User '", r"(?:User|[uU]sername) '([^']{0,128})'"),  # Juniper, Cisco
            ("denied to '", r"^pam_wheel\([^()]{1,128}\): Access denied to '([^']{1,128})' for "),
            ("assword for '", r"^password for '([^']{1,128})' changed by "),
            ("ogin failed: '", r"ogin failed: '([^']{1,128})'"),  # Nextcloud
            ("authentication of '", r"authentication of '([^']{1,128})' (?:with|successful|failed)\b"),  # strongSwan
            (" group '", r"^add '([^']{1,128})' to "),
            ("delete user ", r"^delete user '([^']{0,128})'"),
        ),
    ),
    (
        "ccount",
        _forms(
            (" has expired", r"account (\S{1,128}) has expired"),  # PAM
            ("Member:", r"Member:\s{1,8}Security ID:\s{1,8}\S{1,200}\s{1,8}Account Name:\s{1,8}CN=([^,]{1,128}),"),
            (  # Windows: the last one that is named
                "Account Name:",
                r"(?<!SAM )(?<!Network )Account Name:\s{1,8}"
                r"([^\s:-]\S{0,127}(?:(?: [^\s:]{1,64}){1,4}(?=\s\s|[\t\r\n]))?)"
                r"(?!.{0,4000}(?<!SAM )(?<!Network )Account Name:\s{1,8}[^\s:-])",
            ),
        ),
    ),
    (
        "]",
        _forms(
            (  # FreeRADIUS
                "from client ",
                r"(?:Login (?:OK|incorrect)|Invalid user)[^\[]{0,200}: \[((?:host/)?[^\]/]{1,128})",
            ),
            (" Peer Connection ", r"\[([^\]]{1,128})\] Peer Connection Initiated"),  # OpenVPN
            ("]...", r"\]\.{3}[\da-fA-F.:]{2,45}\[([A-Za-z_][\w-]{0,127}|[\w.+-]{1,64}@[\w.-]{1,255})\]"),  # strongSwan
        ),
    ),
    (
        "/",
        _forms(
            (":", r"^([A-Za-z][\w.@-]{0,127})/[\d.:a-fA-F]{2,45}:\d{1,5} "),  # OpenVPN
            (" on /dev/", r"^(?:BAD SU )?(\S{1,128}) to \S{1,128} on /dev/"),  # su
            (" HIER_", r"^(?!(?>.*? HIER_).* HIER_).{0,4000} (?!- )(\S{1,128}) HIER_[A-Z_]{2,64}/"),  # Squid
        ),
    ),
    (
        "User",
        _forms(
            (" not allowed", r"^User (.{1,128}) from \S{1,255} not allowed"),
            (" not allowed", r"^User (\S{1,128}) not allowed because "),
            ("ername '", r"Username '([^']{1,128})'"),  # F5
            ("User [", r"User \[([^\]]{1,128})\]"),  # Synology
            ("@", rf"User ({_NAME}?)@[^\s\]]{{1,255}} logged "),  # VMware
            ("Cannot login ", rf"Cannot login ({_NAME}?)@[\da-fA-F.:]{{2,45}}"),
            (" - User ", r" - User (\S{1,128}) - "),  # NetScaler
            ("of User ", r"Session \S{1,32} of User (\S{1,128}?)\.$"),  # systemd, of a session's scope
            (
                "",
                r"User(?<![\w.-]User)(?:s|[nN]ame|I[dD]|)(?: [nN]ame)?\s?[=:]\s{0,2}[\"'\[<]?"
                rf"{_NOBODY}(?!\d{{1,20}}(?![\w.@\\-]))({_NAME})",
            ),
        ),
    ),
)

_OTHERS = tuple(group for group in _USERS if "user" not in group[0])

_ANCHORED = {
    beginning: re.compile(pattern)
    for beginnings, pattern in (
        (("auth",), rf"auth(?:-worker)?\b.{{0,128}}\(({_NAME}),[\da-fA-F.:]{{2,45}}(?:,<[^>]{{0,64}}>)?\)"),  # Dovecot
        (("imap", "pop3", "lmtp", "lda(", "mana", "subm"), rf"[a-z\d-]{{3,32}}\(({_NAME})\)(?:<\d|: )"),
        (("badl",), rf"badlogin: [^\[]{{0,255}}\[[^\]]{{1,64}}\] \S{{1,32}} ({_NAME}) "),  # Cyrus
        (("logi",), rf"login: [^\[]{{0,255}}\[[^\]]{{1,64}}\] ({_NAME}) \S{{1,64}} User logged in"),
        (("main", "work", "sec-"), rf"(?:main|worker|sec-mod)\[({_NAME})\]: ?[\da-fA-F.:]{{2,45}} "),  # ocserv
        (  # PAN-OS: the twelfth column after the time, or the tenth
            ("1,20", "0,20", ",202"),
            r"\d?,\d{4}/\d\d/\d\d [\d:]{8},\w{0,32},"
            r"(?:(?:TRAFFIC|THREAT|GLOBALPROTECT)(?:,[^,]{0,255}){8},([^,]{1,128}),|CONFIG(?:,[^,]{0,255}){6},([^,]{1,128}),)",
        ),
        (("from",), r"from (\S{1,128}) to \S{1,128} at /dev/"),  # AIX' su
        (("Brow", "SSH ", "XML ", "CLI "), rf"\S{{3,8}} log(?:in|out): ({_NAME}) - "),  # iLO
        (("[log",), rf"\[login:({_NAME}) "),  # snoopy
        (("AS_R", "TGS_"), r"(?:AS|TGS)_REQ .{0,512}?[, ]([^\s@,]{1,128})@[\w.-]{1,255} for \S{1,255}@"),  # Kerberos
        (
            ("FAIL",),
            rf"FAILED (?:LOGIN .{{0,330}}? FOR '?{_NOBODY}|SU \(to \S{{1,128}}\) )({_NAME})",
        ),  # login, su
        (("FTP ",), r"FTP LOGIN (?:FAILED FROM \S{1,255}, |FROM \S{1,255} as )(\S{1,128})"),  # BSD's ftpd
        (("id=f", 'id="'), r"id=\"?[\w-]{1,64}\"? .{0,4000}?(?<=\s)usr=\"?([^\s\"]{1,128})"),  # SonicWall
        (("(to ",), r"\(to \S{1,128}\) (\S{1,128}) on "),  # su
        (("+ /d", "- /d"), r"[+-] /dev/\S{1,128} ([^\s:]{1,128}):\S{1,128}$"),  # su of old
        (("LOGI",), r"LOGIN ON .{1,128} BY (\S{1,128})"),  # login
        (("ROOT",), r"(ROOT) LOGIN {1,2}(?i:on) "),
        (("LEEF",), r"LEEF.{0,4000}?(?<!\w)usrName=([^\t\n|^=]{1,128}?)(?=[\t\n|^]|\s{1,8}\w{1,64}=|\s*\Z)"),
        (("(CON", "* (C"), r"(?:\* )?\(CONNECT_DATA=.{0,2000}?\(USER=([^()]{1,128})\)"),  # Oracle
        (("Auth",), r"Authorized to ([^,\s]{1,128}), krb5 principal "),  # sshd
        (("Logi",), r"Login failed: '?(.{1,128}?)'? \(Remote IP: '?[\da-fA-F.:]{2,45}'?\)\Z"),  # Nextcloud
        (("Succ",), rf"Successful (?:login|switch) as ({_NAME}) from "),  # Webmin
        (("Requ",), r"Request: kadm5_\w{1,64}, .{0,512}, client=([^\s@,]{1,128})@"),
        (
            ("conn",),
            r"conn=\d{1,20} op=\d{1,20} BIND dn=\"(?:(?i:uid|cn|samaccountname))=([^\",=]{1,128})[\",]",
        ),  # slapd
        (("REQU",), rf"REQUEST \S{{1,255}} - (?!- )({_NAME}) \""),  # CUPS
        (("AUTH",), r"AUTH=server,.{0,512}? authid=([^\s,]{1,128})"),  # Sendmail
        (("chan",), r"changed password expiry for (\S{1,128})$"),  # chage
        (("comm",), r"command not permitted for ([^\s:]{1,128}): "),  # doas
        (("USER",), r"USER (\S{1,128}) pid \d"),  # BusyBox' cron
        (("user",), r"user (\S{1,128}) (?:added|removed) by \S{1,128} (?:to|from) group "),  # gpasswd
    )
    for beginning in beginnings
}
"""By the first letters of the messages that say a user there: one look-up for all of them."""
_CAPITALS = {"ROOT": "root"}
"""A name that login writes so."""
_BRACKETED = re.compile(
    r"\((?!CRON\)|\?@)(?:([^\s()*]{1,128})\) (?:CMD|BEGIN|END|LIST|REPLACE|DELETE|RELOAD|MAIL|AUTH|ORPHAN|WRONG|FAILED"
    r"|PAM ERROR|ERROR \(|INSECURE|BAD )"
    r"|([^\s()@]{1,128})@[^\s()]{1,255}\) \[[A-Z])"
    r"|\(\?@[^\s()]{1,255}\) \[(?:INFO\] (\S{1,128}) is now logged in"
    r"|WARNING\] Authentication failed for user \[(.{0,256})\]\Z)"
)
"""cron's, and pure-ftpd's."""

# The look-behinds stand after the first character, so that the search can jump to it: four times as fast. Behind an
# address a port may stand: tcpdump writes it after a dot, and an arrow after that.
_IP6 = re.compile(r"[0-9a-fA-F:](?<![\w:.].)[0-9a-fA-F:]{1,44}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])")
_IS_NETWORK = re.compile(r"/\d{1,2}(?!\d)")
_WWN = re.compile(r"(?:[0-9a-fA-F]{2}:){7}[0-9a-fA-F]{2}")
_NUMBERED = re.compile(
    r"\[(?: {0,8}\d{1,8}\.\d{1,6}|\d{1,10}[:-]\d{1,10}|ID \d{1,10} [\w.]{1,32})\] {1,4}|\(\d{1,20}\) {1,4}"
    r"|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))? "
)
"""The kernel's seconds since its start; Unbound's process and thread; PostgreSQL's, FreeRADIUS' and Solaris' number of
a message; a date of its own."""
_REMOTE_HOST = re.compile(r"rhost=(?:::ffff:(?=\d))?([^\s;,]{1,255})")
_FROM = re.compile(r" from (?:host |ip )?[\"'\[(<]?(\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F:]{0,39}::?[\da-fA-F:]{1,39})")
_ODD_STARTS = "[(0123456789"
_PEER_FIRST = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5} ")
"""OpenVPN's peer, before all that he says; HAProxy's."""
_REPEATED = re.compile(r"message repeated \d{1,9} times: \[ ?(.*)\]\s*\Z", re.DOTALL)
_PURE = re.compile(r"\([^\s()@]{1,128}@(\d{1,3}(?:\.\d{1,3}){3})\) \[[A-Z]")
"""pure-ftpd's."""
_FROM_PORT = re.compile(r" from (?:::ffff:(?=\d{1,3}\.))?([^\s,;]{1,255}) port \d")
_REMOTE = re.compile(  # strongSwan: local[its name]...remote[its name]; BIND
    r"\]\.{3}([\d.]{7,15}|[\da-fA-F:]{3,39})\[|(?<=[\da-fA-F])\.{3}(\d[\d.]{6,14}|[\da-fA-F:]{3,39})(?=,? |\Z)"
    r"|client (?:@0x[\da-f]{1,16} )?([\d.]{7,15}|[\da-fA-F:]{3,39})#\d"
)
MAX_KEY = 36
"""Characters before an address that may be its key's: `srcip=`, `client_ip: `, `Source Address: `, `src: /`."""
MAX_QUOTED = 8
"""Texts in quotes that are looked behind for a ` from `."""
_SIDES = ("src", "source", "client", "remote", "peer", "user", "orig", "caller", "attacker", "calling", "")
_PLACES = ("ip", "ipaddr", "ipaddress", "ip_address", "addr", "address", "host", "h")
_PEERS = frozenset(
    {f"{side}{mark}{place}" for side in _SIDES for mark in ("", "_", "-", ".") for place in _PLACES if side or not mark}
    | {"src", "source", "client", "remote", "peer", "attacker", "caller", "from", "rip", "c-ip"} - {"h"}
)
"""Keys of the peer's address, in small letters."""
_OWN = frozenset({"server", "local", "destination", "dest", "target"})
"""What stands before `address` where it is not the peer's."""
_QUOTES = ('"', "'", "<", "`")
_HOST_NAME = re.compile(r" ?\w{1,16}=(?=[^\s\[]{0,255}\.)[^\s\[]{1,255} ?\[[\d.:a-fA-F]{2,45}\]")
"""A host that calls itself `user=root.example`."""
_TRANSPORTS = ("/UDP", "/TCP", "/TLS", "/WS", "/WSS")


def entities(message: str) -> tuple[str, str]:
    """The user and the address of a message, each '' where it speaks of none. Linear in the message's length."""
    if len(message) > MAX_CHARS:
        message = message[:MAX_CHARS]
    peer = ""
    if message[:1] in _ODD_STARTS:
        message, peer = _begun(message)
        if peer and " VERIFY " in message:  # OpenVPN goes on with a certificate's words
            return "", peer
    if found := fenced(message):
        user, address = found.group("user", "address")
        return _named(user or ""), address or ""
    if message[:17] == "message repeated " and (repeated := _REPEATED.match(message)):
        return entities(repeated[1])
    user, address = _user(message), peer or _address(message)
    if not (user or address):
        return "", ""
    if address or "=" in message or not _is_quoted_whole(user, message):
        return _surely(message, user, address, peer)
    return user, address


def _is_quoted_whole(user: str, message: str) -> bool:
    """Whether no quote is in the message but those around the name."""
    return not any(map(message.__contains__, _QUOTES)) or (
        f'"{user}"' in message and message.count('"') == 2 and "'" not in message and "<" not in message
    )


def _surely(message: str, user: str, address: str, peer: str) -> tuple[str, str]:
    """What was found, but for what a stranger may have written."""
    if (heard := unspoken(message)) != message:
        user, address = _standing_in(message, user and _user(heard)), peer or (address and _address(heard))
        message = heard
    places = set(_FROM.findall(message)) if " from " in message else set()
    if len(places) > 1:
        user = ""  # it may end at any of them
    if places - {address} and "rhost=" in message:
        return "", peer
    if is_said_twice(message, address):
        return "", peer
    if "[" in message and not peer and may_be_two(message):
        return ("", "") if "]..." in message else (user, "")
    return user, address


def _standing_in(message: str, user: str) -> str:
    """A name that was not put together from what was left of a message."""
    return user if user in message or user.replace("\\", "\\\\") in message else ""


def _begun(message: str) -> tuple[str, str]:
    """A message without the number it begins with, and the peer that it begins with instead."""
    if numbered := _NUMBERED.match(message):
        return message[numbered.end() :], ""
    peer = _PEER_FIRST.match(message) or _PURE.match(message)
    return message, peer[1] if peer and _is_somebodys(peer[1]) else ""


def _user(message: str) -> str:
    if (anchored := _ANCHORED.get(message[:4])) and (found := anchored.match(message)):
        return _CAPITALS.get(found[found.lastindex or 0]) or found[found.lastindex or 0]
    if message[:1] == "(" and (found := _BRACKETED.match(message)):
        return found[found.lastindex or 0]
    for word, forms in _USERS if "user" in message else _OTHERS:
        if word in message:
            for marker, find in forms:
                if marker in message and (found := find(message)) and not ("=" in marker and _is_told(found)):
                    return _named(found[1])
    return ""


def _named(text: str) -> str:
    """A name without the blanks around it; CEF, JSON and C write two backslashes for one."""
    return text.strip().replace("\\\\", "\\")


def _told_plainly(message: str) -> str:
    """What PAM says, and the far end of a tunnel."""
    if found := _REMOTE_HOST.search(message):
        return found[1]
    found = _REMOTE.search(message) if "]..." in message else None
    return found[found.lastindex or 0] if found else ""


def _address(message: str) -> str:
    if ("rhost=" in message or "]..." in message) and (told := _told_plainly(message)):
        return told
    start, is_other = message.rfind(" from "), None
    if start >= 0 and '"' in message and (start := _unquoted(message, start)) < 0:
        is_other = _is_bare
    if start >= 0 and (found := _FROM_PORT.match(message, start)):
        return found[1]
    dots, may_be_six = message.count("."), _may_hold_six(message, 0)
    if may_be_six and "v6:" in message:
        message = message.replace("v6:", "v6 ")  # mail's `[IPv6:2001:db8::1]`, Samba's `[ipv6:2001:db8::1:445]`
    if dots < 6 and not may_be_six:  # one at most
        return _first_address(message, 0, _is_peers if is_other else None, is_other) if dots >= 3 else ""
    if start >= 0:
        at = message.find("src=")
        if (at >= 0 and (address := _first_address(message, at))) or (address := _first_address(message, start)):
            return address
    if ("#" in message or "..." in message) and (found := _REMOTE.search(message)):
        return found[found.lastindex or 0]
    return _first_address(message, 0, _is_peers, is_other)


def _unquoted(message: str, start: int) -> int:
    """Where the last ` from ` up to `start` is that does not stand in quotes: those are of requests, agents, titles."""
    for _ in range(MAX_QUOTED):
        if start < 0 or not _is_quoted(message, start):
            return start
        start = message.rfind(" from ", 0, message.rfind('"', 0, start))
    return -1


def _is_told(found: re.Match[str]) -> bool:
    """Whether it stands in quotes, which are of requests and commands, or is a host's name."""
    message, at = found.string, found.start()
    return ('"' in message and _is_quoted(message, at)) or bool("[" in message and _HOST_NAME.match(message, at))


def _is_quoted(message: str, at: int) -> bool:
    """Not in a quote that `msg=` opens: it is the program's own."""
    before = message[:at].replace('\\"', "")
    is_open = before.count('"') % 2 == 1 and message.find('"', at) >= 0
    return is_open and not before.endswith(SAID, 0, before.rfind('"'))


def _first_address(message: str, start: int, is_sought: _Test | None = None, is_other: _Test | None = None) -> str:
    """The first IPv4 address from `start` on, else the first IPv6 one; not 0.0.0.0 and ::, which are nobody's.

    What is sought comes before the others, and one that a name stands before (`sip:100@10.0.0.1`) after them; of the
    others only those count that `is_other` allows.
    """
    first = named = ""
    for pattern in (IP4, _IP6):
        if not (message.count(".", start) >= 3 if pattern is IP4 else _may_hold_six(message, start)):
            continue
        for found in pattern.finditer(message, start):
            if not (address := _somebodys(found)):
                continue
            if message[found.start() - 1] == "@":
                named = named or (address if message[found.end() : found.end() + 1] != ">" else "")
            elif is_sought is None or is_sought(found):
                return address
            elif not first and (is_other is None or is_other(found)):
                first = address
        if first:
            return first
    return named


def _may_hold_six(message: str, start: int) -> bool:
    return message.find("::", start) >= 0 or message.count(":", start) >= 7


def _is_peers(address: re.Match[str]) -> bool:
    """Whether its key says that it is the peer's."""
    at = address.start()
    before = address.string[max(0, at - MAX_KEY) : at]
    key = before.rstrip("=:[(\"'/ ")
    if key.endswith(_TRANSPORTS):  # Asterisk's `RemoteAddress="IPV4/UDP/10.0.0.1/5060"`
        key = key[: key.rfind("=")]
    *_, first, last = ("", *re.split(r"[ ,(]", key.lower()))
    if key == before or last not in _PEERS or (last in _PLACES and first in _OWN):
        return False
    return not (before.endswith(" from ") and _is_quoted(address.string, at))


def _is_bare(address: re.Match[str]) -> bool:
    """Whether it stands in no quotes and behind no key, which would be another's than the peer's; or is JSON's."""
    at, message = address.start(), address.string
    before = message[max(0, at - 3) : at]
    return before.endswith(('":"', ': "')) or not (before.endswith(("=", ":", '"', "@")) or _is_quoted(message, at))


def _somebodys(found: re.Match[str]) -> str:
    """The address that was found, '' where it is nobody's: 0.0.0.0, a network's, a number that looks like one."""
    address = found[0]
    if address.endswith(".0") and _IS_NETWORK.match(found.string, found.end()):
        return ""
    return address if _is_somebodys(address) else _without_port(address)


def _without_port(text: str) -> str:
    """The address of IPv6 that some write a port behind, with no more than a colon before it; '' where it is none."""
    address, _, port = text.rpartition(":")
    return address if ":" in address and port.isdecimal() and _is_somebodys(address) else ""


def _is_somebodys(address: str) -> bool:
    try:
        if ":" in address:
            return any(inet_pton(AF_INET6, address)) and not _WWN.fullmatch(address)
        inet_pton(AF_INET, address)
    except OSError:
        return False
    return not address.endswith(".0.0.0") and address != "255.255.255.255"
