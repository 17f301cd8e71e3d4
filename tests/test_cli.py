"""The command line: results on stdout, talk on stderr, one sentence and an exit code for each fault."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from plugin import bundle as bundles
from plugin.cli import app
from plugin.errors import BundleError, ConfigError, InputError
from tests import lines

ROOT = Path(__file__).parent.parent


def run(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command line as a process of its own, as a person starts it."""
    command = [sys.executable, "-W", "error", "-m", "plugin.cli", *map(str, arguments)]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}  # two threads that wait for one busy core take ten times as long
    return subprocess.run(command, input=given, capture_output=True, cwd=ROOT, env=alone, timeout=300, check=False)


def score(*arguments: object) -> str:
    """What `score` prints in this process, which must go well."""
    result = CliRunner().invoke(app, ["score", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day's log with a strange line."""
    path = tmp_path_factory.mktemp("log") / "auth.log"
    path.write_text("\n".join(sorted([*lines.texts(), lines.strange()])) + "\n", encoding="utf-8")
    os.utime(path, (lines.DAY.timestamp() + 86_400,) * 2)
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved bundle of the same host."""
    return bundles.save(lines.bundle(), tmp_path_factory.mktemp("bundles"))


def test_standard_input_is_scored_by_itself(log: Path) -> None:
    """The first minute: `… | siem-anomaly score -`, in a process of its own, warnings being errors."""
    result = run("score", "-", "--json", "--budget", "2", given=log.read_bytes())
    assert (result.returncode, result.stderr) == (0, b"")
    first, *others = map(json.loads, result.stdout.splitlines())
    assert others
    assert first["event"]["original"] == lines.STRANGE


@pytest.mark.parametrize(("content", "told"), [(None, "cannot be read"), (b"\x7fELF\x00", "is a binary file")])
def test_a_file_that_is_no_log_is_one_sentence_and_exit_3(tmp_path: Path, content: bytes | None, told: str) -> None:
    """On stderr, with the file's name; stdout stays empty, and there is no traceback."""
    path = tmp_path / "x"
    if content is not None:
        path.write_bytes(content)
    result = run("score", path)
    assert (result.returncode, result.stdout) == (InputError.exit_code, b"")
    assert told in result.stderr.decode().replace("\n", " ")  # where the terminal is narrow, it wraps
    assert str(path) in result.stderr.decode().replace("\n", "")
    assert b"Traceback" not in result.stderr


def test_a_folder_that_is_no_bundle_is_one_sentence_and_exit_5(log: Path, tmp_path: Path) -> None:
    """It says what a bundle is."""
    result = run("score", log, "--bundle", tmp_path)
    assert (result.returncode, result.stdout) == (BundleError.exit_code, b"")
    assert b"bundle.json" in result.stderr
    assert b"Traceback" not in result.stderr


def test_debug_shows_where_it_failed(tmp_path: Path) -> None:
    """For whoever mends the program."""
    result = run("--debug", "score", tmp_path / "absent")
    assert result.returncode != 0
    assert b"Traceback" in result.stderr


WRONG = (
    "score",
    "score x --budget 0",
    "score x --nope",
    "scor",
    "score x --bundle y --view values",
    "score x --html nowhere/page.html",
    "poll --once --follow",
    "poll --once --json",
)


@pytest.mark.parametrize("line", WRONG)
def test_wrong_usage_is_exit_2(line: str) -> None:
    """As everywhere, and before anything is read."""
    assert CliRunner().invoke(app, line.split()).exit_code == 2


@pytest.mark.parametrize("line", ["init", "check", "poll --once", "status", "bundle list"])
def test_without_settings_nothing_is_asked_of_any_server(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A default address is no place to install into."""
    monkeypatch.delenv("SIEM_ANOMALY_CONFIG", raising=False)
    result = CliRunner().invoke(app, line.split())
    assert isinstance(result.exception, ConfigError)
    assert "with --config FILE" in str(result.exception)


def test_the_settings_may_be_named_after_the_command_too(tmp_path: Path) -> None:
    """Before it, after it, in one word or two, for commands of commands as well; never what stands behind `--`."""
    path = tmp_path / "settings.toml"
    path.write_text('worker = "seven"\n[sources.auth]\nindices = ["auth"]\n', encoding="utf-8")
    for given in (
        ["--config", path, "config"],
        ["config", f"--config={path}"],
        ["config", "--debug", "--config", path],
    ):
        assert json.loads(run(*given).stdout)["worker"] == "seven"
    assert b"no bundle yet" in run("bundle", "list", "--config", path).stdout
    assert run("score", "--", "--config").returncode == InputError.exit_code
    lacking = run("config", "--config")
    assert (lacking.returncode, b"requires an argument" in lacking.stderr) == (2, True)


@pytest.mark.parametrize("time", ["now", "2026-13-01", "01.11.2026", "-"])
def test_a_time_that_is_none_is_told_how_to_write_one(time: str) -> None:
    """Before anything is asked."""
    result = CliRunner().invoke(app, ["backfill", "--source", "a", "--from", time, "--to", "2026-11-01"])
    assert result.exit_code == 2
    assert "is no time" in result.output


@pytest.mark.parametrize("options", [["--json"], ["--top", "0"]])
def test_a_reader_that_has_read_enough_is_no_failure(log: Path, bundle: Path, options: list[str]) -> None:
    """`| head` ends well, whatever is printed, and nothing is said about it."""
    command = [sys.executable, "-W", "error", "-m", "plugin.cli", "score", str(log), "--bundle", str(bundle), *options]
    ours, theirs = os.pipe()
    os.close(ours)  # whoever would read is gone before the first word
    with os.fdopen(theirs, "wb") as out:
        result = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, cwd=ROOT, timeout=300, check=False)
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_source_without_a_bundle_is_listed_too(tmp_path: Path) -> None:
    """With what makes one, and no failure: whoever lists wants to know what is there."""
    settings = tmp_path / "settings.toml"
    sources = "".join(f'[sources.{name}]\nindices = ["{name}"]\n' for name in ("auth", "app"))
    settings.write_text(f'bundles = "{tmp_path}/shelf"\n{sources}', encoding="utf-8")
    bundles.save(lines.bundle(), tmp_path / "shelf")
    bundles.use(tmp_path / "shelf", "auth", lines.bundle().id)
    result = CliRunner().invoke(app, ["--config", str(settings), "bundle", "list"], catch_exceptions=False)
    first, second = result.stdout.splitlines()
    assert result.exit_code == 0
    assert first.startswith(f"* auth  {lines.bundle().id}")
    assert second == "  app  no bundle yet: `siem-anomaly train --source app` makes one"


def test_a_damaged_bundle_hides_no_other(tmp_path: Path) -> None:
    """Its row says what is wrong; and where none is in use any more, how to choose one."""
    settings = tmp_path / "settings.toml"
    settings.write_text(f'bundles = "{tmp_path}/shelf"\n[sources.auth]\nindices = ["x"]\n', encoding="utf-8")
    bundles.save(lines.bundle(), tmp_path / "shelf")
    damaged = tmp_path / "shelf" / "auth" / "2020-01-01-01"
    damaged.mkdir()
    (damaged / "bundle.json").write_text("{", encoding="utf-8")
    result = CliRunner().invoke(app, ["--config", str(settings), "bundle", "list"], catch_exceptions=False)
    first, second = result.stdout.splitlines()
    assert "2020-01-01-01" in first
    assert lines.bundle().id in second
    assert f"bundle use --source auth {lines.bundle().id}" in result.stderr


def test_the_version_is_told() -> None:
    """Who asks for help is asked for it."""
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("siem-anomaly 0.")


def test_a_line_that_reaches_the_score_fails_the_run(log: Path, bundle: Path) -> None:
    """Exit 10, after everything was printed: for a pipeline's gate."""
    result = CliRunner().invoke(app, ["score", str(log), "--bundle", str(bundle), "--fail-at", "30"])
    assert result.exit_code == 10
    assert lines.STRANGE[:20] in result.stdout


def test_a_log_is_never_written_over(log: Path) -> None:
    """Neither by its name nor by another of the same file: it is evidence."""
    before = log.read_bytes()
    for page in (log, log.parent / ".." / log.parent.name / log.name):
        result = CliRunner().invoke(app, ["score", str(log), "--html", str(page)])
        assert (result.exit_code, "--html" in result.output) == (2, True)
    assert log.read_bytes() == before


def test_a_mistyped_source_is_told_so(tmp_path: Path) -> None:
    """What it would lack is no bundle."""
    settings = tmp_path / "settings.toml"
    settings.write_text(f'bundles = "{tmp_path}/shelf"\n[sources.auth]\nindices = ["x"]\n', encoding="utf-8")
    for line in ("tune --cut 3", "bundle show", "bundle use 1"):
        result = CliRunner().invoke(app, ["--config", str(settings), *line.split(), "--source", "atuh"])
        assert isinstance(result.exception, ConfigError), line
        assert "there is no such source" in str(result.exception)


@pytest.mark.parametrize("line", ["config", "score {log} --bundle {bundle}"])
def test_a_full_disk_is_one_sentence(line: str, log: Path, bundle: Path) -> None:
    """And exit 3, with nothing more when Python itself ends."""
    command = [sys.executable, "-W", "error", "-m", "plugin.cli", *line.format(log=log, bundle=bundle).split()]
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT, timeout=300, check=False)
    told = result.stderr.decode()
    assert (result.returncode, told.count("\n")) == (InputError.exit_code, 1)
    assert "cannot be read or written (No space left on device)" in told


def test_a_gate_holds_whoever_reads(log: Path, bundle: Path, tmp_path: Path) -> None:
    """The page is written and the run fails, also where the reader of its output has read enough."""
    page = tmp_path / "page.html"
    command = [sys.executable, "-W", "error", "-m", "plugin.cli", "score", str(log), "--bundle", str(bundle)]
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "wb") as out:
        command += ["--top", "0", "--html", str(page), "--fail-at", "30"]
        result = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, cwd=ROOT, timeout=300, check=False)
    assert (result.returncode, page.stat().st_size > 10_000) == (10, True)


