"""A sampler made anew for each trial, so that a proposal depends on the study and nothing else."""

from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from results.study import trial_index
from search.common import proposal_seed


class ReseededSampler(BaseSampler):
    """Ask a fresh sampler for each trial, seeded by the run's seed and the trial's index.

    The generator inside a sampler dies with its process. Here it is born with the trial: a resumed
    search proposes what an uninterrupted one would have, and two workers never draw the same.

    Args:
        make: Makes the sampler from a seed; it keeps what it learns in the study alone.
        seed: The run's seed.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self._make = make
        self._seed = seed
        self._samplers: dict[int, BaseSampler] = {}

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        if trial.number not in self._samplers:
            seed = proposal_seed(self._seed, trial_index(trial))
            self._samplers[trial.number] = self._make(seed)
        return self._samplers[trial.number]

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Make the trial's own sampler."""
        self._of(trial).before_trial(study, trial)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Ask the trial's sampler; what has another range by now is left to be drawn alone.

        TPE keeps the first range that it saw of a parameter for as long as the study lasts.
        """
        space = self._of(trial).infer_relative_search_space(study, trial)
        latest: dict[str, BaseDistribution] = {}
        for other in reversed(study.get_trials(deepcopy=False)):
            if len(latest) == len(space):
                break
            latest = {**{n: d for n, d in other.distributions.items() if n in space}, **latest}
        return {name: target for name, target in space.items() if latest.get(name) == target}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Ask the trial's sampler."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Ask the trial's sampler."""
        return self._of(trial).sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Tell the trial's sampler, and forget it."""
        self._of(trial).after_trial(study, trial, state, values)
        self._samplers.pop(trial.number, None)
