"""The samplers and pruners that the command line knows by name.

The tables are read by every `--help`, so Optuna is imported by the functions that need it.
"""

import importlib.util
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from data.common import UserError, import_name

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

MakeSampler: TypeAlias = "Callable[[int, int], BaseSampler]"
MakePruner: TypeAlias = "Callable[[int], BasePruner]"


def _tpe(seed: int, workers: int) -> "BaseSampler":
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=workers > 1)


def _gp(seed: int, workers: int) -> "BaseSampler":
    if importlib.util.find_spec("torch") is None:
        raise UserError("--sampler gp needs PyTorch: pip install 'model3-search[gp]'")
    from optuna.samplers import GPSampler

    return GPSampler(seed=seed)


def _cmaes(seed: int, workers: int) -> "BaseSampler":
    from optuna.samplers import CmaEsSampler

    # It draws choices and conditional values at random, and would say so for each of each trial.
    return CmaEsSampler(seed=seed, warn_independent_sampling=False)


def _nsga2(seed: int, workers: int) -> "BaseSampler":
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed, population_size=20)


def _random(seed: int, workers: int) -> "BaseSampler":
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


# Each makes a sampler from a seed and the number of workers that ask at once.
SAMPLERS: Mapping[str, MakeSampler] = {
    "tpe": _tpe,
    "gp": _gp,
    "cmaes": _cmaes,
    "nsga2": _nsga2,
    "random": _random,
}
GRID = "grid"
KERAS_TUNER = ("kt-random", "kt-bayesian", "kt-hyperband")


# Before a sixth of a training a single report, and before a third of it the order of trials, says
# too little about their end: `python -m tests.benchmarks.tabular.fidelities` and `simulate`, beside
# it, measure that. Reports count from 1.


def _median(reports: int) -> "BasePruner":
    from optuna.pruners import MedianPruner

    return MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, reports // 6))


def _asha(reports: int) -> "BasePruner":
    from optuna.pruners import SuccessiveHalvingPruner

    return SuccessiveHalvingPruner(min_resource=max(1, reports // 3), reduction_factor=2)


def _hyperband(reports: int) -> "BasePruner":
    from optuna.pruners import HyperbandPruner

    return HyperbandPruner(min_resource=1, max_resource=reports, reduction_factor=3)


def _none(reports: int) -> "BasePruner":
    from optuna.pruners import NopPruner

    return NopPruner()


# Each makes a pruner from the number of reports in a full training.
PRUNERS: Mapping[str, MakePruner] = {
    "median": _median,
    "asha": _asha,
    "hyperband": _hyperband,
    "none": _none,
}
DEFAULT_PRUNER = "median"


def sampler_names() -> tuple[str, ...]:
    """Return the names that `--sampler` takes, besides those of classes."""
    return (*SAMPLERS, GRID, *KERAS_TUNER)


def check_sampler(name: str) -> None:
    """Raise a `UserError` if a sampler is not known or cannot be imported."""
    # These import KerasTuner and with it TensorFlow, which takes seconds.
    if name not in (GRID, *KERAS_TUNER):
        make_sampler(name, 0, 1, 1)


def check_pruner(name: str) -> None:
    """Raise a `UserError` if a pruner is not known."""
    if name not in PRUNERS:
        raise UserError(f"--pruner '{name}' is not known; known are {', '.join(PRUNERS)}")


def make_sampler(name: str, seed: int, workers: int, epochs: int) -> "BaseSampler":
    """Make the sampler that `--sampler` names.

    Args:
        name: One of `SAMPLERS` or `KERAS_TUNER`, "grid", or "PACKAGE.MODULE:CLASS" for any other
            sampler of Optuna's kind; its constructor is given `seed` if it takes one.
        seed: The sampler's seed.
        workers: How many workers ask at once.
        epochs: The epochs of a full training, which Hyperband divides.

    Returns:
        The sampler.

    Raises:
        UserError: If there is no such sampler.
    """
    if name in SAMPLERS:
        # What it lacks is told now, not in the first trial.
        _make(name, seed, workers)
        from search.sampling.reseeded import ReseededSampler

        return ReseededSampler(lambda derived: _make(name, derived, workers), seed)
    if name == GRID:
        from search.sampling.space_samplers import GridSampler

        return GridSampler(seed)
    if name in KERAS_TUNER:
        return _keras_tuner(name, seed, epochs)
    if ":" in name:
        return _imported_sampler(name, seed)
    known = ", ".join(sampler_names())
    raise UserError(f"--sampler '{name}' is not known; known are {known}, or MODULE:CLASS")


def _keras_tuner(name: str, seed: int, epochs: int) -> "BaseSampler":
    import keras_tuner

    from search.sampling.space_samplers import KerasTunerSampler

    # The sampler sets the direction. KerasTuner takes seed 0 for "none given".
    given = {"objective": keras_tuner.Objective("objective", "max"), "seed": seed + 1}
    match name:
        case "kt-random":
            oracle = keras_tuner.oracles.RandomSearchOracle(**given)
        case "kt-bayesian":
            oracle = keras_tuner.oracles.BayesianOptimizationOracle(**given)
        case _:
            oracle = keras_tuner.oracles.HyperbandOracle(
                max_epochs=epochs, hyperband_iterations=0, **given
            )
    return KerasTunerSampler(oracle)


def _make(name: str, seed: int, workers: int) -> "BaseSampler":
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        # Each trial makes a sampler of its own: the user would read of it again and again.
        warnings.simplefilter("ignore", ExperimentalWarning)
        return SAMPLERS[name](seed, workers)


def _imported_sampler(name: str, seed: int) -> "BaseSampler":
    from optuna.samplers import BaseSampler

    factory = import_name(f"--sampler '{name}'", name)
    # Whatever a user's own code raises, they are told in one line.
    try:
        takes_seed = "seed" in inspect.signature(factory).parameters
        sampler = factory(seed=seed) if takes_seed else factory()
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"--sampler '{name}' cannot be made: {why}") from error
    if not isinstance(sampler, BaseSampler):
        raise UserError(f"--sampler '{name}' is not an optuna.samplers.BaseSampler")
    return sampler


def make_pruner(name: str, reports: int) -> "BasePruner":
    """Make the pruner that `--pruner` names.

    Args:
        name: One of `PRUNERS`.
        reports: How many reports a full training makes: the pruner's largest resource.

    Returns:
        The pruner.

    Raises:
        UserError: If there is no such pruner.
    """
    check_pruner(name)
    return PRUNERS[name](reports)
