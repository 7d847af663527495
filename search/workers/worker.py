"""A worker process: imports TensorFlow once, then trains whatever it is told to."""

import contextlib
import gc
import math
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import keras_tuner
import optuna
import tensorflow as tf
from keras_tuner.errors import FatalError

from data.common import UserError, write_failure
from data.dataset import Dataset
from results.study import (
    BUDGET_ENDED,
    DATA_FOLDER,
    INTERRUPTED,
    Result,
    Store,
    as_refit,
)
from search.bridge import OptunaOracle
from search.common import describe_error, refit_seed, repeat_seed
from search.config import RunConfig
from search.queue import (
    KERAS_TUNER,
    ChangedSpace,
    TooManyFailures,
    failure_problem,
    make_pruner,
    make_sampler,
    starting_points_of,
    worker_name,
)
from search.training import Cache, Interrupted, Job, Recipe, StudyTuner, load_callbacks, within
from search.training.retrain import retrain
from search.workers.messages import (
    CLOSE,
    STOP,
    BaselineDone,
    Doing,
    News,
    Progress,
    Ready,
    Refused,
    Repeat,
    RepeatDone,
    Search,
    SearchDone,
    Task,
    TrainBaseline,
)
from search.workers.process import is_orphan
from spaces import load_space
from spaces.kernels import one_blas_thread


class Flag(Protocol):
    """A number in shared memory: 0, or `STOP`, `FINISH` or `CLOSE` once the parent wants so."""

    value: int


