"""The one training routine, for baselines and trials alike."""

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

from data.dataset import Dataset, Padding, Rows
from results.scoring import Scorer, accuracy, cross_entropy, probabilities
from results.study import MetricFunction, Point, Status, objective_values
from search.common import check_range, describe_error, has_finite_weights
from search.training.input_pipeline import feed
from spaces.kernels import accelerated, forget_gradients

# A report inside an epoch looks at every fifth validation row: enough to compare trials by, and a
# quarter epoch's training is not outweighed by its evaluation.
GLANCE_STRIDE = 5

Judge = Callable[[Point], str | None]
Stop = Callable[[], str | None]


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes:
        epochs: Epochs to train.
        batch_size: Rows in a batch.
        padding: "real" pads a record to its own length rounded up, "full" to 1024.
        reports: Reports in an epoch; the last one, at its end, sees all validation rows.
        seed: Seed of the order of rows.
        stop_when_diverged: Whether a loss that is not finite ends the training at the next report.
    """

    epochs: int = 3
    batch_size: int = 128
    padding: Padding = "real"
    reports: int = 1
    seed: int = 0
    stop_when_diverged: bool = True

    def of_trial(self, values: Mapping[str, Any], seed: int) -> "Recipe":
        """Give the recipe of one trial.

        Args:
            values: Its hyperparameters; a batch size and epochs among them go before this one's.
            seed: Its seed.

        Returns:
            This recipe otherwise.
        """
        return replace(
            self,
            seed=seed,
            batch_size=int(values.get("batch_size", self.batch_size)),
            epochs=int(values.get("tuner/epochs", values.get("epochs", self.epochs))),
        )

    def feed(self, dataset: Dataset, batch_size: int | None = None) -> tf.data.Dataset:
        """Batch the fit rows in the order of this recipe, if need be with another batch size."""
        size = self.batch_size if batch_size is None else batch_size
        return feed(dataset, batch_size=size, padding=self.padding, seed=self.seed)


@dataclass(frozen=True)
class Fit:
    """How a training ended.

    Attributes:
        status: complete, pruned or diverged.
        reason: Why it is not complete; empty where it is.
        epochs: Epochs trained.
        curve: The reports.
        final: What the trained weights score: the last report, or one more on all validation rows
            if a callback or the optimizer has changed the weights since; None without a report.
        val_rows: How many validation rows `final` rests on; None without a report.
        seconds: Wall-clock seconds, validation included.
        cpu_seconds: Seconds of processor time that they took, over all threads.
        scorer: The trained model, compiled for scoring.
        validation: Probabilities of the validation rows, by the trained weights, float32 [n]; None
            where the training was stopped within an epoch.
        figures: What else a search can optimize, computed from them, by name; empty without them.
    """

    status: Status
    reason: str
    epochs: float
    curve: tuple[Point, ...]
    final: Point | None
    val_rows: int | None
    seconds: float
    cpu_seconds: float
    scorer: Scorer
    validation: npt.NDArray[np.float32] | None
    figures: Mapping[str, Any]


def start_afresh(seed: int) -> None:
    """Free what earlier models left behind, and seed the weights and the dropout of the next.

    Args:
        seed: The seed.
    """
    forget_gradients()
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


def fit(
    model: keras.Model,
    dataset: Dataset,
    recipe: Recipe,
    *,
    judge: Judge = lambda point: None,
    stop: Stop = lambda: None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    train: Callable[..., Any] | None = None,
    figure: MetricFunction | None = None,
) -> Fit:
    """Train a model on the fit rows and watch it on the validation rows.

    Args:
        model: Compiled; int32 ids [batch, length] in, probabilities [batch, 1] out.
        dataset: The records.
        recipe: How to train.
        judge: Told of each report; a reason prunes the training there.
        stop: Asked after each batch but the last; a reason ends the training there, as pruned.
        callbacks: More Keras callbacks; at an epoch's end they find `val_loss` and `val_accuracy`,
            which are nan if the training was stopped before they were known.
        train: Called as `model.fit` would be, e.g. a hypermodel's own `fit`. An
            `optuna.TrialPruned` out of it, or out of a callback, prunes the training as well.
        figure: Computes the value of each report, if accuracy and loss are not what is optimized.

    Returns:
        How it ended.
    """
    source = recipe.feed(dataset)
    watch = _Watch(model, dataset, recipe, int(source.cardinality()), judge, stop, figure)
    started, worked = time.monotonic(), time.process_time()
    with accelerated(model):
        try:
            (train or model.fit)(
                source,
                epochs=recipe.epochs,
                callbacks=[watch, *callbacks],
                shuffle=False,
                verbose=0,
            )
        except _Ignored:
            pass
        except optuna.TrialPruned as error:
            watch.ending = "pruned", describe_error(error)
        watch.settle()
    return watch.outcome(time.monotonic() - started, time.process_time() - worked)


class _Stopped(Exception):
    """The training was to stop while the validation rows were scored."""


class _Ignored(BaseException):
    """A loop of the user's own trains on although `stop_training` is set."""


