"""What can be optimized: names, directions, missing figures, and the order that they give."""

from dataclasses import fields
from functools import partial
from typing import Any

import pytest

from results.study import OBJECTIVES, Point, Result, objective_values
from results.study.objectives import rank_key


def test_each_is_an_attribute_of_a_result() -> None:
    known = {field.name for field in fields(Result)}
    assert {name for name, item in OBJECTIVES.items() if item.direction == "maximize"} == {
        "val_accuracy", "val_auc", "val_f1", "val_recall_at_fpr_0_1", "val_recall_at_fpr_1",
    }  # fmt: skip
    for name, objective in OBJECTIVES.items():
        assert name == objective.name
        assert name in known
    assert OBJECTIVES["val_accuracy"].best == "the highest validation accuracy"
    assert OBJECTIVES["latency_us"].best == "the lowest CPU time of one request"


def test_the_value_is_a_float_or_unknown() -> None:
    result = Result("trial 1", "trial", "complete", parameters=1234)
    value = OBJECTIVES["parameters"].value(result)
    assert (value, type(value)) == (1234.0, float)
    assert OBJECTIVES["val_accuracy"].value(result) is None


def trial(number: int, **values: Any) -> Result:
    return Result(f"trial {number}", "trial", **{"status": "complete", "number": number, **values})


TRIALS = [
    trial(0, val_accuracy=0.9, val_loss=0.3, parameters=30, latency_us=7.0, train_seconds=9.0),
    trial(1, val_accuracy=0.9, val_loss=0.2, parameters=20, latency_us=8.0, train_seconds=9.0),
    trial(2, val_accuracy=0.8, val_loss=0.1, parameters=20, latency_us=None, train_seconds=9.0),
    trial(3, val_accuracy=0.8, val_loss=None, parameters=40, latency_us=9.0, train_seconds=1.0),
]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("val_accuracy", [1, 0, 2, 3]),
        ("val_loss", [2, 1, 0, 3]),
        ("parameters", [1, 2, 0, 3]),  # A tie goes to the accuracy, then to the loss.
        ("latency_us", [0, 1, 3, 2]),  # What has none comes last.
        ("train_seconds", [3, 1, 0, 2]),
    ],
)
def test_the_objective_decides_then_accuracy_then_loss(name: str, numbers: list[int]) -> None:
    ranked = sorted(reversed(TRIALS), key=partial(rank_key, OBJECTIVES[name]))
    assert [result.number for result in ranked] == numbers


def test_what_is_equal_goes_to_the_earlier() -> None:
    same = {"val_accuracy": 0.5, "val_loss": 0.5}
    key = partial(rank_key, OBJECTIVES["val_loss"])
    assert key(trial(2, **same)) < key(trial(10, **same))


@pytest.mark.parametrize(("name", "best"), [("val_accuracy", 0), ("val_loss", 1)])
def test_over_seeds_the_mean_decides_and_a_lost_one_counts_as_the_worst(
    name: str, best: int
) -> None:
    seeds = [
        (trial(0, val_accuracy=0.9, val_loss=0.4), trial(0, val_accuracy=0.8, val_loss=0.4)),
        (trial(1, val_accuracy=0.7, val_loss=0.5), trial(1, val_accuracy=0.9, val_loss=0.1)),
        (trial(2, val_accuracy=1.0, val_loss=0.0), trial(2, status="diverged", val_accuracy=1.0)),
    ]
    ranked = sorted(seeds, key=lambda both: rank_key(OBJECTIVES[name], *both))
    assert [both[0].number for both in ranked] == [best, 1 - best, 2]


# Of six normal and four malicious rows; one malicious one scores below two normal ones.
LABELS = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
SCORES = [0.1, 0.1, 0.2, 0.2, 0.4, 0.6, 0.3, 0.7, 0.8, 0.9]


def test_what_ranks_rows_is_computed_from_their_probabilities() -> None:
    assert objective_values(LABELS, SCORES) == pytest.approx(
        {
            "val_auc": 22 / 24,
            "val_f1": 2 * 3 / (4 + 4),
            "val_recall_at_fpr_0_1": 3 / 4,
            "val_recall_at_fpr_1": 3 / 4,
        }
    )


def test_rows_of_one_class_cannot_be_ranked() -> None:
    found = objective_values([0, 0, 0], [0.1, 0.2, 0.3])
    assert (found["val_auc"], found["val_recall_at_fpr_1"]) == (None, None)


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("val_accuracy", 0.9),
        ("val_loss", 0.3),
        ("val_auc", 0.95),
        ("val_recall_at_fpr_1", 0.95),
        ("latency_us", None),
        ("parameters", None),
    ],
)
def test_a_report_tells_what_validation_rows_tell(name: str, reported: float | None) -> None:
    point = Point(1.0, 0.2, 0.9, val_loss=0.3, val_accuracy=0.9, value=0.95)
    assert OBJECTIVES[name].reported(point) == reported
    assert OBJECTIVES[name].is_reported == (reported is not None)
