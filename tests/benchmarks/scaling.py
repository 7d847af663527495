"""How time grows: with rows, with the length of a record, and with workers.

    python -m tests.benchmarks.scaling [--rows 5000,27000,250000,1000000] [--steps 60]

Rows. A synthetic log of each size is written (row by row, in a memory that does not grow), read and
encoded, and the default draw of Model 3 is trained on it by `search.training.fit` for a number
of steps, the first ones left out: they compile. An epoch's time is not measured but estimated: its
number of batches times the median of a step, and, since a long record's step takes longer than the
median, times the mean as well. Validation is not in it.

Length. The same draw on records that all have one length, cut from the first log.

Workers. The wall-clock is that of a whole `search.run`, with its start, report and export, on a
number of cores, if the system can bind a process to cores. Besides as many workers as cores there
is one worker with a thread for each core: which of the two is faster tells what `--workers auto`
should mean. Without a pruner and with a sampler that does not learn, all runs train the same
trials; whether they did is printed.

From the times on 1 and p cores follows, by Amdahl's law, T(p) = T(1) (s + (1 - s) / p), the
serial share s = (p T(p) / T(1) - 1) / (p - 1), and from it the speed-up by n cores,
1 / (s + (1 - s) / n). What does not divide evenly (6 trials among 4 workers) and what the cores
share (memory, turbo clock) counts as serial, as it should.

Sources: G. M. Amdahl, Validity of the single processor approach to achieving large scale computing
capabilities, AFIPS 1967; A. H. Karp and H. P. Flatt, Measuring parallel processor performance,
CACM 33(5), 1990, for the share from a measured speed-up.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
from tabulate import tabulate

from data import synthetic
from data.common import Parser, run
from data.dataset import Dataset, batches, make_split, prepare
from data.reading import read_log
from data.records import Encoded, padded_lengths
from search.training.fit import TrainingConfig, fit
from spaces import Model3
from tests.benchmarks.measuring import MEBIBYTE, ROOT

ROWS = "5000,27000,250000,1000000"
LENGTHS = "64,128,256,512,1024"
WARM_UP_STEPS = 10
ESTIMATED_CORES = 16

ROW_HEADS = (
    *("rows", "characters", "read s", "encode s", "encoded MiB", "steps/s", "step ms, median"),
    *("mean", "batches an epoch", "epoch s, by median", "by mean"),
)
LENGTH_HEADS = ("length", "rows a batch", "step ms, median", "p95", "ns a character")
WORKER_HEADS = ("workers", "cores", "seconds", "speed-up", "serial share")


class _Clock(keras.callbacks.Callback):
    """Keeps the seconds of each training step, including the wait for its batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._started = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.seconds.append(time.perf_counter() - self._started)


@dataclass(frozen=True)
class Steps:
    """The training steps of the default draw.

    Attributes:
        seconds: Of each, without the first ones.
        batches: How many an epoch has.
        batch_size: Rows in a full batch.
    """

    seconds: list[float]
    batches: int
    batch_size: int


def train(data: Dataset, steps: int, warm_up: int = WARM_UP_STEPS) -> Steps:
    """Train the default draw of Model 3 for some steps, through `search.training.fit`."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    hyperparameters = keras_tuner.HyperParameters()
    rows = data.split.fit
    model = Model3(data.vocabulary.num_words, rows=len(rows)).build(hyperparameters)
    batch_size = int(hyperparameters.get("batch_size"))
    padded = padded_lengths(data.encoded.lengths, "real")
    an_epoch = len(batches(rows, padded, batch_size, None))
    clock, wanted = _Clock(), warm_up + steps
    fit(
        model,
        data,
        # One step more: a step's end is asked for before the clock has seen it.
        TrainingConfig(math.ceil((wanted + 1) / an_epoch), batch_size),
        stop=lambda: "enough steps" if len(clock.seconds) >= wanted else None,
        callbacks=[clock],
    )
    return Steps(clock.seconds[warm_up:wanted], an_epoch, batch_size)


def read(path: Path, rows: int) -> tuple[Dataset, float, float]:
    """Write, read and encode a synthetic log; return it with the seconds of the latter two."""
    synthetic.write(path, rows)
    started = time.perf_counter()
    log = read_log(str(path))
    was_read = time.perf_counter()
    data = prepare(log)
    encoded = time.perf_counter()
    path.unlink()
    return data, was_read - started, encoded - was_read


def row_of(data: Dataset, reading: float, encoding: float, taken: Steps) -> list[Any]:
    """Make one row below `ROW_HEADS`."""
    middle, mean = statistics.median(taken.seconds), statistics.mean(taken.seconds)
    return [
        f"{len(data.encoded):,}",
        f"{len(data.encoded.ids):,}",
        reading,
        encoding,
        data.encoded.ids.nbytes / MEBIBYTE,
        1 / mean,
        middle * 1000,
        mean * 1000,
        f"{taken.batches:,}",
        middle * taken.batches,
        mean * taken.batches,
    ]


def of_length(data: Dataset, length: int, rows: int) -> Dataset:
    """Cut the log's characters into records of one length, with both labels in turn."""
    ids = np.resize(data.encoded.ids, rows * length)
    labels = (np.arange(rows) % 2).astype(np.uint8)
    return replace(
        data,
        encoded=Encoded(ids, np.arange(rows + 1, dtype=np.int64) * length),
        labels=labels,
        split=make_split("chronological", labels),
    )


