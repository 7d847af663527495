"""What a trial ends with: KerasTuner's metrics as the study's values, and the other way round."""

import sys
import traceback
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.common import describe_error
from search.queue import plain_values, queue as slots

_DIRECTIONS = {StudyDirection.MINIMIZE: "min", StudyDirection.MAXIMIZE: "max"}


def name_of(number: int) -> str:
    """Give KerasTuner's id of a trial.

    Args:
        number: The trial's number in the study.

    Returns:
        For example `0007`.
    """
    return f"{number:04d}"


class StudyTrial(Trial):
    """A trial that knows what ended it: KerasTuner keeps no more of an exception than its text.

    Attributes:
        reason: The exception in one line; empty if there was none.
        is_pruned: Whether it was an `optuna.TrialPruned`.
    """

    describe_error = ""
    is_pruned = False
    _message: str | None = None

    @property
    def message(self) -> str | None:
        """The text that KerasTuner keeps: of an exception its whole traceback."""
        return self._message

    @message.setter
    def message(self, text: str | None) -> None:
        # The oracle copies the text from one trial to the other, when no exception is handled.
        if text == self._message:
            return
        # The exception itself would keep the model alive.
        error = sys.exc_info()[1] if text else None
        self._message = text
        self.reason = describe_error(error) if error else ""
        self.is_pruned = isinstance(error, optuna.TrialPruned)


def reason_of(trial: Trial) -> str:
    """Say in one line why a trial failed.

    Args:
        trial: KerasTuner's side of a trial that failed.

    Returns:
        The exception's type and first line; of a text by anybody else its last line.
    """
    message: str = trial.message or "its score is not a number"
    return getattr(trial, "reason", "") or (message.strip().splitlines() or [""])[-1]


class Outcomes:
    """Tells a study of trials' ends.

    Args:
        study: The study.
        objective: KerasTuner's objective, of one metric or several.

    Raises:
        ValueError: If the study's directions are not those of the objectives.
    """

    def __init__(self, study: optuna.Study, objective: Any) -> None:
        self._study = study
        self._objective = objective
        self._separate = len(study.directions) > 1
        told = getattr(objective, "objectives", [objective]) if self._separate else [objective]
        directions = [_DIRECTIONS.get(direction) for direction in study.directions]
        if directions != [item.direction for item in told]:
            names = ", ".join(f"{item.name} ({item.direction})" for item in told)
            raise ValueError(f"the study's directions are {directions}, the objectives are {names}")

    @property
    def names(self) -> list[str]:
        """What the study's values are of; one that is KerasTuner's sum is named by its parts."""
        parts = getattr(self._objective, "objectives", [self._objective])
        if self._separate or len(parts) == 1:
            return [part.name for part in parts]
        signs = {"min": "+", "max": "-"}
        return [" ".join(sorted(f"{signs[part.direction]}{part.name}" for part in parts))]

    def tell(self, trial: Trial) -> bool:
        """Tell the study that a trial is complete or has failed; any other is left alone.

        Args:
            trial: KerasTuner's side of the trial.

        Returns:
            Whether the sampler has come to its end.
        """
        if trial.status == TrialStatus.COMPLETED:
            return self._tell(int(trial.trial_id), self._values(trial), TrialState.COMPLETE)
        if trial.status == TrialStatus.FAILED:
            slots.fail(self._study, int(trial.trial_id), reason_of(trial))
        return False

    def prune(self, trial_id: str) -> bool:
        """Tell the study that a trial is pruned.

        Args:
            trial_id: KerasTuner's id of the trial.

        Returns:
            Whether the sampler has come to its end.
        """
        return self._tell(int(trial_id), None, TrialState.PRUNED)

    def _tell(self, number: int, values: list[float] | None, state: TrialState) -> bool:
        try:
            self._study.tell(number, values, state=state, skip_if_finished=True)
        except RuntimeError as error:
            # Samplers that enumerate end `Study.optimize` by this call, which refuses to be made
            # outside of it. The trial itself has been stored by then.
            *_, (frame, _) = traceback.walk_tb(error.__traceback__)
            if frame.f_code is not optuna.Study.stop.__code__:
                raise
            return True
        return False

    def _values(self, trial: Trial) -> list[float]:
        if not self._separate:
            return [trial.score]
        values = []
        for objective in self._objective.objectives:
            # All of one step: the best of each might belong to epochs that lie apart.
            history = {item.step: item.mean() for item in trial.metrics.get_history(objective.name)}
            best = trial.metrics.get_best_value(objective.name)
            values.append(history.get(trial.best_step, best))
        return values

    def score(self, frozen: FrozenTrial) -> float:
        """Give the one number that KerasTuner ranks a trial by.

        Args:
            frozen: A complete trial of the study.

        Returns:
            The objective's value; of several objectives KerasTuner's sum.
        """
        if not self._separate:
            return float(frozen.values[0])
        names = [objective.name for objective in self._objective.objectives]
        return float(self._objective.get_value(dict(zip(names, frozen.values, strict=True))))

    def read(self, frozen: FrozenTrial, space: keras_tuner.HyperParameters) -> Trial:
        """Read a complete trial of the study as KerasTuner has it.

        Args:
            frozen: The trial.
            space: A copy of the space; it is given the trial's values.

        Returns:
            The trial with its values and its score.
        """
        space.values = plain_values(space.space, frozen)
        trial = Trial(space, name_of(frozen.number), TrialStatus.COMPLETED)
        trial.score = self.score(frozen)
        return trial
