"""Which hyperparameters matter, which act together, and which of their values waste the budget.

    python -m tests.benchmarks.tabular.importance [--logs shared,synthetic] [--draws 20000]

A functional analysis of variance of the surrogate's validation error (its logarithm), as in Hutter,
Hoos and Leyton-Brown, "An efficient approach for assessing hyperparameter importance" (ICML 2014),
over points drawn as random search draws them: the share of the variance that a hyperparameter
explains alone, and what a pair explains beyond its two. Optuna's own evaluator leaves out whatever
is conditional. The held-out rows have no say: they could not judge a space that was fitted to them.
"""

import random
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import keras_tuner
import numpy as np
import numpy.typing as npt
import pandas as pd
from tabulate import tabulate

from data.common.command import Parser, run
from tests.benchmarks.tabular.surrogate import Surrogate
from tests.benchmarks.tabular.table import FOLDER, LOGS, Floats, Table, load
from tests.spaces.draws import draw_values

# Values of a range that are taken together.
BINS = 6
# Which draws count as good: the best tenth.
GOOD = 0.1
_PAIRS = 8
_ABSENT = "-"


def draws(space: keras_tuner.HyperParameters, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Draw points as KerasTuner's random search does.

    Args:
        space: The space, every hyperparameter declared.
        count: How many.
        seed: Decides every value.

    Returns:
        The values of the active hyperparameters of each.
    """
    rng = random.Random(seed)
    return [draw_values(space, rng) for _ in range(count)]


def binned(space: keras_tuner.HyperParameters, points: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Give each point's values, those of long ranges in six parts of equal share.

    Args:
        space: Their space.
        points: The points.

    Returns:
        A column a hyperparameter, texts; "-" where a point does not have it.
    """
    columns = {}
    for entry in {entry.name: entry for entry in space.space}.values():
        columns[entry.name] = _bins([point.get(entry.name) for point in points])
    return pd.DataFrame(columns)


def _bins(values: Sequence[Any]) -> list[str]:
    present = [value for value in values if value is not None]
    if len(set(present)) <= BINS + 4:
        return [_ABSENT if value is None else _text(value) for value in values]
    edges = np.quantile(present, np.linspace(0, 1, BINS + 1))
    names = [f"{_text(low)} to {_text(high)}" for low, high in pairwise(edges)]
    places = np.clip(np.searchsorted(edges, np.array(present), side="right") - 1, 0, BINS - 1)
    rest = iter(places)
    return [_ABSENT if value is None else names[next(rest)] for value in values]


def _text(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def explained(groups: npt.ArrayLike, values: Floats) -> float:
    """Give the share of the variance between groups.

    Args:
        groups: The group of each value, [n].
        values: The values, [n].

    Returns:
        From 0 to 1.
    """
    means = pd.Series(values).groupby(np.asarray(groups)).transform("mean")
    return float(means.var(ddof=0) / values.var())


def importances(frame: pd.DataFrame, values: Floats) -> tuple[pd.Series, pd.Series]:
    """Decompose the variance.

    Args:
        frame: What `binned` gave.
        values: Of each point, [n].

    Returns:
        What each hyperparameter explains alone, and what each pair explains beyond its two, both
        the largest first.
    """
    alone = pd.Series({name: explained(frame[name], values) for name in frame})
    pairs = {
        (one, other): explained(frame[one] + " & " + frame[other], values)
        - alone[one]
        - alone[other]
        for one, other in combinations(frame, 2)
    }
    return alone.sort_values(ascending=False), pd.Series(pairs).sort_values(ascending=False)


def worths(frame: pd.DataFrame, errors: Floats, seconds: Floats, name: str) -> pd.DataFrame:
    """Say what each value of a hyperparameter is worth.

    Args:
        frame: What `binned` gave.
        errors: Validation error of each point, [n].
        seconds: Seconds an epoch of each, [n].
        name: The hyperparameter.

    Returns:
        By value: its share of the draws, how many times its share its part of the best tenth is
        (1 is neutral), the median error, the mean seconds.
    """
    good = errors <= np.quantile(errors, GOOD)
    grouped = pd.DataFrame(
        {"value": frame[name], "good": good, "error": errors, "seconds": seconds}
    ).groupby("value")
    return pd.DataFrame(
        {
            "share": grouped.size() / len(frame),
            "lift": grouped["good"].mean() / good.mean(),
            "error": grouped["error"].median(),
            "seconds": grouped["seconds"].mean(),
        }
    )


def _show(log: str, table: Table, count: int) -> str:
    surrogate = Surrogate(table)
    points = draws(table.space, count)
    errors, seconds = surrogate.errors_and_seconds(points)
    frame = binned(table.space, points)
    alone, pairs = importances(frame, np.log10(errors))
    lines = []
    for name, share in alone.items():
        for value, worth in worths(frame, errors, seconds, str(name)).iterrows():
            first = not lines or lines[-1][-1] != name
            told = [name, f"{100 * share:.1f}"] if first else ["", ""]
            figures = [f"{100 * worth['share']:.0f}", f"{worth['lift']:.2f}"]
            figures += [f"{worth['error']:.4f}", f"{worth['seconds']:.1f}", name]
            lines.append([*told, value, *figures])
    heads = ["hyperparameter", "% of variance", "value", "% of draws", "lift", "error", "s/epoch"]
    text = tabulate([line[:-1] for line in lines], heads, tablefmt="github", disable_numparse=True)
    told = [(f"{one} & {other}", f"{100 * share:.1f}") for (one, other), share in pairs.items()]
    both = tabulate(told[:_PAIRS], ["together", "% of variance"], tablefmt="github")
    return f"{log}: {len(table)} trials, {count} draws\n\n{text}\n\n{both}\n"


def main(argv: Sequence[str]) -> int:
    """Print the importances.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = Parser("python -m tests.benchmarks.tabular.importance", description=__doc__)
    parser.add_argument("--logs", default=",".join(LOGS), help="default: %(default)s")
    parser.add_argument("--draws", type=int, default=20_000, help="default: %(default)s")
    options = parser.parse_args(argv)
    for log in options.logs.split(","):
        print(_show(log, load(FOLDER / f"{log}.csv"), options.draws))
    return 0


if __name__ == "__main__":
    run(main)
