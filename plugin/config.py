"""The settings tree, from one TOML file and the environment; the environment wins.

Every setting has its unit in its name and its reason beside it. A variable is the key path, upper case, joined by two
underscores: `SIEM_ANOMALY__ELASTICSEARCH__API_KEY`. Faults are told all at once, each with its key path.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from models import base
from parsers import masks
from parsers.masks import Mask, Masks
from plugin import patterns
from plugin.errors import ConfigError

LINE_FIELDS: Mapping[str, str] = {
    "host.name": "host",
    "process.name": "program",
    "process.pid": "pid",
    "user.name": "user",
    "source.ip": "address",
    "hour": "hour",
}
"""The fields a view may join lines by or pair, and what a log line calls them."""

SECRETS = frozenset({"elasticsearch", "celery"})
"""Sections that hold keys and addresses with passwords: what is wrong in them is said without the value."""

LineField = Literal["host.name", "process.name", "process.pid", "user.name", "source.ip"]
PairField = Literal[LineField, "hour"]
"""The hour is when a line came, not whose it is: it can be new for a user, and joins nothing."""
Seconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


NAME = re.compile(r"\w[\w.@-]{0,99}")
PART_OF = re.compile(r"\.\d{1,3}-of-\d{1,3}\Z")
"""How the parts of a source are called."""
KEYS = ("api_key", "api_key_file")
"""Two ways to say one thing."""


class _Section(BaseModel):
    """A table of the settings file: unknown keys are faults, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


def named(text: str) -> str:
    """The name of a source or a view: it becomes a folder, and a part of other names.

    Raises:
        ValueError: it is none; says why.
    """
    if not NAME.fullmatch(text):
        raise ValueError("is no name for a source or a view: letters, digits, `_`, and `.@-` after them, at most 100")
    if PART_OF.search(text):
        raise ValueError("is no name for a source or a view: so the parts of one are called")
    return text


Name = Annotated[str, AfterValidator(named)]


def _detector(value: object) -> object:
    """A detector's table, checked by the config of the file that its `kind` names."""
    if dataclasses.is_dataclass(value):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table, {{ kind = … }}, not {value!r}")
    kinds = base.registry()
    kind = value.get("kind")
    if kind not in kinds:
        raise ValueError(f"kind = {kind!r} names no detector; there are {', '.join(kinds)}")
    config = base.module(kind).Config
    unknown = sorted(set(value) - set(config.__dataclass_fields__))
    if unknown:
        raise ValueError(f"{kind} has no setting {', '.join(unknown)}; it has {', '.join(config.__dataclass_fields__)}")
    return TypeAdapter(config).validate_python(dict(value))


def _pattern(text: str) -> str:
    """A pattern that can be compiled, or '': its fault is told here, not when the first document comes."""
    if text:
        patterns.Pattern(text)
    return text


class ViewSettings(_Section):
    """One way to look at a source's lines."""

    session_by: Annotated[tuple[LineField, ...], Field(min_length=1)] = ("host.name", "process.name", "process.pid")
    """Lines with the same values of these are one sequence."""
    idle_s: Annotated[float, Field(gt=0)] = 300.0
    """Silence that ends a session: longer than sshd's login grace time of two minutes, shorter than cron's hour."""
    max_sessions: Annotated[int, Field(ge=1)] = 50_000
    """Open sessions kept; 50,000 of ten events are about 8 MB in a checkpoint."""
    pairs: tuple[Annotated[tuple[PairField, ...], Field(min_length=2)], ...] = (
        ("user.name", "source.ip"),
        ("process.name", "user.name"),
        ("host.name", "process.name"),
    )
    """Combinations whose first appearance is news; only detectors that count pairs see them. `hour` is the hour of the
    day, UTC, on work days or on weekends."""
    detector: Annotated[Any, BeforeValidator(_detector)]
    """`{ kind = "deeplog", h = 10, … }`"""


def ready_views() -> dict[str, ViewSettings]:
    """Ways to look at a source that need no more than their name."""
    by_user = ("user.name",)
    own: tuple[tuple[PairField, ...], ...] = (
        ("user.name", "hour"),
        ("user.name", "source.ip"),
        ("user.name", "host.name"),
        ("user.name", "process.name"),
    )
    return {
        "sequence": ViewSettings(detector={"kind": "deeplog"}),
        "rarity": ViewSettings(detector={"kind": "rarity"}),
        "values": ViewSettings(detector={"kind": "values"}),
        "order": ViewSettings(detector={"kind": "transitions"}),
        "steps": ViewSettings(detector={"kind": "ngrams"}),
        "users": ViewSettings(session_by=by_user, idle_s=3_600.0, pairs=own, detector={"kind": "rarity"}),
        "long": ViewSettings(session_by=by_user, idle_s=3_600.0, detector={"kind": "hybrid"}),
        "volume": ViewSettings(session_by=("source.ip",), detector={"kind": "counts"}),
        "load": ViewSettings(session_by=("host.name",), detector={"kind": "counts"}),
    }


