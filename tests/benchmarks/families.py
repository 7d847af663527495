"""Accuracy, seconds and latency by family of architectures: one search of each, of equal budget.

    python -m tests.benchmarks.families --budget 5m --data http-params.csv
        [--seed 0] [--sampler random] [--spaces open-conv,open-bag,model3]

One `search.run` after the other, as a user types it, in a process of its own: the same rows,
epochs, seed, sampler and workers, another space. The baselines are trained in the first one, and
not in its budget. The table shows each family's champion, which was chosen on validation rows
before a held-out label was looked at. One search is one draw: run several seeds to see how much of
a difference between families is luck.

`--from FOLDER` shows the searches of an earlier call again and runs nothing.
"""

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from data.common import Parser, UserError, run
from results.leaderboard import COLUMNS, LINEAR, MODEL2, Row
from search.config import parse_budget
from spaces import load_space
from spaces.open import FAMILIES
from tests.benchmarks.measuring import run_for

log = logging.getLogger(__name__)

SPACES = ",".join(f"open-{family}" for family in FAMILIES)
BASELINES = (LINEAR, MODEL2)
# What a search may take beside its budget: baselines, held-out scores, report, export.
TO_FINISH = 1800.0

# The leaderboard's columns, and their names here.
SHOWN = {
    "val_accuracy": "val. accuracy",
    "heldout_accuracy": "held-out",
    "heldout_low": "95 %",
    "delta_vs_model2": "points vs Model 2",
    "train_seconds": "s a training",
    "latency_us": "µs alone",
    "latency_batch_us": "µs among 512",
    "parameters": "parameters",
}
HEADS = ("family", "finished", "of them pruned", *SHOWN.values())


def search(space: str, options: argparse.Namespace, folder: Path) -> list[Row]:
    """Search one space; return its leaderboard's rows, or raise a UserError if it failed."""
    study, allowed = study_of(space), options.budget
    words = ["--budget", allowed, "--space", space, "--study", study, "--out", folder]
    words += ["--baselines", ",".join(BASELINES), "--padding", options.padding]
    words += ["--epochs", options.epochs, "--seed", options.seed, "--sampler", options.sampler]
    words += ["--workers", options.workers, "--no-refit"]
    for name in ("data", "rows"):
        if getattr(options, name) is not None:
            words += [f"--{name}", getattr(options, name)]
    command = [sys.executable, "-m", "search.run", *map(str, words)]
    log_file = folder / f"{study}.log"
    limit = None if allowed.seconds is None else allowed.seconds + TO_FINISH
    ran = run_for(command, log_file, limit, lambda: space)
    if ran.status != 0:
        how = "did not end" if ran.status is None else f"ended with status {ran.status}"
        raise UserError(f"the search of {space} {how}; see {log_file}")
    return read(folder / study)


def study_of(space: str) -> str:
    """Name the study of a space; a user's own space has a colon in its name."""
    return space.replace(":", "-")


def read(run_folder: Path) -> list[Row]:
    """Read a search's leaderboard."""
    path = run_folder / "leaderboard.json"
    try:
        return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))["rows"]]
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there; name the folder of an earlier call") from error


def table(boards: dict[str, Sequence[Row]]) -> str:
    """Show the champion of each search by its space, then the baselines of the first search."""
    lines = []
    for space, rows in boards.items():
        trials = [row for row in rows if row.kind == "trial"]
        pruned = sum(row.status == "pruned" for row in trials)
        finished = pruned + sum(row.status in ("complete", "diverged") for row in trials)
        champion = next((row for row in rows if row.selected), None)
        lines.append([space.removeprefix("open-"), str(finished), str(pruned), *_cells(champion)])
    first = next(iter(boards.values()))
    for name in BASELINES:
        lines.append([name, "-", "-", *_cells(next((r for r in first if r.name == name), None))])
    text: str = tabulate(lines, HEADS, tablefmt="github", disable_numparse=True, colalign=("left",))
    return text


def _cells(row: Row | None) -> list[str]:
    if row is None:
        return ["-"] * len(SHOWN)
    # The mark of the Pareto front is that of one search, and means nothing among several.
    return [COLUMNS[key].text(row).rstrip("^") for key in SHOWN]


def _parser() -> Parser:
    parser = Parser("python -m tests.benchmarks.families", description=__doc__)
    parser.add_argument("--budget", type=parse_budget, default="5m", help="of each, 5m or trials")
    parser.add_argument("--spaces", default=SPACES, help="default: %(default)s")
    parser.add_argument("--data", help="default: a synthetic log")
    parser.add_argument("--rows", type=int, help="first rows only")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sampler", default="tpe", help="default: %(default)s")
    parser.add_argument("--workers", default="auto", help="default: %(default)s")
    parser.add_argument("--padding", default="full", help="of Model 2 (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="for the runs")
    parser.add_argument("--from", dest="shown", type=Path, help="show these, run nothing")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run the searches and print the table."""
    options = _parser().parse_args(argv)
    spaces = options.spaces.split(",")
    if options.shown is not None:
        print(table({space: read(options.shown / study_of(space)) for space in spaces}))
        return 0
    for space in spaces:
        load_space(space, num_words=2)  # A wrong name fails before hours of searching.
    if options.data is not None:
        options.data = str(Path(options.data).resolve())
    options.out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="families-", dir=options.out)).resolve()
    boards: dict[str, Sequence[Row]] = {}
    for space in spaces:
        log.info("searching %s for %s, in %s", space, options.budget, folder)
        boards[space] = search(space, options, folder)
    print(table(boards))
    return 0


if __name__ == "__main__":
    run(main)
