"""Trainings of the champion and the baselines with further seeds, as the study keeps them."""

from pathlib import Path

from results.scoring import Scores
from results.study.result import Result
from results.study.store import Store

_REPEAT = "repeat:"


def record_repeat(store: Store, result: Result, index: int) -> None:
    """Keep what a repeated training left, beside the first one of the same name.

    Args:
        store: The run.
        result: Its result.
        index: Which of the other seeds it had, from 1.
    """
    store.study.set_user_attr(f"{_REPEAT}{index}:{result.name}", result.to_json())


def find_repeats(store: Store) -> dict[str, dict[int, Result]]:
    """Give the repeated trainings.

    Args:
        store: The run.

    Returns:
        Their results by name and by the index of their seed, in its order.
    """
    found: dict[str, dict[int, Result]] = {}
    for key, value in store.study.user_attrs.items():
        if key.startswith(_REPEAT):
            index, _, name = key.removeprefix(_REPEAT).partition(":")
            found.setdefault(name, {})[int(index)] = Result.from_json(value)
    return {name: dict(sorted(results.items())) for name, results in found.items()}


def repeat_probabilities(store: Store) -> dict[str, list[Scores]]:
    """Give the held-out probabilities of the repeated trainings that have them.

    Args:
        store: The run.

    Returns:
        Of each name one float32 [n] a seed, the first training's not among them.
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
    """Say where the probabilities of a repeated trial go.

    Args:
        store: The run.
        name: The trial's name.
        index: Which of the other seeds.

    Returns:
        The folder.
    """
    return store.folder / "repeats" / f"{name.replace(' ', '-')}-{index}"
