"""The parent's side of the workers: gives them tasks, hears their news, replaces those that die."""

import logging
import time
from multiprocessing import connection as connections

from data.common import UserError
from search.config import RunConfig, duration_text
from search.queue import describe_exit
from search.training import TrainingTask
from search.workers.fork_server import ForkServer
from search.workers.messages import CLOSE, STOP, Done, Entered, News, Progress, Ready, Refused
from search.workers.process import Death, WorkerProcess, start

log = logging.getLogger(__name__)

# Of deaths that no trial explains, such as those of a worker that cannot start.
MOST_DEATHS_IN_A_ROW = 5


class WorkersDied(UserError):
    """Workers die again and again, whatever they do."""


class Stage:
    """Gives the workers their tasks, and hears what becomes of them; a stage of a run.

    A task whose worker dies is given out again. One that hangs is not, and neither is a trial: the
    study's queue has it.

    Args:
        tasks: What is to be trained, in this order, unless its deadline has passed by then.
    """

    def __init__(self, *tasks: TrainingTask) -> None:
        self.tasks = list(tasks)

    def next_task(self) -> TrainingTask | None:
        """Return the next task; None if there is none, for now."""
        while self.tasks:
            task = self.tasks.pop(0)
            if time.monotonic() < task.deadline:
                return task
        return None

    def on_progress(self, worker: int, progress: Progress) -> None:
        """Take note of how far a worker has come."""

    def on_done(self, worker: int, task: TrainingTask, done: Done) -> None:
        """Take note of what a task left."""

    def on_hang(self, task: TrainingTask, trial: int | None, why: str) -> None:
        """Record as failed what hangs; its worker is killed next."""

    def on_worker_death(self, death: Death) -> bool:
        """Put the trial of a dead worker back, or fail it; return whether it explains the death."""
        return False

    def refresh(self) -> None:
        """Called after each news, and at least twice a second."""


class WorkerPool:
    """A fixed number of warm worker processes; a context manager that ends them."""

    def __init__(self, config: RunConfig, server: ForkServer) -> None:
        self.config = config
        self._server = server
        self._flag = server.flag
        self._workers: list[WorkerProcess] = []
        self.is_stopping = False  # whether `stop` was called
        self._deaths = 0

    def __enter__(self) -> "WorkerPool":
        """Start the processes; where they are copies, when all is imported."""
        for index in range(1, self.config.workers + 1):
            self._workers.append(self._start(index))
        return self

    def __exit__(self, *exception: object) -> None:
        """End the processes: close their connections, then wait, then kill."""
        # Those that still train, because another one brought the run to its end, stop now.
        self.stop()
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.wait()

    def _start(self, index: int) -> WorkerProcess:
        return start(self._server, self.config, index)

    def stop(self) -> None:
        """Ask all workers to give their trials back and come to an end."""
        self.is_stopping = True
        self._flag.value = STOP

    def close(self) -> None:
        """Ask all workers to end their trials as the budget's end does; no other is begun."""
        self._ask(CLOSE)

    def reopen(self) -> None:
        """Let workers that were closed train again, unless they were stopped."""
        self._ask(0)

    def _ask(self, value: int) -> None:
        self._flag.value = value
        if self.is_stopping:  # By Ctrl-C just before that line, perhaps.
            self._flag.value = STOP

    def kill(self) -> None:
        """End all workers now; the next run finds their trials and repeats them."""
        for worker in self._workers:
            worker.process.kill()

    def wait_until_ready(self) -> None:
        """Wait until a worker has started: a budget of time is not spent on its imports."""
        while not (self.is_stopping or any(worker.is_ready for worker in self._workers)):
            self._listen(Stage())

    def run(self, stage: Stage) -> None:
        """Do a stage's tasks, each on the next free worker.

        Raises:
            UserError: If a worker cannot start, e.g. because the space cannot be loaded, or if
                nothing can be written any more.
            WorkersDied: If workers die again and again.
        """
        while True:
            for worker in self._workers:
                if worker.task is None and not worker.killed_why and self._flag.value == 0:
                    self._give(worker, stage.next_task())
            if all(worker.task is None for worker in self._workers):
                return
            self._listen(stage)
            self._kill_hung(stage)

    def _give(self, worker: WorkerProcess, task: TrainingTask | None) -> None:
        worker.task = task
        if task is None:
            return
        try:
            worker.connection.send(task)
        except (BrokenPipeError, ConnectionResetError):
            log.debug("worker %d is gone already", worker.index)

    def _listen(self, stage: Stage) -> None:
        ready = connections.wait([worker.connection for worker in self._workers], timeout=0.5)
        for worker in list(self._workers):
            if worker.connection in ready:
                try:
                    news: News = worker.connection.recv()
                except (EOFError, OSError):
                    self._on_death(worker, stage)
                else:
                    self._on_news(worker, news, stage)
                stage.refresh()
            # A process that it has forked may hold the other end of its connection open.
            elif not worker.process.is_alive() and not worker.connection.poll():
                self._on_death(worker, stage)
        if not ready:
            stage.refresh()

    def _on_news(self, worker: WorkerProcess, news: News, stage: Stage) -> None:
        match news:
            case Refused(problem):
                raise UserError(problem)
            case Ready():
                worker.is_ready = True
            case Progress():
                stage.on_progress(worker.index, news)
            case Entered(phase, trial):
                worker.phase, worker.trial, worker.since = phase, trial, time.monotonic()
            case Done():
                task, worker.task, worker.phase, worker.trial = worker.task, None, None, None
                self._deaths = 0
                assert task is not None
                stage.on_done(worker.index, task, news)

    def _kill_hung(self, stage: Stage) -> None:
        for worker in self._workers:
            if worker.task is None or worker.killed_why:
                continue
            why = self._hangs(worker, worker.task.deadline)
            if why is not None:
                # Before the worker ends, for else its trial would be repeated.
                stage.on_hang(worker.task, worker.trial, why)
                worker.kill(why)

    def _hangs(self, worker: WorkerProcess, deadline: float) -> str | None:
        timeout, grace, now = self.config.trial_timeout, self.config.grace, time.monotonic()
        late = None
        if now - deadline > grace:
            late = "the budget's end"
        if (
            timeout
            and worker.phase in ("discover", "train")
            and now - worker.since > timeout + grace
        ):
            late = f"--trial-timeout {duration_text(timeout)}"
        return late and f"it hung: {grace:g} s after {late} it had not ended"

    def _on_death(self, worker: WorkerProcess, stage: Stage) -> None:
        worker.connection.close()
        worker.wait()
        process, task = worker.process, worker.task
        where = self.config.folder / "logs" / f"worker-{worker.index}.log"
        if worker.killed_why:
            log.warning("worker %d was ended: %s", worker.index, worker.killed_why)
        else:
            log.warning(
                "worker %d died (%s); see %s", worker.index, describe_exit(process.exitcode), where
            )
        # Asked for a killed worker, too: its trial must not run on elsewhere.
        death = Death(process.pid, process.exitcode, worker.phase)
        is_explained = stage.on_worker_death(death) or worker.killed_why
        if self.is_stopping:
            # By a signal to all processes, perhaps, as `timeout` and service managers send it.
            self._workers.remove(worker)
            return
        self._deaths += not is_explained
        if self._deaths > MOST_DEATHS_IN_A_ROW:
            raise WorkersDied(f"{self._deaths} workers in a row died; {where} may say why")
        self._workers[self._workers.index(worker)] = self._start(worker.index)
        if task is not None and task.kind != "trial" and not worker.killed_why:
            stage.tasks.insert(0, task)
