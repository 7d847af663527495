"""Trainings on all training rows, as the study keeps them, and which model a run exports."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from results.study.result import Point, Result, refit_name
from results.study.store import Store

_REFIT = "refit:"
_REFITS = "refits"


def as_refit(result: Result) -> Result:
    """Make a result of a training on all training rows a refit's.

    Args:
        result: What the training left, under the name of the first one.

    Returns:
        The same without scores of the validation rows, which were trained on.
    """
    validated = {name: None for name in asdict(result) if name.startswith("val_")}
    curve = tuple(
        Point(point.epoch, point.loss, point.accuracy, math.nan, math.nan) for point in result.curve
    )
    return replace(result, name=refit_name(result.name), kind="refit", curve=curve, **validated)  # type: ignore[arg-type]


def choose_refits(store: Store, names: Sequence[str]) -> None:
    """Fix in the study which trainings are refit; those of an earlier choice are then no rows.

    Args:
        store: The run.
        names: The first trainings' names; none for no refit.
    """
    if names or _REFITS in store.study.user_attrs:
        store.study.set_user_attr(_REFITS, list(names))


def record_refit(store: Store, result: Result) -> None:
    """Keep what a refit left.

    Args:
        store: The run.
        result: Its result, as `as_refit` makes it.
    """
    store.study.set_user_attr(f"{_REFIT}{result.name}", result.to_json())


def find_refit(store: Store, name: str) -> Result | None:
    """Give the refit of a training, be it one that was not chosen this time.

    Args:
        store: The run.
        name: The first training's name.

    Returns:
        The refit's result; None where there is none.
    """
    kept = store.study.user_attrs.get(f"{_REFIT}{refit_name(name)}")
    return None if kept is None else Result.from_json(kept)


def find_refits(store: Store) -> list[Result]:
    """Give the refits that were chosen and trained.

    Args:
        store: The run.

    Returns:
        Their results.
    """
    chosen = store.study.user_attrs.get(_REFITS, ())
    found = (find_refit(store, name) for name in chosen)
    return [result for result in found if result is not None]


def result_to_export(store: Store, champion: Result) -> Result:
    """Say which model is a run's: the champion's refit, if there is one that tells records apart.

    Args:
        store: The run.
        champion: Its champion.

    Returns:
        The refit, or the champion as it was chosen.
    """
    name = refit_name(champion.name)
    found = next((result for result in find_refits(store) if result.name == name), None)
    return found if found is not None and found.is_sound else champion


def first_training(store: Store, result: Result) -> Result:
    """Give the training that a refit repeats on more rows.

    Args:
        store: The run.
        result: Any result of it.

    Returns:
        The first training; the result itself where it is no refit.
    """
    if result.kind != "refit":
        return result
    return next(first for first in store.results() if refit_name(first.name) == result.name)


def refit_folder(store: Store, name: str) -> Path:
    """Say where a trial's refit goes; a baseline's is kept with the baselines.

    Args:
        store: The run.
        name: The trial's name.

    Returns:
        The folder.
    """
    return store.folder / "refits" / name.replace(" ", "-")
