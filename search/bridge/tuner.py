"""KerasTuner's own loop on an Optuna study, for programs of one's own."""

import contextlib
import inspect
import json
import math
import random
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.errors import FailedTrialError, FatalValueError
from optuna.pruners import SuccessiveHalvingPruner
from optuna.trial import TrialState

from data.common import UserError
from results.study import (
    BEHIND,
    HEARTBEAT_SECONDS,
    REASON,
    close_storage,
    open_storage,
    show_objectives,
)
from search.bridge.oracle import OptunaOracle, check_limits, sole_objective
from search.common import end_callbacks_on_error
from search.optuna_private import StudyCallback, call_callbacks
from search.queue import REFUSED
from search.sampling import StartingPoint, make_sampler

# Before it is known how long a training will be, and as many as most are.
_EPOCHS = 10
# KerasTuner's name of what is minimized if no objective is given.
_UNNAMED = "default_objective"
# What TPE is told of the workers: that there may be others.
_WORKERS = 2
_KerasCallback = keras.callbacks.Callback
_BEGUN = tuple(state for state in TrialState if state != TrialState.WAITING)


class OptunaTuner(keras_tuner.Tuner):
    """A tuner to use instead of `keras_tuner.RandomSearch`.

    Its trials come from an Optuna study, each epoch's objective goes to the study's pruner, and a
    search goes on where it stopped. Processes that run the same program at once share the search:
    `max_trials` is what all of them run together, and the trial of one that dies is repeated.

    Args:
        hypermodel: As for `keras_tuner.Tuner`.
        objective: As for `keras_tuner.Oracle`. Trials of several objectives are not pruned.
        max_trials: How many trials the study shall have in the end; None for no bound.
        seed: Of the study's sampler; None for any. With a study of your own its sampler has one,
            and this is that of `OptunaOracle`.
        hyperparameters: As for `keras_tuner.Oracle`.
        tune_new_entries: As for `keras_tuner.Oracle`.
        allow_new_entries: As for `keras_tuner.Oracle`.
        max_retries_per_trial: As for `keras_tuner.Oracle`.
        max_consecutive_failed_trials: As for `keras_tuner.Oracle`.
        study: The study, or the URL of a database that holds it, or shall, under the project's
            name. None for one in the project's folder.
        sampler: As for `optuna.create_study`; None for TPE. A study of your own has its own.
        pruner: As for `optuna.create_study`; None for ASHA. A study of your own has its own.
        timeout: Seconds from now after which no trial is begun; None for no bound.
        starting_points: What the first trials take: values by name; what a point does not name
            takes its default.
        directory: Where KerasTuner's files go, and a study that is not given.
        project_name: Their folder's name; by default that of a study that is given as an object,
            else "untitled_project".
        overwrite: Whether to begin anew: that folder is deleted first. A study that is given must
            then be a new one.
        kwargs: As for `keras_tuner.Tuner`. A model above `max_model_size` prunes its trial, so that
            the sampler avoids its like; ten times as many of them in a row as of failures end the
            search.

    Raises:
        ValueError: If there is no hypermodel and `run_trial` needs one, the study's values are of
            other objectives or directions, its database cannot be reached, it has trials and
            `overwrite` would delete their models, a sampler or a pruner is given beside a study
            that has its own, `directory` is a URL, `max_trials` is below 1 or `timeout` below 0.
        ChangedSpace: A ValueError: if the study's trials had other choices for an entry of the
            space, or another kind of range.
    """

    oracle: OptunaOracle
    hypermodel: Any

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int | None = 10,
        seed: int | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        *,
        study: optuna.Study | str | None = None,
        sampler: optuna.samplers.BaseSampler | None = None,
        pruner: optuna.pruners.BasePruner | None = None,
        timeout: float | None = None,
        starting_points: Sequence[StartingPoint] = (),
        directory: str | Path | None = None,
        project_name: str | None = None,
        overwrite: bool = False,
        **kwargs: Any,
    ) -> None:
        check_limits(max_trials, timeout)
        # KerasTuner checks this only if `run_trial` is its own.
        if hypermodel is None and type(self).run_trial is OptunaTuner.run_trial:
            raise ValueError("hypermodel is missing: give a function of `hp` or a HyperModel")
        objective = sole_objective(objective)
        # All that a user can have given wrong is found before `overwrite` deletes anything.
        _check_arguments(kwargs, directory)
        plain = keras_tuner.Oracle(
            objective,
            max_trials,
            hyperparameters,
            allow_new_entries,
            tune_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        if project_name is None and isinstance(study, optuna.Study):
            # Studies that share a folder would load one another's weights.
            project_name = study.study_name.replace("/", "_")
        folder = Path(directory or ".", project_name or "untitled_project")
        # By the user, so that it is kept elsewhere than in the folder.
        given = study is not None
        if not isinstance(study, optuna.Study):
            # In a folder there is one study; a database may hold those of many folders.
            name = folder.name if study is None else str(project_name or folder.name)
            parts = getattr(plain.objective, "objectives", [plain.objective])
            study = _study(folder, study, name, parts, seed, sampler, pruner, anew=overwrite)
        elif sampler is not None or pruner is not None:
            kind = "pruner" if sampler is None else "sampler"
            raise ValueError(
                f"{kind} is given beside study '{study.study_name}', which has one: set "
                f"study.{kind}, or give study as the URL of its storage"
            )
        elif overwrite:
            _refuse_loss(study, folder)
        oracle = OptunaOracle(
            study,
            objective,
            max_trials,
            timeout,
            hyperparameters,
            tune_new_entries,
            allow_new_entries,
            max_retries_per_trial,
            max_consecutive_failed_trials,
            starting_points,
            seed,
        )
        self._reported: set[tuple[str, int]] = set()
        # How many executions of each trial have begun.
        self._executions: Counter[str] = Counter()
        # The models whose training the pruner ends, by trial, and the epochs that `search` names.
        self._asked_to_end: dict[str, Any] = {}
        self._epochs: int | None = None
        self._study_callbacks: list[StudyCallback] = []
        super().__init__(
            oracle,
            hypermodel,
            directory=str(folder.parent),
            project_name=folder.name,
            # A study that does not fit is refused by now, with nothing deleted.
            overwrite=overwrite and given,
            **kwargs,
        )

    def reload(self) -> None:
        """Reload KerasTuner's files, and discover the space anew, for it may have changed."""
        self._populate_initial_space()
        # A file that was cut off holds nothing but that there is a project.
        with contextlib.suppress(json.JSONDecodeError):
            super().reload()

    @property
    def study(self) -> optuna.Study:
        """The study: every trial with its values, for Optuna's plots and dashboard."""
        return self.oracle.study

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Search as `keras_tuner.Tuner.search` does.

        Args:
            fit_args: As for `Model.fit`.
            fit_kwargs: As for `Model.fit`. `callbacks` may hold Optuna's beside those of Keras:
                functions of the study and a trial that has just ended. They are not copied, and
                one that calls `study.stop()` ends this process's search.

        Raises:
            TypeError: If a callback is of neither kind.
        """
        callbacks = fit_kwargs.get("callbacks") or ()
        self._study_callbacks = [it for it in callbacks if not isinstance(it, _KerasCallback)]
        for callback in self._study_callbacks:
            if not callable(callback):
                raise TypeError(
                    f"callbacks: {callback!r} is neither a keras.callbacks.Callback nor a function "
                    "of (study, trial)"
                )
        if callbacks:
            fit_kwargs["callbacks"] = [it for it in callbacks if isinstance(it, _KerasCallback)]
        self.oracle.stop("")
        super().search(*fit_args, **fit_kwargs)

    def pre_create_trial(self) -> None:
        """Requeue the trials of dead processes before asking for one."""
        self.oracle.queue.retry_stale()
        self.oracle.queue.wait_for_heartbeats(lambda: self.oracle.is_late)

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> Any:
        """Run a trial as KerasTuner does.

        Returns:
            What `keras_tuner.Tuner.run_trial` returns; of a pruned trial, or one whose model is
            larger than `max_model_size`, the last value that was reported, which ranks nowhere.
        """
        asked = self.oracle.optuna_trial(trial.trial_id)
        self._asked_to_end.pop(trial.trial_id, None)
        self._executions[trial.trial_id] = 0
        try:
            return super().run_trial(trial, *args, **kwargs)
        except Oversized as error:
            # As in `search.run`: the sampler learns nothing from a failure.
            trial.message = str(error)
            asked.set_user_attr(REASON, trial.message)
            asked.set_user_attr(REFUSED, True)
        except optuna.TrialPruned:
            pass  # KerasTuner would print a traceback. The study keeps what was reported.
        self._prune(trial)
        return self._last_values(asked)

    def _try_run_and_update_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> None:
        # Around `run_trial`, which may be the user's own.
        asked = self.oracle.asked_trial(trial.trial_id)
        with self.oracle.queue.heartbeat(asked, HEARTBEAT_SECONDS):
            super()._try_run_and_update_trial(trial, *args, **kwargs)

    def _build_hypermodel(self, hp: keras_tuner.HyperParameters) -> Any:
        model = super()._build_hypermodel(hp)
        if self.max_model_size and isinstance(model, keras.Model) and model.built:
            count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
            if count > self.max_model_size:
                limit = f"max_model_size {self.max_model_size:,}"
                raise Oversized(f"{count:,} parameters, more than {limit}")
        return model

    def _build_and_fit_model(self, trial: Trial, *args: Any, **kwargs: Any) -> Any:
        # KerasTuner's own hook around each execution of a trial. It takes a dict of several
        # objectives only with their sum, and does not look whether a history has the objective.
        own = self.hypermodel
        self.hypermodel = _Checked(own, self.oracle.objective)
        self._epochs = kwargs.get("epochs")
        self._executions[trial.trial_id] += 1
        try:
            with end_callbacks_on_error(kwargs.get("callbacks") or []):
                results = super()._build_and_fit_model(trial, *args, **kwargs)
        finally:
            self.hypermodel = own
        if self._is_ended_as_asked(trial):
            # Not out of `model.fit`, whose callbacks would never end. No other execution follows.
            raise optuna.TrialPruned
        return results

    def _last_values(self, asked: optuna.Trial) -> dict[str, float]:
        reported = self.study.get_trials(deepcopy=False)[asked.number].intermediate_values
        objective = self.oracle.objective
        worst = math.inf if objective.direction == "min" else -math.inf
        value = reported[max(reported)] if reported else worst
        names = [part.name for part in getattr(objective, "objectives", ())]
        return dict.fromkeys([objective.name, *names], value)

    def _prune(self, trial: Trial) -> None:
        self._asked_to_end.pop(trial.trial_id, None)
        self.oracle.prune(trial.trial_id)

    def on_trial_end(self, trial: Trial) -> None:
        """End the trial in the oracle, and tell Optuna's callbacks unless it is to be retried."""
        # A `run_trial` of the user's own may have trained the model without asking this one.
        if trial.status == TrialStatus.COMPLETED and self._is_ended_as_asked(trial):
            self._prune(trial)
        super().on_trial_end(trial)
        if self._study_callbacks and self._is_finished(trial):
            number = int(trial.trial_id)
            if call_callbacks(self.study, number, self._study_callbacks):
                self.oracle.stop("a callback stopped it")

    def _is_finished(self, trial: Trial) -> bool:
        return self.study.get_trials(deepcopy=False)[int(trial.trial_id)].state.is_finished()

    def on_epoch_begin(
        self, trial: Trial, model: Any, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Leave a loop of the user's own that trains on although it was asked to end.

        Raises:
            optuna.TrialPruned: If the training was to end before; `Model.fit` obeys.
        """
        self._leave_if_ignored(trial)
        super().on_epoch_begin(trial, model, epoch, logs)

    def on_epoch_end(
        self, trial: Trial, model: Any, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Report the objective, and end the training if the study's pruner says so.

        A training that ends here anyway is not pruned: it is whole. Of several executions of a
        trial the first one is reported.

        Args:
            trial: The trial.
            model: Its model.
            epoch: The epoch, from 0.
            logs: Its metrics.

        Raises:
            optuna.TrialPruned: If the training was to end before; `Model.fit` obeys.
        """
        self._leave_if_ignored(trial)
        super().on_epoch_end(trial, model, epoch, logs)
        value = (logs or {}).get(self.oracle.objective.name)
        step = epoch + 1
        report = (trial.trial_id, step)
        is_first = self._executions[trial.trial_id] <= 1
        if value is None or len(self.study.directions) > 1 or not is_first:
            return
        if report in self._reported:  # By a try that KerasTuner repeats.
            return
        self._reported.add(report)
        asked = self.oracle.optuna_trial(trial.trial_id)
        asked.report(float(value), step)
        # Asked at each report: a pruner may keep books by it.
        if asked.should_prune() and not self._is_over(model, epoch):
            # A callback that ends the training here as well puts its True in this one's place.
            model.stop_training = BEHIND
            self._asked_to_end[trial.trial_id] = model

    def _is_over(self, model: Any, epoch: int) -> bool:
        """Return whether a training ends with this epoch, as far as it is known."""
        epochs = self._epochs_of(model)
        return bool(model.stop_training) or (epochs is not None and epoch + 1 >= epochs)

    def _epochs_of(self, model: Any) -> int | None:
        # `Model.fit` may have been called with other epochs than `search`; a loop of the user's own
        # makes no history.
        history = getattr(model, "history", None)
        epochs: int | None = history.params["epochs"] if history else self._epochs
        return epochs

    def _is_ended_as_asked(self, trial: Trial) -> bool:
        model = self._asked_to_end.get(trial.trial_id)
        if model is None or model.stop_training is not BEHIND:
            return False
        # Of a loop of the user's own it is not known whether it obeyed, or was at its end.
        return self._epochs_of(model) is not None

    def _leave_if_ignored(self, trial: Trial) -> None:
        if trial.trial_id in self._asked_to_end:
            raise optuna.TrialPruned

    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials: `num_trials` of them, or as many as there are."""
        super().results_summary(len(self.oracle.get_best_trials(num_trials)))

    def _configure_tensorboard_dir(
        self, callbacks: list[Any], trial: Trial, execution: int = 0
    ) -> None:
        # KerasTuner names the entries of every scope, and TensorBoard refuses one name twice.
        shown = Trial(_one_by_name(trial.hyperparameters), trial.trial_id)
        super()._configure_tensorboard_dir(callbacks, shown, execution)


class Oversized(FailedTrialError):
    """A model has more trainable weights than `max_model_size`."""


class _Checked(keras_tuner.HyperModel):
    """A hypermodel whose `fit` gives all objectives, and their sum if there are several."""

    def __init__(self, own: keras_tuner.HyperModel, objective: Any) -> None:
        super().__init__(own.name, own.tunable)
        self._own = own
        self._objective = objective

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        return self._own.build(hp)

    def fit(self, hp: keras_tuner.HyperParameters, model: Any, *args: Any, **kwargs: Any) -> Any:
        results = self._own.fit(hp, model, *args, **kwargs)
        found = results.history if isinstance(results, keras.callbacks.History) else results
        if not isinstance(found, dict):
            return results
        parts = getattr(self._objective, "objectives", [self._objective])
        missing = [part.name for part in parts if part.name not in found]
        # Without an objective of the user's KerasTuner itself says what `fit` has to return.
        if missing and self._objective.name != _UNNAMED:
            raise FatalValueError(
                f"objective {', '.join(missing)} is not among the metrics of the training, which "
                f"are {', '.join(found)}"
            )
        if len(parts) > 1 and found is results:
            return {self._objective.name: self._objective.get_value(found), **found}
        return results


def _one_by_name(hyperparameters: keras_tuner.HyperParameters) -> keras_tuner.HyperParameters:
    """Return the values of a trial with the one entry of each name that is active."""
    active = {it.name: it for it in hyperparameters.space if hyperparameters.is_active(it)}
    shown = keras_tuner.HyperParameters()
    shown.merge(active.values())
    shown.values = dict(hyperparameters.values)
    return shown


def _refuse_loss(study: optuna.Study, folder: Path) -> None:
    """Refuse to delete the models of a study that would keep its trials."""
    begun = study.get_trials(deepcopy=False, states=_BEGUN)
    if begun:
        raise ValueError(
            f"overwrite=True would delete '{folder}', but study '{study.study_name}' keeps its "
            f"{len(begun)} trials; to begin anew take another study (in a database: another "
            "project_name), to go on leave overwrite out"
        )


def _check_arguments(others: Mapping[str, Any], directory: str | Path | None) -> None:
    """Refuse what `keras_tuner.Tuner` does not take, and a folder that is not on this machine."""
    unknown = others.keys() - inspect.signature(keras_tuner.Tuner.__init__).parameters.keys()
    if unknown:
        raise ValueError(f"OptunaTuner has no argument {', '.join(sorted(unknown))}")
    if "://" in str(directory):
        raise ValueError(
            f"directory is '{directory}', but the files of a search go to a folder of this "
            "machine; machines share a search by study=, the URL of a database"
        )


def _study(
    folder: Path,
    url: str | None,
    name: str,
    parts: Sequence[Any],
    seed: int | None,
    sampler: optuna.samplers.BaseSampler | None,
    pruner: optuna.pruners.BasePruner | None,
    *,
    anew: bool,
) -> optuna.Study:
    """Open a project's study, in its folder or in a database, or begin it.

    Anew means without what is in the folder; a database is left as it is.
    """
    if anew and url is None and folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        storage = open_storage(folder, url, HEARTBEAT_SECONDS, option="study")
    except UserError as error:
        raise ValueError(str(error)) from None
    seed = random.randrange(2**31) if seed is None else seed
    if url is None and len(names := optuna.get_all_study_names(storage)) == 1:
        (name,) = names  # The folder may have been renamed since.
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        sampler=sampler or make_sampler("tpe", seed, _WORKERS, _EPOCHS),
        # How long a training will be is not known yet: from its first epoch on.
        pruner=pruner or SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
        directions=["maximize" if part.direction == "max" else "minimize" for part in parts],
        load_if_exists=True,
    )
    if anew:
        try:
            _refuse_loss(study, folder)
        except ValueError:
            close_storage(storage)
            raise
    show_objectives(study, [part.name for part in parts])
    return study
