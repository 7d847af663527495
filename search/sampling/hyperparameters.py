"""Hyperparameters whose values come from a trial of a study, asked for as they are met."""

import warnings
from collections.abc import Callable, Container, Sequence
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import Fixed, HyperParameter
from keras_tuner.errors import FailedTrialError
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from results.study import TUNER_VALUES
from search.optuna_private import fix_value, fixed_values
from search.sampling.distributions import (
    active_values,
    can_move,
    holds,
    offer,
    param_key,
    to_distribution,
    to_value,
)
from search.sampling.starting_points import nearest, waiting_values


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
            if not self.is_active(entry) or entry.name in self.values:
                continue
            if entry.name in given and self._belongs(entry, given[entry.name]):
                self.values[entry.name] = given[entry.name]
            elif not self._waits(entry):
                self.values[entry.name] = self._missing(entry)
        self.values.update({name: given[name] for name in given if name not in names})

    def _belongs(self, entry: HyperParameter, value: Any) -> bool:
        # The name alone does not tell: another value of the parent may have left it.
        return holds(entry, value)

    def _waits(self, entry: HyperParameter) -> bool:
        return False

    def _missing(self, entry: HyperParameter) -> Any:
        return entry.random_sample()


class SuggestedHyperParameters(ScopedHyperParameters):
    """Hyperparameters that ask the sampler for every active entry, when it is first met.

    Registering the known space asks for each active entry in order, parents first; an entry that
    `build` meets for the first time is asked for too, while KerasTuner would take its default.

    The range of an entry may depend on another's value. KerasTuner goes by the one it met first;
    here the one that `build` asks with holds: from then on the entry is known to move, and is asked
    for only when `build` meets it. A trial that has a value outside by then is sampled again.

    Args:
        trial: The trial of the study that the values belong to.
        tunes: Whether an entry is to be asked for; one that is not takes its default.
        moving: Keys of the entries that are known to move; those that turn out to are added.
        held: Keys of the entries whose range a user has given, whatever `build` asks with.
        admit: Refuses entries that the study cannot hold, before it is asked for them.

    Attributes:
        moved: Why the trial is to be sampled again; empty if it is not.
    """

    def __init__(
        self,
        trial: optuna.Trial,
        tunes: Callable[[HyperParameter], bool],
        moving: set[str] | None = None,
        held: Container[str] = (),
        admit: Callable[[Sequence[HyperParameter]], None] = lambda entries: None,
    ) -> None:
        super().__init__()
        self._trial = trial
        self._tunes = tunes
        self._moving = set() if moving is None else moving
        self._held = held
        self._admit = admit
        self.moved = ""

    def __deepcopy__(self, memo: dict[int, Any]) -> keras_tuner.HyperParameters:
        """Return what `copy` returns, which asks nothing of the study."""
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what `copy` returns."""
        return keras_tuner.HyperParameters.from_config, (self.get_config(),)

    @property
    def unmet(self) -> list[str]:
        """What the trial's starting point names, and nothing has asked for by now."""
        waiting = waiting_values(fixed_values(self._trial))
        return [name for name in waiting if name not in self.values]

    def _register(self, hyperparameter: HyperParameter, overwrite: bool = False) -> Any:
        name = hyperparameter.name
        is_missing = name not in self.values and self.is_active(hyperparameter)
        if is_missing and not self._waits(hyperparameter):
            self.values[name] = self._missing(hyperparameter)
        # To overwrite means to take the default: the study would hold a value that nobody used.
        value = super()._register(hyperparameter, overwrite=False)
        if is_missing and self._waits(hyperparameter):
            del self.values[name]
            return None
        return value

    def _retrieve(self, hp: HyperParameter) -> Any:
        same = (it for it in self._hps.get(hp.name, ()) if it.conditions == hp.conditions)
        known = next(same, None)
        if known is None:
            self._register(hp)
        if not self.is_active(hp):
            return None
        if hp.name not in self.values:
            self.values[hp.name] = self._missing(hp)
        if param_key(hp) not in self._held and self._tunes(hp):
            self._compare(known or hp, hp)
        return self.values[hp.name]

    def _compare(self, known: HyperParameter, asked: HyperParameter) -> None:
        """See to it that a value lies in what `build` asks with, or say that it need not.

        Raises:
            FailedTrialError: If the trial is to be sampled again.
        """
        if isinstance(asked, Fixed):
            self.values[asked.name] = asked.value
            return
        fits, name = holds(asked, self.values[asked.name]), param_key(asked)
        if offer(known) == offer(asked):
            if not fits:
                _warn(f"two hyperparameters '{asked.name}' are active at once: the value is shared")
            return
        both = f"hyperparameter '{asked.name}': {offer(known)} before, {offer(asked)} now; "
        if not can_move(known, asked):
            _warn(both + "the first one holds: give each a name of its own")
            return
        is_new = name not in self._moving
        self._moving.add(name)
        if is_new:
            _warn(both + "it is drawn when build asks for it, so a point may be tried twice")
        if is_new and not fits:
            self.moved = both + "drawn again"
            raise FailedTrialError(self.moved)
        if not fits:
            _warn(both + "both in one build: the first one holds")

    def _waits(self, entry: HyperParameter) -> bool:
        return param_key(entry) in self._moving

    def _belongs(self, entry: HyperParameter, value: Any) -> bool:
        return True  # The parents keep theirs.

    def _missing(self, entry: HyperParameter) -> Any:
        if not self._tunes(entry):
            return entry.default
        self._admit([entry])
        return suggest(self._trial, entry)


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)


def suggest(trial: optuna.Trial, entry: HyperParameter) -> Any:
    """Ask the study's sampler for an entry's value as a hypermodel sees it, and record it."""
    name, fixed, target = param_key(entry), fixed_values(trial), to_distribution(entry)
    waiting = waiting_values(fixed)
    if entry.name in waiting and name not in fixed and target is not None:
        fix_value(trial, name, nearest(entry, waiting[entry.name], "a starting point's"))
    elif name in fixed and target is not None:
        fix_value(trial, name, nearest(entry, to_value(entry, fixed[name]), "the planned"))
    match target:
        case CategoricalDistribution(choices=choices):
            internal: Any = trial.suggest_categorical(name, choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            internal = trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            internal = trial.suggest_float(name, low, high, step=step, log=log)
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
        internal = trial.params.get(param_key(entry))
        return entry.default if internal is None else to_value(entry, internal)

    return active_values(space, read, trial.user_attrs.get(TUNER_VALUES))
