"""How early a trial's rank is known.

    python -m tests.benchmarks.tabular.fidelities [--logs sms,payloads,shared,synthetic]

After each twelfth of a training: the rank correlation of the complete trials' validation accuracy
with their last one, and how many of the best tenth are among the better third there.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr
from tabulate import tabulate

from data.common.command import run
from tests.benchmarks.tabular.table import Floats, Table, logs_parser, recorded

BEST = 0.1
KEPT = 1 / 3
PARTS = 12


def agreement(early: Floats, late: Floats) -> tuple[float, float]:
    """Compare an early accuracy of trials with their last one.

    Args:
        early: [trials].
        late: [trials].

    Returns:
        Spearman's rho, and the share of the best tenth by `late` that is in the better third by
        `early`, a tie at its edge counted in.
    """
    best = late >= np.quantile(late, 1 - BEST)
    kept = early >= np.quantile(early, 1 - KEPT)
    return spearmanr(early, late)[0], float(kept[best].mean())


def agreements(table: Table) -> list[tuple[float, float]]:
    """Give the agreement of a part of the training with the whole one.

    Args:
        table: The table.

    Returns:
        What `agreement` gives of the last report made by each twelfth of the training but the last.
    """
    curves = table.val_accuracy[table.is_complete]
    reports = [max(1, table.reports * part // PARTS) for part in range(1, PARTS)]
    return [agreement(curves[:, report - 1], curves[:, -1]) for report in reports]


def main(argv: Sequence[str]) -> int:
    """Print the agreements.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = logs_parser("fidelities", __doc__)
    options = parser.parse_args(argv)
    logs = options.logs
    found = [agreements(recorded(log)) for log in logs]
    heads = ["of the training", *logs, *(f"{log}, best tenth" for log in logs)]
    lines = [
        [
            f"{part}/{PARTS}",
            *(f"{rho:.2f}" for rho, _ in row),
            *(f"{100 * it:.0f} %" for _, it in row),
        ]
        for part, row in enumerate(zip(*found, strict=True), 1)
    ]
    print(tabulate(lines, heads, tablefmt="github", disable_numparse=True))
    return 0


if __name__ == "__main__":
    run(main)
