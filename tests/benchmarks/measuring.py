"""What the benchmarks share: a log, ratios and their spread, memory, timed processes."""

import contextlib
import logging
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from data import synthetic
from data.dataset import Dataset, prepare
from data.reading import read_log

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
MEBIBYTE = 2**20
LOG_EVERY = 30.0
SAMPLE_EVERY = 0.2
_STATUS = Path("/proc/self/status")


def dataset(path: str | None, rows: int | None) -> Dataset:
    """Read a log, or make a synthetic one if no path is given."""
    if path is not None:
        return prepare(read_log(path, rows=rows))
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "synthetic.csv"
        synthetic.write(made, rows or synthetic.DEFAULT_ROWS, 0)
        return prepare(read_log(str(made)))


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Format a median and, of several values, the least and the greatest."""
    middle, low, high = (
        f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    )
    return middle if len(values) == 1 else f"{middle} ({low} to {high})"


def side_by_side(
    ours: Callable[[], float], stock: Callable[[], float], repeats: int
) -> tuple[list[float], list[float]]:
    """Measure both sides in turn, each first every other time; return the seconds of each."""
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


# Memory


def peak_memory() -> int:
    """Return the most resident bytes since `reset_peak`, or ever if the system cannot reset."""
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    # macOS counts bytes, all others kilobytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak() -> None:
    """Make `peak_memory` start from what is resident now (on Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


@dataclass(frozen=True)
class Memory:
    """The memory of a process without its children, in bytes.

    Attributes:
        unique: What would be free if it ended (USS).
        proportional: Its pages, each divided by how many processes share it (PSS); equal to
            `unique` if the system does not tell.
        resident: All pages in memory, shared ones counted in full (RSS).
    """

    unique: int
    proportional: int
    resident: int


def memory_of(pid: int) -> Memory:
    """Measure a process."""
    full = psutil.Process(pid).memory_full_info()
    return Memory(full.uss, getattr(full, "pss", full.uss), full.rss)


@dataclass
class MemorySampler:
    """Measures a process again and again, as long as its context is open."""

    pid: int
    samples: list[Memory] = field(default_factory=list)

    def __enter__(self) -> "MemorySampler":
        """Start to sample."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_EVERY):
            with contextlib.suppress(psutil.Error):
                self.samples.append(memory_of(self.pid))


# Processes


@dataclass(frozen=True)
class Ran:
    """How long a command ran, and its exit status; None if it was killed at its limit."""

    seconds: float
    status: int | None


def run_for(
    command: Sequence[str], log_file: Path, seconds: float | None, describe: Callable[[], str]
) -> Ran:
    """Run a command in a process group of its own, and kill the group after so many seconds.

    Its output goes to `log_file`; what `describe` returns is logged now and then.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with log_file.open("ab") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                taken = time.monotonic() - started
                if seconds is not None and taken >= seconds:
                    return Ran(taken, None)
                left = LOG_EVERY if seconds is None else min(LOG_EVERY, seconds - taken)
                try:
                    process.wait(left)
                except subprocess.TimeoutExpired:
                    log.info("%s, %.0f s", describe(), time.monotonic() - started)
        finally:
            # There is no group left if all of its processes have ended.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Ran(time.monotonic() - started, process.returncode)
