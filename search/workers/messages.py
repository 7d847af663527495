"""What the parent tells its workers, and what they tell it: plain values that cross processes."""

from dataclasses import dataclass

from results.study import Result
from search.training import Phase

# What a worker finds in shared memory: it is to give its trial back, or to end its trial as the
# budget's end does.
STOP = 1
CLOSE = 2


@dataclass(frozen=True)
class Ready:
    """News: the worker has started, or cannot work for a `problem`, in one line for the user."""

    problem: str | None = None


@dataclass(frozen=True)
class Refused:
    """News: the file system refuses to be written to, and the worker ends."""

    problem: str


@dataclass(frozen=True)
class Progress:
    """News: a training has come further.

    Attributes:
        name: The baseline or trial.
        epochs: Epochs trained.
        value: Its value on the validation rows, if known.
    """

    name: str
    epochs: float
    value: float | None


@dataclass(frozen=True)
class Entered:
    """News: what the worker does from now on.

    Attributes:
        phase: Whether it discovers the space, asks for a trial, or trains.
        trial: The number of the trial that it trains; None if it trains anything else.
    """

    phase: Phase
    trial: int | None = None


@dataclass(frozen=True)
class Done:
    """News: the worker is through with its task, and free for another one.

    Attributes:
        result: What the training left; None if there was no trial to run, or it was given back.
        kept: Whether an earlier run had trained it.
        problem: Why the search cannot go on; None if it can.
        exhausted: Whether the space has nothing new.
    """

    result: Result | None = None
    kept: bool = False
    problem: str | None = None
    exhausted: bool = False


News = Ready | Refused | Progress | Entered | Done
