"""Runs the trials of a search on its workers, whatever happens to them."""

import logging
import math
import time
from dataclasses import dataclass

from optuna.trial import TrialState

from results.store import Store
from search import slots
from search.budget import Budget
from search.failures import problem
from search.finalists import reserve, retrain_finalists
from search.lost import put_back, told_of
from search.options import Options
from search.plan import Doing, Progress, Search, SearchDone, Task
from search.process import Death, Worker
from search.view import View
from search.workers import Workers, WorkersDied

log = logging.getLogger(__name__)


def search(options: Options, store: Store, workers: Workers, view: View) -> str | None:
    """Run trials, then the finalists again, until the budget is used up.

    Args:
        options: The command line.
        store: The run.
        workers: Who trains.
        view: Who tells.

    Returns:
        Why the search could not go on; None where it came to its end.
    """
    put_back(store.study, all_sign=True)
    course = _Course(store, workers, options.searched, time.monotonic(), options.finalists)
    problem = _run_trials(course, options, view)
    if problem is None and options.finalists:
        problem = retrain_finalists(options, store, workers, view, course.ends)
    return problem


def _run_trials(course: "_Course", options: Options, view: View) -> str | None:
    workers = course.workers
    tasks: list[Task] = [course.task()] * workers.plan.workers
    try:
        while tasks:
            for index, news in workers.run(tasks, on_death=course.bury, again=course.again):
                match news:
                    case Progress():
                        view.progress(index, news)
                    case SearchDone():
                        view.idle(index)
                        course.give_up(news.problem)
                        course.exhausted = course.exhausted or news.exhausted
                    case Doing("else"):
                        course.estimate()
                course.watch()
                course.make_room()
                view.refresh()
            again = course.problem is None and _is_work_left(course, options, workers)
            tasks = [Search(None, course.looks)] if again else []
    except WorkersDied as error:
        # What was found until then is to be ranked; what still runs is put back.
        workers.stop()
        return str(error)
    return course.problem


def _is_work_left(course: "_Course", options: Options, workers: Workers) -> bool:
    """Wait for the trials of other machines; whether one of them, or of ours, is to be repeated."""
    study, budget = course.store.study, options.searched.trials
    told: set[int] = set()
    while budget and not workers.is_stopping:
        put_back(study, all_sign=True)
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
            log.info("%s", told_of(study, running, options.heartbeat))
            told.update(trial.number for trial in running)
        time.sleep(1.0)
    return False


@dataclass
class _Course:
    """How a search goes, and what becomes of workers that die or hang.

    Attributes:
        store: The run.
        workers: Who trains.
        budget: The search's.
        started: When it began, on the monotonic clock.
        finalists: How many trials are trained again, as a part of the budget.
        reserve: Seconds of the budget that they are likely to take.
        looks: Whether workers look the space through; not once that was the end of one of them.
        problem: Why the search is given up; None where it is not.
        exhausted: Whether a worker found nothing new in the space.
    """

    store: Store
    workers: Workers
    budget: Budget
    started: float
    finalists: int = 0
    reserve: float = 0.0
    looks: bool = True
    problem: str | None = None
    exhausted: bool = False

    @property
    def ends(self) -> float:
        """When the budget ends, on the monotonic clock; never, where it counts trials."""
        return math.inf if self.budget.seconds is None else self.started + self.budget.seconds

    def task(self) -> Search:
        """Give a worker's task from now on."""
        left = self.ends - time.monotonic()
        return Search(None if math.isinf(left) else left, self.looks)

    def estimate(self) -> None:
        """Estimate anew what the finalists take, as trials complete."""
        if self.finalists and self.budget.seconds is not None:
            found = reserve(self.store.study, self.finalists, self.workers.plan.workers)
            # The search is to have found something that is worth the repetition.
            self.reserve = min(found, self.budget.seconds / 2)

    def make_room(self) -> None:
        """End the search where what is left of the budget is what the finalists take."""
        if self.reserve and time.monotonic() >= self.ends - self.reserve:
            self.workers.close()

    def again(self, lost: Task) -> Task | None:
        """Give the task of a worker that replaces a dead one; None where no time is left."""
        task = self.task()
        return task if task.seconds is None or task.seconds > 0 else None

    def give_up(self, why: str | None) -> None:
        """End the search, where there is a reason to; trials that run are finished."""
        if why is not None:
            self.problem = self.problem or why
            self.workers.finish()

    def bury(self, death: Death) -> bool:
        """Put a dead worker's trial back, or fail it for good; whether a trial answers for it."""
        if death.doing.what == "space":
            first, self.looks = self.looks, False
            return first
        ended = put_back(self.store.study, dead=death.pid, exitcode=death.exitcode)
        self.give_up(problem(self.store.study, self.workers.plan.max_failures))
        return bool(ended)

    def watch(self) -> None:
        """End the workers whose trial hangs; it fails."""
        for worker in self.workers.busy():
            why = self._hangs(worker)
            if why is None:
                continue
            if worker.doing.trial is not None:
                # Before the worker ends, for else its trial would be put back.
                slots.fail(self.store.study, worker.doing.trial, why)
            self.workers.end(worker, why)

    def _hangs(self, worker: Worker) -> str | None:
        plan, now = self.workers.plan, time.monotonic()
        timeout, seconds = plan.trial_timeout, self.budget.seconds
        late = None
        if seconds is not None and now - self.started > seconds + plan.grace:
            late = "the budget's end"
        if timeout and worker.doing.what != "else" and now - worker.since > timeout + plan.grace:
            late = f"--trial-timeout {Budget(seconds=timeout)}"
        return late and f"it hung: {plan.grace:g} s after {late} it had not ended"
