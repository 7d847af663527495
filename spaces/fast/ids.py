"""Ids are checked once, since the kernels read tables without looking where they end."""

import numpy as np
import numpy.typing as npt


def check(ids: npt.NDArray[np.int32], num_words: int) -> None:
    """See that every id has a vector.

    Args:
        ids: Characters, int32.
        num_words: How many vectors there are.

    Raises:
        IndexError: Where an id has none.
    """
    # A negative one is a very large one here.
    if ids.size and int(ids.view(np.uint32).max()) >= num_words:
        raise IndexError(f"an id is not in [0, {num_words})")