class Worker:
    """Serves the parent's tasks, one after the other.

    Args:
        config: The run.
        name: The worker's name in the study.
        connection: Brings tasks, takes news.
        stopping: Set when the parent wants the worker to stop.
    """

    def __init__(
        self, config: RunConfig, name: str, connection: Connection, stopping: Flag
    ) -> None:
        self.config = config
        self.name = name
        self.connection = connection
        self.stopping = stopping
        self.dataset = Dataset.load(config.folder / DATA_FOLDER)
        self.space = self._load_space(self.dataset)
        self.callbacks = load_callbacks(config.callbacks)

    def _load_space(self, dataset: Dataset) -> keras_tuner.HyperModel:
        num_words, rows = dataset.vocabulary.num_words, len(dataset.split.fit)
        return load_space(self.config.space, num_words, rows=rows, epochs=self.config.epochs)

    def serve(self) -> None:
        """Do tasks until the parent closes the connection or dies."""
        try:
            while True:
                task: Task = self.connection.recv()
                match task:
                    case TrainBaseline():
                        self._train(task.name)
                    case Search():
                        self.connection.send(self._search(task))
                    case Repeat():
                        self.connection.send(self._repeat(task))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:
            refused = write_failure(error, str(self.config.folder))
            if refused is None:
                raise
            with contextlib.suppress(OSError):
                self.connection.send(Refused(refused))

    def _stopper(self, deadline: float = math.inf) -> Callable[[], str | None]:
        def stop() -> str | None:
            if self.stopping.value == STOP or is_orphan():
                return INTERRUPTED
            over = self.stopping.value == CLOSE or time.monotonic() >= deadline
            return BUDGET_ENDED if over else None

        return stop

    def _begin(self, deadline: float = math.inf) -> Callable[[], str | None]:
        """Tell of a training that is no trial; give what it asks after each batch."""
        self._tell(Doing("training"))
        return within(self.config.trial_timeout, self._stopper(deadline))

    def _is_over(self) -> bool:
        return bool(self.stopping.value) or is_orphan()

    def _notify(self, name: str, epochs: float, value: float | None) -> None:
        self._tell(Progress(name, epochs, value))

    def _tell(self, news: News) -> None:
        # A parent that is gone is no failure of the trial: `stop` sees it, and puts the trial back.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(news)

    def _train(self, name: str) -> None:
        cache = self._cache(self.config.seed, self.dataset)
        found = cache.find(name)
        result = found or cache.train(name, self._notify, self._begin())
        self.connection.send(BaselineDone(result, kept=found is not None))

    def _cache(self, seed: int, dataset: Dataset) -> Cache:
        config = self.config
        recipe = Recipe(config.epochs, config.batch_size, config.padding)
        return Cache(config.baseline_cache, dataset, recipe, seed)

    def _repeat(self, task: Repeat) -> RepeatDone:
        refits = task.index is None
        dataset = self.dataset.refitting if refits else self.dataset
        result, kept = self._train_again(task, dataset, refits)
        result = as_refit(result) if refits else result
        return RepeatDone(result, task.index, task.title, kept)

    def _train_again(self, task: Repeat, dataset: Dataset, refits: bool) -> tuple[Result, bool]:
        config, original = self.config, task.result

        def notify(name: str, epochs: float, value: float | None) -> None:
            self._notify(task.title, epochs, None if refits else value)

        def derived(seed: int) -> int:
            return refit_seed(seed) if task.index is None else repeat_seed(seed, task.index)

        if original.kind == "baseline":
            cache = self._cache(derived(config.seed), dataset)
            found = cache.find(original.name)
            result = found or cache.train(original.name, notify, self._begin())
            return result, found is not None
        result = retrain(
            original,
            derived(original.seed),
            self._load_space(dataset) if refits else self.space,
            dataset,
            # Within an epoch of a refit there is nobody to report to.
            Recipe(config.epochs, config.batch_size, "real", 1 if refits else config.reports),
            task.folder,
            refits=refits,
            notify=notify,
            stop=self._begin(task.deadline),
        )
        return result, False

    def _search(self, task: Search) -> SearchDone:
        config, seconds = self.config, task.seconds
        objectives = config.objectives
        store = Store.open(config.folder, config.storage, config.heartbeat)
        store.study.sampler = make_sampler(
            config.sampler, config.seed, config.workers, config.epochs
        )
        store.study.pruner = make_pruner(config.pruner, config.epochs * config.reports)
        told = [keras_tuner.Objective(item.name, item.direction[:3]) for item in objectives]
        oracle = OptunaOracle(
            store.study,
            told if len(told) > 1 else told[0],
            max_trials=config.trials,
            timeout=seconds,
            max_consecutive_failed_trials=config.max_failures,
            # KerasTuner's own engines count on every point being theirs.
            starting_points=() if config.sampler in KERAS_TUNER else starting_points_of(self.space),
            seed=config.seed,
        )
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        job = Job(
            store,
            self.dataset,
            Recipe(config.epochs, config.batch_size, "real", config.reports),
            objectives,
            config.seed,
            config.heartbeat,
            self._stopper(deadline),
            self._notify,
            lambda what, trial=None: self._tell(Doing(what, trial)),
            self._is_over,
            config.max_parameters,
            config.trial_timeout,
            self.callbacks,
            config.finalists,
        )
        # KerasTuner insists on files of its own; the study makes them needless.
        with tempfile.TemporaryDirectory() as folder:
            own = Path(folder) / "keras_tuner"
            try:
                tuner = StudyTuner(job, oracle, self.space, own, looks=task.looks)
            except ChangedSpace as error:
                return SearchDone(str(error))
            tuner.tuner_id = self.name
            return _run(tuner, config.max_failures)


def _run(tuner: StudyTuner, most: int) -> SearchDone:
    try:
        tuner.search(verbose=0)
    except Interrupted:
        return SearchDone()
    except (UserError, ChangedSpace) as error:
        return SearchDone(str(error))
    except FatalError as error:
        if write_failure(error) is not None:
            raise
        return SearchDone(f"the space ended the search: {describe_error(error)}")
    except TooManyFailures:
        return SearchDone(failure_problem(tuner.oracle.study, most))
    return SearchDone(exhausted=tuner.oracle.is_exhausted)


def enter(config: RunConfig, connection: Connection, stopping: Flag) -> None:
    """Be a worker: the first function of its process.

    Args:
        config: The run.
        connection: Brings tasks, takes news.
        stopping: Set when the parent wants the worker to stop.
    """
    tf.config.threading.set_intra_op_parallelism_threads(config.threads)
    tf.config.threading.set_inter_op_parallelism_threads(config.threads)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    try:
        worker = Worker(config, worker_name(os.getpid()), connection, stopping)
    except UserError as error:
        connection.send(Ready(str(error)))
        return
    try:
        connection.send(Ready())
    except (BrokenPipeError, ConnectionResetError):
        return
    # Keras lets the collector run at every trial. What is loaded by now lives as long as the
    # process, and looking through it took a quarter of a second each time.
    gc.collect()
    gc.freeze()
    with one_blas_thread():
        worker.serve()
