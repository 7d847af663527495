"""Optuna's own plots of a study, in the values that a person chose and not in Optuna's codes."""

import logging
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from results.report.plots import optuna_figures
from results.report.plots.plot import Plot
from results.report.text import visible
from results.study import Store, counted_trials, trial_result

FEWEST = 2
MOST_AXES = 8
MOST_SLICES = 9
MOST_LETTERS = 28
MOST_LETTERS_OF_A_VALUE = 16
OBJECTIVE = "validation accuracy"

log = logging.getLogger(__name__)


def readable(store: Store) -> optuna.Study:
    """Copy the complete trials into a study that holds each hyperparameter as it was used.

    The run's own study holds an ordered choice as an index, and conditions in a parameter's name.

    Args:
        store: The run.

    Returns:
        A study in memory with one objective, the validation accuracy, whatever was optimized.
    """
    pairs = [
        (trial, trial_result(trial))
        for trial in counted_trials(store.study)
        if trial.state == TrialState.COMPLETE
    ]
    done = [
        (trial, result.hyperparameters or dict(trial.params), result.val_accuracy)
        for trial, result in pairs
        if result.status == "complete" and result.val_accuracy is not None
    ]
    names = list(dict.fromkeys(name for _, values, _ in done for name in values))
    distributions = {
        name: _distribution(
            [values[name] for _, values, _ in done if name in values],
            any(_is_log(trial, name) for trial, _, _ in done),
        )
        for name in names
    }
    study = optuna.create_study(direction="maximize", study_name="readable")
    for _, values, accuracy in done:
        used = {name: _plain(value, distributions[name]) for name, value in values.items()}
        study.add_trial(
            optuna.create_trial(
                params={label(name): value for name, value in used.items()},
                distributions={label(name): distributions[name] for name in used},
                value=accuracy,
            )
        )
    return study


def label(name: str) -> str:
    """Shorten a hyperparameter's name to what fits beside an axis.

    Args:
        name: The name.
    """
    return visible(name, MOST_LETTERS)


def importance(study: optuna.Study) -> Plot:
    """Plot how much of the spread each hyperparameter explains.

    Args:
        study: What `readable` gave.

    Returns:
        Optuna's plot.

    Raises:
        ValueError: If there are too few trials, or Optuna cannot tell.
    """
    _enough(study)
    figure = _figure(optuna.visualization.plot_param_importances, study, target_name=OBJECTIVE)
    return optuna_figures.bars(figure)


def parallel(study: optuna.Study, names: Sequence[str]) -> Plot:
    """Plot every trial as a line through its hyperparameters.

    Args:
        study: What `readable` gave.
        names: Which hyperparameters.

    Returns:
        Optuna's plot.

    Raises:
        ValueError: If there are too few trials.
    """
    _enough(study)
    figure = _figure(
        optuna.visualization.plot_parallel_coordinate,
        study,
        params=list(names),
        target_name="accuracy",
    )
    return optuna_figures.lines(figure)


def slices(study: optuna.Study, names: Sequence[str]) -> dict[str, Plot]:
    """Plot the accuracy against each hyperparameter.

    Args:
        study: What `readable` gave.
        names: Which hyperparameters.

    Returns:
        Optuna's plot by name.

    Raises:
        ValueError: If there are too few trials.
    """
    _enough(study)
    found = {}
    for name in names:
        figure = _figure(
            optuna.visualization.plot_slice, study, params=[name], target_name=OBJECTIVE
        )
        found[name] = optuna_figures.points(figure)
    return found


def ordered(study: optuna.Study) -> list[str]:
    """Give the hyperparameters that took more than one value, the most important ones first.

    Args:
        study: What `readable` gave.
    """
    values: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for trial in study.trials:
        counts.update(trial.params.keys())
        for name, value in trial.params.items():
            values.setdefault(name, set()).add(repr(value))
    varied = [name for name, seen in values.items() if len(seen) > 1]
    try:
        with _quiet():
            weights = optuna.importance.get_param_importances(study)
    except ValueError as error:
        log.debug("no importances: %s", error)
        weights = {}
    return sorted(varied, key=lambda name: (-weights.get(name, 0.0), -counts[name]))


def _enough(study: optuna.Study) -> None:
    count = len(study.trials)
    if count < FEWEST:
        raise ValueError(
            f"it takes {FEWEST} complete trials, and this run has {count or 'none'}; "
            "give a larger --budget"
        )


def _figure(draw: Callable[..., Any], study: optuna.Study, **options: Any) -> Plot:
    with _quiet():
        figure = draw(study, **options)
    plain = figure.to_plotly_json()
    layout = {key: value for key, value in plain["layout"].items() if key != "template"}
    if not plain["data"]:
        raise ValueError("Optuna finds nothing to show in these trials")
    return Plot(list(plain["data"]), layout)


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # The page says itself that few trials tell little.
        warnings.simplefilter("ignore", UserWarning)
        # Optuna cannot tell, and would give all of them the same importance.
        warnings.filterwarnings("error", ".*importances will be equal", UserWarning)
        try:
            yield
        except UserWarning as error:
            raise ValueError("Optuna finds the trials too few or too alike") from error
        except ImportError as error:
            raise ValueError(f"a library is missing: {error}") from error
        except RuntimeError as error:
            raise ValueError(str(error)) from error


def _is_log(trial: FrozenTrial, name: str) -> bool:
    """Whether the study drew this hyperparameter on a logarithmic scale."""
    return any(
        bool(getattr(distribution, "log", False))
        for key, distribution in trial.distributions.items()
        if key.partition(" [")[0] == name
    )


def _distribution(values: Sequence[Any], log_scale: bool) -> BaseDistribution:
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return CategoricalDistribution(
            sorted({visible(value, MOST_LETTERS_OF_A_VALUE) for value in values})
        )
    numbers = [value for value in values if math.isfinite(value)]
    if len(numbers) < len(values):
        return CategoricalDistribution(
            sorted({visible(value, MOST_LETTERS_OF_A_VALUE) for value in values})
        )
    low, high = min(numbers), max(numbers)
    logarithmic = log_scale and low > 0
    if all(isinstance(value, int) for value in numbers):
        return IntDistribution(low, high, log=logarithmic)
    return FloatDistribution(float(low), float(high), log=logarithmic)


def _plain(value: Any, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return visible(value, MOST_LETTERS_OF_A_VALUE)
    return float(value) if isinstance(distribution, FloatDistribution) else value
