"""The metrics against Keras' own and against counts made by hand."""

import math

import keras
import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from results.scoring import compute_metrics, constant_predictions, cross_entropy, recall_at
from results.scoring.metrics import calibration_error

NAN = float("nan")


def test_counts_by_hand() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=np.uint8)
    scores = np.array([0.9, 0.8, 0.2, 0.7, 0.1, 0.1, 0.3, 0.5], dtype=np.float32)
    found = compute_metrics(labels, scores)
    assert found.accuracy == 6 / 8
    assert found.accuracy_low < 6 / 8 < found.accuracy_high
    assert found.f1 == pytest.approx(2 / 3)
    assert found.false_positive_rate == 1 / 5
    # Of the 15 pairs (attack, benign), .2 stands below .7, .3 and .5.
    assert found.roc_auc == pytest.approx(12 / 15)


def test_loss_and_accuracy_are_those_of_keras() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 1000)
    scores = random.random(1000).astype(np.float32)
    scores[:6] = [0.0, 1.0, 0.5, 1e-9, 1.0, 0.0]
    labels[:6] = [1, 0, 1, 1, 1, 0]
    as_keras = keras.losses.BinaryCrossentropy()(labels[:, None], scores[:, None])
    accuracy = keras.metrics.BinaryAccuracy()
    accuracy.update_state(labels[:, None], scores[:, None])
    found = compute_metrics(labels, scores)
    assert found.loss == pytest.approx(float(as_keras), rel=1e-6)
    assert found.accuracy == pytest.approx(float(accuracy.result()), rel=1e-6)


def test_a_certain_mistake_costs_what_the_clip_allows() -> None:
    # 1 - 1e-7 is 1 - 2**-23 in float32, so the two sides differ.
    assert cross_entropy([1], [0.0]) == pytest.approx(-math.log(1e-7))
    assert cross_entropy([0], [1.0]) == pytest.approx(23 * math.log(2))


def test_nan_counts_as_class_zero() -> None:
    labels = np.array([0] * 439 + [1] * 561)
    found = compute_metrics(labels, np.full(1000, np.nan, dtype=np.float32))
    assert found.accuracy == 0.439
    assert math.isnan(found.loss)
    assert found.roc_auc is None
    assert found.f1 == 0.0
    assert found.false_positive_rate == 0.0


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
def test_one_probability_that_is_not_finite_spoils_the_loss(bad: float) -> None:
    found = compute_metrics([0, 1, 1], [0.1, 0.9, bad])
    assert math.isnan(found.loss)
    assert found.roc_auc is None
    assert found.accuracy >= 2 / 3


def test_a_missing_class_leaves_gaps_not_errors() -> None:
    only_attacks = compute_metrics([1, 1], [0.9, 0.1])
    assert (only_attacks.roc_auc, only_attacks.false_positive_rate) == (None, None)
    assert only_attacks.f1 == pytest.approx(2 / 3)
    assert compute_metrics([0, 0], [0.1, 0.9]).f1 == 0.0


def test_refuses_what_does_not_match() -> None:
    with pytest.raises(ValueError, match="do not match"):
        compute_metrics([0, 1], [0.5])
    with pytest.raises(ValueError, match="do not match"):
        compute_metrics([], [])


def test_calibration_by_hand() -> None:
    # Bins of a fifteenth: .03 and .05 share one, .50 and .51 another.
    scores = [0.03, 0.05, 0.50, 0.51, 1.0]
    labels = [0, 1, 1, 1, 0]
    by_hand = (abs(1 - 0.08) + abs(2 - 1.01) + abs(0 - 1.0)) / 5
    assert calibration_error(labels, scores) == pytest.approx(by_hand)
    assert calibration_error([0, 1], [0.0, 1.0]) == 0.0
    assert calibration_error([1, 0], [0.0, 1.0]) == 1.0


def test_calibration_is_that_of_scikit_learns_curve() -> None:
    random = np.random.default_rng(3)
    scores = random.random(5000)
    labels = random.random(5000) < scores**2
    shares, means = calibration_curve(labels, scores, n_bins=15, strategy="uniform")
    counts, _ = np.histogram(scores, bins=15, range=(0, 1))
    expected = np.sum(counts * np.abs(shares - means)) / 5000
    assert calibration_error(labels, scores) == pytest.approx(expected)
    assert compute_metrics(labels, scores).ece == pytest.approx(expected)


def test_recall_at_few_false_alarms_by_hand() -> None:
    # Of 200 benign rows two score high: .95 and .85.
    scores = np.array([0.95, 0.85, *[0.1] * 198, 0.99, 0.98, 0.9, 0.8, 0.05])
    labels = np.array([0] * 200 + [1] * 5)
    assert recall_at(labels, scores, 0.0) == 2 / 5
    assert recall_at(labels, scores, 0.004) == 2 / 5  # Less than one false alarm of 200.
    assert recall_at(labels, scores, 0.005) == 3 / 5
    assert recall_at(labels, scores, 0.01) == 4 / 5
    assert recall_at(labels, scores, 1.0) == 1.0
    found = compute_metrics(labels, scores)
    assert (found.recall_at_fpr_0_1, found.recall_at_fpr_1) == (2 / 5, 4 / 5)


def test_equal_scores_cannot_be_told_apart() -> None:
    # Taking the attack means taking both benign rows.
    assert recall_at([0, 0, 1, 0], [0.5, 0.5, 0.5, 0.1], 0.5) == 0.0
    # Points on one line of the curve count, too: .8 admits one of two at half the false alarms.
    scores = [0.9, 0.9, 0.8, 0.8, 0.7, 0.7]
    assert recall_at([0, 1] * 3, scores, 0.7) == pytest.approx(2 / 3)


@pytest.mark.parametrize("scores", [[NAN, 0.5], [math.inf, 0.5]])
def test_no_calibration_and_no_recall_of_what_is_not_finite(scores: list[float]) -> None:
    found = compute_metrics([0, 1], scores)
    assert (found.ece, found.recall_at_fpr_0_1, found.recall_at_fpr_1) == (None, None, None)


def test_no_recall_without_both_classes() -> None:
    assert recall_at([1, 1], [0.9, 0.1], 0.01) is None
    assert recall_at([0, 0], [0.9, 0.1], 0.01) is None


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([0.25, 0.25, 0.25], "the same score, 0.2500, for every validation row"),
        ([1.0, 1.0], "the same score, 1.0000, for every validation row"),
        # What dead units leave of float32.
        ([0.3, 0.3 + 1e-7], "the same score, 0.3000, for every validation row"),
        ([0.1, 0.5, 0.2], "predicts only class 0 on the validation rows"),
        ([0.51, 0.9], "predicts only class 1 on the validation rows"),
        ([0.1, 0.9], ""),
        ([0.5, 0.50001], ""),
        ([0.1, np.nan], ""),
        ([np.inf, np.inf], ""),
        ([], ""),
    ],
)
def test_scores_that_tell_nothing_apart_are_said_to(scores: list[float], said: str) -> None:
    assert constant_predictions(np.array(scores, np.float32)) == said
