"""What a sampler is shown of a study's values: their order and scale, which Optuna cannot hold."""

import copy
from collections.abc import Sequence
from typing import Any, cast

import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search.optuna_private import WithTrials
from search.sampling.distributions import from_code, to_code, to_coded, to_distribution
from search.sampling.study_space import StudySpace


class OrderedSampler(BaseSampler):
    """Let a sampler see an ordered choice as its index, and a mirrored scale as a logarithmic one.

    The study holds the values 16, 32 and 64 as three choices. To a sampler they would be as unlike
    as words are; it is shown 0, 1 and 2, of trials as of distributions, and what it proposes is
    turned back.

    Args:
        sampler: The sampler.
        space: Knows the entries of the study's parameters.
    """

    def __init__(self, sampler: BaseSampler, space: StudySpace) -> None:
        self.sampler = sampler
        self._space = space
        self._entries: dict[str, HyperParameter | None] = {}
        # Trials that have ended, by number: they no longer change.
        self._shown: dict[int, FrozenTrial] = {}

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Let the sampler know of the trial."""
        self.sampler.before_trial(self._study(study), self._trial(trial))

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Ask the sampler, and give the distributions that the study holds."""
        space = self.sampler.infer_relative_search_space(self._study(study), self._trial(trial))
        return {name: self._held(name, target) for name, target in space.items()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Ask the sampler, and give the values that the study holds."""
        shown = {name: self._coded(name, target) for name, target in search_space.items()}
        sampled = self.sampler.sample_relative(self._study(study), self._trial(trial), shown)
        return {
            name: self._decode(name, search_space[name], value) if name in search_space else value
            for name, value in sampled.items()
        }

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Ask the sampler, and give the value that the study holds."""
        code = self.sampler.sample_independent(
            self._study(study),
            self._trial(trial),
            param_name,
            self._coded(param_name, param_distribution),
        )
        return self._decode(param_name, param_distribution, code)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Tell the sampler how the trial ended."""
        self.sampler.after_trial(self._study(study), self._trial(trial), state, values)

    # ---- what is shown -------------------------------------------------------------------------

    def _study(self, study: optuna.Study) -> optuna.Study:
        return cast(optuna.Study, WithTrials(study, self._trial))

    def _trial(self, trial: FrozenTrial) -> FrozenTrial:
        if trial.number in self._shown:
            return self._shown[trial.number]
        held = trial.distributions
        coded = {name: self._coded(name, target) for name, target in held.items()}
        shown = trial
        if any(coded[name] is not held[name] for name in held):
            shown = copy.copy(trial)
            shown.distributions = coded
            shown.params = {
                name: self._encode(name, held[name], value) for name, value in trial.params.items()
            }
        if trial.state.is_finished():
            self._shown[trial.number] = shown
        return shown

    def _coded(self, name: str, held: BaseDistribution) -> BaseDistribution:
        entry = self._coded_entry(name, held)
        return held if entry is None else cast(BaseDistribution, to_coded(entry))

    def _held(self, name: str, coded: BaseDistribution) -> BaseDistribution:
        entry = self._entry(name)
        if entry is None or to_coded(entry) != coded:
            return coded
        return cast(BaseDistribution, to_distribution(entry))

    def _encode(self, name: str, held: BaseDistribution, value: Any) -> Any:
        entry = self._coded_entry(name, held)
        return value if entry is None else to_code(entry, value)

    def _decode(self, name: str, held: BaseDistribution, code: Any) -> Any:
        entry = self._coded_entry(name, held)
        return code if entry is None else from_code(entry, code)

    def _coded_entry(self, name: str, held: BaseDistribution) -> HyperParameter | None:
        """Return the entry whose codes replace a distribution's values; None if none do."""
        entry = self._entry(name)
        return entry if entry is not None and to_distribution(entry) == held else None

    def _entry(self, name: str) -> HyperParameter | None:
        """Return the entry with a key if it has codes at all."""
        if name not in self._entries:
            entry = self._space.find(name)
            has_codes = entry is not None and to_coded(entry) != to_distribution(entry)
            self._entries[name] = entry if has_codes else None
        return self._entries[name]
