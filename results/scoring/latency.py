"""The CPU time of a request, scored alone and among 512: the median and the slowest hundredth.

CPU and not wall-clock time: while a trial is measured other workers train, and on a full machine
the wall-clock of one request is then several times as long, which says nothing about the network.
And by default the time of the calling thread alone, which is all that a network in ONNX Runtime
computes in if it is given one thread.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BATCH = 512
# Below so many calls a 99th percentile is little more than the slowest of them.
CALLS = 100

Rows = npt.NDArray[np.int64]
# Makes what answers the requests of some rows.
Prepare = Callable[[Rows], Callable[[], object]]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Spread:
    """CPU microseconds a request: those of a call, divided by its requests."""

    p50: float  # the median over the calls
    p99: float  # the 99th percentile over them, a call that was timed and not a mean of two


@dataclass(frozen=True)
class Latency:
    """The CPU time of a request: of what a model does with it, and not of what precedes the model.

    A request is scored alone, or in a batch of 512.
    """

    alone: Spread
    batch: Spread


def measure_latency(
    prepare: Prepare, rows: npt.ArrayLike, *, seconds: float = 0.1, clock: Clock = time.thread_time
) -> Latency:
    """Measure the CPU time that requests take, over real records.

    Args:
        prepare: Makes a call that answers the requests of the given rows; only the call is timed.
        rows: The rows to draw requests from, [n]; at least one.
        seconds: About how long each of the two measurements takes, by the wall-clock; up to three
            times as long if that is needed for 100 calls, and one call however slow it is.
        clock: Counts seconds of CPU time: those of the calling thread, or `time.process_time` for
            what computes on threads of its own, as TensorFlow does.
    """
    # A short measurement then sees records of the whole part, not only of its beginning.
    order = np.random.default_rng(0).permutation(np.asarray(rows, dtype=np.int64))
    prepare(order[:1])()  # traces a network
    alone, batch = (_spread(prepare, order, size, seconds, clock) for size in (1, BATCH))
    return Latency(alone, batch)


def _spread(prepare: Prepare, order: Rows, size: int, seconds: float, clock: Clock) -> Spread:
    """Time calls; the first, a warm-up, counts only if alone."""
    durations: list[float] = []
    begun = time.perf_counter()
    while True:
        first = len(durations) * size
        answer = prepare(order.take(range(first, first + size), mode="wrap"))
        started = clock()
        answer()
        durations.append(clock() - started)
        wanted = seconds if len(durations) > CALLS else 3 * seconds
        if time.perf_counter() - begun >= wanted:
            break
    timed = np.array(durations[1:] or durations) / size * 1e6
    return Spread(float(np.median(timed)), float(np.quantile(timed, 0.99, method="higher")))
