"""How early a trial's rank is known.

    python -m tests.benchmarks.tabular.fidelities [--logs shared,synthetic]

For each report of the complete trials: the rank correlation of its validation accuracy with the
last one's, and how many of the best tenth are among the better third there.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import kendalltau, spearmanr
from tabulate import tabulate

from data.common.command import Parser, run
from tests.benchmarks.tabular.table import FOLDER, LOGS, Floats, Table, load

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
        (
            table.epochs * report / table.reports,
            *agreement(curves[:, report - 1], curves[:, -1]),
        )
        for report in range(1, table.reports)
    ]


def main(argv: Sequence[str]) -> int:
    """Print the agreements.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = Parser("python -m tests.benchmarks.tabular.fidelities", description=__doc__)
    parser.add_argument("--logs", default=",".join(LOGS), help="default: %(default)s")
    options = parser.parse_args(argv)
    heads = ["log", "epochs", "Spearman", "Kendall", "of the best tenth in the better third"]
    lines = []
    for log in options.logs.split(","):
        table = load(FOLDER / f"{log}.csv")
        lines += [(log, *figures) for figures in reports(table)]
    print(tabulate(lines, heads, tablefmt="github", floatfmt=".2f"))
    return 0


if __name__ == "__main__":
    run(main)
