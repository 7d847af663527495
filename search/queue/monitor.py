"""A study's queue of trials as a process sees it that runs no trials itself."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import takewhile

import optuna
from optuna.trial import FrozenTrial, TrialState

from results.study import RESULT, counted_trials, trial_result
from search.optuna_private import is_fixed
from search.queue import claims
from search.queue.stale_trials import StaleTrials

log = logging.getLogger(__name__)

# A model that is refused for its size costs no training, and a user may well bound a space's models
# by their size: so many of them count for one failure.
REFUSALS_A_FAILURE = 10

# Marks a refused trial that has no result of this project's.
REFUSED = "refused"


class TooManyFailures(RuntimeError):
    """So many trials in a row have failed that the search is given up."""


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
        """Return the budget's running trials, those of other machines too."""
        return claims.read_queue(self.study).in_state(self.budget, TrialState.RUNNING)

    def problem(self) -> str | None:
        """Describe in one line why the search is to be given up; None if it can go on."""
        most = self.max_failures
        if most is None or not are_too_many(self.study, most):
            return None
        failed = _latest_failures(self.study)
        last = trial_result(failed[0]).reason
        return (
            f"{len(failed)} trials in a row failed (--max-failures {most}), the last with: {last}"
        )

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
        is_announced = False
        while not is_late():
            queue = claims.read_queue(self.study)
            if queue.has_room(self.budget) or queue.in_state(self.budget, TrialState.WAITING):
                return
            unheard = self._stale.unheard(queue.in_state(self.budget, TrialState.RUNNING))
            if not unheard:
                return
            if not is_announced:
                log.warning("%s", self.describe_wait(unheard, 0))
                is_announced = True
            time.sleep(0.5)
            self.retry_stale()

    def describe_wait(self, running: Sequence[FrozenTrial], heartbeat: int) -> str:
        """Describe in one line what a search waits for that has nothing else to do.

        Args:
            running: Running trials of other machines' workers.
            heartbeat: Seconds between two signs of life, if the database keeps them.
        """
        return self._stale.describe_wait(running, heartbeat)


def are_too_many(study: optuna.Study, most: int, ending: int | None = None) -> bool:
    """Return True if `most` trials in a row have failed.

    Args:
        study: The study.
        most: How many failed trials in a row are too many.
        ending: Number of a trial that has failed, of which the study is yet to be told.
    """
    ended = [trial for trial in _latest_failures(study) if trial.number != ending]
    failures = sum(not is_refused(trial) for trial in ended) + (ending is not None)
    return failures >= most or len(ended) >= most * REFUSALS_A_FAILURE


def is_refused(trial: FrozenTrial) -> bool:
    """Return True if a trial's model was refused for its size.

    Samplers learn nothing from a failure, but that a pruned trial is no good: so it ends as pruned
    in the study, while its result says that it failed.
    """
    failed = trial.user_attrs.get(RESULT, {}).get("status") == "failed"
    return trial.state == TrialState.PRUNED and (failed or REFUSED in trial.user_attrs)


def _latest_failures(study: optuna.Study) -> list[FrozenTrial]:
    """Return the failed trials since the last that did not fail, the latest first."""
    ended = [trial for trial in counted_trials(study) if trial.state.is_finished()]
    ended.sort(key=lambda trial: (trial.datetime_complete or datetime.min, trial.number))
    return list(takewhile(lambda t: t.state == TrialState.FAIL or is_refused(t), reversed(ended)))
