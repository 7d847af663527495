"""A worker's process: how it is started, and what its parent knows of it."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from data.common import write_failure
from search.config import RunConfig
from search.workers.messages import Doing, Refused, Task

# A process whose connection is closed has nothing to do but to end.
_PATIENCE_SECONDS = 10.0
_OUT_OF_MEMORY = Path("/proc/self/oom_score_adj")


@dataclass
class Worker:
    """A running worker process and what it is doing.

    Attributes:
        index: Its number, from 1.
        process: Its process.
        connection: Takes tasks, brings news.
        task: What it was told to do; None where it waits.
        doing: What it does within a search.
        since: When it began to, on the monotonic clock.
        ended: Why it was ended from here; "" where it was not.
    """

    index: int
    process: Any
    connection: Connection
    task: Task | None = None
    doing: Doing = field(default_factory=lambda: Doing("else"))
    since: float = 0.0
    ended: str = ""

    def end(self, why: str) -> None:
        """End it now; its connection's end, or its own, will be noticed.

        Args:
            why: The reason, for the log.
        """
        self.ended = why
        self.process.kill()

    def wait(self) -> None:
        """Wait until its process has ended; one that does not is killed.

        One that even that does not end, since it waits for a disk that is gone, is left behind.
        """
        if not self._has_ended():
            self.process.kill()
            self._has_ended()

    def _has_ended(self) -> bool:
        # Not `join`: its timeout trusts a pipe that the process may have closed before it ends.
        end = time.monotonic() + _PATIENCE_SECONDS
        while self.process.is_alive() and time.monotonic() < end:
            time.sleep(0.02)
        return not self.process.is_alive()


@dataclass(frozen=True)
class Death:
    """A worker that died.

    Attributes:
        pid: Its process id.
        exitcode: What it ended with; below 0 a signal's number.
        doing: What it did within a search.
    """

    pid: int
    exitcode: int | None
    doing: Doing


def start(context: Any, config: RunConfig, index: int, stopping: Any) -> Worker:
    """Start a worker; it imports TensorFlow while the parent goes on.

    Args:
        context: Of `multiprocessing`.
        config: The run.
        index: The worker's number, from 1.
        stopping: A number in shared memory, by which all workers are asked to stop.

    Returns:
        The worker.
    """
    here, there = context.Pipe()
    process = context.Process(target=_enter, args=(config, index, there, stopping), daemon=True)
    with _uninterrupted():
        process.start()
    there.close()
    return Worker(index, process, here)


def is_orphan() -> bool:
    """Whether the process that started this one has ended.

    Returns:
        It; False in a process that `multiprocessing` did not start.
    """
    # Not by `os.getppid`: Windows goes on giving the id of a parent that has ended.
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()


def _enter(config: RunConfig, index: int, connection: Connection, stopping: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # On Windows it is not handed down.
    path = config.folder / "logs" / f"worker-{index}.log"
    try:
        _write_to(path)
    except OSError as error:
        connection.send(
            Refused(write_failure(error) or f"{path} cannot be written ({error.strerror})")
        )
        return
    # Where memory runs out, Linux is to end a worker, which is replaced, and not the parent.
    with contextlib.suppress(OSError):  # Elsewhere there is no such file.
        _OUT_OF_MEMORY.write_text("500")
    # TensorFlow is imported in the worker only, and its own log goes to the worker's file.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from search.workers.worker import enter

    enter(config, connection, stopping)


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
