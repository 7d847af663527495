"""The stages of a run: baselines, trials, finalists, then refits and repeats."""

import heapq
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import optuna
from optuna.trial import TrialState

from data.common import UserError
from results.leaderboard import LINEAR, MODEL2
from results.scoring import SCORES
from results.study import (
    CHECKPOINT,
    FINALIST_SEEDS,
    MIN_FINALISTS,
    Result,
    Store,
    best_first,
    counted_trials,
    find_finalists,
    find_refit,
    find_repeats,
    record_refit,
    record_repeat,
    refit_folder,
    repeat_folder,
)
from search.cli import BASELINE_RATES, View
from search.config import RunConfig
from search.queue import QueueMonitor
from search.training import TrainingTask
from search.workers import Death, Done, Progress, Stage, WorkerPool, WorkersDied

log = logging.getLogger(__name__)

# What is kept for the finalists exceeds the estimate: a training takes longer at one time than at
# another.
MARGIN = 1.2


class _Shown(Stage):
    """A stage whose progress the user sees; `record` takes what its tasks leave."""

    def __init__(
        self, view: View, record: Callable[[TrainingTask, Result], None], *tasks: TrainingTask
    ) -> None:
        super().__init__(*tasks)
        self.view, self.record = view, record

    def on_progress(self, worker: int, progress: Progress) -> None:
        self.view.progress(worker, progress)

    def on_done(self, worker: int, task: TrainingTask, done: Done) -> None:
        self.view.idle(worker)
        if done.problem is not None:
            raise UserError(done.problem)
        if done.result is not None and not done.result.is_dropped:
            self.end(task, done.result, done.kept)

    def on_hang(self, task: TrainingTask, trial: int | None, why: str) -> None:
        self.end(task, task.failed(why))

    def end(self, task: TrainingTask, result: Result, kept: bool = False) -> None:
        self.view.trained(task.title, result, kept)
        self.record(task, result)

    def refresh(self) -> None:
        self.view.refresh()


# ---- baselines and trials ------------------------------------------------------------------------


def search(config: RunConfig, store: Store, workers: WorkerPool, view: View) -> str | None:
    """Train the baselines, run trials, then the finalists, until the budget is used up.

    Baselines that an earlier run has trained are kept. Returns why it could not go on, or None.
    """
    try:
        workers.wait_until_ready()
        state = _SearchState(config, store, workers, view)
        state.queue.retry_stale()
        try:
            workers.run(state)
        finally:
            state.record_baselines()
        while state.has_work_left():
            workers.run(state)
    except WorkersDied as error:
        # What was found until then is to be ranked; what still runs is given back.
        workers.stop()
        return str(error)
    if state.problem is None and config.finalists:
        return train_finalists(config, store, workers, view, state.deadline)
    return state.problem


