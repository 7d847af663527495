"""A worker's process: how it starts and ends, and what its parent knows of it."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from data.common import write_failure
from search.config import RunConfig
from search.training import Phase, TrainingTask
from search.workers.messages import Refused

# A process whose connection is closed has nothing to do but to end.
_PATIENCE_SECONDS = 10.0
# By these attributes of the main module `multiprocessing` finds its file.
_PLACES = ("__spec__", "__file__")
_OUT_OF_MEMORY = Path("/proc/self/oom_score_adj")
# mallopt(3): how many arenas glibc keeps freed memory in, by default eight for each core. Two are
# as fast for a worker, and it holds a tenth less: `python -m tests.benchmarks.worker_memory`.
_M_ARENA_MAX = -8
_ARENAS = 2


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


def start(context: Any, config: RunConfig, index: int, stopping: Any) -> WorkerProcess:
    """Start a worker; `stopping` is a number in shared memory, by which all are asked to stop."""
    here, there = context.Pipe()
    process = context.Process(target=_enter, args=(config, index, there, stopping), daemon=True)
    with _uninterrupted(), _without_main(), _by_a_known_method():
        process.start()
    there.close()
    return WorkerProcess(index, process, here)


def is_orphan() -> bool:
    """Whether the process that started this one has ended; False if `multiprocessing` did not."""
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
    # If memory runs out, Linux is to end a worker, which is replaced, and not the parent.
    with contextlib.suppress(OSError):  # Elsewhere there is no such file.
        _OUT_OF_MEMORY.write_text("500")
    with contextlib.suppress(AttributeError, TypeError):  # Other libraries have no arenas.
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
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
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread may say what a signal does.
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep a process that is started here from importing the program's main module.

    A worker needs nothing of it, and a script that searches at its top, without `if __name__ ==
    "__main__"`, would search again in each worker.
    """
    main: dict[str, Any] = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: main[name] for name in _PLACES if name in main}
    main.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        main.update(hidden)


@contextmanager
def _by_a_known_method() -> Iterator[None]:
    """Hide a start method that a process started here would not know.

    `multiprocessing` hands its own down. That of joblib's processes, in which `cross_val_score`
    calls the classifier with `n_jobs=2`, is known to them alone.
    """
    method = multiprocessing.get_start_method(allow_none=True)
    if method is None or method in multiprocessing.get_all_start_methods():
        yield
        return
    multiprocessing.set_start_method("spawn", force=True)
    try:
        yield
    finally:
        multiprocessing.set_start_method(method, force=True)
