"""What a run's report shows: who won, why, and where it still goes wrong."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import optuna

from data.common import write_text
from data.dataset import DataCard, Dataset
from data.reading import AccessLog
from results.leaderboard import (
    COLUMNS,
    LINEAR,
    MODEL2,
    SEED_COLUMNS,
    Column,
    Leaderboard,
    describe_export,
    describe_known_texts,
    describe_selection,
    verdict,
)
from results.report import slices
from results.report.architecture import ShownLayer, read_layers
from results.report.mistakes import find_mistakes
from results.report.page import attempt, panel, panels, render
from results.report.plots import hyperparameters, scores as score_plots, search
from results.report.plots.drift import drift
from results.report.text import short_labels
from results.scoring import Scores
from results.study import CHECKPOINT, Result, Store

FILE = "report.html"
_LONGEST_WORD = 24  # characters of a label word


def write(store: Store, board: Leaderboard, *, attribute: bool = True) -> Path:
    """Write a run's report; a part that cannot be made becomes a sentence that says why.

    With `attribute` the champion's model is loaded to explain its mistakes, if that was not done
    before. Returns the file.
    """
    path = store.folder / FILE
    write_text(path, render(_content(store, board, attribute)))
    return path


def _content(store: Store, board: Leaderboard, attribute: bool) -> dict[str, Any]:
    """Collect what the template names."""
    results = store.results()
    champion = next((result for result in results if result.name == store.champion), None)
    words = _words(board)
    return {
        "name": store.folder.name,
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "verdict": verdict(board),
        "board": board,
        "normal_word": words[0],
        "malicious_word": words[1],
        "tiles": board.compared(),
        "columns": columns(board),
        "repeated": describe_known_texts(board),
        "luck": describe_selection(board),
        "exported": describe_export(board),
        "kinds": sorted({row.kind for row in board.rows}),
        "champion": champion,
        "layers": attempt(lambda: _layers(store, champion)),
        "mistakes": attempt(lambda: find_mistakes(store, champion, attribute)),
        **_search(store, board, results),
        **_hyperparameters(store),
        **_scores(store, board, results),
        "card": attempt(lambda: describe(store.dataset)),
        "drift": panels("Drift", lambda: drift(store.dataset, words)),
    }


def _words(board: Leaderboard) -> tuple[str, str]:
    normal, malicious = short_labels(board.label_words, _LONGEST_WORD).values()
    return normal, malicious


def columns(board: Leaderboard) -> list[Column]:
    """Return the leaderboard's columns for which at least one row has a value."""
    every = COLUMNS | (SEED_COLUMNS if board.repeated else {})
    return [
        column
        for column in every.values()
        if any(getattr(row, column.key) is not None for row in board.rows)
    ]


def _search(store: Store, board: Leaderboard, results: Sequence[Result]) -> Mapping[str, Any]:
    curves = partial(search.curves, results, store.champion)
    return {
        "progress": panel("Best so far", lambda: search.best_so_far(store)),
        "curves": [
            panel("Validation accuracy", lambda: curves("val_accuracy", "validation accuracy")),
            panel("Validation loss", lambda: curves("val_loss", "validation loss")),
        ],
        "trade_off": panel("Accuracy and latency", lambda: search.trade_off(board)),
    }


def _hyperparameters(store: Store) -> Mapping[str, Any]:
    def study_and_names() -> tuple[optuna.Study, list[str]]:
        if made.content is None:
            raise ValueError(made.reason)
        return made.content

    def read() -> tuple[optuna.Study, list[str]]:
        study = hyperparameters.readable(store)
        return study, hyperparameters.most_important(study)

    made = attempt(read)
    return {
        "importance": panel("Importance", lambda: hyperparameters.importance(study_and_names()[0])),
        "parallel": panel(
            "Parallel coordinates", lambda: hyperparameters.parallel(*study_and_names())
        ),
        "slices": panels("Slices", lambda: hyperparameters.slices(*study_and_names())),
    }


def _scores(store: Store, board: Leaderboard, results: Sequence[Result]) -> Mapping[str, Any]:
    """Show the held-out probabilities of champion, Model 2 and linear baseline."""
    scores = attempt(lambda: _compared(store, board, results)).content or {}
    labels, name = store.heldout_labels(), store.champion

    def texts() -> Sequence[str]:
        return store.dataset.texts.at(store.dataset.split.heldout)

    return {
        "compared": list(scores),
        "confusions": [slices.confusion(key, labels, each) for key, each in scores.items()],
        "roc": panel("ROC", lambda: score_plots.roc(labels, scores, name)),
        "precision": panel(
            "Precision and recall", lambda: score_plots.precision_recall(labels, scores, name)
        ),
        "histograms": [
            panel(key, partial(score_plots.histogram, labels, each, _words(board)))
            for key, each in scores.items()
        ],
        "endpoints": attempt(lambda: slices.by_endpoint(texts(), labels, scores)),
        "lengths": attempt(lambda: slices.by_length(texts(), labels, scores)),
    }


def _compared(store: Store, board: Leaderboard, results: Sequence[Result]) -> dict[str, Scores]:
    """Read the held-out probabilities of the champion, or else of the best, and of its rivals."""
    best = store.champion or (board.rows[0].name if board.rows else None)
    by_name = {result.name: result for result in results}
    wanted = dict.fromkeys(name for name in (best, MODEL2, LINEAR) if name in by_name)
    read = {name: store.scores(by_name[name]) for name in wanted if name}
    return {name: scores["heldout"] for name, scores in read.items() if scores}


def _layers(store: Store, champion: Result | None) -> list[ShownLayer]:
    if champion is None:
        raise ValueError("the run has no champion")
    model = store.find(champion, CHECKPOINT)
    if model is None:
        raise ValueError("the champion's model was not kept")
    return read_layers(model)


def describe(dataset: Dataset) -> DataCard:
    """Make the card of a run's prepared data, as `data.inspect` shows it."""
    facts = dataset.facts
    log = AccessLog(
        texts=dataset.texts,
        labels=dataset.labels,
        format=str(facts["format"]),
        source=str(facts["source"]),
        skipped=int(facts["skipped"]),
        sha256=str(facts["fingerprint"]),
        label_words=dataset.label_words,
    )
    return DataCard.of(log, dataset.split)
