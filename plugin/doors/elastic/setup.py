"""What `init` installs and `check` asks: lifecycle, templates, first indices; version, features and privileges.

Every step may be repeated. What is ours carries `_meta` with a version and a digest of what we sent, because the server
gives a body back in other words than it was sent in; equal digests mean: nothing to do.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from elasticsearch import ApiError, BadRequestError, Elasticsearch, NotFoundError

from plugin.config import ElasticsearchSettings
from plugin.documents import monthly
from plugin.doors.elastic import client as door
from plugin.doors.elastic.client import asking, url
from plugin.errors import Refused

VERSION = 1
"""Of everything installed here; a server that holds a higher one was set up by a newer release."""
KINDS = ("records", "health", "deadletter", "state", "feedback")
MONTHLY = frozenset({"records", "health", "deadletter"})
"""Kinds with an index a month, which are deleted by age."""
PRIORITY = 500
"""Built-in templates have 100, Fleet's up to 200; the highest that matches wins, so a site's catch-all loses too."""
READ_ALIAS = "logs-siem_anomaly"
"""Lets rules and dashboards on `logs-*` see the records; one dash less than the names that make data streams."""
DAYS_OF_MONTH = 31
"""An index is as old as its first document, and its last one is this much younger."""
LIFECYCLE, MAPPER_EXTRAS = "x-pack-ilm", "mapper-extras"
"""Modules of the server that we can do without."""
WITHOUT: Mapping[str, Any] = {"match_only_text": {"type": "text"}}
"""What a field type becomes where `mapper-extras` is absent."""
SEARCHED_BY_DEFAULT = ["message", "siem_anomaly.template.text", "host.name", "user.name", "process.name"]

Step = tuple[str, str]
"""(name, outcome): created, unchanged, updated, or `skipped: ` and the reason."""


class Installer:
    """Sets a cluster up for us, and says whether it is."""

    def __init__(
        self,
        client: Elasticsearch,
        settings: ElasticsearchSettings,
        clock: Callable[[], float] = time.time,
        oldest: tuple[int, ...] = door.OLDEST,
    ) -> None:
        self._client = client
        self._prefix = settings.prefix
        self._retention_days = settings.retention_days
        self._clock = clock
        self._oldest = oldest

    def version(self) -> str:
        """The server's version, as `8.19.8`; refuses one that is too old."""
        return door.version(self._client, self._oldest)

    def features(self) -> frozenset[str]:
        """The modules and plugins that every node has."""
        with asking(self._client, "list its modules"):
            nodes = self._client.nodes.info(metric="plugins")["nodes"].values()
        return frozenset.intersection(
            *(frozenset(each["name"] for each in (*node["modules"], *node["plugins"])) for node in nodes)
        )

    def missing_to_read(self, indices: Sequence[str]) -> list[str]:
        """What a worker's key lacks to read a source, as `read on logs-*`; nothing where security is off."""
        # The server cannot be asked about `-name`, which only takes away, nor about another cluster's indices.
        names = [name for name in indices if not name.startswith("-") and ":" not in name]
        if not names:
            return []
        return self._missing([], [{"names": names, "privileges": ["read"]}]) or []

    def missing_to_write(self) -> list[str]:
        """What a worker's key lacks to keep our indices; nothing where security is off."""
        monthly = [self._pattern(kind) for kind in KINDS if kind in MONTHLY]
        wanted = [
            {"names": monthly, "privileges": ["create_doc", "auto_configure", "read"]},
            {"names": [f"{self._prefix}-state"], "privileges": ["read", "index"]},
            {"names": [f"{self._prefix}-feedback"], "privileges": ["read"]},
        ]
        return self._missing(["monitor"], wanted) or []

    def installed(self) -> bool:
        """Whether the index is there that every worker reads first: a key may be given no more than to read it."""
        with asking(self._client, "look for what init makes"):
            try:
                self._client.count(index=f"{self._prefix}-state")
            except NotFoundError:
                return False
        return True

    def secured(self) -> bool:
        """Whether security is on."""
        return self._missing(["monitor"], []) is not None

    def _missing(self, cluster: Sequence[str], wanted: Sequence[Mapping[str, Any]]) -> list[str] | None:
        """What the key lacks of these; None where security is off."""
        with asking(self._client, "check the key's privileges"):
            try:
                answer = self._client.security.has_privileges(cluster=cluster, index=wanted).body
            except ApiError as error:
                if _unknown_path(error):
                    return None
                raise
        missing = [f"{privilege} on the cluster" for privilege, has in answer["cluster"].items() if not has]
        for name, privileges in answer["index"].items():
            missing += [f"{privilege} on {name}" for privilege, has in privileges.items() if not has]
        return sorted(missing)

    def steps(self, dry_run: bool = False) -> Iterator[Step]:
        """Each step and its outcome, as it is done; with `dry_run` what would be done.

        Raises:
            Refused: the server is too old, forbids it, or was set up by a newer release. What the key may not do is
                asked before the first step, so that none is left half done.
        """
        self.version()
        features = self.features()
        if not self._require_privileges(features):
            yield "security", "skipped: it is off, so whoever reaches this server can read logs and forge records"
        yield self._policy(features, dry_run)
        for kind in KINDS:
            yield self._component(kind, features, dry_run)
            yield self._template(kind, features, dry_run)
        for name in (*(f"{self._prefix}-{kind}" for kind in ("state", "feedback")), self._this_month()):
            yield self._index(name, dry_run)
        for kind in KINDS:
            yield self._fields(kind, features, dry_run)

    def _require_privileges(self, features: frozenset[str]) -> bool:
        """Whether security is on."""
        cluster = ["monitor", "manage_index_templates", *(["manage_ilm"] if LIFECYCLE in features else [])]
        names = [self._pattern(kind) for kind in KINDS]
        missing = self._missing(cluster, [{"names": names, "privileges": ["manage"]}])
        if missing:
            raise Refused(
                f"the key may not install anything on {url(self._client)}, it lacks {', '.join(missing)}: "
                f"run init with an installer's key"
            )
        return missing is not None

    def _policy(self, features: frozenset[str], dry_run: bool) -> Step:
        name = f"lifecycle {self._prefix}"
        if LIFECYCLE not in features:
            return name, (
                f"skipped: this server deletes nothing by age; "
                f"delete {self._prefix}-records-<month> and its like yourself after {self._retention_days} days"
            )
        age = f"{self._retention_days + DAYS_OF_MONTH}d"
        phases = {"hot": {"actions": {}}, "delete": {"min_age": age, "actions": {"delete": {}}}}
        ilm = self._client.ilm

        def stored() -> Mapping[str, Any]:
            policy: Mapping[str, Any] = ilm.get_lifecycle(name=self._prefix)[self._prefix]["policy"]
            return policy

        def put(body: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
            ilm.put_lifecycle(name=self._prefix, policy={**body, "_meta": meta})

        return name, self._put(name, {"phases": phases}, stored, put, dry_run)

    def _component(self, kind: str, features: frozenset[str], dry_run: bool) -> Step:
        name = f"{self._prefix}-{kind}-mappings"
        cluster = self._client.cluster

        def stored() -> Mapping[str, Any]:
            answer = cluster.get_component_template(name=name)["component_templates"][0]
            template: Mapping[str, Any] = answer["component_template"]
            return template

        def put(body: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
            cluster.put_component_template(name=name, template=body, meta=meta)

        return f"component template {name}", self._put(
            name, {"mappings": mapping(kind, features)}, stored, put, dry_run
        )

    def _template(self, kind: str, features: frozenset[str], dry_run: bool) -> Step:
        name = f"{self._prefix}-{kind}"
        indices = self._client.indices

        def stored() -> Mapping[str, Any]:
            answer = indices.get_index_template(name=name)["index_templates"][0]
            template: Mapping[str, Any] = answer["index_template"]
            return template

        def put(body: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
            indices.put_index_template(name=name, meta=meta, **body)

        body = {
            "index_patterns": [self._pattern(kind)],
            "priority": PRIORITY,
            "composed_of": [f"{name}-mappings"],
            "template": self._index_body(kind, features),
        }
        return f"index template {name}", self._put(name, body, stored, put, dry_run)

    def _put(
        self,
        name: str,
        body: Mapping[str, Any],
        stored: Callable[[], Mapping[str, Any]],
        put: Callable[[Mapping[str, Any], Mapping[str, Any]], None],
        dry_run: bool,
    ) -> str:
        """Put a body if the stored one is another; the outcome."""
        meta = {"managed_by": "siem_anomaly", "version": VERSION, "sha256": _digest(body)}
        with asking(self._client, f"install {name}"):
            try:
                old: Mapping[str, Any] | None = stored().get("_meta", {})
            except NotFoundError:
                old = None
            outcome = self._outcome(name, old, meta)
            if outcome != "unchanged" and not dry_run:
                put(body, meta)
        return outcome

    def _outcome(self, name: str, old: Mapping[str, Any] | None, meta: Mapping[str, Any]) -> str:
        if old is None:
            return "created"
        if (newer := old.get("version", 0)) > VERSION:
            raise Refused(
                f"{name} on {url(self._client)} was installed by a newer release (version {newer}, ours is {VERSION}): "
                f"upgrade siem-anomaly"
            )
        return "unchanged" if old == meta else "updated"

    def _index(self, name: str, dry_run: bool) -> Step:
        """Make an index, so that rules and queries find one before the first document."""
        with asking(self._client, f"make the index {name}"):
            if self._client.indices.exists(index=name):
                return f"index {name}", "unchanged"
            if not dry_run:
                self._create(name)
        return f"index {name}", "created"

    def _create(self, name: str) -> None:
        try:
            self._client.indices.create(index=name)
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":  # else a worker was faster
                raise

    def _fields(self, kind: str, features: frozenset[str], dry_run: bool) -> Step:
        """Add fields to indices that are there already: a template is for new ones only."""
        pattern = self._pattern(kind)
        name = f"fields of {pattern}"
        wanted = mapping(kind, features)["properties"]
        with asking(self._client, f"add fields to {pattern}"):
            present = self._client.indices.get_mapping(index=pattern, ignore_unavailable=True, expand_wildcards="all")
            lacking = {index: _lacking(each["mappings"], wanted) for index, each in present.items()}
            for index, properties in lacking.items():
                if properties and not dry_run:
                    self._client.indices.put_mapping(index=index, properties=properties)
        return name, "updated" if any(lacking.values()) else "unchanged"

    def _index_body(self, kind: str, features: frozenset[str]) -> dict[str, Any]:
        """Settings and aliases: few documents, so one shard; a copy of it as soon as there is a second node."""
        settings: dict[str, Any] = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "codec": "best_compression"}
        if kind in MONTHLY and LIFECYCLE in features:
            settings["lifecycle"] = {"name": self._prefix}
        if kind == "state":
            settings["hidden"] = True
        if kind != "records":
            return {"settings": {"index": settings}}
        settings["query"] = {"default_field": SEARCHED_BY_DEFAULT}
        return {"settings": {"index": settings}, "aliases": {READ_ALIAS: {}}}

    def _pattern(self, kind: str) -> str:
        return f"{self._prefix}-{kind}" + ("-*" if kind in MONTHLY else "")

    def _this_month(self) -> str:
        return monthly(self._prefix, "records", self._clock())


def mapping(kind: str, features: frozenset[str]) -> dict[str, Any]:
    """The mapping of one kind of index, for a server that has these modules."""
    text = (resources.files("plugin") / "mappings" / f"{kind}.json").read_text(encoding="utf-8")
    body: dict[str, Any] = json.loads(text, object_hook=None if MAPPER_EXTRAS in features else _plain)
    return body


def _plain(field: dict[str, Any]) -> Any:  # noqa: ANN401  # what json.loads asks of an object hook
    """The same field without types of `mapper-extras`."""
    kind = field.get("type")
    return WITHOUT.get(kind, field) if isinstance(kind, str) else field


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _lacking(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The wanted fields that are not mapped, with whatever type: a type cannot change before the next index."""
    have: Mapping[str, Any] = present.get("properties", {})
    lacking: dict[str, Any] = {name: field for name, field in wanted.items() if name not in have}
    for name in wanted.keys() & have.keys():
        if inner := _lacking(have[name], wanted[name].get("properties", {})):
            lacking[name] = {"properties": inner}
    return lacking


def _unknown_path(error: ApiError) -> bool:
    """Whether the server does not know the path: then it says so in a plain string, not in an error object."""
    body = error.body
    words = body.get("error") if isinstance(body, Mapping) else body
    return isinstance(words, str) and ("no handler found" in words or "Incorrect HTTP method" in words)
