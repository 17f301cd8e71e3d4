"""A proxy before a real Elasticsearch, on loopback, that does to answers what networks and busy servers do.

It also tells the time: what a worker asks of the server's clock is answered by a clock that a test moves.
"""

from __future__ import annotations

import gzip
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

FAULTS = ("refuse", "lose", "cut", "busy", "throttle", "items", "expire")
"""Refuse: the request never arrives. Lose: it does, its answer does not. Cut: half of the answer. Busy: 503. Throttle:
429. Items: every second document of a bulk request is told `item_status`. Expire: the frozen view is closed before it
is read."""
HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})
STALL_S = 120.0

Reply = tuple[int, dict[str, Any]]
"""Status and body."""


@dataclass
class Plan:
    """What is still to go wrong."""

    faults: dict[int, str] = field(default_factory=dict)
    """By the number of requests from now, 1 = the next."""
    item_status: int = 429
    """What the fault `items` tells a document."""
    epoch: int | None = None
    """Seconds: what the server's clock is said to be; None = what it is."""
    stalled: threading.Event = field(default_factory=threading.Event)
    """While set no request is answered."""
    instead: Callable[[str, bytes], Reply | None] | None = None
    """Of a request's path and body: what is answered in the server's place; None = the server answers. Whatever it does
    happens right before the request goes on."""
    amend: Callable[[str, dict[str, Any]], None] | None = None
    """Changes an answer of the server to a path."""
    n_requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self) -> str:
        """What happens to this request; '' = nothing."""
        with self.lock:
            self.n_requests += 1
            due = self.faults.pop(1, "")
            self.faults = {n - 1: fault for n, fault in self.faults.items()}
            return due

    def calm(self) -> None:
        """Nothing more goes wrong."""
        with self.lock:
            self.faults = {}
        self.instead = self.amend = None
        self.stalled.clear()


@contextmanager
def proxy(url: str) -> Iterator[tuple[str, Plan]]:
    """The proxy's own address, and its plan, which may be changed at any time."""
    plan = Plan()
    target = urlsplit(url).netloc
    handler = type("Handler", (_Handler,), {"plan": plan, "target": target})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", plan
    finally:
        plan.calm()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A worker that was killed in mid-request is no error here."""


class _Handler(BaseHTTPRequestHandler):
    plan: Plan
    target: str
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # headers and body in one packet: else each answer waits 40 ms for an acknowledgement
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.plan.fault()
        if self.plan.stalled.is_set():
            self._stall()
        try:
            self._answer(fault, body)
        except (OSError, http.client.HTTPException):  # the server is down, or who asked is gone
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _handle  # noqa: N815 - as the base class looks for them

    def _stall(self) -> None:
        waited = 0.0
        while self.plan.stalled.is_set() and waited < STALL_S:
            threading.Event().wait(0.05)
            waited += 0.05

    def _answer(self, fault: str, body: bytes) -> None:
        if self.plan.instead and (reply := self.plan.instead(self.path.partition("?")[0], self._plain(body))):
            self._reply(reply[0], {}, json.dumps(reply[1]).encode())
        elif fault == "refuse":
            self.close_connection = True
        elif fault in {"busy", "throttle"}:
            self._reply(503 if fault == "busy" else 429, {}, json.dumps(_error("planned")).encode())
        elif fault == "items" and self.path.partition("?")[0].endswith("_bulk"):
            self._reply(200, *_half_written(self._ask, self._plain(body), self.plan.item_status))
        else:
            if fault == "expire":
                self._expire(self._plain(body))
            status, headers, answer = self._ask(body)
            if fault == "lose":
                self.close_connection = True
                return
            if self.plan.epoch is not None and self.path.startswith("/_cat/health"):
                answer, headers = json.dumps([{"epoch": str(self.plan.epoch)}]).encode(), _plainly(headers)
            elif self.plan.amend:
                headers, answer = self._amended(headers, answer)
            self._reply(status, headers, answer, cut=fault == "cut")

    def _amended(self, headers: dict[str, str], answer: bytes) -> tuple[dict[str, str], bytes]:
        if {name.lower(): value for name, value in headers.items()}.get("content-encoding") == "gzip":
            answer = gzip.decompress(answer)
        body = json.loads(answer or b"{}")
        if self.plan.amend:
            self.plan.amend(self.path.partition("?")[0], body)
        return _plainly(headers), json.dumps(body).encode()

    def _plain(self, body: bytes) -> bytes:
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" and body else body

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.target, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        if body[:2] != b"\x1f\x8b":
            headers.pop("Content-Encoding", None)
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            found = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
            return answer.status, found, answer.read()
        finally:
            connection.close()

    def _expire(self, body: bytes) -> None:
        pit = json.loads(body).get("pit") if body[:1] == b"{" else None
        if pit:
            connection = http.client.HTTPConnection(self.target, timeout=60)
            words = json.dumps({"id": pit["id"]})
            connection.request("DELETE", "/_pit", words, {"Content-Type": "application/json"})
            connection.getresponse().read()
            connection.close()

    def _reply(self, status: int, headers: dict[str, str], body: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"date", "server"}:
                self.send_header(name, value)
        if not any(name.lower() == "content-type" for name in headers):
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True


def _plainly(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in {"content-encoding", "content-type"}}


def _error(reason: str) -> dict[str, Any]:
    return {"type": "es_rejected_execution_exception", "reason": reason}


def _half_written(ask: Any, body: bytes, status: int) -> tuple[dict[str, str], bytes]:
    """Write every second document of a bulk request, and say of the others that the server is busy."""
    rows = body.splitlines()
    pairs = [rows[at : at + 2] for at in range(0, len(rows), 2)]
    _, headers, answer = ask(b"".join(row + b"\n" for pair in pairs[::2] for row in pair))
    if headers.get("content-encoding", headers.get("Content-Encoding")) == "gzip":
        answer = gzip.decompress(answer)
    written = iter(json.loads(answer)["items"])
    refused = {"create": {"status": status, "error": _error("planned")}}
    items = [next(written) if n % 2 == 0 else refused for n in range(len(pairs))]
    return _plainly(headers), json.dumps({"took": 1, "errors": True, "items": items}).encode()
