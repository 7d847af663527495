"""What the kernels compute with: threads, one each for a matrix product, and reused arrays."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, wraps
from itertools import pairwise
from threading import Lock
from typing import ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
import scipy.linalg
from threadpoolctl import ThreadpoolController

from data.common import count_cores

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

Array = npt.NDArray[np.float32]

# How many times larger than needed a lent array may be, unless it has fewer values than this.
_MOST_WASTE, _SMALL = 4, 2**16
# The state and the gates of this many rows fit a core's second cache.
_PART_ROWS = 64


class ArrayPool:
    """Lends float32 arrays, also to several threads: fresh memory costs a page fault every 4 KB.

    It holds as many arrays as were ever lent at one time. One that is much too large for what is
    asked is dropped as well: else a single batch of long records would leave all of them as large.
    """

    def __init__(self) -> None:
        """Begin without arrays."""
        self._free: list[Array] = []
        self._lock = Lock()

    def acquire(self, *shape: int) -> Array:
        """Lend a contiguous array of this shape; it may hold anything."""
        size = math.prod(shape)
        if not size:
            return np.empty(shape, np.float32)
        with self._lock:
            large = (i for i, flat in enumerate(self._free) if flat.size >= size)
            # If all are too small, the largest is replaced by a larger one.
            chosen = next(large, len(self._free) - 1)
            flat = self._free.pop(chosen) if self._free else None
        if flat is None or not size <= flat.size <= max(_MOST_WASTE * size, _SMALL):
            flat = np.empty(size, np.float32)
        return flat[:size].reshape(shape)

    def release(self, *arrays: Array) -> None:
        """Take arrays back; nobody may use them afterwards."""
        with self._lock:
            self._free.extend(a.base for a in arrays if isinstance(a.base, np.ndarray))
            self._free.sort(key=lambda flat: flat.size)


class RowThreads:
    """Shares the rows of a batch among as many threads as TensorFlow has for one operation."""

    def __init__(self) -> None:
        """Ask TensorFlow how many that is."""
        import tensorflow as tf

        self.count = tf.config.threading.get_intra_op_parallelism_threads() or count_cores()
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None

    def slices(self, rows: int) -> list[slice]:
        """Cut rows into parts, in order, one a thread or more."""
        count = max(-(-rows // _PART_ROWS), min(self.count, rows), 1)
        edges = [round(rows * part / count) for part in range(count + 1)]
        return [slice(first, last) for first, last in pairwise(edges)]

    def each(self, run: Callable[[T], R], parts: list[T]) -> list[R]:
        """Call a function, which hardly needs the interpreter, on each part; results in order."""
        with one_blas_thread():
            return list((self._pool.map if self._pool else map)(quiet_overflow(run), parts))


def quiet_overflow(run: Callable[P, R]) -> Callable[P, R]:
    """Silence NumPy's warnings: a diverging training shows in its loss, as with Keras' layers."""

    @wraps(run)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> R:
        with np.errstate(over="ignore", invalid="ignore"):
            return run(*args, **kwargs)

    return quiet


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run matrix products of NumPy and SciPy on the calling thread alone.

    Chunks of rows already share the cores. If the limit already holds, nothing is set: OpenBLAS
    wakes its idle threads at each setting, and they spin for some milliseconds on the cores that
    the kernels need.
    """
    libraries = _blas()
    if all(library.num_threads == 1 for library in libraries.lib_controllers):
        yield
        return
    with libraries.limit(limits=1):
        yield


@cache
def _blas() -> ThreadpoolController:
    # It knows the libraries that are loaded by now; the kernels multiply with SciPy's.
    assert scipy.linalg.blas
    return ThreadpoolController().select(user_api="blas")
