"""What meets log text first is fuzzed for a quarter of a minute each; `tests/fuzz/targets.py` goes on for longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="atheris has no build for this Python")

TARGETS = Path(__file__).parent / "fuzz" / "targets.py"
SEEDS = (
    b"<38>Mar 27 13:06:56 web-01 sshd[1291]: Failed password for root from 10.1.2.3 port 5 ssh2\n",
    b'<165>1 2003-10-11T22:14:15.003Z host app 1 ID [id key="a\\"b"] m',
    b'{"@timestamp": "2026-11-23T10:00:00Z", "message": "m", "host": {"name": "a"}, "process.name": ["b"]}',
    b"blk_-1608999687919862906 /usr/bin/x=5,6 0xdeadbeef a@b.example 00:11:22:33:44:55 ::1 http://a/b?c 12:34:56 5ms",
)


@pytest.mark.parametrize("target", ["parse", "mask", "match", "read"])
def test_no_text_breaks_a_promise(target: str, tmp_path: Path) -> None:
    """No exception, no broken promise, nothing that grows faster than its text."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for n, seed in enumerate(SEEDS):
        (corpus / str(n)).write_bytes(seed)
    limits = ["-max_total_time=15", "-max_len=2048", "-seed=1", "-verbosity=0"]
    command = [sys.executable, str(TARGETS), target, str(corpus), *limits]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr.decode(errors="replace")[-3000:]
