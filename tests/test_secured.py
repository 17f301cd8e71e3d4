"""The whole chain over TLS with the keys we ship: they suffice, they allow nothing more, and what lacks is told."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import AuthorizationException, Elasticsearch, helpers

from plugin import bundle as bundles
from plugin import cli
from plugin.commands import check as checking
from plugin.config import ElasticsearchSettings
from plugin.documents import monthly
from plugin.doors import files
from plugin.doors.elastic.logs import ElasticLogs
from plugin.doors.elastic.setup import LIFECYCLE, READ_ALIAS, Installer
from plugin.errors import ConfigError, Refused
from tests import lines, servers

pytestmark = pytest.mark.live

ROOT = Path(__file__).parent.parent
KEYS = ROOT / "deploy/keys"
EXCERPT = ROOT / "tests/data/auth-excerpt.log"
SOURCE = "logs-system.auth-*"
"""The pattern that the worker's key is shipped with."""
INDEX = "logs-system.auth-secured"
N_LEARNT = 600
HOUR_MS = 3_600_000
SETTINGS = """\
bundles = "{folder}/bundles"
[elasticsearch]
url = "{url}"
api_key_file = "{folder}/{key}.key"
{tls}
[sources.auth]
indices = ["{source}"]
delay_s = 0
budget = 50
[sources.auth.views.sequence.detector]
kind = "deeplog"
hidden = 16
epochs = 3
[sources.auth.views.rarity.detector]
kind = "rarity"
"""


@dataclass
class Site:
    """A secured server, its owner, a folder of settings and keys, and what every command printed."""

    server: servers.Server
    owner: Elasticsearch
    folder: Path
    keys: dict[str, str] = field(default_factory=dict)
    printed: dict[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)
    after: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The records on the server after each step."""
    refused: tuple[tuple[int, str, str], list[str]] = ((0, "", ""), [])
    """What `init` answered the worker's key, and what of ours was on the server then."""

    def add_key(self, name: str, body: Mapping[str, Any]) -> str:
        """Have the server make a key, and keep it in a file for the settings."""
        key = str(self.owner.security.create_api_key(**body)["encoded"])
        (self.folder / f"{name}.key").write_text(key + "\n", encoding="utf-8")
        self.keys[name] = key
        return key

    def settings(self, key: str, tls: str | None = None, source: str = SOURCE) -> Path:
        """A settings file with that key; the right authority is named where `tls` says nothing else."""
        tls = f'ca_certs = "{self.server.authority}"' if tls is None else tls
        path = self.folder / f"{key}.toml"
        given = {"folder": self.folder, "url": self.server.url, "key": key, "tls": tls, "source": source}
        path.write_text(SETTINGS.format(**given), encoding="utf-8")
        return path

    def run(self, step: str, key: str, *arguments: str) -> None:
        """Run the command line as a process of its own; what it left on the server is kept by step."""
        command = [sys.executable, "-W", "error", "-m", "plugin.cli", "--config", str(self.settings(key)), *arguments]
        alone = os.environ | {"OMP_NUM_THREADS": "1"}
        self.printed[step] = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env=alone, timeout=300, check=False
        )
        self.owner.indices.refresh(index="siem-anomaly-*", expand_wildcards="all")
        found = self.owner.search(index="siem-anomaly-*", expand_wildcards="all", size=10_000, version=True)
        self.after[step] = [hit for hit in found["hits"]["hits"] if "-records-" in hit["_index"]]

    def connect(self, key: str) -> Elasticsearch:
        """A plain client that holds a key."""
        return Elasticsearch(self.server.url, api_key=self.keys[key], ca_certs=str(self.server.authority))


def shipped(name: str) -> dict[str, Any]:
    """The body of a key, as an operator copies it."""
    body: dict[str, Any] = json.loads((KEYS / f"{name}.json").read_text(encoding="utf-8"))
    return body


