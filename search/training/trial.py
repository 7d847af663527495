"""Runs the trials of a study: builds, trains with pruning, records, keeps the best checkpoints."""

import logging
import math
from functools import partial
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.errors import FailedTrialError, FatalError
from optuna.exceptions import UpdateFinishedTrialError

from data.common import new_file, write_failure
from results.study import BEHIND, CHECKPOINT, INTERRUPTED, Point, Result, trial_index
from search.bridge import OptunaOracle, reason_of
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
from search.queue import ChangedSpace, queue as slots, retry_stale, send_heartbeats
from search.training.callbacks import Hooks
from search.training.fit import fit, start_afresh
from search.training.job import Interrupted, Job
from search.training.trial_result import refused, trained

log = logging.getLogger(__name__)

KEPT_CHECKPOINTS = 3


class StudyTuner(keras_tuner.Tuner):
    """A tuner whose trials are pruned, scored and recorded in the study of its oracle."""

    oracle: OptunaOracle

    def __init__(
        self, job: Job, oracle: OptunaOracle, hypermodel: Any, folder: Path, *, looks: bool = True
    ) -> None:
        """Prepare to run trials.

        Args:
            job: What they have in common.
            oracle: Where they come from.
            hypermodel: What builds their models.
            folder: Where KerasTuner may leave its own files.
            looks: Whether to look the space through before the first trial.
        """
        self.job = job
        self._looks = looks
        super().__init__(
            oracle,
            hypermodel,
            directory=str(folder.parent),
            project_name=folder.name,
            overwrite=True,
        )

    def _populate_initial_space(self) -> None:
        # KerasTuner builds the model several times to find the conditional hyperparameters; a
        # hypermodel that can declare its space saves that.
        declare = getattr(self.hypermodel, "declare", None)
        if not self._looks:
            return
        self.job.doing("space")
        try:
            if declare is None:
                with limit_parameters(self.job.max_parameters):
                    super()._populate_initial_space()
            else:
                space = self.oracle.get_space()
                declare(space)
                self.oracle.update_space(space)
        except ChangedSpace:
            raise
        except (*USER_ERRORS, ModelTooLarge):
            # Defaults that cannot be built are one trial's failure; the others ask for each entry
            # when they meet it.
            log.warning("the space could not be looked through", exc_info=True)
        self.job.doing("else")

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Build, train and record one trial.

        Args:
            trial: KerasTuner's side of the trial.
            args: Not used: the data belongs to the job.
            kwargs: Not used.

        Returns:
            The objectives' values.

        Raises:
            FailedTrialError: If the model cannot be built or trained; says why in one line.
            FatalError: If the hypermodel raised it, to end the search, or the file system refuses
                what the trial leaves.
            Interrupted: If the search was asked to stop.
        """
        asked = self.oracle.optuna_trial(trial.trial_id)
        try:
            with send_heartbeats(asked.study._storage, asked._trial_id, self.job.heartbeat):
                return self._run_or_refuse(trial, asked)
        except UpdateFinishedTrialError:
            # This worker was silent for so long that another one repeats the trial.
            raise FailedTrialError("it was taken over by another worker") from None
        except USER_ERRORS as error:
            if write_failure(error) is not None:
                # The run ends, and whoever resumes it finds the trial still running and repeats it.
                raise FatalError("nothing can be written") from error
            if isinstance(error, ChangedSpace):
                # Nothing is wrong with the trial: the right space goes on with it.
                raise
            if isinstance(error, FatalError):
                slots.fail(self.oracle.study, asked.number, describe_error(error))
                raise
            told = describe_error(error).removeprefix(f"{FailedTrialError.__name__}: ")
            raise FailedTrialError(told) from error

    def _run_or_refuse(self, trial: Trial, asked: optuna.Trial) -> dict[str, float]:
        # Its place's and not its number's: a trial that repeats a lost one comes out as that would.
        frozen = self.oracle.study.get_trials(deepcopy=False)[asked.number]
        seed = derive_seed(self.job.seed, trial_index(frozen))
        try:
            return self._run(trial, asked, seed)
        except (ModelTooLarge, optuna.TrialPruned) as error:
            return self._refuse(trial, asked, seed, error)

    def _run(self, trial: Trial, asked: optuna.Trial, seed: int) -> dict[str, float]:
        number = asked.number
        # A model may make its weights when it meets its first batch: it is looked at twice.
        with limit_parameters(self.job.max_parameters):
            model = self._build(trial, seed)
            # `build` may be the first to meet a batch size, or epochs.
            recipe = self.job.recipe.of_trial(trial.hyperparameters.values, seed)
            info = self.job.info(trial, seed, self.tuner_id, self.oracle.get_space().space)
            admit = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: self._admit(model))
            with Hooks(self.job.callbacks, info) as hooks:
                fitted = fit(
                    model,
                    self.job.dataset,
                    recipe,
                    judge=hooks.judging(lambda point: self._judge(asked, point)),
                    stop=self.job.stopper(),
                    callbacks=[admit, *hooks.made],
                    train=fit_function(
                        self.hypermodel,
                        trial.hyperparameters,
                        model,
                        recipe.batch_size,
                        partial(recipe.feed, self.job.dataset),
                    ),
                    figure=self.job.figure,
                )
        if fitted.reason == INTERRUPTED:
            frozen = self.oracle.study.get_trials(deepcopy=False)[number]
            slots.replace(self.oracle.study, frozen, INTERRUPTED, same_values=True)
            raise Interrupted
        if fitted.status == "complete" and fitted.validation is None:
            raise FailedTrialError("its fit finished no epoch with the callbacks it was given")
        result = trained(self.job, trial, model, recipe, fitted, seed, self.tuner_id)
        hooks.end(result)
        if fitted.status == "complete":
            self._checkpoint(model, number)
        self.job.store.publish(number)
        self.job.store.record(asked, result)
        return self._values(trial, result)

    def _build(self, trial: Trial, seed: int) -> keras.Model:
        start_afresh(seed)
        model = self.hypermodel.build(trial.hyperparameters)
        self._admit(model)
        return model

    def _admit(self, model: Any) -> None:
        check_model(model)
        check_model_size(model, self.job.max_parameters)

    def _refuse(
        self,
        trial: Trial,
        asked: optuna.Trial,
        seed: int,
        error: ModelTooLarge | optuna.TrialPruned,
    ) -> dict[str, float]:
        """Record a model that was not trained; the sampler learns that its like is no good."""
        result = refused(trial, error, seed, self.tuner_id)
        self.job.store.record(asked, result)
        return self._values(trial, result)

    def _judge(self, asked: optuna.Trial, point: Point) -> str | None:
        value = self.job.judged.reported(point) if self.job.judged else None
        self.job.notify(f"trial {asked.number}", point.epoch, value)
        # Optuna neither reports nor prunes where there are several objectives.
        if value is None or not math.isfinite(value) or len(self.job.objectives) > 1:
            return None
        asked.report(value, round(point.epoch * self.job.recipe.reports))
        return BEHIND if asked.should_prune() else None

    def _checkpoint(self, model: keras.Model, number: int) -> None:
        with new_file(self.job.store.trial_folder(number) / CHECKPOINT) as beside:
            model.save(beside)

    def _values(self, trial: Trial, result: Result) -> dict[str, float]:
        worst = {"minimize": math.inf, "maximize": -math.inf}
        values = {item.name: worst[item.direction] for item in self.job.objectives}
        if result.status == "complete":
            found = {item.name: item.value(result) for item in self.job.objectives}
            values |= {name: value for name, value in found.items() if value is not None}
        else:
            # A diverged one is no failure, of which several in a row would end the search, and its
            # accuracy is the larger class's share, which must not count: it is pruned in the
            # study, and KerasTuner alone sees the worst value.
            self.oracle.prune(trial.trial_id)
        # Of several objectives KerasTuner wants its sum as well.
        return {**values, self.oracle.objective.name: self.oracle.objective.get_value(values)}

    def pre_create_trial(self) -> None:
        """Put back the trials of dead workers before asking for one.

        Raises:
            Interrupted: If no further trial is wanted.
        """
        if self.job.is_over():
            raise Interrupted
        retry_stale(self.oracle.study)

    def on_trial_begin(self, trial: Trial) -> None:
        """Say which trial is run from now on.

        Args:
            trial: The trial.
        """
        self.job.doing("trial", int(trial.trial_id))
        super().on_trial_begin(trial)

    def on_trial_end(self, trial: Trial) -> None:
        """End the trial in the oracle, then free what the better trials made needless.

        Args:
            trial: The trial.
        """
        if trial.message:  # KerasTuner's is the whole traceback.
            trial.message = reason_of(trial).removeprefix(f"{FailedTrialError.__name__}: ")
        super().on_trial_end(trial)
        self.job.doing("else")
        if trial.status == TrialStatus.COMPLETED:
            # Any finalist may become the champion.
            count = max(KEPT_CHECKPOINTS, self.job.finalists)
            self.job.store.keep_best_checkpoints(count)
