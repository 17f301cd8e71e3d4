"""How much memory a worker takes, judging a million events and ten: `siem-anomaly poll --once`, a process of its own.

python tests/bench/memory.py [--documents 1000000 10000000] [--json]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import elasticsearch
from elasticsearch import helpers

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from plugin.doors import files  # noqa: E402 - the repository is no installed package
from tests import servers  # noqa: E402
from tests.bench.polling import BEGIN, EXCERPT, SHAPES, _actions, installed  # noqa: E402

LOOK_S = 0.2
SETTINGS = """\
bundles = "{folder}/bundles"
[elasticsearch]
url = "{url}"
prefix = "siem-{n}"
[sources.bench]
indices = ["bench-{n}"]
time_field = "@timestamp"
delay_s = 0
"""


def main() -> None:
    """Load, poll, and print the peak of the process."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--documents", type=int, nargs="+", default=[1_000_000, 10_000_000])
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    with servers.elasticsearch() as server:
        for n in given.documents:
            peak = _peak(server.url, n)
            row = {"name": "memory", "documents": n, "peak_mb": round(peak / 2**20)}
            print(json.dumps(row) if given.json else f"{n:>12,} documents   peak {row['peak_mb']} MB", flush=True)


def _peak(url: str, n: int) -> int:
    """Bytes: the most resident memory that polling so many documents took."""
    client = elasticsearch.Elasticsearch(url, request_timeout=120)
    helpers.bulk(client, _actions(n, f"bench-{n}", SHAPES["small"]), chunk_size=5_000, refresh=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.toml"
        installed(path, SETTINGS.format(folder=folder, url=url, n=n), files.read([str(EXCERPT)])[0], 5.0, BEGIN)
        command = [sys.executable, "-m", "plugin.cli", "--config", str(path), "poll", "--once"]
        worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        peak = _watched(worker)
        told = worker.communicate()[0]
    if f"judged {n:,} documents" not in told:
        raise SystemExit(f"of {n:,} documents some were not judged: {told}")
    client.indices.delete(index=f"bench-{n}")
    return peak


def _watched(worker: subprocess.Popen[str]) -> int:
    """Its peak, bytes, as last told before it ended. What `wait` tells is no less than the peak of us who began it."""
    peak = 0
    while worker.poll() is None:
        with contextlib.suppress(OSError):
            told = dict(line.split(":", 1) for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines())
            peak = int(told.get("VmHWM", "0 kB").split()[0]) * 1024 or peak
        time.sleep(LOOK_S)
    if worker.returncode:
        raise SystemExit(f"poll ended with {worker.returncode}")
    return peak


if __name__ == "__main__":
    main()