def default_views() -> dict[str, ViewSettings]:
    """What a source is looked at with when its settings name no view."""
    ready = ready_views()
    return {name: ready[name] for name in ("sequence", "rarity", "steps")}


class FieldCandidates(_Section):
    """Where each part of a line is looked for in a document; the first non-empty one is taken."""

    message: tuple[str, ...] = ("message", "event.original", "log.original", "msg", "MESSAGE", "Message")
    time: tuple[str, ...] = ("@timestamp", "timereported", "timegenerated", "event.created")
    host: tuple[str, ...] = (
        "log.syslog.hostname",
        "host.hostname",
        "host.name",
        "fromhost",
        "hostname",
        "host",
        "Hostname",
        "winlog.computer_name",
        "observer.hostname",
        "observer.name",
        "kubernetes.node.name",
        "agent.name",
    )
    program: tuple[str, ...] = (
        "log.syslog.appname",
        "process.name",
        "programname",
        "syslogtag",
        "SYSLOG_IDENTIFIER",
        "winlog.provider_name",
        "SourceName",
    )
    pid: tuple[str, ...] = ("process.pid", "log.syslog.procid", "procid", "syslogtag", "winlog.process.pid")
    severity: tuple[str, ...] = (
        "log.syslog.severity.code",
        "log.syslog.severity.name",
        "severity",
        "priority",
        "log.level",
    )
    user: tuple[str, ...] = (
        "user.name",
        "user.effective.name",
        "winlog.event_data.TargetUserName",
        "winlog.event_data.User",
        "TargetUserName",
        "userIdentity.userName",
        "okta.actor.alternate_id",
        "aws.cloudtrail.user_identity.arn",
    )
    address: tuple[str, ...] = (
        "source.ip",
        "source.address",
        "client.ip",
        "winlog.event_data.IpAddress",
        "winlog.event_data.SourceIp",
        "IpAddress",
        "sourceIPAddress",
    )


def _mask_name(name: str) -> str:
    """A name that a mask can have."""
    return _without(masks.name_fault(name), name)


def _mask_pattern(text: str) -> str:
    """A pattern that a mask can have, and that nobody can make slow."""
    return _without(masks.pattern_fault(text) or masks.pace_fault(text), text)


def _without(fault: str, value: str) -> str:
    if fault:
        raise ValueError(fault)
    return value


class MaskSettings(_Section):
    """What varies in a source's messages and is no event of its own: a ticket's number, a customer's."""

    name: Annotated[str, AfterValidator(_mask_name)]
    """`TICKET` is written `<TICKET>`."""
    pattern: Annotated[str, Field(max_length=1_000), AfterValidator(_mask_pattern)]
    """A regular expression for a part of a token, without capturing groups."""


def _ready(views: object) -> object:
    """Views with what their names stand for, where they do not say otherwise."""
    if not isinstance(views, Mapping):
        return views
    ready = ready_views()

    def filled(name: str, given: object) -> object:
        if name in ready and isinstance(given, Mapping) and "detector" not in given:
            return {field: getattr(ready[name], field) for field in ready[name].model_fields_set} | dict(given)
        return given

    return {name: filled(name, given) for name, given in views.items()}


