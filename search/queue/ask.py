"""Where the next trial's values come from: the study's sampler, and never a point that is taken."""

import copy
import logging
import os
import random
from collections.abc import Callable, Container, Sequence
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from optuna.trial import FrozenTrial

from results.study import INDEX, PROCESS_START, RETRY_OF, SAMPLED, WORKER, trial_index
from search.common import of_proposal
from search.queue import queue as slots, search_space as points, stale_trials as lost
from search.queue.grid import GridSampler
from search.queue.hyperparameters import AskedHyperParameters
from search.queue.space_sampler import SpaceSampler
from search.queue.starting_points import InternalPoints, Start, check_start, waiting_values

log = logging.getLogger(__name__)

# How often another process may take the same point at the same moment.
_MOST_RACES = 20
_NO_POINT = "no point is left"

Proposal = tuple[optuna.Trial, AskedHyperParameters]


class Proposals:
    """Takes trials from a study and asks for their values.

    Args:
        study: The study.
        budget: How many trials the study shall have in all; None for no bound.
        starts: What the first slots take: values by name, else the defaults.
        tunes: Whether an entry is to be asked for; one that is not takes its default.
        admit: Refuses entries that the study cannot hold, before a trial is asked for them.
        held: Keys of the entries whose range a user has given, whatever `build` asks with.
        seed: Of the points that take the place of those that the sampler proposed twice.

    Attributes:
        exhausted: Whether there is nothing new to propose.
    """

    def __init__(
        self,
        study: optuna.Study,
        *,
        budget: int | None,
        starts: Sequence[Start],
        tunes: Callable[[HyperParameter], bool],
        admit: Callable[[Sequence[HyperParameter]], None] = lambda entries: None,
        held: Container[str] = (),
        seed: int = 0,
    ) -> None:
        self._study = study
        self._seed = seed
        self._budget = budget
        self._starts = starts
        self._tunes = tunes
        self._admit = admit
        self._held = held
        self._moving: set[str] = set()
        self._checked = False
        self.exhausted = False
        # A point that was not tried when this process looked.
        self._left: points.Point | None = None
        self._identities: dict[int, points.Identity] = {}

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
            # Before a trial is begun that could only be ended again.
            self.exhausted = self.exhausted or self._is_used_up(space)
            # What was lost is repeated even when there is nothing new to propose.
            trial = slots.claim(self._study, self._budget, starts, only_fixed=self.exhausted)
            if trial is None:
                return None
            proposal = self._settle(trial, space, owner)
            if proposal is not None:
                return proposal

    def _is_used_up(self, space: keras_tuner.HyperParameters) -> bool:
        sampler = self._study.sampler
        if isinstance(sampler, SpaceSampler) and sampler.repeats:
            return False
        taken = self._taken()
        if self._left is None or points.identity(self._left) in taken:
            values = points.on_grid if isinstance(sampler, GridSampler) else points.anywhere
            self._left = points.unseen(space.space, taken, values(random.Random(0)))
        return self._left is None

    def _settle(
        self, trial: optuna.Trial, space: keras_tuner.HyperParameters, owner: str
    ) -> Proposal | None:
        is_wanted = _is_repeated(self._frozen(trial))
        for _ in range(_MOST_RACES):
            if self._is_refused(trial):
                break
            try:
                draft = _Draft(trial)
                hyperparameters = self._ask(trial, space, owner)
                is_new = is_wanted or self._is_free(trial)
                if is_new:
                    draft.write()
                    trial.set_user_attr(SAMPLED, True)
                    # Unless another process has taken the same point at the same moment.
                    if is_wanted or self._is_free(trial):
                        return trial, hyperparameters
            except BaseException:
                slots.replace(self._study, self._frozen(trial), "no values", same_values=False)
                raise
            other = self._another(self._frozen(trial), space)
            if other is None:
                break
            if is_new:
                trial = slots.restart(self._study, self._frozen(trial), other)
            else:
                trial = slots.begin_with(self._study, trial._trial_id, other)
        self._end(self._frozen(trial))
        return None

    def _end(self, trial: FrozenTrial) -> None:
        log.info("the space has no point left that is not tried")
        self.exhausted = True
        if RETRY_OF in trial.user_attrs:
            slots.replace(self._study, trial, _NO_POINT, same_values=False)
        else:
            slots.drop(self._study, trial.number, _NO_POINT)

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
        hyperparameters = self._ask(trial, space, owner)
        trial.set_user_attr(SAMPLED, True)
        return hyperparameters

    def _ask(
        self, trial: optuna.Trial, space: keras_tuner.HyperParameters, owner: str
    ) -> AskedHyperParameters:
        trial.set_user_attr(PROCESS_START, lost.birth(os.getpid()))
        trial.set_user_attr(WORKER, owner)
        hyperparameters = AskedHyperParameters(
            trial, self._tunes, self._moving, self._held, self._admit
        )
        hyperparameters.merge(space.space)
        # The trial itself does not see what the sampler wrote into it.
        hyperparameters.values.update(self._frozen(trial).user_attrs.get(slots.EXTRA, {}))
        return hyperparameters

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self._study._storage.get_trial(trial._trial_id)

    def _is_free(self, trial: optuna.Trial) -> bool:
        sampler = self._study.sampler
        if isinstance(sampler, SpaceSampler) and sampler.repeats:
            return True
        if waiting_values(self._frozen(trial).system_attrs.get(slots.FIXED, {})):
            return True  # What makes it another point is yet to be met.
        return points.identity(trial.params) not in self._taken(trial.number)

    def _taken(self, apart_from: int | None = None) -> set[points.Identity]:
        return points.known(self._study, apart_from, self._identities)

    def _another(
        self, trial: FrozenTrial, space: keras_tuner.HyperParameters
    ) -> points.Point | None:
        sampler = self._study.sampler
        if isinstance(sampler, SpaceSampler):
            return sampler.propose(self._study, trial)
        # A sampler that is sure of itself would propose the same again.
        rng = random.Random(of_proposal(self._seed, trial_index(trial)))
        return points.unseen(space.space, self._taken(trial.number), points.anywhere(rng))


class _Draft:
    """A trial's storage that keeps the trial's values to itself until they are wanted.

    A value that is written can never be taken back: a trial whose point was tried before would have
    to end for it.

    Args:
        trial: The trial; it writes here from now on.
    """

    def __init__(self, trial: Any) -> None:
        self._trial = trial
        self._storage = trial.storage
        self._values: list[tuple[Any, ...]] = []
        trial.storage = self
        # What it knows of itself may be the very object that a storage in memory holds.
        trial._cached_frozen_trial = copy.deepcopy(trial._cached_frozen_trial)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def set_trial_param(self, *value: Any) -> None:
        self._values.append(value)

    def write(self) -> None:
        """Write the values; what the trial is asked for from now on is written at once."""
        for value in self._values:
            self._storage.set_trial_param(*value)
        self._trial.storage = self._storage


def _is_repeated(trial: FrozenTrial) -> bool:
    """Say whether a trial is to be run whatever was tried: a lost one, or one a user enqueued."""
    wanted = RETRY_OF in trial.user_attrs or INDEX not in trial.user_attrs
    return wanted and slots.is_fixed(trial)
