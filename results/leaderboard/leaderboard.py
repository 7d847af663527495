"""The leaderboard of a run: ranked, written, read back and shown."""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from data.common import Parser, UserError, write_text
from results.leaderboard.ranking import build
from results.leaderboard.row import Leaderboard, Row
from results.leaderboard.saved import load
from results.leaderboard.selection import RULES, Selection, measure
from results.leaderboard.table import md, table, to_csv, to_json
from results.leaderboard.verdict import verdict
from results.study import Store, chosen_among, repeated_probabilities, second_seeds
from results.study.ensemble import ensemble
from results.study.refits import refits

__all__ = ["Leaderboard", "Row", "build", "from_store", "load", "main", "verdict", "write"]

RENDERERS: dict[str, Callable[[Leaderboard], str]] = {
    "table": table,
    "csv": to_csv,
    "json": to_json,
    "md": md,
}
FOR_PROGRAMS = ("csv", "json")


def from_store(store: Store) -> Leaderboard:
    """Rank what a run's study holds.

    Args:
        store: The run's study.

    Returns:
        The leaderboard.
    """
    results, probabilities = store.results(), store.heldout_probabilities()
    together = ensemble(store)
    if together is not None:
        result, probabilities[result.name] = together
        results.append(result)
    for refit in refits(store):
        results.append(refit)
        scores = store.scores(refit)
        if scores is not None:
            probabilities[refit.name] = scores["heldout"]
    leaderboard = build(
        results,
        store.heldout_labels(),
        probabilities,
        store.champion,
        store.data,
        store.protocol,
        repeated_probabilities(store),
    )
    return replace(
        leaderboard,
        selection=_selection(store, leaderboard.champion),
        chosen_by=store.chosen_by.name,
    )


def _selection(store: Store, champion: Row | None) -> Selection | None:
    """Measure what the champion's validation score owes to the choice among complete trials."""
    if champion is None or store.chosen_by.name not in RULES:
        return None
    complete = [trial for trial in store.trials() if trial.status == "complete"]
    kept = {trial.name: store.scores(trial) for trial in complete}
    labels = store.dataset.labels_of(store.dataset.split.validation)
    return measure(
        labels,
        {name: scores["validation"] for name, scores in kept.items() if scores is not None},
        champion.name,
        champion.heldout_accuracy,
        again=second_seeds(store, labels),
        finalists=len(chosen_among(store)),
        by=store.chosen_by.name,
    )


def write(leaderboard: Leaderboard, folder: Path) -> None:
    """Write leaderboard.json, .csv and .md, each whole or not at all.

    Args:
        leaderboard: The ranked rows.
        folder: The run's folder.

    Raises:
        UserError: If the folder cannot be written.
    """
    for ending in ("json", "csv", "md"):
        write_text(folder / f"leaderboard.{ending}", RENDERERS[ending](leaderboard))


def run_folder(name: str, runs: Path) -> Path:
    """Find a run by its folder or its name.

    Args:
        name: A folder, or the name of one under `runs`.
        runs: Where runs lie.

    Returns:
        The folder, under its own name: the study bears it too.

    Raises:
        UserError: If there is neither.
    """
    for folder in (Path(name), runs / name):
        if folder.is_dir():
            return folder.resolve()
    raise UserError(f"there is no run '{name}': neither a folder of that name nor one in '{runs}'")


def add_run(parser: Parser) -> None:
    """Let a command name a run; `opened` then finds it.

    Args:
        parser: The command's.
    """
    group = parser.add_argument_group("run")
    group.add_argument("run", metavar="RUN", help="a run's folder, or its name under --out")
    group.add_argument(
        "--out", default="runs", type=Path, metavar="DIR", help="where runs lie (default: runs)"
    )


def opened(options: Namespace) -> Store:
    """Open the run that a command names.

    Args:
        options: What the parser of `add_run` read.

    Returns:
        The run.

    Raises:
        UserError: If there is none, or it cannot be read.
    """
    return Store.open(run_folder(options.run, options.out))


def main(argv: Sequence[str]) -> int:
    """Show a run's leaderboard; the verdict is the first line.

    In csv and json, which programs read, that line goes to stderr.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status.
    """
    parser = Parser(
        prog="python -m results.leaderboard",
        description=__doc__,
        epilog="example:\n  python -m results.leaderboard first --format md",
    )
    add_run(parser)
    parser.add_argument(
        "--format",
        choices=tuple(RENDERERS),
        default="table",
        help="how to print (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    leaderboard = from_store(opened(options))
    if options.format in FOR_PROGRAMS:
        print(verdict(leaderboard), file=sys.stderr)
    sys.stdout.write(RENDERERS[options.format](leaderboard))
    return 0
