"""Rows of a batch shared among threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from itertools import pairwise
from typing import ParamSpec, TypeVar

import joblib
import numpy as np
import tensorflow as tf

from spaces.kernels.blas import one_blas_thread

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

# The state and the gates of so many rows fit a core's second cache.
_PART_ROWS = 64


def diverging(run: Callable[P, R]) -> Callable[P, R]:
    """Let a training that diverges show it in its loss, as with Keras' layers, not in warnings.

    Args:
        run: What it computes with NumPy.

    Returns:
        The same without NumPy's warnings.
    """

    @wraps(run)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> R:
        with np.errstate(over="ignore", invalid="ignore"):
            return run(*args, **kwargs)

    return quiet


class Threads:
    """As many threads as TensorFlow has for one operation."""

    def __init__(self) -> None:
        """Ask TensorFlow how many that is."""
        self.count = tf.config.threading.get_intra_op_parallelism_threads() or joblib.cpu_count()
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None

    def slices(self, rows: int) -> list[slice]:
        """Cut rows into parts, one a thread or more.

        Args:
            rows: How many there are.

        Returns:
            The parts, in order.
        """
        count = max(-(-rows // _PART_ROWS), min(self.count, rows), 1)
        edges = [round(rows * part / count) for part in range(count + 1)]
        return [slice(first, last) for first, last in pairwise(edges)]

    def each(self, run: Callable[[T], R], parts: list[T]) -> list[R]:
        """Call a function that needs no interpreter for most of its time.

        Args:
            run: The function; a matrix product in it is computed by the thread that asks for it,
                and one that overflows gives no warning.
            parts: Its arguments, one a call.

        Returns:
            What it returned, in the parts' order.
        """
        with one_blas_thread():
            return list((self._pool.map if self._pool else map)(diverging(run), parts))
