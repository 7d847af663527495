"""A run that starts from an earlier one's best points, and what is said of them."""

from pathlib import Path

import pytest
from optuna.trial import TrialState, create_trial

from data.common.errors import UserError
from results.study import (
    ACCURACY,
    INDEX,
    LOSS,
    MOST_STARTS,
    RESULT,
    Objective,
    Result,
    Store,
    choose_starts,
    describe_starts,
    find_starts,
)

OPTION = "--start-from is 'old'"


def run(folder: Path, name: str, objective: Objective = ACCURACY) -> Store:
    return Store.create(folder / name, [objective], name=name, data={}, protocol={})


def add(store: Store, accuracy: float | None, width: int = 1) -> None:
    """Add a trial: complete, or pruned if it has no accuracy."""
    number = len(store.study.trials)
    status = "pruned" if accuracy is None else "complete"
    result = Result(
        f"trial {number}", "trial", status, number=number, val_accuracy=accuracy,
        hyperparameters={"width": width},
    )  # fmt: skip
    store.study.add_trial(
        create_trial(
            value=accuracy,
            state=TrialState.PRUNED if accuracy is None else TrialState.COMPLETE,
            user_attrs={RESULT: result.to_json(), INDEX: number},
        )
    )


def test_the_best_complete_points_are_taken_best_first(tmp_path: Path) -> None:
    old, new = run(tmp_path, "old"), run(tmp_path, "new", LOSS)
    for width, accuracy in enumerate([0.5, 0.9, None, 0.8, 0.7, 0.6, 0.4]):
        add(old, accuracy, width)
    chosen = choose_starts(new, old, OPTION)
    assert [start.hyperparameters["width"] for start in chosen] == [1, 3, 4, 5, 0]
    assert len(chosen) == MOST_STARTS
    assert (chosen[0].run, chosen[0].trial, chosen[0].value) == ("old", "trial 1", 0.9)
    assert find_starts(Store.open(tmp_path / "new")) == chosen


def test_a_run_without_a_complete_trial_is_refused(tmp_path: Path) -> None:
    old, new = run(tmp_path, "old"), run(tmp_path, "new")
    add(old, None)
    with pytest.raises(UserError) as error:
        choose_starts(new, old, OPTION)
    assert str(error.value) == "--start-from is 'old', but no trial of that run is complete"


def test_a_study_that_has_begun_keeps_its_starting_points(tmp_path: Path) -> None:
    old, other, new = (run(tmp_path, name) for name in ("old", "other", "new"))
    for store in (old, other):
        add(store, 0.9)
    chosen = choose_starts(new, old, OPTION)
    add(new, 0.8)
    add(old, 0.99)
    assert choose_starts(new, old, OPTION) == chosen
    with pytest.raises(UserError, match="but study 'new' has begun from 'old'; leave it out"):
        choose_starts(new, other, "--start-from is 'other'")
    with pytest.raises(UserError, match="but study 'other' has begun without it"):
        choose_starts(other, old, OPTION)


def test_what_they_were_worth_is_said_in_a_line(tmp_path: Path) -> None:
    old, new = run(tmp_path, "old"), run(tmp_path, "new")
    assert describe_starts(new) is None
    for accuracy in (0.9, 0.95, 0.7):
        add(old, accuracy)
    choose_starts(new, old, OPTION)
    add(new, None)
    assert describe_starts(new) == (
        "Of the 3 starting points from 'old', 1 were tried and none was trained to its end"
    )
    for accuracy in (0.85, 0.8, 0.99):
        add(new, accuracy)
    assert describe_starts(new) == (
        "Of the 3 starting points from 'old', 2 were trained to their end; the best, trial 0 with "
        "validation accuracy 0.9 there, reached validation accuracy 0.85 as trial 1 here: place 2 "
        "of 3 complete trials"
    )
