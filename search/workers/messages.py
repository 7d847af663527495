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
    """News: the worker has started."""


@dataclass(frozen=True)
class Refused:
    """News: the worker ends, for a problem in one line for the user: it cannot work, or write."""

    problem: str


@dataclass(frozen=True)
class Progress:
    """News: a training has come further, with this value on the validation rows, if known."""

    name: str
    epochs: float
    value: float | None


@dataclass(frozen=True)
class Entered:
    """News: what the worker does from now on."""

    phase: Phase
    trial: int | None = None  # the number of the trial that it trains, if it trains one


@dataclass(frozen=True)
class Done:
    """News: the worker is through with its task, and free for another one."""

    result: Result | None = None  # None if there was no trial to run, or it was given back
    kept: bool = False  # an earlier run had trained it
    problem: str | None = None  # why the search cannot go on
    exhausted: bool = False  # the space has nothing new


News = Ready | Refused | Progress | Entered | Done
