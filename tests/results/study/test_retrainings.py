"""Trainings beside the first one: finalists by two seeds, refits, and repeats with other seeds."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import TrialState

from results.leaderboard import (
    build_leaderboard,
    describe_selection,
    load_leaderboard,
    render_table,
    save_leaderboard,
)
from results.report import write as write_report
from results.scoring import save_scores
from results.study import (
    ACCURACY,
    CHECKPOINT,
    LOSS,
    Objective,
    Point,
    Result,
    Status,
    Store,
    as_refit,
    choose_champion,
    choose_refits,
    chosen_finalists,
    find_finalists,
    find_refit,
    find_refits,
    find_repeats,
    first_training,
    record_refit,
    record_repeat,
    repeat_folder,
    repeat_probabilities,
    result_to_export,
)
from tests.results.reported import guess, make_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run of four complete trials, of .90, .89, .88 and .88 on validation rows."""
    return make(tmp_path, ACCURACY)


def make(folder: Path, objective: Objective) -> Store:
    store = Store.create(folder / "run", [objective], name="run", data={}, protocol={})
    for number, (accuracy, loss) in enumerate(((0.9, 0.3), (0.89, 0.3), (0.88, 0.2), (0.88, 0.3))):
        trial = store.study.ask()
        place = f"trials/{number}"
        (store.folder / place).mkdir(parents=True)
        (store.folder / place / CHECKPOINT).touch()
        result = Result(
            f"trial {number}", "trial", "complete", number=number, artifacts=place,
            val_accuracy=accuracy, val_loss=loss,
        )  # fmt: skip
        store.record(trial, result)
        store.study.tell(trial, accuracy)
    return store


def second(
    store: Store, number: int, accuracy: float, loss: float = 0.3, status: Status = "complete"
) -> None:
    values: dict[str, Any] = {"val_accuracy": accuracy, "val_loss": loss, "number": number}
    record_repeat(store, Result(f"trial {number}", "trial", status, **values), 1)


def name(result: Result | None) -> str:
    assert result is not None
    return result.name


def test_the_mean_of_two_seeds_decides(store: Store) -> None:
    for number, accuracy in enumerate((0.8, 0.9, 0.9, 0.99)):
        second(store, number, accuracy)
    assert name(choose_champion(store, 3)) == "trial 1" == Store.open(store.folder).champion
    assert chosen_finalists(store) == ("trial 0", "trial 1", "trial 2")
    # The first trainings decide who is asked, and without finalists all.
    assert name(choose_champion(store, 4)) == "trial 3"
    assert name(choose_champion(store, 0)) == "trial 0"
    assert chosen_finalists(Store.open(store.folder)) == ()


def test_by_loss_the_lowest_mean_of_two_seeds_decides(tmp_path: Path) -> None:
    store = make(tmp_path, LOSS)
    assert [result.name for result in find_finalists(store, 2)] == ["trial 2", "trial 0"]
    second(store, 2, 0.99, 0.4)
    second(store, 0, 0.1, 0.25)
    assert name(choose_champion(store, 2)) == "trial 0"  # .275 against .3.
    second(store, 0, 0.1, 0.25, status="diverged")
    assert name(choose_champion(store, 2)) == "trial 2"
    assert store.chosen_by == LOSS


def test_ties_go_to_the_lower_mean_loss_then_to_the_earlier(store: Store) -> None:
    for number, (accuracy, loss) in enumerate(((0.9, 0.5), (0.91, 0.4), (0.92, 0.45))):
        second(store, number, accuracy, loss)
    assert name(choose_champion(store, 3)) == "trial 2"
    second(store, 2, 0.92, 0.6)
    assert name(choose_champion(store, 3)) == "trial 1"
    second(store, 1, 0.91, 0.5)
    assert name(choose_champion(store, 2)) == "trial 0"


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_seed_that_diverged_or_failed_counts_as_nothing(store: Store, status: Status) -> None:
    second(store, 0, 0.99, status=status)
    second(store, 1, 0.5)
    assert name(choose_champion(store, 2)) == "trial 1"
    second(store, 1, 0.5, status=status)
    assert name(choose_champion(store, 2)) == "trial 0"


