"""How far trainings of the same point differ: a table's best points, each trained once more.

`again-LOG.csv` holds them: the table of a run that began with the best trials of `LOG.csv` and had
another seed.
"""

import numpy as np
from scipy.stats import median_abs_deviation

from tests.benchmarks.tabular.table import FOLDER, Floats, Table, load


def load_again(log: str) -> Table:
    """Read the second trainings on one log."""
    return load(FOLDER / f"again-{log}.csv")


def paired(first: Table, again: Table) -> list[tuple[int, int]]:
    """Give the rows of the same points that were trained to their end both times.

    Args:
        first: A table.
        again: Second trainings of some of its points.

    Returns:
        Rows of the first and of the second table.
    """
    rows, others = (
        {tuple(sorted(table.points[row].items())): row for row in np.flatnonzero(table.is_complete)}
        for table in (first, again)
    )
    return [(rows[point], row) for point, row in others.items() if point in rows]


def spread(first: Floats, again: Floats) -> Floats:
    """Estimate the standard deviation of one training from pairs of them.

    By the median absolute deviation, as a training that learns nothing at all is another matter
    than luck. That the first trainings were chosen for being good shifts all differences alike, and
    is left out.

    Args:
        first: Anything measured in the first trainings, [pairs, ...].
        again: The same of the second ones.

    Returns:
        Standard deviations, [...].
    """
    return np.asarray(median_abs_deviation(first - again, axis=0, scale="normal") / np.sqrt(2))
