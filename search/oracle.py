"""The bridge: a KerasTuner oracle whose proposals come from an Optuna study."""

import os
import time
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from results.store import WORKER, counted
from search import lost, slots
from search.asked import ScopedHyperParameters, plain_values
from search.proposals import Proposals
from search.synchronized import synchronized

_STOP_REFUSED = "Study.stop"
_STUDY = "study"


class OptunaOracle(keras_tuner.Oracle):
    """Let any `keras_tuner.Tuner` take its trials from an Optuna study.

    The study brings the sampler, the pruner and the storage; KerasTuner brings the hypermodel and
    the training. Any number of oracles, in any number of processes or machines, can serve one
    study: `max_trials` then counts the study's trials, and is exact.

    KerasTuner's trial ids are the numbers of the study's trials. A trial that fails for good is
    FAIL in the study, with its message in the user attribute `reason`. No point of the space is
    tried twice, and the search ends when none is left.

    Args:
        study: The study. Its directions must be those of the objectives.
        objective: As for `keras_tuner.Oracle`. Several objectives make a Pareto front when the
            study has as many directions; a study of one direction is told KerasTuner's sum.
        max_trials: How many trials the study shall have in the end; None for no bound.
        timeout: Seconds from now after which no trial is begun; None for no bound.
        hyperparameters: As for `keras_tuner.Oracle`.
        tune_new_entries: As for `keras_tuner.Oracle`; new entries are asked of the sampler at once.
        allow_new_entries: As for `keras_tuner.Oracle`.
        max_retries_per_trial: As for `keras_tuner.Oracle`.
        max_consecutive_failed_trials: As for `keras_tuner.Oracle`.
        default_first: Whether the first trial of a study takes every hyperparameter's default.

    Raises:
        ValueError: If the study's directions are not those of the objectives.
    """

    trials: dict[str, Trial]
    ongoing_trials: dict[str, Trial]
    start_order: list[str]
    end_order: list[str]
    _retry_queue: list[str]

    def __init__(
        self,
        study: optuna.Study,
        objective: Any = None,
        max_trials: int | None = None,
        timeout: float | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        default_first: bool = False,
    ) -> None:
        super().__init__(
            objective=objective,
            max_trials=max_trials,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            # The sampler's seed decides. KerasTuner takes 0 for "none given".
            seed=1,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        self.study = study
        self._check_directions()
        self._proposals = Proposals(
            study, bounded=max_trials is not None, default_first=default_first, tunes=self._tunes
        )
        self._optuna_trials: dict[str, optuna.Trial] = {}
        self._stopped = False
        self._deadline = None if timeout is None else time.monotonic() + timeout
        slots.fill(study, int(default_first) if max_trials is None else max_trials)

    def _check_directions(self) -> None:
        objectives = getattr(self.objective, "objectives", [self.objective])
        names = {StudyDirection.MINIMIZE: "min", StudyDirection.MAXIMIZE: "max"}
        directions = [names.get(direction) for direction in self.study.directions]
        self._separate = len(directions) > 1
        expected = objectives if self._separate else [self.objective]
        if directions != [objective.direction for objective in expected]:
            told = ", ".join(f"{item.name} ({item.direction})" for item in expected)
            raise ValueError(f"the study's directions are {directions}, the objectives are {told}")

    def _tunes(self, entry: HyperParameter) -> bool:
        known: bool = self.hyperparameters._exists(entry.name, entry.conditions)
        return known or (self.tune_new_entries and self.allow_new_entries)

    @synchronized
    def create_trial(self, tuner_id: str) -> Trial:
        """Take a trial from the study and fill in its values.

        Args:
            tuner_id: Who will run it. The study is told of the process where the id names none.

        Returns:
            A trial of status RUNNING, or of status STOPPED when the budget is used up or the space
            is exhausted.
        """
        if tuner_id in self.ongoing_trials or self._retry_queue:
            return super().create_trial(tuner_id)
        over = self._is_over()
        proposal = None if over else self._proposals.take(self.hyperparameters, _owner(tuner_id))
        if proposal is None:
            self.tuner_ids.discard(tuner_id)
            return Trial(self.get_space(), trial_id="", status=TrialStatus.STOPPED)
        optuna_trial, hyperparameters = proposal
        trial = Trial(hyperparameters, trial_id=_name(optuna_trial.number))
        self._optuna_trials[trial.trial_id] = optuna_trial
        self.tuner_ids.add(tuner_id)
        self._record_values(trial)
        self.ongoing_trials[tuner_id] = trial
        self.trials[trial.trial_id] = trial
        self.start_order.append(trial.trial_id)
        self._save_trial(trial)
        self.save()
        self._display.on_trial_begin(trial)
        return trial

    def _is_over(self) -> bool:
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return self._stopped or self._proposals.exhausted or late

    def optuna_trial(self, trial_id: str) -> optuna.Trial:
        """Give the study's side of a running trial, to report values or set attributes.

        Args:
            trial_id: KerasTuner's id of the trial.

        Returns:
            The trial of the study.
        """
        return self._optuna_trials[trial_id]

    def prune(self, trial_id: str) -> None:
        """End a trial as pruned in the study; its reported values stay.

        Args:
            trial_id: KerasTuner's id of the trial.
        """
        self._tell(int(trial_id), None, TrialState.PRUNED)

    @synchronized
    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Trial:
        """Record metrics of a running trial; of several objectives their sum as well.

        Args:
            trial_id: KerasTuner's id of the trial.
            metrics: Values by name, the objectives among them.
            step: The epoch they belong to.

        Returns:
            The trial.

        Raises:
            ValueError: If an objective is missing.
        """
        if hasattr(self.objective, "objectives") and self.objective.has_value(metrics):
            metrics = {self.objective.name: self.objective.get_value(metrics), **metrics}
        return super().update_trial(trial_id, metrics, step)

    @synchronized
    def end_trial(self, trial: Trial) -> None:
        """End a trial in KerasTuner and tell the study.

        Args:
            trial: The trial, with its status and message.

        Raises:
            RuntimeError: If too many trials in a row have failed, or the trial met an entry of
                the space where none is allowed.
        """
        ended = self.trials[trial.trial_id]
        try:
            super().end_trial(trial)
        except Exception as error:
            self._drop(ended, error)
            raise
        finally:
            self._tell_end(ended)

    def _drop(self, trial: Trial, error: Exception) -> None:
        """Finish what KerasTuner leaves undone when it refuses to go on."""
        if trial.status != TrialStatus.FAILED:
            trial.status, trial.message = TrialStatus.FAILED, str(error)
        self.ongoing_trials = {
            tuner_id: other
            for tuner_id, other in self.ongoing_trials.items()
            if other.trial_id != trial.trial_id
        }
        self._save_trial(trial)
        self.save()

    def _tell_end(self, trial: Trial) -> None:
        number = int(trial.trial_id)
        if trial.status == TrialStatus.COMPLETED:
            self._tell(number, self._values(trial), TrialState.COMPLETE)
        elif trial.status == TrialStatus.FAILED:
            lines = (trial.message or "its score is not a number").strip().splitlines()
            slots.fail(self.study, number, lines[-1])
        if trial.status in (TrialStatus.COMPLETED, TrialStatus.FAILED):
            self._optuna_trials.pop(trial.trial_id, None)
            # What is built from them from now on asks the study for nothing.
            trial.hyperparameters = trial.hyperparameters.copy()

    def _values(self, trial: Trial) -> list[float]:
        if not self._separate:
            return [trial.score]
        values = []
        for objective in self.objective.objectives:
            # All of one step: the best of each might belong to epochs that lie apart.
            history = {item.step: item.mean() for item in trial.metrics.get_history(objective.name)}
            best = trial.metrics.get_best_value(objective.name)
            values.append(history.get(trial.best_step, best))
        return values

    def _tell(self, number: int, values: list[float] | None, state: TrialState) -> None:
        try:
            self.study.tell(number, values, state=state, skip_if_finished=True)
        except RuntimeError as error:
            # Samplers that enumerate end `Study.optimize` by this call, which refuses to be made
            # outside of it. The trial itself has been stored by then.
            if _STOP_REFUSED not in str(error):
                raise
            self._stopped = True

    def get_space(self) -> keras_tuner.HyperParameters:
        """Give a copy of the space as it is known by now."""
        return ScopedHyperParameters.from_config(self.hyperparameters.get_config())

    def remaining_trials(self) -> int | None:
        """Count the trials of the budget that nobody has begun; None where it has no bound."""
        if self.max_trials is None:
            return None
        return sum(trial.state == TrialState.WAITING for trial in counted(self.study))

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """Give the best complete trials of the study, whoever ran them.

        Of several objectives KerasTuner's sum decides; `study.best_trials` is the front. Models
        of trials that other processes ran are found only in a project folder shared with them.

        Args:
            num_trials: How many at most.

        Returns:
            The trials, best first.
        """
        frozen = {_name(trial.number): trial for trial in self.study.get_trials(deepcopy=False)}
        complete = {
            name: self._from_study(trial)
            for name, trial in frozen.items()
            if trial.state == TrialState.COMPLETE and name not in self.trials
        }
        for name, trial in self.trials.items():
            pruned = name in frozen and frozen[name].state == TrialState.PRUNED
            if trial.status == TrialStatus.COMPLETED and not pruned:
                complete[name] = trial
        reverse = self.objective.direction == "max"
        return sorted(complete.values(), key=lambda it: it.score, reverse=reverse)[:num_trials]

    def _from_study(self, frozen: FrozenTrial) -> Trial:
        trial = Trial(self.get_space(), _name(frozen.number), TrialStatus.COMPLETED)
        trial.hyperparameters.values = plain_values(self.hyperparameters.space, frozen)
        if self._separate:
            names = [objective.name for objective in self.objective.objectives]
            trial.score = self.objective.get_value(dict(zip(names, frozen.values, strict=True)))
        else:
            trial.score = frozen.values[0]
        return trial

    def get_state(self) -> dict[str, Any]:
        """Give KerasTuner's state, and the name of the study it belongs to."""
        return {**super().get_state(), _STUDY: self.study.study_name}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take KerasTuner's state; of another study's only the space.

        Args:
            state: What `get_state` gave.
        """
        super().set_state(state)
        if state.get(_STUDY) != self.study.study_name:
            self.trials = {}

    def reload(self) -> None:
        """Reload KerasTuner's files; the study decides which trials there are and still run."""
        super().reload()
        frozen = {_name(trial.number): trial for trial in self.study.get_trials(deepcopy=False)}
        begun = {name for name, trial in frozen.items() if trial.state != TrialState.WAITING}
        self.trials = {name: self.trials[name] for name in self.trials if name in begun}
        self.start_order = [name for name in self.start_order if name in self.trials]
        self.end_order = [name for name in self.end_order if name in self.trials]
        self._retry_queue = [
            name for name in self._retry_queue if name in self.trials and _is_idle(frozen[name])
        ]
        for name in self._retry_queue:
            optuna_trial = optuna.Trial(self.study, frozen[name]._trial_id)
            self._optuna_trials[name] = optuna_trial
            self.trials[name].hyperparameters = self._proposals.fill(
                optuna_trial, self.hyperparameters, lost.worker_name(os.getpid())
            )


def _name(number: int) -> str:
    return f"{number:04d}"


def _owner(tuner_id: str) -> str:
    """Name whoever runs a trial so that it can be found out whether he still does."""
    # KerasTuner calls every tuner `tuner0`.
    names_process = tuner_id.rpartition("-")[2].isdigit()
    return tuner_id if names_process else lost.worker_name(os.getpid())


def _is_idle(trial: FrozenTrial) -> bool:
    """Say whether a trial waits for this process: its own, or one whose process is gone."""
    own = trial.user_attrs.get(WORKER) == lost.worker_name(os.getpid())
    return trial.state == TrialState.RUNNING and (own or lost._is_lost(trial, None))
