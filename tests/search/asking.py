"""Searches that train nothing: a hypermodel gives its score at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial
from optuna.trial import FrozenTrial, TrialState

from results.study import counted_trials
from search.bridge.oracle import OptunaOracle

# What the names of the threads that search together begin with.
WORKERS = "worker"
Build = Callable[[keras_tuner.HyperParameters], Any]


class Scorer(BaseTuner):
    """A tuner whose hypermodel's `build` gives the trial's score."""

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> Any:
        return self.hypermodel.build(trial.hyperparameters)


def scorer(oracle: keras_tuner.Oracle, build: Build, folder: Path, name: str = "kt") -> Scorer:
    """Make a tuner that keeps silent; `build` declares the space and gives the score."""
    oracle.verbose = 0
    return Scorer(oracle, build, directory=str(folder), project_name=name)


def place(oracle: keras_tuner.Oracle, folder: Path, name: str = "kt") -> None:
    """Give an oracle that no tuner has a folder for its files, and keep it silent."""
    oracle.verbose = 0
    oracle._set_project_dir(str(folder), name)


def together(serve: Callable[[int], None], count: int) -> None:
    """Call with 0, 1, 2, ... at once, each in a thread; raises what one of them raises."""
    with ThreadPoolExecutor(count, thread_name_prefix=WORKERS) as pool:
        for _ in pool.map(serve, range(count), timeout=100):
            pass


def space_of(build: Build, folder: Path) -> keras_tuner.HyperParameters:
    """Find a space as a tuner does: by building until every scope was active."""
    oracle = OptunaOracle(optuna.create_study(), max_trials=1)
    scorer(oracle, build, folder, "space")
    space: keras_tuner.HyperParameters = oracle.get_space()
    return space


def search(oracle: keras_tuner.Oracle, build: Build, folder: Path) -> list[FrozenTrial]:
    """Search to the end, and give the study's trials, without those put back."""
    scorer(oracle, build, folder).search(verbose=0)
    return done(oracle.study)


def done(study: optuna.Study) -> list[FrozenTrial]:
    """Give the finished trials that a budget counts."""
    return [trial for trial in counted_trials(study) if trial.state.is_finished()]


def states(study: optuna.Study) -> list[str]:
    """Name the states of the trials that a budget counts."""
    return [trial.state.name for trial in counted_trials(study)]


def running(study: optuna.Study) -> list[FrozenTrial]:
    """Give the trials that run."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def conditional(hp: keras_tuner.HyperParameters) -> float:
    """Score a nested space of 20 points; `width` stands in two scopes with other ranges."""
    score = 0.5
    kind = hp.Choice("kind", ["wide", "deep", "none"])
    with hp.conditional_scope("kind", ["wide"]):
        width = hp.Int("width", 1, 4)
        if kind == "wide":
            score = float(width)
    with hp.conditional_scope("kind", ["deep"]):
        depth = hp.Int("depth", 1, 3)
        width = hp.Float("width", 10, 20, step=5)
        with hp.conditional_scope("depth", [2, 3]):
            skip = hp.Boolean("skip")
        if kind == "deep":
            score = 10 * depth + width + (5 if skip else 0)
    return score


# 4 wide, 3 of depth 1, 2 * 3 * 2 of depth 2 and 3, and one of no kind.
POINTS = 4 + 3 + 12 + 1
