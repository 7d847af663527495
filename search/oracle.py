"""The bridge: a KerasTuner oracle whose proposals come from an Optuna study."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import Fixed, HyperParameter
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

from results.store import WORKER
from search import slots
from search.distributions import distribution, key, to_internal, to_value
from search.keras_tuner_sampler import EXTRA, KerasTunerSampler

log = logging.getLogger(__name__)

_STOP_REFUSED = "Study.stop"


class AskedHyperParameters(keras_tuner.HyperParameters):
    """Hyperparameters that ask the sampler for every active entry, when it is first met.

    Registering the known space asks for each active entry in order, parents first; an entry that
    `build` meets for the first time is asked for too, where KerasTuner would take its default.

    Args:
        suggest: Gives the value of an entry.
    """

    def __init__(self, suggest: Callable[[HyperParameter], Any]) -> None:
        super().__init__()
        self._suggest = suggest

    def _register(self, hyperparameter: HyperParameter, overwrite: bool = False) -> Any:
        if hyperparameter.name not in self.values and self.is_active(hyperparameter):
            self.values[hyperparameter.name] = self._suggest(hyperparameter)
        return super()._register(hyperparameter, overwrite)


@contextlib.contextmanager
def _random_after(collisions: int, study: optuna.Study) -> Iterator[None]:
    """Draw at random after a known point: a deterministic sampler would propose it once more."""
    sampler = study.sampler
    if collisions:
        study.sampler = optuna.samplers.RandomSampler(seed=len(study.get_trials(deepcopy=False)))
    try:
        yield
    finally:
        study.sampler = sampler


class OptunaOracle(keras_tuner.Oracle):
    """Let any `keras_tuner.Tuner` take its trials from an Optuna study.

    The study brings the sampler, the pruner and the storage; KerasTuner brings the hypermodel and
    the training. Any number of oracles, in any number of processes or machines, can serve one
    study: `max_trials` then counts the study's trials, and is exact.

    KerasTuner's trial ids are the numbers of the study's trials. A trial that fails for good is
    FAIL in the study, with its message in the user attribute `reason`.

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
        self._optuna_trials: dict[str, optuna.Trial] = {}
        self._stopped = False
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._default_first = default_first
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

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> Trial:
        """Take a trial from the study and fill in its values.

        Args:
            tuner_id: Who will run it; recorded in the study.

        Returns:
            A trial of status RUNNING, or of status STOPPED when the budget is used up or the space
            is exhausted.
        """
        if tuner_id in self.ongoing_trials or self._retry_queue:
            return super().create_trial(tuner_id)
        found = self._propose(tuner_id)
        if found is None:
            return Trial(self.hyperparameters.copy(), trial_id="", status=TrialStatus.STOPPED)
        optuna_trial, hyperparameters = found
        trial = Trial(hyperparameters, trial_id=f"{optuna_trial.number:04d}")
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
        return self._stopped or late

    def _propose(self, tuner_id: str) -> tuple[optuna.Trial, keras_tuner.HyperParameters] | None:
        sampler = self.study.sampler
        if isinstance(sampler, KerasTunerSampler):
            sampler.space = self.hyperparameters
        starts = [self._defaults()] if self._default_first else []
        for collisions in range(self._max_collisions + 1):
            if self._is_over():
                return None
            with _random_after(collisions, self.study):
                trial = slots.claim(self.study, starts)
                if trial is None and self.max_trials is None:
                    trial = self.study.ask()
                if trial is None:
                    return None
                trial.set_user_attr(WORKER, tuner_id)
                hyperparameters = self._fill(trial)
            if isinstance(sampler, KerasTunerSampler):
                # Its engines repeat a point on purpose, or know when their space is used up.
                self._stopped = sampler.exhausted
                if not self._stopped:
                    return trial, hyperparameters
            elif not self._is_duplicate(trial):
                return trial, hyperparameters
            frozen = self.study.get_trials(deepcopy=False)[trial.number]
            slots.replace(self.study, frozen, "proposed before", same_values=False)
        log.info(
            "only known points in %d proposals: the space is taken as exhausted",
            self._max_collisions + 1,
        )
        self._stopped = True
        return None

    def _defaults(self) -> dict[str, Any]:
        """Give the defaults of the entries that are active at their defaults."""
        defaults = keras_tuner.HyperParameters()
        defaults.merge(self.hyperparameters.space)
        return {
            key(entry): to_internal(entry, entry.default)
            for entry in defaults.space
            if defaults.is_active(entry) and distribution(entry) is not None
        }

    def _fill(self, trial: optuna.Trial) -> keras_tuner.HyperParameters:
        hyperparameters = AskedHyperParameters(lambda entry: self._suggest(trial, entry))
        hyperparameters.merge(self.hyperparameters.space, overwrite=False)
        hyperparameters.values.update(trial.user_attrs.get(EXTRA, {}))
        return hyperparameters

    def _suggest(self, trial: optuna.Trial, entry: HyperParameter) -> Any:
        known = self.hyperparameters._exists(entry.name, entry.conditions)
        if not known and not self.tune_new_entries:
            return entry.default
        match distribution(entry):
            case None:
                assert isinstance(entry, Fixed)
                return entry.value
            case CategoricalDistribution() as categorical:
                internal: Any = trial.suggest_categorical(key(entry), categorical.choices)
            case IntDistribution() as integer:
                internal = trial.suggest_int(
                    key(entry), integer.low, integer.high, step=integer.step, log=integer.log
                )
            case FloatDistribution() as real:
                internal = trial.suggest_float(
                    key(entry), real.low, real.high, step=real.step, log=real.log
                )
        return to_value(entry, internal)

    def _is_duplicate(self, trial: optuna.Trial) -> bool:
        trials = self.study.get_trials(deepcopy=False)
        proposed = trials[trial.number]
        if not proposed.params or proposed.system_attrs.get(slots.FIXED):
            return False
        extra = proposed.user_attrs.get(EXTRA)
        return any(
            other.params == proposed.params and other.user_attrs.get(EXTRA) == extra
            for other in trials[: trial.number]
            if other.state != TrialState.FAIL
        )

    def prune(self, trial_id: str) -> None:
        """End a trial as pruned in the study; its reported values stay.

        Args:
            trial_id: KerasTuner's id of the trial.
        """
        self._tell(int(trial_id), None, TrialState.PRUNED)

    def optuna_trial(self, trial_id: str) -> optuna.Trial:
        """Give the study's side of a running trial, to report values or set attributes.

        Args:
            trial_id: KerasTuner's id of the trial.

        Returns:
            The trial of the study.
        """
        return self._optuna_trials[trial_id]

    def end_trial(self, trial: Trial) -> None:
        """End a trial in KerasTuner and tell the study.

        Args:
            trial: The trial, with its status and message.

        Raises:
            RuntimeError: If too many trials in a row have failed.
        """
        error = self._end_trial(trial)
        if error is not None:
            raise error

    @keras_tuner.synchronized
    def _end_trial(self, trial: Trial) -> RuntimeError | None:
        # An exception that leaves a synchronized method keeps KerasTuner's lock: hand it out.
        error = None
        try:
            super().end_trial(trial)
        except RuntimeError as failures:
            error = failures
        ended = self.trials[trial.trial_id]
        number = int(trial.trial_id)
        if ended.status == TrialStatus.COMPLETED:
            self._tell(number, self._values(ended), TrialState.COMPLETE)
        elif ended.status == TrialStatus.FAILED:
            lines = (ended.message or "its score is not a number").strip().splitlines()
            slots.fail(self.study, number, lines[-1])
        if ended.status != TrialStatus.INVALID:
            self._optuna_trials.pop(trial.trial_id, None)
        return error

    def _values(self, trial: Trial) -> list[float]:
        if not self._separate:
            return [trial.score]
        return [
            trial.metrics.get_best_value(objective.name) for objective in self.objective.objectives
        ]

    def _tell(self, number: int, values: list[float] | None, state: TrialState) -> None:
        try:
            self.study.tell(number, values, state=state, skip_if_finished=True)
        except RuntimeError as error:
            # Samplers that enumerate end `Study.optimize` by this call, which refuses to be made
            # outside of it. The trial itself has been stored by then.
            if _STOP_REFUSED not in str(error):
                raise
            self._stopped = True

    def reload(self) -> None:
        """Reload KerasTuner's files; the study decides which trials still run."""
        super().reload()
        running = {
            f"{trial.number:04d}": trial
            for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        }
        self._retry_queue: list[str] = [
            trial_id for trial_id in self._retry_queue if trial_id in running
        ]
        for trial_id in self._retry_queue:
            self._optuna_trials[trial_id] = optuna.Trial(self.study, running[trial_id]._trial_id)
