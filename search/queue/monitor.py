"""A study's queue of trials as a process sees it that runs no trials itself."""

import logging
import time
from collections.abc import Callable, Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.optuna_private import is_fixed
from search.queue import claims
from search.queue.failures import failure_problem
from search.queue.stale_trials import StaleTrials

log = logging.getLogger(__name__)


class QueueMonitor:
    """Watches over the trials of a study: which are left, which run, which have lost their worker.

    It imports neither Keras nor KerasTuner; `TrialQueue` is one that also runs trials.

    Args:
        study: The study.
        budget: How many trials it shall have in all; None for no bound.
        max_failures: After how many failed trials in a row `problem` gives the search up; None for
            no bound.
        all_signal: Whether all who run trials of this study give signs of life, as the workers of
            `search.run` do.

    Attributes:
        study: The study.
        budget: The budget.
        max_failures: The bound.
        is_exhausted: Whether the sampler, or the space, has nothing new to propose. Lost trials
            are repeated all the same.
    """

    def __init__(
        self,
        study: optuna.Study,
        budget: int | None = None,
        max_failures: int | None = None,
        *,
        all_signal: bool = True,
    ) -> None:
        self.study = study
        self.budget = budget
        self.max_failures = max_failures
        self.is_exhausted = False
        self._stale = StaleTrials(study, all_signal=all_signal)

    @property
    def remaining(self) -> int | None:
        """How many trials of the budget nobody has begun; None if it has no bound."""
        if self.budget is None:
            return None
        return claims.read_queue(self.study).remaining(self.budget)

    def has_work(self) -> bool:
        """Return True if there is a trial to be taken now: one that waits, or a new one."""
        queue = claims.read_queue(self.study)
        waiting = queue.in_state(self.budget, TrialState.WAITING)
        # Of an exhausted space only what has its values can be run.
        if any(is_fixed(trial) or not self.is_exhausted for trial in waiting):
            return True
        return queue.has_room(self.budget) and not self.is_exhausted

    def running(self) -> list[FrozenTrial]:
        """Give the budget's running trials, those of other machines too."""
        return claims.read_queue(self.study).in_state(self.budget, TrialState.RUNNING)

    def problem(self) -> str | None:
        """Say in a line why the search is to be given up; None if it can go on."""
        if self.max_failures is None:
            return None
        return failure_problem(self.study, self.max_failures)

    def fail(self, number: int, reason: str) -> None:
        """End a running trial, of any worker, as failed; a finished one is left alone.

        Args:
            number: The trial's number.
            reason: Why, in a few words.
        """
        claims.fail_trial(self.study, number, reason)

    def retry_stale(self, dead: int | None = None, exitcode: int | None = None) -> int:
        """End the running trials of dead workers, and enqueue them to be repeated.

        A trial that three workers were seen to die of fails for good.

        Args:
            dead: Process id of a worker seen to die; None asks the system for each owner.
            exitcode: What it died with, as `multiprocessing` gives it.

        Returns:
            How many trials were ended.
        """
        return self._stale.retry(dead, exitcode)

    def wait_for_heartbeats(self, is_late: Callable[[], bool]) -> None:
        """Wait, if there is nothing else to do, until it is known which other machines live.

        Args:
            is_late: Whether no trial is to be begun any more.
        """
        told = False
        while not is_late():
            queue = claims.read_queue(self.study)
            if queue.has_room(self.budget) or queue.in_state(self.budget, TrialState.WAITING):
                return
            unheard = self._stale.unheard(queue.in_state(self.budget, TrialState.RUNNING))
            if not unheard:
                return
            if not told:
                log.warning("%s", self.describe_wait(unheard, 0))
                told = True
            time.sleep(0.5)
            self.retry_stale()

    def describe_wait(self, running: Sequence[FrozenTrial], heartbeat: int) -> str:
        """Say in a line what a search waits for that has nothing else to do.

        Args:
            running: Running trials of other machines' workers.
            heartbeat: Seconds between two signs of life, if the database keeps them.
        """
        return self._stale.describe_wait(running, heartbeat)
