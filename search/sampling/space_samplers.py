"""Samplers that propose whole points of KerasTuner's space, rather than one value at a time."""

import random
import zlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import Fixed
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from results.study import RETRY_OF, TUNER_VALUES, counted_trials, trial_index
from search.common import derive_seed, proposal_seed
from search.optuna_private import all_trials, is_fixed, set_attribute
from search.sampling.distributions import param_key, to_internal
from search.sampling.hyperparameters import plain_values
from search.sampling.ordered_sampler import OrderedSampler
from search.sampling.search_space import first_untried, grid_order, tried_points
from search.sampling.study_space import StudySpace


class SpaceSampler(BaseSampler):
    """Base of the samplers that have to know the whole space: a `TrialQueue` shows it to them.

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
        """Propose a point for a trial, values by key as the study holds them; None at the end."""

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Propose, unless the trial was given its values."""
        if not is_fixed(trial) and trial.number not in self._proposals:
            self._proposals[trial.number] = self.propose(study, trial)

    def is_at_its_end(self, number: int) -> bool:
        """Return True if nothing could be proposed for the trial with a number."""
        return self._proposals.get(number, {}) is None

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return an empty relative space: every value comes from the proposal, one by one."""
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
        """Return the proposal's value; what it lacks, or has outside, is drawn at random."""
        proposal = self._proposals.get(trial.number) or {}
        if param_name in proposal and _can_be(param_distribution, proposal[param_name]):
            return proposal[param_name]
        # Seeded anew each time: a search that goes on in another process draws the same.
        seed = derive_seed(self._seed, trial_index(trial), zlib.crc32(param_name.encode()))
        drawn = OrderedSampler(RandomSampler(seed=seed), StudySpace(study))
        return drawn.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Forget the proposal."""
        self._proposals.pop(trial.number, None)


def _can_be(target: BaseDistribution, value: Any) -> bool:
    """Return True if a range, which may have moved since, has a value."""
    return not isinstance(target, IntDistribution | FloatDistribution) or (
        target.low <= value <= target.high
    )


class GridSampler(SpaceSampler):
    """Propose each point of a space once, in an order that the seed shuffles, whoever tries them.

    All values of choices and of ranges with a step, and ten of any other range, evenly spread in
    its own sampling. Optuna's samplers of this kind refuse a range without a step, or need the
    whole grid beforehand, without conditions.
    """

    def propose(self, study: optuna.Study, trial: FrozenTrial) -> Mapping[str, Any] | None:
        """Propose a point that was not tried; None once the grid is used up."""
        rng = random.Random(proposal_seed(self._seed, trial_index(trial)))
        others = (other for other in counted_trials(study) if other.number != trial.number)
        return first_untried(self.space.space, tried_points(others), grid_order(rng))


class KerasTunerSampler(SpaceSampler):
    """Propose what a KerasTuner oracle proposes, so that its trials land in the same study.

    The oracle learns from the study: before each proposal every trial that has ended is shown to
    it, those of an earlier process too, for which its proposals are first made again in order. One
    process at a time may use it, since the oracle's state lives there.

    Hyperband's own values (`tuner/epochs` and its like) are kept in the trial's user attribute
    `kt_values`; whoever trains has to follow them.

    Args:
        oracle: A KerasTuner oracle of one objective, used by this sampler alone, that proposes by
            its `trials`: RandomSearch, BayesianOptimization and Hyperband do, GridSearch does not.
    """

    repeats = True

    def __init__(self, oracle: keras_tuner.Oracle) -> None:
        self._oracle = oracle
        super().__init__(oracle.seed)
        self._asked: set[int] = set()
        self._shown: set[int] = set()

    @property
    def space(self) -> keras_tuner.HyperParameters:
        """The space that the oracle proposes in."""
        return self._oracle.hyperparameters

    @space.setter
    def space(self, space: keras_tuner.HyperParameters) -> None:
        self._oracle.hyperparameters = space

    def propose(self, study: optuna.Study, trial: FrozenTrial) -> Mapping[str, Any] | None:
        """Show the oracle what has ended, then let it propose; None at its end."""
        self._oracle.objective.direction = study.direction.name.lower()[:3]
        # A study as Hyperband's pruner shows it hides the trials of other brackets.
        trials = all_trials(study)
        for ended in trials[: trial.number]:
            if ended.state.is_finished() and ended.number not in self._shown:
                self._show(ended, trials)
        proposal = self._ask(trial.number)
        if proposal is None:
            return None
        own = {name: value for name, value in proposal.items() if name.startswith("tuner/")}
        if own:
            set_attribute(study, trial.number, TUNER_VALUES, own)
        return {
            param_key(entry): to_internal(entry, proposal[entry.name])
            for entry in self.space.space
            if entry.name in proposal and not isinstance(entry, Fixed)
            if all(condition.is_active(proposal) for condition in entry.conditions)
        }

    def _ask(self, number: int) -> dict[str, Any] | None:
        self._asked.add(number)
        response = self._oracle.populate_space(trial_name(number))
        if response["status"] != TrialStatus.RUNNING:
            return None
        values: dict[str, Any] = response["values"]
        self._keep(number, values, TrialStatus.RUNNING)
        return values

    def _show(self, ended: FrozenTrial, trials: Sequence[FrozenTrial]) -> None:
        self._shown.add(ended.number)
        proposed = _proposed(ended, trials)
        if ended.state == TrialState.FAIL and not ended.params:
            # It was lost before it had a value. Hyperband counts on every trial it proposed.
            begun = self._oracle.trials.get(trial_name(proposed.number))
            if begun is not None:
                self._keep(proposed.number, begun.hyperparameters.values, TrialStatus.FAILED)
            return
        if proposed.number not in self._asked and not is_fixed(proposed):
            self._ask(proposed.number)
        if any(is_fixed(o) and o.user_attrs.get(RETRY_OF) == ended.number for o in trials):
            return
        values = plain_values(self.space.space, ended)
        status = TrialStatus.FAILED if ended.values is None else TrialStatus.COMPLETED
        trial = self._keep(proposed.number, values, status)
        trial.score = None if ended.values is None else ended.values[0]

    def _keep(self, number: int, values: dict[str, Any], status: str) -> Trial:
        """Do what a KerasTuner oracle does when a trial begins or ends."""
        hyperparameters = self.space.copy()
        hyperparameters.values = values
        trial = Trial(hyperparameters, trial_id=trial_name(number), status=status)
        oracle = self._oracle
        if trial.trial_id not in oracle.trials:
            oracle.start_order.append(trial.trial_id)
        oracle.trials[trial.trial_id] = trial
        oracle._tried_so_far.add(oracle._compute_values_hash(values))
        if status == TrialStatus.RUNNING:
            oracle.ongoing_trials[trial.trial_id] = trial
        else:
            oracle.ongoing_trials.pop(trial.trial_id, None)
            oracle.end_order.append(trial.trial_id)
        return trial


def trial_name(number: int) -> str:
    """Return KerasTuner's id of a trial, e.g. `0007`; Hyperband's values name trials by it."""
    return f"{number:04d}"


def _proposed(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """Return the trial whose proposal this one carries out: it may repeat one that was lost."""
    while is_fixed(trial) and RETRY_OF in trial.user_attrs:
        trial = trials[trial.user_attrs[RETRY_OF]]
    return trial
