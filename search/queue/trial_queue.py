"""The trials of a study as a queue that any number of workers share."""

import logging
import os
import random
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from results.study import INDEX, PROCESS_START, RETRY_OF, SAMPLED, TUNER_VALUES, WORKER, trial_index
from search.common import proposal_seed
from search.optuna_private import FIXED, Draft, WithSampler, frozen, is_fixed, send_heartbeats
from search.queue import claims
from search.queue.monitor import QueueMonitor, TooManyFailures
from search.queue.stale_trials import process_identity
from search.sampling import (
    GridSampler,
    Identity,
    OrderedSampler,
    Point,
    ScopedHyperParameters,
    SpaceSampler,
    StartingPoint,
    StudySpace,
    SuggestedHyperParameters,
    check_start,
    first_untried,
    grid_order,
    identity,
    internal_point,
    random_order,
    tried_points,
    waiting_values,
)

log = logging.getLogger(__name__)

# How many points are proposed for a trial, each of which turns out to have been tried.
_MOST_PROPOSALS = 5
# Samplers that know the values by themselves, or were told them by a user.
_BY_VALUE = (
    SpaceSampler,
    optuna.samplers.GridSampler,
    optuna.samplers.PartialFixedSampler,
    optuna.samplers.BruteForceSampler,
)


@dataclass(frozen=True)
class AskedTrial:
    """A running trial of the study, and the values that its model is built with.

    Attributes:
        trial: Optuna's trial: reports values, asks the pruner, holds attributes.
        hyperparameters: What `build` and `fit` are given; entries that they meet for the first
            time are asked of the sampler at once.
        index: The trial's place in the budget, from 0. A trial that repeats a lost one has the
            index of that one, so seed by it rather than by the number.
    """

    trial: optuna.Trial
    hyperparameters: SuggestedHyperParameters
    index: int

    @property
    def number(self) -> int:
        """The trial's number in the study."""
        return self.trial.number