def fewer(group: int, privilege: str) -> dict[str, Any]:
    """The worker's key with one right fewer, taken from one of its groups of indices."""
    body = shipped("worker")
    role = body["role_descriptors"]["worker"]
    role["indices"][group]["privileges"].remove(privilege)
    role["indices"] = [each for each in role["indices"] if each["privileges"]]
    return body


def document(line_time_ms: int, message: str, pid: int) -> dict[str, Any]:
    """A log line as a shipper stores it."""
    stamp = datetime.fromtimestamp(line_time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    process = {"name": "sshd", "pid": pid}
    host = {"name": "web-01"}
    return {"@timestamp": stamp, "event": {"ingested": stamp}, "message": message, "host": host, "process": process}


def load(owner: Elasticsearch, id: str, documents: list[dict[str, Any]]) -> None:
    """Store the documents, searchable at once."""
    actions = [
        {"_op_type": "create", "_index": INDEX, "_id": f"{id}{n}", "_source": each} for n, each in enumerate(documents)
    ]
    helpers.bulk(owner, actions, refresh=True)


def history(now_ms: int) -> list[dict[str, Any]]:
    """Six hours of a real host's lines, up to half a minute ago."""
    told = files.read([str(EXCERPT)])[0][:N_LEARNT]
    begin, step = now_ms - 6 * HOUR_MS, (6 * HOUR_MS - 30_000) / N_LEARNT
    return [document(begin + int(n * step), line.message, line.pid or 0) for n, line in enumerate(told)]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with users, keys and TLS; the installer's and the worker's key; logs to learn from."""
    with servers.elasticsearch(tls=True) as server:
        owner = Elasticsearch(
            server.url, basic_auth=("elastic", server.password), ca_certs=str(server.authority), request_timeout=60
        )
        site = Site(server, owner, tmp_path_factory.mktemp("secured"))
        for name in ("installer", "worker"):
            site.add_key(name, shipped(name))
        properties = {name: {"type": "date"} for name in ("@timestamp", "event.ingested")}
        owner.indices.create(index=INDEX, mappings={"properties": properties})
        load(owner, "learnt", history(ElasticLogs(owner).now()))
        yield site
        owner.close()


@pytest.fixture(scope="module")
def chain(secured: Site) -> Site:
    """The same after the whole chain: set up, checked, learnt, polled, and polled again without its checkpoint."""
    secured.refused = inside(secured.settings("worker"), "init"), ours(secured.owner)
    secured.run("init", "installer", "init")
    secured.run("check", "worker", "check")
    secured.run("train", "worker", "train", "--source", "auth", "--days", "1")
    until = bundles.current(secured.folder / "bundles", "auth").until
    usual = history(0)[:40]
    strange = [document(0, f"{lines.STRANGE} {n}", 70_000 + n) for n in range(3)]
    arrived = [*usual, *strange, {"host": {"name": "web-01"}, "no": "message"}]
    for n, each in enumerate(arrived):
        each.update({key: value for key, value in document(until + n, "", 0).items() if key in {"@timestamp", "event"}})
    load(secured.owner, "new", arrived)
    secured.run("poll", "worker", "poll", "--once")
    secured.owner.delete(index="siem-anomaly-state", id="checkpoint:auth")
    secured.run("poll anew", "worker", "poll", "--once")
    secured.run("status", "worker", "status", "--json")
    now = ElasticLogs(secured.owner).now()
    ends = [f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}" for ms in (until - 24 * HOUR_MS, now)]
    secured.run("backfill", "worker", "backfill", "--source", "auth", "--from", ends[0], "--to", ends[1], "--here")
    return secured


def ours(owner: Elasticsearch) -> list[str]:
    """The names of everything that `init` makes."""
    component = owner.cluster.get_component_template()["component_templates"]
    index = owner.indices.get_index_template()["index_templates"]
    templates = [each["name"] for each in (*component, *index) if each["name"].startswith("siem-anomaly")]
    return sorted([*owner.indices.get(index="siem-anomaly*", expand_wildcards="all"), *templates])


def inside(settings: Path, *arguments: str) -> tuple[int, str, str]:
    """The command line run in this process: its exit code, and what it said on stdout and on stderr."""
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as talk,
    ):
        patch.setattr(sys, "argv", ["siem-anomaly", "--config", str(settings), *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0), out.getvalue(), talk.getvalue()


def test_the_shipped_keys_carry_the_whole_chain(chain: Site) -> None:
    """Set up with the installer's key; checked, learnt and polled with the worker's; each command ends well."""
    codes = {step: result.returncode for step, result in chain.printed.items()}
    assert codes.keys() >= {"init", "check", "train", "poll", "poll anew", "status", "backfill"}
    told = {step: result.stderr for step, result in chain.printed.items() if result.returncode}
    assert set(codes.values()) == {0}, told


def test_strange_lines_have_become_records(chain: Site) -> None:
    """What the host never said before is found, under the alias that rules read."""
    found = {record["_source"]["event"]["original"] for record in chain.after["poll"]}
    assert any(lines.STRANGE in original for original in found), found
    assert chain.owner.count(index=READ_ALIAS)["count"] == len(chain.after["backfill"])


def test_a_poll_after_a_lost_checkpoint_doubles_nothing(chain: Site) -> None:
    """The same records under the same ids, none written over, and the second poll counts them as there already."""
    assert chain.after["poll anew"] == chain.after["poll"] != []
    assert {record["_version"] for record in chain.after["poll anew"]} == {1}
    told = chain.printed["poll anew"].stderr
    assert sum(map(int, re.findall(r"records=(\d+)", told))) == 0, told
    assert sum(map(int, re.findall(r"duplicates=(\d+)", told))) >= len(chain.after["poll"])
    said = chain.printed["poll anew"].stdout
    assert re.fullmatch(r"auth: judged [\d,]+ documents, until [\d: -]+ UTC; 0 new anomalies; 1 dead letter\.\n", said)


def test_the_workers_key_shows_how_the_source_stands(chain: Site) -> None:
    """One object a source: up to when it is judged, what was found, that nothing waits and nothing failed."""
    told = json.loads(chain.printed["status"].stdout)
    assert (told["source"], told["state"], told["waiting"], told["fault"]) == ("auth", "ok", 0, None)
    assert told["anomalies"] == len(chain.after["poll"])


def test_judging_the_past_again_finds_what_polls_had_found(chain: Site) -> None:
    """With the worker's key: every record of the polls is met, none is written over."""
    before = {record["_id"]: record["_version"] for record in chain.after["poll anew"]}
    after = {record["_id"]: record["_version"] for record in chain.after["backfill"]}
    assert before.items() <= after.items()


@pytest.mark.parametrize("ends", [("2026-11-02", "2026-11-01"), ("2026-11-01", "2999-01-01")])
def test_a_past_that_is_none_is_wrong_usage(chain: Site, ends: tuple[str, str]) -> None:
    """Ends that are the wrong way round, or lie in the future."""
    since, until = ends
    given = ("backfill", "--source", "auth", "--from", since, "--to", until)
    code, _, talk = inside(chain.settings("worker"), *given)
    assert (code, "--to" in talk) == (2, True), talk


def test_what_the_worker_writes_first_gets_its_template(chain: Site) -> None:
    """A month's index that the key makes by writing has our mapping, whatever the kind, and records their alias."""
    with closing(chain.connect("worker")) as worker:
        worker.create(index="siem-anomaly-records-2020.01", id="a", document={"unknown": 1})
    patterns = ["siem-anomaly-records-2020.01", "siem-anomaly-health-*", "siem-anomaly-deadletter-*"]
    made = chain.owner.indices.get(index=patterns)
    assert {str(each["mappings"].get("dynamic")) for each in made.values()} == {"false"}
    assert len(made) == 3
    assert READ_ALIAS in made["siem-anomaly-records-2020.01"]["aliases"]
    chain.owner.indices.delete(index="siem-anomaly-records-2020.01")


def test_no_key_is_ever_printed(chain: Site) -> None:
    """Neither as it is in the file, nor the secret in it, in whatever any command printed."""
    secrets = [form for key in chain.keys.values() for form in (key, base64.b64decode(key).decode().split(":")[1])]
    assert len(secrets) >= 4
    told = {step: result.stdout + result.stderr for step, result in chain.printed.items()}
    path = chain.settings("worker")
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub("api_key_file = .*", f'api_key = "{chain.keys["worker"]}"', text), encoding="utf-8")
    told |= {command: "".join(map(str, inside(path, command))) for command in ("config", "check", "init")}
    for step, printed in told.items():
        assert not [secret for secret in secrets if secret in printed], step


