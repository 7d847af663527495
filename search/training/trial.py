"""One trial after the other: ask for values, build, fit with pruning, evaluate, tell the study."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import keras
import keras_tuner
import optuna
from keras_tuner.errors import FailedTrialError, FatalError
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from data.common import UserError, new_file, write_failure
from data.dataset import Dataset
from results.study import (
    BEHIND,
    CHECKPOINT,
    HEARTBEAT_SECONDS,
    INTERRUPTED,
    Objective,
    Point,
    Result,
    Store,
)
from search.common import (
    USER_ERRORS,
    ModelTooLarge,
    check_model,
    check_model_size,
    derive_seed,
    describe_error,
    fit_function,
    limit_parameters,
)
from search.optuna_private import StudyCallback, call_callbacks
from search.queue import AskedTrial, TrialQueue
from search.sampling import ChangedSpace, discover_space
from search.training.callbacks import Factory, TrialCallbacks, TrialInfo, is_of_study
from search.training.evaluation import add_latency, save_probabilities, summarize_training
from search.training.fit import (
    Stop,
    TrainingConfig,
    TrainingOutcome,
    fit,
    reset_session,
    with_timeout,
)
from search.training.task import Phase, TrainingTask

log = logging.getLogger(__name__)

KEPT_CHECKPOINTS = 3

# Told of each report: whose it is, epochs trained, value.
Notify = Callable[[str, float, float | None], None]
# Told what comes next, and of which trial.
EnterPhase = Callable[[Phase, int | None], None]


@dataclass(frozen=True)
class Trials:
    """Runs trials of a study's queue in this process."""

    store: Store
    queue: TrialQueue
    hypermodel: Any
    dataset: Dataset
    config: TrainingConfig  # a trial's own batch size and epochs take precedence
    objectives: Sequence[Objective]  # the pruner judges by the first one that reports tell of
    seed: int  # the run's
    worker: str = ""
    heartbeat: int = HEARTBEAT_SECONDS
    max_parameters: int | None = None
    timeout: float | None = None  # seconds that a trial may train, from its first batch on
    # By name: Keras's, made for each trial, and Optuna's, told of each trial that ends.
    callbacks: Mapping[str, Factory | StudyCallback] = field(default_factory=dict)
    kept_checkpoints: int = KEPT_CHECKPOINTS
    notify: Notify = lambda name, epochs, value: None
    enter: EnterPhase = lambda phase, number: None

    def discover(self) -> None:
        """Let the queue know the space's entries before the first trial meets them."""
        self.enter("discover", None)
        try:
            discover_space(self.hypermodel, self.max_parameters, self.queue.learn)
        except ChangedSpace:
            raise
        except (*USER_ERRORS, ModelTooLarge):
            # If the defaults cannot be built, that is one trial's failure; the others ask for each
            # entry when they meet it.
            log.warning("the space could not be discovered", exc_info=True)

    def run_next(self, stop: Stop = lambda: None) -> Result | None:
        """Run the next trial; None if there is none to run or it was given back.

        `stop` is called before the trial and after each batch: a reason ends the training, and
        `INTERRUPTED` gives the trial back to the queue. A hypermodel's FatalError is raised, and a
        UserError if a callback of Optuna's kind fails.
        """
        if stop() is not None:
            return None
        self.enter("ask", None)
        self.queue.retry_stale()
        asked = self.queue.ask()
        if asked is None:
            return None
        self.enter("train", asked.number)
        result = self._run(asked, stop)
        if result is not None:
            self._tell_callbacks(asked.number)
        return result

    def _tell_callbacks(self, number: int) -> None:
        """Tell Optuna's callbacks of an ended trial; one of them may end the search."""
        for spec, callback in self.callbacks.items():
            if not is_of_study(callback):
                continue
            try:
                stops = call_callbacks(self.store.study, number, [cast(StudyCallback, callback)])
            except USER_ERRORS as error:
                raise UserError(f"--callback {spec}: {describe_error(error)}") from error
            if stops:
                log.warning("--callback %s ends the search after trial %d", spec, number)
                self.queue.is_exhausted = True

    def _run(self, asked: AskedTrial, stop: Stop) -> Result | None:
        """Run a trial and tell the queue of its end; None if it was given back."""
        # By its place and not its number: a trial that repeats a lost one comes out as that would.
        seed = derive_seed(self.seed, asked.index)
        try:
            with self.queue.heartbeat(asked, self.heartbeat):
                result = self._train(asked, seed, with_timeout(stop, self.timeout))
        except UpdateFinishedTrialError:
            # This worker was silent for so long that another one repeats the trial.
            return self._fail(asked, seed, "it was taken over by another worker")
        except USER_ERRORS as error:
            if write_failure(error) is not None:
                # The run ends, and whoever resumes it finds the trial still running and repeats it.
                raise FatalError("nothing can be written") from error
            if isinstance(error, ChangedSpace):
                # Nothing is wrong with the trial: the right space goes on with it.
                raise
            if isinstance(error, FatalError):
                self.queue.fail(asked.number, describe_error(error))
                raise
            why = describe_error(error).removeprefix(f"{FailedTrialError.__name__}: ")
            return self._fail(asked, seed, why)
        if result is None:
            self.queue.retry(asked, INTERRUPTED)
            return None
        if result.status == "complete":
            self.queue.tell(asked, self._values(result))
            self.store.keep_best_checkpoints(self.kept_checkpoints)
        else:
            # A diverged one, too: it is no failure, of which several in a row would end the
            # search, and its accuracy is the larger class's share, which must not count.
            self.queue.tell(asked, state=TrialState.PRUNED)
        return result

    def _train(self, asked: AskedTrial, seed: int, stop: Stop) -> Result | None:
        """Build, fit, evaluate and record; None if the training was interrupted."""
        hyperparameters, number = asked.hyperparameters, asked.number
        try:
            # A model may make its weights when it meets its first batch: they are limited, too.
            with limit_parameters(self.max_parameters):
                model = build(self.hypermodel, hyperparameters, seed, self.max_parameters)
                # `build` may be the first to meet a batch size, or epochs.
                config = self.config.of_trial(hyperparameters.values, seed)
                factories = {
                    spec: cast(Factory, made)
                    for spec, made in self.callbacks.items()
                    if not is_of_study(made)
                }
                with TrialCallbacks(factories, self._info(asked, seed)) as callbacks:
                    outcome = fit_built(
                        self.hypermodel,
                        hyperparameters,
                        model,
                        self.dataset,
                        config,
                        on_report=partial(self._on_report, asked.trial, callbacks),
                        stop=stop,
                        callbacks=callbacks.made,
                        figure=self._pruned_by.metric if self._pruned_by else None,
                        max_parameters=self.max_parameters,
                    )
        except (ModelTooLarge, optuna.TrialPruned) as error:
            return self._refuse(asked, seed, error)
        if outcome.reason == INTERRUPTED:
            return None
        if outcome.status == "complete" and outcome.validation is None:
            raise FailedTrialError("its fit finished no epoch with the callbacks it was given")
        result = summarize_training(model, outcome, **self._identity(asked, seed))
        folder = self.store.trial_folder(number)
        if outcome.has_scores:
            save_probabilities(outcome, self.dataset, config.padding, folder)
            result = add_latency(result, model, outcome, self.dataset, config.padding)
            result = replace(result, artifacts=self.store.artifacts.name(folder))
        callbacks.on_result(result)
        if outcome.status == "complete":
            save_checkpoint(model, folder)
        self.store.publish(number)
        self.store.record(asked.trial, result)
        return result

    @property
    def _pruned_by(self) -> Objective | None:
        """The objective that a pruner judges trials by; None if reports tell of none."""
        return next((it for it in self.objectives if it.is_reported), None)

    def _on_report(
        self, trial: optuna.Trial, callbacks: TrialCallbacks, point: Point
    ) -> str | None:
        """Report to the callbacks and the study, and ask the pruner whether the trial goes on."""
        callbacks.on_report(point)
        value = self._pruned_by.reported(point) if self._pruned_by else None
        self.notify(f"trial {trial.number}", point.epoch, value)
        # Optuna neither reports nor prunes if there are several objectives.
        if value is None or not math.isfinite(value) or len(self.objectives) > 1:
            return None
        trial.report(value, round(point.epoch * self.config.reports))
        return BEHIND if trial.should_prune() else None

    def _info(self, asked: AskedTrial, seed: int) -> TrialInfo:
        return TrialInfo(
            study=self.store.study.study_name,
            number=asked.number,
            hyperparameters=MappingProxyType(dict(asked.hyperparameters.values)),
            seed=seed,
            worker=self.worker,
            folder=self.store.folder,
            objectives=tuple(objective.name for objective in self.objectives),
            space=tuple(self.queue.space.space),
        )

    def _identity(self, asked: AskedTrial, seed: int) -> dict[str, Any]:
        return {
            "name": f"trial {asked.number}",
            "kind": "trial",
            "number": asked.number,
            "hyperparameters": dict(asked.hyperparameters.values),
            "seed": seed,
            "worker": self.worker,
        }

    def _refuse(
        self, asked: AskedTrial, seed: int, error: ModelTooLarge | optuna.TrialPruned
    ) -> Result:
        """Record a model that was not trained; the sampler learns that its like is no good."""
        is_too_large = isinstance(error, ModelTooLarge)
        result = Result(
            status="failed" if is_too_large else "pruned",
            reason=str(error) if is_too_large else describe_error(error),
            parameters=error.parameters if isinstance(error, ModelTooLarge) else None,
            **self._identity(asked, seed),
        )
        self.store.record(asked.trial, result)
        return result

    def _fail(self, asked: AskedTrial, seed: int, why: str) -> Result:
        self.queue.tell(asked, state=TrialState.FAIL, reason=why)
        return Result(status="failed", reason=why, **self._identity(asked, seed))

    def _values(self, result: Result) -> list[float]:
        """Return what the study is told of a complete trial: a value for each objective."""
        worst = {"minimize": math.inf, "maximize": -math.inf}
        values = [(item.value(result), worst[item.direction]) for item in self.objectives]
        return [otherwise if value is None else value for value, otherwise in values]


