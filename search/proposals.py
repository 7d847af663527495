"""Where the next trial's values come from: the study's sampler, and never a point that is taken."""

import logging
import random
from collections.abc import Callable
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from optuna.trial import FrozenTrial

from results.store import REPLACES, SLOT, WORKER
from search import points, slots
from search.asked import AskedHyperParameters
from search.distributions import distribution, key, to_internal
from search.seeds import derive
from search.space_sampler import SpaceSampler

log = logging.getLogger(__name__)

# How often another process may take the same point at the same moment.
_MOST_RACES = 20

Proposal = tuple[optuna.Trial, AskedHyperParameters]


class Proposals:
    """Takes trials from a study and asks for their values.

    Args:
        study: The study.
        bounded: Whether trials come from the budget's slots alone.
        default_first: Whether the first slot takes every hyperparameter's default.
        tunes: Whether an entry is to be asked for; one that is not takes its default.

    Attributes:
        exhausted: Whether the space has no point left.
    """

    def __init__(
        self,
        study: optuna.Study,
        *,
        bounded: bool,
        default_first: bool,
        tunes: Callable[[HyperParameter], bool],
    ) -> None:
        self._study = study
        self._bounded = bounded
        self._default_first = default_first
        self._tunes = tunes
        self.exhausted = False

    def take(self, space: keras_tuner.HyperParameters, owner: str) -> Proposal | None:
        """Take a trial whose point no other trial has.

        Args:
            space: The space as it is known by now.
            owner: Who will run it.

        Returns:
            The trial and its values; None where the budget or the space is used up.
        """
        if isinstance(self._study.sampler, SpaceSampler):
            self._study.sampler.space = space
        starts = [_defaults(space)] if self._default_first else []
        trial = slots.claim(self._study, starts)
        if trial is None and not self._bounded:
            trial = slots.create(self._study)
        return None if trial is None else self._settle(trial, space, owner)

    def _settle(
        self, trial: optuna.Trial, space: keras_tuner.HyperParameters, owner: str
    ) -> Proposal | None:
        for race in range(_MOST_RACES):
            try:
                hyperparameters = self.fill(trial, space, owner)
            except BaseException:
                slots.replace(self._study, self._frozen(trial), "no values", same_values=False)
                raise
            frozen = self._frozen(trial)
            repeats = slots.is_fixed(frozen) and (
                REPLACES in frozen.user_attrs or SLOT not in frozen.user_attrs
            )
            if (race == 0 and repeats) or self._is_free(frozen):
                return trial, hyperparameters
            other = self._another(frozen, space)
            if other is None:
                break
            trial = slots.restart(self._study, frozen, other)
        log.info("the space has no point left that is not tried")
        slots.replace(self._study, self._frozen(trial), "no point is left", same_values=False)
        self.exhausted = True
        return None

    def fill(
        self, trial: optuna.Trial, space: keras_tuner.HyperParameters, owner: str
    ) -> AskedHyperParameters:
        """Give a trial a value for each active entry, and sign it.

        Args:
            trial: The running trial.
            space: The space.
            owner: Who runs it.

        Returns:
            The values.
        """
        trial.set_user_attr(WORKER, owner)
        hyperparameters = AskedHyperParameters(trial, self._tunes)
        hyperparameters.merge(space.space)
        hyperparameters.values.update(trial.user_attrs.get(slots.EXTRA, {}))
        return hyperparameters

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self._study._storage.get_trial(trial._trial_id)

    def _is_free(self, trial: FrozenTrial) -> bool:
        sampler = self._study.sampler
        if isinstance(sampler, SpaceSampler) and not slots.is_fixed(trial):
            if sampler.exhausted:
                return False
            if sampler.repeats:
                return True
        taken = points.known(self._study, apart_from=trial.number)
        return points.identity(trial.params) not in taken

    def _another(
        self, trial: FrozenTrial, space: keras_tuner.HyperParameters
    ) -> points.Point | None:
        sampler = self._study.sampler
        if isinstance(sampler, SpaceSampler):
            return None if sampler.exhausted else sampler.propose(self._study, trial)
        # A sampler that is sure of itself would propose the same again.
        taken = points.known(self._study, apart_from=trial.number)
        rng = random.Random(derive(trial.number))
        return points.unseen(space.space, taken, points.anywhere(rng))


def _defaults(space: keras_tuner.HyperParameters) -> dict[str, Any]:
    """Give the defaults of the entries that are active at their defaults."""
    defaults = keras_tuner.HyperParameters()
    defaults.merge(space.space)
    return {
        key(entry): to_internal(entry, entry.default)
        for entry in defaults.space
        if defaults.is_active(entry) and distribution(entry) is not None
    }
