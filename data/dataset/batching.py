"""Batches of rows of one padded length, so that a record's padding depends on it alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Batch:
    """Rows that are padded to one length."""

    rows: npt.NDArray[np.int64]  # row indices, [b]
    length: int  # how many ids each is padded to


def batches(
    rows: npt.NDArray[np.int64],
    padded: npt.NDArray[np.int64],
    batch_size: int,
    rng: np.random.Generator | None,
) -> list[Batch]:
    """Batch the rows, int64 [m], by the padded length of every record, int64 [n], each row once.

    A batch has at most `batch_size` rows, the last one of a length fewer. The generator shuffles
    rows and batches; None keeps the order of the rows in a length, and shorter lengths first.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, but must be 1 or more")
    rows = np.asarray(rows, np.int64)
    if rng is not None:
        rows = rng.permutation(rows)
    lengths = padded[rows]
    made = []
    for length in np.unique(lengths):
        group = rows[lengths == length]
        for start in range(0, len(group), batch_size):
            made.append(Batch(group[start : start + batch_size], int(length)))
    if rng is not None:
        made = [made[i] for i in rng.permutation(len(made))]
    return made
