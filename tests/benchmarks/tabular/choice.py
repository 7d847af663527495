"""What a better choice of the champion could be worth at most.

    python -m tests.benchmarks.tabular.choice [--logs shared,synthetic] [--draws 2000]

Of so many complete trials, drawn from a table again and again, the mean held-out accuracy of the
one that each rule chooses on the validation rows, and of the best one, which only the held-out rows
tell. No second seed (`--finalists`) can gain more than lies between the two.
"""

from collections.abc import Sequence

import numpy as np
from tabulate import tabulate

from data.common.command import Parser, run
from tests.benchmarks.tabular.table import FOLDER, LOGS, Floats, Table, load

TRIALS = (5, 10, 20, 40)
HEADS = ("log", "complete trials", "by validation accuracy", "by validation loss", "the best one")


def chosen(table: Table, trials: int, draws: int, seed: int = 0) -> Floats:
    """Choose again and again.

    Args:
        table: The table.
        trials: How many complete trials there are to choose from.
        draws: How often.
        seed: Of the draws.

    Returns:
        Held-out accuracies, [draws, 3]: chosen by validation accuracy (then loss), by validation
        loss alone, and the best one.
    """
    whole = table.is_complete
    accuracy, loss = table.val_accuracy[whole, -1], table.val_loss[whole, -1]
    heldout = table.heldout_accuracy[whole]
    ranks = np.empty(len(heldout), dtype=np.int64)
    ranks[np.lexsort((loss, -accuracy))] = np.arange(len(heldout))
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = rng.choice(len(heldout), trials, replace=False)
        by_accuracy, by_loss = drawn[ranks[drawn].argmin()], drawn[loss[drawn].argmin()]
        found.append((heldout[by_accuracy], heldout[by_loss], heldout[drawn].max()))
    return np.array(found)


def main(argv: Sequence[str]) -> int:
    """Print what the choices are worth.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = Parser("python -m tests.benchmarks.tabular.choice", description=__doc__)
    parser.add_argument("--logs", default=",".join(LOGS), help="default: %(default)s")
    parser.add_argument("--draws", type=int, default=2000, help="default: %(default)s")
    options = parser.parse_args(argv)
    lines = []
    for log in options.logs.split(","):
        table = load(FOLDER / f"{log}.csv")
        for trials in TRIALS:
            means = chosen(table, trials, options.draws).mean(axis=0)
            lines.append((log, trials, *(f"{mean:.5f}".lstrip("0") for mean in means)))
    print(tabulate(lines, HEADS, tablefmt="github", disable_numparse=True))
    return 0


if __name__ == "__main__":
    run(main)
