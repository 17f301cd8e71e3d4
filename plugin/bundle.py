"""A bundle: everything that judges one source, immutable, in one directory that can be copied and never runs code.

<bundles>/<source>/<id>/bundle.json        who, when, from what, and the SHA-256 of every other file
masks.json templates.json
seen.json           when the training last held each template; older bundles have none
threshold.json      calibration and cut of all views together
<view>/view.json    settings, calibration
<view>/…            the detector's own files
<bundles>/<source>/current                  the id in use; written last, by rename
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from models import base
from models.calibration import Calibration
from parsers.masks import Masks
from parsers.matcher import Matcher
from parsers.templates import Templates
from plugin.config import ViewSettings
from plugin.errors import BundleError
from plugin.seen import Seen
from plugin.views import Example, Lens, Threshold, View, Walk, walks

FORMAT = 2
"""Raised when an older program could misread a bundle."""


@dataclass(frozen=True)
class Bundle:
    """Masks, templates and views of one source, and how they were made."""

    id: str
    source: str
    created: str
    """ISO 8601, UTC."""
    parent: str | None
    until: int
    """Everything before this instant was there to learn from; a first poll starts here. Milliseconds."""
    n_lines: int
    masks: Masks
    templates: Templates
    views: tuple[View, ...]
    threshold: Threshold
    seen: Seen | None = None
    """When the training last held each template; judges nothing."""

    @cached_property
    def matcher(self) -> Matcher:
        """The compiled templates; it reads values where a view asks for them."""
        asked = any(view.lens.settings.detector.values for view in self.views)
        return Matcher(self.masks, self.templates, values=asked)

    @cached_property
    def walks(self) -> tuple[Walk, ...]:
        """The passes that its views need over the lines."""
        return walks(view.lens for view in self.views)

    @cached_property
    def sha256(self) -> str:
        """Digest of masks, templates, views and cut: the same digest judges alike under one set of weights."""
        views = [_view_json(view) for view in self.views]
        words = [self.masks.to_json(), self.templates.to_json(), views, dataclasses.asdict(self.threshold)]
        return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()

    @cached_property
    def language(self) -> str:
        """Digest of masks, texts and ways to cut sequences: tails mean the same under bundles that share it."""
        lenses = [[view.name, view.lens.settings.model_dump_json(), repr(view.lens.frame)] for view in self.views]
        tails = [walk.name for walk in self.walks]
        words = [self.masks.to_json(), [template.text for template in self.templates], lenses, tails]
        return hashlib.sha256(json.dumps(words).encode()).hexdigest()

    def with_cut(self, cut: float, id: str, created: str) -> Bundle:
        """A child of this bundle with another cut."""
        threshold = replace(self.threshold, cut=cut)
        return replace(self, id=id, created=created, parent=self.id, threshold=threshold)


def save(bundle: Bundle, shelf: Path) -> Path:
    """Write it whole under `shelf/<source>/<id>` or not at all, and return that directory.

    Raises:
        BundleError: it is there already, or cannot be written.
    """
    target = shelf / bundle.source / bundle.id
    if target.exists():
        raise BundleError(f"{target}: a bundle of that id is there already; bundles are never overwritten")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
        try:
            _write(bundle, draft)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise BundleError(f"{target}: cannot be written ({error.strerror}); check the setting `bundles`") from error
    return target


def load(directory: Path) -> Bundle:
    """Read a bundle; every file is checked against its digest first.

    Raises:
        BundleError: a file is missing, truncated or foreign, or the bundle was made by a newer version.
    """
    head = _checked(directory)
    try:
        return Bundle(
            **head["bundle"],
            masks=Masks.from_json(_json(directory / "masks.json")),
            templates=Templates.from_json(_json(directory / "templates.json")),
            views=tuple(_load_view(directory / name, name) for name in head["views"]),
            threshold=_load_threshold(_json(directory / "threshold.json")),
            seen=Seen.from_json(_json(directory / "seen.json")) if "seen.json" in head["files"] else None,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{directory}: cannot be read ({error}); train again, or copy the bundle anew") from error


def use(shelf: Path, source: str, id: str) -> None:
    """Make `id` the bundle in use of a source.

    Raises:
        BundleError: there is no such bundle, or it cannot be noted.
    """
    folder = shelf / source
    if id not in ids(shelf, source):
        raise BundleError(f"{folder}: has no bundle {id}; `siem-anomaly bundle list` shows those it has")
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix=".current-", dir=folder, delete=False) as draft:
            draft.write(id + "\n")
        Path(draft.name).chmod(0o644)
        Path(draft.name).replace(folder / "current")
    except OSError as error:
        raise BundleError(f"{folder}: cannot be written ({error.strerror}); check the setting `bundles`") from error


def current_id(shelf: Path, source: str) -> str:
    """The id of the bundle in use of a source.

    Raises:
        BundleError: there is none.
    """
    try:
        return (shelf / source / "current").read_text(encoding="utf-8").strip()
    except OSError:
        there = ids(shelf, source)
        told = f"has no bundle yet; run `siem-anomaly train --source {source}` first"
        told = f"no bundle is in use; `siem-anomaly bundle use --source {source} {there[-1]}`" if there else told
        raise BundleError(f"{shelf / source}: {told}") from None


def in_use(shelf: Path, source: str) -> str | None:
    """The same; None where there is none, or it is gone."""
    try:
        id = current_id(shelf, source)
    except BundleError:
        return None
    return id if id in ids(shelf, source) else None


def current(shelf: Path, source: str) -> Bundle:
    """The bundle in use of a source.

    Raises:
        BundleError: there is none, or it cannot be read.
    """
    return load(shelf / source / current_id(shelf, source))


def ids(shelf: Path, source: str) -> list[str]:
    """The ids of a source's bundles, oldest first; drafts are none."""
    found = (path.parent.name for path in (shelf / source).glob("[!.]*/bundle.json"))
    return sorted(found, key=_day_and_number)


