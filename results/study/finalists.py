"""The champion chosen among the best few trials by what a second seed gives them as well."""

import logging
from itertools import islice, takewhile

import numpy as np
import numpy.typing as npt

from results.study.layout import CHECKPOINT
from results.study.objectives import rank_key
from results.study.repeats import find_repeats
from results.study.result import Result
from results.study.store import Store
from results.study.trials import best_first, first_objective

# A finalist is trained this often, its trial included.
FINALIST_SEEDS = 2
MIN_FINALISTS = 2
_FINALISTS = "finalists"

log = logging.getLogger(__name__)


def find_finalists(store: Store, count: int) -> list[Result]:
    """Give the best complete trials whose model was kept, and can be exported.

    Args:
        store: The run.
        count: How many at most.

    Returns:
        The trials, best first.
    """
    ranked = best_first(store.study)
    kept = (result for result in ranked if store.find(result, CHECKPOINT) is not None)
    return list(islice(kept, count))


def choose_champion(store: Store, count: int) -> Result | None:
    """Choose the champion on validation data alone, and fix the choice in the study.

    Of the finalists that were trained again, up to the first that was not, the one whose mean over
    its two seeds is the best wins, by the first objective and with ties as in any choice. A seed
    that diverged or failed is right nowhere. With fewer than two such finalists the choice is the
    store's own, by the first training alone.

    Args:
        store: The run.
        count: How many finalists there are to be; 0 for none.

    Returns:
        The champion; None where no trial is complete.
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
    """Name the finalists that the champion was chosen among.

    Args:
        store: The run.

    Returns:
        Their names, the best by the first training first; none where there were no finalists.
    """
    return tuple(store.study.user_attrs.get(_FINALISTS, ()))


def second_seed_probabilities(store: Store, labels: npt.ArrayLike) -> dict[str, npt.ArrayLike]:
    """Give the validation probabilities of the trials that were trained again.

    Args:
        store: The run.
        labels: Of the validation rows, 0 or 1, [n].

    Returns:
        Probabilities by name, each [n]; of a training that diverged or failed, right nowhere.
    """
    found: dict[str, npt.ArrayLike] = {}
    for name, seeds in find_repeats(store).items() if chosen_finalists(store) else ():
        second = seeds.get(1)
        if second is None:
            continue
        scores = store.scores(second) if second.status == "complete" else None
        found[name] = 1.0 - np.asarray(labels) if scores is None else scores["validation"]
    return found