class _Watch(keras.callbacks.Callback):
    """Reports at fixed fractions of an epoch, and ends the training where it is told to."""

    def __init__(
        self,
        model: keras.Model,
        dataset: Dataset,
        recipe: Recipe,
        steps: int,
        judge: Judge,
        stop: Stop,
        figure: MetricFunction | None,
    ) -> None:
        super().__init__()
        self.figure = figure
        self.trained, self.scorer = model, Scorer(model)
        self.dataset, self.recipe, self.judge, self.stop = dataset, recipe, judge, stop
        self.step, self.begun = 0, 0
        self._divide(steps)
        self.curve: list[Point] = []
        self.final: Point | None = None
        self.val_rows: int | None = None
        self.ending: tuple[Literal["pruned", "diverged"], str] | None = None
        self.is_obeyed = True
        self.diverged = ""
        self.validation: npt.NDArray[np.float32] | None = None
        self.weights: list[npt.NDArray[Any]] = []

    def _divide(self, steps: int) -> None:
        self.steps = steps
        parts = range(1, self.recipe.reports)
        self.glances = {math.ceil(steps * part / self.recipe.reports) for part in parts} - {steps}

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Watch":
        # KerasTuner copies callbacks for each execution; this one belongs to one training.
        return self

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # A hypermodel's own fit may have chosen another batch size, or data of its own making.
        self._divide((self.params or {}).get("steps") or self.steps)
        # It may also call `model.fit` again after a training that was ended.
        self.is_obeyed = True

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.begun = self.step

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # A model compiled with steps_per_execution is seen here once in so many batches, and its
        # last call may count batches that the epoch does not have.
        before, now = self.step - self.begun, min(batch + 1, self.steps)
        self.step = self.begun + now
        self.validation = None
        if self.ending is not None:
            self._insist()
            return
        is_due = now < self.steps and any(before < glance <= now for glance in self.glances)
        if not self._is_stopped() and is_due:
            self._report(self.dataset.split.validation[::GLANCE_STRIDE], logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        # Callbacks that look for them would warn if they were missing.
        logs |= {"val_loss": math.nan, "val_accuracy": math.nan}
        self._reconsider()
        if self.ending is not None:
            return
        self.validation = self._report(self.dataset.split.validation, logs)
        if self.validation is not None:
            self.weights = self.trained.get_weights()
            logs["val_loss"] = self.curve[-1].val_loss
            logs["val_accuracy"] = self.curve[-1].val_accuracy

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.validation is not None:
            self._reconsider()

    def _insist(self) -> None:
        assert self.ending is not None
        if not self.is_obeyed:
            raise _Ignored
        self.is_obeyed = False
        self.model.stop_training = self.ending[1]

    def _reconsider(self) -> None:
        """Take a pruning back if the training ends here anyway: it is whole then."""
        # A callback that ends it, such as EarlyStopping, has put its True in our reason's place.
        match self.ending:
            case ("pruned", reason) if self.model.stop_training is not reason:
                self.ending = None

    @property
    def _is_trained(self) -> bool:
        # A hypermodel's own fit may have chosen other epochs than the recipe's.
        epochs = int((self.params or {}).get("epochs", self.recipe.epochs))
        return bool(self.step >= self.steps * epochs or self.model.stop_training)

    @property
    def _is_pruned(self) -> bool:
        return self.ending is not None and self.ending[0] == "pruned"

    def _is_stopped(self) -> bool:
        reason = None if self._is_trained else self.stop()
        if reason is not None:
            self._end("pruned", reason)
        return reason is not None

    def _go_on(self) -> None:
        if self._is_stopped():
            raise _Stopped

    def _report(self, rows: Rows, logs: dict[str, Any]) -> npt.NDArray[np.float32] | None:
        try:
            scores, point = self._score(rows, logs, before=self._go_on)
        except _Stopped:
            return None
        self.curve.append(point)
        self.final, self.val_rows = point, len(rows)
        if not (math.isfinite(point.loss) and math.isfinite(point.val_loss)):
            self.diverged = self.diverged or f"its loss is not finite after {point.epoch:g} epochs"
            if self.recipe.stop_when_diverged:
                self._end("diverged", self.diverged)
                return scores
        reason = self.judge(point)
        if reason is not None and not self._is_trained:
            self._end("pruned", reason)
        return scores

    def _score(
        self, rows: Rows, logs: dict[str, Any], before: Callable[[], object] = lambda: None
    ) -> tuple[npt.NDArray[np.float32], Point]:
        scores = probabilities(
            self.scorer, self.dataset.encoded, rows, padding=self.recipe.padding, before=before
        )
        check_range(scores)
        labels = self.dataset.labels_of(rows)
        return scores, Point(
            epoch=self.step / self.steps,
            loss=float(logs.get("loss", math.nan)),
            accuracy=float(logs.get("accuracy", math.nan)),
            val_loss=cross_entropy(labels, scores),
            val_accuracy=accuracy(labels, scores),
            value=self.figure(labels, scores) if self.figure else None,
        )

    def _end(self, status: Literal["pruned", "diverged"], reason: str) -> None:
        self.ending = self.ending or (status, reason)
        self.model.stop_training = reason

    def settle(self) -> None:
        """Score the weights that the training has left, unless the last report was of them.

        Early stopping that restores the best weights and optimizers that average them have their
        turn after the last epoch's end, and so has a hypermodel's own fit.
        """
        if self.validation is None or self._is_pruned or self._is_as_scored():
            return
        assert self.final is not None
        known = {"loss": self.final.loss, "accuracy": self.final.accuracy}
        self.validation, self.final = self._score(self.dataset.split.validation, known)

    def _is_as_scored(self) -> bool:
        left = self.trained.get_weights()
        return len(left) == len(self.weights) and all(
            np.array_equal(a, b, equal_nan=True) for a, b in zip(left, self.weights, strict=True)
        )

    def outcome(self, seconds: float, cpu_seconds: float) -> Fit:
        if self.ending is None and not (self.diverged or has_finite_weights(self.trained)):
            # A sigmoid makes a plain 1 of an infinite weight: the loss alone does not show it.
            self.diverged = f"its weights are not finite after {self.step / self.steps:g} epochs"
        status, reason = self.ending or (
            ("diverged", self.diverged) if self.diverged else ("complete", "")
        )
        return Fit(
            status,
            reason,
            self.step / self.steps,
            tuple(self.curve),
            self.final,
            self.val_rows,
            seconds,
            cpu_seconds,
            self.scorer,
            self.validation,
            self._figures(),
        )

    def _figures(self) -> dict[str, Any]:
        if self.validation is None or self._is_pruned:
            return {}
        return objective_values(
            self.dataset.labels_of(self.dataset.split.validation), self.validation
        )
