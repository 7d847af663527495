"""Rows that are mixed, sorted by label, or come in blocks of one label."""

import numpy as np
import pytest

from data.dataset import LabelOrder

RANDOM = np.random.default_rng(0).integers(0, 2, 2_000).tolist()


@pytest.mark.parametrize(
    ("labels", "runs", "is_mixed"),
    [
        ([], 0, True),
        ([1], 1, True),
        ([0] * 50, 1, True),
        ([0, 1], 2, True),
        ([0, 0, 1, 1], 2, True),  # By chance as well.
        ([0] * 8 + [1] * 8, 2, False),
        ([1] * 150 + [0] * 150, 2, False),
        ([0] * 1_000 + [1], 2, True),  # One attack must stand somewhere.
        ([0] * 1_000 + [1] * 5, 2, False),
        (([0] * 100 + [1] * 100) * 5, 10, False),
        ([0, 1] * 100, 200, True),  # Alternating is not sorted.
        (RANDOM, 998, True),
        # Some bursts of two: fewer runs than by chance, yet mixed well enough.
        (RANDOM[:1_000] + [label for label in RANDOM[:500] for _ in range(2)], 729, True),
    ],
)
def test_few_runs_are_an_order(labels: list[int], runs: int, is_mixed: bool) -> None:
    found = LabelOrder.of(np.array(labels, np.uint8))
    assert (found.runs, found.is_mixed) == (runs, is_mixed)
    assert bool(found.advice) != is_mixed


def test_the_test_is_wald_and_wolfowitz_s() -> None:
    found = LabelOrder.of(np.array([0, 0, 0, 1, 1, 1, 1, 0, 0, 1], np.uint8))
    assert (found.runs, found.expected) == (4, 6.0)
    # z = (4 + .5 - 6) / sqrt(20 / 9)
    assert found.p == pytest.approx(0.15712, abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "advice"),
    [
        (
            [0] * 150 + [1] * 150,
            "the rows are sorted by label: 2 runs, about 151 if mixed; give --split shuffled",
        ),
        (
            ([0] * 100 + [1] * 100) * 2,
            "the rows are grouped by label: 4 runs, about 201 if mixed; give --split shuffled, "
            "unless the log is in the order of time",
        ),
    ],
)
def test_the_advice_is_a_sentence(labels: list[int], advice: str) -> None:
    assert LabelOrder.of(np.array(labels, np.uint8)).advice == advice


def test_mixed_rows_are_said_to_be() -> None:
    found = LabelOrder.of(np.array([0, 1, 1, 0], np.uint8))
    assert str(found) == "the labels are mixed: 3 runs, about 3 if mixed"
