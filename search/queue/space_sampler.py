"""A sampler that proposes whole points of KerasTuner's space, rather than one value at a time."""

import zlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from results.study import trial_index
from search.common import derive_seed
from search.queue import queue as slots


class SpaceSampler(BaseSampler):
    """Base of the samplers that have to know the whole space: `OptunaOracle` shows it to them.

    Args:
        seed: Seed of the values that a proposal lacks, such as those met during `build`.

    Attributes:
        repeats: Whether it may propose a point twice on purpose.
        space: The space to propose in.
    """

    repeats = False

    def __init__(self, seed: int) -> None:
        self.space = keras_tuner.HyperParameters()
        self._seed = seed
        self._proposals: dict[int, Mapping[str, Any] | None] = {}

    @abstractmethod
    def propose(self, study: optuna.Study, trial: FrozenTrial) -> Mapping[str, Any] | None:
        """Propose a point.

        Args:
            study: The study.
            trial: The trial that begins.

        Returns:
            The point, values by key as the study holds them; None where there is none left.
        """

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Propose, unless the trial was given its values.

        Args:
            study: The study.
            trial: The trial that begins.
        """
        if slots.is_fixed(trial) or trial.number in self._proposals:
            return
        self._proposals[trial.number] = self.propose(study, trial)

    def is_at_its_end(self, number: int) -> bool:
        """Say whether there was no point left for a trial.

        Args:
            number: The trial's number.

        Returns:
            Whether nothing could be proposed for it.
        """
        return self._proposals.get(number, {}) is None

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Give no relative space: every value comes from the proposal, one by one."""
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Sample nothing at once."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Give the proposal's value; what it lacks, or has outside, is drawn at random.

        Args:
            study: The study.
            trial: The trial.
            param_name: The parameter's key in the study.
            param_distribution: Its distribution.

        Returns:
            The value as the study holds it.
        """
        proposal = self._proposals.get(trial.number) or {}
        if param_name in proposal and _can_be(param_distribution, proposal[param_name]):
            return proposal[param_name]
        # Seeded anew each time: a search that goes on in another process draws the same.
        seed = derive_seed(self._seed, trial_index(trial), zlib.crc32(param_name.encode()))
        drawn = RandomSampler(seed=seed)
        return drawn.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Forget the proposal.

        Args:
            study: The study.
            trial: The trial that ends.
            state: Its state.
            values: Its values, if any.
        """
        self._proposals.pop(trial.number, None)


def _can_be(target: BaseDistribution, value: Any) -> bool:
    """Say whether a range, which may have moved since, has a value."""
    return not isinstance(target, IntDistribution | FloatDistribution) or (
        target.low <= value <= target.high
    )
