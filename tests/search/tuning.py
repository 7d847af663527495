"""Searches in this process: stores, a tuner, and hypermodels made of a function."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras_tuner
import optuna

from data.dataset.dataset import Dataset
from results.study import INDEX, OBJECTIVES, Store
from search.bridge.oracle import OptunaOracle
from search.training.fit import Recipe
from search.training.job import Job
from search.training.trial import StudyTuner

RECIPE = Recipe(epochs=1, batch_size=64, reports=2)


def open_store(folder: Path, objectives: Sequence[str] = ("val_accuracy",)) -> Store:
    chosen = [OBJECTIVES[name] for name in objectives]
    store = Store.create(folder / "run", chosen, name="run", data={}, protocol={})
    store.study.sampler = optuna.samplers.RandomSampler(seed=1)
    store.study.pruner = optuna.pruners.NopPruner()
    return store


def begin_with(store: Store, *starts: dict[str, Any]) -> None:
    """Give the first slots of the budget their values."""
    for slot, values in enumerate(starts):
        store.study.enqueue_trial(values, user_attrs={INDEX: slot})


def search(
    store: Store,
    dataset: Dataset,
    hypermodel: Any,
    trials: int,
    *,
    objectives: Sequence[str] = ("val_accuracy",),
    stop: Callable[[], str | None] = lambda: None,
    notify: Callable[[str, float, float | None], None] = lambda *_: None,
    failures: int = 2,
    **limits: Any,
) -> StudyTuner:
    """Run trials as a worker does; `limits` are attributes of its job."""
    chosen = tuple(OBJECTIVES[name] for name in objectives)
    told = [keras_tuner.Objective(item.name, item.direction[:3]) for item in chosen]
    oracle = OptunaOracle(
        store.study,
        told if len(told) > 1 else told[0],
        max_trials=trials,
        max_consecutive_failed_trials=failures,
    )
    job = Job(store, dataset, RECIPE, chosen, seed=7, stop=stop, notify=notify, **limits)
    tuner = StudyTuner(job, oracle, hypermodel, store.folder / "keras_tuner")
    tuner.tuner_id = "here-1"
    tuner.search(verbose=0)
    return tuner


class Building(keras_tuner.HyperModel):
    """A stock hypermodel without `declare`; `build` is given, and a width from a conditional."""

    def __init__(self, build: Callable[[Any], Any]) -> None:
        super().__init__()
        self._build_it = build

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        return self._build_it(hp)


def words(dataset: Dataset) -> int:
    return dataset.vocabulary.num_words
