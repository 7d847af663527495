"""The one training routine, of baselines and trials alike."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import optuna
import tensorflow as tf

from data.dataset import Dataset, Rows
from data.records import Padding
from results.scoring import Scorer, accuracy, cross_entropy, probabilities
from results.study import MetricFunction, Point, Status, objective_values
from search.common import check_range, describe_error, has_finite_weights
from search.config import duration_text
from search.training.input_pipeline import make_batches
from spaces.kernels import accelerated, forget_gradients

# A report within an epoch is of every fifth validation row: enough to compare trials by, and
# training a quarter of an epoch is not outweighed by evaluating it.
PARTIAL_STRIDE = 5

OnReport = Callable[[Point], str | None]
Stop = Callable[[], str | None]


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained."""

    epochs: int = 3
    batch_size: int = 128
    padding: Padding = "real"
    reports: int = 1  # in an epoch; the last one, at its end, is of all validation rows
    seed: int = 0  # of the order of rows
    stop_when_diverged: bool = True  # at the report after a loss that is not finite

    def of_trial(self, values: Mapping[str, Any], seed: int) -> "TrainingConfig":
        """Return the config of one trial; a batch size and epochs among its values win."""
        return replace(
            self,
            seed=seed,
            batch_size=int(values.get("batch_size", self.batch_size)),
            epochs=int(values.get("tuner/epochs", values.get("epochs", self.epochs))),
        )

    def make_batches(self, dataset: Dataset, batch_size: int | None = None) -> tf.data.Dataset:
        """Batch the fit rows in the order of this config, if need be with another batch size."""
        size = self.batch_size if batch_size is None else batch_size
        return make_batches(dataset, batch_size=size, padding=self.padding, seed=self.seed)


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended."""

    status: Status
    reason: str
    epochs: float
    curve: tuple[Point, ...]
    # What the trained weights score: the last report, or one more on all validation rows if a
    # callback or the optimizer has changed the weights since; and how many rows that rests on.
    final: Point | None
    val_rows: int | None
    seconds: float  # by the wall-clock, validation included
    cpu_seconds: float  # over all threads
    scorer: Scorer  # the trained model
    # Probabilities of the validation rows, [n], unless the training was stopped within an epoch,
    # and what else a search can optimize, computed from them.
    validation: npt.NDArray[np.float32] | None
    figures: Mapping[str, Any]

    @property
    def has_scores(self) -> bool:
        """Whether it was trained to the end of an epoch, and its probabilities are kept."""
        return self.validation is not None and self.status != "pruned"


def reset_session(seed: int) -> None:
    """Free what earlier models left behind, and seed the weights and the dropout of the next."""
    forget_gradients()
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


def fit(
    model: keras.Model,
    dataset: Dataset,
    config: TrainingConfig,
    *,
    on_report: OnReport = lambda point: None,
    stop: Stop = lambda: None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    train: Callable[..., Any] | None = None,
    figure: MetricFunction | None = None,
) -> TrainingOutcome:
    """Train a model on the fit rows and evaluate it on the validation rows.

    Args:
        model: Compiled; int32 ids [batch, length] in, probabilities [batch, 1] out.
        dataset: The records.
        config: How to train.
        on_report: Called with each report; if it returns a reason, the training is pruned there.
        stop: Called after each batch but the last; if it returns a reason, the training ends
            there, as pruned.
        callbacks: More Keras callbacks; at an epoch's end they find `val_loss` and `val_accuracy`,
            which are nan if the training was stopped before they were known.
        train: Called as `model.fit` would be, e.g. a hypermodel's own `fit`. An
            `optuna.TrialPruned` out of it, or out of a callback, prunes the training as well.
        figure: Computes the value of each report, if accuracy and loss are not what is optimized.
    """
    batches = config.make_batches(dataset)
    monitor = _Monitor(model, dataset, config, int(batches.cardinality()), on_report, stop, figure)
    started, worked = time.monotonic(), time.process_time()
    with accelerated(model):
        try:
            (train or model.fit)(
                batches,
                epochs=config.epochs,
                callbacks=[monitor, *callbacks],
                shuffle=False,
                verbose=0,
            )
        except _StopIgnored:
            pass
        except optuna.TrialPruned as error:
            monitor.ending = "pruned", describe_error(error)
        monitor.score_final_weights()
    return monitor.outcome(time.monotonic() - started, time.process_time() - worked)


def _create_variables(model: keras.Model) -> None:
    """Create the variables of the optimizer and the metrics, if they are left to the first step.

    TensorFlow traces a function twice if it creates variables, and guards each use of them: about
    two fifths of the time until the first step of Model 3's defaults is done.
    """
    # A model whose output shape is not known yet may get its weights from its first batch.
    has_weights = getattr(model, "output_shape", None) == (None, 1)
    if not has_weights or not model.compiled or model.optimizer.built:
        return
    model.optimizer.build(model.trainable_variables)
    row = keras.ops.zeros((1, 1))
    model.compute_metrics(None, row, row)
    model.reset_metrics()


class _StopScoring(Exception):
    """The training was told to stop while the validation rows were scored."""


class _StopIgnored(BaseException):
    """A user's own training loop went on although `stop_training` was set."""


