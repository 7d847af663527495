"""The champion by two seeds: who is asked, what decides, and what an unfinished round gives."""

import logging
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
    Result,
    Status,
    Store,
    choose_champion,
    chosen_finalists,
    find_finalists,
    record_repeat,
    repeat_folder,
)
from tests.results.reported import guess, make_run, write_log


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
    store = make_run(tmp_path / "run", write_log(tmp_path / "log.csv", ["plain"]))
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
    store = make_run(tmp_path / "run", write_log(tmp_path / "log.csv", ["plain"]))
    plain = build_leaderboard(store).selection
    for number, status in ((0, "failed"), (1, "complete")):
        second(store, number, 0.8, status=status)  # type: ignore[arg-type]
    assert name(choose_champion(store, 2)) == "trial 1"
    found = build_leaderboard(store).selection
    assert plain is not None and found is not None
    assert np.isfinite(found.optimism) and found.champion == "trial 1"
