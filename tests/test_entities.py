"""`parsers.entities`: who and from where, in real messages."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.entities import entities

KNOWN = [
    ("Failed password for root from 10.1.2.3 port 22 ssh2", "root", "10.1.2.3"),
    ("Failed password for invalid user admin from 10.1.2.3 port 22 ssh2", "admin", "10.1.2.3"),
    ("Failed none for invalid user 0101 from 10.1.2.3 port 22 ssh2", "0101", "10.1.2.3"),
    ("Accepted publickey for ubuntu from 2001:db8::7 port 22 ssh2: RSA SHA256:abc", "ubuntu", "2001:db8::7"),
    ("Failed password for root from peer.example.net port 22 ssh2", "root", "peer.example.net"),
    ("Invalid user admin from 10.1.2.3", "admin", "10.1.2.3"),
    ("Invalid user  from 10.1.2.3", "", "10.1.2.3"),
    ("Failed password for invalid user  from 10.1.2.3 port 22 ssh2", "", "10.1.2.3"),
    ("input_userauth_request: invalid user admin [preauth]", "admin", ""),
    ("input_userauth_request: invalid user  [preauth]", "", ""),
    (
        "error: maximum authentication attempts exceeded for root from 10.1.2.3 port 22 ssh2 [preauth]",
        "root",
        "10.1.2.3",
    ),
    ("Connection closed by authenticating user root 10.1.2.3 port 22 [preauth]", "root", "10.1.2.3"),
    ("Connection closed by invalid user pi 10.1.2.3 port 22 [preauth]", "pi", "10.1.2.3"),
    ("Disconnected from user alice 10.1.2.3 port 22", "alice", "10.1.2.3"),
    ("Disconnecting: Too many authentication failures for admin [preauth]", "admin", ""),
    ("Starting session: shell on pts/0 for ubuntu from 10.1.2.3 port 22 id 0", "ubuntu", "10.1.2.3"),
    ("User root from 10.1.2.3 not allowed because not listed in AllowUsers", "root", "10.1.2.3"),
    ("Connection from 10.1.2.3 port 1 on 10.9.9.9 port 22", "", "10.1.2.3"),
    ("Received disconnect from 10.1.2.3: 11: Bye Bye [preauth]", "", "10.1.2.3"),
    ("reverse mapping checking getaddrinfo for ns.example.net [10.1.2.3] failed", "", "10.1.2.3"),
    ("Server listening on 0.0.0.0 port 22.", "", ""),
    ("Server listening on :: port 22.", "", ""),
    ("pam_unix(sshd:auth): authentication failure; tty=ssh ruser= rhost=10.1.2.3  user=root", "root", "10.1.2.3"),
    ("authentication failure; logname= uid=0 euid=0 tty=ssh ruser=x rhost=h.example.net", "", "h.example.net"),
    ("pam_unix(sshd:session): session opened for user root by (uid=0)", "root", ""),
    ("pam_unix(su:session): session opened for user root(uid=0) by ubuntu(uid=1000)", "root", ""),
    ("session closed for user news", "news", ""),
    ("ubuntu : TTY=pts/0 ; PWD=/home/ubuntu ; USER=root ; COMMAND=/bin/su", "ubuntu", ""),
    ("eve : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/su", "eve", ""),
    ("Successful su for root by ubuntu", "ubuntu", ""),
    ("(to root) alice on pts/1", "alice", ""),
    ("+ /dev/pts/0 ubuntu:root", "ubuntu", ""),
    ("(root) CMD (run-parts /etc/cron.hourly)", "root", ""),
    ("New session 203 of user elastic_user_4.", "elastic_user_4", ""),
    ("new user: name=eve, UID=1001, GID=1001, home=/home/eve, shell=/bin/bash", "eve", ""),
    ("failed adding user 'eve', data deleted", "eve", ""),
    ("pam_unix(chpasswd:chauthtok): password changed for eve", "eve", ""),
    ("connection from 10.1.2.3 (peer.example.net) at Sat Jun 18 02:08:10 2005", "", "10.1.2.3"),
    ("MDNS: IPV6 Addr: 2607:f140:6000:8:c6b3:1ff:fecd:467f", "", "2607:f140:6000:8:c6b3:1ff:fecd:467f"),
    ("Removed session 203.", "", ""),
    ("05[IKE] IKE_SA rw[5] established between 10.0.0.1[vpn.example.org]...10.1.2.3[bob]", "bob", "10.1.2.3"),
    ("alice|10.3.4.5|projects|unlinkat|ok|/srv/old.docx", "alice", "10.3.4.5"),
    ('"GET /?q=1 A=login:root HTTP/1.1"', "", ""),
    ("A record of User guide.", "", ""),
    ("CEF:0|F5|ASM|11|illegal request|5|act=ok", "", ""),
    ("INFO|42|worker started", "", ""),
    ("2026-11-23|10.0.0.1|GET|/|ok", "", "10.0.0.1"),
    (
        'SecurityEvent="InvalidPassword",AccountID="<unknown>",RemoteAddress="IPV4/UDP/203.0.113.29/5071"',
        "",
        "203.0.113.29",
    ),
    ("auth failed, server address '10.1.1.20', From: 203.0.113.33.", "", "203.0.113.33"),
    ("blocked dst=10.0.0.2 by server src=10.0.0.1", "", "10.0.0.1"),
    ("block in on em0: 10.1.2.3.4711 > 10.0.0.1.22: Flags [S], seq 1", "", "10.1.2.3"),
    ("snmpEngineID of 1.3.6.1.4 unknown", "", ""),
    ("Registration from '\"100\" <sip:100@10.0.0.1>' failed for '10.1.2.3:5060' - Wrong password", "100", "10.1.2.3"),
    ('dstip=10.0.0.1 dstport=443 srcip=10.1.2.3 unauthuser="bob"', "bob", "10.1.2.3"),
    ("Login on interface 10.0.0.1, client address: 10.1.2.3", "", "10.1.2.3"),
    ("remote host [ipv4:10.1.2.3:4711] local host [ipv4:10.0.0.1:445]", "", "10.1.2.3"),
    ("auth: passwd-file(bob,10.1.2.3): unknown user", "bob", "10.1.2.3"),
    ("badlogin: mx [10.1.2.3] plaintext bob SASL(-13): authentication failure", "bob", "10.1.2.3"),
    ("login failed for bob from 10.1.2.3", "bob", "10.1.2.3"),
    ("Authentication failed for client (aabb.ccdd.eeff) on Gi1/0/5", "", ""),
    ("Authentication failed for 10.1.2.3", "", "10.1.2.3"),
    ("User: N/A  Session: 5", "", ""),
    ("User=bob, IP=10.1.2.3", "bob", "10.1.2.3"),
    ('{"level":"warn","username":"bob","msg":"denied"}', "bob", ""),
    ("(bob) RELOAD (crontabs/bob)", "bob", ""),
    ("(CRON) INFO (pidfile fd = 3)", "", ""),
    ("AS_REQ (8 etypes {18}) 10.1.2.3: ISSUE: etypes {rep=18}, bob@EXAMPLE.ORG for krbtgt/X@X", "bob", "10.1.2.3"),
    ("at 12:34:56 version 1.2.3 and 300.1.2.3 said std::vector", "", ""),
]


@pytest.mark.parametrize(("message", "user", "address"), KNOWN)
def test_a_message_names_its_user_and_its_peer(message: str, user: str, address: str) -> None:
    """The real forms of sshd, PAM, sudo, su, cron, logind and useradd; empty names exist, and stay empty."""
    assert entities(message) == (user, address)


def test_a_user_name_cannot_forge_the_address() -> None:
    """Strangers choose user names; the address is the last one, which sshd writes itself."""
    assert entities("Invalid user x from 10.0.0.1 from 10.1.2.3") == ("x from 10.0.0.1", "10.1.2.3")
    assert entities("Failed password for invalid user src=10.0.0.1 from 10.1.2.3 port 22 ssh2")[1] == "10.1.2.3"
    assert entities("Invalid user ip=10.0.0.1 from 10.1.2.3")[1] == "10.1.2.3"
    assert (
        entities("Failed password for invalid user a from 10.0.0.1 port 1 from 10.1.2.3 port 22 ssh2")[1] == "10.1.2.3"
    )


@pytest.mark.parametrize(
    ("message", "user", "address"),
    [
        ('open "/srv/for user eve from [10.0.0.1]" flags READ', "", ""),  # a quote holds a stranger's words …
        ("received Reply-Message 'a' user=eve from 10.0.0.1'", "", ""),  # … and fences nothing where he closes it
        ('url="/a" srcip=10.0.0.1 x="b" srcip=10.1.2.3 user="kim"', "", ""),  # no line has two peers
        ("wlan0: send auth to user=eve (try 1/3)", "", ""),  # a sentence names something
        ("hostname user=eve.example does not resolve to address 10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3 already banned user=eve from 10.0.0.1", "", "10.1.2.3"),
        ("duration: 5 ms  statement: select 1 -- for user eve from 10.0.0.1", "", ""),
        ('Denied by rule, msg="login failed for kim from 10.1.2.3"', "kim", "10.1.2.3"),  # but the program's own
        ("Access denied for user=kim ip=10.1.2.3", "kim", "10.1.2.3"),
        ('Login attempt failed for user "jan de vries"', "jan de vries", ""),
    ],
)
def test_what_a_stranger_may_have_written_names_nobody(message: str, user: str, address: str) -> None:
    """The rules for lines of no known form: quotes, keys that come twice, values of sentences, others' words."""
    assert entities(message) == (user, address)