def test_init_with_the_workers_key_installs_nothing(chain: Site) -> None:
    """One sentence with what the key lacks and what to do, exit 8; and the server is as it was."""
    (code, out, talk), installed = chain.refused
    assert (code, out, installed) == (Refused.exit_code, "", [])
    (told,) = talk.splitlines()
    assert "manage_index_templates on the cluster" in told
    assert told.endswith("run init with an installer's key")


def test_a_key_that_may_install_a_part_installs_nothing(chain: Site) -> None:
    """Templates without the right to indices would be half a set-up: the key is asked about before the first step."""
    body = shipped("installer")
    body["role_descriptors"]["installer"]["indices"][0]["names"] = ["siem-anomaly-records-*", "siem-anomaly-state"]
    chain.add_key("part", body)
    code, _, told = inside(chain.settings("part"), "init")
    assert code == Refused.exit_code
    assert "manage on siem-anomaly-feedback" in told
    assert "manage_index_templates" not in told


INSTALLS = shipped("installer")["role_descriptors"]["installer"]


@pytest.mark.parametrize("privilege", [*INSTALLS["cluster"], *INSTALLS["indices"][0]["privileges"]])
def test_init_names_precisely_the_right_that_lacks(
    chain: Site, privilege: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key with any right fewer than the shipped one, on a server that deletes by age: exit 8, one sentence, nothing
    is installed. Without `monitor` even the version is not told, and it is the server that names it.
    """
    body = shipped("installer")
    role = body["role_descriptors"]["installer"]
    role["cluster"] = [right for right in role["cluster"] if right != privilege]
    role["indices"] = [each for each in role["indices"] if privilege not in each["privileges"]]
    chain.add_key("hindered", body)
    monkeypatch.setattr(Installer, "features", lambda _: frozenset({LIFECYCLE}))
    before = ours(chain.owner)
    code, out, talk = inside(chain.settings("hindered"), "init")
    (told,) = talk.splitlines()
    assert (code, out, ours(chain.owner)) == (Refused.exit_code, "", before)
    if privilege == "monitor":
        assert "granted by the cluster privileges [monitor," in told
    else:
        (lacking,) = re.findall("it lacks (.*): run init with an installer's key$", told)
        places = (f"siem-anomaly-{kind}" for kind in ("deadletter-*", "feedback", "health-*", "records-*", "state"))
        wanted = [f"{privilege} on {place}" for place in (places if privilege == "manage" else ("the cluster",))]
        assert lacking == ", ".join(wanted)


FORBIDDEN: Mapping[str, Callable[[Elasticsearch, Mapping[str, Any]], object]] = {
    "delete a record": lambda worker, record: worker.delete(index=record["_index"], id=record["_id"]),
    "overwrite a record": lambda worker, record: worker.index(index=record["_index"], id=record["_id"], document={}),
    "change a record": lambda worker, record: worker.update(index=record["_index"], id=record["_id"], doc={"a": 1}),
    "delete records by query": lambda worker, record: worker.delete_by_query(
        index=record["_index"], query={"match_all": {}}
    ),
    "delete an index of records": lambda worker, record: worker.indices.delete(index=record["_index"]),
    "write to the source": lambda worker, _: worker.index(index=INDEX, document={"message": "forged"}),
    "delete from the source": lambda worker, _: worker.delete(index=INDEX, id="learnt0"),
    "make a component template": lambda worker, _: worker.cluster.put_component_template(name="x", template={}),
    "make an index template": lambda worker, _: worker.indices.put_index_template(name="x", index_patterns=["x-*"]),
    "read another index": lambda worker, _: worker.search(index="other"),
    "label an anomaly": lambda worker, _: worker.index(index="siem-anomaly-feedback", document={}),
    "delete a checkpoint's index": lambda worker, _: worker.indices.delete(index="siem-anomaly-state"),
    "make a key": lambda worker, _: worker.security.create_api_key(name="x", role_descriptors={"x": {}}),
}


@pytest.mark.parametrize("operation", FORBIDDEN)
def test_the_workers_key_cannot(chain: Site, operation: str) -> None:
    """The server itself forbids the worker's key what a worker never does, with a 403."""
    with closing(chain.connect("worker")) as worker, pytest.raises(AuthorizationException):
        FORBIDDEN[operation](worker, chain.after["poll anew"][0])


RIGHTS = shipped("worker")["role_descriptors"]["worker"]["indices"]


@pytest.mark.parametrize(
    ("group", "privilege"),
    [(group, privilege) for group, each in enumerate(RIGHTS) for privilege in each["privileges"]],
)
def test_check_names_precisely_the_right_that_lacks(chain: Site, group: int, privilege: str) -> None:
    """A key with any right fewer than the shipped one: exit 9, and that right by its name and place, nothing else.

    Of our own indices it is said once, however many sources there are.
    """
    chain.add_key("fewer", fewer(group, privilege))
    path = chain.settings("fewer")
    with path.open("a", encoding="utf-8") as settings:
        settings.write(f'[sources.second]\nindices = ["{SOURCE}"]\n')
    code, _, told = inside(path, "check")
    whose = [""] if group else ["sources.auth: ", "sources.second: "]
    assert code == cli.FAULTS
    faults = [line for line in told.splitlines() if "no bundle yet" not in line]  # of the second, once it can be read
    patterns = sorted(RIGHTS[group]["names"])
    assert faults == [f"{of}the key lacks {privilege} on {pattern}" for of in whose for pattern in patterns]


def test_check_names_the_right_to_ask_for_the_version(chain: Site) -> None:
    """Without `monitor` the server does not even say how old it is: that right is what is told."""
    body = shipped("worker")
    body["role_descriptors"]["worker"]["cluster"] = []
    chain.add_key("blind", body)
    code, _, told = inside(chain.settings("blind"), "check")
    assert code == cli.FAULTS
    assert told.splitlines()[0] == "the key lacks monitor on the cluster"


@pytest.mark.parametrize(
    ("group", "privilege", "told"),
    [
        (0, "read", "check the source's indices, and that the key may read them"),
        (1, "create_doc", "will not write to siem-anomaly-"),
        (2, "index", "commit the checkpoint of auth and forbids it (403"),
    ],
)
def test_a_poll_that_is_forbidden_is_one_sentence_and_exit_8(
    chain: Site, group: int, privilege: str, told: str
) -> None:
    """A right taken from the key while it is in use: what was forbidden is said, and nothing is passed over."""
    chain.add_key("fewer", fewer(group, privilege))
    code, _, talk = inside(chain.settings("fewer"), "poll", "--once")
    (sentence,) = (line for line in talk.splitlines() if "polled source=auth" not in line)
    assert code == Refused.exit_code
    assert told in sentence


def test_check_goes_on_with_the_next_source(chain: Site) -> None:
    """A source that the key may not read is a fault of that source; the others are looked at all the same."""
    path = chain.settings("worker", source="other-*")
    more = f'[sources.second]\nindices = ["{SOURCE}", "-{INDEX}"]\n'
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    code, _, told = inside(path, "check")
    first, second = told.splitlines()
    assert code == cli.FAULTS
    assert first == "sources.auth: the key lacks read on other-*"
    assert second.startswith(f"sources.second: no index matches {SOURCE},-{INDEX}")


@pytest.mark.parametrize("authority", ["", "another"])
def test_a_certificate_that_nobody_vouches_for_is_one_sentence_and_exit_8(chain: Site, authority: str) -> None:
    """Signed by an authority that the system does not know, or by another than the settings name."""
    named = f'ca_certs = "{servers.authority(chain.folder, authority)}"' if authority else ""
    code, _, told = inside(chain.settings("worker", tls=named), "check")
    assert code == Refused.exit_code
    (sentence,) = told.splitlines()
    assert re.search(r"TLS failed \(certificate verify failed: [a-z -]+\): check .*ca_certs$", sentence)


def test_a_file_without_a_certificate_is_one_sentence_and_exit_4(chain: Site) -> None:
    """It is the settings that are wrong, and that is told before anything is asked."""
    code, _, told = inside(chain.settings("worker", tls=f'ca_certs = "{chain.folder}/worker.key"'), "check")
    assert code == ConfigError.exit_code
    assert told == f"elasticsearch.ca_certs: {chain.folder}/worker.key holds no certificate; name a PEM file\n"


def test_any_certificate_is_taken_only_when_verify_tls_is_off(chain: Site) -> None:
    """The setting that gives up proof of the server has that name, and no other does it."""
    assert inside(chain.settings("worker", tls="verify_tls = false"), "check")[0] == 0
    assert inside(chain.settings("worker", tls="verify_tls = true"), "check")[0] == Refused.exit_code


def test_without_ca_certs_the_systems_authorities_are_trusted(chain: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site whose own authority is installed on the machine names no file."""
    monkeypatch.setenv("SSL_CERT_FILE", str(chain.server.authority))
    assert inside(chain.settings("worker", tls=""), "check")[0] == 0


def test_http_to_a_server_that_speaks_tls_says_so(chain: Site) -> None:
    """The letter that is most often forgotten is named."""
    path = chain.settings("worker")
    path.write_text(path.read_text(encoding="utf-8").replace("https:", "http:"), encoding="utf-8")
    code, _, told = inside(path, "check")
    assert code == 7
    assert told.strip().endswith("elasticsearch.url is right, http or https too")


def test_a_key_the_server_does_not_know_is_one_sentence_and_exit_8(chain: Site) -> None:
    """Revoked, expired or mistyped: 401 is told apart from a right that lacks."""
    (chain.folder / "unknown.key").write_text("bm86a2V5", encoding="utf-8")
    code, _, told = inside(chain.settings("unknown"), "check")
    assert code == Refused.exit_code
    assert "does not know us (401)" in told
    assert len(told.splitlines()) == 1


def test_a_server_older_than_we_support_is_told_by_init_and_check(chain: Site) -> None:
    """Before anything is installed or read, with its version and the one it needs."""
    given = ElasticsearchSettings(url=chain.server.url, prefix="young", ca_certs=chain.server.authority)
    setup = Installer(chain.owner, given, oldest=(99, 1))
    with pytest.raises(Refused, match=r"is Elasticsearch 8\..* too old: upgrade it to 99\.1 or newer"):
        list(setup.steps())
    assert not chain.owner.indices.get(index="young*", expand_wildcards="all")
    with pytest.raises(Refused, match=r"too old: upgrade it to 99\.1 or newer"):
        checking.check_rights(setup)


def test_the_current_month_is_there_before_the_first_record(chain: Site) -> None:
    """What `init` prints as created is on the server, and what it skips it says."""
    printed = chain.printed["init"].stdout
    month = monthly("siem-anomaly", "records", ElasticLogs(chain.owner).now() / 1000)
    assert f"index {month}" in printed
    assert month in ours(chain.owner)
