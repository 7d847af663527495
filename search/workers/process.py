"""A worker's process: how it starts and ends, and what its parent knows of it."""

import contextlib
import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from data.common import write_failure
from search.config import RunConfig
from search.training import Phase, TrainingTask
from search.workers.fork_server import ForkServer
from search.workers.messages import Refused

# A process whose connection is closed has nothing to do but to end.
_PATIENCE_SECONDS = 10.0
_OUT_OF_MEMORY = Path("/proc/self/oom_score_adj")


@dataclass
class WorkerProcess:
    """A worker's process and what it is doing."""

    index: int  # from 1
    process: Any
    connection: Connection  # takes tasks, brings news
    is_ready: bool = False
    task: TrainingTask | None = None  # None if it waits
    phase: Phase | None = None  # what it does for its task, once it has said so
    trial: int | None = None  # the number of the trial that it trains
    since: float = 0.0  # when the phase began, on the monotonic clock
    killed_why: str = ""  # if it was killed from here

    def kill(self, why: str) -> None:
        """Kill it; that its connection has ended will be noticed."""
        self.killed_why = why
        self.process.kill()

    def wait(self) -> None:
        """Wait until it has ended; kill it if it does not.

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
    """A worker that died: its process id, its exit code (below 0 a signal) and what it did."""

    pid: int
    exitcode: int | None
    phase: Phase | None


def start(server: ForkServer, config: RunConfig, index: int) -> WorkerProcess:
    """Start a worker; by the server's flag all of them are asked to stop."""
    here, there = multiprocessing.Pipe()
    process = server.start(_enter, (config, index), there)
    there.close()
    return WorkerProcess(index, process, here)


def is_orphan() -> bool:
    """Whether the process that searches has ended; False if this is no worker's process."""
    # Not by `os.getppid`: a copy's parent is the fork server, and on Windows it never changes.
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()


def _enter(what: tuple[RunConfig, int], connection: Connection, stopping: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # On Windows it is not handed down.
    config, index = what
    path = config.folder / "logs" / f"worker-{index}.log"
    try:
        _write_to(path)
    except OSError as error:
        connection.send(
            Refused(write_failure(error) or f"{path} cannot be written ({error.strerror})")
        )
        return
    # If memory runs out, Linux is to end a worker, which is replaced, and not the parent.
    with contextlib.suppress(OSError):  # Elsewhere there is no such file.
        _OUT_OF_MEMORY.write_text("500")
    # In a process that is no copy this imports TensorFlow, whose own log goes to the worker's.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from search.workers.worker import enter

    enter(config, connection, stopping)


def _write_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