class _SearchState(_Shown):
    """How a search goes, and what becomes of workers that die or hang.

    One worker trains the baselines while the others begin with the trials; a worker that is alone
    does the baselines first. The budget's time begins with the first trial. A trial's task is the
    next one, whichever that is: the worker takes it from the study's queue, which all machines
    share. So the parent knows who trains what, and a trial costs one message.
    """

    def __init__(self, config: RunConfig, store: Store, workers: WorkerPool, view: View) -> None:
        # Longest first: what is left after the trials is shared, and ends at about the same time.
        names = sorted(config.baselines, key=lambda name: -BASELINE_RATES[name])
        baselines = [TrainingTask("baseline", name) for name in names]
        super().__init__(view, self._take_baseline, *baselines)
        self.store, self.workers = store, workers
        budget = config.search_budget
        self.queue = QueueMonitor(store.study, budget.trials, workers.config.max_failures)
        # Of the budget, on the monotonic clock; unknown until it begins.
        self.deadline = math.inf
        # Why the search is given up.
        self.problem: str | None = None
        # Seconds of the budget that the finalists are likely to take.
        self.reserve = 0.0
        self._seconds = budget.seconds
        self._finalists = config.finalists
        self._heartbeat = config.heartbeat
        self._baselines = config.baselines
        self._untrained = set(config.baselines)
        self._trained: dict[str, Result] = {}
        # Not once that was the end of a worker.
        self._discovers = True
        # Nobody has found a trial to run since the last one was given back.
        self._is_empty = budget.is_empty

    def next_task(self) -> TrainingTask | None:
        is_over = self.problem is not None or self._is_empty or time.monotonic() >= self.deadline
        nobody_trains_one = len(self.tasks) == len(self._untrained)
        if self.tasks and (nobody_trains_one or is_over):
            return super().next_task()
        if is_over:
            return None
        if self._seconds is not None and self.deadline == math.inf:
            self.deadline = time.monotonic() + self._seconds
            self.view.start_clock()
        return TrainingTask("trial", "next trial", deadline=self.deadline, discover=self._discovers)

    def on_done(self, worker: int, task: TrainingTask, done: Done) -> None:
        if task.kind == "baseline":
            super().on_done(worker, task, done)
            return
        self.view.idle(worker)
        if done.result is None:
            self._is_empty = True
            self.queue.is_exhausted = self.queue.is_exhausted or done.exhausted
            self._give_up(done.problem)
            return
        if done.result.status == "failed":
            self._give_up(self.queue.problem())
        if self._finalists and self._seconds is not None:
            found = estimate_finalists(
                self.store.study, self._finalists, self.workers.config.workers
            )
            # The search is to have found something that is worth the second training.
            self.reserve = min(found, self._seconds / 2)

    def _take_baseline(self, task: TrainingTask, result: Result) -> None:
        self._trained[task.name] = result
        self._untrained.discard(task.name)
        if not self._untrained:
            self.record_baselines()

    def record_baselines(self) -> None:
        """Record the baselines that were trained, in the order of the command line."""
        for name in self._baselines:
            if name in self._trained:
                result = self._trained.pop(name)
                place = result.artifacts and self.store.artifacts.name(result.artifacts)
                self.store.record_baseline(replace(result, artifacts=place))

    def _give_up(self, problem: str | None) -> None:
        """End the search if there is a reason to; trials that run are finished."""
        self.problem = self.problem or problem

    def on_hang(self, task: TrainingTask, trial: int | None, why: str) -> None:
        if task.kind == "baseline":
            super().on_hang(task, trial, why)
        elif trial is not None:
            self.queue.fail(trial, why)

    def on_worker_death(self, death: Death) -> bool:
        if death.phase == "discover":
            is_first, self._discovers = self._discovers, False
            return is_first
        # What stops this run may have ended the worker: that is no fault of the trial.
        is_stopping = self.workers.is_stopping
        ended = self.queue.retry_stale(None if is_stopping else death.pid, death.exitcode)
        self._is_empty = self._is_empty and not ended
        self._give_up(self.queue.problem())
        return bool(ended)

    def refresh(self) -> None:
        # What is left of the budget may be what the finalists take.
        is_late = time.monotonic() >= self.deadline - self.reserve
        if self.reserve and is_late and not self._untrained:
            self.workers.close()
        super().refresh()

    def has_work_left(self) -> bool:
        """Wait for the trials of other machines; whether one, or one of ours, is to be repeated."""
        announced: set[int] = set()
        while self.queue.budget and self.problem is None and not self.workers.is_stopping:
            self.queue.retry_stale()
            if self.queue.has_work():
                self._is_empty = False
                return True
            running = self.queue.running()
            if not running:
                return False
            if not announced.issuperset(trial.number for trial in running):
                log.info("%s", self.queue.describe_wait(running, self._heartbeat))
                announced.update(trial.number for trial in running)
            time.sleep(1.0)
        return False


# ---- finalists -----------------------------------------------------------------------------------


def train_finalists(
    config: RunConfig, store: Store, workers: WorkerPool, view: View, deadline: float
) -> str | None:
    """Train the best few trials with a second seed, the best first, as the end of the budget.

    What an earlier run has trained is kept; what still trains at the deadline is dropped. Returns
    why it could not go on.
    """
    # They may have been told that the search is over.
    workers.reopen()
    best = find_finalists(store, config.finalists)
    if len(best) < MIN_FINALISTS:
        return None
    log.info("the finalists are %s", ", ".join(result.name for result in best))
    return _train_again(missing_seeds(store, best, FINALIST_SEEDS, deadline), store, workers, view)


