"""The trials of a study as a queue that any number of workers share."""

import copy
import logging
import os
import random
from collections.abc import Callable, Container, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from optuna.trial import FrozenTrial, TrialState

from results.study import INDEX, PROCESS_START, REASON, RETRY_OF, SAMPLED, WORKER, trial_index
from search.common import proposal_seed
from search.queue import failures, queue as slots, search_space as points, stale_trials as lost
from search.queue.discover import discover_space
from search.queue.grid import GridSampler
from search.queue.heartbeat import send_heartbeats
from search.queue.hyperparameters import ScopedHyperParameters, SuggestedHyperParameters
from search.queue.space_sampler import SpaceSampler
from search.queue.starting_points import InternalPoints, StartingPoint, check_start, waiting_values
from search.queue.study_space import StudySpace

log = logging.getLogger(__name__)

# How often another process may take the same point at the same moment.
_MOST_RACES = 20
_NO_POINT = "no point is left"


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


class TrialQueue:
    """Hands out the trials of a study, and records how they end.

    Any number of queues, in any number of processes or machines, can serve one study; the budget
    is exact over all of them. A worker's loop::

        queue = TrialQueue(study, owner=worker_name(os.getpid()), budget=20)
        queue.discover(hypermodel)
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
    whose worker has died, and is best called before each `ask`. A process that runs no trials
    itself, but watches over workers, needs neither a space nor an owner.

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
        all_signal: Whether all who run trials of this study give signs of life, as the workers of
            `search.run` do.

    Attributes:
        study: The study.
        space: The space.
        budget: The budget.
        is_exhausted: Whether the sampler, or the space, has nothing new to propose. Lost trials
            are repeated all the same.

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
        self.study = study
        self.space = ScopedHyperParameters() if space is None else space
        self.budget = budget
        self.is_exhausted = False
        self._owner = owner
        self._seed = seed
        self._starting_points = starting_points
        self._max_failures = max_failures
        self._tunes = tunes
        self._held = held
        self._all_signal = all_signal
        self._moving: set[str] = set()
        self._checked = False
        # A point that was not tried when this process looked.
        self._left: points.Point | None = None
        self._identities: dict[int, points.Identity] = {}
        self._study_space = StudySpace(study)
        self._study_space.admit(self.space.space)

    # ---- ask -----------------------------------------------------------------------------------

    def ask(self, owner: str | None = None) -> AskedTrial | None:
        """Take a trial: one that waits, else a new one whose point no other trial has.

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
        if not self._checked:
            for start in self._starting_points:
                check_start(self.space, start)
            self._checked = True
        starts = InternalPoints(self.space, self._starting_points)
        while True:
            # Before a trial is begun that could only be ended again.
            self.is_exhausted = self.is_exhausted or self._is_used_up()
            # What was lost is repeated even when there is nothing new to propose.
            trial = slots.claim(self.study, self.budget, starts, only_fixed=self.is_exhausted)
            if trial is None:
                return None
            asked = self._sample(trial, owner or self._owner)
            if asked is not None:
                return asked

    def _is_used_up(self) -> bool:
        sampler = self.study.sampler
        if isinstance(sampler, SpaceSampler) and sampler.repeats:
            return False
        taken = self._taken()
        if self._left is None or points.identity(self._left) in taken:
            values = points.on_grid if isinstance(sampler, GridSampler) else points.anywhere
            self._left = points.unseen(self.space.space, taken, values(random.Random(0)))
        return self._left is None

    def _sample(self, trial: optuna.Trial, owner: str) -> AskedTrial | None:
        is_wanted = _is_repeated(self._frozen(trial))
        for _ in range(_MOST_RACES):
            if self._is_refused(trial):
                break
            try:
                draft = _Draft(trial)
                hyperparameters = self._suggest(trial, owner)
                is_new = is_wanted or self._is_free(trial)
                if is_new:
                    draft.write()
                    trial.set_user_attr(SAMPLED, True)
                    # Unless another process has taken the same point at the same moment.
                    if is_wanted or self._is_free(trial):
                        return AskedTrial(trial, hyperparameters, trial_index(self._frozen(trial)))
            except BaseException:
                slots.replace(self.study, self._frozen(trial), "no values", same_values=False)
                raise
            other = self._another(self._frozen(trial))
            if other is None:
                break
            if is_new:
                trial = slots.restart(self.study, self._frozen(trial), other)
            else:
                trial = slots.begin_with(self.study, trial._trial_id, other)
        self._end(self._frozen(trial))
        return None

    def _end(self, trial: FrozenTrial) -> None:
        log.info("the space has no point left that is not tried")
        self.is_exhausted = True
        if RETRY_OF in trial.user_attrs:
            slots.replace(self.study, trial, _NO_POINT, same_values=False)
        else:
            slots.drop(self.study, trial.number, _NO_POINT)

    def _is_refused(self, trial: optuna.Trial) -> bool:
        sampler = self.study.sampler
        return isinstance(sampler, SpaceSampler) and sampler.is_at_its_end(trial.number)

    def resume(self, trial: optuna.Trial, owner: str | None = None) -> AskedTrial:
        """Take up a running trial that nobody runs any more, with the values that it has.

        Args:
            trial: The trial.
            owner: Who runs it; None for the queue's owner.

        Returns:
            It; entries that it has no value for are asked of the sampler.
        """
        hyperparameters = self._suggest(trial, owner or self._owner)
        trial.set_user_attr(SAMPLED, True)
        return AskedTrial(trial, hyperparameters, trial_index(self._frozen(trial)))

    def _suggest(self, trial: optuna.Trial, owner: str) -> SuggestedHyperParameters:
        trial.set_user_attr(PROCESS_START, lost.birth(os.getpid()))
        trial.set_user_attr(WORKER, owner)
        hyperparameters = SuggestedHyperParameters(
            trial, self._tunes, self._moving, self._held, self._study_space.admit
        )
        hyperparameters.merge(self.space.space)
        # The trial itself does not see what the sampler wrote into it.
        hyperparameters.values.update(self._frozen(trial).user_attrs.get(slots.EXTRA, {}))
        return hyperparameters

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self.study._storage.get_trial(trial._trial_id)

    def _is_free(self, trial: optuna.Trial) -> bool:
        sampler = self.study.sampler
        if isinstance(sampler, SpaceSampler) and sampler.repeats:
            return True
        if waiting_values(self._frozen(trial).system_attrs.get(slots.FIXED, {})):
            return True  # What makes it another point is yet to be met.
        return points.identity(trial.params) not in self._taken(trial.number)

    def _taken(self, apart_from: int | None = None) -> set[points.Identity]:
        return points.known(self.study, apart_from, self._identities)

    def _another(self, trial: FrozenTrial) -> points.Point | None:
        sampler = self.study.sampler
        if isinstance(sampler, SpaceSampler):
            return sampler.propose(self.study, trial)
        # A sampler that is sure of itself would propose the same again.
        rng = random.Random(proposal_seed(self._seed, trial_index(trial)))
        return points.unseen(self.space.space, self._taken(trial.number), points.anywhere(rng))

    # ---- tell ----------------------------------------------------------------------------------

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
                of which it learns nothing. A failed trial whose ranges turned out to depend on
                another entry is given back instead, to be drawn anew.
            reason: Why it failed.

        Raises:
            TooManyFailures: If `max_failures` trials in a row have failed.
            ChangedSpace: If the trial met an entry that the study cannot hold.
        """
        hyperparameters = asked.hyperparameters
        self.learn(hyperparameters.space)
        if state == TrialState.COMPLETE and (values is None or any(v != v for v in values)):
            state, values, reason = TrialState.FAIL, None, "its score is not a number"
        if hyperparameters.moved:
            self._retry(asked, hyperparameters.moved, same_values=False)
            return
        if state == TrialState.FAIL:
            slots.fail(self.study, asked.number, reason)
        else:
            self._warn_of_unmet(asked)
            if not slots.tell(self.study, asked.number, values, state):
                self.is_exhausted = True
        if state != TrialState.COMPLETE and self._max_failures is not None:
            problem = failures.failure_problem(self.study, self._max_failures)
            if problem is not None:
                raise failures.TooManyFailures(problem)

    def refuse(self, asked: AskedTrial, reason: str) -> None:
        """Record that a trial's model was refused for its size, before any training.

        It is pruned, so that the sampler avoids its like, and counts as a tenth of a failure.

        Args:
            asked: The trial.
            reason: Why it was refused.

        Raises:
            TooManyFailures: If `max_failures` trials in a row have failed.
        """
        asked.trial.set_user_attr(REASON, reason)
        asked.trial.set_user_attr(failures.REFUSED, True)
        self.tell(asked, state=TrialState.PRUNED)

    def discover(self, hypermodel: Any, max_parameters: int | None = None) -> None:
        """Add the entries of a hypermodel to the space before its first trial is asked for.

        What was found by then stays if a build fails: trials ask for the others when they meet
        them.

        Args:
            hypermodel: A `keras_tuner.HyperModel` or a function of `hp`. If it has no method
                `declare(hp)`, models are built until every conditional scope was active once.
            max_parameters: A model that has more is not built; None for no bound.

        Raises:
            ChangedSpace: If the study's trials had something else under the name of an entry.
            ModelTooLarge: If a model has more parameters than `max_parameters`.
        """
        discover_space(hypermodel, max_parameters, self.learn)

    def learn(self, entries: Sequence[HyperParameter]) -> None:
        """Add the entries that are new to the space.

        Args:
            entries: Such as a hypermodel has, parents before children.

        Raises:
            ChangedSpace: If the study's trials had something else under the name of one.
        """
        new = [entry for entry in entries if not self.space._exists(entry.name, entry.conditions)]
        self._study_space.admit(new)
        self.space.merge(new)

    def _warn_of_unmet(self, asked: AskedTrial) -> None:
        unmet = asked.hyperparameters.unmet
        if unmet:
            log.warning(
                "trial %d: its starting point names %s, which the space does not have there",
                asked.number,
                ", ".join(map(repr, unmet)),
            )

    def retry(self, asked: AskedTrial, reason: str) -> None:
        """Give a trial back, to be repeated with its values by whoever asks next.

        Args:
            asked: The trial, which was interrupted.
            reason: Why, in a few words.
        """
        self._retry(asked, reason, same_values=True)

    def _retry(self, asked: AskedTrial, reason: str, *, same_values: bool) -> None:
        slots.replace(self.study, self._frozen(asked.trial), reason, same_values=same_values)

    # ---- lost trials ---------------------------------------------------------------------------

    def heartbeat(self, asked: AskedTrial, seconds: float = 15) -> AbstractContextManager[None]:
        """Give signs of life of a trial while a block runs.

        Args:
            asked: The trial.
            seconds: The time between two signs, if the storage has none of its own.

        Returns:
            A context manager.
        """
        return send_heartbeats(self.study._storage, asked.trial._trial_id, seconds)

    def retry_stale(self, dead: int | None = None, exitcode: int | None = None) -> int:
        """End the running trials of dead workers, and give them back to be repeated.

        A trial that three workers were seen to die of fails for good.

        Args:
            dead: Process id of a worker seen to die; None asks the system for each owner.
            exitcode: What it died with, as `multiprocessing` gives it.

        Returns:
            How many trials were ended.
        """
        return lost.retry_stale(self.study, dead, exitcode, all_sign=self._all_signal)

    def fail(self, number: int, reason: str) -> None:
        """End a running trial as failed, whoever runs it; a finished one is left alone.

        Args:
            number: The trial's number.
            reason: Why, in a few words.
        """
        slots.fail(self.study, number, reason)

    def problem(self) -> str | None:
        """Say in a line why the search is to be given up; None if it can go on."""
        if self._max_failures is None:
            return None
        return failures.failure_problem(self.study, self._max_failures)

    # ---- what is left --------------------------------------------------------------------------

    @property
    def remaining(self) -> int | None:
        """How many trials of the budget nobody has begun; None if it has no bound."""
        return None if self.budget is None else slots.look(self.study).remaining(self.budget)

    def has_work(self) -> bool:
        """Say whether there is a trial to be taken now: one that waits, or a new one."""
        queue = slots.look(self.study)
        waiting = queue.of(self.budget, TrialState.WAITING)
        # Of an exhausted space only what has its values can be run.
        if any(slots.is_fixed(trial) or not self.is_exhausted for trial in waiting):
            return True
        return queue.room(self.budget) and not self.is_exhausted

    def running(self) -> list[FrozenTrial]:
        """Give the budget's trials that run by now, whoever runs them."""
        return slots.look(self.study).of(self.budget, TrialState.RUNNING)

    def describe_wait(self, running: Sequence[FrozenTrial], heartbeat: int) -> str:
        """Say what a search waits for that has nothing else to do.

        Args:
            running: Running trials of other machines' workers.
            heartbeat: Seconds between two signs of life, if the database keeps them.

        Returns:
            A line.
        """
        return lost.describe_wait(self.study, running, heartbeat)


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
