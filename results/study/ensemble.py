"""The mean of the best trials' probabilities, as a row of its own that is never the champion."""

import logging
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from results.scoring import PARTS, SCORES, Scores, accuracy, cross_entropy
from results.study.objectives import objective_values
from results.study.result import Result
from results.study.store import Store
from results.study.trials import best_first

Number = TypeVar("Number", int, float)

_ENSEMBLE = "ensemble"
_MIN_MEMBERS = 2

log = logging.getLogger(__name__)


def choose_ensemble(store: Store, size: int) -> tuple[str, ...]:
    """Choose the members on validation data alone, and fix the choice in the study.

    They are the best complete trials in the order by which the champion is chosen; none if there
    are fewer than two. A size of 0 is for no ensemble, and also forgets an earlier one.
    """
    ranked = best_first(store.study) if size else []
    present = [result.name for result in ranked if store.find(result, SCORES) is not None]
    names = present[:size] if len(present) >= _MIN_MEMBERS else []
    if size and not names:
        log.warning("no ensemble: it takes two complete trials, and there are %d", len(present))
    elif len(names) < size:
        log.warning("the ensemble has %d members: there are no more complete trials", len(names))
    if names or _ENSEMBLE in store.study.user_attrs:
        store.study.set_user_attr(_ENSEMBLE, names)
    return tuple(names)


def build_ensemble(store: Store) -> tuple[Result, Scores] | None:
    """Make the ensemble from what its members left.

    Returns it as a result, and its probabilities of the held-out rows, float32 [n]; None if none
    was chosen, or the probabilities of a member are gone.
    """
    names = store.study.user_attrs.get(_ENSEMBLE, ())
    by_name = {result.name: result for result in store.trials()} if names else {}
    members = [by_name[name] for name in names if name in by_name]
    kept = [store.scores(member) for member in members]
    scores = [found for found in kept if found is not None]
    if not scores:
        return None
    if len(scores) < len(names):
        log.warning("no ensemble: the probabilities of some of %s are gone", ", ".join(names))
        return None
    validation, heldout = (_mean([found[part] for found in scores]) for part in PARTS)
    labels = store.dataset.labels[store.dataset.split.validation]
    result = Result(
        name=f"ensemble of {len(members)}",
        kind="ensemble",
        status="complete",
        reason=f"the mean of {', '.join(names)}",
        epochs=sum(member.epochs for member in members),
        val_accuracy=accuracy(labels, validation),
        val_loss=cross_entropy(labels, validation),
        **objective_values(labels, validation),
        val_rows=len(labels),
        parameters=_sum([member.parameters for member in members]),
        violations=tuple(dict.fromkeys(rule for one in members for rule in one.violations)),
        train_seconds=sum(member.train_seconds for member in members),
        latency_us=_sum([member.latency_us for member in members]),
        latency_batch_us=_sum([member.latency_batch_us for member in members]),
        latency_runtime="onnx"
        if all(one.latency_runtime == "onnx" for one in members)
        else "keras",
        size_bytes=_sum([member.size_bytes for member in members]),
    )
    return result, heldout


def _mean(scores: Sequence[Scores]) -> Scores:
    return np.asarray(np.mean(scores, axis=0, dtype=np.float64), dtype=np.float32)


def _sum(numbers: Sequence[Number | None]) -> Number | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
