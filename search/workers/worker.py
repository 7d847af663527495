"""A worker process: imports TensorFlow once, then trains whatever it is told to."""

import contextlib
import gc
import os
import warnings
from multiprocessing.connection import Connection
from typing import Any

import optuna
import tensorflow as tf
from keras_tuner.errors import FatalError

from data.common import UserError, write_failure
from data.dataset import Dataset
from results.study import BUDGET_ENDED, DATA_FOLDER, INTERRUPTED
from search.common import describe_error
from search.config import RunConfig
from search.queue import worker_name
from search.sampling import ChangedSpace
from search.training import (
    TrainingContext,
    TrainingTask,
    find_kept,
    load_callbacks,
    load_hypermodel,
    train,
)
from search.workers.messages import CLOSE, STOP, Done, Entered, News, Progress, Ready, Refused
from search.workers.process import is_orphan
from spaces.kernels import one_blas_thread


class Worker:
    """Does the parent's tasks, one after the other.

    Args:
        config: The run.
        name: The worker's name in the study.
        connection: Brings tasks, takes news.
        stopping: A number in shared memory: 0, or `STOP` or `CLOSE` once the parent wants so.
    """

    def __init__(self, config: RunConfig, name: str, connection: Connection, stopping: Any) -> None:
        self.config = config
        self.connection = connection
        self.stopping = stopping
        dataset = Dataset.load(config.folder / DATA_FOLDER)
        self.context = TrainingContext(
            config,
            dataset,
            load_hypermodel(config, dataset),
            load_callbacks(config.callbacks),
            name,
            stop=self._stop,
            notify=lambda name, epochs, value: self._tell(Progress(name, epochs, value)),
            enter=lambda phase, trial: self._tell(Entered(phase, trial)),
        )

    def serve(self) -> None:
        """Do tasks until the parent closes the connection or dies."""
        try:
            while True:
                self.connection.send(self.do(self.connection.recv()))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:
            refused = write_failure(error, str(self.config.folder))
            if refused is None:
                raise
            with contextlib.suppress(OSError):
                self.connection.send(Refused(refused))

    def do(self, task: TrainingTask) -> Done:
        """Do one task."""
        kept = find_kept(task, self.context)
        if kept is not None:
            return Done(kept, kept=True)
        try:
            result = train(task, self.context)
        except (UserError, ChangedSpace) as error:
            return Done(problem=str(error))
        except FatalError as error:
            if write_failure(error) is not None:
                raise
            return Done(problem=f"the space ended the search: {describe_error(error)}")
        if result is not None:
            return Done(result)
        return Done(exhausted=self.context.trials.queue.is_exhausted)

    def _stop(self) -> str | None:
        if self.stopping.value == STOP or is_orphan():
            return INTERRUPTED
        return BUDGET_ENDED if self.stopping.value == CLOSE else None

    def _tell(self, news: News) -> None:
        # A parent that is gone is no failure of the trial: `_stop` sees it, and gives it back.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(news)


def enter(config: RunConfig, connection: Connection, stopping: Any) -> None:
    """Be a worker: the first function of its process."""
    tf.config.threading.set_intra_op_parallelism_threads(config.threads)
    tf.config.threading.set_inter_op_parallelism_threads(config.threads)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    try:
        worker = Worker(config, worker_name(os.getpid()), connection, stopping)
    except UserError as error:
        connection.send(Refused(str(error)))
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
