"""How workers are started: as copies of a process that has imported what they need, once."""

import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing import connection as connections, reduction
from multiprocessing.connection import Connection
from typing import Any

import psutil

from search.workers.starting import clean_start

# mallopt(3): how many arenas glibc keeps freed memory in, by default eight for each core. Two are
# as fast for a worker, and it holds a tenth less: `python -m tests.benchmarks.worker_memory`.
_M_ARENA_MAX = -8
_ARENAS = 2
# A process that has ended is reported in a moment, unless the server has died as well.
_PATIENCE_SECONDS = 1.0

# What a worker does, with the end of a pipe and the flag that all share.
Target = Callable[[Any, Connection, Any], None]


class ForkServer:
    """Starts workers: on Linux as copies of a process that begins to import at once.

    Like the fork server of `multiprocessing`, but it lives for one search, has the environment and
    the import path of this process, and is not that of the user's own processes. Elsewhere, or if
    the server dies of its imports, each worker is a new process that imports by itself.

    Attributes:
        flag: A number in memory that all share, at first 0.
    """

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        # Without a lock: a process killed while it holds one would halt all the others.
        self.flag: Any = self._context.RawValue("b", 0)
        self._server: Any = None
        self._has_imported = False
        self._exitcodes: dict[int, int] = {}
        if sys.platform == "linux":
            self._connection, there = self._context.Pipe()
            self._server = self._context.Process(
                target=_serve, args=(there, self.flag), daemon=True
            )
            with clean_start():
                self._server.start()
            there.close()

    def __enter__(self) -> "ForkServer":
        """Return it."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the server; workers that still run go on."""
        if self._server is None:
            return
        self._connection.close()
        # By itself, so that no worker is left as a zombie; but it may still be importing.
        self._server.join(_PATIENCE_SECONDS if self._has_imported else 0)
        self._server.kill()
        self._server.join()

    def start(self, target: Target, argument: Any, connection: Connection) -> Any:
        """Start a worker, once all is imported.

        Args:
            target: What it calls, a function of a module.
            argument: The first argument; it is pickled.
            connection: The second; to be closed here afterwards. The third is the flag.

        Returns:
            The process, with `pid`, `exitcode`, `is_alive()` and `kill()` of `multiprocessing`'s.
        """
        if self._server is not None:
            # What killed the server will kill a spawned worker too, which has a log to say so in.
            with contextlib.suppress(EOFError, OSError):
                return self._copy(target, argument, connection)
        process = self._context.Process(
            target=target, args=(argument, connection, self.flag), daemon=True
        )
        with clean_start():
            process.start()
        return process

    def _copy(self, target: Target, argument: Any, connection: Connection) -> "Copy":
        self._connection.send((target, argument))
        reduction.send_handle(self._connection, connection.fileno(), self._server.pid)
        while (started := self._receive()) is None:
            pass
        self._has_imported = True
        return Copy(self, started)

    def exitcode_of(self, pid: int) -> int | None:
        """Return what a copy that has ended has ended with; None if that is not known."""
        end = time.monotonic() + _PATIENCE_SECONDS
        with contextlib.suppress(EOFError, OSError):
            while pid not in self._exitcodes and self._connection.poll(end - time.monotonic()):
                self._receive()
        return self._exitcodes.get(pid)

    def _receive(self) -> int | None:
        """Take note of what the server says; return the id of a process that it has started."""
        pid, exitcode = self._connection.recv()
        if exitcode is None:
            return int(pid)
        self._exitcodes[pid] = exitcode
        return None


class Copy:
    """A copy of the server, with as much of `multiprocessing.Process` as the pool needs.

    Args:
        server: What knows how it ended.
        pid: Its process id.
    """

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self._server = server
        # psutil compares start times, so it never kills another process that got the same id.
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.NoSuchProcess):  # It may have ended already.
            self._process = psutil.Process(pid)

    @property
    def exitcode(self) -> int | None:
        """Its exit code, below 0 a signal; None if it runs, or the server cannot tell any more."""
        return None if self.is_alive() else self._server.exitcode_of(self.pid)

    def is_alive(self) -> bool:
        """Whether it runs."""
        try:
            return self._process is not None and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def kill(self) -> None:
        """End it now."""
        if self._process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._process.kill()


def _serve(connection: Connection, flag: Any) -> None:
    """Be the server, until the parent closes the connection or dies."""
    _prepare()
    running: dict[int, int] = {}  # the end of a pipe that a copy holds open, and the copy's id
    while True:
        for ready in connections.wait([connection, *running]):
            if isinstance(ready, int):
                pid = running.pop(ready)
                os.close(ready)
                exitcode = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                connection.send((pid, exitcode))
                continue
            try:
                target, argument = connection.recv()
            except EOFError:
                for pid in running.values():
                    os.waitpid(pid, os.WNOHANG)
                os._exit(0)
            with Connection(reduction.recv_handle(connection)) as there:
                end, held = os.pipe()
                pid = os.fork()
                if not pid:
                    connection.close()
                    _be_copy(target, argument, there, flag)
            os.close(held)
            running[end] = pid
            connection.send((pid, None))


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whoever waits for the end of the command's output does not wait for this process.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    with contextlib.suppress(AttributeError):  # Other libraries than glibc have no arenas.
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # What fails here fails in each worker, too, which has a log to say so in.
    with contextlib.suppress(Exception):
        from search.workers import worker  # noqa: F401
    # A collection writes to every object that it looks at, and so would copy its page.
    gc.freeze()


def _be_copy(target: Target, argument: Any, connection: Connection, flag: Any) -> None:
    status = 1
    try:
        target(argument, connection, flag)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
