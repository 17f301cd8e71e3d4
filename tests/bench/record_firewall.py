"""Records a firewall's week: real packets through a real netfilter, logged by a real ulogd, in namespaces of its own.

    python tests/bench/record_firewall.py OUT.log.gz [--seed 0]          as root; needs iproute2, nftables and ulogd2

Three network namespaces: `lan` holds the inside hosts, `dmz` the servers, `wan` the rest of the world. The firewall
between them lets through what is meant to be, and logs each new connection and each packet it drops (NFLOG, ulogd2's
LOGEMU). Nothing outside the namespaces is touched, and they are gone when it ends.

Time is compressed: all packets are sent one after the other within a minute, in the order of a plan. Each record gets
the plan's second for its stamp, and for its host `fw-01 ulogd[PID]:` as ulogd's syslog output would; SEQ and ACK, which
the kernel's own LOG leaves out too, are taken off. All else is as ulogd wrote it; a packet sent again is logged once.
The plan, Monday 2 to Friday 6 November 2026, UTC, by seed:

* Twelve inside hosts, each 18 connections an hour at work (8 to 18 h, at noon 6) and 1 otherwise, to servers and to the
  web. A monitor asks each server every ten minutes, a backup speaks to the file server each night at 2 h.
* Clients from outside, 20 an hour by day and 5 by night, to web and mail. What is denied: 12 packets an hour from
  anywhere outside to closed ports, and now and then an inside host that tries what it may not.
* A port scan (Thursday 14:20, 1,024 ports of the web server in two minutes), a SYN flood (Friday 10:40, 3,000 packets
  to its port 443 in a minute, all from one address), a slow scan (Friday 9 to 17 h, one port of the mail server a
  minute). Those packets are lone SYNs of a raw socket; all others are the kernel's own connections.

What is planted is told by its address, which does nothing else.
"""

from __future__ import annotations

import argparse
import ctypes
import gzip
import os
import random
import re
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

MONDAY = datetime(2026, 11, 2, tzinfo=UTC).timestamp()
DAYS = 5
HOUR_S, DAY_S = 3_600.0, 86_400.0
WEB, MAIL, FILES, NAMES, SHELL = (f"10.20.1.{n}" for n in range(10, 15))
SERVERS = {WEB: 443, MAIL: 993, FILES: 445, NAMES: 53, SHELL: 22}
INSIDE = tuple(f"10.20.0.{n}" for n in range(11, 23))
MONITOR, BACKUP = "10.20.0.5", "10.20.0.6"
CLOSED = (23, 445, 3389, 22, 8080, 5900, 1433)
OUTSIDE = ("192.0.2", "198.51.100", "203.0.113")
PLANTED = {"port scan": "203.0.113.66", "SYN flood": "198.51.100.99", "slow scan": "192.0.2.77"}
"""What is to be found, and the address that does it and nothing else."""
WISHES = {"name": 30.0, "web": 35.0, "mail": 12.0, "files": 12.0, "site": 8.0, "shell": 2.0, "denied": 0.3}
"""What an inside host wants, and how often, of a hundred."""
ZONES = (
    ("lan", "10.20.0.1", "10.20.0.2"),
    ("dmz", "10.20.1.1", "10.20.1.2"),
    ("wan", "100.64.0.1", "100.64.0.2"),
)
"""(namespace, the firewall's address there, the other end's)."""
CLONE_NEWNET = 0x40000000
RULES = """
table inet fw {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lan" oifname "dmz" tcp dport { 22, 25, 443, 445, 993 } log prefix "FW-ACCEPT " group 1 accept
    iifname "lan" oifname "dmz" udp dport 53 log prefix "FW-ACCEPT " group 1 accept
    iifname "lan" oifname "wan" tcp dport { 80, 443 } log prefix "FW-ACCEPT " group 1 accept
    iifname "wan" oifname "dmz" ip daddr 10.20.1.10 tcp dport { 80, 443 } log prefix "FW-ACCEPT " group 1 accept
    iifname "wan" oifname "dmz" ip daddr 10.20.1.11 tcp dport 25 log prefix "FW-ACCEPT " group 1 accept
    log prefix "FW-DROP " group 1
  }
}
"""
ULOGD = """
[global]
logfile="{folder}/ulogd.log"
plugin="{plugins}/ulogd_inppkt_NFLOG.so"
plugin="{plugins}/ulogd_raw2packet_BASE.so"
plugin="{plugins}/ulogd_filter_IFINDEX.so"
plugin="{plugins}/ulogd_filter_IP2STR.so"
plugin="{plugins}/ulogd_filter_PRINTPKT.so"
plugin="{plugins}/ulogd_output_LOGEMU.so"
stack=in:NFLOG,base:BASE,ifi:IFINDEX,ip2str:IP2STR,print:PRINTPKT,out:LOGEMU
[in]
group=1
netlink_socket_buffer_size=8388608
netlink_socket_buffer_maxsize=33554432
[out]
file="{records}"
sync=1
"""
_SEQUENCE = re.compile(r"SEQ=\d+ ACK=\d+ ")
_KEY = re.compile(r"SRC=(\S+) DST=(\S+) .*PROTO=(\S+) SPT=(\d+) DPT=(\d+)")


