"""N-grams: whole sessions by how likely their steps were."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from models.base import frame_for
from models.detectors.ngrams import Config, Detector
from models.means import TEN, Means, by_session
from models.windows import END, OPENINGS, Event, Sighting, Tails, Window, slide


def sightings(session: list[int], config: Config = Config()) -> list[Sighting[None]]:  # noqa: B008 - it is frozen
    """What is seen of a session until it has fallen silent."""
    events = [Event("a", id, 0.0, 0.0, (), None) for id in session]
    return slide(Tails[None](), events, frame_for(config, 1.0), 1.0)[0]


def windows(session: list[int], config: Config = Config()) -> list[Window]:  # noqa: B008
    """Its windows."""
    return [sighting.window for sighting in sightings(session, config)]


def means(detector: Detector, session: list[int]) -> Means:
    """What it comes to."""
    seen = sightings(session, detector.config)
    asked = [sighting.window for sighting in seen]
    return by_session(seen, asked, detector.surprise(asked), {})


def mean(detector: Detector, session: list[int]) -> float:
    """What it comes to in the end, nats of ten steps."""
    return float(means(detector, session).surprises[-1])


def normal(chance: random.Random) -> list[int]:
    """Opened, some loops of reading 2 3 4 or of writing 5 6, closed."""
    kind = chance.choice(([2, 3, 4], [5, 6]))
    return [1, *kind * chance.randint(3, 20), 8]


@pytest.fixture(scope="module")
def detector() -> Detector:
    """It knows 300 normal sessions."""
    chance = random.Random(0)  # noqa: S311 - made-up sessions
    return fit(Config(), [normal(chance) for _ in range(300)])


def fit(config: Config, sessions: list[list[int]]) -> Detector:
    """A detector of such sessions."""
    return Detector.fit(config, [window for each in sessions for window in windows(each, config)], 0, lambda _: None)


def test_the_mean_is_that_of_witten_and_bell() -> None:
    """By hand, one event of context: 1 was followed by 2 three times and by 3 once, two kinds in all."""
    found = fit(Config(h=1), [[1, 2], [1, 2], [1, 2], [1, 3]])
    unigram = {
        1: (4 + 4 / 5) / 16,
        2: (3 + 4 / 5) / 16,
        END: (4 + 4 / 5) / 16,
    }  # of 12 steps, 4 kinds; 5 with the unseen
    steps = [(4 + unigram[1]) / 5, (3 + 2 * unigram[2]) / 6, (3 + unigram[END]) / 4]
    nats = [-math.log(step) for step in steps]
    assert found.surprise(windows([1, 2], Config(h=1))).tolist() == pytest.approx(nats)
    assert mean(found, [1, 2]) == pytest.approx(TEN * sum(nats) / (len(steps) + TEN), abs=1e-3)


def test_the_same_few_cases_are_believed_once() -> None:
    """A longer context that came as often as the shorter says nothing more, whatever length a detector looks back."""
    sessions = [[1, 2, 3, 4, 5]] * 9
    short, long = (fit(Config(h=h), sessions).surprise(windows([1, 2, 3, 4, 9], Config(h=h)))[4] for h in (1, 5))
    assert long == short == pytest.approx(math.log(10 * 60 / 6 * 7))  # 9 cases and 1 kind, 54 events of 6 kinds, 1 new


def test_events_in_another_order_are_stranger(detector: Detector) -> None:
    """The same events as often, shuffled: only their order tells."""
    chance = random.Random(3)  # noqa: S311 - made-up sessions
    for _ in range(20):
        session = normal(chance)
        shuffled = [1, *chance.sample(session[1:-1], len(session) - 2), 8]
        if shuffled != session:
            assert mean(detector, shuffled) > mean(detector, session)


def test_a_step_that_only_a_longer_context_makes_strange_is_seen(detector: Detector) -> None:
    """Reading that is closed after one round: 4 8 is usual, and no session had it so early."""
    assert mean(detector, [1, 2, 3, 4, 8]) > mean(detector, [1, 2, 3, 4, 2, 3, 4, 2, 3, 4, 8])


def test_the_strangest_step_is_named_first(detector: Detector) -> None:
    """With how often it came, how often that had been expected, and what is usual in its place."""
    session = [1, *[2, 3, 4] * 5, 9, 2, 3, 4, 8]
    told = detector.explain(windows(session)[-1]._replace(steps=means(detector, session).steps[len(session)]))
    first = told.spots[0]
    assert 9 in {first.event, first.column}
    assert (first.observed, told.seen) == (1, 0)
    assert first.expected < 0.05
    assert told.expected[0][0] in {2, 8}
    assert all(event != first.event for event, _ in told.expected)


def test_of_a_place_never_seen_nothing_was_expected(detector: Detector) -> None:
    """What comes after anything says nothing of what comes after this."""
    told = detector.explain(Window((77, 78), 2))
    assert (told.expected, told.seen, told.total) == ((), 0, 0)
    assert told.spots[0].column == 78


def test_a_step_that_came_again_counts_each_time(detector: Detector) -> None:
    """Of its sum and its surprise comes how often it was."""
    session = [1, *[2, 3, 4, 9] * 5, 8]
    told = detector.explain(windows(session)[-1]._replace(steps=means(detector, session).steps[len(session)]))
    assert told.spots[0].observed == 4  # of five, the first after other events than the rest


def test_the_beginning_is_a_step_and_what_begins_matters() -> None:
    """Programs open their sessions by an id of their own: what is usual first for one is odd for another."""
    found = fit(Config(h=2), [[1, 2]] * 5)
    opened = Window((OPENINGS - 7,), 1)
    found = Detector.fit(found.config, [opened] * 9 + [Window((OPENINGS - 8,), 3)] * 9, 0, lambda _: None)
    usual, odd = found.surprise([opened, opened._replace(event=3)])
    assert odd > usual + 2.0
    assert found.explain(opened._replace(event=3)).spots[0].column == END


@pytest.mark.parametrize("fault", ["missing", "truncated", "another context"])
def test_files_that_are_not_a_detector_are_refused(detector: Detector, tmp_path: Path, fault: str) -> None:
    """Counts that are absent, cut short or of another length never load."""
    detector.save(tmp_path)
    numbers = tmp_path / "weights.safetensors"
    if fault == "missing":
        numbers.unlink()
    elif fault == "truncated":
        numbers.write_bytes(numbers.read_bytes()[:-100])
    else:
        words = json.loads((tmp_path / "detector.json").read_text(encoding="utf-8"))
        words["config"]["h"] = 3
        (tmp_path / "detector.json").write_text(json.dumps(words), encoding="utf-8")
    with pytest.raises((OSError, ValueError, KeyError)):
        Detector.load(tmp_path)


@pytest.mark.parametrize("h", [0, 10])
def test_a_context_that_is_none_or_too_long_is_refused(h: int) -> None:
    """Nothing to condition on; cells that fill a checkpoint."""
    with pytest.raises(ValueError, match="1 to 9"):
        Config(h=h)
