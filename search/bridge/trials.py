"""KerasTuner's side of a study's trials: why one failed, and what is printed of it."""

import math
import sys
from datetime import datetime

import optuna
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.src.engine import oracle

from search.common import describe_error


class StudyTrial(Trial):
    """A trial that knows what ended it: KerasTuner keeps no more of an exception than its text.

    Attributes:
        reason: The exception in one line; empty if there was none.
        is_pruned: Whether it was an `optuna.TrialPruned`.
    """

    reason = ""
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


def describe_failure(trial: Trial) -> str:
    """Describe in one line why a trial failed: its exception, or its message's last line."""
    message: str = trial.message or "its score is not a number"
    return getattr(trial, "reason", "") or (message.strip().splitlines() or [""])[-1]


class Display(oracle.Display):
    """Prints as KerasTuner does, which calls every trial complete."""

    _ended = ""

    def on_trial_end(self, trial: Trial) -> None:
        """Print how a trial ended."""
        if trial.status == TrialStatus.COMPLETED:
            super().on_trial_end(trial)
        elif self.verbose >= 1:
            now = datetime.now()
            took = self.format_duration(now - self.trial_start.get(trial.trial_id, now))
            pruned = trial.status == TrialStatus.STOPPED
            number = self.trial_number.get(trial.trial_id, trial.trial_id)
            print(f"Trial {number} {'Pruned' if pruned else 'Failed'} [{took}]")
            name = self.oracle.objective.name
            if not pruned:
                print(describe_failure(trial))
            elif trial.metrics.exists(name):
                last = trial.metrics.get_last_value(name)
                if math.isfinite(last):
                    print(f"{name}: {last}")

    def on_search_end(self, why: str) -> None:
        """Print once why a search ends before its budget is used up."""
        if self.verbose >= 1 and why != self._ended:
            print(f"The search ends: {why}")
        self._ended = why
