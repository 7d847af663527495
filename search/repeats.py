"""Trains trials and baselines with further seeds: is a result the seed's luck?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from data.errors import UserError
from results.repeats import record_repeat, repeat_folder, repeats
from results.result import Result
from results.scores import SCORES
from results.store import Store
from search.options import Options
from search.plan import Doing, Progress, Repeat, RepeatDone, Task
from search.view import View
from search.workers import Stage, Workers


def repeat(
    options: Options, store: Store, champion: Result | None, workers: Workers, view: View
) -> str | None:
    """Train the champion and the networks among the baselines until each has had K seeds.

    What an earlier run has repeated is not trained again. Baselines that are no networks are
    left out: they give the same probabilities whatever the seed.

    Args:
        options: The command line.
        store: The run.
        champion: The trial that was chosen; None where none is complete.
        workers: Who trains.
        view: Who tells.

    Returns:
        Why it could not go on; None where it came to its end.
    """
    return train_again(missing(options, store, champion), options.repeats, store, workers, view)


def train_again(
    tasks: Sequence[Repeat], seeds: int, store: Store, workers: Workers, view: View
) -> str | None:
    """Train with further seeds, and record what that leaves.

    Args:
        tasks: What is to be trained, in this order.
        seeds: How many seeds each shall have in the end.
        store: The run.
        workers: Who trains.
        view: Who tells.

    Returns:
        Why it could not go on; None where it came to its end.
    """
    stage = _Repeats(
        store, view, seeds, ends=max((task.deadline for task in tasks), default=math.inf)
    )
    try:
        for index, news in workers.run(tasks, stage):
            match news:
                case Progress(name, epochs, value):
                    view.progress(index, Progress(f"{name} of {seeds}", epochs, value))
                case RepeatDone(result, number, kept) if not result.is_dropped:
                    stage.end(result, number, kept)
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
    seeds: int

    def end(self, result: Result, index: int, kept: bool = False) -> None:
        self.view.trained(f"{result.name}, seed {index + 1} of {self.seeds}", result, kept)
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
        self.end(failed, task.index)


def missing(options: Options, store: Store, champion: Result | None) -> list[Repeat]:
    """List the trainings that `--repeats` still asks for, the longest first.

    Args:
        options: The command line.
        store: The run.
        champion: The trial that was chosen; None where none is complete.

    Returns:
        The tasks.
    """
    networks = [
        result
        for result in store.baselines()
        if result.name in options.baselines
        and result.layers is not None
        and result.status != "pruned"
    ]
    wanted = [*networks, *([champion] if champion else [])]
    longest_first = sorted(wanted, key=lambda result: -result.train_seconds)
    return lacking(store, longest_first, options.repeats)


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
    known = repeats(store)
    return [
        Repeat(result, index, repeat_folder(store, result.name, index), deadline)
        for result in results
        for index in range(1, seeds)
        if not _is_done(store, known.get(result.name, {}).get(index))
    ]


def _is_done(store: Store, result: Result | None) -> bool:
    if result is None:
        return False
    return result.status in ("failed", "pruned") or store.find(result, SCORES) is not None


def _record(store: Store, result: Result, index: int) -> None:
    if result.artefacts:
        place = store.artefacts.name(result.artefacts)
        result = replace(result, artefacts=place)
        if result.kind == "trial":
            store.artefacts.publish(f"{place}/{SCORES}")
    record_repeat(store, result, index)