class Packet(NamedTuple):
    """The first of a connection, and when it is said to have come, seconds since the epoch."""

    time: float
    zone: str
    """The namespace that sends it."""
    protocol: str
    source: str
    sport: int
    destination: str
    dport: int
    is_raw: bool = False
    """A lone SYN; else the kernel's own connection."""

    @property
    def key(self) -> tuple[str, ...]:
        """How its record is told."""
        return self.source, self.destination, self.protocol, str(self.sport), str(self.dport)


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan, send, record. Exit codes: 0, or 1 where records are missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not options.apart:  # in namespaces of its own, and again
        again = [sys.executable, __file__, str(options.out), "--seed", str(options.seed), "--apart"]
        return subprocess.run(["unshare", "--net", "--mount", "--", *again], check=False).returncode
    packets = plan(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        records, pid = _recorded(packets, Path(folder))
    lines = _stamped(packets, records, pid)
    with options.out.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write("".join(lines).encode())
    print(f"{len(packets):,} packets, {len(lines):,} records, {options.out.stat().st_size:,} bytes")
    return int(len(lines) != len(packets))


def plan(seed: int) -> list[Packet]:
    """All packets of the week, oldest first."""
    chance = random.Random(seed)  # noqa: S311 - made-up traffic
    hours = [MONDAY + hour * HOUR_S for hour in range(DAYS * 24)]
    wanted = [packet for start in hours for packet in (*_inside(start, chance), *_outside(start, chance))]
    wanted += _planted(chance)
    return sorted(_distinct(wanted, chance), key=lambda packet: packet.time)


def _inside(start: float, chance: random.Random) -> Iterator[Packet]:
    hour = int(start % DAY_S // HOUR_S)
    rate = (6 if hour == 12 else 18) if 8 <= hour < 18 else 1
    for host in INSIDE:
        for _ in range(_poisson(rate, chance)):
            kind = chance.choices(list(WISHES), list(WISHES.values()))[0]
            yield _wish(kind, host, start + chance.uniform(0, HOUR_S), chance)
    for ten in range(6):
        for n, (server, port) in enumerate(SERVERS.items()):
            yield Packet(start + ten * 600 + n, "lan", "UDP" if port == 53 else "TCP", MONITOR, 0, server, port)
    for n in range(20 if hour == 2 else 0):
        yield Packet(start + n * 60 + chance.uniform(0, 20), "lan", "TCP", BACKUP, 0, FILES, 445)


def _wish(kind: str, host: str, at: float, chance: random.Random) -> Packet:
    if kind == "web":
        return Packet(at, "lan", "TCP", host, 0, f"{chance.choice(OUTSIDE)}.{chance.randint(1, 20)}", 443)
    if kind == "denied":
        return Packet(at, "lan", "TCP", host, 0, f"{chance.choice(OUTSIDE)}.{chance.randint(1, 250)}", 6_881)
    server, port = {"name": (NAMES, 53), "mail": (MAIL, 993), "files": (FILES, 445), "site": (WEB, 443)}.get(
        kind, (SHELL, 22)
    )
    return Packet(at, "lan", "UDP" if port == 53 else "TCP", host, 0, server, port)


def _outside(start: float, chance: random.Random) -> Iterator[Packet]:
    hour = int(start % DAY_S // HOUR_S)
    for _ in range(_poisson(20 if 7 <= hour < 22 else 5, chance)):
        server, port = chance.choices(((WEB, 443), (WEB, 80), (MAIL, 25)), (6, 1, 3))[0]
        yield Packet(start + chance.uniform(0, HOUR_S), "wan", "TCP", _anyone(chance), 0, server, port)
    for _ in range(_poisson(12, chance)):
        server, port = chance.choice(list(SERVERS)), chance.choice(CLOSED)
        yield Packet(start + chance.uniform(0, HOUR_S), "wan", "TCP", _anyone(chance), 0, server, port)


def _planted(chance: random.Random) -> Iterator[Packet]:
    scanner, flooder, patient = PLANTED.values()
    ports = chance.sample(range(1, 1_025), 1_024)
    thursday, friday = MONDAY + 3 * DAY_S, MONDAY + 4 * DAY_S
    scan, flood, slow = thursday + (14 + 1 / 3) * HOUR_S, friday + (10 + 2 / 3) * HOUR_S, friday + 9 * HOUR_S
    for n, port in enumerate(ports):
        yield Packet(scan + n * 120 / 1_024, "wan", "TCP", scanner, 51_234, WEB, port, is_raw=True)
    for n, sport in enumerate(chance.sample(range(1_024, 65_536), 3_000)):
        yield Packet(flood + n * 60 / 3_000, "wan", "TCP", flooder, sport, WEB, 443, is_raw=True)
    for minute, port in enumerate(ports[:480]):
        yield Packet(slow + minute * 60, "wan", "TCP", patient, 40_404, MAIL, port, is_raw=True)


def _distinct(packets: Sequence[Packet], chance: random.Random) -> Iterator[Packet]:
    """With a source port where they have none: no two alike, so that each record is told."""
    taken: set[tuple[str, int]] = set()
    for packet in packets:
        while not packet.sport or (not packet.is_raw and (packet.source, packet.sport) in taken):
            packet = packet._replace(sport=chance.randrange(32_768, 61_000))  # noqa: PLW2901 - until it is new
        taken.add((packet.source, packet.sport))
        yield packet


def _anyone(chance: random.Random) -> str:
    """An address outside, which may come again; never one of what is planted."""
    while (address := f"{chance.choice(OUTSIDE)}.{chance.randint(21, 250)}") in PLANTED.values():
        pass
    return address


def _poisson(rate: float, chance: random.Random) -> int:
    n, left = 0, chance.expovariate(rate)
    while left < 1.0:
        n, left = n + 1, left + chance.expovariate(rate)
    return n


def _recorded(packets: Sequence[Packet], folder: Path) -> tuple[list[str], int]:
    """Ulogd's records of the packets, and its pid."""
    for command in _commands():
        subprocess.run(command.split(), check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
    subprocess.run(["nft", "-f", "-"], input=RULES, text=True, check=True)
    plugins = next(Path("/usr/lib").glob("*/ulogd"))
    records, config = folder / "records.log", folder / "ulogd.conf"
    config.write_text(ULOGD.format(folder=folder, plugins=plugins, records=records), encoding="utf-8")
    daemon = subprocess.Popen(["ulogd", "-c", str(config)])
    while not records.exists():
        time.sleep(0.1)
    with _listening():
        for packet in packets:
            _send(packet)
    time.sleep(3.0)  # what is on its way
    daemon.terminate()
    daemon.wait()
    return records.read_text(encoding="utf-8").splitlines(), daemon.pid


def _commands() -> Iterator[str]:
    """What builds the three networks around this one."""
    yield "mount --make-rprivate /"
    Path("/run/netns").mkdir(exist_ok=True)
    yield "mount -t tmpfs none /run/netns"
    for zone, gate, peer in ZONES:
        yield f"ip netns add {zone}"
        yield f"ip link add {zone} type veth peer name eth0 netns {zone}"
        yield f"ip addr add {gate}/24 dev {zone}"
        yield f"ip link set {zone} up"
        yield f"ip -n {zone} addr add {peer}/24 dev eth0"
        yield f"ip -n {zone} link set eth0 up"
        yield f"ip -n {zone} link set lo up"
        yield f"ip -n {zone} route add default via {gate}"
    for host in (*INSIDE, MONITOR, BACKUP):
        yield f"ip -n lan addr add {host}/24 dev eth0"
    for server in SERVERS:
        yield f"ip -n dmz addr add {server}/24 dev eth0"
    yield "ip route add default via 100.64.0.2"
    for net in OUTSIDE:  # all of it is wan's
        yield f"ip -n wan route add local {net}.0/24 dev lo"


@contextmanager
def _inside_of(zone: str) -> Iterator[None]:
    """Sockets made here belong to that namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open("rb") as home, Path(f"/run/netns/{zone}").open("rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {zone}")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


@contextmanager
def _listening() -> Iterator[None]:
    """Servers that answer and hang up, until it is left."""
    chosen, stop = selectors.DefaultSelector(), threading.Event()
    for zone, ports in (("dmz", (22, 25, 80, 443, 445, 993)), ("wan", (80, 443))):
        with _inside_of(zone):
            for port in ports:
                server = socket.create_server(("0.0.0.0", port), backlog=1_024)  # noqa: S104 - of a namespace of its own
                server.setblocking(False)
                chosen.register(server, selectors.EVENT_READ, server)

    def serve() -> None:
        while not stop.is_set():
            for key, _ in chosen.select(0.2):
                with suppress(BlockingIOError):
                    key.data.accept()[0].close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _send(packet: Packet) -> None:
    here, there = (packet.source, packet.sport), (packet.destination, packet.dport)
    with _inside_of(packet.zone):
        if packet.is_raw:
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
                raw.sendto(_syn(packet), (packet.destination, 0))
            return
        kind = socket.SOCK_DGRAM if packet.protocol == "UDP" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            plain.bind(here)
            plain.setblocking(False)
            with suppress(BlockingIOError, ConnectionRefusedError):
                plain.connect(there)
                if packet.protocol == "UDP":
                    plain.send(b"?")


def _syn(packet: Packet) -> bytes:
    """A lone SYN as scanners send it; the kernel fills in IP's id and checksum."""
    ends = socket.inet_aton(packet.source) + socket.inet_aton(packet.destination)
    head = struct.pack("!HHIIBBHHH", packet.sport, packet.dport, packet.dport * 7_919, 0, 5 << 4, 2, 1_024, 0, 0)
    total = sum(struct.unpack("!16H", ends + struct.pack("!HH", socket.IPPROTO_TCP, len(head)) + head))
    total = (total >> 16) + (total & 0xFFFF)
    check = ~(total + (total >> 16)) & 0xFFFF
    tcp = head[:16] + struct.pack("!H", check) + head[18:]
    return struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0) + ends + tcp


def _stamped(packets: Sequence[Packet], records: Sequence[str], pid: int) -> list[str]:
    """The first record of each packet, under the plan's second."""
    by_key: dict[tuple[str, ...], str] = {}
    for record in records:
        if found := _KEY.search(record):
            by_key.setdefault(found.groups(), record)
    lines = []
    for packet in packets:
        if wrote := by_key.get(packet.key):
            said = _SEQUENCE.sub("", wrote[wrote.index("FW-") :].rstrip())
            lines.append(f"{datetime.fromtimestamp(packet.time, UTC):%Y-%m-%dT%H:%M:%S}Z fw-01 ulogd[{pid}]: {said}\n")
    return lines


if __name__ == "__main__":
    if os.geteuid():
        sys.exit("record_firewall: only root can make namespaces")
    sys.exit(main())
