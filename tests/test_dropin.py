"""A detector is one file: once it is in the folder, it is set, fit, bundled, loaded, asked and explained."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import models.detectors
from plugin import bundle as shelf
from plugin import config, explain
from plugin.config import ViewSettings
from plugin.documents import record
from plugin.pipeline import Anomaly, judge
from plugin.training import Plan, learn
from tests import lines

FILE = '''
"""How likely each event is after the one before, by counting."""
import json, math
from collections import Counter
from dataclasses import asdict, dataclass
import numpy as np
from models.base import DetectorConfig, Explanation

@dataclass(frozen=True)
class Config(DetectorConfig):
    kind: str = "bigram"
    h: int = 1
    counts: bool = False
    pairs: bool = False
    smooth: float = 1.0

class Detector:
    def __init__(self, config, seen):
        self.config, self.seen = config, Counter(seen)
        self.after = Counter()
        for (before, _), n in self.seen.items():
            self.after[before] += n
    @classmethod
    def fit(cls, config, windows, seed, progress):
        return cls(config, Counter((w.history[-1:], w.event) for w in windows))
    def surprise(self, windows):
        return np.array([-math.log(self.p(w.history[-1:], w.event)) for w in windows])
    def p(self, before, event):
        return (self.seen[before, event] + self.config.smooth) / (self.after[before] + 100 * self.config.smooth)
    def explain(self, window):
        before = window.history[-1:]
        likely = [event for (earlier, event), _ in self.seen.most_common() if earlier == before]
        expected = tuple((event, self.p(before, event)) for event in likely[:5])
        return Explanation("successor", self.p(before, window.event), expected=expected)
    def save(self, directory):
        (directory / "bigram.json").write_text(json.dumps([asdict(self.config), list(self.seen.items())]))
    @classmethod
    def load(cls, directory):
        config, seen = json.loads((directory / "bigram.json").read_text())
        return cls(Config(**config), {(tuple(before), event): n for (before, event), n in seen})
'''


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ViewSettings]:
    """A view of it as the settings file names it, while the file lies in a folder of the package of detectors."""
    (tmp_path / "bigram.py").write_text(FILE, encoding="utf-8")
    monkeypatch.setattr(models.detectors, "__path__", [*models.detectors.__path__, str(tmp_path)])
    toml = tmp_path / "settings.toml"
    toml.write_text(
        '[sources.auth]\nindices = ["logs"]\nviews.next.detector = { kind = "bigram", smooth = 0.5 }\n', "utf-8"
    )
    yield config.load(toml).source("auth").views["next"]
    del sys.modules["models.detectors.bigram"]
    del models.detectors.bigram  # type: ignore[attr-defined]


def strangest(bundle: shelf.Bundle) -> Anomaly:
    """What a bundle finds worst in a day with a login that is followed by what never follows one."""
    day = lines.lines([*lines.texts(40, seed=5)])
    at = next(i for i, line in enumerate(day) if line.message.startswith("Accepted"))
    strange = day[at]._replace(origin="strange", message=lines.STRANGE)
    found, _ = judge(bundle.matcher.match([*day[: at + 1], strange, *day[at + 1 :]]), "auth", bundle, {}, day[-1].time)
    return max(found, key=lambda anomaly: anomaly.score)


def test_a_file_in_the_folder_is_all_that_a_detector_takes(settings: ViewSettings, tmp_path: Path) -> None:
    """Forty lines, no registration: set, trained, saved, loaded, asked, explained and written as any other."""
    assert FILE.count("\n") <= 40
    learnt, _ = learn(lines.lines(lines.texts()), Plan("auth", {"next": settings}, 5.0, "1", "", 0), lines.silent)
    shelf.save(learnt, tmp_path)
    shelf.use(tmp_path, "auth", "1")
    loaded = shelf.current(tmp_path, "auth")
    assert loaded.views[0].detector.config.smooth == 0.5
    worst = strangest(loaded)
    assert worst.sighting.line.origin == "strange"
    assert worst.score == strangest(learnt).score
    assert explain.reason(worst) == (
        "`new user: name=toor, UID=<NUM>, GID=<NUM>, home=<PATH>, shell=<PATH>` (a line like none before) came, its "
        "successor 1 in 220; "
        "`pam_unix(sshd:session): session opened for user <*> by (uid=<NUM>)` (55 %) was expected."
    )
    event = record(worst, "p", 0.0, "w").body["event"]
    assert (event["action"], event["reason"]) == ("log-successor-anomaly", explain.reason(worst))
    assert explain.message(worst).startswith("Unusual successor in sshd on web-01: ")
