"""A sampler born with its trial: what it proposes depends on the study and the seed alone."""

import threading
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from search.common.seeds import proposal_seed
from search.queue import queue as slots
from search.queue.reseeded import ReseededSampler
from tests.search.journals import journalled

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def tpe(seed: int) -> BaseSampler:
    return TPESampler(seed=seed, n_startup_trials=3, multivariate=True, group=True)


def objective(trial: optuna.Trial) -> float:
    kind = trial.suggest_categorical("kind", ["a", "b"])
    x = trial.suggest_float(f"x {kind}", -1, 1)
    return x**2 + trial.suggest_int("n", 0, 9)


def params(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("make", [RandomSampler, tpe])
def test_a_search_in_parts_is_the_search_at_once(tmp_path: Path, make: Any) -> None:
    whole = journalled(tmp_path / "whole.log", ReseededSampler(make, 5))
    whole.optimize(objective, n_trials=12)
    for trials in (2, 5, 5):
        study = journalled(tmp_path / "parts.log", ReseededSampler(make, 5))
        study.optimize(objective, n_trials=trials)
    assert params(study) == params(whole)


def test_a_wider_range_is_used_up_to_its_end() -> None:
    """TPE itself goes on within the first range that it saw of `n`."""
    drawn = []
    study = optuna.create_study(sampler=ReseededSampler(tpe, 3))
    for most, trials in ((9, 6), (90, 12)):

        def better_above(trial: optuna.Trial, most: int = most) -> float:
            drawn.append(trial.suggest_int("n", 0, most))
            return -drawn[-1] + trial.suggest_float("x", 0, 1)

        study.optimize(better_above, n_trials=trials)
    assert max(drawn[6:]) > 45


def test_seeds_differ_and_so_do_trials() -> None:
    drawn = []
    for seed in (0, 1):
        study = optuna.create_study(sampler=ReseededSampler(RandomSampler, seed))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
        drawn += [trial.params["x"] for trial in study.trials]
    assert len(set(drawn)) == 10


def test_each_trial_has_the_sampler_of_its_number() -> None:
    seeds: list[int] = []

    def make(seed: int) -> BaseSampler:
        seeds.append(seed)
        return RandomSampler(seed=seed)

    study = optuna.create_study(sampler=ReseededSampler(make, 7))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    assert seeds == [proposal_seed(7, number) for number in range(3)]


def test_two_workers_never_draw_the_same() -> None:
    """Trials that begin one after the other and are filled the other way round."""
    study = optuna.create_study(sampler=ReseededSampler(RandomSampler, 0))
    first, second = study.ask(), study.ask()
    late = [trial.suggest_float("x", 0, 1) for trial in (second, first)]
    again = optuna.create_study(sampler=ReseededSampler(RandomSampler, 0))
    early = [again.ask().suggest_float("x", 0, 1) for _ in range(2)]
    assert late == early[::-1]
    assert len(set(late)) == 2


def test_threads_may_share_it() -> None:
    study = optuna.create_study(sampler=ReseededSampler(RandomSampler, 0))
    threads = [
        threading.Thread(
            target=study.optimize,
            args=(lambda trial: trial.suggest_int("x", 0, 9),),
            kwargs={"n_trials": 5},
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    alone = optuna.create_study(sampler=ReseededSampler(RandomSampler, 0))
    alone.optimize(lambda trial: trial.suggest_int("x", 0, 9), n_trials=15)
    assert params(study) == params(alone)


class Watching(RandomSampler):
    """Keeps what it was told."""

    told: list[tuple[int, str]] = []  # noqa: RUF012

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        self.told.append((trial.number, "before"))

    def after_trial(self, study: optuna.Study, trial: Any, state: Any, values: Any) -> None:
        self.told.append((trial.number, state.name))


def test_the_sampler_is_told_of_its_trial() -> None:
    Watching.told.clear()
    study = optuna.create_study(sampler=ReseededSampler(lambda seed: Watching(seed=seed), 0))
    trials = [study.ask(), study.ask()]
    study.tell(trials[1], 1.0)
    study.tell(trials[0], state=optuna.trial.TrialState.FAIL)
    assert Watching.told == [(0, "before"), (1, "before"), (1, "COMPLETE"), (0, "FAIL")]


def test_a_trial_that_was_put_back_draws_what_the_lost_one_would_have() -> None:
    drawn = []
    for is_lost in (False, True):
        study = optuna.create_study(sampler=ReseededSampler(RandomSampler, 3))
        if is_lost:
            assert slots.claim(study, 2) is not None
            (lost,) = study.get_trials(states=(TrialState.RUNNING,))
            slots.replace(study, lost, "its worker died", same_values=True)
        while (trial := slots.claim(study, 2)) is not None:
            drawn.append(trial.suggest_float("x", 0, 1))
            study.tell(trial, drawn[-1])
    assert drawn[:2] == drawn[2:]