def estimate_finalists(study: optuna.Study, count: int, workers: int) -> float:
    """Estimate the seconds that the finalists take if the search ends now; 0 if there are none."""
    complete = {
        f"trial {trial.number}": trial
        for trial in counted_trials(study)
        if trial.state == TrialState.COMPLETE
    }
    ranked = best_first(study)[:count]
    if len(ranked) < MIN_FINALISTS:
        return 0.0
    # They are given out in order, each to the worker that is free first.
    ends = [0.0] * workers
    for result in ranked:
        # Building the model and scoring the held-out rows included.
        whole = complete[result.name].duration
        took = max(whole.total_seconds() if whole else 0.0, result.train_seconds)
        heapq.heappush(ends, heapq.heappop(ends) + took)
    return MARGIN * max(ends)


# ---- refits and repeats --------------------------------------------------------------------------


def refit_and_repeat(
    config: RunConfig, store: Store, champion: Result | None, workers: WorkerPool, view: View
) -> str | None:
    """Train the champion and its references on all training rows, then with further seeds.

    What an earlier run has trained is kept. Returns why it could not go on.
    """
    refits = missing_refits(store, to_refit(config, store, champion))
    tasks = [*refits, *missing_repeats(config, store, champion)]
    return _train_again(tasks, store, workers, view)


def to_refit(config: RunConfig, store: Store, champion: Result | None) -> list[Result]:
    """Return what `--refit` trains: the champion, and those of its references that were trained."""
    if not config.refit:
        return []
    names = [name for name in (MODEL2, LINEAR) if name in config.baselines]
    references = [
        result
        for result in store.baselines()
        if result.name in names and result.status in ("complete", "diverged")
    ]
    return [*([champion] if champion else []), *references]


def missing_refits(store: Store, results: Sequence[Result]) -> list[TrainingTask]:
    """List the refits that are to be trained, the longest first."""
    return [
        TrainingTask("refit", result.name, result, folder=refit_folder(store, result.name))
        for result in _longest_first(results)
        if not _is_refit(store, find_refit(store, result.name))
    ]


def _is_refit(store: Store, result: Result | None) -> bool:
    if result is None:
        return False
    needed = (SCORES, CHECKPOINT) if result.number is not None else (SCORES,)
    is_whole = all(store.find(result, name) is not None for name in needed)
    return is_whole or result.status != "complete"


def missing_repeats(config: RunConfig, store: Store, champion: Result | None) -> list[TrainingTask]:
    """List the trainings that `--repeats` still asks for, the longest first.

    Baselines that are no networks are left out: they give the same probabilities whatever the seed.
    """
    networks = [
        result
        for result in store.baselines()
        if result.name in config.baselines
        and result.layers is not None
        and result.status != "pruned"
    ]
    wanted = [*networks, *([champion] if champion else [])]
    return missing_seeds(store, _longest_first(wanted), config.repeats)


def missing_seeds(
    store: Store, results: Sequence[Result], seeds: int, deadline: float = math.inf
) -> list[TrainingTask]:
    """List the trainings that are missing until each result has had so many seeds."""
    known = find_repeats(store)
    return [
        TrainingTask(
            "repeat",
            result.name,
            result,
            index,
            seeds,
            folder=repeat_folder(store, result.name, index),
            deadline=deadline,
        )
        for result in results
        for index in range(1, seeds)
        if not _is_repeated(store, known.get(result.name, {}).get(index))
    ]


def _is_repeated(store: Store, result: Result | None) -> bool:
    if result is None:
        return False
    return result.status in ("failed", "pruned") or store.find(result, SCORES) is not None


def _longest_first(results: Sequence[Result]) -> list[Result]:
    return sorted(results, key=lambda result: -result.train_seconds)


def _train_again(
    tasks: Sequence[TrainingTask], store: Store, workers: WorkerPool, view: View
) -> str | None:
    """Train tasks and record what they leave; returns why it could not go on, if so."""
    try:
        workers.run(_Shown(view, partial(_record_again, store), *tasks))
    except UserError as error:
        # The search before it was whole, and is to be ranked.
        return str(error)
    return None


def _record_again(store: Store, task: TrainingTask, result: Result) -> None:
    """Record a finalist's second training, a repeat or a refit."""
    refits = task.kind == "refit"
    if result.artifacts:
        place = store.artifacts.name(result.artifacts)
        result = replace(result, artifacts=place)
        if result.number is not None:
            for name in (SCORES, CHECKPOINT) if refits else (SCORES,):
                store.artifacts.publish(f"{place}/{name}")
    if refits:
        record_refit(store, result)
    else:
        record_repeat(store, result, task.seed_index)
