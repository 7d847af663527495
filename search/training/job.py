"""What all trials of a worker have in common, and how they are asked to stop."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from keras_tuner.engine.hyperparameters import HyperParameter
from keras_tuner.engine.trial import Trial

from data.dataset import Dataset
from results.study import HEARTBEAT_SECONDS, MetricFunction, Objective, Store
from search.config import Budget
from search.training.callbacks import Factory, TrialInfo
from search.training.fit import Recipe, Stop

Notify = Callable[[str, float, float | None], None]


class Interrupted(BaseException):
    """The search was asked to stop; a trial in whose middle that was is put back."""


@dataclass(frozen=True)
class Job:
    """What all trials of a worker have in common.

    Attributes:
        store: The run.
        dataset: Its data.
        recipe: How trials are trained; a trial's own batch size and epochs go before it.
        objectives: What is optimised; a pruner judges by the first one where reports tell of it.
        seed: The run's seed.
        heartbeat: Seconds between two signs of life of a trial that other machines look for.
        stop: Asked after each batch; a reason ends the training, `INTERRUPTED` puts the trial back.
        notify: Told of each report: trial, epochs trained, value.
        doing: Told what comes next: "space", "trial" and its number, or "else".
        is_over: Asked before each trial; true ends the search there.
        max_parameters: A model that has more is not trained; None for no bound.
        timeout: Seconds that a trial may train, from its first batch; None for no bound.
        callbacks: What makes the user's own Keras callbacks of a trial, by name.
        finalists: How many of the best trials are trained again after the search.
    """

    store: Store
    dataset: Dataset
    recipe: Recipe
    objectives: Sequence[Objective]
    seed: int
    heartbeat: int = HEARTBEAT_SECONDS
    stop: Stop = lambda: None
    notify: Notify = lambda name, epochs, value: None
    doing: Callable[..., None] = lambda what, number=None: None
    is_over: Callable[[], bool] = lambda: False
    max_parameters: int | None = None
    timeout: float | None = None
    callbacks: Mapping[str, Factory] = field(default_factory=dict)
    finalists: int = 0

    @property
    def judged(self) -> Objective | None:
        """What a pruner judges trials by; None if reports tell of no objective."""
        return next((it for it in self.objectives if it.is_reported), None)

    @property
    def figure(self) -> MetricFunction | None:
        """What computes that of a report; None if every report has it anyway."""
        return None if self.judged is None else self.judged.metric

    def info(
        self, trial: Trial, seed: int, worker: str, space: Sequence[HyperParameter]
    ) -> TrialInfo:
        """Describe a trial to callbacks.

        Args:
            trial: KerasTuner's side of the trial.
            seed: Its seed.
            worker: The worker's name.
            space: The space's entries.

        Returns:
            What they are told.
        """
        return TrialInfo(
            study=self.store.study.study_name,
            number=int(trial.trial_id),
            hyperparameters=MappingProxyType(dict(trial.hyperparameters.values)),
            seed=seed,
            worker=worker,
            folder=self.store.folder,
            objectives=tuple(objective.name for objective in self.objectives),
            space=tuple(space),
        )

    def stopper(self) -> Stop:
        """Make what one trial asks after each batch, its timeout included."""
        return within(self.timeout, self.stop)


def within(timeout: float | None, stop: Stop) -> Stop:
    """Make what one training asks after each batch: whether it has to end, or has trained too long.

    Args:
        timeout: Seconds that it may train, from its first batch; None for no bound.
        stop: Asked first; a reason ends the training.

    Returns:
        A function that gives a reason to end the training, or None.
    """
    began: float | None = None

    def ask() -> str | None:
        nonlocal began
        # First asked after the first batch: what came before was building and compiling.
        began = time.monotonic() if began is None else began
        reason = stop()
        if reason is None and timeout is not None and time.monotonic() - began > timeout:
            return f"it trained for longer than --trial-timeout {Budget(seconds=timeout)}"
        return reason

    return ask
