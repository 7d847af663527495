"""Which few points a search should start from, so that one of them suits any log.

    python -m tests.benchmarks.tabular.starts [--logs sms,payloads,shared,synthetic] [--size N]

Builds a portfolio greedily, as in Feurer et al., "Auto-sklearn 2.0" (JMLR 2022): each step adds the
point that most lowers the mean logarithm of the error over the logs. The error of a set of points
on a log is what the surrogate expects on the held-out rows from the one with the lowest validation
error; the candidates are all points of the tables. For each log, the points that the other logs
choose are compared with the space's starting points of today.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras_tuner
import numpy as np
from tabulate import tabulate

from data.common.command import run
from search.sampling.distributions import active_values
from spaces import Model3
from tests.benchmarks.tabular.importance import value_text
from tests.benchmarks.tabular.surrogate import Surrogate
from tests.benchmarks.tabular.table import Floats, Table, logs_parser, recorded, space_of_today

Point = Mapping[str, Any]
HEADS = ("log left out", "trials", "today's points", "chosen by the others", "seconds, both")


@dataclass(frozen=True)
class Candidates:
    """What is to be expected of points on logs.

    Attributes:
        points: The points, those of today first.
        validation: Expected validation error, [logs, points].
        heldout: Expected held-out error, [logs, points].
        seconds: Of a whole training on one core, [logs, points].
    """

    points: Sequence[Point]
    validation: Floats
    heldout: Floats
    seconds: Floats

    def error(self, log: int, chosen: Sequence[int]) -> float:
        """Give the held-out error of the one of some points that is best by validation."""
        rows = np.asarray(chosen)
        return float(self.heldout[log, rows[self.validation[log, rows].argmin()]])


def whole(space: keras_tuner.HyperParameters, start: Point) -> dict[str, Any]:
    """Fill a starting point with the defaults of what it does not name."""
    return active_values(space.space, lambda entry: start.get(entry.name, entry.default))


def candidates(tables: Mapping[str, Table]) -> Candidates:
    """Collect the points of all tables, today's starting points first, and predict each.

    Args:
        tables: By log, all of one space.

    Returns:
        The candidates.
    """
    space = space_of_today(next(iter(tables.values())))
    found = [whole(space, start) for start in Model3.starting_points]
    found += [dict(point) for table in tables.values() for point in table.points]
    points = list({tuple(sorted(point.items())): point for point in found}.values())
    predicted = [Surrogate(table).errors_and_seconds(points) for table in tables.values()]
    validation, heldout, seconds = map(np.array, zip(*predicted, strict=True))
    epochs = np.array([table.epochs for table in tables.values()])
    return Candidates(points, validation, heldout, seconds * epochs[:, None])


def portfolio(found: Candidates, logs: Sequence[int], size: int) -> list[int]:
    """Choose points one after the other.

    Args:
        found: The candidates.
        logs: The logs that count, by index.
        size: How many points.

    Returns:
        Their indices; the first is the best alone.
    """
    chosen: list[int] = []
    for _ in range(size):
        worths = [
            np.mean([np.log(found.error(log, [*chosen, one])) for log in logs])
            if one not in chosen
            else np.inf
            for one in range(len(found.points))
        ]
        chosen.append(int(np.argmin(worths)))
    return chosen


def differences(point: Point, defaults: Point) -> str:
    """Describe a point by where it differs from the defaults."""
    told = [
        f"{name} {value_text(value)}"
        for name, value in point.items()
        if name not in defaults or defaults[name] != value
    ]
    return ", ".join(told) or "the defaults"


def main(argv: Sequence[str]) -> int:
    """Print the portfolios.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = logs_parser("starts", __doc__)
    today = list(range(len(Model3.starting_points)))
    parser.add_argument("--size", type=int, default=len(today), help="default: %(default)s")
    options = parser.parse_args(argv)
    names = options.logs
    found = candidates({log: recorded(log) for log in names})
    lines = []
    for log, name in enumerate(names):
        others = [one for one in range(len(names)) if one != log]
        chosen = portfolio(found, others, options.size)
        for count in range(1, options.size + 1):
            old, new = today[:count], chosen[:count]
            seconds = [found.seconds[log, rows].sum() for rows in (old, new)]
            errors = [f"{100 * found.error(log, rows):.3f} %" for rows in (old, new)]
            lines.append((name, count, *errors, "{:.0f}, {:.0f}".format(*seconds)))
    print(tabulate(lines, HEADS, tablefmt="github", disable_numparse=True))
    print("\nchosen by all logs:")
    for one in portfolio(found, range(len(names)), options.size):
        print(f"* {differences(found.points[one], found.points[0])}")
    return 0


if __name__ == "__main__":
    run(main)
