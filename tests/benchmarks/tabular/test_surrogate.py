"""The surrogate: it learns what there is to learn, and no more."""

import dataclasses

import numpy as np
import pytest

from tests.benchmarks.tabular.made import by_rate, made, small_space
from tests.benchmarks.tabular.surrogate import ABSENT, Surrogate, encode, quality


def test_features_are_shares_of_ranges_and_say_what_is_absent() -> None:
    point = {"cell": "lstm", "layers": 1, "rate": 1e-4 * 1e3**0.5}
    assert encode(small_space(), point) == pytest.approx([0.0, 1.0, 0.0, ABSENT, 0.5])
    point |= {"layers": 2, "second": 16}
    assert encode(small_space(), point)[2:4] == pytest.approx([1.0, 1 / 3])


@pytest.mark.slow
def test_what_follows_from_the_point_is_predicted_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    seconds = lambda point: 5.0 * point["layers"]  # noqa: E731
    learned = quality(made(by_rate, seconds))
    noise = quality(made(lambda point: rng.uniform(0.01, 0.1), seconds))
    assert [name for name, *_ in learned] == ["validation error", "held-out error", "seconds"]
    assert all(explained > 0.7 for _, explained, *_ in learned)
    assert all(rho > 0.8 for _, _, rho, _ in learned[:2])
    assert all(explained < 0.1 for _, explained, *_ in noise[:2])


def test_a_drawn_training_has_noise_around_the_expected_one() -> None:
    surrogate = Surrogate(made(by_rate))
    point = {"cell": "gru", "layers": 1, "rate": 0.01}
    expected = surrogate.expected(point)
    assert surrogate.expected(point).heldout_accuracy == expected.heldout_accuracy
    assert expected.seconds == pytest.approx(10.0)
    drawn = [surrogate.drawn(point, np.random.default_rng(seed)) for seed in range(200)]
    ends = np.array([one.val_accuracy[-1] for one in drawn])
    assert ends.std() > 0
    assert ends.mean() == pytest.approx(expected.val_accuracy[-1], abs=0.003)
    again = surrogate.drawn(point, np.random.default_rng(7))
    assert (again.val_accuracy == drawn[7].val_accuracy).all()


def test_cut_curves_and_unknown_seconds_are_learned_around() -> None:
    table = made(by_rate)
    cut = table.val_accuracy.copy()
    cut[:20, 5:] = np.nan
    heldout = np.where(np.arange(len(table)) < 20, np.nan, table.heldout_accuracy)
    seconds = np.where(np.arange(len(table)) % 2, np.nan, table.seconds)
    other = dataclasses.replace(table, val_accuracy=cut, heldout_accuracy=heldout, seconds=seconds)
    told, whole = Surrogate(other), Surrogate(table)
    for point in table.points[:20]:
        error = 1 - told.expected(point).heldout_accuracy
        assert error == pytest.approx(1 - whole.expected(point).heldout_accuracy, abs=0.02)
        assert told.expected(point).seconds == pytest.approx(10.0)


def test_many_points_are_predicted_as_one_is() -> None:
    table = made(by_rate)
    surrogate = Surrogate(table)
    errors, heldout, seconds = surrogate.errors_and_seconds(table.points[:5])
    one = [surrogate.expected(point) for point in table.points[:5]]
    assert errors == pytest.approx([1 - it.val_accuracy[-1] for it in one], abs=1e-3)
    assert heldout == pytest.approx([1 - it.heldout_accuracy for it in one])
    assert seconds == pytest.approx([it.seconds for it in one])
