"""Arrays that are used again, since fresh memory costs a page fault for every 4 KB."""

import math
from threading import Lock

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

# How many times as large as needed a lent array may be, unless it has fewer values than this.
_MOST_WASTE, _SMALL = 4, 2**16


class Memory:
    """Lends float32 arrays, to several threads at once.

    It holds as many as were ever lent at one time. One that is much too large for what is asked
    makes way as well: else a single batch of long records would leave all of them as large.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._free: list[Array] = []
        self._lock = Lock()

    def take(self, *shape: int) -> Array:
        """Lend an array that may hold anything.

        Args:
            shape: Its shape.

        Returns:
            The array, contiguous.
        """
        size = math.prod(shape)
        if not size:
            return np.empty(shape, np.float32)
        with self._lock:
            large = (i for i, flat in enumerate(self._free) if flat.size >= size)
            # Where all are too small the largest makes way for a larger one.
            chosen = next(large, len(self._free) - 1)
            flat = self._free.pop(chosen) if self._free else None
        if flat is None or not size <= flat.size <= max(_MOST_WASTE * size, _SMALL):
            flat = np.empty(size, np.float32)
        return flat[:size].reshape(shape)

    def give_back(self, *arrays: Array) -> None:
        """Take arrays back; nobody may use them afterwards.

        Args:
            arrays: From `take`.
        """
        with self._lock:
            self._free.extend(a.base for a in arrays if isinstance(a.base, np.ndarray))
            self._free.sort(key=lambda flat: flat.size)
