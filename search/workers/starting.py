"""How a process is started so that it sees nothing of this one that it must not see."""

import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# By these attributes of the main module `multiprocessing` finds its file.
_MAIN_ATTRIBUTES = ("__spec__", "__file__")
# Two searches may start in two threads; what one hides, the other must not take for what was there.
_lock = threading.Lock()


@contextmanager
def clean_start() -> Iterator[None]:
    """Start a process without this program's main module, start method or Ctrl-C."""
    with _lock, _ignoring_sigint(), _without_main(), _with_standard_start_method():
        yield


@contextmanager
def _ignoring_sigint() -> Iterator[None]:
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
    hidden: dict[str, Any] = {name: main[name] for name in _MAIN_ATTRIBUTES if name in main}
    main.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        main.update(hidden)


@contextmanager
def _with_standard_start_method() -> Iterator[None]:
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
