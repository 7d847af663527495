"""Held-out accuracy on several logs: the champions of finished runs beside linear and Model 2.

    python -m tests.benchmarks.several_logs runs/sms-0 runs/sms-1 runs/payloads-0 ...

Runs of one log, told by its fingerprint, are searches with several seeds: its line has the name of
the first and the mean accuracies. "Errors" is how many the refit champion makes for each of the
refit linear baseline's, (wrong + 1/2) / (wrong + 1/2), in the geometric mean over the seeds, and in
the last line over the logs. "Better, worse" counts the seeds at which McNemar's exact test, after
Holm's correction, says that the two differ (p < .05).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, geometric_mean

from tabulate import tabulate

from data.common import Parser, UserError, run
from results.leaderboard import LINEAR, MODEL2, Leaderboard, Row, format_share, load_leaderboard
from results.scoring import SIGNIFICANT_BELOW
from results.study import refit_name

COMPARED = (LINEAR, refit_name(LINEAR), MODEL2, refit_name(MODEL2))
HEADS = (
    "log", "rows", "linear", "refit", "Model 2", "refit", "champion", "refit", "errors",
    "better, worse",
)  # fmt: skip


def lines(boards: Mapping[str, Leaderboard]) -> list[list[str]]:
    """Give a line for each log, and one for all of them.

    Args:
        boards: The leaderboard of each run, by the run's name.

    Raises:
        UserError: If a run lacks one of the six trainings.
    """
    by_log: dict[str, dict[str, Leaderboard]] = defaultdict(dict)
    for name, board in boards.items():
        by_log[board.data["fingerprint"]][name] = board
    found, errors, differing = [], [], []
    for same in by_log.values():
        trained = [trainings(board, name) for name, board in same.items()]
        name, board = next(iter(same.items()))
        rows = board.data["slices"]["held-out"]
        errors.append(geometric_mean(_errors(of_seed, rows) for of_seed in trained))
        differs = [of_seed[-1] for of_seed in trained if _p(of_seed[-1]) < SIGNIFICANT_BELOW]
        differing += differs
        means = [fmean(_accuracy(row) for row in column) for column in zip(*trained, strict=True)]
        shown = [format_share(mean) for mean in means]
        counts = f"{_counts(differs)} of {len(trained)}"
        found.append([name, f"{board.data['rows']:,}", *shown, f"{errors[-1]:.2f}", counts])
    blank = [""] * (1 + len(COMPARED) + 2)
    total = f"{_counts(differing)} of {len(boards)}"
    return [*found, ["geometric mean", *blank, f"{geometric_mean(errors):.2f}", total]]


def trainings(board: Leaderboard, name: str) -> list[Row]:
    """List what a run is compared by: the four of `COMPARED`, the champion and its refit."""
    rows = [*map(board.find, COMPARED), board.champion, board.refit]
    whole = [row for row in rows if row is not None and row.heldout_accuracy is not None]
    if len(whole) < len(rows):
        raise UserError(f"{name} lacks the champion, linear, Model 2, or the refit of one of them")
    return whole


def _accuracy(row: Row) -> float:
    assert row.heldout_accuracy is not None
    return row.heldout_accuracy


def _p(row: Row) -> float:
    return 1.0 if row.p_vs_linear is None else row.p_vs_linear


def _counts(differs: Sequence[Row]) -> str:
    """Count those that are better and those that are worse."""
    better = sum((row.delta_vs_linear or 0) > 0 for row in differs)
    return f"{better}, {len(differs) - better}"


def _errors(trained: Sequence[Row], rows: int) -> float:
    """Give the refit champion's wrong held-out rows as a share of the refit linear baseline's."""
    ours, theirs = (rows * (1 - _accuracy(trained[place])) + 0.5 for place in (-1, 1))
    return ours / theirs


def main(argv: Sequence[str]) -> int:
    """Print the table."""
    parser = Parser("python -m tests.benchmarks.several_logs", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of finished runs")
    options = parser.parse_args(argv)
    boards = {run.name: load_leaderboard(run / "leaderboard.json") for run in options.runs}
    print(tabulate(lines(boards), HEADS, tablefmt="github", disable_numparse=True))
    return 0


if __name__ == "__main__":
    run(main)
