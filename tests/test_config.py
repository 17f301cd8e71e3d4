"""`plugin.config`: what a person gets to read when settings cannot be meant, and what wins."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from typer.testing import CliRunner

from models import base
from models.detectors import deeplog, ngrams, rarity
from plugin import config
from plugin.cli import app
from plugin.config import ElasticsearchSettings, Settings, ViewSettings
from plugin.doors.elastic.client import connect
from plugin.errors import ConfigError

SECRET = "c2VjcmV0OnZlcnkgc2VjcmV0"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Where a test writes its settings."""
    return tmp_path / "settings.toml"


def read(file: Path, text: str) -> Settings:
    """The settings of a text."""
    file.write_text(text, encoding="utf-8")
    return config.load(file)


def faults(file: Path, text: str) -> list[str]:
    """What is wrong with a text, which something must be."""
    with pytest.raises(ConfigError) as caught:
        read(file, text)
    return caught.value.faults


def test_no_file_means_the_defaults() -> None:
    """They need no source and no server to be valid, and the default views are an LSTM, rarity, and whole sessions."""
    settings = config.load(None)
    assert settings.sources == {}
    assert settings.elasticsearch.verify_tls
    detectors = [deeplog.Config(), rarity.Config(), ngrams.Config()]
    assert [view.detector for view in config.default_views().values()] == detectors


