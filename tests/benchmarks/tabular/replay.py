"""A search on a simulated clock: real samplers and pruners, trainings predicted by a surrogate."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras_tuner
import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.trial import TrialState

from search.common.seeds import derive_seed
from search.queue import TrialQueue
from search.sampling.samplers import DEFAULT_PRUNER, PRUNERS, make_sampler
from search.sampling.starting_points import DEFAULTS, StartingPoint
from tests.benchmarks.tabular.surrogate import Prediction, Surrogate

# Measured by `python -m tests.benchmarks.overhead`: ask, build, tell and record.
OVERHEAD = 0.15


@dataclass(frozen=True)
class Setting:
    """How a simulated search searches.

    Attributes:
        sampler: What `--sampler` names.
        pruner: Makes the pruner for so many reports, as `PRUNERS` has it.
        every: The pruner sees one report in so many.
        starts: Points of the first trials, values by name; an empty one is the space's default.
        recorded: Whether the space is that of the table; else it is that of today.
        workers: How many trials run at once, each on a core of its own.
        ordered: Whether the sampler sees the index of an ordered choice; else it sees the values
            as the study holds them, which are as unlike to it as words.
    """

    sampler: str = "tpe"
    pruner: Callable[[int], BasePruner] = PRUNERS[DEFAULT_PRUNER]
    every: int = 1
    starts: Sequence[StartingPoint] = (DEFAULTS,)
    recorded: bool = False
    workers: int = 2
    ordered: bool = True


@dataclass(frozen=True)
class Incumbent:
    """The best complete trial from some moment on.

    Attributes:
        seconds: Since the search began.
        trials: How many trials had ended by then.
        error: What to expect of its point on the held-out rows, over all trainings, without the
            luck of the one that was drawn, for which no search can be praised.
    """

    seconds: float
    trials: int
    error: float


@dataclass(order=True)
class _Running:
    """A trial that waits for its next report."""

    due: float
    number: int
    trial: optuna.Trial = field(compare=False)
    values: Mapping[str, Any] = field(compare=False)
    predicted: Prediction = field(compare=False)
    report: int = field(compare=False)
    last: int = field(compare=False)


class Replay:
    """One simulated search.

    Args:
        surrogate: What trainings come to.
        space: The space to search, every hyperparameter declared.
        setting: How.
        seed: Of the sampler and of the trainings.
    """

    def __init__(
        self, surrogate: Surrogate, space: keras_tuner.HyperParameters, setting: Setting, seed: int
    ) -> None:
        self._surrogate, self._setting = surrogate, setting
        self._seed = seed
        study = optuna.create_study(
            direction="maximize",
            study_name=f"replay-{seed}",
            sampler=make_sampler(setting.sampler, seed, setting.workers, surrogate.epochs),
            pruner=setting.pruner(surrogate.reports // setting.every),
        )
        self._queue = TrialQueue(study, space, owner="replay-1", starting_points=setting.starts)
        if not setting.ordered:
            self._queue.study = study
        # With the sampler as the queue asks it: some learn when a trial is told.
        self._study = self._queue.study
        self._reports_an_epoch = surrogate.reports // surrogate.epochs
        self._ended = 0
        self._best: tuple[float, float] = (-1.0, 0.0)
        self.incumbents: list[Incumbent] = []

    def run(self, seconds: float) -> list[Incumbent]:
        """Search.

        Args:
            seconds: The simulated budget.

        Returns:
            The incumbents in order.
        """
        running = [
            trial for _ in range(self._setting.workers) if (trial := self._begin(0.0)) is not None
        ]
        heapq.heapify(running)
        while running and running[0].due <= seconds:
            one = heapq.heappop(running)
            goes_on = self._report(one)
            then = one if goes_on else self._begin(one.due)
            if then is not None:
                heapq.heappush(running, then)
        return self.incumbents

    def _begin(self, now: float) -> _Running | None:
        asked = self._queue.ask()
        if asked is None:
            return None
        trial, values = asked.trial, dict(asked.hyperparameters.values)
        # A trial's training has luck of its own, the same whoever proposes its point.
        rng = np.random.default_rng(derive_seed(self._seed, trial.number))
        predicted = self._surrogate.drawn(values, rng)
        begun = self._reports_an_epoch * int(values.get("tuner/initial_epoch", 0))
        last = self._reports_an_epoch * int(values.get("tuner/epochs", self._surrogate.epochs))
        one = _Running(now + OVERHEAD, trial.number, trial, values, predicted, begun, last)
        self._go_on(one)
        return one

    def _go_on(self, one: _Running) -> None:
        step = min(self._setting.every, one.last - one.report)
        one.report += step
        one.due += one.predicted.seconds * step / self._reports_an_epoch

    def _report(self, one: _Running) -> bool:
        """Report, and tell where it is over; whether the trial goes on."""
        accuracy = float(one.predicted.val_accuracy[one.report - 1])
        if one.report < one.last:
            one.trial.report(accuracy, one.report // self._setting.every)
            if not one.trial.should_prune():
                self._go_on(one)
                return True
            self._study.tell(one.trial, state=TrialState.PRUNED)
        else:
            self._study.tell(one.trial, accuracy)
            if one.last == self._surrogate.reports:
                self._look(one, accuracy)
        self._ended += 1
        return False

    def _look(self, one: _Running, accuracy: float) -> None:
        rank = (accuracy, -float(one.predicted.val_loss[-1]))
        if rank > self._best:
            self._best = rank
            error = 1 - self._surrogate.expected(one.values).heldout_accuracy
            self.incumbents.append(Incumbent(one.due, self._ended + 1, error))
