"""Whether trainings on fewer rows, or on shorter records, rank trials as whole ones do.

    python -m tests.benchmarks.tabular.cheaper [--data http-params.csv]
        [--rows 9000] [--points 60] [--jobs 2]

Takes complete trials of the table of that log, evenly over the order in which they were drawn, and
trains their points anew on each cheaper version of its fit rows; validation rows stay as they are,
but for their length. Beside each the report of the whole trainings that costs as much: a cheaper
version is worth having only if it ranks the trials better than that.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import keras_tuner
import numpy as np
import tensorflow as tf
from tabulate import tabulate

from data.common.command import Parser, run
from data.common.errors import UserError
from data.common.progress import track
from data.dataset.dataset import Dataset
from data.records import Encoded
from search.training.fit import TrainingConfig, fit, reset_session
from spaces import Model3
from spaces.kernels import one_blas_thread
from tests.benchmarks.measuring import dataset
from tests.benchmarks.tabular.fidelities import agreement
from tests.benchmarks.tabular.table import FOLDER, LOGS, Floats, Table, load

SEED = 1000
HEADS = (
    *("trained on", "share of the seconds", "Spearman", "Kendall"),
    "of the best tenth in the better third",
)


@dataclass(frozen=True)
class Fidelity:
    """A cheaper version of a log.

    Attributes:
        name: What it is called.
        stride: Every so many fit rows one is kept, so that the whole time is covered.
        characters: What is kept of a record's end; None keeps it whole.
    """

    name: str
    stride: int = 1
    characters: int | None = None

    def of(self, data: Dataset) -> Dataset:
        """Give that version of a log, without its texts, which no other process could be sent."""
        split = replace(data.split, fit=data.split.fit[:: self.stride])
        encoded = data.encoded
        if self.characters is not None:
            encoded = shortened(encoded, self.characters)
        return replace(data, split=split, encoded=encoded, kept_texts=None)


FIDELITIES = (
    Fidelity("every second row", stride=2),
    Fidelity("every fourth row", stride=4),
    Fidelity("the last 64 characters", characters=64),
)


def shortened(encoded: Encoded, characters: int) -> Encoded:
    """Cut records at their beginning, as padding to a length does.

    Args:
        encoded: The records.
        characters: How many each keeps at most.

    Returns:
        Their ends.
    """
    lengths = np.minimum(encoded.lengths, characters)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    # From where an id stands in the result to where it stood.
    shifts = encoded.offsets[1:] - offsets[1:]
    return Encoded(encoded.ids[np.arange(offsets[-1]) + np.repeat(shifts, lengths)], offsets)


def table_of(data: Dataset) -> Table:
    """Find the table of a log.

    Args:
        data: The log.

    Raises:
        UserError: It has none.
    """
    for log in LOGS:
        table = load(FOLDER / f"{log}.csv")
        if table.facts["data"]["fingerprint"] == data.facts["fingerprint"]:
            return table
    raise UserError(
        f"{data.facts['source']} is the log of no table; give --data and --rows as the tables had "
        "them: HttpParamsDataset whole, or 9000 synthetic rows"
    )


def taken(table: Table, count: int) -> list[int]:
    """Choose trials, evenly over the table.

    Args:
        table: The table.
        count: How many at most.

    Returns:
        Their rows: complete trials whose optimizer the code still has.
    """
    rows = [
        int(row)
        for row in np.flatnonzero(table.is_complete)
        if table.points[row]["optimizer"] != "lion"
    ]
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return [rows[place] for place in places]


def trained(point: Mapping[str, Any], data: Dataset, seed: int) -> tuple[float, float]:
    """Train a point.

    Args:
        point: Values of the hyperparameters.
        data: On what.
        seed: Of weights, rows and dropout.

    Returns:
        The last validation accuracy, and processor seconds.
    """
    chosen = keras_tuner.HyperParameters()
    # A table that does not know the wide branch is of networks without it.
    chosen.values = {"wide": False, **point}
    reset_session(seed)
    model = Model3(data.vocabulary.num_words, rows=len(data.split.fit)).build(chosen)
    with one_blas_thread():
        fitted = fit(model, data, TrainingConfig().of_trial(point, seed))
    return fitted.curve[-1].val_accuracy, fitted.cpu_seconds


def compare(
    table: Table, rows: Sequence[int], costs: Floats, accuracies: Floats, name: str
) -> list[tuple[str, float, float, float, float]]:
    """Set a cheaper version beside the report of the whole trainings that costs as much.

    Args:
        table: The whole trainings.
        rows: Which of them were trained anew.
        costs: Processor seconds of each on the cheaper version.
        accuracies: The last validation accuracy of each there.
        name: Of the version.

    Returns:
        A line of the cheaper version and a line of that report.
    """
    late = table.val_accuracy[rows, -1]
    share = float(np.median(costs / (table.epochs * table.seconds[rows])))
    report = int(np.clip(round(share * table.reports), 1, table.reports - 1))
    early, part = table.val_accuracy[rows, report - 1], report / table.reports
    return [
        (name, share, *agreement(accuracies, late)),
        (f"whole, {table.epochs * part:g} epochs", part, *agreement(early, late)),
    ]


def _one_thread() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def main(argv: Sequence[str]) -> int:
    """Train and print.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = Parser("python -m tests.benchmarks.tabular.cheaper", description=__doc__)
    parser.add_argument("--data", help="default: a synthetic log")
    parser.add_argument("--rows", type=int, help="first rows only")
    parser.add_argument("--points", type=int, default=60, help="default: %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="default: %(default)s")
    options = parser.parse_args(argv)
    data = dataset(options.data, options.rows)
    table = table_of(data)
    rows = taken(table, options.points)
    points = [table.points[row] for row in rows]
    lines = []
    with ProcessPoolExecutor(options.jobs, get_context("spawn"), _one_thread) as pool:
        for fidelity in FIDELITIES:
            versions = [fidelity.of(data)] * len(points)
            seeds = range(SEED, SEED + len(points))
            found = pool.map(trained, points, versions, seeds)
            ended = np.array(list(track(found, fidelity.name, len(points))))
            lines += compare(table, rows, ended[:, 1], ended[:, 0], fidelity.name)
    print(tabulate(lines, HEADS, tablefmt="github", floatfmt=".2f"))
    return 0


if __name__ == "__main__":
    run(main)
