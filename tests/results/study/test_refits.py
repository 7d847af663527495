"""Refits in the study: which are this run's, and which model is exported."""

from dataclasses import replace
from pathlib import Path

import pytest

from results.study import (
    ACCURACY,
    Point,
    Result,
    Store,
    as_refit,
    choose_refits,
    find_refit,
    find_refits,
    first_training,
    record_refit,
    result_to_export,
)

TRIAL = Result(
    "trial 3",
    "trial",
    "complete",
    number=3,
    val_accuracy=0.9,
    val_loss=0.2,
    val_rows=50,
    val_auc=0.95,
    curve=(Point(1.0, 0.4, 0.8, 0.3, 0.9, 0.95),),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "run", [ACCURACY], name="run", data={}, protocol={})


def leave(store: Store, first: Result, **values: object) -> Result:
    made = replace(as_refit(first), **values)  # type: ignore[arg-type]
    record_refit(store, made)
    return made


def test_a_refit_keeps_no_score_of_the_rows_that_it_trained_on() -> None:
    made = as_refit(TRIAL)
    assert (made.name, made.kind, made.number) == ("trial 3, refit", "refit", 3)
    kept = made.to_json()
    assert not any(value for name, value in kept.items() if name.startswith("val_"))
    (point,) = kept["curve"]
    told = {name: value for name, value in point.items() if value is not None}
    assert told == {"epoch": 1.0, "loss": 0.4, "accuracy": 0.8}


def test_another_process_reads_those_that_were_chosen(store: Store) -> None:
    linear = leave(store, Result("linear", "baseline", "complete"))
    third, fourth = leave(store, TRIAL), leave(store, replace(TRIAL, name="trial 4", number=4))
    assert find_refits(store) == []
    choose_refits(store, ["trial 3", "model2", "linear"])
    again = Store.open(store.folder)
    # Those of model2 are still to be trained; that of trial 4 is kept, should it be chosen again.
    assert [result.to_json() for result in find_refits(again)] == [
        third.to_json(),
        linear.to_json(),
    ]
    kept = find_refit(again, "trial 4")
    assert kept is not None and kept.to_json() == fourth.to_json()
    choose_refits(again, [])
    assert find_refits(Store.open(store.folder)) == []


def test_no_refit_leaves_no_trace(store: Store) -> None:
    before = dict(store.study.user_attrs)
    choose_refits(store, [])
    assert dict(store.study.user_attrs) == before


def test_they_are_no_results_to_choose_from(store: Store) -> None:
    leave(store, TRIAL)
    choose_refits(store, ["trial 3"])
    assert store.results() == []
    assert store.choose_champion() is None


@pytest.mark.parametrize(
    ("values", "is_exported"),
    [
        ({}, True),
        ({"status": "diverged", "reason": "its loss is not finite after 1 epochs"}, False),
        ({"status": "failed", "reason": "ValueError: no"}, False),
        ({"status": "pruned", "reason": "it trained for longer than --trial-timeout 9s"}, False),
        ({"reason": "predicts only class 0 on the validation rows"}, False),
    ],
)
def test_a_refit_is_exported_unless_something_is_wrong_with_it(
    store: Store, values: dict[str, str], is_exported: bool
) -> None:
    choose_refits(store, ["trial 3"])
    assert result_to_export(store, TRIAL) == TRIAL
    leave(store, TRIAL, **values)
    assert (result_to_export(store, TRIAL).kind == "refit") == is_exported
    # A champion of a later search is not exported as the earlier one's refit.
    assert result_to_export(store, replace(TRIAL, name="trial 5")).name == "trial 5"
    choose_refits(store, [])
    assert result_to_export(store, TRIAL) == TRIAL


def test_a_refit_leads_back_to_its_first_training(store: Store) -> None:
    linear = Result("linear", "baseline", "complete")
    store.record_baseline(linear)
    assert first_training(store, as_refit(linear)) == linear
    assert first_training(store, TRIAL) == TRIAL
