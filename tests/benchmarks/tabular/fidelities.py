"""How early, and on how little, a trial's rank is known.

    python -m tests.benchmarks.tabular.fidelities [--logs shared,synthetic] [--cheaper FILE.csv]

For each report of the complete trials: the rank correlation of its validation accuracy with the
last one's, and how many of the best tenth are among the better third there, which is what ASHA
keeps. `--cheaper` names a table of the same trials (same seed) on fewer rows, and compares its last
accuracies with those of the one log that `--logs` names.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau, spearmanr
from tabulate import tabulate

from data.command import Parser, run
from search.points import identity
from tests.benchmarks.tabular.table import FOLDER, LOGS, REPORTS, Floats, Table, load

BEST = 0.1
KEPT = 1 / 3


def agreement(early: Floats, late: Floats) -> tuple[float, float, float]:
    """Compare an early accuracy of trials with their last one.

    Args:
        early: [trials].
        late: [trials].

    Returns:
        Spearman's rho, Kendall's tau, and the share of the best tenth by `late` that is in the
        better third by `early`, a tie at its edge counted in.
    """
    best = late >= np.quantile(late, 1 - BEST)
    kept = early >= np.quantile(early, 1 - KEPT)
    return spearmanr(early, late)[0], kendalltau(early, late)[0], float(kept[best].mean())


def reports(table: Table) -> list[tuple[float, float, float, float]]:
    """Give the agreement of each report with the last one.

    Args:
        table: The table.

    Returns:
        Epochs trained, and what `agreement` gives.
    """
    curves = table.val_accuracy[table.is_complete]
    return [
        (3 * report / REPORTS, *agreement(curves[:, report - 1], curves[:, -1]))
        for report in range(1, REPORTS)
    ]


def matched(one: Table, other: Table) -> tuple[Floats, Floats]:
    """Give the last accuracies of the points that two tables share, where both are complete.

    Args:
        one: A table.
        other: Another one of the same space.

    Returns:
        Those of the first and those of the second, [points] each.
    """
    lasts = [
        {
            identity(point): float(accuracy)
            for point, accuracy, whole in zip(
                table.points, table.val_accuracy[:, -1], table.is_complete, strict=True
            )
            if whole
        }
        for table in (one, other)
    ]
    shared = [point for point in lasts[0] if point in lasts[1]]
    first, second = (np.array([last[point] for point in shared]) for last in lasts)
    return first, second


def main(argv: Sequence[str]) -> int:
    """Print the agreements.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = Parser("python -m tests.benchmarks.tabular.fidelities", description=__doc__)
    parser.add_argument("--logs", default=",".join(LOGS), help="default: %(default)s")
    parser.add_argument("--cheaper", type=Path, metavar="FILE.csv")
    options = parser.parse_args(argv)
    heads = ["log", "epochs", "Spearman", "Kendall", "of the best tenth in the better third"]
    lines = []
    for log in options.logs.split(","):
        table = load(FOLDER / f"{log}.csv")
        lines += [(log, *figures) for figures in reports(table)]
        if options.cheaper:
            full, cheap = matched(table, load(options.cheaper))
            lines.append((f"{log}, {options.cheaper.stem}", len(full), *agreement(cheap, full)))
    print(tabulate(lines, heads, tablefmt="github", floatfmt=".2f"))
    return 0


if __name__ == "__main__":
    run(main)
