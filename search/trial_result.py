"""A trial's result: of one that was trained, and of one whose model was refused."""

from dataclasses import replace

import keras
from keras_tuner.engine.trial import Trial

from results.result import Result
from search.checks import TooLarge
from search.fit import Fit, Recipe
from search.job import Job
from search.measure import describe, measure


def trained(
    job: Job,
    trial: Trial,
    model: keras.Model,
    recipe: Recipe,
    fitted: Fit,
    seed: int,
    worker: str,
) -> Result:
    """Say what a training has left, and keep its scores unless it was pruned.

    Args:
        job: What all trials of the worker have in common.
        trial: KerasTuner's side of the trial.
        model: The trained model.
        recipe: How it was trained.
        fitted: How that ended.
        seed: The trial's seed.
        worker: The worker's name.

    Returns:
        The result.
    """
    number = int(trial.trial_id)
    result = describe(
        model,
        fitted,
        name=f"trial {number}",
        kind="trial",
        number=number,
        hyperparameters=dict(trial.hyperparameters.values),
        seed=seed,
        worker=worker,
    )
    if fitted.validation is None or fitted.status == "pruned":
        return result
    folder = job.store.trial_folder(number)
    result = measure(result, fitted, job.dataset, recipe.padding, folder, seconds=0.2)
    return replace(result, artefacts=job.store.artefacts.name(folder))


def refused(trial: Trial, error: TooLarge, seed: int, worker: str) -> Result:
    """Say that a model is too large.

    Args:
        trial: KerasTuner's side of the trial.
        error: Why.
        seed: The trial's seed.
        worker: The worker's name.

    Returns:
        The result.
    """
    number = int(trial.trial_id)
    return Result(
        name=f"trial {number}",
        kind="trial",
        status="failed",
        reason=str(error),
        number=number,
        hyperparameters=dict(trial.hyperparameters.values),
        seed=seed,
        parameters=error.parameters,
        worker=worker,
    )
