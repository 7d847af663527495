"""The hyperparameters of a run, as Optuna sees them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import optuna

from results.report.parts import attempt, figure, figures
from results.report.plots import study as plots
from results.report.plots.study import MOST_AXES, MOST_SLICES
from results.study import Store


def study_figures(store: Store) -> Mapping[str, Any]:
    """Make Optuna's plots.

    Args:
        store: The run.

    Returns:
        Figures by the template's names: `importance`, `parallel`, and the list `slices`.
    """
    made = attempt(lambda: _study(store))
    if made.content is None:

        def refuse() -> Any:
            raise ValueError(made.reason)

        importance = parallel = slices = refuse
    else:
        study, names = made.content
        importance = partial(plots.importance, study)
        parallel = partial(plots.parallel, study, names[:MOST_AXES])
        slices = partial(plots.slices, study, names[:MOST_SLICES])
    return {
        "importance": figure("Importance", importance),
        "parallel": figure("Parallel coordinates", parallel),
        "slices": figures("Slices", slices),
    }


def _study(store: Store) -> tuple[optuna.Study, list[str]]:
    study = plots.readable(store)
    return study, plots.ordered(study)
