"""Hyperparameters whose values come from a trial of a study, asked for as they are met."""

from collections.abc import Callable, Sequence
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from search.distributions import distribution, holds, key, to_value
from search.points import active_values
from search.slots import EXTRA
from search.starts import nearest, waiting_values


class ScopedHyperParameters(keras_tuner.HyperParameters):
    """Hyperparameters in which one name may stand in two scopes.

    KerasTuner's own drop the value of an active entry when an inactive one has the same name.
    """

    values: dict[str, Any]

    def ensure_active_values(self) -> None:
        """Add the values that active entries lack, and drop those of inactive ones."""
        names = {entry.name for entry in self.space}
        given, self.values = self.values, {}
        for entry in self.space:
            if self.is_active(entry) and entry.name not in self.values:
                had = entry.name in given and self._belongs(entry, given[entry.name])
                self.values[entry.name] = given[entry.name] if had else self._missing(entry)
        self.values.update({name: given[name] for name in given if name not in names})

    def _belongs(self, entry: HyperParameter, value: Any) -> bool:
        # The name alone does not tell: another value of the parent may have left it.
        return holds(entry, value)

    def _missing(self, entry: HyperParameter) -> Any:
        return entry.random_sample()


class AskedHyperParameters(ScopedHyperParameters):
    """Hyperparameters that ask the sampler for every active entry, when it is first met.

    Registering the known space asks for each active entry in order, parents first; an entry that
    `build` meets for the first time is asked for too, where KerasTuner would take its default.

    Args:
        trial: The trial of the study that the values belong to.
        tunes: Whether an entry is to be asked for; one that is not takes its default.
    """

    def __init__(self, trial: optuna.Trial, tunes: Callable[[HyperParameter], bool]) -> None:
        super().__init__()
        self._trial = trial
        self._tunes = tunes

    def _register(self, hyperparameter: HyperParameter, overwrite: bool = False) -> Any:
        if hyperparameter.name not in self.values and self.is_active(hyperparameter):
            self.values[hyperparameter.name] = self._missing(hyperparameter)
        # To overwrite means to take the default: the study would hold a value that nobody used.
        return super()._register(hyperparameter, overwrite=False)

    @property
    def unmet(self) -> list[str]:
        """What the trial's starting point names, and nothing has asked for by now."""
        return [
            name for name in waiting_values(self._trial._fixed_params) if name not in self.values
        ]

    def _belongs(self, entry: HyperParameter, value: Any) -> bool:
        return True  # The parents keep theirs.

    def _missing(self, entry: HyperParameter) -> Any:
        return suggest(self._trial, entry) if self._tunes(entry) else entry.default


def suggest(trial: optuna.Trial, entry: HyperParameter) -> Any:
    """Ask the study's sampler for a value, and record it in the trial.

    Args:
        trial: The trial.
        entry: Which of KerasTuner's hyperparameters it is for.

    Returns:
        The value that a hypermodel sees.
    """
    name, fixed = key(entry), trial._fixed_params
    waiting = waiting_values(fixed)
    if entry.name in waiting and name not in fixed and distribution(entry) is not None:
        wanted = nearest(entry, waiting[entry.name], "a starting point's")
        trial._fixed_params = {**fixed, name: wanted}
    match distribution(entry):
        case CategoricalDistribution() as categorical:
            internal: Any = trial.suggest_categorical(name, categorical.choices)
        case IntDistribution() as integer:
            internal = trial.suggest_int(
                name, integer.low, integer.high, step=integer.step, log=integer.log
            )
        case FloatDistribution() as real:
            internal = trial.suggest_float(name, real.low, real.high, step=real.step, log=real.log)
        case _:
            return entry.default
    return to_value(entry, internal)


def plain_values(space: Sequence[HyperParameter], trial: FrozenTrial) -> dict[str, Any]:
    """Read a trial's values back as KerasTuner holds them.

    Args:
        space: KerasTuner's entries, parents before children.
        trial: A trial of the study.

    Returns:
        The values of the active entries by name; defaults for entries that the trial did not know.
    """

    def read(entry: HyperParameter) -> Any:
        internal = trial.params.get(key(entry))
        return entry.default if internal is None else to_value(entry, internal)

    return active_values(space, read, trial.user_attrs.get(EXTRA))
