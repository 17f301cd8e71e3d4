"""Lines in which a stranger has a say: a name he tries, a request, a command, a query.

He may write `user=root from 10.0.0.1` there. Of these lines only that is read which stands where the program writes it
itself: before his words or, where nothing of his can be taken for it, behind them. Where two places could be the
program's, nobody is named.
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
_LITERAL = r"(?:::ffff:(?=\d))?(?P<address>\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F:]{2,45})"
"""Where a port may follow it."""
_NOBODY, _NOWHERE = "(?P<user>)", "(?P<address>)"
"""Both groups are in each pattern, for they are asked for together."""

# sshd's. A greedy name leaves the last address and port to the program, where the line ends there; where words follow,
# as those of a certificate's owner, it names whom it may only if no other place can be the program's. A name has up to
# 1,000 characters: what is not printable in it is written in four.
_AT_THE_END = (
    r" port \d{1,5}(?: ssh\d)?(?:: [A-Z\d-]{2,24} SHA256:[\w+/]{43}|: Too many authentication failures)?"
    r"(?: \[preauth\])?\Z"
)
_TO_THE_END = r" port \d{1,5}(?: ssh\d)?(?::.*| \[preauth\]|)\Z"
_TWICE = rf".*? port \d{{1,5}}(?: ssh\d)?:.* port \d{{1,5}}(?: ssh\d)?:{_NOBODY}{_NOWHERE}"
_TRIES = (
    r"(?:(?:Failed|Accepted|Postponed|Partial) [\w/-]{1,64} for |error: maximum authentication attempts exceeded for )"
)
_TRYING = rf"{_TRIES}(?:(?:invalid|illegal) user |<invalid username>)?(?P<user>.{{0,999}}) from {_HOST}"
_INVALID = (  # webmin's too
    rf"Invalid (?:user|login as) (?!name(?:/password| [\"']))(?P<user>.{{0,999}}) from {_PEER}(?:{_TO_THE_END}|\Z)"
)
_REFUSED = rf"error: PAM: [A-Z][\w ]{{1,64}} for (?:illegal user )?(?P<user>.{{0,999}}) from {_HOST}\Z"
_LEAVES = r"(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) "
_LEAVING = rf"(?:(?:(?:invalid|authenticating) )?user (?P<user>.{{0,999}}) )?{_HOST}"
_CHANGED = rf"Disconnecting (?!.*: Change of .*: Change of ){_LEAVING} port \d{{1,5}}: Change of username or service "
_BROKE = rf"(?:fatal: )?ssh_dispatch_run_fatal: Connection (?:from|to) {_LEAVING}{_TO_THE_END}"
_ASKED = rf"input_userauth_request: (?:invalid|illegal) user (?P<user>.{{0,999}}?)(?: \[preauth\])?\Z{_NOWHERE}"
_SENT = rf'(?:error: )?kex_exchange_identification: client sent invalid protocol identifier "{_NOBODY}{_NOWHERE}'
_TOLD = (
    rf"(?:error: |fatal: )?(?:Received disconnect from|Unable to negotiate with) {_PEER}(?: port \d{{1,5}})?:{_NOBODY}"
)
_GREETED = rf"Bad protocol version identification '.*' from {_PEER} port \d{_NOBODY}"
_NASTY = rf'Nasty PTR record ".*" is set up for {_PEER}, ignoring{_NOBODY}'

_SESSION = (
    r"pam_\w{1,32}\([^()]{1,128}\): session (?:opened|closed) for user (?P<user>[^\s(]{1,128})(?:\(uid=\d{1,10}\))?"
    rf"(?: by .*)?\Z{_NOWHERE}"
)
_FAILURE = (
    r"(?:pam_\w{1,32}\([^()]{1,128}\): |PAM \d{1,5} more )?authentication failures?;"
    r" logname=\S{0,128} uid=\d{1,10} euid=\d{1,10} tty=\S{0,128} ruser="
)
_TRIED_NAME = rf"{_FAILURE}(?<! tty=ftp ruser=) rhost=(?:{_HOST})?(?: {{1,2}}user=(?P<user>.{{0,128}}))?\Z"
_REMOTE_NAME = (  # vsftpd's is the one tried: it ends where no more than a name, or the same again, is left
    rf"{_FAILURE}(?:(?<= tty=ftp ruser=)|(?! ))(?P<remote>.{{0,128}}?) rhost=(?:{_HOST})?"
    r"(?: {1,2}user=(?P<user>(?P=remote)|\S{0,128}))?\Z"
)
_BAD_NAME = rf"pam_\w{{1,32}}\([^()]{{1,128}}\): bad username \[{_NOBODY}{_NOWHERE}"
_NO_SUCH = rf"pam_\w{{1,32}}\([^()]{{1,128}}\): user \"(?P<user>.{{0,128}})\" does not exist in \S{{1,128}}\Z{_NOWHERE}"
_RECEIVED_FOR = (
    r"pam_\w{1,32}\([^()]{1,128}\): received for user (?P<user>.{0,256}): \d{1,5} \([^()]{0,255}\)\Z"
    rf"{_NOWHERE}"
)
_TALLIED = rf"pam_\w{{1,32}}\([^()]{{1,128}}\): user (?P<user>.{{0,256}}) \(\d{{1,10}}\) (?:has )?tally \d{_NOWHERE}"
_SU = rf"(?:Successful|FAILED) su for .{{1,256}} by (?P<user>[^\s()]{{1,128}})\Z{_NOWHERE}"
_NOT_ADDED = rf"failed adding user '(?P<user>.{{0,128}})', data deleted\Z{_NOWHERE}"
_RSYNC = rf"auth failed on module \S{{1,128}} from \S{{1,255}} \({_PEER}\)(?: for (?P<user>[^\s:]{{1,128}}))?: "
_SYNCED = rf"rsync (?:to|on) .{{1,2000}} from (?:(?P<user>[^\s@]{{1,128}})@)?[^\s@]{{1,255}} \({_PEER}\)\Z"
_PHPMYADMIN = rf"user denied: (?P<user>.{{0,128}}) \([\w-]{{1,32}}\) from {_PEER}\Z"
_BIND = rf"(?:[a-z-]{{1,32}}: [a-z]{{1,16}}: )?client (?:@0x[\da-f]{{1,16}} )?{_PEER}#\d{_NOBODY}"
_DNSMASQ = rf"query\[[\w=]{{1,16}}\] \S{{1,255}} from {_PEER}\Z{_NOBODY}"
_RESOLVED = (
    rf"(?:forwarded|reply|cached|config) \S{{1,255}} (?:to|is) (?:{_PEER}\Z|\S{{1,255}}\Z){_NOBODY}"  # dnsmasq's
)
_SESSION_LINE = (  # PostgreSQL's, by prefixes in use: `[77] bob@shop `, `user=bob,db=shop,app=x,client=10.0.0.5 `
    r"(?:\[\d[\d-]{0,20}\]:? |[\d-]{10} [\d:.]{8,15} [A-Z]{1,5} ){0,4}"
    r"(?:(?:user=)?(?P<user>[\w.$+-]{1,128})(?:@|,db=)[\w.$+-]{1,128}(?:,app=[^,]{0,64},client=)? ?"
)
_STATEMENT = rf"{_SESSION_LINE}(?:{_LITERAL} )?)?(?:STATEMENT|DETAIL|CONTEXT|QUERY):  "  # what a client sent
_POSTGRES = (
    rf"{_SESSION_LINE})(?=(?:[\da-fA-F.:]{{2,45}}(?:\(\d{{1,5}}\))? )?(?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|HINT):  )"
    rf"(?:(?:(?:LOG|FATAL):  [^\"=]{{0,200}}?(?:host=|host \"|from ))?{_LITERAL}(?!\w))?"
)
_PLUGGED = (  # a device's own words of itself: the kernel repeats them
    r"(?:usb [\d.-]{1,32}: (?:Product|Manufacturer|SerialNumber)|scsi [\d:]{3,32}|input|hid-\w{1,32} [\dA-F:.]{1,32}): "
    rf"{_NOBODY}{_NOWHERE}"
)
_DOVECOT = (
    rf"[^<]{{1,200}}: user=<(?P<user>(?:(?!, client_id=\(|, TLS: ).)*)>(?:, method=[\w-]{{1,32}})?, rip={_PEER}, lip="
)
_LEASE = (  # dhcpd's, before the name that the client gave itself
    rf"DHCP[A-Z]{{3,8}} (?:for|on) {_PEER} (?:\([\d.]{{7,15}}\) )?(?:from|to) [\da-fA-F:]{{11,17}} \({_NOBODY}"
)
_OUTBOUND = (  # Cisco ASA's, from the side it names last
    rf"%\w{{3}}-\d-\d{{6}}: Built outbound .{{0,400}}?(?: to [^\s:]{{1,64}}:| laddr ){_PEER}/\d{{1,5}}"
    r"(?: ?\([^()]{0,128}\))?(?: ?\((?P<user>[^()]{1,128})\))?"
)
_REJECTED = (  # of a name that a stranger tries the last end counts
    rf"%\w{{3}}-\d-\d{{6}}: Login [a-z]{{1,16}} from {_PEER}/\d{{1,5}} to \S{{1,128}}"
    r" for user \"(?P<user>.{0,128})\"\Z"
)
_REFUSING = rf"%\w{{3}}-\d-\d{{6}}: AAA [^:=]{{1,64}} : .{{0,255}}? : user = (?P<user>.{{0,128}}) : user IP = {_PEER}\Z"
_GROUPED = rf"%\w{{3}}-\d-\d{{6}}: Group <[^>]{{0,128}}> User <(?P<user>.{{0,128}})> IP <{_PEER}> "
_LOGIN = (
    r"%SEC_LOGIN-\d-\w{1,32}: Login [a-zA-Z]{1,16} \[user: (?P<user>.{0,128})\]"
    rf" \[Source: {_PEER}\] \[localport: \d"
)
_QNAP = rf"conn log: Users: (?:(?P<user>[^,]{{1,128}}), Source IP: {_PEER}, (?!.*, Source IP: ))?"
_SMB = (  # the workstation gives itself a name
    r"Auth: \[(?:(?!.*\] remote host \[.*\] remote host \[).*? user \[[^\]]{0,255}\]\\\[(?P<user>[^\]]{0,128})\] at \["
    rf".*\] remote host \[(?:ipv[46]:)?{_LITERAL}:\d{{1,5}}\])?"
)
_LOOKED_UP = (
    rf"(?:\[\d{{1,10}}:\d{{1,10}}\] )?info: {_PEER} \S{{1,255}} [A-Z\d]{{1,16}} [A-Z]{{2}}\b{_NOBODY}"  # Unbound's
)
_NETWORK = (  # wireless ones are named by whoever is near
    r"(?:<[a-z]{1,8}> {1,2}\[[\d.]{1,24}\] )?"
    rf"(?:\w{{1,16}}: Trying to (?:associate|authenticate) with |device \(|policy: )[^']{{1,128}}'{_NOBODY}{_NOWHERE}"
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

_SUDO = (
    r"(?P<user>[^\s:]{1,128}) : (?:\(command continued\)|unable to |problem |(?:[^=;]{1,128} ; )?(?:TTY|HOST|PWD)=)"
    rf"{_NOWHERE}"
)
_DOAS = (  # and pkexec
    rf"(?P<user>[^\s:]{{1,128}})(?: ran command |: Executing command \[|: Error executing command as ){_NOWHERE}"
)
_NOT_PERMITTED = rf"command not permitted for (?P<user>[^\s:]{{1,128}}): {_NOWHERE}"
_CRON = rf"\((?!CRON\))(?P<user>[^\s()*]{{1,128}})\) (?!INFO|STARTUP)[A-Z][A-Z ]{{1,16}} \({_NOWHERE}"
_NGINX = (  # nobody where a path before it, or the request behind it, has another client's
    r'(?:\*\d{1,20} )?(?:user "(?P<user>[^"]{1,128})"(?=: password mismatch, | was not found in "))?'
    rf"(?>.*?, client: {_PEER}(?:, server: |\Z))"
    r"(?!.*, client: (?!(?P=address), server: )[\da-fA-F.:]{2,45}, server: )"
)
_NGINX_TWICE = rf"(?:\*\d{{1,20}} )?(?=.*, client: [\da-fA-F.:]{{2,45}}, server: ){_NOBODY}{_NOWHERE}"
_APACHE = (  # an address of IPv6 is without a port only where it is sure to have one
    r"(?:\[[\w-]{0,64}:[a-z\d]{1,16}\] )?(?:\[pid \d{1,10}(?::tid \d{1,20})?\] )?"
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
    rf"{_QUEUED}(?:[a-z_-]{{1,16}}: )?(?!(?:[\w-]{{1,32}} ){{0,4}}(?:user|for|as) )"
    rf"[\w-]{{1,32}}(?: [\w-]{{1,32}}){{0,4}}{_CLIENT}:"
    r"(?:(?!.* helo=<).* sasl_username=<?(?P<user>[^\s,<>]{1,128})>?\Z)?"
)
_HEADER = (  # … but for a header's words
    rf"{_QUEUED}[a-z]{{1,16}}: (?:header|body) (?:(?!.*> proto=.*> proto=).*{_CLIENT}; from=<[^\s\"<>]{{0,320}}>"
    rf" (?:to=<[^\s\"<>]{{0,320}}> )?proto=\w)?{_NOBODY}"
)
_SASL = (
    rf"{_QUEUED}[^\s\[\]]{{1,255}}\[{_PEER}\]: SASL [\w-]{{1,32}} authentication [a-z]{{1,16}}"
    r"(?:[^,]{0,255}, sasl_username=(?P<user>.{1,128})\Z)?"
)
_COMMAND = rf"{_QUEUED}[\w-]{{1,32}}(?: [\w-]{{1,32}}){{0,4}}{_CLIENT} in [A-Z]{{4}} command: {_NOBODY}"
_POSTSCREEN = (
    rf"(?:NOQUEUE: reject: )?[A-Z][A-Z -]{{1,40}}(?:(?:\d{{1,9}} )?after [\d.]{{1,16}})? from \[{_PEER}\]:\d{_NOBODY}"
)
_MESSAGE_ID = rf"[\dA-Za-z]{{5,20}}: (?:resent-)?message-id={_NOBODY}{_NOWHERE}"
_SENT_ON = (
    r"[\dA-Za-z]{5,20}: to=<(?=.* status=)(?:(?!.*>, relay=.*>, relay=)[^>]{0,320}>, (?:orig_to=<[^>]{0,320}>, )?"
    rf"relay=(?:none, [^(]{{0,255}}\(connect to )?[^\s\[\],]{{1,255}}\[{_PEER}\])?{_NOBODY}"
)
_GIN = rf"\| \d{{3}} \|[^|]{{1,40}}\| {{1,20}}{_PEER} \|{_NOBODY}"
_PROFTPD = (  # what it says of a name is the last that can be it
    rf"\S{{1,255}} \(\S{{1,255}}\[{_PEER}\]\)"
    r"(?:(?: -|:) USER (?P<user>.{1,256})(?:: Login successful|: no such user found| \(Login failed\)).*\Z)?"
)
_VSFTPD = rf"\[(?P<user>.{{1,256}})\] FAIL LOGIN: Client \"{_PEER}\"\Z"
_RADIUS = (
    r"(?:: )?(?:Auth: )?(?:\(\d{1,20}\) {1,4})?(?:Login (?:OK|incorrect)|Invalid user)[^\[]{0,200}: \["
    r"(?:(?P<user>(?:host/)?[^\[\]/]{1,128})(?:/[^\[\]]{0,128})?\] \(from client (?!.*\(from client )|.*\(from client )"
    r"(?:(?:[^()]{1,128}? cli )?(?P<address>\d{1,3}(?:\.\d{1,3}){3}"
    r"|(?=\S{0,40}::|(?:[\da-fA-F]{1,4}:){7})[\da-fA-F:]{2,45})(?=[ )]))?"
)
_RADIUS_TWICE = (  # the last one's address is its own at the line's end
    r"(?:: )?(?:Auth: )?(?:\(\d{1,20}\) {1,4})?(?:Login (?:OK|incorrect)|Invalid user)(?>.*?\(from client )"
    rf".*\(from client [^()]{{1,128}} cli {_LITERAL}\)\Z{_NOBODY}"
)
_EXIM_SAYS = (
    r"(?:\[\d{1,10}\] )?(?:\w{6}-\w{6,11}-\w{2,4} )?"
    r"(?:(?:[<=>*-][=>*]|>>) [^\s\"]{1,320} (?:[^\s\"=]{1,320} )?(?:[A-Z]{1,2}=[^\s\"]{1,320} ){0,6}?)?"
)
_HELLO = (  # Exim's: of a name with blanks the end counts, where only one place can be it
    r"(?:H=)?(?:[^\s(\[]{1,255} )?"
    r"(?:\((?![^=\"]{0,255}\) \[[\d.]{7,15}\][^=\"]{0,255}\) \[[\d.])"
    r"(?:[^\s()]{0,255}|(?!.*\) \[.*\) \[).{0,255})\) )?"
    rf"\[{_PEER}\](?::\d{{1,5}})?"
)
_EXIM = (
    rf"{_EXIM_SAYS}(?=H=)(?:{_HELLO}(?:(?: [A-Z]{{1,3}}=(?:[^\s\"]{{1,320}}|\"[^\"]{{0,320}}\")){{0,8}}?"
    r" A=[a-z_]{1,32}:(?P<user>\S{1,128}))?|H=\()"
)
_EXIM_AUTH = (
    rf"\w{{1,64}} authenticator failed for {_HELLO}(?: I=\S{{1,64}})?(?: U=\S{{1,64}})?: "
    r"(?:[^()]{0,128}\(set_id=(?P<user>.{1,128})\)\Z)?"
)
_FAILED_FOR = rf" failed for '\[?{_LITERAL}\]?(?::\d{{1,5}})?' (?:\(callid: [^\s()]{{1,255}}\) )?- [\w ,./-]{{1,128}}\Z"
_SIP = (  # Asterisk's
    r"(?:[\w:./\[\]-]{1,64} ){0,8}?(?:Registration|Request '[A-Z]{3,16}') from "
    r"'(?:[^'<>]{0,128}<sips?:(?P<user>[\w.+-]{1,64})@[^'<>]{1,255}>[^'<>]{0,128}|.*)'"
    rf"{_FAILED_FOR}"
)
_IDENTITY = rf"(?:\d\d\[IKE\] )?received EAP identity '(?P<user>.{{1,256}})'\Z{_NOWHERE}"
_MYSQL = (
    rf"(?:[\w:./+\[\]-]{{1,64}} ){{0,8}}?Access denied for user '(?P<user>.{{0,256}})'@'(?:{_PEER}|[^\s']{{1,255}})'"
    r" (?:\(using password: (?:YES|NO)\)|to database )"
)
_SAMBA = (
    r"(?P<user>[A-Za-z_][\w.\\$@-]{0,127})\|(?P<address>\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F]{0,4}:[\da-fA-F:]{1,40})\|"
    r"(?:[^|]{0,255}\|){0,4}(?:ok|fail)\b"
)

_BRACKETED = rf"\[{_PEER}\]"
_TWO_RELAYS = "(?!(?>.*?, relay=).*, relay=)"
_SENDMAIL = (  # what its mail's parties wrote may hold a relay too
    rf"(?:[\dA-Za-z]{{6,20}}: )?(?:from=<|to=(?=.*, stat=)|ruleset=|AUTH=server)(?:{_TWO_RELAYS}(?>.*?, relay=)"
    rf"(?:[^\s\[,]{{1,255}} |\[[^\s\],]{{1,255}}\] )?{_BRACKETED}"
    r"(?:\Z| \(may be forged\)|,(?: authid=(?P<user>[^\s,]{1,128}), mech=)?))?"
)
_ASKED_OF = (
    rf"[\dA-Za-z]{{6,20}}: \S{{1,255}} {_BRACKETED}(?: \(may be forged\))?: (?:VRFY|EXPN|HELO|EHLO|ETRN) {_NOBODY}"
)
_FROM_WHOM = rf"[\dA-Za-z]{{5,20}}: from=<.*>, size=\d{_NOBODY}{_NOWHERE}"
_ANSWERED = rf"{_QUEUED}host [^\s\[\]]{{1,255}}{_BRACKETED} said: {_NOBODY}"
_SUBMITTED = (
    rf"[\dA-Za-z]{{5,20}}: client=[^\s\[\]]{{1,255}}{_BRACKETED}(?:, sasl_method=[\w-]{{1,32}}, sasl_username="
    r"(?P<user>.{1,128}?))?(?:, (?:sasl_sender|orig_queue_id|orig_client)=[^\s,]{1,320}){0,3}\Z"
)
_MAILBOX = (  # Dovecot's, of whom it serves: all else are his mails' words
    r"(?:imap|pop3|lmtp|lda|managesieve|submission)\((?:\d{1,10}|(?P<user>[^\s(),]{1,128}))\)(?:<[^<>]{0,64}>){0,2}: "
    rf"(?:(?:Connect|Disconnect) from {_PEER}(?::|\Z))?"
)
_AUTH_PLACE = r",[\da-fA-F.:]{3,45}(?:,<[^<>]{0,64}>)?\)"
_AUTH_TWICE = rf"auth(?:-worker)?\b(?>.*?{_AUTH_PLACE}).*{_AUTH_PLACE}{_NOBODY}{_NOWHERE}"
_AUTH_ONCE = (
    r"auth(?:-worker)?\b[^()]{0,64}(?:\(pid=[^()]{1,64}\)[^()]{0,64})?\((?P<user>[^()]{1,256}),"
    rf"{_PEER}(?:,<[^<>]{{0,64}}>)?\): "
)
_BAD_LOGIN = rf"badlogin: (?:[^\[]{{0,255}} )?{_BRACKETED} \S{{1,32}} (?P<user>.{{1,128}}) SASL\(-?\d"
_SASLAUTHD = (
    rf"do_auth {{1,16}}: auth failure: \[user=(?P<user>.{{0,256}})\] \[service=[^\]]{{0,64}}\] \[realm={_NOWHERE}"
)
_FILES = (  # sftp-server's
    r"(?:open|opendir|close|closedir|mkdir|rmdir|remove name|rename old|posix-rename old|symlink old|hardlink old"
    rf"|l?stat name|realpath|readlink|set|forced close|statvfs) \"{_NOBODY}{_NOWHERE}"
)
_COMMANDS = (  # of processes the kernel knows only how they call themselves
    r"(?:Out of memory|Memory cgroup out of memory): |oom[-_]|Killed process \d|traps: "
    r"|.{1,32}\[\d{1,10}\]:? (?:segfault at|general protection|trap )"
)
_KERNELS = rf"(?:{_COMMANDS}){_NOBODY}{_NOWHERE}"
_JOB = rf"Starting job \d{{1,10}} \(.{{0,255}}\) for user '(?P<user>[^\s']{{1,128}})' \(\d{{1,10}}\)\Z{_NOWHERE}"
_UNIT = (  # a unit's description is anybody's who wrote the unit
    r"(?:Start(?:ed|ing)|Stopp(?:ed|ing)|Finished|Failed to start|Reload(?:ed|ing)|Reached target"
    r"|(?:Created|Removed) slice|Listening on) (?:[\w@.:\\-]{1,255} - )?"
    rf"(?:Session \S{{1,32}} of [uU]ser (?P<user>\S{{1,128}})\.\Z|.*\.\Z){_NOWHERE}"
)
_OF_UNIT = rf"\S{{1,255}}\.service: {_NOBODY}{_NOWHERE}"
_DUMPED = rf"Process \d{{1,10}} \(.{{0,64}}\) of user \d{{1,10}} {_NOBODY}{_NOWHERE}"
_BANNER = rf"banner exchange: Connection from {_PEER} port \d{{1,5}}: {_NOBODY}"
_AUTHENTICATED = (
    rf"%\w{{3}}-\d-61110\d: User authentication [a-z]{{1,16}}: IP address: {_PEER}, Uname: (?P<user>.{{1,128}})\Z"
)
_OPERATOR = (
    r"Operator of unix-\w{1,16}:\S{1,64} (?:successfully authenticated as unix-user:(?P<user>[^\s()]{1,128}) to gain "
    rf"|FAILED to authenticate ){_NOWHERE}"
)
_AGENT_OF = rf"(?:Unr|R)egistered Authentication Agent for unix-{_NOBODY}{_NOWHERE}"
_LOGIN_FAILED = (
    rf"FAILED LOGIN (?:(?:\(?\d{{1,5}}\)?|SESSION) )?(?:FROM (?:{_PEER}|\S{{1,255}}) |on '[^']{{1,64}}'"
    rf"(?: from '[^']{{1,255}}')? )FOR '?(?:UNKNOWN|(?P<user>.{{0,256}}(?<!')))'?, [A-Z][\w ]{{1,100}}\Z"
)
_BAD_PASSWORD = (
    rf"invalid password for '(?:UNKNOWN|(?P<user>.{{0,256}}))' on '[^']{{1,64}}'"
    rf"(?: from '(?:{_PEER}|[^']{{1,255}})')?\Z"
)
_FTPD = rf"FTP LOGIN (?:FAILED FROM (?:{_PEER}|\S{{1,255}}), )(?P<user>.{{1,256}})\Z"
_SWITCHED = (
    r"(?:FAILED SU \(to .{1,256}\) |\(to .{1,256}\) |'su .{1,256}' (?:failed|succeeded) for )"
    rf"(?P<user>[^\s()]{{1,128}}) on \S{{1,128}}\Z{_NOWHERE}"
)
_EXITED = rf"Exit before auth(?: from <(?:{_PEER}:\d{{1,5}})>)?:? \(user '(?P<user>.{{0,256}})', \d{{1,5}} fails\): "
_TOO_MANY = rf"Disconnecting: Too many authentication failures for (?P<user>.{{0,999}}?)(?: \[preauth\])?\Z{_NOWHERE}"
_NOT_ALLOWED = rf"User (?P<user>\S{{1,128}}) not allowed because {_NOWHERE}"
_KERBEROS = rf"Authorized to (?P<user>[^,\s]{{1,128}}), krb5 principal {_NOWHERE}"
_ALERT = (  # Snort's and Suricata's: the flow is the last
    rf"(?:\[\*\*\] )?\[\d{{1,10}}:\d{{1,10}}:\d{{1,10}}\] .*\[Priority: \d{{1,3}}\]:? "
    rf"(?:<[^<>]{{1,64}}> )?\{{[\w-]{{1,32}}\}} {_LITERAL}(?::\d{{1,5}})? -> \S{{1,64}}\s*\Z{_NOBODY}"
)
_RESOLVING = rf"[^']{{1,128}} resolving '.*: {_PEER}#\d{{1,5}}\Z{_NOBODY}"
_PEER_INFO = rf"(?:(?P<user>[A-Za-z][\w.@-]{{0,127}})/)?{_LITERAL}:\d{{1,5}} peer info: "  # OpenVPN's
_INITIATED = (
    r"(?:[\d.]{7,15}:\d{1,5} )?\[(?P<user>.{1,256})\] Peer Connection Initiated with"
    rf" \[AF_INET6?\]{_LITERAL}:\d{{1,5}}\Z"
)
_TWO_WORKERS = (
    rf"(?:worker|main|sec-mod)\b(?>.*?\]: {{1,2}}[\d.]{{7,15}}[: ]).*\]: {{1,2}}[\d.]{{7,15}}[: ]{_NOBODY}{_NOWHERE}"
)
_WORKER = rf"(?:worker|main|sec-mod)(?:\[(?P<user>.{{1,128}}?)\])?: {{1,2}}{_LITERAL}(?::\d{{1,5}})? "
_WORKER_FAILED = rf"worker: {{1,2}}{_LITERAL}(?::\d{{1,5}})? failed authentication for '(?P<user>.{{1,256}})'\Z"
_NTLM = rf"check_ntlm_password: {{1,2}}[aA]uthentication for user \[(?P<user>.{{0,256}})\] -> \[{_NOWHERE}"
_SERVED = (
    rf"\S{{1,255}} \(ipv[46]:{_LITERAL}:\d{{1,5}}\) (?:signed )?connect to service .{{1,255}} as user "
    r"(?P<user>\S{1,128}) \(uid=\d"
)
_SMB_LOGGED = rf"\.\./\S{{1,255}}\(\w{{1,128}}\)\s{{1,8}}{_SMB}"
_CONNECTED = rf"(?:\d{{1,20}} )?Connect\t(?P<user>.{{0,256}})@(?:{_PEER}|[^\s@]{{1,255}}) (?:on|as) [^@]*\Z"
_ABORTED = (
    r"Aborted connection \d{1,20} to db: '(?:(?!(?>.*? host: ').* host: ').*' user: '(?P<user>[^']{0,256})'"
    rf" host: '(?:{_PEER}|[^']{{1,255}})')?"
)
_ACCESSED = r"%\w{3}-\d-30400\d: (?P<address>[\da-fA-F.:]{2,45})(?:\((?P<user>[^()]{1,128})\))? Accessed "
_KDC = (
    rf"(?:AS|TGS)_REQ \([^()]{{0,512}}(?:\([^()]{{0,512}}\)[^()]{{0,512}}){{0,32}}\) {_PEER}: "
    r"(?=(?>.*?@\S{1,255} for ).*@\S{1,255} for )(?P<user>)"
)
_WRONG = rf"Login failed: '?(?P<user>.{{1,256}}?)'? \(Remote IP: '?{_PEER}'?\)\Z"  # Nextcloud's
_PPP = rf"(?:PAP|CHAP) (?:peer )?authentication (?:failed|succeeded) for (?P<user>.{{1,256}})\Z{_NOWHERE}"
_OFFERED = rf"DHCPDISCOVER from [\da-fA-F:]{{11,17}} \({_NOBODY}{_NOWHERE}"
_REFUSED_PASSWORD = rf"(?:[\w-]{{1,16}} )?authentication failed for user \"(?P<user>.{{0,128}})\"\Z{_NOWHERE}"
_IN_GROUP = (
    r"%\w{3}-\d-\d{6}: Group = [^,]{0,128}, Username = "
    rf"(?:(?!(?>.*?, IP = ).*, IP = )(?P<user>[^,]{{1,128}}), IP = {_PEER}, )?"
)
_LEASED = rf"DHCP[A-Z]{{3,8}}\([\w.-]{{1,32}}\) (?:{_PEER} )?[\da-f:]{{17}}(?: |\Z){_NOBODY}"
_STATION = rf"[\w.-]{{1,16}}: STA [\da-f:]{{17}} {_NOBODY}{_NOWHERE}"
_ACCESS_TWICE = (  # the name or the request holds what a line begins with
    rf"(?=\S{{0,255}}[.:])(?P<address>[^\s\[{{,]{{1,255}}) (?>.*? \[{_DATE}).* \[{_DATE}{_NOBODY}"
)

_Match = Callable[[str], re.Match[str] | None]


def _forms(*patterns: str) -> tuple[_Match, ...]:
    return tuple(re.compile(pattern, re.DOTALL).match for pattern in patterns)


_BEGINNINGS: dict[str, tuple[_Match, ...]] = {
    beginning: forms
    for beginnings, forms in (
        (
            ("Fail", "Acce", "Post", "Part"),
            _forms(f"{_TRYING}{_AT_THE_END}", f"{_TRIES}{_TWICE}", f"{_TRYING}{_TO_THE_END}", _UNIT),
        ),
        (("erro",), _forms(f"{_TRYING}{_AT_THE_END}", _REFUSED, _TOLD, _SENT)),
        (("Inva",), _forms(_INVALID, _RADIUS, _RADIUS_TWICE)),
        (("Logi",), _forms(_RADIUS, _RADIUS_TWICE, _WRONG)),
        (
            ("Conn", "Disc"),
            _forms(
                f"{_LEAVES}{_LEAVING}{_AT_THE_END}",
                _TOO_MANY,
                _CHANGED,
                f"{_LEAVES}{_TWICE}",
                f"{_LEAVES}{_LEAVING}{_TO_THE_END}",
            ),
        ),
        (("Rece", "Unab"), _forms(_TOLD)),
        (("fata", "ssh_"), _forms(_TOLD, _BROKE)),
        (("kex_",), _forms(_SENT)),
        (("Bad ",), _forms(_GREETED)),
        (("Nast",), _forms(_NASTY)),
        (
            ("pam_", "auth"),
            _forms(
                _SESSION,
                _TRIED_NAME,
                _REMOTE_NAME,
                _BAD_NAME,
                _NO_SUCH,
                _RECEIVED_FOR,
                _TALLIED,
                _RSYNC,
                _AUTH_TWICE,
                _AUTH_ONCE,
            ),
        ),
        (("comm",), _forms(_NOT_PERMITTED)),
        (("PAM ",), _forms(_TRIED_NAME, _REMOTE_NAME)),
        (("fail",), _forms(_NOT_ADDED)),
        (("Succ",), _forms(_SU)),
        (("rsyn",), _forms(_SYNCED)),
        (("usb ", "inpu", "hid-", "scsi"), _forms(_PLUGGED, _ASKED)),
        (("user",), _forms(_PHPMYADMIN, _STATEMENT)),
        (("STAT", "DETA", "CONT", "QUER"), _forms(_STATEMENT)),
        (("clie", "quer", "secu"), _forms(_BIND, _DNSMASQ)),
        (("forw", "repl", "cach", "conf"), _forms(_RESOLVED)),
        (("imap", "pop3", "subm", "mana", "lmtp", "lda("), _forms(_DOVECOT, _MAILBOX)),
        (("DHCP",), _forms(_LEASE, _LEASED, _OFFERED)),
        (("badl",), _forms(_BAD_LOGIN)),
        (("do_a",), _forms(_SASLAUTHD)),
        (("AUTH", "rule"), _forms(_SENDMAIL)),
        (
            (
                "open",
                "clos",
                "mkdi",
                "rmdi",
                "remo",
                "rena",
                "posi",
                "syml",
                "hard",
                "lsta",
                "stat",
                "real",
                "read",
                "set ",
                "forc",
            ),
            _forms(_FILES),
        ),
        (("Out ", "Memo", "oom_", "oom-", "Kill", "trap"), _forms(_KERNELS)),
        (("pass", "peer", "Peer", "iden", "Iden", "LDAP", "SCRA", "GSSA"), _forms(_REFUSED_PASSWORD)),
        (("Proc",), _forms(_DUMPED)),
        (("bann",), _forms(_BANNER)),
        (("Star", "Stop", "Fini", "Relo", "Reac", "Crea", "Remo", "List"), _forms(_JOB, _UNIT)),
        (("Oper", "Regi", "Unre"), _forms(_OPERATOR, _AGENT_OF)),
        (("FAIL",), _forms(_LOGIN_FAILED, _SWITCHED, _SU)),
        (("inva",), _forms(_BAD_PASSWORD)),
        (("FTP ",), _forms(_FTPD)),
        (("(to ", "'su "), _forms(_SWITCHED)),
        (("Exit",), _forms(_EXITED)),
        (("User",), _forms(_NOT_ALLOWED)),
        (("chec",), _forms(_NTLM)),
        (("../.",), _forms(_SMB_LOGGED)),
        (("Abor",), _forms(_ABORTED)),
        (("AS_R", "TGS_"), _forms(_KDC)),
        (("PAP ", "CHAP"), _forms(_PPP)),
        (("%ASA", "%FTD"), _forms(_OUTBOUND, _REJECTED, _REFUSING, _GROUPED, _ACCESSED, _AUTHENTICATED, _IN_GROUP)),
        (("%SEC",), _forms(_LOGIN)),
        (("work", "main", "sec-"), _forms(_TWO_WORKERS, _WORKER_FAILED, _WORKER)),
        (("conn",), _forms(_QNAP)),
        (("Auth",), _forms(_SMB, _RADIUS, _RADIUS_TWICE, _KERBEROS)),
        (("logi", "plai", "dove", "fixe", "cram", "LOGI", "PLAI"), _forms(_EXIM_AUTH)),
        (("info",), _forms(_LOOKED_UP)),
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
        ("(", ((") ", _CRON), (" connect to service ", _SERVED))),
        ("*", ((", client: ", _NGINX), (", client: ", _NGINX_TWICE))),
        (":", ((" peer info: ", _PEER_INFO), (".service: ", _OF_UNIT), (": STA ", _STATION))),
        (
            "=",
            (
                (", relay=", _SENDMAIL),
                (": from=<", _FROM_WHOM),
                (": client=", _SUBMITTED),
                (": message-id=", _MESSAGE_ID),
                ("resent-message-id=", _MESSAGE_ID),
                (": to=<", _SENT_ON),
            ),
        ),
        ("|", (("|", _SAMBA), (" | ", _GIN))),
        (
            "[",
            (
                ("[client ", _APACHE),
                ("/20", _ACCESS_TWICE),
                ("/20", _ACCESS),
                ("/20", _HAPROXY),
                ("]: SASL ", _SASL),
                ("]: ", _POSTFIX),
                ("]: ", _ASKED_OF),
                ("] said: ", _ANSWERED),
                ("]: segfault at ", _KERNELS),
                ("[Priority: ", _ALERT),
                ("] Peer Connection ", _INITIATED),
                ("] in ", _COMMAND),
                (" from [", _POSTSCREEN),
                ("]; from=<", _HEADER),
                ("])", _PROFTPD),
                ("] FAIL LOGIN: ", _VSFTPD),
                ("H=", _EXIM),
            ),
        ),
        (
            "'",
            (
                ("' failed for '", _SIP),
                ("Access denied for user '", _MYSQL),
                ("EAP identity '", _IDENTITY),
                (" resolving '", _RESOLVING),
                ("SSID", _NETWORK),
                (" connection '", _NETWORK),
            ),
        ),
        ("@", ((":  ", _POSTGRES), (":  ", _STATEMENT), ("Connect\t", _CONNECTED))),
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
