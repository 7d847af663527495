"""Texts that occur in more than one slice of a split."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from data.dataset.split import Rows, Split
from data.reading import Texts

_Hashes = npt.NDArray[np.int64]


def repeated(texts: Sequence[str], rows: Rows, among: Rows) -> npt.NDArray[np.bool_]:
    """Tell of each row, [m], whether its text is that of one of the others.

    Args:
        texts: The n texts.
        rows: The rows to look at, [m].
        among: The others, [k].
    """
    texts = texts if isinstance(texts, Texts) else Texts.of(texts)
    return np.isin(_hashes(texts.at(rows)), _hashes(texts.at(among)))


def without_repeated(split: Split, texts: Sequence[str]) -> Split:
    """Leave out what a slice has in common with one before it.

    These are the held-out rows whose text stands in the training part, and the validation rows
    whose text stands among the fitted ones. The fitted rows stay as they are.
    """
    validation = split.validation[~repeated(texts, split.validation, split.fit)]
    heldout = split.heldout[~repeated(texts, split.heldout, split.train)]
    return replace(split, validation=validation, heldout=heldout)


def _hashes(texts: Texts) -> _Hashes:
    """Return a number for each text, [n]; of 64 bits, so that equal ones are equal texts."""
    return np.fromiter(map(hash, _encoded(texts)), np.int64, len(texts))


def _encoded(texts: Texts) -> Iterator[bytes]:
    for block, sizes in texts.blocks():
        start = 0
        for end in np.cumsum(sizes).tolist():
            yield block[start:end]
            start = end
