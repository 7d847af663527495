"""The bridge: a KerasTuner oracle whose proposals come from an Optuna study."""

import logging
import os
import time
from collections.abc import Sequence
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.trial import FrozenTrial, TrialState

from results.study import WORKER, agreed_objectives
from search.bridge.display import Display
from search.bridge.synchronized import synchronized
from search.bridge.tell import Outcomes, StudyTrial, name_of, reason_of
from search.queue import (
    ScopedHyperParameters,
    StartingPoint,
    StudySpace,
    TooManyFailures,
    TrialQueue,
    are_too_many,
    param_key,
    queue as slots,
    stale_trials as lost,
    to_distribution,
)

log = logging.getLogger(__name__)

_STUDY = "study"


class OptunaOracle(keras_tuner.Oracle):
    """Let any `keras_tuner.Tuner` take its trials from an Optuna study.

    The study brings the sampler, the pruner and the storage; KerasTuner brings the hypermodel and
    the training. Any number of oracles, in any number of processes or machines, can serve one
    study: `max_trials` then counts the study's trials, and is exact.

    The space is the program's, as `hyperparameters` and the hypermodel have it now, and never that
    of KerasTuner's files. The ends of a range may differ from those of the study's earlier trials.

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
        starting_points: What the first trials of a study take: values by name; what a point does
            not name takes its default, so `[{}]` begins with all the defaults.
        seed: Of the points that take the place of those that the sampler proposed twice. The
            study's sampler has a seed of its own.

    Raises:
        ValueError: If the study's values are of other objectives, or of other directions,
            `max_trials` is below 1 or `timeout` below 0.
        ChangedSpace: A ValueError, here or where an entry is met: if the study's trials had other
            choices for it, or another kind of range.
    """

    hyperparameters: keras_tuner.HyperParameters
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
        starting_points: Sequence[StartingPoint] = (),
        seed: int | None = None,
    ) -> None:
        check_limits(max_trials, timeout)
        super().__init__(
            objective=objective,
            max_trials=max_trials,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            # Nothing here draws by it. KerasTuner takes 0 for "none given".
            seed=1,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        self.study = study
        self._outcomes = Outcomes(study, self.objective)
        self._check_objectives()
        self._study_space = StudySpace(study)
        self._study_space.admit(self.hyperparameters.space)
        self._queue = TrialQueue(
            study,
            self.hyperparameters,
            budget=max_trials,
            starting_points=starting_points,
            tunes=self._tunes,
            held={param_key(entry) for entry in self.hyperparameters.space},
            seed=seed or 0,
        )
        self._optuna_trials: dict[str, optuna.Trial] = {}
        self._pruned: set[str] = set()
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._display = Display(self)

    def _check_objectives(self) -> None:
        known = agreed_objectives(self.study, self._outcomes.names, corrects=True)
        if known != self._outcomes.names:
            raise ValueError(
                f"study '{self.study.study_name}' ranks its trials by {', '.join(known)}, not by "
                f"{', '.join(self._outcomes.names)}; use another project_name, or another study"
            )

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
        late = self.is_late
        self._queue.space = self.hyperparameters
        asked = None if late else self._queue.ask(_owner(tuner_id))
        if asked is None:
            if late:
                self._display.on_search_end(f"its time of {self._timeout:g} s is over")
            elif self.is_exhausted:
                self._display.on_search_end("no point of the space is left to be tried")
            self.tuner_ids.discard(tuner_id)
            return Trial(self.get_space(), trial_id="", status=TrialStatus.STOPPED)
        trial = StudyTrial(asked.hyperparameters, trial_id=name_of(asked.number))
        self._optuna_trials[trial.trial_id] = asked.trial
        self.tuner_ids.add(tuner_id)
        self._record_values(trial)
        self.ongoing_trials[tuner_id] = trial
        self.trials[trial.trial_id] = trial
        self.start_order.append(trial.trial_id)
        self._save_trial(trial)
        self.save()
        self._display.on_trial_begin(trial)
        return trial

    @property
    def is_late(self) -> bool:
        """Whether `timeout` has passed: no trial is begun any more."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    @property
    def is_exhausted(self) -> bool:
        """Whether the sampler, or the space, has nothing new to propose."""
        return self._queue.is_exhausted

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

        In KerasTuner it ends as STOPPED: neither complete nor failed, and never the best.
        To raise `optuna.TrialPruned` while it runs does the same.

        Args:
            trial_id: KerasTuner's id of the trial.
        """
        self._pruned.add(trial_id)
        if self._outcomes.prune(trial_id):
            self._queue.is_exhausted = True

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
            TooManyFailures: If too many trials in a row have failed.
            RuntimeError: If the trial met an entry of the space where none is allowed.
        """
        ended = self.trials[trial.trial_id]
        if isinstance(trial, StudyTrial) and trial.is_pruned:
            self.prune(trial.trial_id)
        if _moved(trial):
            trial.status = TrialStatus.FAILED
        if trial.trial_id in self._pruned:
            # KerasTuner's word for it: neither to be retried nor to be ranked.
            trial.status = TrialStatus.STOPPED
        try:
            super().end_trial(trial)
        except Exception as error:
            self._drop(ended, error)
            raise
        finally:
            self._finish(ended)

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

    def _check_consecutive_failures(self) -> None:
        # Of the study, not of this process: each of many workers would have its own failures.
        last, limit = self.end_order[-1], self.max_consecutive_failed_trials
        if _moved(self.trials[last]):
            return
        failed = self.trials[last].status == TrialStatus.FAILED and last not in self._pruned
        if not failed and last not in self._pruned:
            return
        if are_too_many(self.study, limit, ending=int(last) if failed else None):
            why = reason_of(self.trials[last])
            raise TooManyFailures(
                f"Number of consecutive failures exceeded the limit of {limit}; the last: {why}"
            )

    def _finish(self, trial: Trial) -> None:
        if _moved(trial):
            frozen = self.study.get_trials(deepcopy=False)[int(trial.trial_id)]
            slots.replace(self.study, frozen, _moved(trial), same_values=False)
        if trial.trial_id not in self._pruned and self._outcomes.tell(trial):
            self._queue.is_exhausted = True
        if trial.status != TrialStatus.INVALID:
            self._optuna_trials.pop(trial.trial_id, None)
            if trial.status == TrialStatus.COMPLETED or trial.trial_id in self._pruned:
                _tell_unmet(trial)
            # What is built from them from now on asks the study for nothing.
            trial.hyperparameters = trial.hyperparameters.copy()

    def update_space(self, hyperparameters: keras_tuner.HyperParameters) -> None:
        """Add the entries that are new; before any trial is asked for them, the study is.

        Args:
            hyperparameters: Entries that a hypermodel has.

        Raises:
            ChangedSpace: If the study's trials had something else under the name of one.
            RuntimeError: If there are new ones where none are allowed.
        """
        if self.tune_new_entries and self.allow_new_entries:
            self._study_space.admit(hyperparameters.space)
        super().update_space(hyperparameters)

    def get_space(self) -> keras_tuner.HyperParameters:
        """Give a copy of the space as it is known by now."""
        return ScopedHyperParameters.from_config(self.hyperparameters.get_config())

    def remaining_trials(self) -> int | None:
        """Count the trials of the budget that nobody has begun; None where it has no bound."""
        if self.max_trials is None:
            return None
        return slots.look(self.study).remaining(self.max_trials)

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """Give the best complete trials of the study, whoever ran them.

        Of several objectives KerasTuner's sum decides; `study.best_trials` is the front. Models
        of trials that other processes ran are found only in a project folder shared with them.

        Args:
            num_trials: How many at most.

        Returns:
            The trials, best first.
        """
        # A tuner calls its trial complete before the oracle has given it a score.
        own = {
            name: trial
            for name, trial in dict(self.trials).items()
            if trial.status == TrialStatus.COMPLETED and trial.score is not None
            if name not in self._pruned
        }
        complete = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        others = {name_of(frozen.number): frozen for frozen in complete}
        scores = {name: self._outcomes.score(frozen) for name, frozen in others.items()}
        scores |= {name: trial.score for name, trial in own.items()}
        sign = -1 if self.objective.direction == "max" else 1
        ranked = sorted(scores, key=lambda name: (sign * scores[name], name))
        return [
            own[name] if name in own else self._read(others[name]) for name in ranked[:num_trials]
        ]

    def _read(self, frozen: FrozenTrial) -> Trial:
        space = self.get_space()
        space.merge(self._study_space.forgotten(space, frozen))
        return self._outcomes.read(frozen, space)

    def get_state(self) -> dict[str, Any]:
        """Give KerasTuner's state, and the name of the study it belongs to."""
        return {**super().get_state(), _STUDY: self.study.study_name}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take KerasTuner's state but for the space, which is this program's; of no other study.

        Args:
            state: What `get_state` gave.
        """
        space = self.hyperparameters
        super().set_state(state)
        self.hyperparameters = space
        if state.get(_STUDY) != self.study.study_name:
            self.trials = {}

    def reload(self) -> None:
        """Reload KerasTuner's files; the study decides which trials there are and still run."""
        super().reload()
        frozen = {name_of(trial.number): trial for trial in self.study.get_trials(deepcopy=False)}
        self._pruned = {name for name, it in frozen.items() if it.state == TrialState.PRUNED}
        moved = {
            name
            for name in self._retry_queue
            if name in frozen and _is_idle(frozen[name]) and self._has_moved(frozen[name])
        }
        for name in moved:
            slots.replace(self.study, frozen[name], "its ranges have changed", same_values=False)
        self.trials = {
            name: self.trials[name]
            for name, trial in frozen.items()
            if name in self.trials and trial.state != TrialState.WAITING and name not in moved
        }
        self.start_order = [name for name in self.start_order if name in self.trials]
        self.end_order = [name for name in self.end_order if name in self.trials]
        for by_name in (self._run_times, self._id_to_hash):
            for name in by_name.keys() - self.trials.keys():
                del by_name[name]
        self._retry_queue = [
            name for name in self._retry_queue if name in self.trials and _is_idle(frozen[name])
        ]
        for name in self._retry_queue:
            optuna_trial = optuna.Trial(self.study, frozen[name]._trial_id)
            self._optuna_trials[name] = optuna_trial
            self.trials[name] = StudyTrial.from_state(self.trials[name].get_state())
            self.trials[name].hyperparameters = self._queue.resume(
                optuna_trial, lost.worker_name(os.getpid())
            ).hyperparameters

    def _has_moved(self, frozen: FrozenTrial) -> bool:
        """Say whether a trial has values out of other ranges than those that the space has now."""
        now = {param_key(entry): to_distribution(entry) for entry in self.hyperparameters.space}
        return any(now.get(name, asked) != asked for name, asked in frozen.distributions.items())


def check_limits(max_trials: int | None, timeout: float | None) -> None:
    """Refuse a budget that cannot be meant.

    Args:
        max_trials: A number of trials; None for no bound.
        timeout: Seconds; None for no bound.

    Raises:
        ValueError: If there are fewer than one or none.
    """
    # KerasTuner itself takes 0 for "no bound", which nobody means who writes it.
    if max_trials is not None and max_trials < 1:
        raise ValueError(f"max_trials is {max_trials}, but must be 1 or more, or None for no bound")
    if timeout is not None and not timeout >= 0:
        raise ValueError(f"timeout is {timeout}, but must be 0 s or more, or None for no bound")


def _moved(trial: Trial) -> str:
    """Say why a trial is to be drawn again, where a range turned out to depend on another entry."""
    return getattr(trial.hyperparameters, "moved", "")


def _tell_unmet(trial: Trial) -> None:
    """Say which names of its starting point a trial that went to its end has not met."""
    unmet = getattr(trial.hyperparameters, "unmet", [])
    if unmet:
        log.warning(
            "trial %s: its starting point names %s, which the space does not have there",
            trial.trial_id,
            ", ".join(map(repr, unmet)),
        )


def _owner(tuner_id: str) -> str:
    """Name whoever runs a trial so that it can be found out whether he still does."""
    # KerasTuner calls every tuner `tuner0`.
    names_process = tuner_id.rpartition("-")[2].isdigit()
    return tuner_id if names_process else lost.worker_name(os.getpid())


def _is_idle(trial: FrozenTrial) -> bool:
    """Say whether a trial waits for this process: its own, or one whose process is gone."""
    own = trial.user_attrs.get(WORKER) == lost.worker_name(os.getpid())
    return trial.state == TrialState.RUNNING and (own or lost.is_lost(trial))
