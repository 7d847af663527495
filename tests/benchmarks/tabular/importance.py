"""Which hyperparameters matter, which act together, and which of their values waste the budget.

    python -m tests.benchmarks.tabular.importance [--logs sms,payloads,shared,synthetic]
        [--draws 20000]

A functional analysis of variance of the surrogate's validation error (its logarithm), as in Hutter,
Hoos and Leyton-Brown, "An efficient approach for assessing hyperparameter importance" (ICML 2014),
over points drawn as random search draws them: the share of the variance that a hyperparameter
explains alone, and what a pair explains beyond its two. Optuna's own evaluator leaves out whatever
is conditional. The held-out rows have no say: they could not judge a space that was fitted to them.
Then what each value is worth on each log, its cost in seconds as a multiple of the mean, and, with
one log left out at a time, the values that the others speak against.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import keras_tuner
import numpy as np
import numpy.typing as npt
import pandas as pd
from tabulate import tabulate

from data.common.command import run
from tests.benchmarks.tabular.surrogate import Surrogate
from tests.benchmarks.tabular.table import Floats, Table, logs_parser, recorded
from tests.spaces.draws import draw_values

# Values of a range that are taken together.
BINS = 6
# Which draws count as good: the best tenth.
GOOD = 0.1
# A value whose lift is below is one that the space could do without.
POOR = 0.5
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
        return [_ABSENT if value is None else value_text(value) for value in values]
    edges = np.quantile(present, np.linspace(0, 1, BINS + 1))
    names = [f"{value_text(low)} to {value_text(high)}" for low, high in pairwise(edges)]
    places = np.clip(np.searchsorted(edges, np.array(present), side="right") - 1, 0, BINS - 1)
    rest = iter(places)
    return [_ABSENT if value is None else names[next(rest)] for value in values]


def value_text(value: Any) -> str:
    """Write a hyperparameter's value, a number in two digits."""
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
        What each hyperparameter explains alone, and what each pair explains beyond its two.
    """
    alone = pd.Series({name: explained(frame[name], values) for name in frame})
    pairs = {
        (one, other): explained(frame[one] + " & " + frame[other], values)
        - alone[one]
        - alone[other]
        for one, other in combinations(frame, 2)
    }
    return alone, pd.Series(pairs)


def worths(frame: pd.DataFrame, errors: Floats) -> pd.Series:
    """Say what each value of each hyperparameter is worth.

    Args:
        frame: What `binned` gave.
        errors: Validation error of each point, [n].

    Returns:
        By hyperparameter and value, the lift: how many times its share of all points its share of
        the best tenth is. 1 is neutral.
    """
    good = pd.Series(errors <= np.quantile(errors, GOOD), index=frame.index)
    lifts = {name: good.groupby(frame[name]).mean() / good.mean() for name in frame}
    return pd.concat(lifts)


def left_out(lifts: pd.DataFrame) -> list[tuple[str, str, str, float, float]]:
    """Find the values that all logs but one speak against.

    Args:
        lifts: A column a log, by hyperparameter and value.

    Returns:
        The log left out, hyperparameter and value, the mean lift on the others (below `POOR`), and
        that on the log left out.
    """
    return [
        (str(log), str(name), str(value), float(mean), float(lifts.loc[(name, value), log]))
        for log in lifts
        for (name, value), mean in lifts.drop(columns=log).mean(axis=1).items()
        if mean < POOR and value != _ABSENT
    ]


def _table(lines: Iterable[Sequence[str]], heads: Sequence[str]) -> str:
    return tabulate(lines, heads, tablefmt="github", disable_numparse=True) + "\n"


def show(tables: Mapping[str, Table], count: int) -> str:
    """Write what hyperparameters and their values are worth on all logs.

    Args:
        tables: By log, all of one space.
        count: How many points to draw.

    Returns:
        Tables of GitHub's kind: the shares of the variance, the pairs, the lifts, and the values
        that all logs but one speak against.
    """
    space = next(iter(tables.values())).space
    points = draws(space, count)
    frame = binned(space, points)
    alone, pairs, lifts = {}, {}, {}
    costs = []
    for log, table in tables.items():
        errors, _, seconds = Surrogate(table).errors_and_seconds(points)
        alone[log], pairs[log] = importances(frame, np.log10(errors))
        lifts[log] = worths(frame, errors)
        costs.append(seconds / seconds.mean())
    shares = _sorted(pd.DataFrame(alone))
    together = _sorted(pd.DataFrame(pairs)).head(_PAIRS)
    together.index = pd.Index([" & ".join(pair) for pair in together.index])
    texts = [
        _shares(shares, "% of variance"),
        _shares(together, "% of variance together"),
        _lifts(frame, pd.DataFrame(lifts), np.mean(costs, axis=0), list(shares.index)),
    ]
    lines = [
        (log, name, value, f"{mean:.2f}", f"{own:.2f}")
        for log, name, value, mean, own in left_out(pd.DataFrame(lifts))
    ]
    texts.append(_table(lines, ["left out", "hyperparameter", "value", "others' lift", "its own"]))
    told = ", ".join(f"{log} {len(table)}" for log, table in tables.items())
    return "\n".join([f"trials: {told}; {count} draws\n", *texts])


def _sorted(found: pd.DataFrame) -> pd.DataFrame:
    """Sort by the mean over the logs, the largest first."""
    return found.loc[found.mean(axis=1).sort_values(ascending=False).index]


def _shares(found: pd.DataFrame, head: str) -> str:
    lines = [
        [str(name), *(f"{100 * share:.1f}" for share in row)] for name, row in found.iterrows()
    ]
    return _table(lines, [head, *map(str, found)])


def _lifts(frame: pd.DataFrame, lifts: pd.DataFrame, costs: Floats, order: Sequence[Any]) -> str:
    lines = []
    for name in order:
        for place, (value, row) in enumerate(lifts.loc[name].iterrows()):
            at = (frame[name] == value).to_numpy()
            figures = [f"{lift:.2f}" for lift in row]
            figures += [f"{row.mean():.2f}", f"{100 * at.mean():.0f}", f"{costs[at].mean():.2f}"]
            lines.append([str(name) if place == 0 else "", str(value), *figures])
    heads = ["lift", "value", *map(str, lifts), "mean", "% of draws", "cost"]
    return _table(lines, heads)


def main(argv: Sequence[str]) -> int:
    """Print the importances.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = logs_parser("importance", __doc__)
    parser.add_argument("--draws", type=int, default=20_000, help="default: %(default)s")
    options = parser.parse_args(argv)
    logs = options.logs
    print(show({log: recorded(log) for log in logs}, options.draws))
    return 0


if __name__ == "__main__":
    run(main)
