"""What a search prints of its trials: KerasTuner's lines, and how a trial ended if not whole."""

import math
from datetime import datetime

from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.src.engine import oracle

from search.bridge.tell import reason_of


class Display(oracle.Display):
    """Prints as KerasTuner does, which calls every trial complete."""

    _ended = ""

    def on_trial_end(self, trial: Trial) -> None:
        """Tell how a trial ended.

        Args:
            trial: The trial, as the oracle has it.
        """
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
                print(reason_of(trial))
            elif trial.metrics.exists(name):
                last = trial.metrics.get_last_value(name)
                if math.isfinite(last):
                    print(f"{name}: {last}")

    def on_search_end(self, why: str) -> None:
        """Tell once why a search ends before its budget is used up.

        Args:
            why: In a few words.
        """
        if self.verbose >= 1 and why != self._ended:
            print(f"The search ends: {why}")
        self._ended = why
