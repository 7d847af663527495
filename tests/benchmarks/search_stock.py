"""Stock's side of `search_speed`, in a process of its own that may be killed at any moment.

    python -m tests.benchmarks.search_stock keras-tuner|optuna --data FOLDER --to FILE.jsonl

Every finished trial is one line of the file, written at once. The space is what `search.run` takes
by the same name, the rows are one int32 matrix padded on the left, and everything else is Keras's,
KerasTuner's or Optuna's own: whole epochs, one process, TensorFlow's own threads.
"""

import gc
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.trial import FrozenTrial, TrialState

from data.common import Parser, run
from data.dataset import Dataset
from data.dataset.split import Rows
from search.sampling.hyperparameters import SuggestedHyperParameters
from spaces import load_space

BATCH_SIZE = 128
# A random search over these spaces is never at its end before the benchmark is.
ENDLESS = 1_000_000
_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}


@dataclass(frozen=True)
class Task:
    """What both stock searches are given.

    Attributes:
        data: The prepared log.
        space: A `keras_tuner.HyperModel`, the one that our side searches too.
        to: Where the finished trials go.
        trials: After how many to stop.
        epochs: Epochs a trial.
        length: What the rows are padded to.
        seed: Of the search, and of the process.
    """

    data: Dataset
    space: Any
    to: Path
    trials: int
    epochs: int
    length: int
    seed: int

    def padded(self, rows: Rows) -> tuple[Any, Any]:
        """Give ids, int32 [n, length], and labels, float32 [n]."""
        return self.data.encoded.padded(rows, self.length), self.data.labels[rows].astype("float32")

    def record(self, status: str, val_accuracy: float | None) -> None:
        """Add a finished trial to the file; whole, whenever the process is killed."""
        line = {"ended": time.time(), "status": status, "val_accuracy": val_accuracy}
        with self.to.open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")
            os.fsync(file.fileno())


class Batched(keras_tuner.HyperModel):
    """A space whose drawn batch size reaches Keras, as a user of KerasTuner would write it."""

    def __init__(self, space: Any) -> None:
        super().__init__()
        self.space = space

    def build(self, hp: Any) -> Any:
        """Build the drawn model."""
        return self.space.build(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Train with the drawn batch size."""
        return model.fit(*args, batch_size=hp.values.get("batch_size", BATCH_SIZE), **kwargs)


class Recorded(keras_tuner.RandomSearch):
    """KerasTuner's random search; it records finished trials, and nothing else is changed."""

    task: Task

    def on_trial_end(self, trial: Trial) -> None:
        """End the trial, then record its score: its best epoch's, as KerasTuner defines it."""
        super().on_trial_end(trial)
        complete = trial.status == TrialStatus.COMPLETED
        self.task.record("complete" if complete else "failed", trial.score if complete else None)


def by_keras_tuner(task: Task, folder: Path) -> None:
    """Search with `keras_tuner.RandomSearch`."""
    tuner = Recorded(
        Batched(task.space),
        objective="val_accuracy",
        max_trials=task.trials,
        # KerasTuner takes 0 for "none given".
        seed=task.seed + 1,
        max_consecutive_failed_trials=ENDLESS,
        directory=str(folder),
        project_name="keras_tuner",
        overwrite=True,
    )
    tuner.task = task
    split = task.data.split
    x, y = task.padded(split.fit)
    validation = task.padded(split.validation)
    tuner.search(x, y, validation_data=validation, epochs=task.epochs, verbose=0)


class Report(keras.callbacks.Callback):
    """Reports an epoch to Optuna, and stops a trial that its pruner gives up."""

    def __init__(self, trial: optuna.Trial) -> None:
        super().__init__()
        self.trial, self.pruned = trial, False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the validation accuracy."""
        self.trial.report((logs or {})["val_accuracy"], epoch)
        if self.trial.should_prune():
            self.pruned = self.model.stop_training = True


def by_optuna(task: Task) -> None:
    """Search with `study.optimize` and an objective as one would write it by hand."""
    split = task.data.split
    x, y = task.padded(split.fit)
    validation = task.padded(split.validation)

    def objective(trial: optuna.Trial) -> float:
        keras.backend.clear_session()
        gc.collect()
        # The space speaks KerasTuner: each hyperparameter becomes a `trial.suggest_...`.
        hp = SuggestedHyperParameters(trial, lambda entry: True)
        model, report = task.space.build(hp), Report(trial)
        history = model.fit(
            x,
            y,
            batch_size=hp.values.get("batch_size", BATCH_SIZE),
            epochs=task.epochs,
            validation_data=validation,
            callbacks=[report],
            verbose=0,
        )
        if report.pruned:
            raise optuna.TrialPruned
        return float(np.max(history.history["val_accuracy"]))

    def record(study: optuna.Study, trial: FrozenTrial) -> None:
        task.record(_STATES.get(trial.state, "failed"), trial.value)

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=task.seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(objective, n_trials=task.trials, callbacks=[record], catch=(Exception,))


def main(argv: Sequence[str]) -> int:
    """Search until killed, or until so many trials are finished."""
    parser = Parser("python -m tests.benchmarks.search_stock", description=__doc__)
    parser.add_argument("kind", choices=("keras-tuner", "optuna"))
    parser.add_argument("--data", type=Path, required=True, help="what `Dataset.save` wrote")
    parser.add_argument("--to", type=Path, required=True, help="one JSON line a finished trial")
    parser.add_argument("--space", default="model3")
    parser.add_argument("--trials", type=int, default=ENDLESS)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    data = Dataset.load(given.data)
    num_words, rows = data.vocabulary.num_words, len(data.split.fit)
    space = load_space(given.space, num_words, rows=rows, epochs=given.epochs)
    task = Task(data, space, given.to, given.trials, given.epochs, given.length, given.seed)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    keras.utils.set_random_seed(task.seed)
    if given.kind == "optuna":
        by_optuna(task)
    else:
        by_keras_tuner(task, given.to.parent / f"{given.to.stem}-files")
    return 0


if __name__ == "__main__":
    run(main)
