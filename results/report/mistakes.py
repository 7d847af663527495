"""The champion's worst mistakes, and which characters led it there."""

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.common import write_text
from results.report.slices import path_of
from results.report.text import visible
from results.scoring import predictions, strict_json

MOST = 12
LEVELS = 5
FILE = "attribution.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attribution:
    """What the characters of one record do to its score.

    Attributes:
        row: The record's row in the log, from 0.
        effects: By how much each character of the cleaned record raises the logarithm of the odds
            of an attack; 0 for those that the model does not see.
    """

    row: int
    effects: tuple[float, ...]


@dataclass(frozen=True)
class Attributions:
    """What `results.report.attribution` computed.

    Attributes:
        champion: Whose.
        model: SHA-256 of its checkpoint, in hexadecimal.
        records: One a record.
    """

    champion: str
    model: str
    records: tuple[Attribution, ...]

    def fits(self, champion: str, model: str, rows: Sequence[int]) -> bool:
        """Whether they are of this model, and of these rows at least.

        Args:
            champion: The champion's name.
            model: SHA-256 of its checkpoint.
            rows: Rows of the log.
        """
        known = {record.row for record in self.records}
        return (self.champion, self.model) == (champion, model) and known >= set(rows)


@dataclass(frozen=True)
class Run:
    """Neighbouring characters of about the same effect.

    Attributes:
        text: The characters, all of them visible.
        level: From -5, much more normal, over 0 to 5, much more like an attack.
    """

    text: str
    level: int


@dataclass(frozen=True)
class Mistake:
    """A held-out record that the champion got wrong.

    Attributes:
        row: Its row in the log, from 1.
        label: Its label.
        score: The champion's probability of label 1.
        path: Its endpoint.
        length: Its characters.
        runs: Its text.
        explained: Whether the levels of `runs` are known.
    """

    row: int
    label: int
    score: float
    path: str
    length: int
    runs: tuple[Run, ...]
    explained: bool


def worst(
    rows: npt.ArrayLike, labels: npt.ArrayLike, scores: npt.ArrayLike, most: int = MOST
) -> list[int]:
    """Find the records that a model got wrong with the greatest confidence.

    Args:
        rows: The held-out rows of the log, [n].
        labels: 0 or 1, [n].
        scores: Probabilities of label 1, [n].
        most: How many at most.

    Returns:
        Positions within `rows`, the worst first.
    """
    gap = np.abs(np.asarray(scores, np.float64) - np.asarray(labels))
    wrong = predictions(scores) != np.asarray(labels).astype(bool)
    order = np.lexsort((np.asarray(rows), -np.nan_to_num(gap, nan=-1.0)))
    return [int(position) for position in order if wrong[position]][:most]


def mistake(
    row: int, label: int, score: float, text: str, attribution: Attribution | None
) -> Mistake:
    """Put a mistake together.

    Args:
        row: Its row in the log, from 0.
        label: Its label.
        score: The champion's probability of label 1.
        text: The cleaned record.
        attribution: What its characters do; None where that is not known.
    """
    effects = attribution.effects if attribution else (0.0,) * len(text)
    if len(effects) != len(text):
        attribution, effects = None, (0.0,) * len(text)
    return Mistake(
        row=row + 1,
        label=label,
        score=score,
        path=path_of(text),
        length=len(text),
        runs=tuple(_runs(text, effects)),
        explained=attribution is not None,
    )


def read(folder: Path) -> Attributions | None:
    """Read what was computed before.

    Args:
        folder: The run's folder.

    Returns:
        It; None where there is nothing, or nothing that can be read.
    """
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        records = tuple(
            Attribution(int(record["row"]), tuple(float(effect) for effect in record["effects"]))
            for record in content["records"]
        )
        return Attributions(str(content["champion"]), str(content["model"]), records)
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.debug("no attributions are read: %s", error)
        return None


def write(found: Attributions, folder: Path) -> None:
    """Keep what was computed, so that the next report need not load the model.

    Args:
        found: What was computed.
        folder: The run's folder.

    Raises:
        UserError: If the folder cannot be written.
    """
    write_text(folder / FILE, strict_json(asdict(found)))


def _runs(text: str, effects: Sequence[float]) -> list[Run]:
    """Join neighbours of one level; a model sees no more than the last 1,024 characters."""
    largest = max((abs(effect) for effect in effects if math.isfinite(effect)), default=0.0)
    runs: list[Run] = []
    for letter, effect in zip(text, effects, strict=True):
        level = 0
        if largest and math.isfinite(effect):
            level = round(LEVELS * effect / largest)
        shown = visible(letter)
        if runs and runs[-1].level == level:
            runs[-1] = Run(runs[-1].text + shown, level)
        else:
            runs.append(Run(shown, level))
    return runs
