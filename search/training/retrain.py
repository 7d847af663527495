"""Trains the model of a finished trial again from its values, with another seed or more rows."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras_tuner

from data.common import new_file, write_failure
from data.dataset import Dataset
from results.scoring import probabilities, save_scores
from results.study import CHECKPOINT, Point, Result
from search.common import USER_ERRORS, describe_error, fit_function
from search.training.evaluation import describe, measure
from search.training.fit import Recipe, fit, start_afresh


def retrain(
    original: Result,
    seed: int,
    space: Any,
    dataset: Dataset,
    recipe: Recipe,
    folder: Path,
    *,
    refits: bool = False,
    notify: Callable[[str, float, float | None], None] = lambda name, epochs, value: None,
    stop: Callable[[], str | None] = lambda: None,
) -> Result:
    """Build a trial's model anew, train it to its end and keep its probabilities.

    Args:
        original: What the trial left; the same seed gives the same training again.
        seed: Seed of the weights, the shuffling and the dropout.
        space: The hypermodel that built it.
        dataset: The data that it was trained on.
        recipe: How trials are trained; the trial's own batch size and epochs go before it.
        folder: Where the probabilities go.
        refits: Whether the model is to take the first one's place: it is trained for as many
            epochs, though no row tells when to stop, and it is kept and timed as well.
        notify: Told of each report: name, epochs trained, validation accuracy.
        stop: Asked after each batch; a reason ends the training.

    Returns:
        What it left, under the trial's name: `pruned` where it was stopped, and `failed` where an
        exception ended it.
    """
    values = original.hyperparameters
    recipe = recipe.of_trial(values, seed)
    if refits:
        recipe = replace(recipe, epochs=min(recipe.epochs, math.ceil(original.epochs) or 1))
    own: dict[str, Any] = {
        "name": original.name,
        "kind": original.kind,
        "number": original.number,
        "hyperparameters": values,
        "seed": seed,
    }

    def watch(point: Point) -> None:
        notify(original.name, point.epoch, point.val_accuracy)

    try:
        chosen = keras_tuner.HyperParameters()
        chosen.values = dict(values)
        start_afresh(seed)
        model = space.build(chosen)
        _check_known(chosen, values)
        refeed = partial(recipe.feed, dataset)
        train = fit_function(space, chosen, model, recipe.batch_size, refeed)
        fitted = fit(model, dataset, recipe, judge=watch, stop=stop, train=train)
        result = describe(model, fitted, **own)
        if fitted.validation is None or fitted.status == "pruned":
            return result
        if refits:
            result = measure(result, fitted, dataset, recipe.padding, folder, seconds=0.2)
            with new_file(folder / CHECKPOINT) as beside:
                model.save(beside)
        else:
            heldout = dataset.split.heldout
            scores = probabilities(fitted.scorer, dataset.encoded, heldout, padding=recipe.padding)
            save_scores(folder, fitted.validation, scores)
    except USER_ERRORS as error:
        if write_failure(error) is not None:
            raise
        return Result(status="failed", reason=describe_error(error), **own)
    return replace(result, artifacts=str(folder))


def _check_known(chosen: keras_tuner.HyperParameters, values: Mapping[str, Any]) -> None:
    """Refuse to train another network than the trial's, if its space has grown since."""
    new = [name for name in chosen.values if name not in values]
    if new:
        raise ValueError(f"the space has changed since: the trial has no value of {', '.join(new)}")