class SourceSettings(_Section):
    """A named stream of hits."""

    indices: Annotated[tuple[str, ...], Field(min_length=1)]
    """Index names or patterns."""
    time_field: str = "event.ingested"
    """The field the source is polled by. `event.ingested` when documents carry it, else `@timestamp`."""
    interval_s: Annotated[float, Field(ge=1)] = 30.0
    """Time between two polls."""
    delay_s: Seconds = 60.0
    """How far behind the server's clock a poll stays: more than the refresh interval plus the ingest latency."""
    overlap_s: Seconds = 120.0
    """How far back each poll counts again, second by second, for documents that became searchable late."""
    max_late_s: Seconds = 86_400.0
    """How far back ten minutes are counted again for documents that came later still; 0 = not at all."""
    max_window_s: Annotated[float, Field(ge=1)] = 600.0
    """Longest span of one poll; a backlog is worked off in steps of this."""
    page: Annotated[int, Field(ge=1, le=10_000)] = 5_000
    """Documents a request. Measured on two cores: 50 k documents/s at 1,000, 108 k at 5,000, 111 k at 10,000."""
    max_hits: Annotated[int, Field(ge=1)] = 20_000
    """Documents a poll reads at most. While they are judged as many are on their way: some 100 MB together."""
    partitions: Annotated[int, Field(ge=1, le=64)] = 1
    """Parts that hosts fall to, each polled by itself: as many workers can share the source."""
    max_lines: Annotated[int, Field(ge=1)] = 500_000
    """Lines a training reads at most, the newest ones."""
    max_rejected: Share = 0.5
    """A poll with a larger share of unreadable lines stops and says so: the settings do not fit the documents."""
    budget: Annotated[float, Field(gt=0)] = 5.0
    """Alerts a day that a person will look at, over all views; sets the cut."""
    suppress_s: Seconds = 86_400.0
    """How long after an anomaly alike ones are marked as suppressed, and alert nobody; 0 = each is told."""
    max_templates: Annotated[int, Field(ge=1)] = 5_000
    """Templates a training keeps at most, the most frequent. A system has hundreds; thousands are a mask's to mend."""
    masks: tuple[MaskSettings, ...] = ()
    """Before the ones for any log: they win where both begin at one place of a token."""
    text: Annotated[str, AfterValidator(_pattern)] = ""
    """Makes the message of fields: `{event.action} {event.outcome} port{destination.port}`; '' = the text there is."""
    fields: FieldCandidates = FieldCandidates()
    views: Annotated[
        dict[Name, ViewSettings], BeforeValidator(_ready), Field(default_factory=default_views, min_length=1)
    ]
    """By name. A ready-made one needs nothing else: `[sources.auth.views.values]`."""

    @field_validator("masks")
    @classmethod
    def _usable(cls, own: tuple[MaskSettings, ...]) -> tuple[MaskSettings, ...]:
        Masks.with_own(Mask(mask.name, mask.pattern) for mask in own)
        return own

    @model_validator(mode="after")
    def _whole_sessions(self) -> SourceSettings:
        joining = [name for name, view in self.views.items() if "host.name" not in view.session_by]
        if self.partitions > 1 and joining:
            raise ValueError(
                f"partitions = {self.partitions} parts the documents by host, and {', '.join(joining)} joins lines of "
                f"several hosts: set partitions = 1, or add host.name to its session_by"
            )
        return self

    @property
    def all_masks(self) -> Masks:
        """The source's own masks and those for any log."""
        return Masks.with_own(Mask(mask.name, mask.pattern) for mask in self.masks)


def _url(text: str) -> str:
    """The URL of one server, with its port."""
    fault = ValueError("must be the URL of one server, as https://HOST:9200, without user, password and query")
    try:
        parts = urlsplit(text)
        usual = {"https": 443, "http": 80}[parts.scheme]
        port = usual if parts.port is None else parts.port
    except (ValueError, KeyError):
        raise fault from None
    if not parts.hostname or not port or parts.query or parts.fragment or re.search(r"[\s@,]", text):
        raise fault
    return text if parts.port else parts._replace(netloc=f"{parts.netloc.removesuffix(':')}:{port}").geturl()


class ElasticsearchSettings(_Section):
    """Where Elasticsearch is, and how we prove who we are."""

    url: Annotated[str, AfterValidator(_url)] = "https://localhost:9200"
    """Without user and password: those belong in `api_key`, which is never printed."""
    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    """A file that holds the key, as a container's secret does."""
    ca_certs: Path | None = None
    """The authority that signed the server's certificate, trusted besides the system's."""
    verify_tls: bool = True
    """False accepts any certificate, and so anyone in between."""
    compress: bool = False
    """True for a line that is slow or paid for by the byte: it costs both sides time."""
    request_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = "siem-anomaly"
    """Begins the name of every index of ours."""
    retention_days: Annotated[int, Field(ge=1)] = 90
    """How long records are kept, where the server can delete by age."""

    @model_validator(mode="after")
    def _one_key(self) -> ElasticsearchSettings:
        if self.api_key is not None and self.api_key_file is not None:
            raise ValueError("api_key and api_key_file are both set; keep one")
        return self


class CelerySettings(_Section):
    """The broker that carries polls to workers; one machine needs none (`poll --follow`)."""

    broker: SecretStr = SecretStr("redis://localhost:6379/0")
    """Any broker kombu speaks; the timetable's lock needs Redis."""


