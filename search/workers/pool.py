"""The parent's side of the workers: gives them tasks, hears their news, replaces those that die."""

import logging
import math
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection as connections

from data.common import UserError
from search.config import RunConfig, duration_text
from search.queue import describe_exit
from search.workers.messages import (
    CLOSE,
    FINISH,
    STOP,
    Doing,
    Done,
    News,
    Ready,
    Refused,
    Task,
)
from search.workers.process import Death, Worker, start

log = logging.getLogger(__name__)

# Of deaths that no trial answers for, such as those of a worker that cannot start.
MOST_DEATHS_IN_A_ROW = 5


class WorkersDied(UserError):
    """Workers die again and again, whatever they do."""


@dataclass(kw_only=True)
class Stage:
    """What becomes of a task whose worker hangs or dies: as it stands, what hung is not repeated.

    Attributes:
        ends: When the tasks are to be over, on the monotonic clock.
    """

    ends: float = math.inf

    def hung(self, task: Task, doing: Doing, why: str) -> None:
        """Record as failed what hangs; its worker is ended next.

        Args:
            task: The worker's task.
            doing: What it does within a search.
            why: The reason.
        """

    def died(self, death: Death) -> bool:
        """Put the trial of a worker that died back, or fail it for good.

        Args:
            death: The worker.

        Returns:
            Whether a trial answers for it.
        """
        return False

    def again(self, task: Task, hung: bool) -> Task | None:
        """Give the task to do next where a worker died.

        Args:
            task: Its task.
            hung: Whether it was ended from here.

        Returns:
            The task; None where nothing is left to do.
        """
        return None if hung else task


class Workers:
    """A fixed number of warm worker processes; a context manager that ends them.

    Args:
        config: The run.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self._context = multiprocessing.get_context("spawn")
        # Without a lock: a worker killed while it holds one would halt all the others.
        self._stopping = self._context.RawValue("b", 0)
        self._workers: list[Worker] = []
        self._stopped = False
        self._deaths = 0

    def __enter__(self) -> "Workers":
        """Start the processes; they import TensorFlow while the parent goes on."""
        self._workers = [self._start(index) for index in range(1, self.config.workers + 1)]
        return self

    def __exit__(self, *exception: object) -> None:
        """End the processes: close their tasks, then wait, then kill."""
        # Those that still train, because another one brought the run to its end, stop now.
        self.stop()
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.wait()

    def _start(self, index: int) -> Worker:
        return start(self._context, self.config, index, self._stopping)

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

    def kill(self) -> None:
        """End all workers now; their trials are found and put back by the next run."""
        for worker in self._workers:
            worker.process.kill()

    def run(
        self, tasks: Sequence[Task], stage: Stage | None = None
    ) -> Iterator[tuple[int, News | None]]:
        """Do tasks, each on the next free worker, and yield what the workers say.

        A worker that hangs is ended, and another takes its place.

        Args:
            tasks: The tasks, given out in order.
            stage: Says what becomes of tasks whose worker hangs or dies.

        Yields:
            The worker's index and its news; at least once a second, with None where there is none.

        Raises:
            UserError: If a worker cannot start, e.g. for want of the space, or if nothing can be
                written any more.
            WorkersDied: If workers die again and again.
        """
        left, stage = list(tasks), stage or Stage()
        while left or any(worker.task for worker in self._workers):
            if self.is_stopping or time.monotonic() >= stage.ends:
                left.clear()
            for worker in self._workers:
                if worker.task is None and left:
                    self._give(worker, left.pop(0))
            yield from self._listen(stage, left)
            self._watch(stage)

    def _give(self, worker: Worker, task: Task) -> None:
        worker.task = task
        try:
            worker.connection.send(task)
        except (BrokenPipeError, ConnectionResetError):
            log.debug("worker %d is gone already", worker.index)

    def _listen(self, stage: Stage, left: list[Task]) -> Iterator[tuple[int, News | None]]:
        ready = connections.wait([worker.connection for worker in self._workers], timeout=0.5)
        if not ready:
            yield 0, None
        for worker in list(self._workers):
            if worker.connection not in ready:
                # A process that it has forked may hold the other end of its connection open.
                if not worker.process.is_alive() and not worker.connection.poll():
                    self._bury(worker, stage, left)
                continue
            try:
                news: News = worker.connection.recv()
            except (EOFError, OSError):
                self._bury(worker, stage, left)
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

    def _watch(self, stage: Stage) -> None:
        for worker in self._workers:
            if worker.task is None or worker.ended:
                continue
            why = self._hangs(worker, stage)
            if why is not None:
                # Before the worker ends, for else a trial would be put back.
                stage.hung(worker.task, worker.doing, why)
                worker.end(why)

    def _hangs(self, worker: Worker, stage: Stage) -> str | None:
        timeout, grace, now = self.config.trial_timeout, self.config.grace, time.monotonic()
        late = None
        if now - stage.ends > grace:
            late = "the budget's end"
        if timeout and worker.doing.what != "else" and now - worker.since > timeout + grace:
            late = f"--trial-timeout {duration_text(timeout)}"
        return late and f"it hung: {grace:g} s after {late} it had not ended"

    def _bury(self, worker: Worker, stage: Stage, left: list[Task]) -> None:
        worker.connection.close()
        worker.wait()
        process = worker.process
        where = self.config.folder / "logs" / f"worker-{worker.index}.log"
        if worker.ended:
            log.warning("worker %d was ended: %s", worker.index, worker.ended)
        else:
            log.warning(
                "worker %d died (%s); see %s", worker.index, describe_exit(process.exitcode), where
            )
        # Both are asked: a trial that was ended from here must not run on elsewhere.
        answered = stage.died(Death(process.pid, process.exitcode, worker.doing)) or worker.ended
        self._deaths += not answered
        task = stage.again(worker.task, bool(worker.ended)) if worker.task is not None else None
        if self._deaths > MOST_DEATHS_IN_A_ROW:
            raise WorkersDied(f"{self._deaths} workers in a row died; {where} may say why")
        self._workers[self._workers.index(worker)] = self._start(worker.index)
        if task is not None:
            left.insert(0, task)
