"""The leaderboard of a run: ranked, written, read back and shown."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from data.command import Parser, run
from data.errors import UserError
from results.files import write_text
from results.ranking import Leaderboard, Row, build
from results.saved import load
from results.store import Store
from results.table import md, table, to_csv, to_json
from results.verdict import verdict

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
    return build(
        store.results(),
        store.heldout_labels(),
        store.heldout_probabilities(),
        store.champion,
        store.data,
        store.protocol,
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


def main(argv: Sequence[str]) -> int:
    """Show a run's leaderboard; the verdict is the first line.

    In csv and json, which programs read, that line goes to stderr.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status.
    """
    parser = Parser(prog="python -m results.leaderboard", description=__doc__)
    parser.add_argument("run", help="a run's folder, or its name under --out")
    parser.add_argument("--format", choices=tuple(RENDERERS), default="table")
    parser.add_argument("--out", default="runs", type=Path, help="where runs lie")
    options = parser.parse_args(argv)
    leaderboard = from_store(Store.open(run_folder(options.run, options.out)))
    if options.format in FOR_PROGRAMS:
        print(verdict(leaderboard), file=sys.stderr)
    sys.stdout.write(RENDERERS[options.format](leaderboard))
    return 0


if __name__ == "__main__":
    run(main)
