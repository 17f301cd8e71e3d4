"""`plugin.bundle`: what is saved judges the same when loaded, and what is damaged is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from models.windows import Tails
from plugin import bundle as bundles
from plugin.bundle import Bundle
from plugin.errors import BundleError
from plugin.pipeline import judge
from plugin.seen import Seen
from tests import lines


def judged(bundle: Bundle) -> list[tuple[str, str, float]]:
    """What a bundle says of the day with a strange line in it."""
    day = sorted(lines.lines([*lines.texts(12), lines.strange()]), key=lambda line: line.time)
    found, _ = judge(bundle.matcher.match(day), "auth", bundle, {}, day[-1].time + 3600)
    return [(anomaly.view.name, anomaly.sighting.line.origin, anomaly.score) for anomaly in found]


def saved(shelf: Path) -> Path:
    """The day's bundle on a shelf."""
    return bundles.save(lines.bundle(), shelf)


def edit_head(directory: Path, **changes: object) -> None:
    """Write something else into bundle.json."""
    path = directory / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_a_loaded_bundle_judges_as_the_saved_one(tmp_path: Path) -> None:
    """The same lines over the same cuts, with the same scores to the last bit."""
    bundle = lines.watchful()
    loaded = bundles.load(bundles.save(bundle, tmp_path))
    assert judged(bundle)
    assert judged(loaded) == judged(bundle)
    assert (loaded.id, loaded.parent, loaded.sha256) == (bundle.id, bundle.parent, bundle.sha256)
    assert [view.lens for view in loaded.views] == [view.lens for view in bundle.views]


def test_a_bundle_knows_when_its_training_last_held_each_template(tmp_path: Path) -> None:
    """The last line's time, whatever the order of the lines; it comes back from the disk."""
    bundle = bundles.load(saved(tmp_path))
    day = lines.lines(lines.texts())
    matches = bundle.matcher.match(day)
    assert bundle.seen is not None
    assert bundle.seen.first == min(line.time for line in day)
    for template in bundle.templates:
        times = [match.line.time for match in matches if match.event == template.id]
        assert bundle.seen.last[template.id - 1] == max(times, default=bundle.seen.first)
    assert bundle.with_cut(1.0, "x", "y").seen == bundle.seen


def test_a_bundle_made_before_knows_nothing_of_it(tmp_path: Path) -> None:
    """It loads, judges the same, and has the same digest."""
    old = bundles.load(bundles.save(replace(lines.bundle(), seen=None), tmp_path))
    assert old.seen is None
    assert old.sha256 == lines.bundle().sha256
    assert judged(old) == judged(lines.bundle())


def test_times_that_are_none_are_refused() -> None:
    """With what they ought to be; a bundle then says which one it is."""
    for damaged in (None, [], {"first": 1.0}, {"first": "x", "last": []}, {"first": 1.0, "last": [True]}):
        with pytest.raises(ValueError, match="times must be"):
            Seen.from_json(damaged)


def test_a_bundle_is_data_alone(tmp_path: Path) -> None:
    """JSON and safetensors; nothing in it can run."""
    assert {path.suffix for path in saved(tmp_path).rglob("*") if path.is_file()} == {".json", ".safetensors"}