def build(hypermodel: Any, hyperparameters: Any, seed: int, max_parameters: int | None) -> Any:
    """Build the model of some values in a fresh session, and refuse what cannot be trained."""
    reset_session(seed)
    model = hypermodel.build(hyperparameters)
    _admit(model, max_parameters)
    return model


def _admit(model: Any, max_parameters: int | None) -> None:
    check_model(model)
    check_model_size(model, max_parameters)


def fit_built(
    hypermodel: Any,
    hyperparameters: Any,
    model: keras.Model,
    dataset: Dataset,
    config: TrainingConfig,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    max_parameters: int | None = None,
    **options: Any,
) -> TrainingOutcome:
    """Fit a model by its hypermodel's own `fit`; the options are those of `fit.fit`."""
    # Some models are built to their end by their first batch.
    admit = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: _admit(model, max_parameters)
    )
    batches = partial(config.make_batches, dataset)
    train = fit_function(hypermodel, hyperparameters, model, config.batch_size, batches)
    return fit(model, dataset, config, callbacks=[admit, *callbacks], train=train, **options)


def report_to(notify: Notify, task: TrainingTask) -> Callable[[Point], None]:
    """Return what tells of a task's reports; a refit's validation accuracy means nothing."""

    def on_report(point: Point) -> None:
        value = None if task.kind == "refit" else point.val_accuracy
        notify(task.title, point.epoch, value)

    return on_report


