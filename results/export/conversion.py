"""Writes a model in other formats, and keeps those whose scores match the search's own."""

import logging
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from data.common import UserError
from data.records import Encoded, Padding
from results.export.formats import KERAS, MODEL_FORMATS, ModelFormat
from results.scoring import score_rows, suppress_stderr
from results.serving import own_layers

if TYPE_CHECKING:
    from results.scoring import Score

MAX_CHECKED = 1000
_BATCH_SIZE = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """Some rows of a log, [n], with the search's probabilities of label 1 for them, [n]."""

    encoded: Encoded
    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    padding: Padding

    def spread(self, count: int = MAX_CHECKED) -> "Sample":
        """Choose up to `count` records of all lengths, including the shortest and the longest."""
        by_length = np.argsort(self.encoded.lengths[self.rows], kind="stable")
        places = np.linspace(0, len(by_length) - 1, min(count, len(by_length))).round()
        chosen = by_length[np.unique(places.astype(np.int64))]
        return Sample(self.encoded, self.rows[chosen], self.scores[chosen], self.padding)

    def difference(self, score: "Score") -> float:
        """Return the largest difference to another scorer; infinite if just one of two is nan."""
        found = score_rows(
            score, self.encoded, self.rows, padding=self.padding, batch_size=_BATCH_SIZE
        )
        both_nan = np.isnan(found) & np.isnan(self.scores)
        gaps = np.where(both_nan, 0, np.abs(found - self.scores))
        return float(np.nan_to_num(gaps, nan=np.inf).max(initial=0))


def convert(
    folder: Path, names: Sequence[str], sample: Sample, protocol: Mapping[str, Any]
) -> dict[str, str]:
    """Add formats to a folder that holds the Keras model; those that prove wrong are removed.

    Returns one line for each format that could not be added, which says why.

    Raises:
        UserError: If the Keras model itself cannot be loaded, or gives other scores.
    """
    some = sample.spread()
    log.info("checking keras on %d records", len(some.rows))
    if problem := _attempt(partial(_check, MODEL_FORMATS[KERAS], folder, some)):
        reason = f"{problem.rstrip('.')}{own_layers(protocol)}"
        raise UserError(f"the Keras model was not exported: {reason}")
    problems = {}
    for name in names:
        log.info("writing %s and checking it", name)
        problem = _attempt(partial(_convert, MODEL_FORMATS[name], folder, some))
        if problem:
            path = folder / MODEL_FORMATS[name].path
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            problems[name] = problem
    return problems


def _convert(format: ModelFormat, folder: Path, sample: Sample) -> None:
    from results.serving import load_model

    format.write(load_model(folder / MODEL_FORMATS[KERAS].path), folder / format.path)
    _check(format, folder, sample)


def _check(format: ModelFormat, folder: Path, sample: Sample) -> None:
    difference = sample.difference(format.load(folder / format.path))
    if not difference <= format.tolerance:  # Written so that nan does not pass.
        raise ValueError(
            f"its scores differ from the search's by {difference:.2g} "
            f"({format.tolerance:g} is allowed)"
        )


def _attempt(action: Callable[[], None]) -> str:
    """Return why an action failed, in one line; "" if it succeeded."""
    with suppress_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The converters' own, which a user cannot act on.
        try:
            action()
        except UserError:
            raise
        except Exception as error:  # Converters raise all kinds of exceptions.
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            return (lines or [type(error).__name__])[0][:200]
    return ""
