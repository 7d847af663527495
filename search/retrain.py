"""Trains the model of a finished trial again from its values, with another seed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras_tuner

from data.prepare import Dataset
from results.evaluate import probabilities
from results.result import Point, Result
from results.scores import save_scores
from search.fit import Recipe, fit, start_afresh
from search.measure import describe
from search.own_fit import own_fit
from search.reasons import RAISED, reason


def retrain(
    original: Result,
    seed: int,
    space: Any,
    dataset: Dataset,
    recipe: Recipe,
    folder: Path,
    *,
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
        notify: Told of each report: name, epochs trained, validation accuracy.
        stop: Asked after each batch; a reason ends the training.

    Returns:
        What it left, under the trial's name: `pruned` where it was stopped, and `failed` where an
        exception ended it.
    """
    values = original.hyperparameters
    recipe = recipe.of_trial(values, seed)
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
        refeed = partial(recipe.feed, dataset)
        train = own_fit(space, chosen, model, recipe.batch_size, refeed)
        fitted = fit(model, dataset, recipe, judge=watch, stop=stop, train=train)
        result = describe(model, fitted, **own)
        if fitted.validation is None or fitted.status == "pruned":
            return result
        heldout = dataset.split.heldout
        scores = probabilities(fitted.scorer, dataset.encoded, heldout, padding=recipe.padding)
    except RAISED as error:
        return Result(status="failed", reason=reason(error), **own)
    save_scores(folder, fitted.validation, scores)
    return replace(result, artefacts=str(folder))