def test_all_faults_are_told_at_once_with_file_and_key_path(settings: Path) -> None:
    """A person mends a file in one go, not fault by fault."""
    text = """
        worker = ""
        [sources.auth]
        indices = []
        page = 20000
        intervall_s = 5
        max_rejected = "half"
        [sources.auth.views.a]
        idle_s = 0
        detector = { kind = "rarity" }
    """
    found = faults(settings, text)
    keys = ["worker", *(f"sources.auth.{key}" for key in ("indices", "page", "intervall_s", "max_rejected"))]
    assert len(found) == 6
    for key in [*keys, "sources.auth.views.a.idle_s"]:
        assert any(fault.startswith(f"{settings}: {key}: ") for fault in found), key


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("[sources.a]\nindices = ['x']\ninterval = 30", "interval_s"),
        ("[sources.a]\nindices = ['x']\nfields = { mesage = ['m'] }", "message"),
        ("[sources.a]\nindices = ['x']\n[sources.a.views.v]\nsession = ['host.name']\ndetector = {kind='rarity'}", ""),
        ("[elasticsearch]\nca_cert = 'x'", "ca_certs"),
        ("bundle = 'x'", "bundles"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_key_or_all_of_them(settings: Path, text: str, nearest: str) -> None:
    """Wherever it is in the tree, the keys of that place are the ones that are named."""
    (fault,) = faults(settings, text)
    assert "there is no such setting" in fault
    assert (f"did you mean {nearest}?" if nearest else "session_by") in fault


def test_a_wrong_value_is_shown_with_what_would_be_right(settings: Path) -> None:
    """The limit and what was given stand in one sentence."""
    (fault,) = faults(settings, "[sources.a]\nindices = ['x']\npage = 10001")
    assert "10000" in fault
    assert "not 10001" in fault


def test_an_unknown_detector_is_answered_with_the_known_ones(settings: Path) -> None:
    """The folder is the registry, and the registry is what a person is told."""
    (fault,) = faults(settings, "[sources.a]\nindices=['x']\n[sources.a.views.v]\ndetector = { kind = 'deplog' }")
    assert "sources.a.views.v.detector" in fault
    assert "'deplog'" in fault
    assert all(kind in fault for kind in base.registry())


@pytest.mark.parametrize(
    ("detector", "told"),
    [
        ("{ kind = 'deeplog', top_k = 9 }", "top_g"),
        ("{ kind = 'deeplog', h = 0 }", "at least 1"),
        ("{ kind = 'deeplog', h = 'ten' }", "views.v.detector.h: "),
        ("{ h = 10 }", "deeplog"),
        ("'deeplog'", "must be a table"),
    ],
)
def test_a_detectors_table_is_checked_by_its_own_config(settings: Path, detector: str, told: str) -> None:
    """Its kind chooses what its other keys mean; a fault in them is told like any other."""
    found = faults(settings, f"[sources.a]\nindices=['x']\n[sources.a.views.v]\ndetector = {detector}")
    assert told in " ".join(found)


def test_a_detectors_kind_chooses_its_config(settings: Path) -> None:
    """What comes out is the detector's own frozen dataclass."""
    text = "[sources.a]\nindices=['x']\n[sources.a.views.v]\ndetector = { kind = 'deeplog', h = 7 }"
    assert read(settings, text).source("a").views["v"].detector == deeplog.Config(h=7)


def test_view_settings_survive_json() -> None:
    """A bundle keeps them as JSON."""
    view = ViewSettings(session_by=("user.name",), detector={"kind": "rarity"})
    assert ViewSettings.model_validate_json(view.model_dump_json()) == view


@pytest.mark.parametrize(
    "section", ["[elasticsearch]\nurl = {}", "[elasticsearch]\napi_key = [{}]", "elasticsearch = {}"]
)
def test_no_fault_shows_a_secret(settings: Path, section: str) -> None:
    """Not even a key that was put in the wrong place, or a password in an address."""
    found = faults(settings, section.format(f"'https://elastic:{SECRET}@localhost:9200'"))
    assert SECRET not in " ".join(found)


def test_settings_never_print_a_secret(settings: Path) -> None:
    """Neither as text nor as JSON."""
    text = f"[elasticsearch]\napi_key = '{SECRET}'\n[celery]\nbroker = 'redis://:{SECRET}@localhost/0'"
    loaded = read(settings, text)
    assert SECRET not in f"{loaded!r} {loaded} {loaded.model_dump_json()}"
    assert loaded.elasticsearch.api_key is not None
    assert loaded.elasticsearch.api_key.get_secret_value() == SECRET


def test_one_key_is_enough(settings: Path) -> None:
    """Two would leave open which is meant."""
    (fault,) = faults(settings, "[elasticsearch]\napi_key = 'a'\napi_key_file = 'b'")
    assert "keep one" in fault


def test_the_environment_wins_over_the_file(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key by key: what it does not name stays the file's."""
    monkeypatch.setenv("SIEM_ANOMALY__ELASTICSEARCH__API_KEY", SECRET)
    monkeypatch.setenv("SIEM_ANOMALY__WORKER", "from-the-environment")
    loaded = read(settings, "worker = 'from-the-file'\n[elasticsearch]\nurl = 'http://es:9200'\nprefix = 'mine'")
    assert loaded.worker == "from-the-environment"
    assert loaded.elasticsearch.prefix == "mine"
    assert loaded.elasticsearch.api_key is not None


@pytest.mark.parametrize(("given", "other"), [("API_KEY", "api_key_file"), ("api_key_file", "api_key")])
def test_a_key_of_the_environment_replaces_the_files_whichever_way_it_is_named(
    settings: Path, monkeypatch: pytest.MonkeyPatch, given: str, other: str
) -> None:
    """One who installs has another key than the worker, whose settings these are."""
    monkeypatch.setenv(f"SIEM_ANOMALY__ELASTICSEARCH__{given}", "installers")
    loaded = read(settings, f"[elasticsearch]\n{other} = 'workers'\nprefix = 'mine'").elasticsearch
    assert (getattr(loaded, other), getattr(loaded, given.lower()) is not None, loaded.prefix) == (None, True, "mine")


def test_a_variable_that_holds_nothing_replaces_no_key(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was forgotten in a unit file would send no key at all, and say nothing."""
    monkeypatch.setenv("SIEM_ANOMALY__ELASTICSEARCH__API_KEY", "")
    text = "[elasticsearch]\napi_key_file = 'workers'"
    with pytest.raises(ConfigError):
        read(settings, text)
    monkeypatch.delenv("SIEM_ANOMALY__ELASTICSEARCH__API_KEY")
    assert read(settings, text).elasticsearch.api_key_file == Path("workers")


@pytest.mark.parametrize("key", [f"{SECRET}\n{SECRET}", f'{{"encoded": "{SECRET}"}}', f"{SECRET}ж"])
def test_what_is_no_key_is_told_without_showing_it(settings: Path, key: str) -> None:
    """A whole answer of the server's, or two lines: a header takes neither, and its own words would hold the key."""
    file = settings.with_name("key")
    file.write_text(key, encoding="utf-8")
    for given in (ElasticsearchSettings(api_key=SecretStr(key)), ElasticsearchSettings(api_key_file=file)):
        with pytest.raises(ConfigError, match=r"api_key.*: is no key") as caught:
            connect(given)
        assert SECRET not in str(caught.value)
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    connect(ElasticsearchSettings(api_key_file=file)).close()


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("http://localhost", "http://localhost:80"),
        ("https://es.example.com/es", "https://es.example.com:443/es"),
        ("http://[::1]:9200", "http://[::1]:9200"),
    ],
)
def test_a_server_without_a_port_has_its_schemes(url: str, whole: str) -> None:
    """As in a browser; the client wants one."""
    settings = ElasticsearchSettings(url=url)
    assert settings.url == whole
    connect(settings).close()


NO_SERVERS = ("localhost:9200", "ftp://a:9200", "//a:9200", "https://a:0", "http://", "http://a:99999", "http://[::1")
SEVERAL = ("http://a:9200,http://b:9200", "http://a?k=v")


@pytest.mark.parametrize("url", [*NO_SERVERS, *SEVERAL])
def test_what_is_no_server_is_a_fault(settings: Path, url: str) -> None:
    """With what would be one, and before anything is asked."""
    (fault,) = faults(settings, f"[elasticsearch]\nurl = '{url}'")
    assert "elasticsearch.url: must be the URL of one server" in fault


@pytest.mark.parametrize("name", ["..", "/tmp", "", "a/b", "web[/]", "a b", "auth.0-of-2", "a+b", ".x"])
def test_names_become_folders_and_must_be_some(settings: Path, name: str) -> None:
    """Of sources and of views; also one that a command line gives."""
    source = f'[sources."{name}"]\nindices = ["x"]\n'
    view = f'[sources.auth]\nindices = ["x"]\n[sources.auth.views."{name}"]\ndetector = {{ kind = "rarity" }}\n'
    for text in (source, view):
        assert any("is no name for a source or a view" in fault for fault in faults(settings, text))
    result = CliRunner().invoke(app, ["train", "--source", name, "x.log"])
    assert result.exit_code == 2


@pytest.mark.parametrize("setting", ["budget", "interval_s", "suppress_s", "max_late_s"])
def test_nothing_is_infinite(settings: Path, setting: str) -> None:
    """Arithmetic with it ends in faults far from here."""
    (fault,) = faults(settings, f'[sources.auth]\nindices = ["x"]\n{setting} = inf')
    assert f"sources.auth.{setting}" in fault


@pytest.mark.parametrize("name", ["SIEM_ANOMALY__ELASTICSEARCH", "SIEM_ANOMALY__ELASTICSEARCH__APIKEY"])
def test_a_fault_in_the_environment_is_told_without_its_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is no JSON, or names no setting, is a fault like one in the file."""
    monkeypatch.setenv(name, SECRET)
    with pytest.raises(ConfigError, match=r"(?i)elasticsearch") as caught:
        config.load(None)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(("content", "told"), [(b"worker = ", "is not TOML"), (b"\xff\xfe", "is not TOML")])
def test_a_file_that_is_no_toml_says_so(settings: Path, content: bytes, told: str) -> None:
    """One sentence with the file's name."""
    settings.write_bytes(content)
    with pytest.raises(ConfigError, match=told) as caught:
        config.load(settings)
    assert str(settings) in str(caught.value)


def test_a_missing_file_says_how_to_name_one(settings: Path) -> None:
    """And where it was looked for."""
    with pytest.raises(ConfigError, match="--config") as caught:
        config.load(settings)
    assert str(settings) in str(caught.value)


def test_an_unknown_source_is_answered_with_the_known_ones(settings: Path) -> None:
    """The commands' `--source` is checked here, once."""
    loaded = read(settings, "[sources.auth]\nindices = ['x']\n[sources.web]\nindices = ['y']")
    assert loaded.source("auth").indices == ("x",)
    with pytest.raises(ConfigError, match="auth, web"):
        loaded.source("aut")


@pytest.mark.parametrize(("name", "near"), [("ELASTICSERCH__URL", "elasticsearch"), ("WORKRE", "worker")])
def test_a_mistyped_variable_is_told(name: str, near: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a mistyped key of the file is: what is passed over in silence is not in force."""
    monkeypatch.setenv(f"SIEM_ANOMALY__{name}", SECRET)
    with pytest.raises(
        ConfigError, match=f"SIEM_ANOMALY__{name}: there is no such setting; did you mean {near}"
    ) as told:
        config.load(None)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    ("name", "pattern", "key", "why"),
    [
        ("ticket", "TCK", "masks.0.name", "capital letters"),
        ("TICKET", "(a", "masks.0.pattern", "no regular expression"),
        ("TICKET", "(a)", "masks.0.pattern", "capture"),
        ("TICKET", "a*", "masks.0.pattern", "empty text"),
        ("TICKET", r"a\sb", "masks.0.pattern", "white space"),
        ("TICKET", "(?:a+)+b", "masks.0.pattern", "bound its repeats"),
        ("IP", "TCK", "masks", "two masks have the same name: IP"),
    ],
)
def test_a_mask_that_cannot_be_used_is_one_fault_with_its_key_path(
    settings: Path, name: str, pattern: str, key: str, why: str
) -> None:
    """Told when the settings are read, long before a training begins."""
    (fault,) = faults(settings, f"[sources.a]\nindices=['x']\n[[sources.a.masks]]\nname='{name}'\npattern='{pattern}'")
    assert f"sources.a.{key}: " in fault
    assert why in fault


def test_a_sources_own_masks_come_before_those_for_any_log(settings: Path) -> None:
    """So that they win where both match."""
    text = "[sources.a]\nindices=['x']\n[[sources.a.masks]]\nname='TICKET'\npattern='TCK-[0-9]{1,9}'"
    assert read(settings, text).source("a").all_masks.mask("TCK-12 of 10.1.2.3") == "<TICKET> of <IP>"


def test_an_hour_is_paired_and_joins_nothing(settings: Path) -> None:
    """It says when a line came, not whose it is."""
    view = "[sources.a]\nindices=['x']\n[sources.a.views.v]\ndetector={kind='rarity'}\n"
    (paired,) = read(settings, view + "pairs=[['user.name', 'hour']]").source("a").views.values()
    assert paired.pairs == (("user.name", "hour"),)
    told = "".join(faults(settings, view.replace("detector", "session_by=['hour']\ndetector")))
    assert "views.v.session_by.0: " in told
    assert "not 'hour'" in told


def test_a_view_that_is_ready_made_needs_its_name_alone() -> None:
    """What it says itself wins; one of another name needs a detector."""
    source = config.SourceSettings.model_validate(
        {
            "indices": ["x"],
            "views": {"values": {}, "volume": {"idle_s": 60.0}, "rarity": {"detector": {"kind": "deeplog"}}},
        }
    )
    assert source.views["values"] == config.ready_views()["values"]
    assert (source.views["volume"].session_by, source.views["volume"].idle_s) == (("source.ip",), 60.0)
    assert source.views["rarity"].detector == deeplog.Config()
    with pytest.raises(ValidationError, match="detector"):
        config.SourceSettings.model_validate({"indices": ["x"], "views": {"mine": {}}})