class MetricsSettings(_Section):
    """Figures for Prometheus: one endpoint a worker and one of `poll --follow`."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Where `GET /metrics` is answered; 0 = nowhere."""
    host: str = "127.0.0.1"
    """The address it is answered on; the figures tell names of sources and how busy they are."""


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="SIEM_ANOMALY__",
        env_nested_delimiter="__",
        validate_default=True,
    )

    bundles: Path = Path("bundles")
    """Folder of the bundles, one folder a source."""
    worker: Annotated[str, Field(min_length=1)] = "worker"
    """This worker's name in health documents."""
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    celery: CelerySettings = CelerySettings()
    metrics: MetricsSettings = MetricsSettings()
    sources: dict[Name, SourceSettings] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    def source(self, name: str) -> SourceSettings:
        """The settings of one source.

        Raises:
            ConfigError: no source has that name.
        """
        if name not in self.sources:
            raise ConfigError([f"sources.{name}: there is no such source; the settings name {_names(self.sources)}"])
        return self.sources[name]


def load(path: Path | None) -> Settings:
    """The settings of a file, or the defaults where `path` is None.

    Raises:
        ConfigError: everything that is wrong, each with its key path.
    """
    given = _without_what_else_says(_read(path)) if path else {}
    strays = _strays()
    try:
        settings = Settings(**given)
    except ValidationError as error:
        where = f"{path}: " if path else ""
        raise ConfigError([*strays, *(where + fault for fault in _faults(error))]) from None
    except SettingsError as error:
        raise ConfigError([f"environment: {error}; write tables as JSON, or one variable a key"]) from None
    if strays:
        raise ConfigError(strays)
    return settings


def _without_what_else_says(given: dict[str, Any]) -> dict[str, Any]:
    """The file's settings without a key, or a file for it, where the environment names the one or the other."""
    section, begin = given.get("elasticsearch"), f"{Settings.model_config['env_prefix']}ELASTICSEARCH__"
    told = {name.upper() for name, value in os.environ.items() if value} & {f"{begin}{name.upper()}" for name in KEYS}
    if not told or not isinstance(section, dict):
        return given
    return given | {"elasticsearch": {name: value for name, value in section.items() if name not in KEYS}}


def file_source() -> SourceSettings:
    """The settings of a source that is files only: it is learnt, never polled."""
    return SourceSettings(indices=("-",), views=default_views())


def _strays() -> list[str]:
    """A sentence for each variable that begins as ours do and names no setting: pydantic passes over those."""
    begin = str(Settings.model_config["env_prefix"])
    parts = {name: name.removeprefix(begin).partition("__")[0].lower() for name in os.environ if name.startswith(begin)}
    strays = [(name, part) for name, part in parts.items() if part not in Settings.model_fields]
    return [f"environment: {name}: there is no such setting{_nearest((part,))}" for name, part in strays]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror}); name the file with --config"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is not TOML: {error}"]) from None


def _faults(error: ValidationError) -> Iterator[str]:
    """One sentence a fault: key path, what is wrong, what is allowed. Never the value of a secret."""
    for fault in error.errors(include_url=False, include_context=False):
        path = ".".join(str(part) for part in fault["loc"]) or "settings"
        yield f"{path}: {_sentence(fault)}"


WORDS = {
    "tuple_type": 'must be a list, such as ["one", "two"]',
    "float_parsing": "must be a number, without a unit",
    "float_type": "must be a number",
    "int_parsing": "must be a whole number, without a unit",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text in quotes",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
}
"""The commonest faults, for a person who writes TOML."""


def _sentence(fault: ErrorDetails) -> str:
    if fault["type"] == "extra_forbidden":
        return f"there is no such setting{_nearest(fault['loc'])}"
    message = WORDS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
    shown = fault["input"]
    secret = bool(SECRETS.intersection(map(str, fault["loc"])))
    if secret or isinstance(shown, dict) or fault["type"] == "value_error":
        return message
    return f"{message}, not {shown!r}"


def _nearest(path: tuple[int | str, ...]) -> str:
    """`; did you mean …` from the keys that are allowed where `path` points."""
    model: object = Settings
    for part in path[:-1]:
        model = _child(model, str(part))
    names = list(getattr(model, "model_fields", ()))
    near = difflib.get_close_matches(str(path[-1]), names, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {_names(names)}" if names else ""


def _child(model: object, part: str) -> object:
    """The section below `model` at a key: the field's own, or the value type of a table of named things."""
    named: dict[str, type[BaseModel]] = {"sources": SourceSettings, "views": ViewSettings, "masks": MaskSettings}
    if part in named:
        return named[part]
    field = getattr(model, "model_fields", {}).get(part)
    return field.annotation if field is not None else model


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
