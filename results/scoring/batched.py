"""The probabilities of any number of records, by whatever scores one batch of padded ids."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from data.dataset import batches
from data.records import Encoded, Padding, padded_lengths
from results.scoring.files import Scores

Score = Callable[[npt.NDArray[np.int32]], Scores]

# Ids at most in one batch, padding included, unless one record has more: of 512 records of 1024
# characters, each output of a layer with 128 filters would take 256 MiB.
_MOST_IDS = 2**16


def score_rows(
    score: Score,
    encoded: Encoded,
    rows: npt.ArrayLike,
    *,
    padding: Padding,
    batch_size: int,
    before: Callable[[], object] = lambda: None,
) -> Scores:
    """Return the probabilities of label 1.

    Every batch holds records of one padded length, and that length depends on each record alone:
    so does its probability.

    Args:
        score: Scores one batch: int32 ids [b, length] in, float32 probabilities [b] out.
        encoded: The records.
        rows: Which of them, [n].
        padding: "real" pads a record by its own length, "full" pads every one to 1024.
        batch_size: How many records at most are computed at once; fewer if they are long.
        before: Called before each batch; what it raises ends the scoring.

    Returns:
        Probabilities in the order of `rows`, float32 [n].
    """
    chosen = np.asarray(rows, dtype=np.int64)
    lengths = padded_lengths(encoded.lengths[chosen], padding)
    return score_padded(score, encoded, chosen, lengths, batch_size=batch_size, before=before)


def score_padded(
    score: Score,
    encoded: Encoded,
    rows: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    *,
    batch_size: int,
    before: Callable[[], object] = lambda: None,
) -> Scores:
    """Do as `score_rows` for rows whose padded lengths, [n], are known."""
    scores = np.empty(len(rows), dtype=np.float32)
    for batch in batches(np.arange(len(rows)), lengths, batch_size, None):
        most = max(1, _MOST_IDS // batch.length)
        for start in range(0, len(batch.rows), most):
            before()
            part = batch.rows[start : start + most]
            scores[part] = score(encoded.padded(rows[part], batch.length))
    return scores
