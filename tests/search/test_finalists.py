"""The finalists' share of the budget, and whole searches that end with them."""

from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from results.leaderboard import load_leaderboard
from results.study import CHECKPOINT, RESULT, Result, Store, chosen_finalists, find_repeats
from search.stages import MARGIN, estimate_finalists
from search.workers.fork_server import ForkServer
from search.workers.messages import CLOSE, STOP
from search.workers.pool import WorkerPool
from tests.search.processes import Start, config_in

BEGIN = datetime(2026, 1, 1)


def add(study: optuna.Study, accuracy: float, seconds: float, train_seconds: float = 1.0) -> None:
    """Add a complete trial that took so long."""
    number = len(study.trials)
    result = Result(
        f"trial {number}", "trial", "complete", number=number, val_accuracy=accuracy,
        train_seconds=train_seconds,
    )  # fmt: skip
    made = create_trial(value=accuracy, user_attrs={RESULT: result.to_json()})
    made.datetime_start = BEGIN
    made.datetime_complete = BEGIN + timedelta(seconds=seconds)
    study.add_trial(made)


def test_the_reserve_is_what_the_best_of_now_took() -> None:
    study = optuna.create_study(direction="maximize")
    assert estimate_finalists(study, 3, 1) == 0.0
    add(study, 0.9, 10)
    assert estimate_finalists(study, 3, 1) == 0.0  # One is no choice.
    add(study, 0.8, 30)
    assert estimate_finalists(study, 3, 1) == pytest.approx(MARGIN * 40)
    add(study, 0.99, 20)
    add(study, 0.1, 1000)
    study.add_trial(create_trial(state=TrialState.FAIL))
    assert estimate_finalists(study, 3, 1) == pytest.approx(MARGIN * 60)
    # Given out best first: 20 and 10 at once, then 30 behind the 10.
    assert estimate_finalists(study, 3, 2) == pytest.approx(MARGIN * 40)
    assert estimate_finalists(study, 3, 8) == pytest.approx(MARGIN * 30)


def test_a_clock_that_was_set_back_reserves_the_seconds_of_training() -> None:
    study = optuna.create_study(direction="maximize")
    for accuracy in (0.9, 0.8):
        add(study, accuracy, -3600, train_seconds=5.0)
    assert estimate_finalists(study, 2, 1) == pytest.approx(MARGIN * 10)


def test_closed_workers_are_opened_again_but_stopped_ones_are_not(tmp_path: Path) -> None:
    config = config_in(tmp_path / "run", "model3", batch_size=128)
    with ForkServer() as server:
        asked = WorkerPool(config, server)
    asked.close()
    assert asked._flag.value == CLOSE and not asked.is_stopping
    asked.reopen()
    assert asked._flag.value == 0
    asked.stop()
    asked.close()
    asked.reopen()
    assert asked._flag.value == STOP and asked.is_stopping


SMALL = ("--space", "tests.search.small:Small", "--rows", "700", "--epochs", "3", "--workers", "1")


def check(folder: Path, asked: int) -> list[str]:
    """Assert that the finalists were the best, that one of them won, and that it is exported."""
    store = Store.open(folder)
    names = chosen_finalists(store)
    assert len(names) == asked and set(find_repeats(store)) == set(names)
    assert store.champion in names
    board = load_leaderboard(folder / "leaderboard.json")
    by_name = {row.name: row for row in board.rows}
    assert all(by_name[name].repeats == 2 for name in names)
    # What a pruned trial has is an early look at a few rows.
    scores = {
        trial.name: trial.val_accuracy or 0.0
        for trial in store.trials()
        if trial.status == "complete"
    }
    others = [score for name, score in scores.items() if name not in names]
    assert min(scores[name] for name in names) >= max(others, default=0.0)
    assert board.selection is not None and board.selection.finalists == asked
    assert (folder / "best" / CHECKPOINT).is_file()
    return list(names)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_finalists_take_their_part_of_a_budget_of_trials(start: Start, tmp_path: Path) -> None:
    words = ("--budget", "8", "--finalists", "4", "--ensemble", "4")
    search = start(tmp_path, "counted", *SMALL, *words)
    out, err = search.succeed(200)
    # Four, and so all: their checkpoints are kept, though a search without finalists keeps three.
    names = check(search.folder, 4)
    assert len(Store.open(search.folder).trials()) == 4
    assert f"the finalists are {', '.join(names)}" in err
    assert err.count("seed 2 of 2") == 4
    assert "ensemble of 4" in out


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_time_budget_keeps_time_for_the_finalists(start: Start, tmp_path: Path) -> None:
    search = start(tmp_path, "timed", *SMALL, "--budget", "25s", "--finalists", "2")
    search.succeed(200)
    # A training that the end of the budget cuts leaves nothing: so both were within it.
    check(search.folder, 2)
    with search.study() as study:
        starts = [trial.datetime_start for trial in study.trials if trial.datetime_start]
        ends = [trial.datetime_complete for trial in study.trials if trial.datetime_complete]
    assert max(ends) - min(starts) < timedelta(seconds=25)
