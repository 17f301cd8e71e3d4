"""N-grams: whole sessions by how likely their steps were."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from models.base import frame_for
from models.detectors.ngrams import SURE, Config, Detector
from models.windows import END, FIRST_LOOK, UNKNOWN, Event, Tails, Window, slide


def windows(session: list[int], config: Config = Config()) -> list[Window]:  # noqa: B008 - it is frozen
    """What is seen of a session until it has fallen silent."""
    events = [Event("a", id, 0.0, 0.0, (), None) for id in session]
    return [sighting.window for sighting in slide(Tails[None](), events, frame_for(config, 1.0), 1.0)[0]]


def ended(session: list[int], config: Config = Config()) -> Window:  # noqa: B008
    """What is seen of a session in the end."""
    return windows(session, config)[-1]


def normal(chance: random.Random) -> list[int]:
    """Opened, some loops of reading 2 3 4 or of writing 5 6, closed."""
    kind = chance.choice(([2, 3, 4], [5, 6]))
    return [1, *kind * chance.randint(3, 20), 8]


@pytest.fixture(scope="module")
def detector() -> Detector:
    """It knows 300 normal sessions."""
    chance = random.Random(0)  # noqa: S311 - made-up sessions
    return Detector.fit(Config(), [ended(normal(chance)) for _ in range(300)], 0, lambda _share: None)


def test_the_mean_is_that_of_witten_and_bell() -> None:
    """By hand, one event of context: 1 was followed by 2 three times and by 3 once, two kinds in all."""
    config = Config(before=1)
    fit = [ended(session, config) for session in ([1, 2], [1, 2], [1, 2], [1, 3])]
    found = Detector.fit(config, fit, 0, lambda _share: None)
    unigram = {
        1: (4 + 4 / 5) / 16,
        2: (3 + 4 / 5) / 16,
        END: (4 + 4 / 5) / 16,
    }  # of 12 steps, 4 kinds; 5 with the unseen
    steps = [(4 + unigram[1]) / 5, (3 + 2 * unigram[2]) / 6, (3 + unigram[END]) / 4]
    (surprise,) = found.surprise([ended([1, 2], config)])
    assert surprise == pytest.approx(-sum(map(math.log, steps)) / (len(steps) + SURE))


def test_events_in_another_order_are_stranger(detector: Detector) -> None:
    """The same events as often, shuffled: only their order tells."""
    chance = random.Random(3)  # noqa: S311 - made-up sessions
    for _ in range(20):
        session = normal(chance)
        shuffled = [1, *chance.sample(session[1:-1], len(session) - 2), 8]
        if shuffled != session:
            right, wrong = detector.surprise([ended(session), ended(shuffled)])
            assert wrong > right


def test_a_step_that_only_a_longer_context_makes_strange_is_seen(detector: Detector) -> None:
    """Reading that is closed after one round: 4 8 is usual, and no session had it so early."""
    usual, early = detector.surprise([ended([1, 2, 3, 4, 2, 3, 4, 2, 3, 4, 8]), ended([1, 2, 3, 4, 8])])
    assert early > usual


def test_the_strangest_step_is_named_first(detector: Detector) -> None:
    """With how often it came, how often that had been expected, and in how many sessions it is usual."""
    told = detector.explain(ended([1, *[2, 3, 4] * 5, 9, 2, 3, 4, 8]))
    first = told.spots[0]
    assert 9 in {first.event, first.column}
    assert (first.observed, told.seen, told.total) == (1.0, 0, 300)
    assert first.expected < 0.05


def test_only_whole_sessions_and_long_ones_on_their_way_are_judged(detector: Detector) -> None:
    """Lines surprise nobody, but for those at which a long session is looked at."""
    seen = windows([1, *[2, 3, 4] * FIRST_LOOK])
    judged = [n for n, nats in enumerate(detector.surprise(seen), 1) if nats > 0.0]
    assert judged == [FIRST_LOOK, 2 * FIRST_LOOK, len(seen)]


def test_what_there_was_no_room_for_does_not_count(detector: Detector) -> None:
    """A session too various for its checkpoint is judged by what was kept of it."""
    kept = ended([1, *[2, 3, 4] * 5, 8])
    spare = (*(UNKNOWN,) * 6, 10_000)
    assert detector.surprise([kept]) == detector.surprise([kept._replace(transitions=(*kept.transitions, spare))])


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
        words["config"]["before"] = 3
        (tmp_path / "detector.json").write_text(json.dumps(words), encoding="utf-8")
    with pytest.raises((OSError, ValueError, KeyError)):
        Detector.load(tmp_path)


@pytest.mark.parametrize("before", [0, 10])
def test_a_context_that_is_none_or_too_long_is_refused(before: int) -> None:
    """Nothing to condition on; cells that fill a checkpoint."""
    with pytest.raises(ValueError, match="1 to 9"):
        Config(before=before)
