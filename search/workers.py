"""The parent's side of the workers: gives them tasks, hears their news, replaces those that die."""

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection as connections

from data.errors import UserError
from search.lost import cause
from search.plan import CLOSE, FINISH, STOP, Doing, Done, News, Plan, Ready, Refused, Task
from search.process import Death, Worker, start

log = logging.getLogger(__name__)

# Of deaths that no trial answers for, such as those of a worker that cannot start.
MOST_DEATHS_IN_A_ROW = 5


class WorkersDied(UserError):
    """Workers die again and again, whatever they do."""


class Workers:
    """A fixed number of warm worker processes; a context manager that ends them.

    Args:
        plan: The run.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._context = multiprocessing.get_context("spawn")
        # Without a lock: a worker killed while it holds one would halt all the others.
        self._stopping = self._context.RawValue("b", 0)
        self._workers: list[Worker] = []
        self._stopped = False
        self._deaths = 0

    def __enter__(self) -> "Workers":
        """Start the processes; they import TensorFlow while the parent goes on."""
        self._workers = [self._start(index) for index in range(1, self.plan.workers + 1)]
        return self

    def __exit__(self, *exception: object) -> None:
        """End the processes: close their tasks, then wait, then kill."""
        # Those that still train, because another one brought the run to its end, stop now.
        self.stop()
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(timeout=10)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def _start(self, index: int) -> Worker:
        return start(self._context, self.plan, index, self._stopping)

    def stop(self) -> None:
        """Ask all workers to put their trials back and come to an end."""
        self._stopped = True
        self._stopping.value = STOP

    def finish(self) -> None:
        """Ask all workers to begin no further trial."""
        self._stopping.value = self._stopping.value or FINISH

    def close(self) -> None:
        """Ask all workers to end their trials as the budget's end does, and to begin no other."""
        self._stopping.value = self._stopping.value or CLOSE

    def reopen(self) -> None:
        """Let workers that were closed train again, unless they were stopped."""
        if self._stopping.value == CLOSE:
            self._stopping.value = 0
            if self._stopped:  # By Ctrl-C between the two lines before.
                self._stopping.value = STOP

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return bool(self._stopping.value == STOP)

    def busy(self) -> list[Worker]:
        """Give the workers that have a task."""
        return [worker for worker in self._workers if worker.task is not None and not worker.ended]

    def end(self, worker: Worker, why: str) -> None:
        """End one worker now; another takes its place.

        Args:
            worker: The worker.
            why: The reason, for the log.
        """
        worker.ended = why
        worker.process.kill()

    def kill(self) -> None:
        """End all workers now; their trials are found and put back by the next run."""
        for worker in self._workers:
            worker.process.kill()

    def run(
        self,
        tasks: Sequence[Task],
        on_death: Callable[[Death], bool],
        again: Callable[[Task], Task | None],
    ) -> Iterator[tuple[int, News | None]]:
        """Do tasks, each on the next free worker, and yield what the workers say.

        Args:
            tasks: The tasks, given out in order.
            on_death: Told of a worker that died, to put its trial back; says whether a trial
                answers for it.
            again: Gives the task to repeat for one whose worker died; None where nothing is left.

        Yields:
            The worker's index and its news; at least once a second, with None where there is none.

        Raises:
            UserError: If a worker cannot start, e.g. for want of the space, or if nothing can be
                written any more.
            WorkersDied: If workers die again and again.
        """
        left = list(tasks)
        while left or any(worker.task for worker in self._workers):
            for worker in self._workers:
                if worker.task is None and left and not self.is_stopping:
                    self._give(worker, left.pop(0))
            if self.is_stopping:
                left.clear()
            yield from self._listen(on_death, again, left)

    def _give(self, worker: Worker, task: Task) -> None:
        worker.task = task
        try:
            worker.connection.send(task)
        except (BrokenPipeError, ConnectionResetError):
            log.debug("worker %d is gone already", worker.index)

    def _listen(
        self,
        on_death: Callable[[Death], bool],
        again: Callable[[Task], Task | None],
        left: list[Task],
    ) -> Iterator[tuple[int, News | None]]:
        ready = connections.wait([worker.connection for worker in self._workers], timeout=0.5)
        if not ready:
            yield 0, None
        for worker in [worker for worker in self._workers if worker.connection in ready]:
            try:
                news: News = worker.connection.recv()
            except (EOFError, OSError):
                self._bury(worker, on_death, again, left)
                yield worker.index, None
                continue
            if isinstance(news, (Ready, Refused)) and news.problem is not None:
                raise UserError(news.problem)
            if isinstance(news, Doing):
                # A trial came to its end.
                self._deaths = 0 if worker.doing.what == "trial" else self._deaths
                worker.doing, worker.since = news, time.monotonic()
            if isinstance(news, Done):
                worker.task, worker.doing = None, Doing("else")
                self._deaths = 0
            yield worker.index, news

    def _bury(
        self,
        worker: Worker,
        on_death: Callable[[Death], bool],
        again: Callable[[Task], Task | None],
        left: list[Task],
    ) -> None:
        worker.process.join()
        process = worker.process
        where = self.plan.folder / "logs" / f"worker-{worker.index}.log"
        if worker.ended:
            log.warning("worker %d was ended: %s", worker.index, worker.ended)
        else:
            log.warning("worker %d died (%s); see %s", worker.index, cause(process.exitcode), where)
        # Both are asked: a trial that was ended from here must not run on elsewhere.
        answered = on_death(Death(process.pid, process.exitcode, worker.doing)) or worker.ended
        self._deaths += not answered
        task = again(worker.task) if worker.task is not None else None
        if self._deaths > MOST_DEATHS_IN_A_ROW:
            raise WorkersDied(f"{self._deaths} workers in a row died; {where} may say why")
        self._workers[self._workers.index(worker)] = self._start(worker.index)
        if task is not None:
            left.insert(0, task)
