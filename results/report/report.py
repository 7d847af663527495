"""One HTML file that shows a run to a person: who won, why, and where it still goes wrong."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import optuna

from data.common import Parser, write_text
from results.leaderboard import (
    LINEAR,
    MODEL2,
    Leaderboard,
    Row,
    add_run_argument,
    build_leaderboard,
    describe_export,
    describe_selection,
    open_run,
    verdict,
)
from results.report import card, slices
from results.report.architecture import Layer, read_layers
from results.report.board import columns, lines
from results.report.errors import mistakes
from results.report.page import render
from results.report.parts import attempt, figure, figures
from results.report.plots import cost, scores as score_plots, search
from results.report.plots.scores import Scores
from results.report.study import study_figures
from results.serving import add_space, register
from results.study import CHECKPOINT, Result, Store

FILE = "report.html"

log = logging.getLogger(__name__)


def write(store: Store, board: Leaderboard, *, attribute: bool = True) -> Path:
    """Write a run's report; a part that cannot be made becomes a sentence that says why.

    Args:
        store: The run.
        board: Its leaderboard.
        attribute: Whether to load the champion's model for the characters behind its mistakes,
            where that was not done before.

    Returns:
        The file.

    Raises:
        UserError: If it cannot be written.
    """
    path = store.folder / FILE
    write_text(path, render(_content(store, board, attribute)))
    return path


def main(argv: Sequence[str]) -> int:
    """Write a run's report.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status.
    """
    parser = Parser(
        prog="python -m results.report",
        description=__doc__,
        epilog="example:\n  python -m results.report first",
    )
    add_run_argument(parser)
    add_space(parser)
    parser.add_argument(
        "--no-attribution",
        action="store_true",
        help="do not load the champion's model to see which characters misled it",
    )
    options = parser.parse_args(argv)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    register(options.space)
    store = open_run(options)
    board = build_leaderboard(store)
    print(verdict(board))
    print(write(store, board, attribute=not options.no_attribution))
    return 0


def _content(store: Store, board: Leaderboard, attribute: bool) -> dict[str, Any]:
    """Collect what the template names."""
    results = store.results()
    champion = next((result for result in results if result.name == store.champion), None)
    shown = columns(board)
    return {
        "name": store.folder.name,
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "verdict": verdict(board),
        "board": board,
        "tiles": [row for row in _tiles(board) if row],
        "columns": shown,
        "lines": lines(board, shown),
        "luck": describe_selection(board),
        "exported": describe_export(board),
        "kinds": sorted({row.kind for row in board.rows}),
        "champion": champion,
        "layers": attempt(lambda: _layers(store, champion)),
        "mistakes": attempt(lambda: mistakes(store, champion, attribute)),
        **_search(store, board, results),
        **study_figures(store),
        **_scores(store, board, results),
        "card": attempt(lambda: card.describe(store.dataset)),
        "drift": figures("Drift", lambda: card.drift(store.dataset)),
    }


def _tiles(board: Leaderboard) -> tuple[Row | None, ...]:
    return board.champion, board.refit, board.find(MODEL2), board.find(LINEAR)


def _search(store: Store, board: Leaderboard, results: Sequence[Result]) -> Mapping[str, Any]:
    curves = partial(search.curves, results, store.champion)
    return {
        "progress": figure("Best so far", lambda: search.best_so_far(store)),
        "curves": [
            figure("Validation accuracy", partial(curves, "val_accuracy", "validation accuracy")),
            figure("Validation loss", partial(curves, "val_loss", "validation loss")),
        ],
        "trade_off": figure("Accuracy and latency", lambda: cost.trade_off(board)),
    }


def _scores(store: Store, board: Leaderboard, results: Sequence[Result]) -> Mapping[str, Any]:
    """What the held-out probabilities of champion, Model 2 and linear baseline show."""
    read = attempt(lambda: _compared(store, board, results))
    scores, labels = read.content or {}, store.heldout_labels()

    def texts() -> Sequence[str]:
        return store.dataset.texts.at(store.dataset.split.heldout)

    name = store.champion
    return {
        "compared": list(scores),
        "confusions": [slices.confusion(key, labels, s) for key, s in scores.items()],
        "roc": figure("ROC", lambda: score_plots.roc(labels, scores, name)),
        "precision": figure(
            "Precision and recall", lambda: score_plots.precision_recall(labels, scores, name)
        ),
        "histograms": [
            figure(key, partial(score_plots.histogram, labels, score))
            for key, score in scores.items()
        ],
        "endpoints": attempt(lambda: slices.by_endpoint(texts(), labels, scores)),
        "lengths": attempt(lambda: slices.by_length(texts(), labels, scores)),
    }


def _compared(store: Store, board: Leaderboard, results: Sequence[Result]) -> dict[str, Scores]:
    """Held-out probabilities of the champion, or of the best where there is none, and its rivals.

    Read alone, and not with those of all trials.
    """
    best = store.champion or (board.rows[0].name if board.rows else None)
    wanted = list(dict.fromkeys([best, MODEL2, LINEAR]))
    by_name = {result.name: result for result in results}
    read = {name: store.scores(by_name[name]) for name in wanted if name in by_name}
    return {name: scores["heldout"] for name, scores in read.items() if name and scores}


def _layers(store: Store, champion: Result | None) -> list[Layer]:
    model = None if champion is None else store.find(champion, CHECKPOINT)
    if model is None:
        raise ValueError("the champion's model was not kept")
    return read_layers(model)
