"""What all benchmarks share: the data, ratios with their spread, and the machine's peak."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from data import synthetic
from data.dataset.dataset import Dataset, prepare
from data.reading import read_log


def dataset(path: str | None, rows: int | None) -> Dataset:
    """Read a log, or make a synthetic one where no path is given."""
    if path is not None:
        return prepare(read_log(path, rows=rows))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "synthetic.csv"
        synthetic.write(log, rows or synthetic.DEFAULT_ROWS, 0)
        return prepare(read_log(str(log)))


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Show a median and, of several values, their least and greatest."""
    middle, low, high = (
        f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    )
    return middle if len(values) == 1 else f"{middle} ({low} to {high})"


def side_by_side(
    ours: Callable[[], float], stock: Callable[[], float], repeats: int
) -> tuple[list[float], list[float]]:
    """Measure both sides in turn, each side first every other time.

    Args:
        ours: Runs once and returns its seconds.
        stock: The same.
        repeats: How often.

    Returns:
        The seconds of ours and of stock.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    for repeat in range(repeats):
        sides = [(0, ours), (1, stock)]
        for index, run in sides if repeat % 2 else reversed(sides):
            taken[index].append(run())
    return taken


def peak_flops(size: int = 2048, repeats: int = 5) -> float:
    """Measure the floating-point operations a second of a float32 matrix product, all cores."""
    matrix = np.random.default_rng(0).random((size, size), dtype=np.float32)
    matrix @ matrix
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)