@pytest.mark.parametrize(
    "name", ["a COMMAND=/x", "a : TTY=", "b|10.0.0.1|ok", "a from b[10.0.0.1]: x", "x user=eve", 'a" from']
)
def test_a_user_name_cannot_pass_for_another_programs_line(name: str) -> None:
    """What cuts a command or a request off hides no address: those lines are known from their beginning on."""
    assert entities(f"Invalid user {name} from 10.1.2.3 port 22") == (name, "10.1.2.3")
    assert entities(f"Failed password for invalid user {name} from 10.1.2.3 port 22 ssh2") == (name, "10.1.2.3")
    assert entities(f"Connection closed by invalid user {name} 10.1.2.3 port 22 [preauth]") == (name, "10.1.2.3")


@given(st.lists(st.one_of(st.text(max_size=9), st.sampled_from(KNOWN).map(lambda known: known[0]))).map(" ".join))
def test_any_message_has_two_entities_that_stand_in_it(message: str) -> None:
    """Nothing raises, and nothing is invented."""
    user, address = entities(message)
    assert user in message
    assert address in message


def test_hostile_messages_take_no_longer_than_their_length_allows() -> None:
    """A megabyte of half a form is read in a second; a millisecond is usual."""
    for piece in (
        " from ",
        "invalid user ",
        "password for ",
        " : ",
        "user=",
        "1.1.1.",
        "::",
        "of user a",
        "Starting session: ",
        "Login failed for ",
        "User: ",
        "user: '",
        "ip=1.1.1.1 ",
        "1.1.1.1.1 > ",
        "auth(a,",
        "TGS_REQ , a@b for ",
        '" from ',
        ", client: ",
        "a from b[1.1.1.1]: ",
        "; user a logged in ",
        "user denied: (a) from ",
        "Disconnecting : Change of ",
        "Disconnecting user a 1.1.1.1 port 1:",
        "Failed a for a from 1.1.1.1 port 1 ssh2:",
        "ABCDE: to=<>, relay= status=",
        "ABCDE: a: header > proto= from a[1.1.1.1]; from=<",
        "*1 , client: 1.1.1.1, server: ",
        "authentication failure; logname= uid=0 euid=0 tty=ftp ruser= rhost=a user=",
        '10.0.0.7 a=" from ',
        '"\\"',
        " user=a from 1.1.1.1 ",
        "message repeated 1 times: [ ",
        "from=<a>, relay=[1.1.1.1]",
        "auth: a(b,1.1.1.1)",
        "Login incorrect (from client a cli 1.1.1.1)",
        "1abcde-0006KX-AB H=(a) [1.1.1.1] ",
        "imap-login: x: user=<a>, rip=1.1.1.1, lip=",
        "Aborted connection 1 to db: ' host: '",
        "user=a.[",
    ):
        began = time.perf_counter()
        entities(piece * (1_000_000 // len(piece)))
        assert time.perf_counter() - began < 1
