"""Records of random characters, padded as the project pads them, and their n-grams."""

from typing import Any

import numpy as np


def padded(rows: int, length: int, num_words: int, seed: int = 0) -> Any:
    """Make left-padded records.

    Args:
        rows: How many.
        length: Steps of each, at least half of them characters.
        num_words: How many ids there are, padding included.
        seed: Decides every id.

    Returns:
        int32 [rows, length].
    """
    rng = np.random.default_rng(seed)
    ids = rng.integers(1, num_words, (rows, length), dtype=np.int32)
    for row, padding in enumerate(rng.integers(0, length // 2, rows)):
        ids[row, :padding] = 0
    return ids


def buckets_of(ids: list[int], longest: int, buckets: int) -> list[int]:
    """List the hashed n-grams of one record, written without tensors."""
    spread = 40_503 if buckets <= 2**15 else 7_919
    found = []
    for length in range(1, longest + 1):
        for first in range(len(ids) - length + 1):
            value = 0
            for character in ids[first : first + length]:
                value = (value * spread + character % buckets) % buckets
            found.append(value)
    return found