def _day_and_number(id: str) -> tuple[str, int, str]:
    day, _, number = id.rpartition("-")
    return (day, int(number), "") if number.isdecimal() else (id, 0, id)


def new_id(shelf: Path, source: str, day: str) -> str:
    """`<day>-<n>`: the first number of that day that is free."""
    taken = set(ids(shelf, source))
    n = 1
    while f"{day}-{n:02d}" in taken:
        n += 1
    return f"{day}-{n:02d}"


def _head(bundle: Bundle) -> dict[str, Any]:
    plain = {name: getattr(bundle, name) for name in ("id", "source", "created", "parent", "until", "n_lines")}
    return {"format": FORMAT, "bundle": plain, "views": [view.name for view in bundle.views]}


def _write(bundle: Bundle, directory: Path) -> None:
    _dump(directory / "masks.json", bundle.masks.to_json())
    _dump(directory / "templates.json", bundle.templates.to_json())
    _dump(directory / "threshold.json", dataclasses.asdict(bundle.threshold))
    if bundle.seen:
        _dump(directory / "seen.json", bundle.seen.to_json())
    for view in bundle.views:
        (directory / view.name).mkdir()
        view.detector.save(directory / view.name)
        _dump(directory / view.name / "view.json", _view_json(view))
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    digests = {path.relative_to(directory).as_posix(): _digest(path) for path in files}
    _dump(directory / "bundle.json", _head(bundle) | {"files": digests})
    directory.chmod(0o755)


def _view_json(view: View) -> dict[str, Any]:
    settings = view.lens.settings
    return {
        "settings": settings.model_dump(mode="json", exclude={"detector"})
        | {"detector": dataclasses.asdict(settings.detector)},
        "calibration": view.calibration.to_json(),
    }


def _load_view(directory: Path, name: str) -> View:
    data = _json(directory / "view.json")
    settings = ViewSettings.model_validate(data["settings"])
    return View(
        Lens(name, settings),
        base.module(settings.detector.kind).Detector.load(directory),
        Calibration.from_json(data["calibration"]),
    )


def _load_threshold(data: Mapping[str, Any]) -> Threshold:
    return Threshold(
        Calibration.from_json(data["calibration"]),
        float(data["cut"]),
        float(data["per_day"]),
        bool(data["calibrated"]),
        tuple(Example(**example) for example in data["examples"]),
    )


def _checked(directory: Path) -> dict[str, Any]:
    """The head of a bundle whose files are all there, whole and its own."""
    if directory.is_dir() and not (directory / "bundle.json").exists():
        raise BundleError(
            f"{directory}: holds no bundle.json, so it is no bundle; name the folder of one, as `train` made it"
        )
    try:
        head: dict[str, Any] = _json(directory / "bundle.json")
        version, files = int(head["format"]), dict(head["files"])
        needed = {"masks.json", "templates.json", "threshold.json", *(f"{view}/view.json" for view in head["views"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = getattr(error, "strerror", None) or error
        raise BundleError(f"{directory}: is no bundle ({why}); name the folder that holds bundle.json") from error
    if version > FORMAT:
        raise BundleError(f"{directory}: was made by a newer version (format {version}, this reads {FORMAT}); upgrade")
    for name, digest in {**dict.fromkeys(sorted(needed), ""), **files}.items():
        path = directory / name
        if Path(name).is_absolute() or ".." in Path(name).parts or not path.is_file():
            raise BundleError(f"{directory}: {name} is missing; copy the bundle anew, or train again")
        if _digest(path) != digest:
            raise BundleError(f"{directory}: {name} is not the file that was written; copy the bundle anew")
    return head


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(path: Path) -> Any:  # noqa: ANN401 - JSON is turned into a type by its caller at once
    return json.loads(path.read_text(encoding="utf-8"))


def _dump(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