def test_a_gate_may_be_lower_than_the_cut(log: Path, bundle: Path, tmp_path: Path) -> None:
    """What reaches the score fails the run, whether or not it is an anomaly by the bundle's cut."""
    high = tmp_path / "high"
    judge = bundles.load(bundle).with_cut(99.0, "high", "2026-11-24T00:00:00Z")
    path = bundles.save(judge, high)
    for least, code in ((30.0, 10), (98.0, 0), (0.0, 10)):
        result = CliRunner().invoke(app, ["score", str(log), "--bundle", str(path), "--fail-at", str(least)])
        assert (result.exit_code, "nothing reached" in result.stdout) == (code, True)


def test_a_regular_day_passes_the_gate(bundle: Path, tmp_path: Path) -> None:
    """Nothing reaches the score, and that is said."""
    path = tmp_path / "auth.log"
    path.write_text("\n".join(lines.texts(seed=7)), encoding="utf-8")
    os.utime(path, (lines.DAY.timestamp() + 86_400,) * 2)
    assert "nothing" in score(path, "--bundle", bundle, "--fail-at", 30)


def test_json_is_one_document_a_line(log: Path, bundle: Path) -> None:
    """Each the document that Elasticsearch would get, with its id; nothing else is on stdout."""
    found = [json.loads(line) for line in score(log, "--bundle", bundle, "--json").splitlines()]
    assert len({document["_id"] for document in found}) == len(found) > 0
    assert found[0]["event"]["id"] == found[0]["_id"]
    assert found[0]["siem_anomaly"]["bundle"]["id"] == lines.bundle().id
    scores = [document["siem_anomaly"]["score"] for document in found]
    assert scores == sorted(scores, reverse=True)


