"""Further trainings of one model: finalists and repeats with other seeds, refits on more rows.

The study keeps their results and which of them were chosen; `search.stages` trains them.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from results.scoring import Scores
from results.study.objectives import rank_key
from results.study.result import CHECKPOINT, Point, Result, is_sound, refit_name
from results.study.store import Store
from results.study.trials import best_first, first_objective

# A finalist is trained this often, its trial included.
FINALIST_SEEDS = 2
MIN_FINALISTS = 2

# Attributes of the study.
_FINALISTS = "finalists"
_REPEAT = "repeat:"
_REFIT = "refit:"
_REFITS = "refits"

log = logging.getLogger(__name__)


def record_repeat(store: Store, result: Result, index: int) -> None:
    """Keep the result of a training with another seed, the `index`-th from 1, beside the first."""
    store.study.set_user_attr(f"{_REPEAT}{index}:{result.name}", result.to_json())


def find_repeats(store: Store) -> dict[str, dict[int, Result]]:
    """Return the trainings with other seeds, by name and by the index of their seed."""
    found: dict[str, dict[int, Result]] = {}
    for key, value in store.study.user_attrs.items():
        if key.startswith(_REPEAT):
            index, _, name = key.removeprefix(_REPEAT).partition(":")
            found.setdefault(name, {})[int(index)] = Result.from_json(value)
    return {name: dict(sorted(results.items())) for name, results in found.items()}


def repeat_probabilities(store: Store) -> dict[str, list[Scores]]:
    """Return the held-out probabilities of the trainings with other seeds that have them, by name.

    They are one array a seed, float32 [n]; the first training's is not among them.
    """
    kept = {
        name: [store.scores(result) for result in results.values()]
        for name, results in find_repeats(store).items()
    }
    return {
        name: [scores["heldout"] for scores in found if scores is not None]
        for name, found in kept.items()
    }


def repeat_folder(store: Store, name: str, index: int) -> Path:
    """Return where the probabilities of a trial's training with another seed go."""
    return store.folder / "repeats" / f"{name.replace(' ', '-')}-{index}"


def find_finalists(store: Store, count: int) -> list[Result]:
    """Return up to `count` of the best complete trials whose model was kept and can be exported."""
    ranked = best_first(store.study)
    kept = (result for result in ranked if store.find(result, CHECKPOINT) is not None)
    return list(islice(kept, count))


def choose_champion(store: Store, count: int) -> Result | None:
    """Choose the champion on validation data alone, and fix the choice in the study.

    Of the finalists that were trained again, up to the first that was not, the one whose mean over
    its two seeds is the best wins, by the first objective and with ties as in any choice. A seed
    that diverged or failed is right nowhere. With fewer than two such finalists the choice is the
    store's own, by the first training alone. None if no trial is complete.
    """
    known = find_repeats(store) if count else {}
    second = {name: seeds[1] for name, seeds in known.items() if 1 in seeds}
    best = find_finalists(store, count) if count else []
    judged = list(takewhile(lambda result: result.name in second, best))
    if count and len(judged) < MIN_FINALISTS:
        log.warning("the first training alone decides: fewer than two finalists were trained again")
        judged = []
    elif len(judged) < count:
        log.warning("the champion is chosen among %d finalists, not %d", len(judged), count)
    if judged or _FINALISTS in store.study.user_attrs:
        store.study.set_user_attr(_FINALISTS, [result.name for result in judged])
    objective = first_objective(store.study)
    return store.choose_champion(
        min(judged, key=lambda one: rank_key(objective, one, second[one.name]), default=None)
    )


def chosen_finalists(store: Store) -> tuple[str, ...]:
    """Name the finalists that the champion was chosen among, best first; () if there were none."""
    return tuple(store.study.user_attrs.get(_FINALISTS, ()))


def second_seed_probabilities(store: Store, labels: npt.ArrayLike) -> dict[str, npt.ArrayLike]:
    """Return the validation probabilities of the finalists' second trainings by name, each [n].

    Those of a training that diverged or failed are right nowhere, given the rows' labels, [n].
    """
    found: dict[str, npt.ArrayLike] = {}
    for name, seeds in find_repeats(store).items() if chosen_finalists(store) else ():
        second = seeds.get(1)
        if second is None:
            continue
        scores = store.scores(second) if second.status == "complete" else None
        found[name] = 1.0 - np.asarray(labels) if scores is None else scores["validation"]
    return found


def as_refit(result: Result) -> Result:
    """Turn the result of a training on all training rows, of the first one's name, into a refit's.

    It has no scores of the validation rows, which were trained on.
    """
    validated = {name: None for name in asdict(result) if name.startswith("val_")}
    curve = tuple(
        Point(point.epoch, point.loss, point.accuracy, math.nan, math.nan) for point in result.curve
    )
    return replace(result, name=refit_name(result.name), kind="refit", curve=curve, **validated)  # type: ignore[arg-type]


def choose_refits(store: Store, names: Sequence[str]) -> None:
    """Fix in the study which trainings are refit; those of an earlier choice are then no rows."""
    if names or _REFITS in store.study.user_attrs:
        store.study.set_user_attr(_REFITS, list(names))


def record_refit(store: Store, result: Result) -> None:
    """Keep the result of a refit, as `as_refit` makes it."""
    store.study.set_user_attr(f"{_REFIT}{result.name}", result.to_json())


def find_refit(store: Store, name: str) -> Result | None:
    """Return the refit of the training of that name, even if it was not chosen this time."""
    kept = store.study.user_attrs.get(f"{_REFIT}{refit_name(name)}")
    return None if kept is None else Result.from_json(kept)


def find_refits(store: Store) -> list[Result]:
    """Return the refits that were chosen and trained."""
    chosen = store.study.user_attrs.get(_REFITS, ())
    found = (find_refit(store, name) for name in chosen)
    return [result for result in found if result is not None]


def refit_folder(store: Store, name: str) -> Path:
    """Return where a trial's refit goes; a baseline's is kept with the baselines."""
    return store.folder / "refits" / name.replace(" ", "-")


def result_to_export(store: Store, champion: Result) -> Result:
    """Return which model a run exports: the champion's refit if it is sound, or the champion."""
    name = refit_name(champion.name)
    found = next((result for result in find_refits(store) if result.name == name), None)
    return found if found is not None and is_sound(found.status, found.reason) else champion


def first_training(store: Store, result: Result) -> Result:
    """Return the training that a refit repeats on more rows; any other result itself."""
    if result.kind != "refit":
        return result
    return next(first for first in store.results() if refit_name(first.name) == result.name)
