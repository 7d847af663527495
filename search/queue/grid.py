"""A grid over a conditional space: each point once, in an order that the seed shuffles."""

import random
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from results.study import trial_index
from search.common import proposal_seed
from search.queue import search_space as points
from search.queue.space_sampler import SpaceSampler


class GridSampler(SpaceSampler):
    """Propose each point of a space once, whoever tried the others.

    All values of choices and of ranges with a step, and ten of any other range, evenly spread in
    its own sampling. Optuna's samplers of this kind refuse a range without a step, or need the
    whole grid beforehand, without conditions.
    """

    def propose(self, study: optuna.Study, trial: FrozenTrial) -> Mapping[str, Any] | None:
        """Propose a point that is not taken.

        Args:
            study: The study.
            trial: The trial that begins.

        Returns:
            The point; None once the grid is used up.
        """
        rng = random.Random(proposal_seed(self._seed, trial_index(trial)))
        taken = points.known(study, apart_from=trial.number)
        return points.unseen(self.space.space, taken, points.on_grid(rng))
