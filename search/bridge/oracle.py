"""The bridge: a KerasTuner oracle whose proposals come from an Optuna study."""

import functools
import json
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from results.study import WORKER, agreed_objectives
from search.bridge.trials import Display, StudyTrial, describe_failure
from search.optuna_private import open_trial
from search.queue import (
    AskedTrial,
    TooManyFailures,
    TrialQueue,
    are_too_many,
    is_lost,
    retry_trial,
    worker_name,
)
from search.sampling import (
    ScopedHyperParameters,
    StartingPoint,
    param_key,
    plain_values,
    to_distribution,
    trial_name,
)

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

_STUDY = "study"
_DIRECTIONS = {StudyDirection.MINIMIZE: "min", StudyDirection.MAXIMIZE: "max"}


def _synchronized(method: Callable[P, R]) -> Callable[P, R]:
    """Let one thread at a time into an oracle's synchronized methods.

    `keras_tuner.synchronized` alone keeps its lock when an exception passes it: the next thread
    would wait for ever.
    """

    @keras_tuner.synchronized
    @functools.wraps(method)
    def held(*args: P.args, **kwargs: P.kwargs) -> tuple[Any, BaseException | None]:
        try:
            return method(*args, **kwargs), None
        except BaseException as error:
            return None, error

    @functools.wraps(method)
    def freed(*args: P.args, **kwargs: P.kwargs) -> R:
        result, error = held(*args, **kwargs)
        if error is not None:
            raise error
        returned: R = result
        return returned

    return freed


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
            objective=sole_objective(objective),
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
        self._check_objectives()
        self.queue = TrialQueue(
            study,
            self.hyperparameters,
            budget=max_trials,
            starting_points=starting_points,
            seed=seed or 0,
            tunes=self._tunes,
            held={param_key(entry) for entry in self.hyperparameters.space},
        )
        self._asked: dict[str, AskedTrial] = {}
        self._pruned: set[str] = set()
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._display = Display(self)
        # Why no trial is begun any more, whatever is left of the budget.
        self._stopped = ""

    # ---- objectives ----------------------------------------------------------------------------

    @property
    def _parts(self) -> list[Any]:
        """The objectives one by one."""
        return list(getattr(self.objective, "objectives", [self.objective]))

    @property
    def _makes_front(self) -> bool:
        return len(self.study.directions) > 1

    def _check_objectives(self) -> None:
        ranked = self._parts if self._makes_front else [self.objective]
        directions = [_DIRECTIONS.get(direction) for direction in self.study.directions]
        if directions != [item.direction for item in ranked]:
            expected = ", ".join(f"{item.name} ({item.direction})" for item in ranked)
            raise ValueError(
                f"the study's directions are {directions}, the objectives are {expected}"
            )
        names = [part.name for part in self._parts]
        if len(names) > 1 and not self._makes_front:
            # KerasTuner's sum is named by its parts.
            signs = {"min": "+", "max": "-"}
            signed = sorted(f"{signs[part.direction]}{part.name}" for part in self._parts)
            names = [" ".join(signed)]
        known = agreed_objectives(self.study, names, corrects=True)
        if known != names:
            raise ValueError(
                f"study '{self.study.study_name}' ranks its trials by {', '.join(known)}, not by "
                f"{', '.join(names)}; use another project_name, or another study"
            )

    def _values(self, trial: Trial) -> list[float]:
        """Return what the study is told of a complete trial."""
        if not self._makes_front:
            return [trial.score]
        values = []
        for part in self._parts:
            # All of one step: the best of each might belong to epochs that lie apart.
            history = {item.step: item.mean() for item in trial.metrics.get_history(part.name)}
            best = trial.metrics.get_best_value(part.name)
            values.append(history.get(trial.best_step, best))
        return values

    def _score(self, complete: FrozenTrial) -> float:
        """Return the number that KerasTuner ranks a trial by; of several objectives their sum."""
        if not self._makes_front:
            return float(complete.values[0])
        names = [part.name for part in self._parts]
        return float(self.objective.get_value(dict(zip(names, complete.values, strict=True))))

    # ---- a trial's way -------------------------------------------------------------------------

    def _tunes(self, entry: HyperParameter) -> bool:
        known: bool = self.hyperparameters._exists(entry.name, entry.conditions)
        return known or (self.tune_new_entries and self.allow_new_entries)

    @_synchronized
    def create_trial(self, tuner_id: str) -> Trial:
        """Take a trial from the study and fill in its values.

        Returns:
            A trial of status RUNNING, or of status STOPPED when the budget is used up or the space
            is exhausted.
        """
        if tuner_id in self.ongoing_trials or self._retry_queue:
            return super().create_trial(tuner_id)
        self.queue.space = self.hyperparameters
        self.queue.budget = self.max_trials  # A program may have raised it.
        late = self.is_late
        # Others tell by the process if it is still alive; KerasTuner calls every tuner `tuner0`.
        owner = worker_name(os.getpid())
        asked = None if late or self._stopped else self.queue.ask(owner)
        if asked is None:
            if self._stopped:
                self._display.on_search_end(self._stopped)
            elif late:
                self._display.on_search_end(f"its time of {self._timeout:g} s is over")
            elif self.is_exhausted:
                self._display.on_search_end("no point of the space is left to be tried")
            self.tuner_ids.discard(tuner_id)
            return Trial(self.get_space(), trial_id="", status=TrialStatus.STOPPED)
        trial = StudyTrial(asked.hyperparameters, trial_id=trial_name(asked.number))
        self._asked[trial.trial_id] = asked
        self.tuner_ids.add(tuner_id)
        self._record_values(trial)
        self.ongoing_trials[tuner_id] = trial
        self.trials[trial.trial_id] = trial
        self.start_order.append(trial.trial_id)
        self._save_trial(trial)
        self.save()
        self._display.on_trial_begin(trial)
        return trial

    def stop(self, why: str) -> None:
        """Begin no other trial.

        Args:
            why: What is printed as the reason; an empty one takes an earlier call back.
        """
        self._stopped = why

    @property
    def is_late(self) -> bool:
        """Whether `timeout` has passed: no trial is begun any more."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    @property
    def is_exhausted(self) -> bool:
        """Whether the sampler, or the space, has nothing new to propose."""
        return self.queue.is_exhausted

    def asked_trial(self, trial_id: str) -> AskedTrial:
        """Return the queue's side of the running trial with KerasTuner's id."""
        return self._asked[trial_id]

    def optuna_trial(self, trial_id: str) -> optuna.Trial:
        """Return the study's side of a running trial, to report values or set attributes.

        Args:
            trial_id: KerasTuner's id of the trial.

        Returns:
            The trial of the study.
        """
        return self._asked[trial_id].trial

    def prune(self, trial_id: str) -> None:
        """End a trial as pruned in the study; its reported values stay.

        In KerasTuner it ends as STOPPED: neither complete nor failed, and never the best.
        To raise `optuna.TrialPruned` while it runs does the same.

        Args:
            trial_id: KerasTuner's id of the trial.
        """
        if trial_id not in self._pruned:
            self._pruned.add(trial_id)
            self.queue.tell(self._asked[trial_id], state=TrialState.PRUNED)

    @_synchronized
    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Trial:
        """Record metrics of a running trial; of several objectives their sum as well.

        Raises:
            ValueError: If an objective is missing.
        """
        if hasattr(self.objective, "objectives") and self.objective.has_value(metrics):
            metrics = {self.objective.name: self.objective.get_value(metrics), **metrics}
        return super().update_trial(trial_id, metrics, step)

    @_synchronized
    def end_trial(self, trial: Trial) -> None:
        """End a trial, with its status and message, in KerasTuner and tell the study.

        Raises:
            TooManyFailures: If too many trials in a row have failed.
            RuntimeError: If the trial met an entry that `allow_new_entries` forbids.
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
        if limit is None or limit < 0 or _moved(self.trials[last]):
            return
        failed = self.trials[last].status == TrialStatus.FAILED and last not in self._pruned
        if not failed and last not in self._pruned:
            return
        if are_too_many(self.study, limit, ending=int(last) if failed else None):
            why = describe_failure(self.trials[last])
            raise TooManyFailures(
                f"Number of consecutive failures exceeded the limit of {limit}; the last: {why}"
            )

    def _finish(self, trial: Trial) -> None:
        """Tell the study of a trial's end."""
        asked = self._asked.get(trial.trial_id)
        if asked is None or trial.status == TrialStatus.INVALID:
            return  # KerasTuner repeats it.
        if trial.trial_id not in self._pruned:
            if trial.status == TrialStatus.COMPLETED:
                self.queue.tell(asked, self._values(trial))
            else:
                self.queue.tell(asked, state=TrialState.FAIL, reason=describe_failure(trial))
        del self._asked[trial.trial_id]
        # What is built from them from now on asks the study for nothing.
        trial.hyperparameters = trial.hyperparameters.copy()

    # ---- the space -----------------------------------------------------------------------------

    def update_space(self, hyperparameters: keras_tuner.HyperParameters) -> None:
        """Add the entries that are new; before any trial is asked for them, the study is.

        Raises:
            ChangedSpace: If the study's trials had something else under the name of one.
            RuntimeError: If there are new ones that `allow_new_entries` forbids.
        """
        if self.tune_new_entries and self.allow_new_entries:
            self.queue.space = self.hyperparameters
            self.queue.learn(hyperparameters.space)
        super().update_space(hyperparameters)

    def get_space(self) -> keras_tuner.HyperParameters:
        """Return a copy of the space as it is known by now."""
        return ScopedHyperParameters.from_config(self.hyperparameters.get_config())

    # ---- results -------------------------------------------------------------------------------

    def remaining_trials(self) -> int | None:
        """Count the trials of the budget that nobody has begun; None if it has no bound."""
        self.queue.budget = self.max_trials
        return self.queue.remaining

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """Return the best complete trials of the study, best first, whoever ran them.

        Of several objectives KerasTuner's sum decides; `study.best_trials` is the front. Models
        of trials that other processes ran are found only in a project folder shared with them.
        """
        # A tuner calls its trial complete before the oracle has given it a score.
        own = {
            name: trial
            for name, trial in dict(self.trials).items()
            if trial.status == TrialStatus.COMPLETED and trial.score is not None
            if name not in self._pruned
        }
        complete = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        others = {trial_name(it.number): it for it in complete}
        scores = {name: self._score(it) for name, it in others.items()}
        scores |= {name: trial.score for name, trial in own.items()}
        sign = -1 if self.objective.direction == "max" else 1
        ranked = sorted(scores, key=lambda name: (sign * scores[name], name))
        return [
            own[name] if name in own else self._read(others[name]) for name in ranked[:num_trials]
        ]

    def _read(self, complete: FrozenTrial) -> Trial:
        """Read a complete trial of the study as KerasTuner has it."""
        space = self.get_space()
        space.merge(self.queue.forgotten(complete))
        space.values = plain_values(space.space, complete)
        trial = Trial(space, trial_name(complete.number), TrialStatus.COMPLETED)
        trial.score = self._score(complete)
        reported = {
            step: value
            for step, value in complete.intermediate_values.items()
            if not math.isnan(value)
        }
        if reported:
            best = max if self.objective.direction == "max" else min
            value = best(reported.values())
            # KerasTuner counts epochs from 0, and takes the first of equals.
            trial.best_step = min(step for step in reported if reported[step] == value) - 1
        return trial

    # ---- KerasTuner's files --------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Return KerasTuner's state, and the name of the study it belongs to."""
        return {**super().get_state(), _STUDY: self.study.study_name}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take KerasTuner's state but for the space, which is this program's; of no other study."""
        space = self.hyperparameters
        super().set_state(state)
        self.hyperparameters = space
        if state.get(_STUDY) != self.study.study_name:
            self.trials = {}

    def reload(self) -> None:
        """Reload KerasTuner's files; the study decides which trials there are and still run."""
        try:
            super().reload()
        except json.JSONDecodeError as error:
            # KerasTuner writes them in place, so one that was killed may have left half a file.
            log.warning(
                "%s: a file of KerasTuner's is damaged (%s); its trials are read from the study",
                *(self._project_dir, error),
            )
            self.trials, self.ongoing_trials = {}, {}
            self.start_order, self.end_order, self._retry_queue = [], [], []
        known = {trial_name(trial.number): trial for trial in self.study.get_trials(deepcopy=False)}
        self._pruned = {name for name, it in known.items() if it.state == TrialState.PRUNED}
        idle = [name for name in self._retry_queue if name in known and _is_idle(known[name])]
        moved = {name for name in idle if self._has_moved(known[name])}
        for name in moved:
            retry_trial(self.study, known[name], "its ranges have changed", same_values=False)
        self.trials = {
            name: self.trials[name]
            for name, trial in known.items()
            if name in self.trials and trial.state != TrialState.WAITING and name not in moved
        }
        self.start_order = [name for name in self.start_order if name in self.trials]
        self.end_order = [name for name in self.end_order if name in self.trials]
        for by_name in (self._run_times, self._id_to_hash):
            for name in by_name.keys() - self.trials.keys():
                del by_name[name]
        self._retry_queue = [name for name in idle if name in self.trials]
        for name in self._retry_queue:
            running = open_trial(self.queue.study, known[name])
            asked = self._asked[name] = self.queue.resume(running, worker_name(os.getpid()))
            self.trials[name] = StudyTrial.from_state(self.trials[name].get_state())
            self.trials[name].hyperparameters = asked.hyperparameters

    def _has_moved(self, frozen: FrozenTrial) -> bool:
        """Return True if a trial has values out of other ranges than those of the space now."""
        now = {param_key(entry): to_distribution(entry) for entry in self.hyperparameters.space}
        return any(now.get(name, asked) != asked for name, asked in frozen.distributions.items())


def sole_objective(objective: Any) -> Any:
    """Return the objective of a list of one, which KerasTuner would call `multi_objective`."""
    return objective[0] if isinstance(objective, list) and len(objective) == 1 else objective


def check_limits(max_trials: int | None, timeout: float | None) -> None:
    """Refuse a `max_trials` below 1 or a `timeout` below 0."""
    # KerasTuner itself takes 0 for "no bound", which nobody means who writes it.
    if max_trials is not None and max_trials < 1:
        raise ValueError(f"max_trials is {max_trials}, but must be 1 or more, or None for no bound")
    if timeout is not None and not timeout >= 0:
        raise ValueError(f"timeout is {timeout}, but must be 0 s or more, or None for no bound")


def _moved(trial: Trial) -> str:
    """Return why a trial is to be sampled again, if a range depends on another entry; else ""."""
    return getattr(trial.hyperparameters, "moved", "")


def _is_idle(trial: FrozenTrial) -> bool:
    """Return True if a trial waits for this process: its own, or one whose process is gone."""
    own = trial.user_attrs.get(WORKER) == worker_name(os.getpid())
    return trial.state == TrialState.RUNNING and (own or is_lost(trial))
