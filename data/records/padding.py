"""To how many ids a record is padded, which depends on that record alone."""

from typing import Literal

import numpy as np
import numpy.typing as npt

Padding = Literal["real", "full"]

GRID = 32
MAX_LENGTH = 1024


def padded_lengths(lengths: npt.NDArray[np.int64], padding: Padding) -> npt.NDArray[np.int64]:
    """Decide to how many ids each record is padded, whatever its neighbors are, int64 [n].

    "real" rounds its own length up to the next multiple of `GRID`, at least `GRID` and at most
    `MAX_LENGTH`; "full" is always `MAX_LENGTH`, as in the brief.
    """
    if padding == "full":
        return np.full(len(lengths), MAX_LENGTH, np.int64)
    if padding != "real":
        raise ValueError(f"padding is {padding!r}, but must be 'real' or 'full'")
    # np.clip takes several times as long for one record.
    return np.minimum(np.maximum(-(-lengths // GRID) * GRID, GRID), MAX_LENGTH)
