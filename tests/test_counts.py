"""Counts: how much of what an entity does, bin by bin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.base import Explanation, Spot, frame_for
from models.detectors.counts import Config, Detector
from models.windows import END, Event, Tails, Window, slide
from parsers.matcher import Match
from parsers.templates import Templates
from plugin import explain
from plugin.config import ViewSettings
from plugin.documents import record_id
from plugin.pipeline import Anomaly
from plugin.views import Lens, View, together
from tests import lines
from tests.test_explain import anomaly

CONFIG = Config(bins=6, bin_s=60.0)
CALM, BUSY = "calm", "busy"
RATES = {CALM: {1: 2.0, 2: 1.0}, BUSY: {1: 30.0, 2: 15.0, 3: 5.0}}
"""How often each event of an entity comes in a bin."""


def images(n_bins: int, seed: int, *more: tuple[str, int, int, int]) -> dict[tuple[str, int], Window]:
    """By (entity, bin): what is seen of their days. `more`: (entity, bin, event, how often) on top."""
    chance = np.random.default_rng(seed)
    events: list[Event[int]] = []
    for bin in range(n_bins):
        planted = [(entity, event, n) for entity, then, event, n in more if then == bin]
        usual = [(entity, event, chance.poisson(rate)) for entity in RATES for event, rate in RATES[entity].items()]
        for entity, event, n in usual + planted:
            events += [Event(entity, event, bin * 60.0, bin * 60.0, (), bin) for _ in range(n)]
    seen, _ = slide(Tails[int](), events, frame_for(CONFIG, 1.0), n_bins * 60.0)
    closed = [sighting for sighting in seen if sighting.window.bins]
    return {(each.session, each.line): each.window for each in closed if each.line >= CONFIG.bins}  # with a past


@pytest.fixture(scope="module")
def detector() -> Detector:
    """It knows five hours of both."""
    return Detector.fit(CONFIG, [*images(300, 0).values()], 0, lambda _share: None)


def judged(detector: Detector, of: dict[tuple[str, int], Window]) -> dict[tuple[str, int], float]:
    """Surprise by entity and bin."""
    return dict(zip(of, detector.surprise([*of.values()]).tolist(), strict=True))


def test_a_flood_is_the_strangest_bin(detector: Detector) -> None:
    """Forty of what comes twice a bin, from the calm one: less than the busy one always does."""
    found = judged(detector, images(60, 1, (CALM, 40, 1, 40)))
    assert max(found, key=lambda cell: found[cell]) == (CALM, 40)


def test_the_flooded_cell_is_named_first(detector: Detector) -> None:
    """With how often it came and how often it was expected; the bins before are there to draw."""
    window = images(60, 1, (CALM, 40, 1, 40))[CALM, 40]
    first, *others = detector.explain(window).spots
    assert (first.event, first.column) == (1, 0)
    assert first.observed == {event: n for age, event, n in window.bins if age == 0}[1] >= 40
    assert 0.5 < first.expected < 8.0
    row = {spot.column: spot.observed for spot in others if spot.event == 1}
    assert row == {age: float({(a, e): n for a, e, n in window.bins}.get((age, 1), 0)) for age in range(1, 6)}


def test_an_event_never_seen_is_named(detector: Detector) -> None:
    """Expected once in all images, and called by its own number."""
    window = images(60, 2, (BUSY, 30, 77, 3))[BUSY, 30]
    first = detector.explain(window).spots[0]
    assert (first.event, first.observed) == (77, 3.0)
    assert first.expected == pytest.approx(1 / (detector.n_images + 1))


def test_what_stays_away_is_missed(detector: Detector) -> None:
    """The busy one logs a single line where fifty are usual."""
    usual = judged(detector, images(60, 3))
    quiet = {**images(60, 3)}
    last = quiet[BUSY, 59]
    quiet[BUSY, 59] = last._replace(bins=((0, 3, 5), *(cell for cell in last.bins if cell[0] > 0)))
    assert judged(detector, quiet)[BUSY, 59] > 2.0 * max(usual.values())
    assert detector.explain(quiet[BUSY, 59]).spots[0][:3] == (1, 0, 0.0)


def test_the_entitys_own_past_counts(detector: Detector) -> None:
    """What is a usual bin of the busy one is strange after the calm one's past."""
    of = images(60, 4)
    busy, calm = of[BUSY, 50], of[CALM, 50]
    now = tuple(cell for cell in busy.bins if cell[0] == 0)
    moved = calm._replace(bins=now + tuple(cell for cell in calm.bins if cell[0] > 0))
    right, wrong = detector.surprise([busy, moved])
    assert wrong > right + 20.0


