"""Reads, splits and encodes the log that a search learns from."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from data import synthetic
from data.common import UserError
from data.dataset import CHRONOLOGICAL, Dataset, LabelOrder, prepare
from data.reading import AccessLog, source_name
from data.source import name_of
from results.study import ACCURACY, Objective
from search.config import RunConfig

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_SYNTHETIC_SEED = 0
# Below this share of the rarer label accuracy is a poor judge.
_RARE = 0.1


def load_dataset(config: RunConfig, data: "pd.DataFrame | None" = None) -> Dataset:
    """Read, split and encode the log of a run, or what a program has of it in memory."""
    read = _read(config, data)
    dataset = prepare(
        read,
        split=config.split,
        vocabulary=config.vocabulary,
        dropped_keys=config.dropped_keys,
        batch_size=config.batch_size,
        drop_duplicates=config.drop_duplicates,
    )
    log.info(
        "%s rows, %d ids, split %s",
        f"{dataset.facts['rows']:,}",
        dataset.facts["num_words"],
        config.split,
    )
    _tell_of_split(dataset)
    _advise(dataset, config.objectives[0])
    return dataset


def _read(config: RunConfig, data: "pd.DataFrame | None") -> AccessLog:
    if config.class_files is not None:
        log.info("reading %s and %s", *map(name_of, config.class_files))
        return config.read()
    source = data if data is not None else config.data or _synthetic(config)
    log.info("reading %s", source_name(source))
    return config.read(source)


def _tell_of_split(dataset: Dataset) -> None:
    """Log what was left out as duplicates, and warn if the rows are sorted by label."""
    left_out = dataset.facts.get("duplicates_left_out", {})
    if left_out:
        log.info(
            "duplicates left out: %s of the validation rows, %s of the held-out rows",
            f"{left_out['validation']:,}",
            f"{left_out['held-out']:,}",
        )
    advice = LabelOrder.of(dataset.labels).advice
    if advice and dataset.split.name == CHRONOLOGICAL:
        log.warning("%s", advice)


def _advise(dataset: Dataset, objective: Objective) -> None:
    """Warn if accuracy says little about a log."""
    rarer = min(dataset.labels.mean(), 1 - dataset.labels.mean())
    if objective.name == ACCURACY.name and rarer < _RARE:
        log.warning(
            "only %.1f %% of the rows have the rarer label, so always predicting the other one is "
            "%.1f %% accurate; consider --objective val_auc, val_f1 or val_recall_at_fpr_1",
            100 * rarer,
            100 * (1 - rarer),
        )


def _synthetic(config: RunConfig) -> str:
    rows = config.rows or synthetic.DEFAULT_ROWS
    path = config.out / "synthetic" / f"synthetic-{rows}-{_SYNTHETIC_SEED}.csv"
    make_folder(path.parent)
    # Written anew each time: an older version of the generator may have left another log.
    synthetic.write(path, rows, _SYNTHETIC_SEED)
    return str(path)


def make_folder(folder: Path) -> None:
    """Make the folder that `--out` names, or say in one line why that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: '{folder}' cannot be made ({error.strerror})") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"--out: '{folder}' cannot be written")
