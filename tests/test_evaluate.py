"""Figures of merit: what scikit-learn says, ties and all, without needing it to run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from models.evaluate import Outcome, alerts_per_day, average_precision, roc_auc

scores = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=40)


@given(normal=scores, abnormal=scores)
def test_the_areas_are_those_of_scikit_learn(normal: list[float], abnormal: list[float]) -> None:
    """Area under ROC and average precision agree, with as many ties as seven distinct scores make."""
    labels = [0] * len(normal) + [1] * len(abnormal)
    low, high = np.array(normal), np.array(abnormal)
    assert roc_auc(low, high) == pytest.approx(metrics.roc_auc_score(labels, normal + abnormal))
    assert average_precision(low, high) == pytest.approx(metrics.average_precision_score(labels, normal + abnormal))


@given(normal=scores, abnormal=scores, cut=st.integers(0, 7))
def test_an_outcome_is_that_of_scikit_learn(normal: list[float], abnormal: list[float], cut: int) -> None:
    """Precision, recall and F1 at a cut agree; with no alarm at all none was wrong."""
    outcome = Outcome.of(np.array(normal) >= cut, np.array(abnormal) >= cut)
    labels = [0] * len(normal) + [1] * len(abnormal)
    alarms = [score >= cut for score in normal + abnormal]
    expected = metrics.precision_recall_fscore_support(labels, alarms, average="binary", zero_division=1.0)
    assert outcome.precision == pytest.approx(expected[0])
    assert outcome.recall == pytest.approx(expected[1])
    assert outcome.f1 == pytest.approx(metrics.f1_score(labels, alarms, zero_division=0.0))


def test_rates_carry_over_to_another_number_of_normal_samples() -> None:
    """3 false alarms in 1,000 are 300 in 100,000, and the precision follows; what was caught stays."""
    outcome = Outcome(caught=90, missed=10, false_alarms=3, n_normal=1_000).among(100_000)
    assert outcome.false_alarms == pytest.approx(300)
    assert outcome.precision == pytest.approx(90 / 390)
    assert outcome.recall == pytest.approx(0.9)
    assert outcome.false_positive_rate == pytest.approx(0.003)


@pytest.mark.parametrize("area", [roc_auc, average_precision])
def test_an_area_needs_both_kinds(area: object) -> None:
    """With nothing abnormal, or nothing normal, there is no area."""
    assert callable(area)
    for pair in ((np.zeros(0), np.ones(3)), (np.ones(3), np.zeros(0))):
        with pytest.raises(ValueError, match="both are needed"):
            area(*pair)


def test_alerts_a_day_are_counted_by_log_time() -> None:
    """Three in six hours are twelve a day."""
    assert math.isclose(alerts_per_day(3, 6 * 3_600.0), 12.0)
