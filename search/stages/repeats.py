"""Trains trials and baselines again: with further seeds, and on all training rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from data.common import UserError
from results.leaderboard import LINEAR, MODEL2
from results.scoring import SCORES
from results.study import (
    CHECKPOINT,
    Result,
    Store,
    as_refit,
    find_refit,
    find_repeats,
    record_refit,
    record_repeat,
    refit_folder,
    refit_name,
    repeat_folder,
)
from search.cli import View
from search.config import RunConfig
from search.workers import Doing, Progress, Repeat, RepeatDone, Stage, Task, Workers


def repeat(
    config: RunConfig, store: Store, champion: Result | None, workers: Workers, view: View
) -> str | None:
    """Train the champion and its references on all training rows, then with further seeds.

    What an earlier run has trained so is not trained again.

    Args:
        config: The run.
        store: The run.
        champion: The trial that was chosen; None where none is complete.
        workers: Who trains.
        view: Who tells.

    Returns:
        Why it could not go on; None where it came to its end.
    """
    lacking_refits = unfitted(store, to_refit(config, store, champion))
    tasks = [*lacking_refits, *missing(config, store, champion)]
    return train_again(tasks, store, workers, view)


def train_again(tasks: Sequence[Repeat], store: Store, workers: Workers, view: View) -> str | None:
    """Train what was trained before once more, and record what that leaves.

    Args:
        tasks: What is to be trained, in this order.
        store: The run.
        workers: Who trains.
        view: Who tells.

    Returns:
        Why it could not go on; None where it came to its end.
    """
    ends = max((task.deadline for task in tasks), default=math.inf)
    stage = _Repeats(store, view, ends=ends)
    try:
        for index, news in workers.run(tasks, stage):
            match news:
                case Progress():
                    view.progress(index, news)
                case RepeatDone(result, number, title, kept) if not result.is_dropped:
                    stage.end(result, number, title, kept)
            if isinstance(news, RepeatDone):
                view.idle(index)
            view.refresh()
    except UserError as error:
        # The search before it was whole, and is to be ranked.
        return str(error)
    return None


@dataclass
class _Repeats(Stage):
    """Tells of what was trained again, and records it."""

    store: Store
    view: View

    def end(self, result: Result, index: int | None, title: str, kept: bool = False) -> None:
        self.view.trained(title, result, kept)
        _record(self.store, result, index)

    def hung(self, task: Task, doing: Doing, why: str) -> None:
        assert isinstance(task, Repeat)
        first = task.result
        failed = Result(
            name=first.name,
            kind=first.kind,
            status="failed",
            reason=why,
            number=first.number,
            hyperparameters=first.hyperparameters,
        )
        failed = as_refit(failed) if task.index is None else failed
        self.end(failed, task.index, task.title)


def to_refit(config: RunConfig, store: Store, champion: Result | None) -> list[Result]:
    """Give what `--refit` trains on all training rows.

    Args:
        config: The run.
        store: The run.
        champion: The trial that was chosen; None where none is complete.

    Returns:
        The champion, and those of its references that this run has trained to their end.
    """
    if not config.refit:
        return []
    names = [name for name in (MODEL2, LINEAR) if name in config.baselines]
    references = [
        result
        for result in store.baselines()
        if result.name in names and result.status in ("complete", "diverged")
    ]
    return [*([champion] if champion else []), *references]


def unfitted(store: Store, results: Sequence[Result]) -> list[Repeat]:
    """List the refits that are missing, the longest first.

    Args:
        store: The run.
        results: What is to be trained on all training rows.

    Returns:
        The tasks.
    """
    return [
        Repeat(result, None, refit_name(result.name), refit_folder(store, result.name))
        for result in sorted(results, key=lambda result: -result.train_seconds)
        if not _is_refit(store, find_refit(store, result.name))
    ]


def missing(config: RunConfig, store: Store, champion: Result | None) -> list[Repeat]:
    """List the trainings that `--repeats` still asks for, the longest first.

    Baselines that are no networks are left out: they give the same probabilities whatever the seed.

    Args:
        config: The run.
        store: The run.
        champion: The trial that was chosen; None where none is complete.

    Returns:
        The tasks.
    """
    networks = [
        result
        for result in store.baselines()
        if result.name in config.baselines
        and result.layers is not None
        and result.status != "pruned"
    ]
    wanted = [*networks, *([champion] if champion else [])]
    longest_first = sorted(wanted, key=lambda result: -result.train_seconds)
    return lacking(store, longest_first, config.repeats)


def lacking(
    store: Store, results: Sequence[Result], seeds: int, deadline: float = math.inf
) -> list[Repeat]:
    """List the trainings that are missing until each result has had so many seeds.

    Args:
        store: The run.
        results: What is to be trained again.
        seeds: How many seeds, the first training's included.
        deadline: When a training is dropped, on the monotonic clock.

    Returns:
        The tasks, in the order of the results.
    """
    known = find_repeats(store)
    return [
        Repeat(
            result,
            index,
            f"{result.name}, seed {index + 1} of {seeds}",
            repeat_folder(store, result.name, index),
            deadline,
        )
        for result in results
        for index in range(1, seeds)
        if not _is_done(store, known.get(result.name, {}).get(index))
    ]


def _is_done(store: Store, result: Result | None) -> bool:
    if result is None:
        return False
    return result.status in ("failed", "pruned") or store.find(result, SCORES) is not None


def _is_refit(store: Store, result: Result | None) -> bool:
    if result is None:
        return False
    needed = (SCORES, CHECKPOINT) if result.number is not None else (SCORES,)
    whole = all(store.find(result, name) is not None for name in needed)
    return whole or result.status != "complete"


def _record(store: Store, result: Result, index: int | None) -> None:
    if result.artifacts:
        place = store.artifacts.name(result.artifacts)
        result = replace(result, artifacts=place)
        if result.number is not None:
            for name in (SCORES, CHECKPOINT) if index is None else (SCORES,):
                store.artifacts.publish(f"{place}/{name}")
    if index is None:
        record_refit(store, result)
    else:
        record_repeat(store, result, index)
