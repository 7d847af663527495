"""Runs the trials of a search on its workers, whatever happens to them."""

import time
from dataclasses import dataclass

from optuna.trial import TrialState

from results.store import Store
from results.trials import counted
from search import slots
from search.budget import Budget
from search.failures import problem
from search.lost import put_back
from search.options import Options
from search.plan import Progress, Search, SearchDone, Task
from search.process import Death, Worker
from search.view import View
from search.workers import Workers, WorkersDied


def search(options: Options, store: Store, workers: Workers, view: View) -> str | None:
    """Run trials until the budget is used up.

    Args:
        options: The command line.
        store: The run.
        workers: Who trains.
        view: Who tells.

    Returns:
        Why the search could not go on; None where it came to its end.
    """
    put_back(store.study)
    # Here, once, and not by every worker at the same moment.
    slots.fill(store.study, options.budget.trials or 1)
    course = _Course(store, workers, options.budget, time.monotonic())
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
                course.watch()
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
    study = course.store.study
    while options.budget.trials and not workers.is_stopping:
        put_back(study)
        trials = counted(study)
        waiting = [trial for trial in trials if trial.state == TrialState.WAITING]
        # Of an exhausted space only what has its values can be run.
        if any(slots.is_fixed(trial) or not course.exhausted for trial in waiting):
            return True
        if all(trial.state != TrialState.RUNNING for trial in trials):
            return False
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
        looks: Whether workers look the space through; not once that was the end of one of them.
        problem: Why the search is given up; None where it is not.
        exhausted: Whether a worker found nothing new in the space.
    """

    store: Store
    workers: Workers
    budget: Budget
    started: float
    looks: bool = True
    problem: str | None = None
    exhausted: bool = False

    def task(self) -> Search:
        """Give a worker's task from now on."""
        seconds = self.budget.seconds
        left = None if seconds is None else seconds - (time.monotonic() - self.started)
        return Search(left, self.looks)

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
