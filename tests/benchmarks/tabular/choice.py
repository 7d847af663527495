"""What a better choice of the champion could be worth at most.

    python -m tests.benchmarks.tabular.choice [--logs sms,payloads,shared,synthetic] [--draws 2000]

Of so many complete trials, drawn from a table again and again, the mean held-out accuracy of the
one that each rule chooses on the validation rows, and of the best one, which only the held-out rows
tell. No second seed (`--finalists`) can gain more than lies between the two. The rules: the highest
validation accuracy, ties by loss; the lowest loss; and the lowest loss among the trials whose
accuracy is less than a standard error, or half of one, below the highest.
"""

import math
from collections.abc import Sequence

import numpy as np
from tabulate import tabulate

from data.common.command import run
from tests.benchmarks.tabular.table import Floats, Table, logs_parser, recorded

TRIALS = (5, 10, 20, 40)
# Of standard errors below the highest accuracy: nothing but that itself, ..., anything.
MARGINS = (0.0, 0.5, 1.0, math.inf)
HEADS = ("log", "complete trials", "by accuracy", "1/2 SE", "1 SE", "by loss", "the best one")


def chosen(table: Table, trials: int, draws: int, seed: int = 0) -> Floats:
    """Choose again and again.

    Args:
        table: The table.
        trials: How many complete trials there are to choose from.
        draws: How often.
        seed: Of the draws.

    Returns:
        Held-out accuracies, [draws, 5]: of what is chosen with each of `MARGINS`, and the best one.
    """
    whole = table.is_complete
    accuracy, loss = table.val_accuracy[whole, -1], table.val_loss[whole, -1]
    heldout = table.heldout_accuracy[whole]
    rows = table.facts["data"]["slices"]["validation"]
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = rng.choice(len(heldout), trials, replace=False)
        picked = [
            heldout[drawn[lowest_loss(accuracy[drawn], loss[drawn], rows, margin)]]
            for margin in MARGINS
        ]
        found.append((*picked, heldout[drawn].max()))
    return np.array(found)


def lowest_loss(accuracy: Floats, loss: Floats, rows: int, margin: float) -> int:
    """Choose by loss among the trials that are as accurate as the best one, or nearly.

    Args:
        accuracy: Validation accuracies, [trials].
        loss: Validation losses, [trials].
        rows: Of the validation part.
        margin: How many standard errors of the best accuracy a trial may be below it.

    Returns:
        The index of the chosen one.
    """
    best = accuracy.max()
    least = best - margin * math.sqrt(best * (1 - best) / rows) if margin < math.inf else 0.0
    return int(np.where(accuracy >= least, loss, np.inf).argmin())


def main(argv: Sequence[str]) -> int:
    """Print what the choices are worth.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = logs_parser("choice", __doc__)
    parser.add_argument("--draws", type=int, default=2000, help="default: %(default)s")
    options = parser.parse_args(argv)
    lines = []
    for log in options.logs:
        table = recorded(log)
        for trials in TRIALS:
            means = chosen(table, trials, options.draws).mean(axis=0)
            lines.append((log, trials, *(f"{mean:.5f}".lstrip("0") for mean in means)))
    print(tabulate(lines, HEADS, tablefmt="github", disable_numparse=True))
    return 0


if __name__ == "__main__":
    run(main)
