"""The last step within the budget: the best few trials are trained once more, with another seed."""

import heapq
import logging
from collections.abc import Iterable

import optuna
from optuna.trial import FrozenTrial, TrialState

from results.study import (
    FINALIST_SEEDS,
    MIN_FINALISTS,
    Store,
    best_first,
    counted_trials,
    find_finalists,
)
from search.cli import View
from search.config import RunConfig
from search.stages.repeats import lacking, train_again
from search.workers import Workers

# A training takes longer at one time than at another.
MARGIN = 1.2

log = logging.getLogger(__name__)


def retrain_finalists(
    config: RunConfig, store: Store, workers: Workers, view: View, deadline: float
) -> str | None:
    """Train the finalists again, the best first; what an earlier run has trained is kept.

    Args:
        config: The run.
        store: The run.
        workers: Who trains.
        view: Who tells.
        deadline: When the budget ends, on the monotonic clock; what still trains then is dropped.

    Returns:
        Why it could not go on; None where it came to its end.
    """
    # They may have been told that the search is over.
    workers.reopen()
    best = find_finalists(store, config.finalists)
    if len(best) < MIN_FINALISTS:
        return None
    log.info("the finalists are %s", ", ".join(result.name for result in best))
    return train_again(lacking(store, best, FINALIST_SEEDS, deadline), store, workers, view)


def reserve(study: optuna.Study, count: int, workers: int) -> float:
    """Estimate how long the finalists take if the search ends now.

    Args:
        study: The study.
        count: How many finalists there are to be.
        workers: How many are trained at once.

    Returns:
        Seconds, with a margin; 0 while there are fewer than two complete trials.
    """
    complete = {
        f"trial {trial.number}": trial
        for trial in counted_trials(study)
        if trial.state == TrialState.COMPLETE
    }
    ranked = best_first(study)[:count]
    if len(ranked) < MIN_FINALISTS:
        return 0.0
    took = [max(_took(complete[result.name]), result.train_seconds) for result in ranked]
    return MARGIN * _together(took, workers)


def _took(trial: FrozenTrial) -> float:
    # Building the model and scoring the held-out rows included.
    return trial.duration.total_seconds() if trial.duration else 0.0


def _together(seconds: Iterable[float], workers: int) -> float:
    """Say when the last of several tasks ends that are given out in order, each to who is free."""
    ends = [0.0] * workers
    for length in seconds:
        heapq.heappush(ends, heapq.heappop(ends) + length)
    return max(ends)