class TrialQueue(QueueMonitor):
    """Hands out the trials of a study, and records how they end.

    Any number of queues, in any number of processes or machines, can serve one study; the budget
    is exact over all of them. A worker's loop::

        queue = TrialQueue(study, owner=worker_name(os.getpid()), budget=20)
        discover_space(hypermodel, learn=queue.learn)
        while (asked := queue.ask()) is not None:
            with queue.heartbeat(asked):
                try:
                    model = hypermodel.build(asked.hyperparameters)
                    accuracy = train(model, asked.trial)  # asked.trial.report(...), .should_prune()
                    queue.tell(asked, [accuracy])
                except optuna.TrialPruned:
                    queue.tell(asked, state=TrialState.PRUNED)
                except Exception as error:
                    queue.tell(asked, state=TrialState.FAIL, reason=str(error))

    `retry(asked, reason)` gives a trial back that was interrupted; `retry_stale()` gives back those
    whose worker has died, and is best called before each `ask`. A process that only watches over
    workers needs no more than a `QueueMonitor`.

    No point of the space is tried twice.

    Args:
        study: The study, with its sampler, pruner and storage.
        space: The entries known by now, parents before children; those that trials meet besides
            are added to it. None for none.
        owner: Who runs the trials, as `worker_name` gives it.
        budget: How many trials the study shall have in all; None for no bound.
        starting_points: The first trials' values by name; what a point does not name takes its
            default.
        seed: Of the points that take the place of those that the sampler proposed twice.
        max_failures: After how many failed trials in a row `tell` raises `TooManyFailures`; None
            for no bound.
        tunes: Whether an entry is to be asked for; one that is not takes its default.
        held: Keys of the entries whose range holds, whatever `build` asks with.
        all_signal: Whether all who run trials of this study give signs of life.

    Attributes:
        space: The space.

    Raises:
        ChangedSpace: If the study's trials had something else under the name of an entry.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: keras_tuner.HyperParameters | None = None,
        *,
        owner: str = "",
        budget: int | None = None,
        starting_points: Sequence[StartingPoint] = (),
        seed: int = 0,
        max_failures: int | None = None,
        tunes: Callable[[HyperParameter], bool] = lambda entry: True,
        held: Container[str] = (),
        all_signal: bool = False,
    ) -> None:
        self._study_space = StudySpace(study)
        seen = with_order(study, self._study_space)
        super().__init__(seen, budget, max_failures, all_signal=all_signal)
        self.space = ScopedHyperParameters() if space is None else space
        self._owner = owner
        self._seed = seed
        self._starting_points = starting_points
        self._tunes = tunes
        self._held = held
        self._moving: set[str] = set()
        self._is_checked = False
        # A point that was not tried when this process looked.
        self._untried: Point | None = None
        self._ended: dict[int, Identity] = {}
        self._study_space.admit(self.space.space)

    # ---- the space -----------------------------------------------------------------------------

    def learn(self, entries: Sequence[HyperParameter]) -> None:
        """Add the entries that are new to the space.

        Args:
            entries: Such as a hypermodel has, parents before children.

        Raises:
            ChangedSpace: If the study's trials had something else under the name of one.
        """
        exists = self.space._exists
        new = [it for it in entries if not exists(it.name, it.conditions) and self._tunes(it)]
        self._study_space.admit(new)
        self.space.merge(new)

    def forgotten(self, trial: FrozenTrial) -> list[HyperParameter]:
        """Return the entries of a trial that the program has not met, or no longer has."""
        return self._study_space.forgotten(self.space, trial)

    # ---- ask -----------------------------------------------------------------------------------

    def ask(self, owner: str | None = None) -> AskedTrial | None:
        """Take a trial: one that waits, else a new one whose point was not tried.

        Args:
            owner: Who runs it; None for the queue's owner.

        Returns:
            The trial, RUNNING; None if the budget or the space is used up.

        Raises:
            StartError: If a starting point has a value that its hyperparameter cannot have.
            ChangedSpace: If the study's trials had something else under the name of an entry.
        """
        if isinstance(self.study.sampler, SpaceSampler):
            self.study.sampler.space = self.space
        if not self._is_checked:
            for start in self._starting_points:
                check_start(self.space, start)
            self._is_checked = True
        while True:
            queue = claims.read_queue(self.study)
            tried = set() if self._repeats else tried_points(queue.counted, self._ended)
            # Before a trial is begun that could only be ended again.
            self.is_exhausted = self.is_exhausted or self._is_used_up(tried)
            # What was lost is repeated even when there is nothing new to propose.
            trial = claims.claim_trial(
                self.study,
                self.budget,
                self._starting_values,
                queue=queue,
                only_fixed=self.is_exhausted,
                signature=_signature(owner or self._owner),
            )
            if trial is None:
                return None
            if trial.number < len(queue.trials) and not self._repeats:
                tried = self._read_tried(trial.number)
            asked = self._sample(trial, owner or self._owner, tried)
            if asked is not None:
                return asked

    @property
    def _repeats(self) -> bool:
        return isinstance(self.study.sampler, SpaceSampler) and self.study.sampler.repeats

    def _is_used_up(self, tried: set[Identity]) -> bool:
        if self._repeats:
            return False
        if self._untried is None or identity(self._untried) in tried:
            order = grid_order if isinstance(self.study.sampler, GridSampler) else random_order
            self._untried = first_untried(self.space.space, tried, order(random.Random(0)))
        return self._untried is None

    def _starting_values(self, index: int) -> Mapping[str, Any] | None:
        if index >= len(self._starting_points):
            return None
        return internal_point(self.space, self._starting_points[index])

    def _sample(self, trial: optuna.Trial, owner: str, tried: set[Identity]) -> AskedTrial | None:
        """Set a trial's values; return None if there are none that were not tried."""
        sampler, running = self.study.sampler, frozen(trial)
        # A lost trial is repeated, and one that a user enqueued is run, whatever was tried.
        is_wanted = is_fixed(running) and (
            RETRY_OF in running.user_attrs or INDEX not in running.user_attrs
        )
        for _ in range(_MOST_PROPOSALS):
            if isinstance(sampler, SpaceSampler) and sampler.is_at_its_end(trial.number):
                break
            try:
                draft = Draft(trial)
                hyperparameters = self._suggest(trial, owner)
                running = frozen(trial)
                if is_wanted or self._is_new(trial, running, tried):
                    draft.write()
                    trial.set_user_attr(SAMPLED, True)
                    # Unless another process has taken the same point at the same moment.
                    if is_wanted or self._is_new(trial, running, self._read_tried(trial.number)):
                        return AskedTrial(trial, hyperparameters, trial_index(running))
                    claims.discard_trial(self.study, trial.number, "proposed before")
                    return None
                other = self._another(running, tried)
            except BaseException:
                claims.retry_trial(self.study, frozen(trial), "no values", same_values=False)
                raise
            if other is None:
                break
            trial = claims.resample_trial(self.study, running, other)
        log.info("the space has no point left that is not tried")
        self.is_exhausted = True
        claims.discard_trial(self.study, trial.number, "no point is left")
        return None

    def _read_tried(self, apart_from: int) -> set[Identity]:
        counted = claims.read_queue(self.study).counted
        return tried_points((t for t in counted if t.number != apart_from), self._ended)

    def _is_new(self, trial: optuna.Trial, running: FrozenTrial, tried: set[Identity]) -> bool:
        if self._repeats or waiting_values(running.system_attrs.get(FIXED, {})):
            return True  # What makes it another point may be yet to be met.
        return identity(trial.params) not in tried

    def _another(self, running: FrozenTrial, tried: set[Identity]) -> Point | None:
        sampler = self.study.sampler
        if isinstance(sampler, SpaceSampler):
            return sampler.propose(self.study, running)
        # A sampler that is sure of itself would propose the same again.
        rng = random.Random(proposal_seed(self._seed, trial_index(running)))
        return first_untried(self.space.space, tried, random_order(rng))

    def resume(self, trial: optuna.Trial, owner: str | None = None) -> AskedTrial:
        """Take up a running trial that nobody runs any more, with the values that it has.

        Args:
            trial: The trial.
            owner: Who runs it; None for the queue's owner.

        Returns:
            The trial; the sampler is asked for the entries that it has no value for.
        """
        hyperparameters = self._suggest(trial, owner or self._owner)
        trial.set_user_attr(SAMPLED, True)
        return AskedTrial(trial, hyperparameters, trial_index(frozen(trial)))

    def _suggest(self, trial: optuna.Trial, owner: str) -> SuggestedHyperParameters:
        for name, value in _signature(owner).items():
            trial.set_user_attr(name, value)
        hyperparameters = SuggestedHyperParameters(
            trial, self._tunes, self._moving, self._held, self._study_space.admit
        )
        hyperparameters.merge(self.space.space)
        # The trial itself does not see what the sampler wrote into it.
        hyperparameters.values.update(frozen(trial).user_attrs.get(TUNER_VALUES, {}))
        return hyperparameters

    # ---- tell ----------------------------------------------------------------------------------

    def heartbeat(self, asked: AskedTrial, seconds: float = 15) -> AbstractContextManager[None]:
        """Send heartbeats of a trial while a block runs.

        Args:
            asked: The trial.
            seconds: The time between two signs, if the storage has none of its own.

        Returns:
            A context manager.
        """
        return send_heartbeats(asked.trial, seconds)

    def tell(
        self,
        asked: AskedTrial,
        values: Sequence[float] | None = None,
        *,
        state: TrialState = TrialState.COMPLETE,
        reason: str = "",
    ) -> None:
        """Record how a trial ended. One that is recorded already, e.g. as lost, is left alone.

        Args:
            asked: The trial.
            values: Of a complete trial: one for each direction of the study. If one is not a
                number, the trial has failed.
            state: COMPLETE; PRUNED, of which the sampler learns that its like is no good; or FAIL,
                of which it learns nothing. A trial whose ranges turned out to depend on another
                entry is given back instead, to be sampled again.
            reason: Why it failed.

        Raises:
            TooManyFailures: If `max_failures` trials in a row have failed.
            ChangedSpace: If the trial met an entry that the study cannot hold.
        """
        self.learn(asked.hyperparameters.space)
        if asked.hyperparameters.moved:
            moved = asked.hyperparameters.moved
            claims.retry_trial(self.study, frozen(asked.trial), moved, same_values=False)
            return
        if state == TrialState.COMPLETE and (values is None or any(v != v for v in values)):
            state, reason = TrialState.FAIL, "its score is not a number"
        if state == TrialState.FAIL:
            claims.fail_trial(self.study, asked.number, reason)
        else:
            self._warn_of_unmet(asked)
            if not claims.finish_trial(self.study, asked.number, values, state):
                self.is_exhausted = True
        problem = None if state == TrialState.COMPLETE else self.problem()
        if problem is not None:
            raise TooManyFailures(problem)

    def retry(self, asked: AskedTrial, reason: str) -> None:
        """Requeue a trial: the next `ask`, of any worker, repeats it with its values.

        Args:
            asked: The trial, which was interrupted.
            reason: Why, in a few words.
        """
        claims.retry_trial(self.study, frozen(asked.trial), reason, same_values=True)

    def _warn_of_unmet(self, asked: AskedTrial) -> None:
        unmet = asked.hyperparameters.unmet
        if unmet:
            log.warning(
                "trial %d: its starting point names %s, which the space does not have there",
                asked.number,
                ", ".join(map(repr, unmet)),
            )


def _signature(owner: str) -> dict[str, Any]:
    """Return the attributes that say which process runs a trial."""
    return {PROCESS_START: process_identity(os.getpid()), WORKER: owner}


def with_order(study: optuna.Study, space: StudySpace) -> optuna.Study:
    """Let the study's sampler, whichever it is by then, see the order of its choices."""
    ordered = OrderedSampler(study.sampler, space)

    def sampler() -> BaseSampler:
        ordered.sampler = study.sampler
        return study.sampler if isinstance(study.sampler, _BY_VALUE) else ordered

    return WithSampler(study, sampler)
