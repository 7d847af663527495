"""KerasTuner's own engines as an Optuna sampler, so that their trials land in the same study."""

from collections.abc import Sequence
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from search.distributions import key, to_internal, to_value

EXTRA = "kt_values"


class KerasTunerSampler(BaseSampler):
    """Propose what a KerasTuner oracle proposes.

    The oracle learns from the study: before each proposal every trial that has ended is shown to
    it, those of an earlier process too, for which its proposals are first made again in order. One
    process at a time may use it, since the oracle's state lives there.

    Hyperband's own values (`tuner/epochs` and its like) are kept in the trial's user attribute
    `kt_values`; whoever trains has to follow them.

    Args:
        oracle: Any KerasTuner oracle of one objective; it is used by this sampler alone.
    """

    def __init__(self, oracle: keras_tuner.Oracle) -> None:
        self._oracle = oracle
        self._asked: set[int] = set()
        self._proposals: dict[int, dict[str, Any]] = {}
        self._fallback = RandomSampler(seed=oracle.seed)
        self.exhausted = False

    @property
    def space(self) -> keras_tuner.HyperParameters:
        """The space that the oracle proposes in."""
        return self._oracle.hyperparameters

    @space.setter
    def space(self, space: keras_tuner.HyperParameters) -> None:
        self._oracle.hyperparameters = space

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Show the oracle what has ended, then let it propose.

        Args:
            study: The study.
            trial: The trial that begins.
        """
        self._oracle.objective.direction = study.direction.name.lower()[:3]
        for ended in study.get_trials(deepcopy=False)[: trial.number]:
            if ended.state.is_finished() and str(ended.number) not in self._oracle.trials:
                self._show(ended)
        proposal = self._ask(trial.number)
        if proposal is None:
            self.exhausted = True
            return
        extra = {name: value for name, value in proposal.items() if name.startswith("tuner/")}
        if extra:
            study._storage.set_trial_user_attr(trial._trial_id, EXTRA, extra)
        self._proposals = {trial.number: proposal}

    def _ask(self, number: int) -> dict[str, Any] | None:
        self._asked.add(number)
        response = self._oracle.populate_space(str(number))
        if response["status"] != TrialStatus.RUNNING:
            return None
        values: dict[str, Any] = response["values"]
        return values

    def _show(self, ended: FrozenTrial) -> None:
        if ended.state == TrialState.FAIL and not ended.params:
            return
        if ended.number not in self._asked:
            self._ask(ended.number)
        hyperparameters = self.space.copy()
        hyperparameters.values = self._values(ended)
        trial = Trial(hyperparameters, trial_id=str(ended.number))
        scored = ended.values is not None
        trial.score = ended.values[0] if scored else None
        trial.status = TrialStatus.COMPLETED if scored else TrialStatus.FAILED
        self._oracle.trials[trial.trial_id] = trial
        self._oracle.start_order.append(trial.trial_id)
        self._oracle.end_order.append(trial.trial_id)
        self._oracle._tried_so_far.add(self._oracle._compute_values_hash(hyperparameters.values))

    def _values(self, trial: FrozenTrial) -> dict[str, Any]:
        values = dict(trial.user_attrs.get(EXTRA, {}))
        for entry in self.space.space:
            name = key(entry)
            if name in trial.params:
                values[entry.name] = to_value(entry, trial.params[name])
            elif isinstance(entry, keras_tuner.engine.hyperparameters.Fixed):
                values.setdefault(entry.name, entry.value)
        return values

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
        """Give the proposal's value; one that the oracle did not know of is drawn at random.

        Args:
            study: The study.
            trial: The trial.
            param_name: The parameter's key in the study.
            param_distribution: Its distribution.

        Returns:
            The value as the study holds it.
        """
        proposal = self._proposals.get(trial.number, {})
        for entry in self.space.space:
            if key(entry) == param_name and entry.name in proposal:
                return to_internal(entry, proposal[entry.name])
        return self._fallback.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Do nothing: the next proposal reads the study."""