def length_row(data: Dataset, length: int, steps: int) -> list[Any]:
    """Make one row below `LENGTH_HEADS`."""
    # Enough for a few full batches of whatever size the draw has; the fit part is 9/16 of them.
    taken = train(of_length(data, length, 4096), steps)
    milliseconds = np.array(taken.seconds) * 1000
    middle = float(np.median(milliseconds))
    nanoseconds = middle * 1e6 / (taken.batch_size * length)
    return [length, taken.batch_size, middle, float(np.percentile(milliseconds, 95)), nanoseconds]


@dataclass(frozen=True)
class TimedSearch:
    """A whole search: its workers, the cores they shared, its seconds and its trials."""

    workers: int
    cores: int | None
    seconds: float
    trials: frozenset[tuple[str, int]]


def search(out: Path, workers: int, on: int, budget: int, rows: int) -> TimedSearch:
    """Run `search.run` in processes of its own, on so many cores."""
    study = f"workers-{workers}-of-{on}"
    words = f"--budget {budget} --rows {rows} --workers {workers} --sampler random --pruner none"
    # As many epochs as the assignment has, whatever the number of rows.
    words += f" --epochs 3 --baselines none --no-refit --study {study}"
    command = [sys.executable, "-m", "search.run", *words.split(), "--out", str(out)]
    with _bound_to(on) as cores:
        started = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"the search with {workers} workers failed:\n{done.stderr}")
    board = json.loads((out / study / "leaderboard.json").read_text(encoding="utf-8"))
    trials = frozenset((row["name"], row["parameters"]) for row in board["rows"])
    return TimedSearch(workers, cores, seconds, trials)


@contextmanager
def _bound_to(cores: int) -> Iterator[int | None]:
    """Bind this process, and those that it starts, to some cores; None if the system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        yield min(cores, len(before))
    finally:
        os.sched_setaffinity(0, before)


def serial_share(alone: float, together: float, cores: int) -> float:
    """Compute the share of the time that more cores do not shorten, by Amdahl's law.

    Of the seconds on one core and those on two cores or more.
    """
    return (cores * together / alone - 1) / (cores - 1)


def speed_up(serial: float, cores: int) -> float:
    """Compute how many times as fast so many cores are as one, by Amdahl's law."""
    return 1 / (serial + (1 - serial) / cores)


def worker_rows(searches: Sequence[TimedSearch]) -> tuple[list[list[Any]], str]:
    """Make the rows below `WORKER_HEADS`, and say what they mean for more cores."""
    alone, *others = searches
    rows: list[list[Any]] = [[alone.workers, alone.cores, alone.seconds, 1.0, None]]
    said = [f"the same trials: {'yes' if len({one.trials for one in searches}) == 1 else 'NO'}"]
    for one in others:
        serial = serial_share(alone.seconds, one.seconds, one.cores or one.workers)
        rows.append([one.workers, one.cores, one.seconds, alone.seconds / one.seconds, serial])
        if one.workers == 1:
            continue
        # A share below 0 is noise: no law promises more than n times by n cores.
        most = speed_up(max(serial, 0.0), ESTIMATED_CORES)
        said.append(
            f"by {one.workers} workers' serial share of {serial:.1%}, {ESTIMATED_CORES} cores "
            f"would be {most:.1f} times as fast as one"
        )
    return rows, "\n".join(said)


def main(argv: Sequence[str]) -> int:
    """Run and print."""
    parser = Parser("python -m tests.benchmarks.scaling", description=__doc__)
    parser.add_argument("--rows", type=_numbers, default=_numbers(ROWS))
    parser.add_argument("--steps", type=int, default=60, help="measured, after a warm-up")
    parser.add_argument("--lengths", type=_numbers, default=_numbers(LENGTHS))
    parser.add_argument("--workers", type=_numbers, default=[1, 2], help="the first must be 1")
    parser.add_argument("--budget", type=int, default=12, help="trials of each search; 0: none")
    parser.add_argument("--search-rows", type=int, default=4000)
    options = parser.parse_args(argv)
    if options.budget and options.workers[0] != 1:
        parser.error("--workers must begin with 1, which the others are compared with")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, lengths = [], []
        for index, size in enumerate(options.rows):
            data, reading, encoding = read(folder / "log.csv", size)
            rows.append(row_of(data, reading, encoding, train(data, options.steps)))
            if not index:
                lengths = [length_row(data, one, options.steps) for one in options.lengths]
        _print(rows, ROW_HEADS)
        _print(lengths, LENGTH_HEADS)
        if options.budget:
            sides = [(1, 1), *((way, n) for n in options.workers[1:] for way in (1, n))]
            searches = [
                search(folder, count, cores, options.budget, options.search_rows)
                for count, cores in sides
            ]
            found, said = worker_rows(searches)
            _print(found, WORKER_HEADS)
            print(said)
    return 0


def _print(rows: list[list[Any]], heads: Sequence[str]) -> None:
    print(tabulate(rows, heads, tablefmt="github", floatfmt=".2f"), end="\n\n", flush=True)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    run(main)
