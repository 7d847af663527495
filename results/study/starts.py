"""Starting points from an earlier run, which are kept in the study that begins with them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from data.common import UserError
from results.study.objectives import OBJECTIVES
from results.study.result import Result
from results.study.store import Store
from results.study.trials import (
    best_first,
    counted_trials,
    first_objective,
    trial_index,
    trial_result,
)

MOST_STARTS = 5

_STARTS = "starts"


@dataclass(frozen=True)
class Start:
    """A trial of an earlier run, whose values are tried first."""

    run: str
    trial: str
    objective: str  # what that run chose its champion by
    value: float  # what the trial reached of it
    hyperparameters: Mapping[str, Any]


def choose_starts(store: Store, earlier: Store, option: str) -> list[Start]:
    """Take the best points of an earlier run as the first ones of a study that is yet to begin.

    A study that has begun keeps the starting points that it has.

    Args:
        store: The run that begins.
        earlier: The earlier run, of any data.
        option: What the user gave, for messages.

    Raises:
        UserError: If the earlier run has no complete trial, or the study has begun with others.
    """
    name = earlier.folder.name
    if store.is_begun:
        starts = find_starts(store)
        if not starts or starts[0].run != name:
            raise UserError(
                f"{option}, but study '{store.study.study_name}' has begun "
                + (f"from '{starts[0].run}'" if starts else "without it")
                + "; leave it out, or begin another study (--study)"
            )
        return starts
    objective = first_objective(earlier.study)
    best = best_first(earlier.study)[:MOST_STARTS]
    if not best:
        raise UserError(f"{option}, but no trial of that run is complete")
    starts = [
        Start(name, result.name, objective.name, value, result.hyperparameters)
        for result in best
        if (value := objective.value(result)) is not None
    ]
    store.study.set_user_attr(_STARTS, [asdict(start) for start in starts])
    return starts


def find_starts(store: Store) -> list[Start]:
    """Return the starting points that a run has from an earlier one, best first."""
    return [Start(**start) for start in store.study.user_attrs.get(_STARTS, [])]


def describe_starts(store: Store) -> str | None:
    """Describe in one line what an earlier run's starting points were worth; None without them.

    The first trials took them in order. They are ranked among the complete trials as the champion
    is chosen, on validation rows alone.
    """
    starts = find_starts(store)
    if not starts:
        return None
    first = {trial_index(it): it for it in counted_trials(store.study) if it.state.is_finished()}
    tried = [first[index] for index in range(len(starts)) if index in first]
    ranked = best_first(store.study)
    places = {result.name: place for place, result in enumerate(ranked, 1)}
    complete = [it for it in map(trial_result, tried) if it.name in places]
    of = f"Of the {len(starts)} starting points from '{starts[0].run}'"
    if not complete:
        return f"{of}, {len(tried)} were tried and none was trained to its end"
    best = min(complete, key=lambda result: places[result.name])
    start = next(starts[trial_index(it)] for it in tried if it.number == best.number)
    there = f"{start.trial} with {OBJECTIVES[start.objective].title} {start.value:.4g} there"
    here = f"{_figure(store, best)} as {best.name} here"
    return (
        f"{of}, {len(complete)} were trained to their end; the best, {there}, reached {here}: "
        f"place {places[best.name]} of {len(ranked)} complete trials"
    )


def _figure(store: Store, result: Result) -> str:
    objective = first_objective(store.study)
    value = objective.value(result)
    return objective.title + ("" if value is None else f" {value:.4g}")
