"""The metrics against Keras' own and against counts made by hand."""

import math

import keras
import numpy as np
import pytest

from results.metrics import cross_entropy, metrics

NAN = float("nan")


def test_counts_by_hand() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=np.uint8)
    scores = np.array([0.9, 0.8, 0.2, 0.7, 0.1, 0.1, 0.3, 0.5], dtype=np.float32)
    found = metrics(labels, scores)
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
    found = metrics(labels, scores)
    assert found.loss == pytest.approx(float(as_keras), rel=1e-6)
    assert found.accuracy == pytest.approx(float(accuracy.result()), rel=1e-6)


def test_a_certain_mistake_costs_what_the_clip_allows() -> None:
    # 1 - 1e-7 is 1 - 2**-23 in float32, so the two sides differ.
    assert cross_entropy([1], [0.0]) == pytest.approx(-math.log(1e-7))
    assert cross_entropy([0], [1.0]) == pytest.approx(23 * math.log(2))


def test_nan_counts_as_class_zero() -> None:
    labels = np.array([0] * 439 + [1] * 561)
    found = metrics(labels, np.full(1000, np.nan, dtype=np.float32))
    assert found.accuracy == 0.439
    assert math.isnan(found.loss)
    assert found.roc_auc is None
    assert found.f1 == 0.0
    assert found.false_positive_rate == 0.0


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
def test_one_probability_that_is_not_finite_spoils_the_loss(bad: float) -> None:
    found = metrics([0, 1, 1], [0.1, 0.9, bad])
    assert math.isnan(found.loss)
    assert found.roc_auc is None
    assert found.accuracy >= 2 / 3


def test_a_missing_class_leaves_gaps_not_errors() -> None:
    only_attacks = metrics([1, 1], [0.9, 0.1])
    assert (only_attacks.roc_auc, only_attacks.false_positive_rate) == (None, None)
    assert only_attacks.f1 == pytest.approx(2 / 3)
    assert metrics([0, 0], [0.1, 0.9]).f1 == 0.0


def test_refuses_what_does_not_match() -> None:
    with pytest.raises(ValueError, match="do not match"):
        metrics([0, 1], [0.5])
    with pytest.raises(ValueError, match="do not match"):
        metrics([], [])
