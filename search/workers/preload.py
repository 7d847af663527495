"""What a worker needs, imported once: on Linux, workers begin as copies of a process that did so.

`multiprocessing`'s fork server imports this module before it makes the first copy. What fails here
fails in the workers too, which import the same and have a log to say why in.
"""

import contextlib
import ctypes
import gc
import os
import signal
import sys

# prctl(2): which signal a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1
# mallopt(3): how many arenas glibc keeps freed memory in, by default eight for each core. Two are
# as fast for a worker, and it holds a tenth less: `python -m tests.benchmarks.worker_memory`.
_M_ARENA_MAX = -8
_ARENAS = 2


def preload() -> None:
    """Import what a worker needs, in the process of which workers become copies."""
    libc = ctypes.CDLL(None)
    # A command that ends in the meantime, since its log cannot be read, is not outlived.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(AttributeError):  # Other libraries than glibc have no arenas.
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
    # Whoever waits for the end of the command's output does not wait for this process.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.suppress(Exception):
        from search.workers import worker  # noqa: F401
    # A collection writes to every object that it looks at, and so would copy its page.
    gc.freeze()
    libc.prctl(_PR_SET_PDEATHSIG, 0)


# Not where a tool imports all modules there are, to document them.
if "multiprocessing.forkserver" in " ".join(sys.orig_argv):
    preload()
