"""The grid: each point of a conditional space once, then the end."""

from pathlib import Path

import keras_tuner
import optuna
import pytest

from search.bridge.oracle import OptunaOracle
from search.queue import queue as slots
from search.queue.grid import GridSampler
from tests.search.asking import POINTS, conditional, done, scorer, search, space_of, states
from tests.search.journals import journalled


@pytest.mark.parametrize("seed", [0, 1])
def test_each_point_once_then_it_stops(tmp_path: Path, seed: int) -> None:
    study = optuna.create_study(sampler=GridSampler(seed))
    trials = search(OptunaOracle(study, max_trials=100), conditional, tmp_path)
    complete = [trial for trial in trials if trial.value is not None]
    assert len(complete) == POINTS
    assert len({tuple(sorted(trial.params.items())) for trial in complete}) == POINTS
    assert sorted({trial.value for trial in complete})[0] == 0.5


def test_the_seed_says_the_order(tmp_path: Path) -> None:
    orders = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        study = optuna.create_study(sampler=GridSampler(seed))
        trials = search(OptunaOracle(study, max_trials=10), conditional, tmp_path / name)
        orders.append([trial.params for trial in trials])
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


def test_it_goes_on_in_another_process(tmp_path: Path) -> None:
    """Two studies: one searched at once, one in two parts with new objects throughout."""
    whole = journalled(tmp_path / "whole.log", GridSampler(3))
    search(OptunaOracle(whole, max_trials=18), conditional, tmp_path / "whole")
    for part, trials in (("one", 7), ("two", 18)):
        study = journalled(tmp_path / "parts.log", GridSampler(3))
        search(OptunaOracle(study, max_trials=trials), conditional, tmp_path / part)
    assert [trial.params for trial in done(whole)] == [trial.params for trial in done(study)]


def test_two_oracles_share_the_grid(tmp_path: Path) -> None:
    study = optuna.create_study(sampler=GridSampler(0))
    oracles = [OptunaOracle(study, max_trials=100) for _ in range(2)]
    for number, oracle in enumerate(oracles):
        oracle.verbose = 0
        oracle.hyperparameters = space_of(conditional, tmp_path)
        oracle._set_project_dir(str(tmp_path), f"project{number}")
    running = []
    for turn in range(100):
        trial = oracles[turn % 2].create_trial("tuner" + str(turn))
        if trial.status == "STOPPED":
            break
        running.append(tuple(sorted(trial.hyperparameters.values.items())))
    assert len(running) == POINTS == len(set(running))


def test_what_a_trial_met_while_it_ran_joins_the_grid(tmp_path: Path) -> None:
    class Hidden:
        """Hides one entry until the search has begun."""

        begun = False

        def __call__(self, hp: keras_tuner.HyperParameters) -> float:
            score = float(hp.Int("width", 1, 3))
            return score + (hp.Choice("late", [0, 10]) if self.begun else 0)

    hidden = Hidden()
    study = optuna.create_study(sampler=GridSampler(0))
    oracle = OptunaOracle(study, max_trials=100)
    tuner = scorer(oracle, hidden, tmp_path)
    hidden.begun = True
    tuner.search(verbose=0)
    values = sorted(trial.value for trial in done(study) if trial.value is not None)
    assert values == [1, 2, 3, 11, 12, 13]
    assert states(study).count("COMPLETE") == 6


@pytest.mark.parametrize("lost", [0, 7])
def test_what_was_lost_is_repeated_even_when_the_grid_is_used_up(tmp_path: Path, lost: int) -> None:
    study = optuna.create_study(sampler=GridSampler(0))
    space = space_of(conditional, tmp_path)
    oracle = OptunaOracle(study, max_trials=100, hyperparameters=space)
    oracle.verbose = 0
    oracle._set_project_dir(str(tmp_path), "lost")
    begun = [oracle.create_trial(f"tuner{number}") for number in range(POINTS)]
    assert oracle.create_trial("one-more").status == "STOPPED"
    slots.replace(study, study.trials[lost], "its worker died", same_values=True)
    again = oracle.create_trial("one-more")
    assert again.hyperparameters.values == begun[lost].hyperparameters.values
    assert oracle.create_trial("still-more").status == "STOPPED"
