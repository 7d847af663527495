"""Builds the leaderboard of a run, writes it, and shows it on the command line."""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from data.common import Parser, UserError, write_text
from results.leaderboard import forms
from results.leaderboard.columns import Row
from results.leaderboard.leaderboard import Leaderboard
from results.leaderboard.selection import RULES, Selection, measure
from results.leaderboard.wording import has_known_texts, verdict
from results.study import JOURNAL, is_run

# `main` imports the study, and with it Optuna, only if leaderboard.json does not do.
if TYPE_CHECKING:
    from results.study import Store

RENDERERS: dict[str, Callable[[Leaderboard], str]] = {
    "table": forms.render_table,
    "csv": forms.render_csv,
    "json": forms.render_json,
    "md": forms.render_markdown,
}


def build_leaderboard(store: "Store") -> Leaderboard:
    """Rank what a run's study holds."""
    from results.leaderboard.ranking import rank_results
    from results.study import build_ensemble, find_refits, repeat_probabilities

    results, probabilities = store.results(), store.heldout_probabilities()
    ensemble = build_ensemble(store)
    if ensemble is not None:
        result, probabilities[result.name] = ensemble
        results.append(result)
    for refit in find_refits(store):
        results.append(refit)
        scores = store.scores(refit)
        if scores is not None:
            probabilities[refit.name] = scores["heldout"]
    leaderboard = rank_results(
        results,
        store.heldout_labels(),
        probabilities,
        store.champion,
        store.data,
        store.protocol,
        repeat_probabilities(store),
        store.dataset.heldout_repeated if has_known_texts(store.data) else None,
    )
    return replace(
        leaderboard,
        selection=_selection(store, leaderboard.champion),
        chosen_by=store.chosen_by.name,
    )


def save_leaderboard(leaderboard: Leaderboard, folder: Path) -> None:
    """Write leaderboard.json, .csv and .md into a run's folder, each whole or not at all."""
    for ending in ("json", "csv", "md"):
        write_text(folder / f"leaderboard.{ending}", RENDERERS[ending](leaderboard))


def find_run(name: str, runs: Path) -> Path:
    """Find a run's folder, under its own name, which is the study's too.

    Args:
        name: A folder, or the name of one under `runs`.
        runs: Where runs lie.

    Raises:
        UserError: If there is neither.
    """
    folders = [folder for folder in (Path(name), runs / name) if folder.is_dir()]
    if not folders:
        raise UserError(
            f"there is no run '{name}': neither a folder of that name nor one in '{runs}'"
        )
    # The run "data" is not the folder data/ that happens to be here.
    return next(filter(is_run, folders), folders[0]).resolve()


def add_run_argument(parser: Parser) -> None:
    """Let a command name a run; `open_run` then opens it."""
    group = parser.add_argument_group("run")
    group.add_argument("run", metavar="RUN", help="a run's folder, or its name under --out")
    group.add_argument(
        "--out", default="runs", type=Path, metavar="DIR", help="where runs lie (default: runs)"
    )


def open_run(options: Namespace) -> "Store":
    """Open the run that a command names in its options of `add_run_argument`."""
    from results.study import Store

    return Store.open(find_run(options.run, options.out))


def latest_leaderboard(store: "Store") -> Leaderboard:
    """Read leaderboard.json, or rank again what has changed since it was written."""
    written = _written(store.folder)
    return build_leaderboard(store) if written is None else written


def main(argv: Sequence[str]) -> int:
    """Show a run's leaderboard; the verdict is the first line.

    In csv and json, which programs read, that line goes to stderr.
    """
    parser = Parser(
        prog="python -m results.leaderboard",
        description="Shows the leaderboard of a run.",
        epilog="example:\n  python -m results.leaderboard first --format md",
    )
    add_run_argument(parser)
    parser.add_argument(
        "--format",
        choices=tuple(RENDERERS),
        default="table",
        help="how to print (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    written = _written(find_run(options.run, options.out))
    leaderboard = build_leaderboard(open_run(options)) if written is None else written
    if options.format in ("csv", "json"):
        print(verdict(leaderboard), file=sys.stderr)
    sys.stdout.write(RENDERERS[options.format](leaderboard))
    return 0


def _written(folder: Path) -> Leaderboard | None:
    """Read leaderboard.json; None if the study has grown since, or another version wrote it."""
    path = folder / "leaderboard.json"
    try:
        if path.stat().st_mtime_ns < (folder / JOURNAL).stat().st_mtime_ns:
            return None
        leaderboard = forms.load_leaderboard(path)
        is_complete = forms.render_json(leaderboard) == path.read_text(encoding="utf-8")
    except (OSError, UserError):
        return None
    return leaderboard if is_complete else None


def _selection(store: "Store", champion: Row | None) -> Selection | None:
    """Measure what the champion's validation score owes to the choice among complete trials."""
    from results.study import chosen_finalists, second_seed_probabilities

    if champion is None or store.chosen_by.name not in RULES:
        return None
    complete = [trial for trial in store.trials() if trial.status == "complete"]
    kept = {trial.name: store.scores(trial) for trial in complete}
    labels = store.dataset.labels[store.dataset.split.validation]
    return measure(
        labels,
        {name: scores["validation"] for name, scores in kept.items() if scores is not None},
        champion.name,
        champion.heldout_accuracy,
        again=second_seed_probabilities(store, labels),
        finalists=len(chosen_finalists(store)),
        by=store.chosen_by,
    )
