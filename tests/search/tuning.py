"""Searches in this process: stores, trials, and hypermodels made of a function."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
from optuna.trial import FrozenTrial

from data.dataset.dataset import Dataset
from results.study import INDEX, OBJECTIVES, Result, Store
from search.queue.trial_queue import TrialQueue
from search.training.fit import TrainingConfig
from search.training.trial import Trials

CONFIG = TrainingConfig(epochs=1, batch_size=64, reports=2)


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
    budget: int,
    *,
    objectives: Sequence[str] = ("val_accuracy",),
    stop: Callable[[], str | None] = lambda: None,
    failures: int = 2,
    **options: Any,
) -> Trials:
    """Run trials as a worker does, until none is left; the options are attributes of `Trials`."""
    queue = TrialQueue(store.study, owner="here-1", budget=budget, max_failures=failures)
    chosen = tuple(OBJECTIVES[name] for name in objectives)
    trials = Trials(
        store, queue, hypermodel, dataset, CONFIG, chosen, seed=7, worker="here-1", **options
    )
    trials.discover()
    while trials.run_next(stop) is not None:
        pass
    return trials


def run_one(
    folder: Path,
    dataset: Dataset,
    hypermodel: Any,
    *,
    objectives: Sequence[str] = ("val_accuracy",),
    **options: Any,
) -> tuple[Store, Result, FrozenTrial]:
    """Run one trial in a new store; gives the store, the trial's result, and the study's trial."""
    store = open_store(folder, objectives)
    search(store, dataset, hypermodel, 1, objectives=objectives, **options)
    (result,), (trial,) = store.trials(), store.study.trials
    return store, result, trial


class Building(keras_tuner.HyperModel):
    """A stock hypermodel without `declare`; `build` is given, and a width from a conditional."""

    def __init__(self, build: Callable[[Any], Any]) -> None:
        super().__init__()
        self._build_it = build

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        return self._build_it(hp)


def words(dataset: Dataset) -> int:
    return dataset.vocabulary.num_words
