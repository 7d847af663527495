"""KerasTuner's own engines as an Optuna sampler, so that their trials land in the same study."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import Fixed
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.trial import FrozenTrial, TrialState

from results.study import RETRY_OF
from search.queue.distributions import param_key, to_internal
from search.queue.hyperparameters import plain_values
from search.queue.queue import EXTRA, is_fixed
from search.queue.space_sampler import SpaceSampler


class KerasTunerSampler(SpaceSampler):
    """Propose what a KerasTuner oracle proposes.

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
        """Show the oracle what has ended, then let it propose.

        Args:
            study: The study.
            trial: The trial that begins.

        Returns:
            The point; None where the oracle is at its end.
        """
        self._oracle.objective.direction = study.direction.name.lower()[:3]
        # A study as Hyperband's pruner shows it hides the trials of other brackets.
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        for ended in trials[: trial.number]:
            if ended.state.is_finished() and ended.number not in self._shown:
                self._show(ended, trials)
        proposal = self._ask(trial.number)
        if proposal is None:
            return None
        extra = {name: value for name, value in proposal.items() if name.startswith("tuner/")}
        if extra:
            study._storage.set_trial_user_attr(trial._trial_id, EXTRA, extra)
        return {
            param_key(entry): to_internal(entry, proposal[entry.name])
            for entry in self.space.space
            if entry.name in proposal and not isinstance(entry, Fixed)
            if all(condition.is_active(proposal) for condition in entry.conditions)
        }

    def _ask(self, number: int) -> dict[str, Any] | None:
        self._asked.add(number)
        response = self._oracle.populate_space(_name(number))
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
            begun = self._oracle.trials.get(_name(proposed.number))
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
        trial = Trial(hyperparameters, trial_id=_name(number), status=status)
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


def _name(number: int) -> str:
    # As `OptunaOracle` names its trials: Hyperband's values name the trial that they go on from.
    return f"{number:04d}"


def _proposed(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """Give the trial whose proposal this one carries out: it may repeat one that was lost."""
    while is_fixed(trial) and RETRY_OF in trial.user_attrs:
        trial = trials[trial.user_attrs[RETRY_OF]]
    return trial
