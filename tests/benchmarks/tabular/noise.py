"""How far trainings of one point differ.

Runs with other seeds begin with the same starting points, so a table of several runs holds each of
these several times.
"""

from itertools import combinations

import numpy as np
from scipy.stats import median_abs_deviation

from tests.benchmarks.tabular.table import Floats, Table


def paired(table: Table) -> list[tuple[int, int]]:
    """Give each pair of rows that have the same point and were trained to their end."""
    rows: dict[tuple[tuple[str, object], ...], list[int]] = {}
    for row in np.flatnonzero(table.is_complete):
        rows.setdefault(tuple(sorted(table.points[row].items())), []).append(int(row))
    return [pair for same in rows.values() for pair in combinations(same, 2)]


def spread(first: Floats, again: Floats) -> Floats:
    """Estimate the standard deviation of one training from pairs of them.

    By the median absolute deviation, as a training that learns nothing at all is another matter
    than luck.

    Args:
        first: Anything measured in the first trainings, [pairs, ...].
        again: The same of the second ones.

    Returns:
        Standard deviations, [...].
    """
    differences = first - again
    # Which one of a pair comes first means nothing, so the differences are around zero.
    both = np.concatenate([differences, -differences])
    return np.asarray(median_abs_deviation(both, axis=0, scale="normal") / np.sqrt(2))