def test_a_window_that_closes_no_bin_surprises_nobody(detector: Detector) -> None:
    """Lines, and ends of sessions."""
    assert detector.surprise([Window((), 3), Window((), END)]).tolist() == [0.0, 0.0]


def test_other_files_are_refused(detector: Detector, tmp_path: Path) -> None:
    """Weights cut short never load."""
    detector.save(tmp_path)
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    with pytest.raises(ValueError, match="safetensors"):
        Detector.load(tmp_path)


@pytest.mark.parametrize("setting", [{"bins": 1}, {"bin_s": 0.0}, {"code": 0}])
def test_a_setting_that_makes_no_image_is_refused(setting: dict[str, float]) -> None:
    """One bin has no past, and time must go on."""
    with pytest.raises(ValueError, match="at least"):
        Config(**setting)  # type: ignore[arg-type]


def view() -> View:
    """A host's image, by the day's bundle."""
    lens = Lens("volume", ViewSettings(session_by=("host.name",), detector={"kind": "counts", "bins": 2}))
    matches = lines.bundle().matcher.match(lines.lines(lines.texts()))
    seen, _ = slide(Tails(), lens.events(matches), lens.frame, 0.0)
    detector = Detector.fit(lens.settings.detector, [each.window for each in seen], 0, lambda _share: None)
    return View(lens, detector, lines.bundle().views[0].calibration)


def test_a_bin_is_a_thing_of_its_own_beside_its_last_line() -> None:
    """It shares neither number nor record with the line that it is dated by, nor does a line lose its own."""
    volume, (sequence, *_) = view(), lines.bundle().views
    matches: list[Match] = lines.bundle().matcher.match(lines.lines(lines.texts(6)))
    by_line, by_bin = (
        each.look(slide(Tails(), each.lens.events(matches), each.lens.frame, 0.0)[0]) for each in (sequence, volume)
    )
    n_bins = sum(bool(seen.window.bins) for seen in by_bin.sightings)
    n_ends = sum(seen.window.event == END for seen in by_line.sightings)
    assert n_bins > 0
    _, nats = together([by_line, by_bin])
    assert len(nats) == len(matches) + n_ends + n_bins
    closed = next(seen for seen in by_bin.sightings if seen.window.bins)
    found = anomaly(Explanation("bins", 0.1), closed.window)
    as_bin = replace(found, view=volume, sighting=closed)
    as_line = replace(found, sighting=closed._replace(window=Window((), closed.window.event)))
    assert record_id(as_bin) != record_id(as_line)


def said(spot: Spot, bins: tuple[tuple[int, int, int], ...]) -> str:
    """The sentence of an anomaly whose first cell is this one."""
    named = Templates.numbered({"knock": 1, "open door": 1})
    found: Anomaly = anomaly(Explanation("bins", 0.001, spots=(spot,)), Window((), 1, bins=bins))
    lens = Lens("volume", ViewSettings(session_by=("source.ip",), detector={"kind": "counts"}))
    seen = found.sighting._replace(session="source.ip=10.0.0.1")
    of_view = replace(found.view, lens=lens)
    return explain.reason(replace(found, view=of_view, sighting=seen, bundle=replace(lines.bundle(), templates=named)))


def test_a_sentence_names_the_cell_first() -> None:
    """What came, how often, in how much time, whose, and what is usual."""
    assert said(Spot(1, 0, 117.0, 2.31), ((0, 1, 117),)) == (
        "`knock` came 117 times in one hour of source.ip 10.0.0.1, usual: 2.3."
    )
    assert said(Spot(1, 0, 1.0, 0.01), ((0, 1, 1), (0, 2, 5))) == (
        "`knock` came once in one hour of source.ip 10.0.0.1 (6 events in all), usual: hardly ever."
    )
    assert said(Spot(1, 0, 0.0, 40.0), ((0, 2, 5),)).startswith("`knock` never came in one hour of source.ip 10.0.0.1")
