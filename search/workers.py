"""The parent's side of the workers: starts them, gives them tasks, replaces those that die."""

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection as connections
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.redaction import Redacting, Secrets
from data.refusal import refusal
from search.plan import Done, News, Plan, Ready, Refused, Task

log = logging.getLogger(__name__)

MOST_DEATHS_IN_A_ROW = 5


def _enter(plan: Plan, index: int, connection: Connection, stopping: Any) -> None:
    path = plan.folder / "logs" / f"worker-{index}.log"
    try:
        _write_to(path)
    except OSError as error:
        connection.send(Refused(refusal(error) or f"{path} cannot be written ({error.strerror})"))
        return
    secrets = Secrets.of([plan.storage or ""], os.environ)
    # For good: the process prints its last traceback after this function.
    sys.stdout, sys.stderr = Redacting(sys.stdout, secrets), Redacting(sys.stderr, secrets)
    # TensorFlow is imported in the worker only, and its own log goes to the worker's file.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from search.worker import enter

    enter(plan, connection, stopping)


def _write_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let a process that is started here ignore Ctrl-C from its first moment, and its imports."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass
class _Worker:
    """A running worker process and what it is doing."""

    index: int
    process: Any
    connection: Connection
    task: Task | None = None


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
        self._workers: list[_Worker] = []
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

    def _start(self, index: int) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(
            target=_enter, args=(self.plan, index, there, self._stopping), daemon=True
        )
        with _uninterrupted():
            process.start()
        there.close()
        return _Worker(index, process, here)

    def stop(self) -> None:
        """Ask all workers to put their trials back and come to an end."""
        self._stopping.value = 1

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return bool(self._stopping.value)

    def kill(self) -> None:
        """End all workers now; their trials are found and put back by the next run."""
        for worker in self._workers:
            worker.process.kill()

    def run(
        self,
        tasks: Sequence[Task],
        on_death: Callable[[int], object],
        again: Callable[[Task], Task | None],
    ) -> Iterator[tuple[int, News | None]]:
        """Do tasks, each on the next free worker, and yield what the workers say.

        Args:
            tasks: The tasks, given out in order.
            on_death: Told the process id of a worker that died, to put its trial back.
            again: Gives the task to repeat for one whose worker died; None where nothing is left.

        Yields:
            The worker's index and its news; at least once a second, with None where there is none.

        Raises:
            UserError: If a worker cannot start, e.g. for want of the space, if nothing can be
                written any more, or workers die again and again.
        """
        left = list(tasks)
        while left or any(worker.task for worker in self._workers):
            for worker in self._workers:
                if worker.task is None and left and not self.is_stopping:
                    self._give(worker, left.pop(0))
            if self.is_stopping:
                left.clear()
            yield from self._listen(on_death, again, left)

    def _give(self, worker: _Worker, task: Task) -> None:
        worker.task = task
        try:
            worker.connection.send(task)
        except (BrokenPipeError, ConnectionResetError):
            log.debug("worker %d is gone already", worker.index)

    def _listen(
        self,
        on_death: Callable[[int], object],
        again: Callable[[Task], Task | None],
        left: list[Task],
    ) -> Iterator[tuple[int, News | None]]:
        ready = connections.wait([worker.connection for worker in self._workers], timeout=0.5)
        if not ready:
            yield 0, None
        for worker in [worker for worker in self._workers if worker.connection in ready]:
            try:
                news: News = worker.connection.recv()
            except (EOFError, ConnectionResetError):
                self._bury(worker, on_death, again, left)
                yield worker.index, None
                continue
            if isinstance(news, (Ready, Refused)) and news.problem is not None:
                raise UserError(news.problem)
            if isinstance(news, Done):
                worker.task = None
                self._deaths = 0
            yield worker.index, news

    def _bury(
        self,
        worker: _Worker,
        on_death: Callable[[int], object],
        again: Callable[[Task], Task | None],
        left: list[Task],
    ) -> None:
        worker.process.join()
        self._deaths += 1
        where = self.plan.folder / "logs" / f"worker-{worker.index}.log"
        log.warning(
            "worker %d died (exit code %s); see %s", worker.index, worker.process.exitcode, where
        )
        on_death(worker.process.pid)
        task = again(worker.task) if worker.task is not None else None
        if self._deaths > MOST_DEATHS_IN_A_ROW:
            raise UserError(f"{self._deaths} workers in a row died; {where} may say why")
        self._workers[self._workers.index(worker)] = self._start(worker.index)
        if task is not None:
            left.insert(0, task)
