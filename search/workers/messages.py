"""What the parent tells its workers, and what they tell it: plain values that cross processes."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from results.study import Result

# What a worker finds in shared memory: it is to put its trial back and end, to finish its trial and
# begin no other, or to end its trial as the budget's end does.
STOP = 1
FINISH = 2
CLOSE = 3


@dataclass(frozen=True)
class TrainBaseline:
    """Task: train one baseline.

    Attributes:
        name: Which.
    """

    name: str


@dataclass(frozen=True)
class Search:
    """Task: run trials until the budget is used up.

    Attributes:
        seconds: How long trials may go on; None for no bound.
        looks: Whether to look the space through, which may build its default model, before the
            first trial.
    """

    seconds: float | None
    looks: bool = True


@dataclass(frozen=True)
class Repeat:
    """Task: train a baseline or a trial once more, with another seed or on all training rows.

    Attributes:
        result: What its first training left.
        index: Which of the other seeds, from 1; None for a refit, on all training rows.
        title: What it is called while it is trained.
        folder: Where a trial's files go; a baseline is kept with the baselines.
        deadline: When it is dropped, on the monotonic clock that a machine's processes share.
    """

    result: Result
    index: int | None
    title: str
    folder: Path
    deadline: float = math.inf


@dataclass(frozen=True)
class Ready:
    """News: the worker has started.

    Attributes:
        problem: Why it cannot work, in one line for the user; None where it can.
    """

    problem: str | None = None


@dataclass(frozen=True)
class Refused:
    """News: the file system refuses to be written to, and the worker ends.

    Attributes:
        problem: Which and why, in one line for the user.
    """

    problem: str


@dataclass(frozen=True)
class Progress:
    """News: a training has come further.

    Attributes:
        name: The baseline or trial.
        epochs: Epochs trained.
        value: Its value on the validation rows, where known.
    """

    name: str
    epochs: float
    value: float | None


@dataclass(frozen=True)
class Doing:
    """News: what the worker does from now on.

    Attributes:
        what: Looks the space through, runs a trial, trains a baseline or once more what was
            trained before, or something else.
        trial: The trial's number; None where it runs none.
    """

    what: Literal["space", "trial", "training", "else"]
    trial: int | None = None


@dataclass(frozen=True)
class BaselineDone:
    """News: a baseline's result is there.

    Attributes:
        result: Its result.
        kept: Whether an earlier run had trained it.
    """

    result: Result
    kept: bool


@dataclass(frozen=True)
class RepeatDone:
    """News: a baseline or a trial has been trained once more.

    Attributes:
        result: What that training left, under the same name, or that of a refit.
        index: As in the task.
        title: As in the task.
        kept: Whether an earlier run had trained it.
    """

    result: Result
    index: int | None
    title: str
    kept: bool


@dataclass(frozen=True)
class SearchDone:
    """News: the worker has no more trials to run.

    Attributes:
        problem: Why the search cannot go on; None where it simply ended.
        exhausted: Whether it ended because the space has nothing new.
    """

    problem: str | None = None
    exhausted: bool = False


Task = TrainBaseline | Search | Repeat
News = Ready | Refused | Progress | Doing | BaselineDone | SearchDone | RepeatDone
# After these a worker is free for another task.
Done = BaselineDone | SearchDone | RepeatDone