class _Monitor(keras.callbacks.Callback):
    """Reports at fixed fractions of an epoch, and ends the training if it is told to."""

    def __init__(
        self,
        model: keras.Model,
        dataset: Dataset,
        config: TrainingConfig,
        steps: int,
        on_report: OnReport,
        stop: Stop,
        figure: MetricFunction | None,
    ) -> None:
        super().__init__()
        self.trained, self.scorer = model, Scorer(model)
        self.dataset, self.config = dataset, config
        self.report_to, self.stop, self.figure = on_report, stop, figure
        self.step, self.epoch_began_at = 0, 0
        self._plan_reports(steps)
        self.curve: list[Point] = []
        self.final: Point | None = None
        self.val_rows: int | None = None
        self.ending: tuple[Literal["pruned", "diverged"], str] | None = None
        self.may_be_ignored = False
        self.diverged = ""
        self.validation: npt.NDArray[np.float32] | None = None
        self.scored_weights: list[npt.NDArray[Any]] = []

    def _plan_reports(self, steps: int) -> None:
        self.steps = steps
        parts = range(1, self.config.reports)
        due = {math.ceil(steps * part / self.config.reports) for part in parts}
        self.partial_reports = due - {steps}

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Monitor":
        # KerasTuner copies callbacks for each execution; this one belongs to one training.
        return self

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # A hypermodel's own fit may have chosen another batch size, or data of its own making.
        self._plan_reports((self.params or {}).get("steps") or self.steps)
        # It may also call `model.fit` again after a training that was ended.
        self.may_be_ignored = False
        _create_variables(self.model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch_began_at = self.step

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # A model compiled with steps_per_execution calls this once for several batches, and its
        # last call may count batches that the epoch does not have.
        before, now = self.step - self.epoch_began_at, min(batch + 1, self.steps)
        self.step = self.epoch_began_at + now
        self.validation = None
        if self.ending is not None:
            self._insist_on_stopping()
            return
        is_due = now < self.steps and any(before < due <= now for due in self.partial_reports)
        if not self._should_stop() and is_due:
            self._report(self.dataset.split.validation[::PARTIAL_STRIDE], logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        # Callbacks that look for them would warn if they were missing.
        logs |= {"val_loss": math.nan, "val_accuracy": math.nan}
        self._forgive_pruning_at_the_end()
        if self.ending is not None:
            return
        self.validation = self._report(self.dataset.split.validation, logs)
        if self.validation is not None:
            self.scored_weights = self.trained.get_weights()
            logs["val_loss"] = self.curve[-1].val_loss
            logs["val_accuracy"] = self.curve[-1].val_accuracy

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.validation is not None:
            self._forgive_pruning_at_the_end()

    def _insist_on_stopping(self) -> None:
        """Set `stop_training` once more, and leave by an exception if that is ignored, too."""
        assert self.ending is not None
        if self.may_be_ignored:
            raise _StopIgnored
        self.may_be_ignored = True
        self.model.stop_training = self.ending[1]

    def _forgive_pruning_at_the_end(self) -> None:
        """Take a pruning back if the training ends here anyway: then it is complete."""
        # A callback that ends it, such as EarlyStopping, has put its True in our reason's place.
        match self.ending:
            case ("pruned", why) if self.model.stop_training is not why:
                self.ending = None

    @property
    def _is_trained(self) -> bool:
        # A hypermodel's own fit may have chosen other epochs than the config's.
        epochs = int((self.params or {}).get("epochs", self.config.epochs))
        return bool(self.step >= self.steps * epochs or self.model.stop_training)

    @property
    def _is_pruned(self) -> bool:
        return self.ending is not None and self.ending[0] == "pruned"

    def _should_stop(self) -> bool:
        why = None if self._is_trained else self.stop()
        if why is not None:
            self._end("pruned", why)
        return why is not None

    def _check_while_scoring(self) -> None:
        if self._should_stop():
            raise _StopScoring

    def _report(self, rows: Rows, logs: dict[str, Any]) -> npt.NDArray[np.float32] | None:
        """Score rows and tell `on_report`; returns their probabilities, or None if stopped."""
        try:
            scores, point = self._score(rows, logs, before=self._check_while_scoring)
        except _StopScoring:
            return None
        self.curve.append(point)
        self.final, self.val_rows = point, len(rows)
        if not (math.isfinite(point.loss) and math.isfinite(point.val_loss)):
            self.diverged = self.diverged or f"its loss is not finite after {point.epoch:g} epochs"
            if self.config.stop_when_diverged:
                self._end("diverged", self.diverged)
                return scores
        why = self.report_to(point)
        if why is not None and not self._is_trained:
            self._end("pruned", why)
        return scores

    def _score(
        self, rows: Rows, logs: dict[str, Any], before: Callable[[], object] = lambda: None
    ) -> tuple[npt.NDArray[np.float32], Point]:
        scores = probabilities(
            self.scorer, self.dataset.encoded, rows, padding=self.config.padding, before=before
        )
        check_range(scores)
        labels = self.dataset.labels[rows]
        return scores, Point(
            epoch=self.step / self.steps,
            loss=float(logs.get("loss", math.nan)),
            accuracy=float(logs.get("accuracy", math.nan)),
            val_loss=cross_entropy(labels, scores),
            val_accuracy=accuracy(labels, scores),
            value=self.figure(labels, scores) if self.figure else None,
        )

    def _end(self, status: Literal["pruned", "diverged"], why: str) -> None:
        self.ending = self.ending or (status, why)
        self.model.stop_training = why

    def score_final_weights(self) -> None:
        """Score the weights that the training has left, unless the last report was of them.

        Early stopping that restores the best weights and optimizers that average them have their
        turn after the last epoch's end, and so has a hypermodel's own fit.
        """
        if self.validation is None or self._is_pruned or self._has_scored_weights():
            return
        assert self.final is not None
        known = {"loss": self.final.loss, "accuracy": self.final.accuracy}
        self.validation, self.final = self._score(self.dataset.split.validation, known)

    def _has_scored_weights(self) -> bool:
        now, scored = self.trained.get_weights(), self.scored_weights
        return len(now) == len(scored) and all(
            np.array_equal(a, b, equal_nan=True) for a, b in zip(now, scored, strict=True)
        )

    def outcome(self, seconds: float, cpu_seconds: float) -> TrainingOutcome:
        if self.ending is None and not (self.diverged or has_finite_weights(self.trained)):
            # A sigmoid makes a plain 1 of an infinite weight: the loss alone does not show it.
            self.diverged = f"its weights are not finite after {self.step / self.steps:g} epochs"
        status, why = self.ending or (
            ("diverged", self.diverged) if self.diverged else ("complete", "")
        )
        figures = {}
        if self.validation is not None and not self._is_pruned:
            labels = self.dataset.labels[self.dataset.split.validation]
            figures = objective_values(labels, self.validation)
        return TrainingOutcome(
            status,
            why,
            self.step / self.steps,
            tuple(self.curve),
            self.final,
            self.val_rows,
            seconds,
            cpu_seconds,
            self.scorer,
            self.validation,
            figures,
        )


def with_timeout(stop: Stop, timeout: float | None) -> Stop:
    """Make a `stop` that also ends a training after `timeout` seconds, from its first batch on."""
    began: float | None = None

    def stop_or_time_out() -> str | None:
        nonlocal began
        # First called after the first batch: what came before was building and compiling.
        began = time.monotonic() if began is None else began
        why = stop()
        if why is None and timeout is not None and time.monotonic() - began > timeout:
            return f"it trained for longer than --trial-timeout {duration_text(timeout)}"
        return why

    return stop_or_time_out