def test_a_zipped_file_and_several_files_are_read(log: Path, bundle: Path, tmp_path: Path) -> None:
    """Rotated logs are given together."""
    zipped = tmp_path / "auth.log.1.gz"
    zipped.write_bytes(gzip.compress(log.read_bytes()))
    os.utime(zipped, (lines.DAY.timestamp() + 86_400,) * 2)
    found = [json.loads(line) for line in score(log, zipped, "--bundle", bundle, "--json").splitlines()]
    assert {document["siem_anomaly"]["source"]["ids"][0].split(":")[0] for document in found} == {log.name, zipped.name}


def test_all_unfolds_and_top_bounds(log: Path, bundle: Path) -> None:
    """Folded is the default; what is not shown is said."""
    folded, unfolded, one = (
        score(log, "--bundle", bundle, "--budget", "100", *more) for more in ([], ["--all", "--top", 0], ["--top", 1])
    )
    assert "alike" in folded
    assert "alike" not in unfolded
    assert "more entries" in one


def test_every_command_has_help() -> None:
    """A sentence in the list, and one for itself."""
    listed = CliRunner().invoke(app, ["--help"]).stdout
    for command in app.registered_commands:
        name = command.name or (command.callback.__name__ if command.callback else "")
        assert name in listed
        assert (command.callback.__doc__ if command.callback else "") or command.help


