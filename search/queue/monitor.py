"""A study's queue as those see it who run no trials themselves, but watch over workers."""

from collections.abc import Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.queue import failures, queue as slots, stale_trials


class QueueMonitor:
    """Looks after the trials of a study that workers run; it needs neither a space nor KerasTuner.

    Args:
        study: The study.
        budget: How many trials the study shall have in all; None for no bound.
        max_failures: How many failed trials in a row are too many.

    Attributes:
        is_exhausted: Whether a worker found that the space has nothing new.
    """

    def __init__(self, study: optuna.Study, budget: int | None, max_failures: int) -> None:
        self.study = study
        self.budget = budget
        self.is_exhausted = False
        self._max_failures = max_failures

    def retry_stale(self, dead: int | None = None, exitcode: int | None = None) -> int:
        """End the running trials of dead workers, and give them back; returns how many there were.

        Args:
            dead: Process id of a worker seen to die; None asks the system for each owner.
            exitcode: What it died with, as `multiprocessing` gives it.
        """
        return stale_trials.retry_stale(self.study, dead, exitcode, all_sign=True)

    def fail(self, number: int, reason: str) -> None:
        """End a running trial as failed, whoever runs it; a finished one is left alone."""
        slots.fail(self.study, number, reason)

    def problem(self) -> str | None:
        """Say in a line why the search is to be given up; None if it can go on."""
        return failures.failure_problem(self.study, self._max_failures)

    def has_work(self) -> bool:
        """Say whether there is a trial to be taken now: one that waits, or a new one."""
        queue = slots.look(self.study)
        waiting = queue.of(self.budget, TrialState.WAITING)
        # Of an exhausted space only what has its values can be run.
        if any(slots.is_fixed(trial) or not self.is_exhausted for trial in waiting):
            return True
        return queue.room(self.budget) and not self.is_exhausted

    def running(self) -> list[FrozenTrial]:
        """Return the budget's trials that run by now, whoever runs them."""
        return slots.look(self.study).of(self.budget, TrialState.RUNNING)

    def describe_wait(self, running: Sequence[FrozenTrial], heartbeat: int) -> str:
        """Say what a search waits for that has nothing else to do.

        Args:
            running: Running trials of other machines' workers.
            heartbeat: Seconds between two signs of life, if the database keeps them.
        """
        return stale_trials.describe_wait(self.study, running, heartbeat)
