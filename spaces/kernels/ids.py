"""Ids are checked once, since the kernels read tables without looking where they end."""

import numpy as np
import numpy.typing as npt


def check(ids: npt.NDArray[np.int32], num_words: int) -> None:
    """See that every id has a vector.

    Args:
        ids: Characters, int32 [rows, steps].
        num_words: How many vectors there are.

    Raises:
        ValueError: Where an id has none; worded as TensorFlow's own lookup words it.
    """
    # A negative one is a very large one here.
    if ids.size and int(ids.view(np.uint32).max()) >= num_words:
        row, step = np.argwhere((ids < 0) | (ids >= num_words))[0]
        raise ValueError(f"indices[{row},{step}] = {ids[row, step]} is not in [0, {num_words})")