def test_an_unfinished_round_ends_before_the_first_that_is_missing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    second(store, 0, 0.5)
    second(store, 1, 0.9)
    second(store, 3, 0.99)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert name(choose_champion(store, 4)) == "trial 1"
    assert caplog.messages == ["the champion is chosen among 2 finalists, not 4"]
    assert chosen_finalists(store) == ("trial 0", "trial 1")


def test_with_fewer_than_two_the_first_training_decides(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    second(store, 0, 0.1)
    second(store, 2, 0.99)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert name(choose_champion(store, 3)) == "trial 0"
    (line,) = caplog.messages
    assert line.startswith("the first training alone decides")
    assert chosen_finalists(store) == ()


def test_only_what_can_be_exported_is_a_finalist(store: Store) -> None:
    (store.folder / "trials/1" / CHECKPOINT).unlink()
    assert [result.name for result in find_finalists(store, 2)] == ["trial 0", "trial 2"]
    assert [result.name for result in find_finalists(store, 9)] == ["trial 0", "trial 2", "trial 3"]


def test_without_a_complete_trial_there_is_no_champion(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "none", [ACCURACY], name="none", data={}, protocol={})
    store.study.tell(store.study.ask(), state=TrialState.FAIL)
    assert choose_champion(store, 2) is None


def test_the_board_shows_both_seeds_and_what_the_choice_owes_to_luck(tmp_path: Path) -> None:
    store = make_run(tmp_path / "run")
    dataset = store.dataset
    for number, noise in ((0, 0.9), (1, 0.01)):
        trial = store.trials()[number]
        folder = repeat_folder(store, trial.name, 1)
        scores = guess(dataset, noise)
        save_scores(folder, scores["validation"], scores["heldout"])
        place = str(folder.relative_to(store.folder))
        again = Result(
            trial.name, "trial", "complete", number=number, val_accuracy=1 - noise, artifacts=place
        )
        record_repeat(store, again, 1)
    assert name(choose_champion(store, 2)) == "trial 1"
    board = build_leaderboard(Store.open(store.folder))
    assert (board.champion and board.champion.name) == "trial 1"
    assert {row.name for row in board.rows if row.repeats == 2} == {"trial 0", "trial 1"}
    found = board.selection
    assert found is not None and (found.finalists, found.candidates) == (2, 5)
    assert found.optimism == found.val_accuracy - found.expected_accuracy
    note = " (at the end 2 of them, by the mean of two seeds)"
    assert f"among 5 complete trials{note}. Its accuracy is " in describe_selection(board)
    assert note in " ".join(render_table(board).split())
    save_leaderboard(board, store.folder)
    assert load_leaderboard(store.folder / "leaderboard.json") == board
    assert note in write_report(store, board, attribute=False).read_text(encoding="utf-8")


def test_a_failed_seed_is_right_nowhere_in_the_repeated_choice(tmp_path: Path) -> None:
    store = make_run(tmp_path / "run")
    plain = build_leaderboard(store).selection
    for number, status in ((0, "failed"), (1, "complete")):
        second(store, number, 0.8, status=status)  # type: ignore[arg-type]
    assert name(choose_champion(store, 2)) == "trial 1"
    found = build_leaderboard(store).selection
    assert plain is not None and found is not None
    assert np.isfinite(found.optimism) and found.champion == "trial 1"


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "run", [ACCURACY], name="run", data={}, protocol={})


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


def leave_refit(empty: Store, first: Result, **values: object) -> Result:
    made = replace(as_refit(first), **values)  # type: ignore[arg-type]
    record_refit(empty, made)
    return made


def test_a_refit_keeps_no_score_of_the_rows_that_it_trained_on() -> None:
    made = as_refit(TRIAL)
    assert (made.name, made.kind, made.number) == ("trial 3, refit", "refit", 3)
    kept = made.to_json()
    assert not any(value for name, value in kept.items() if name.startswith("val_"))
    (point,) = kept["curve"]
    told = {name: value for name, value in point.items() if value is not None}
    assert told == {"epoch": 1.0, "loss": 0.4, "accuracy": 0.8}