def save_checkpoint(model: keras.Model, folder: Path) -> None:
    """Write a model into a trial's folder, whole or not at all."""
    with new_file(folder / CHECKPOINT) as beside:
        model.save(beside)


def train_again(
    task: TrainingTask,
    seed: int,
    hypermodel: Any,
    dataset: Dataset,
    config: TrainingConfig,
    *,
    max_parameters: int | None = None,
    notify: Notify = lambda name, epochs, value: None,
    stop: Stop = lambda: None,
) -> Result:
    """Build the model of a finished trial anew, train it to its end and keep its probabilities.

    A refit is trained for as many epochs as the trial was, though no row tells when to stop; its
    model is kept and timed as well. The trial's own batch size and epochs take precedence over
    `config`. `notify` is told each report: title, epochs trained, validation accuracy.
    """
    first, refits = task.first, task.kind == "refit"
    assert first is not None
    values = first.hyperparameters
    config = config.of_trial(values, seed)
    if refits:
        epochs = min(config.epochs, math.ceil(first.epochs) or 1)
        # Within an epoch there is nothing to judge by.
        config = replace(config, epochs=epochs, reports=1)
    identity: dict[str, Any] = {
        "name": first.name,
        "kind": first.kind,
        "number": first.number,
        "hyperparameters": values,
        "seed": seed,
    }
    try:
        chosen = keras_tuner.HyperParameters()
        chosen.values = dict(values)
        with limit_parameters(max_parameters):
            model = build(hypermodel, chosen, seed, max_parameters)
            _check_known(chosen, values)
            outcome = fit_built(
                hypermodel,
                chosen,
                model,
                dataset,
                config,
                on_report=report_to(notify, task),
                stop=stop,
                max_parameters=max_parameters,
            )
        result = summarize_training(model, outcome, **identity)
        if not outcome.has_scores:
            return result
        save_probabilities(outcome, dataset, config.padding, task.folder)
        if refits:
            result = add_latency(result, model, outcome, dataset, config.padding)
            save_checkpoint(model, task.folder)
    except (*USER_ERRORS, ModelTooLarge) as error:
        if write_failure(error) is not None:
            raise
        return Result(status="failed", reason=describe_error(error), **identity)
    return replace(result, artifacts=str(task.folder))


def _check_known(chosen: keras_tuner.HyperParameters, values: Mapping[str, Any]) -> None:
    """Refuse to train another network than the trial's, if its space has grown since."""
    new = [name for name in chosen.values if name not in values]
    if new:
        raise ValueError(f"the space has changed since: the trial has no value of {', '.join(new)}")
