"""Runs the trials of a search on its workers, whatever happens to them."""

import logging
import math
import time
from dataclasses import dataclass

from optuna.trial import TrialState

from results.study import Store
from search.cli import View
from search.config import Budget, RunConfig
from search.queue import describe_wait, failure_problem, queue as slots, retry_stale
from search.stages.finalists import reserve, retrain_finalists
from search.workers import (
    Death,
    Doing,
    Progress,
    Search,
    SearchDone,
    Stage,
    Task,
    Workers,
    WorkersDied,
)

log = logging.getLogger(__name__)


def search(config: RunConfig, store: Store, workers: Workers, view: View) -> str | None:
    """Run trials, then the finalists again, until the budget is used up.

    Args:
        config: The run.
        store: The run.
        workers: Who trains.
        view: Who tells.

    Returns:
        Why the search could not go on; None where it came to its end.
    """
    retry_stale(store.study, all_sign=True)
    budget, ends = config.search_budget, math.inf
    if budget.seconds is not None:
        ends = time.monotonic() + budget.seconds
    course = _Course(store, workers, budget, config.finalists, ends=ends)
    problem = _run_trials(course, config, view)
    if problem is None and config.finalists:
        problem = retrain_finalists(config, store, workers, view, course.ends)
    return problem


def _run_trials(course: "_Course", config: RunConfig, view: View) -> str | None:
    workers = course.workers
    tasks: list[Task] = [course.task()] * workers.config.workers
    try:
        while tasks:
            for index, news in workers.run(tasks, course):
                match news:
                    case Progress():
                        view.progress(index, news)
                    case SearchDone():
                        view.idle(index)
                        course.give_up(news.problem)
                        course.exhausted = course.exhausted or news.exhausted
                    case Doing("else"):
                        course.estimate()
                course.make_room()
                view.refresh()
            again = course.problem is None and _is_work_left(course, config, workers)
            tasks = [Search(None, course.looks)] if again else []
    except WorkersDied as error:
        # What was found until then is to be ranked; what still runs is put back.
        workers.stop()
        return str(error)
    return course.problem


def _is_work_left(course: "_Course", config: RunConfig, workers: Workers) -> bool:
    """Wait for the trials of other machines; whether one of them, or of ours, is to be repeated."""
    study, budget = course.store.study, config.trials
    told: set[int] = set()
    while budget and not workers.is_stopping:
        retry_stale(study, all_sign=True)
        queue = slots.look(study)
        waiting = queue.of(budget, TrialState.WAITING)
        # Of an exhausted space only what has its values can be run.
        if any(slots.is_fixed(trial) or not course.exhausted for trial in waiting):
            return True
        if queue.room(budget) and not course.exhausted:
            return True
        running = queue.of(budget, TrialState.RUNNING)
        if not running:
            return False
        if not told.issuperset(trial.number for trial in running):
            log.info("%s", describe_wait(study, running, config.heartbeat))
            told.update(trial.number for trial in running)
        time.sleep(1.0)
    return False


@dataclass
class _Course(Stage):
    """How a search goes, and what becomes of workers that die or hang.

    Attributes:
        store: The run.
        workers: Who trains.
        budget: The search's.
        finalists: How many trials are trained again, as a part of the budget.
        reserve: Seconds of the budget that they are likely to take.
        looks: Whether workers look the space through; not once that was the end of one of them.
        problem: Why the search is given up; None where it is not.
        exhausted: Whether a worker found nothing new in the space.
    """

    store: Store
    workers: Workers
    budget: Budget
    finalists: int = 0
    reserve: float = 0.0
    looks: bool = True
    problem: str | None = None
    exhausted: bool = False

    def task(self) -> Search:
        """Give a worker's task from now on."""
        left = self.ends - time.monotonic()
        return Search(None if math.isinf(left) else left, self.looks)

    def estimate(self) -> None:
        """Estimate anew what the finalists take, as trials complete."""
        if self.finalists and self.budget.seconds is not None:
            found = reserve(self.store.study, self.finalists, self.workers.config.workers)
            # The search is to have found something that is worth the repetition.
            self.reserve = min(found, self.budget.seconds / 2)

    def make_room(self) -> None:
        """End the search where what is left of the budget is what the finalists take."""
        if self.reserve and time.monotonic() >= self.ends - self.reserve:
            self.workers.close()

    def again(self, task: Task, hung: bool) -> Task | None:
        """Give the task of a worker that replaces a dead one; None where no time is left."""
        rest = self.task()
        return rest if rest.seconds is None or rest.seconds > 0 else None

    def give_up(self, why: str | None) -> None:
        """End the search, where there is a reason to; trials that run are finished."""
        if why is not None:
            self.problem = self.problem or why
            self.workers.finish()

    def died(self, death: Death) -> bool:
        """Put a dead worker's trial back, or fail it for good; whether a trial answers for it."""
        if death.doing.what == "space":
            first, self.looks = self.looks, False
            return first
        ended = retry_stale(self.store.study, dead=death.pid, exitcode=death.exitcode)
        self.give_up(failure_problem(self.store.study, self.workers.config.max_failures))
        return bool(ended)

    def hung(self, task: Task, doing: Doing, why: str) -> None:
        """Fail the trial that hangs."""
        if doing.trial is not None:
            slots.fail(self.store.study, doing.trial, why)