def test_a_server_that_is_down_is_one_sentence_and_exit_7(tmp_path: Path) -> None:
    """Which server, what it was asked, what to check; the client's own log line says it no second time."""
    settings = tmp_path / "settings.toml"
    settings.write_text(
        '[elasticsearch]\nurl = "http://127.0.0.1:9"\n[sources.a]\nindices = ["x"]\n', encoding="utf-8"
    )  # port 9, discard: nothing listens there
    result = run("--config", settings, "check")
    told = result.stderr.decode().strip().splitlines()
    assert result.returncode == 7
    assert len(told) == 1
    assert "http://127.0.0.1:9" in told[0]


def check(*arguments: object, code: int = 0) -> str:
    """What `check --file` prints, with the exit code it must have."""
    result = CliRunner().invoke(app, ["check", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def test_a_file_is_checked_without_server_and_settings(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten lines as they were understood, the format that was found, and the share that was read."""
    monkeypatch.delenv("SIEM_ANOMALY_CONFIG", raising=False)
    told = check("--file", log)
    n = len(log.read_text(encoding="utf-8").splitlines())
    assert "format syslog, as its first lines are" in told
    assert f"{n:,} of {n:,} lines understood" in told
    assert told.count(lines.HOST) == 10


def test_what_of_a_file_is_not_understood_is_told_by_reason_with_an_example(tmp_path: Path) -> None:
    """The commonest first, with its share; where most is not understood, the exit code says it too."""
    path = tmp_path / "app.log"
    texts = ["Nov 23 10:00:00 web a: x"] * 3 + ["words\x1b[2J only"] * 2 + ["Foo 99 10:00:00 web a: x"]
    path.write_text("\n".join(texts), encoding="utf-8")
    told = check("--file", path)
    assert "3 of 6 lines understood" in told
    assert "2 (33.3%) not: no time stamp, such as app.log:4  words\ufffd[2J only" in told
    assert told.index("no time stamp") < told.index("impossible date, such as app.log:6")
    assert "0 of 6 lines understood" in check("--file", path, "--format", "json", code=9)
    path.write_text("words only\n" * 3, encoding="utf-8")
    result = CliRunner().invoke(app, ["check", "--file", str(path)])
    assert (result.exit_code, "most lines say no time" in result.output) == (9, True)


def test_a_format_and_a_zone_that_nobody_knows_are_wrong_usage(log: Path) -> None:
    """Exit 2, and what would have been right."""
    for option, value in (("--format", "xml"), ("--zone", "Mars/Base"), ("--zone", "/etc/passwd"), ("--zone", "")):
        for command in (["score", log], ["check", "--file", log], ["train", "--source", "a", log]):
            result = CliRunner().invoke(app, [*map(str, command), option, value])
            assert result.exit_code == 2, (command, option)


def test_the_zone_moves_stamps_without_an_offset(tmp_path: Path) -> None:
    """Shown is UTC."""
    path = tmp_path / "app.log"
    path.write_text("Nov 23 10:00:00 web a: x\n", encoding="utf-8")
    assert "10:00:00" in check("--file", path)
    assert "15:00:00" in check("--file", path, "--zone", "America/New_York", "--format", "syslog")
