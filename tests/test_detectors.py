"""Every file in models/detectors/ keeps one list of promises."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from models import base
from models.base import Detector
from models.crossfit import cross_fit, surprise_once
from models.windows import END, Event, Tails, Window, slide

KINDS = base.registry()


def silent(_share: float) -> None:
    """Nobody watches."""


def windows(kind: str, n: int, seed: int, *, broken: bool = False) -> list[Window]:
    """The windows of n sessions 1 2 (3|4) 5 with user, address and a size.

    Broken ones stop early or hold a foreign event, come from elsewhere and are fifty times as large.
    """
    config = base.module(kind).Config()
    chance = random.Random(seed)  # noqa: S311 - made-up logs
    events: list[Event[int]] = []
    for session in range(n):
        ids = [1, 2, chance.choice((3, 3, 4)), 5]
        pair = f"user.name=u{session % 3}|source.ip=10.0.0.{session % 3}"
        if broken:
            ids, pair = chance.choice(([1, 2], [1, 9, 2, 3, 5])), "user.name=u0|source.ip=10.9.9.9"
        pairs = (pair,) if config.pairs else ()
        said = (("for <*>", pair), ("bytes=<NUM>", chance.uniform(90.0, 110.0) * (50.0 if broken else 1.0)))
        values = said if config.values else ()
        events += [
            Event(f"{session}", id, session * 10.0 + i, session * 10.0, pairs, 0, (), values)
            for i, id in enumerate(ids)
        ]
    seen, _ = slide(Tails(), events, base.frame_for(config, 60.0), float("inf"))
    return [sighting.window for sighting in seen]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each detector in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def fitted(kind: str) -> Detector:
    """It, fit on 120 normal sessions."""
    module = base.module(kind)
    return module.Detector.fit(module.Config(), windows(kind, 120, 1), 0, silent)


def test_the_same_seed_gives_the_same_detector(kind: str, fitted: Detector) -> None:
    """Fitting again with the same seed judges the same."""
    module = base.module(kind)
    again = module.Detector.fit(module.Config(), windows(kind, 120, 1), 0, silent)
    asked = windows(kind, 20, 2)
    assert np.array_equal(again.surprise(asked), fitted.surprise(asked))


def test_saved_and_loaded_it_judges_the_same(kind: str, fitted: Detector, tmp_path: Path) -> None:
    """A detector read from its files gives the surprises that were written."""
    fitted.save(tmp_path)
    loaded = base.module(kind).Detector.load(tmp_path)
    asked = windows(kind, 20, 2) + windows(kind, 20, 3, broken=True)
    assert np.array_equal(loaded.surprise(asked), fitted.surprise(asked))
    assert loaded.config == fitted.config


def test_a_batch_is_judged_as_one_by_one(kind: str, fitted: Detector) -> None:
    """No window's surprise depends on its neighbours in the batch."""
    asked = windows(kind, 10, 2) + windows(kind, 10, 3, broken=True)
    alone = np.array([float(fitted.surprise([window])[0]) for window in asked])
    assert np.allclose(alone, fitted.surprise(asked), atol=1e-6)
    assert np.array_equal(surprise_once(fitted, asked), fitted.surprise(asked))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_learns_what_a_processor_learns(kind: str, tmp_path: Path) -> None:
    """Fit there and loaded here, it finds normal and broken sessions as strange as one fit here does."""
    module = base.module(kind)
    if not hasattr(module.Config(), "device"):
        pytest.skip(f"{kind} learns without a network")
    here = module.Detector.fit(module.Config(device="cpu"), windows(kind, 120, 1), 0, silent)
    there = module.Detector.fit(module.Config(device="cuda"), windows(kind, 120, 1), 0, silent)
    there.save(tmp_path)
    loaded = module.Detector.load(tmp_path)
    normal, broken = windows(kind, 50, 2), windows(kind, 50, 3, broken=True)
    for asked in (normal, broken):
        assert loaded.surprise(asked).mean() == pytest.approx(here.surprise(asked).mean(), rel=0.25, abs=0.05)
    assert loaded.surprise(broken).max() > loaded.surprise(normal).max()


def test_what_it_never_saw_is_judged_too(fitted: Detector) -> None:
    """Unknown ids, no history, ends with and without counts: finite surprises, and an explanation."""
    odd = [Window((), 0), Window((0, 77), 77), Window((), END), Window((1,), END, (), ((1, 1), (77, 900)))]
    assert np.isfinite(fitted.surprise(odd)).all()
    assert all(0.0 <= fitted.explain(window).probability <= 1.0 for window in odd)


def test_broken_sessions_are_stranger(kind: str, fitted: Detector) -> None:
    """The worst window of a broken session surprises more than the worst of nearly any normal one."""
    normal = [fitted.surprise(windows(kind, 1, seed)).max() for seed in range(50)]
    broken = [fitted.surprise(windows(kind, 1, seed, broken=True)).max() for seed in range(50)]
    assert np.mean(np.array(broken)[:, None] > np.array(normal)[None, :]) > 0.9


def test_nothing_to_fit_on_is_refused(kind: str) -> None:
    """No windows, no detector."""
    module = base.module(kind)
    with pytest.raises(ValueError, match="window"):
        module.Detector.fit(module.Config(), [], 0, silent)


def test_each_block_is_judged_by_one_that_never_saw_it(kind: str) -> None:
    """A cross-fit's detector of a block is the one fit on all other blocks."""
    module = base.module(kind)
    blocks = [windows(kind, 40, seed) for seed in range(3)]
    crossed = cross_fit(module, module.Config(), blocks, 0, silent)
    other = module.Detector.fit(module.Config(), blocks[0] + blocks[2], 0, silent)
    assert np.allclose(crossed.surprises[1], other.surprise(blocks[1]))


def test_a_name_that_is_no_detector_is_refused() -> None:
    """The folder is the registry."""
    with pytest.raises(KeyError):
        base.module("nonesuch")
