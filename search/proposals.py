"""Where the next trial's values come from: the study's sampler, and never a point that is taken."""

import logging
import os
import random
from collections.abc import Callable, Container, Sequence

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from optuna.trial import FrozenTrial

from results.trials import BORN, DRAWN, REPLACES, SLOT, WORKER, place
from search import lost, points, slots
from search.asked import AskedHyperParameters
from search.seeds import of_proposal
from search.space_sampler import SpaceSampler
from search.starts import InternalPoints, Start, check_start, waiting_values

log = logging.getLogger(__name__)

# How often another process may take the same point at the same moment.
_MOST_RACES = 20

Proposal = tuple[optuna.Trial, AskedHyperParameters]


class Proposals:
    """Takes trials from a study and asks for their values.

    Args:
        study: The study.
        bounded: Whether trials come from the budget's slots alone.
        starts: What the first slots take: values by name, else the defaults.
        tunes: Whether an entry is to be asked for; one that is not takes its default.
        held: Keys of the entries whose range a user has given, whatever `build` asks with.
        seed: Of the points that take the place of those that the sampler proposed twice.

    Attributes:
        exhausted: Whether there is nothing new to propose.
    """

    def __init__(
        self,
        study: optuna.Study,
        *,
        bounded: bool,
        starts: Sequence[Start],
        tunes: Callable[[HyperParameter], bool],
        held: Container[str] = (),
        seed: int = 0,
    ) -> None:
        self._study = study
        self._seed = seed
        self._bounded = bounded
        self._starts = starts
        self._tunes = tunes
        self._held = held
        self._moving: set[str] = set()
        self._checked = False
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
        if not self._checked:
            for start in self._starts:
                check_start(space, start)
            self._checked = True
        starts = InternalPoints(space, self._starts)
        while True:
            # What was lost is repeated even when there is nothing new to propose.
            trial = slots.claim(self._study, starts, only_fixed=self.exhausted)
            if trial is None and not self._bounded and not self.exhausted:
                trial = slots.create(self._study)
            if trial is None:
                return None
            proposal = self._settle(trial, space, owner)
            if proposal is not None:
                return proposal

    def _settle(
        self, trial: optuna.Trial, space: keras_tuner.HyperParameters, owner: str
    ) -> Proposal | None:
        for race in range(_MOST_RACES):
            if self._is_refused(trial):
                break
            try:
                hyperparameters = self.fill(trial, space, owner)
            except BaseException:
                slots.replace(self._study, self._frozen(trial), "no values", same_values=False)
                raise
            frozen = self._frozen(trial)
            if (race == 0 and _is_repeated(frozen)) or self._is_free(frozen):
                return trial, hyperparameters
            other = self._another(frozen, space)
            if other is None:
                break
            trial = slots.restart(self._study, frozen, other)
        log.info("the space has no point left that is not tried")
        slots.replace(self._study, self._frozen(trial), "no point is left", same_values=False)
        self.exhausted = True
        return None

    def _is_refused(self, trial: optuna.Trial) -> bool:
        sampler = self._study.sampler
        return isinstance(sampler, SpaceSampler) and sampler.is_at_its_end(trial.number)

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
        trial.set_user_attr(BORN, lost.birth(os.getpid()))
        trial.set_user_attr(WORKER, owner)
        hyperparameters = AskedHyperParameters(trial, self._tunes, self._moving, self._held)
        hyperparameters.merge(space.space)
        # The trial itself does not see what the sampler wrote into it.
        hyperparameters.values.update(self._frozen(trial).user_attrs.get(slots.EXTRA, {}))
        trial.set_user_attr(DRAWN, True)
        return hyperparameters

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self._study._storage.get_trial(trial._trial_id)

    def _is_free(self, trial: FrozenTrial) -> bool:
        sampler = self._study.sampler
        if isinstance(sampler, SpaceSampler) and sampler.repeats:
            return True
        if waiting_values(trial.system_attrs.get(slots.FIXED, {})):
            return True  # What makes it another point is yet to be met.
        taken = points.known(self._study, apart_from=trial.number)
        return points.identity(trial.params) not in taken

    def _another(
        self, trial: FrozenTrial, space: keras_tuner.HyperParameters
    ) -> points.Point | None:
        sampler = self._study.sampler
        if isinstance(sampler, SpaceSampler):
            return sampler.propose(self._study, trial)
        # A sampler that is sure of itself would propose the same again.
        taken = points.known(self._study, apart_from=trial.number)
        rng = random.Random(of_proposal(self._seed, place(trial)))
        return points.unseen(space.space, taken, points.anywhere(rng))


def _is_repeated(trial: FrozenTrial) -> bool:
    """Say whether a trial is to be run whatever was tried: a lost one, or one a user enqueued."""
    wanted = REPLACES in trial.user_attrs or SLOT not in trial.user_attrs
    return wanted and slots.is_fixed(trial)
