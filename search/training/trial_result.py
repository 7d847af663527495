"""A trial's result: of one that was trained, and of one whose model was not."""

from dataclasses import replace

import keras
import optuna
from keras_tuner.engine.trial import Trial

from results.study import Result
from search.common import ModelTooLarge, describe_error
from search.training.evaluation import describe, measure
from search.training.fit import Fit, Recipe
from search.training.job import Job


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
    return replace(result, artifacts=job.store.artifacts.name(folder))


def refused(
    trial: Trial, error: ModelTooLarge | optuna.TrialPruned, seed: int, worker: str
) -> Result:
    """Say why a model was not trained: it is too large, or the hypermodel itself prunes it.

    Args:
        trial: KerasTuner's side of the trial.
        error: Why.
        seed: The trial's seed.
        worker: The worker's name.

    Returns:
        The result.
    """
    number, is_too_large = int(trial.trial_id), isinstance(error, ModelTooLarge)
    return Result(
        name=f"trial {number}",
        kind="trial",
        status="failed" if is_too_large else "pruned",
        reason=str(error) if is_too_large else describe_error(error),
        number=number,
        hyperparameters=dict(trial.hyperparameters.values),
        seed=seed,
        parameters=error.parameters if isinstance(error, ModelTooLarge) else None,
        worker=worker,
    )
