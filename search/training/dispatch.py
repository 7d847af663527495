"""Trains whatever a worker is given: `train(task, context) -> Result`."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from data.dataset import Dataset
from results.study import BUDGET_ENDED, RETRY_SECONDS, Result, Store, as_refit, find_starts
from search.common import refit_seed, repeat_seed
from search.config import RunConfig
from search.optuna_private import StudyCallback
from search.queue import TrialQueue
from search.sampling import KERAS_TUNER, make_pruner, make_sampler, starting_points_of
from search.training.baselines import Cache
from search.training.callbacks import Factory
from search.training.fit import Stop, TrainingConfig, with_timeout
from search.training.task import TrainingTask
from search.training.trial import (
    KEPT_CHECKPOINTS,
    EnterPhase,
    Notify,
    Trials,
    report_to,
    train_again,
)
from spaces import load_space


@dataclass(frozen=True)
class TrainingContext:
    """What a worker's trainings have in common."""

    config: RunConfig
    dataset: Dataset
    hypermodel: Any
    callbacks: Mapping[str, Factory | StudyCallback]
    worker: str  # its name in the study
    stop: Stop
    notify: Notify
    enter: EnterPhase

    @cached_property
    def refit_hypermodel(self) -> Any:
        """The hypermodel for all training rows: a schedule may depend on how many there are."""
        return load_hypermodel(self.config, self.dataset.refitting)

    @cached_property
    def trials(self) -> Trials:
        """The study's trials, opened when this worker is given its first one."""
        config = self.config
        # The database was there when the run began: one that is away comes back.
        store = Store.open(config.folder, config.storage, config.heartbeat, RETRY_SECONDS)
        store.study.sampler = make_sampler(
            config.sampler, config.seed, config.workers, config.epochs
        )
        store.study.pruner = make_pruner(config.pruner, config.epochs * config.reports)
        starts = [start.hyperparameters for start in find_starts(store)]
        # KerasTuner's own engines count on every point being theirs.
        own = () if config.sampler in KERAS_TUNER else starting_points_of(self.hypermodel)
        queue = TrialQueue(
            store.study,
            owner=self.worker,
            budget=config.trials,
            starting_points=starts or own,
            seed=config.seed,
        )
        return Trials(
            store,
            queue,
            self.hypermodel,
            self.dataset,
            _trial_config(config),
            config.objectives,
            config.seed,
            worker=self.worker,
            heartbeat=config.heartbeat,
            max_parameters=config.max_parameters,
            timeout=config.trial_timeout,
            callbacks=self.callbacks,
            # Any finalist may become the champion.
            kept_checkpoints=max(KEPT_CHECKPOINTS, config.finalists),
            notify=self.notify,
            enter=self.enter,
        )

    @cached_property
    def discovered_trials(self) -> Trials:
        """The same, after the space has been discovered."""
        self.trials.discover()
        return self.trials


def load_hypermodel(config: RunConfig, dataset: Dataset) -> Any:
    """Load the space for a dataset."""
    num_words, rows = dataset.vocabulary.num_words, len(dataset.split.fit)
    return load_space(config.space, num_words, rows=rows, epochs=config.epochs)


def find_kept(task: TrainingTask, context: TrainingContext) -> Result | None:
    """Return the result of a baseline that an earlier run has trained; None if there is none."""
    if not task.is_of_baseline:
        return None
    found = _cache(task, context).find(task.name)
    return as_refit(found) if found is not None and task.kind == "refit" else found


def train(task: TrainingTask, context: TrainingContext) -> Result | None:
    """Do one training; return None for a trial if there is none to run or it was interrupted.

    Raises:
        FatalError: If the hypermodel raised it, to end the search, or nothing can be written.
        ChangedSpace: If the study cannot hold the space.
    """

    def stop() -> str | None:
        is_over = time.monotonic() >= task.deadline
        return context.stop() or (BUDGET_ENDED if is_over else None)

    if task.kind == "trial":
        trials = context.discovered_trials if task.discover else context.trials
        return trials.run_next(stop)
    context.enter("train", None)
    stop = with_timeout(stop, context.config.trial_timeout)
    refits = task.kind == "refit"
    if task.is_of_baseline:
        on_report = report_to(context.notify, task)
        result = _cache(task, context).train(task.name, on_report, stop)
    else:
        assert task.first is not None
        result = train_again(
            task,
            _seed(task, task.first.seed),
            context.refit_hypermodel if refits else context.hypermodel,
            _rows(task, context),
            _trial_config(context.config),
            max_parameters=context.config.max_parameters,
            notify=context.notify,
            stop=stop,
        )
    return as_refit(result) if refits else result


def _trial_config(config: RunConfig) -> TrainingConfig:
    return TrainingConfig(config.epochs, config.batch_size, "real", config.reports)


def _rows(task: TrainingTask, context: TrainingContext) -> Dataset:
    return context.dataset.refitting if task.kind == "refit" else context.dataset


def _seed(task: TrainingTask, first: int) -> int:
    return refit_seed(first) if task.kind == "refit" else repeat_seed(first, task.seed_index)


def _cache(task: TrainingTask, context: TrainingContext) -> Cache:
    config = context.config
    training = TrainingConfig(config.epochs, config.batch_size, config.padding)
    return Cache(config.baseline_cache, _rows(task, context), training, _seed(task, config.seed))
