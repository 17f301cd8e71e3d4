"""A firewall's recorded week: how its records are read, and whether a port scan in it is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from models.windows import Tails
from parsers.line import LogLine
from plugin import explain
from plugin.config import ViewSettings
from plugin.doors import files
from plugin.pipeline import Anomaly, judge
from plugin.training import Plan, learn_blocks
from tests.bench.record_firewall import DAY_S, MONDAY, PLANTED, plan

RECORDS = Path(__file__).parent / "data" / "firewall.log.gz"


@cache
def week() -> list[LogLine]:
    """All records."""
    lines, rejected = files.read([str(RECORDS)])
    assert not rejected
    return lines


def test_a_firewalls_records_are_read() -> None:
    """Each has its host, program, peer and second; both ports and what was decided stand in the text."""
    packets = plan(seed=0)
    assert len(week()) == len(packets)
    for line, packet in zip(week(), packets, strict=True):
        assert (line.host, line.program, line.user) == ("fw-01", "ulogd", "")
        assert (line.address, int(line.time)) == (packet.source, int(packet.time))
        said = dict(re.findall(r"(\w+)=(\S*)", line.message))
        ends = packet.source, packet.destination, packet.protocol, str(packet.sport), str(packet.dport)
        assert tuple(said[name] for name in ("SRC", "DST", "PROTO", "SPT", "DPT")) == ends
        assert line.message.startswith(("FW-ACCEPT ", "FW-DROP "))


def test_a_port_scan_is_told() -> None:
    """Of two days in four blocks, by how much comes of each address, for five alerts a day: the worst, and named."""
    two = [line for line in week() if MONDAY + 2 * DAY_S <= line.time < MONDAY + 4 * DAY_S]
    small = ViewSettings(session_by=("source.ip",), detector={"kind": "counts", "epochs": 5})
    learnt = learn_blocks(two, Plan("firewall", {"volume": small}, 5.0, "1", "", 0), lambda _share: None)
    found: list[Anomaly] = []
    tails: Mapping[str, Tails[LogLine]] = {}
    for block, bundle in zip(learnt.blocks, learnt.bundles, strict=True):
        more, tails = judge(bundle.matcher.match(block), "firewall", bundle, tails, 0.0)
        found += more
    worst = max(found, key=lambda anomaly: anomaly.surprise)
    assert worst.sighting.session == f"source.ip={PLANTED['port scan']}"
    assert f"{datetime.fromtimestamp(worst.sighting.time, UTC):%a %H:%M}" == "Thu 14:21"
    assert "in one hour of source.ip 203.0.113.66 (1,024 events in all)" in explain.reason(worst)