def test_a_bundle_can_be_copied_elsewhere(tmp_path: Path) -> None:
    """No file in it names a place."""
    moved = saved(tmp_path / "here").rename(tmp_path / "there")
    assert judged(bundles.load(moved)) == judged(lines.bundle())
    assert not [path for path in moved.rglob("*.json") if str(tmp_path) in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize(
    "name",
    [
        "masks.json",
        "templates.json",
        "threshold.json",
        "rarity/view.json",
        "rarity/detector.json",
        "sequence/weights.safetensors",
    ],
)
@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda path: path.unlink(), id="missing"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-3]), id="truncated"),
        pytest.param(lambda path: path.write_bytes(b"{}"), id="foreign"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, harm: Callable[[Path], object]) -> None:
    """Missing, truncated or foreign: which bundle, which file, and what to do."""
    directory = saved(tmp_path)
    harm(directory / name)
    with pytest.raises(BundleError, match="anew") as caught:
        bundles.load(directory)
    assert name in str(caught.value)
    assert str(directory) in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b'{"format": "x", "files": {}}', b'{"format": 1, "files": 7}']
)
def test_a_folder_that_holds_no_bundle_says_so(tmp_path: Path, content: bytes) -> None:
    """Whatever its bundle.json is."""
    (tmp_path / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError, match="is no bundle"):
        bundles.load(tmp_path)


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    """The sentence says which file a bundle has; where there is no folder it says that."""
    with pytest.raises(BundleError, match=r"holds no bundle\.json"):
        bundles.load(tmp_path)
    with pytest.raises(BundleError, match="No such file"):
        bundles.load(tmp_path / "none")


def test_a_file_that_no_digest_vouches_for_is_not_read(tmp_path: Path) -> None:
    """A head that leaves a file out cannot smuggle it past the check."""
    directory = saved(tmp_path)
    head = json.loads((directory / "bundle.json").read_text(encoding="utf-8"))
    edit_head(directory, files={name: digest for name, digest in head["files"].items() if name != "masks.json"})
    with pytest.raises(BundleError, match=r"masks\.json"):
        bundles.load(directory)


@pytest.mark.parametrize("view", ["..", "../elsewhere", "/elsewhere"])
def test_a_head_cannot_reach_outside(tmp_path: Path, view: str) -> None:
    """Not even to files that are there and whole."""
    directory = saved(tmp_path)
    (directory / "rarity").rename(directory.parent / "elsewhere")
    edit_head(directory, views=[view])
    with pytest.raises(BundleError, match=f"{view}/view.json is missing"):
        bundles.load(directory)


def test_a_newer_bundle_asks_for_an_upgrade(tmp_path: Path) -> None:
    """Reading it by old rules could judge wrongly without a word."""
    directory = saved(tmp_path)
    edit_head(directory, format=bundles.FORMAT + 1)
    with pytest.raises(BundleError, match=r"newer version.*upgrade"):
        bundles.load(directory)


def test_a_bundle_is_never_overwritten(tmp_path: Path) -> None:
    """A record names its bundle; that must mean the same for ever."""
    directory = saved(tmp_path)
    before = (directory / "bundle.json").stat().st_mtime_ns
    with pytest.raises(BundleError, match="never overwritten"):
        bundles.save(lines.bundle(), tmp_path)
    assert (directory / "bundle.json").stat().st_mtime_ns == before


def test_what_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    """A fault half-way takes the files written so far away again."""
    twice = replace(lines.bundle(), views=lines.bundle().views * 2)  # the second view of a name meets its own folder
    with pytest.raises(BundleError, match="cannot be written"):
        bundles.save(twice, tmp_path)
    assert list((tmp_path / "auth").iterdir()) == []
    assert bundles.ids(tmp_path, "auth") == []


def test_a_shelf_that_is_a_file_says_which_setting(tmp_path: Path) -> None:
    """What a person mends is the setting."""
    (tmp_path / "shelf").write_text("", encoding="utf-8")
    with pytest.raises(BundleError, match="`bundles`"):
        saved(tmp_path / "shelf")


def test_new_ids_count_within_a_day(tmp_path: Path) -> None:
    """The first number that is free; another source or day begins anew."""
    assert bundles.new_id(tmp_path, "auth", "2026-11-24") == "2026-11-24-01"
    saved(tmp_path)
    assert bundles.new_id(tmp_path, "auth", "2026-11-24") == "2026-11-24-02"
    assert bundles.new_id(tmp_path, "auth", "2026-11-25") == "2026-11-25-01"
    assert bundles.new_id(tmp_path, "web", "2026-11-24") == "2026-11-24-01"