def test_another_process_reads_the_refits_that_were_chosen(empty: Store) -> None:
    linear = leave_refit(empty, Result("linear", "baseline", "complete"))
    third, fourth = (
        leave_refit(empty, TRIAL),
        leave_refit(empty, replace(TRIAL, name="trial 4", number=4)),
    )
    assert find_refits(empty) == []
    choose_refits(empty, ["trial 3", "model2", "linear"])
    again = Store.open(empty.folder)
    # Those of model2 are still to be trained; that of trial 4 is kept, should it be chosen again.
    assert [result.to_json() for result in find_refits(again)] == [
        third.to_json(),
        linear.to_json(),
    ]
    kept = find_refit(again, "trial 4")
    assert kept is not None and kept.to_json() == fourth.to_json()
    choose_refits(again, [])
    assert find_refits(Store.open(empty.folder)) == []


def test_no_refit_leaves_no_trace(empty: Store) -> None:
    before = dict(empty.study.user_attrs)
    choose_refits(empty, [])
    assert dict(empty.study.user_attrs) == before


def test_refits_are_no_results_to_choose_from(empty: Store) -> None:
    leave_refit(empty, TRIAL)
    choose_refits(empty, ["trial 3"])
    assert empty.results() == []
    assert empty.choose_champion() is None


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
    empty: Store, values: dict[str, str], is_exported: bool
) -> None:
    choose_refits(empty, ["trial 3"])
    assert result_to_export(empty, TRIAL) == TRIAL
    leave_refit(empty, TRIAL, **values)
    assert (result_to_export(empty, TRIAL).kind == "refit") == is_exported
    # A champion of a later search is not exported as the earlier one's refit.
    assert result_to_export(empty, replace(TRIAL, name="trial 5")).name == "trial 5"
    choose_refits(empty, [])
    assert result_to_export(empty, TRIAL) == TRIAL


def test_a_refit_leads_back_to_its_first_training(empty: Store) -> None:
    linear = Result("linear", "baseline", "complete")
    empty.record_baseline(linear)
    assert first_training(empty, as_refit(linear)) == linear
    assert first_training(empty, TRIAL) == TRIAL


def leave_repeat(empty: Store, name: str, index: int, score: float) -> Result:
    folder = repeat_folder(empty, name, index)
    save_scores(folder, np.zeros(2, np.float32), np.full(3, score, np.float32))
    place = str(folder.relative_to(empty.folder))
    result = Result(name, "trial", "complete", seed=index, val_accuracy=score, artifacts=place)
    record_repeat(empty, result, index)
    return result


def test_another_process_reads_repeats_by_name_and_seed(empty: Store) -> None:
    tenth, second = (
        leave_repeat(empty, "trial 17", 10, 0.25),
        leave_repeat(empty, "trial 17", 2, 0.5),
    )
    other = leave_repeat(empty, "odd: name", 1, 0.75)
    again = Store.open(empty.folder)
    assert find_repeats(again) == {"trial 17": {2: second, 10: tenth}, "odd: name": {1: other}}
    assert list(find_repeats(again)["trial 17"]) == [2, 10]
    found = repeat_probabilities(again)
    assert [scores.tolist() for scores in found["trial 17"]] == [[0.5] * 3, [0.25] * 3]


def test_repeats_are_no_results_of_their_own(empty: Store) -> None:
    leave_repeat(empty, "model1", 1, 0.5)
    assert empty.results() == []
    assert empty.choose_champion() is None


def test_one_without_probabilities_counts_for_nothing(empty: Store) -> None:
    record_repeat(empty, Result("trial 1", "trial", "failed", reason="no memory"), 1)
    gone = leave_repeat(empty, "trial 1", 2, 0.5)
    (empty.folder / gone.artifacts / "scores.npz").unlink()
    assert repeat_probabilities(empty) == {"trial 1": []}


def test_a_repeated_one_replaces_what_was_there(empty: Store) -> None:
    leave_repeat(empty, "trial 1", 1, 0.5)
    latest = leave_repeat(empty, "trial 1", 1, 0.75)
    assert find_repeats(empty) == {"trial 1": {1: latest}}
