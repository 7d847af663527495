"""How worker processes are started, and what of this process they must not see."""

import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# By these attributes of the main module `multiprocessing` finds its file.
_PLACES = ("__spec__", "__file__")


def start_method() -> Any:
    """Return the context of `multiprocessing` by which workers are started.

    Where TensorFlow may be imported before a fork, it is imported once for all workers, which share
    its pages; one that takes the place of a dead one starts at once.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["search.workers.preload"])
    return context


def import_early() -> None:
    """Begin to import what workers need, where all of them share it."""
    if start_method().get_start_method() == "forkserver":
        from multiprocessing import forkserver  # Elsewhere than on POSIX it cannot be imported.

        with hidden_from_workers():
            forkserver.ensure_running()


@contextmanager
def hidden_from_workers() -> Iterator[None]:
    """Keep from processes that are started in this block what they must not see of this one."""
    with _uninterrupted(), _without_main(), _by_a_known_method():
        yield


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