def test_ids_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """The hundredth of a day is after the ninety-ninth; what is being written, or was left, is none."""
    for id in ("2026-11-24-100", "2026-11-24-99", "2026-11-23-07", ".draft-x", "mine"):
        (tmp_path / "auth" / id).mkdir(parents=True)
        (tmp_path / "auth" / id / "bundle.json").touch()
    assert bundles.ids(tmp_path, "auth") == ["2026-11-23-07", "2026-11-24-99", "2026-11-24-100", "mine"]


def test_where_none_is_in_use_it_is_told_how_to_choose(tmp_path: Path) -> None:
    """A restored backup, or a death between save and use: to train again would throw away what there is."""
    saved(tmp_path)
    with pytest.raises(BundleError, match=f"bundle use --source auth {lines.bundle().id}"):
        bundles.current(tmp_path, "auth")


def test_many_may_choose_at_once(tmp_path: Path) -> None:
    """Each choice is whole, and the last one counts."""
    saved(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: bundles.use(tmp_path, "auth", lines.bundle().id), range(200)))
    assert bundles.in_use(tmp_path, "auth") == lines.bundle().id
    assert [path.name for path in (tmp_path / "auth").iterdir() if path.name.startswith(".")] == []


def test_the_bundle_in_use_is_chosen_by_name(tmp_path: Path) -> None:
    """`use` goes forward and back; `current` loads what was chosen last."""
    saved(tmp_path)
    bundles.save(lines.watchful(), tmp_path)
    for id in bundles.ids(tmp_path, "auth") * 2:
        bundles.use(tmp_path, "auth", id)
        assert bundles.current(tmp_path, "auth").id == id


def test_a_bundle_that_is_not_there_cannot_be_used(tmp_path: Path) -> None:
    """The one in use stays."""
    saved(tmp_path)
    bundles.use(tmp_path, "auth", lines.bundle().id)
    with pytest.raises(BundleError, match="bundle list"):
        bundles.use(tmp_path, "auth", "2020-01-01-01")
    with pytest.raises(BundleError, match="bundle list"):
        bundles.use(tmp_path, "auth", f"../auth/{lines.bundle().id}")
    assert bundles.current(tmp_path, "auth").id == lines.bundle().id


def test_a_source_without_a_bundle_is_told_to_train(tmp_path: Path) -> None:
    """The first thing a new site meets, so it says what to run."""
    with pytest.raises(BundleError, match="siem-anomaly train --source auth"):
        bundles.current(tmp_path, "auth")


def test_another_cut_makes_a_child_that_judges_otherwise() -> None:
    """Nothing is edited in place: the parent keeps its cut, its digest and its language."""
    parent = lines.bundle()
    child = parent.with_cut(1.5, "new", "2026-11-24T02:00:00Z")
    assert (child.threshold.cut, child.threshold.per_day) == (1.5, parent.threshold.per_day)
    assert (child.parent, child.id) == (parent.id, "new")
    assert child.sha256 != parent.sha256
    assert child.language == parent.language


def test_the_digest_follows_what_judges_not_what_it_is_called() -> None:
    """Two bundles of one digest judge alike, whatever their ids."""
    bundle = lines.bundle()
    assert replace(bundle, id="other", created="later").sha256 == bundle.sha256
    assert replace(bundle, views=bundle.views[:1]).sha256 != bundle.sha256


def test_tails_do_not_outlive_other_sequences() -> None:
    """Sessions cut by another rule are another language."""
    bundle = lines.bundle()
    view = bundle.views[0]
    settings = view.lens.settings.model_copy(update={"idle_s": 60.0})
    other = replace(bundle, views=(replace(view, lens=replace(view.lens, settings=settings)), *bundle.views[1:]))
    assert other.language != bundle.language


def test_the_matcher_is_compiled_once() -> None:
    """Its caches are worth keeping between polls."""
    assert lines.bundle().matcher is lines.bundle().matcher
    assert judge([], "auth", lines.bundle(), {"sequence": Tails()}, 0.0)[0] == []
