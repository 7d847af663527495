"""The champion's worst mistakes, and how its model saw their characters."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from data.records import MAX_LENGTH
from results.report.attribution import character_effects
from results.report.page import attempt
from results.report.slices import path_of
from results.report.text import visible
from results.scoring import predictions
from results.study import Result, Store

MOST = 12
LEVELS = 5


@dataclass(frozen=True)
class Span:
    """Neighboring characters of about the same effect, all of them visible."""

    text: str
    level: int  # from -5, much more like label 0, to 5, much more like label 1


@dataclass(frozen=True)
class Mistake:
    """A held-out record that the champion got wrong."""

    row: int  # among the records read, from 1
    label: int
    score: float
    path: str
    length: int
    # Of the last 1,024 characters; all of level 0 if their effects are not known.
    spans: tuple[Span, ...]

    @property
    def is_cut(self) -> bool:
        """Whether the text begins before its spans."""
        return self.length > MAX_LENGTH


@dataclass(frozen=True)
class Mistakes:
    """What the page shows of them: how many, and those that the champion was most confident of."""

    wrong: int
    worst: tuple[Mistake, ...]
    reason: str  # why their characters are not explained; "" if they are


def find_mistakes(store: Store, champion: Result | None, attribute: bool) -> Mistakes:
    """Collect the champion's worst mistakes; with `attribute` its model may be loaded for them."""
    probabilities = None if champion is None else store.scores(champion)
    if champion is None or probabilities is None:
        raise ValueError("the run has no champion with held-out scores")
    scores, labels = probabilities["heldout"], store.heldout_labels()
    heldout = store.dataset.split.heldout
    places = worst(heldout, labels, scores)
    rows = [int(heldout[place]) for place in places]
    found = attempt(lambda: character_effects(store, champion, rows, load_model=attribute))
    effects = found.content or {}
    return Mistakes(
        wrong=int((predictions(scores) != labels.astype(bool)).sum()),
        worst=tuple(
            mistake(
                row,
                int(labels[place]),
                float(scores[place]),
                store.dataset.texts[row],
                effects.get(row, ()),
            )
            for place, row in zip(places, rows, strict=True)
        ),
        reason=found.reason,
    )


def worst(
    rows: npt.ArrayLike, labels: npt.ArrayLike, scores: npt.ArrayLike, most: int = MOST
) -> list[int]:
    """Find the positions of the records that a model got wrong, the most confident ones first."""
    gap = np.abs(np.asarray(scores, np.float64) - np.asarray(labels))
    wrong = predictions(scores) != np.asarray(labels).astype(bool)
    order = np.lexsort((np.asarray(rows), -np.nan_to_num(gap, nan=-1.0)))
    return [int(place) for place in order if wrong[place]][:most]


def mistake(row: int, label: int, score: float, text: str, effects: Sequence[float]) -> Mistake:
    """Put a mistake together: `row` counts from 0, `effects` are those of its last characters."""
    seen = text[-MAX_LENGTH:]
    if len(effects) != len(seen):
        effects = (0.0,) * len(seen)
    return Mistake(row + 1, label, score, path_of(text), len(text), tuple(_spans(seen, effects)))


def _spans(text: str, effects: Sequence[float]) -> list[Span]:
    """Join neighbors of one level, which is relative to the strongest effect in the text."""
    largest = max((abs(effect) for effect in effects if math.isfinite(effect)), default=0.0)

    def level(effect: float) -> int:
        return round(LEVELS * effect / largest) if largest and math.isfinite(effect) else 0

    levels = zip(map(level, effects), text, strict=True)
    return [
        Span("".join(visible(letter) for _, letter in neighbors), shared)
        for shared, neighbors in itertools.groupby(levels, key=itemgetter(0))
    ]
