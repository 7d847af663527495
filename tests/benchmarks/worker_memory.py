"""The memory of a search worker, beside stock KerasTuner holding the padded rows.

    python -m tests.benchmarks.worker_memory --data http-params.csv
        [--trials 10] [--rows N] [--steps 4] [--space model3]

Ours is `search.run` with one worker, an epoch a trial, pruner on. Stock is
`keras_tuner.RandomSearch` on the same space and rows, padded to 1024 and int32; its trials train on
`--steps` batches only, so that the comparison takes minutes. Measured are the process's own pages
(USS), and with its part of the shared ones (PSS), every 0.2 s.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
from tabulate import tabulate

from data.common import Parser, run
from data.dataset import Dataset
from data.records import MAX_LENGTH
from results.study import Store, close_storage
from tests.benchmarks.measuring import (
    MEBIBYTE,
    SAMPLE_EVERY,
    Memory,
    MemorySampler,
    dataset,
    memory_of,
)
from tests.search.processes import workers_of

_T = TypeVar("_T")
Process = subprocess.Popen[bytes]

BATCH_SIZE = 128
# A trial that has not ended by then never will.
PATIENCE = 1800.0


@dataclass(frozen=True)
class Usage:
    """A process's memory over a search.

    Attributes:
        before: When the data are there and no trial has begun.
        during: The most while trials ran, each figure for itself.
        after: After the last trial.
    """

    before: Memory
    during: Memory
    after: Memory

    @classmethod
    def of(cls, before: Memory, samples: Sequence[Memory], after: Memory) -> "Usage":
        """Summarize what was sampled."""
        every = [before, *samples, after]
        most = Memory(
            max(sample.unique for sample in every),
            max(sample.proportional for sample in every),
            max(sample.resident for sample in every),
        )
        return cls(before, most, after)


def ours(data: Path, rows: int | None, space: str, trials: int, folder: Path) -> Usage:
    """Measure the worker of a real search until so many trials have ended."""
    # Many more trials than are looked at, so that the worker is still there after the last of them.
    options = ["--budget", str(trials + 100), "--workers", "1", "--baselines", "none", "--no-refit"]
    options += ["--epochs", "1", "--space", space, "--study", "memory", "--out", str(folder)]
    options += ["--rows", str(rows)] if rows else []
    command = [sys.executable, "-m", "search.run", "--data", str(data), *options]
    log = (folder / "search.log").open("w")
    with log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            run_folder = folder / "memory"
            # It has its data once a trial is under way; before that it only imports.
            worker = _until(lambda: _worker(process), process, log.name)
            before: list[Memory] = []

            def begun() -> bool:
                # The memory first: a small trial may begin between the two.
                memory = memory_of(worker)
                has_data = (run_folder / "data" / "facts.json").is_file()
                has_begun = has_data and _trials(run_folder)[0] > 0
                if not (before and has_begun):
                    before[:] = [memory]
                return has_begun

            _until(begun, process, log.name)
            with MemorySampler(worker) as sampler:
                _until(lambda: _trials(run_folder)[1] >= trials, process, log.name)
                after = memory_of(worker)
            return Usage.of(before[0], sampler.samples, after)
        finally:
            _end(process)


def stock(data: Path, rows: int | None, space: str, trials: int, steps: int, folder: Path) -> Usage:
    """Measure a process in which KerasTuner searches, each trial of so many batches."""
    dataset(str(data), rows).save(folder / "stock")
    words = ["--stock", folder / "stock", "--space", space, "--trials", trials, "--steps", steps]
    command = [sys.executable, "-m", "tests.benchmarks.worker_memory", *map(str, words)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipe = subprocess.PIPE
    with (
        (folder / "stock.log").open("w") as log,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, env=environment) as process,
    ):
        try:
            lines = _lines(process, log.name)
            next(line for line in lines if line == "ready")
            before = memory_of(process.pid)
            with MemorySampler(process.pid) as sampler:
                for _ in range(trials):
                    next(line for line in lines if line == "done")
                after = memory_of(process.pid)
            return Usage.of(before, sampler.samples, after)
        finally:
            _end(process)


def search_stock(folder: Path, space: str, trials: int, steps: int) -> None:
    """Search as KerasTuner's documentation does; the body of stock's process.

    It prints "ready" when the padded rows are in memory and "done" after each trial, then waits for
    a line.
    """
    import keras_tuner

    from spaces import load_space

    data = Dataset.load(folder)
    fit, validation = data.split.fit, data.split.validation
    x = data.encoded.padded(np.arange(len(data.encoded)), MAX_LENGTH)
    y = data.labels.astype(np.float32)
    # Slices, not copies: the chronological split is contiguous.
    train = x[fit[0] : fit[-1] + 1], y[fit[0] : fit[-1] + 1]
    held = x[validation[0] : validation[-1] + 1], y[validation[0] : validation[-1] + 1]
    model = load_space(space, data.vocabulary.num_words, rows=len(fit), epochs=1)
    with tempfile.TemporaryDirectory() as place:
        tuner = keras_tuner.RandomSearch(
            model, objective="val_accuracy", max_trials=trials, seed=1, directory=place
        )
        end = tuner.on_trial_end

        def print_done(trial: Any) -> None:
            end(trial)
            print("done", flush=True)

        tuner.on_trial_end = print_done
        print("ready", flush=True)
        tuner.search(
            *train,
            validation_data=held,
            epochs=1,
            batch_size=BATCH_SIZE,
            steps_per_epoch=steps,
            validation_steps=steps,
            verbose=0,
        )
    sys.stdin.readline()


def compare(options: argparse.Namespace) -> str:
    """Measure both sides and return a table."""
    search = options.data, options.rows, options.space, options.trials
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        usages = {"ours": ours(*search, folder), "stock": stock(*search, options.steps, folder)}
    table = []
    for measure in ("unique", "proportional", "resident"):
        found = {
            side: [getattr(one, measure) for one in (usage.before, usage.during, usage.after)]
            for side, usage in usages.items()
        }
        for side, sizes in found.items():
            table.append([measure, side, *[f"{size / MEBIBYTE:,.0f}" for size in sizes]])
        ratios = [theirs / mine for theirs, mine in zip(found["stock"], found["ours"], strict=True)]
        table.append([measure, "stock / ours", *[f"{ratio:.2f}" for ratio in ratios]])
    trials = options.trials
    headers = ["MiB", "side", "before", f"most in {trials} trials", f"after {trials} trials"]
    text: str = tabulate(table, headers, tablefmt="github", disable_numparse=True)
    return text


def _worker(process: Process) -> int | None:
    with contextlib.suppress(psutil.Error):
        for worker in workers_of(psutil.Process(process.pid)):
            return int(worker.pid)
    return None


def _trials(run_folder: Path) -> tuple[int, int]:
    """Count the trials that were begun, and those that have ended."""
    study = Store.open(run_folder, None, heartbeat=60).study
    try:
        trials = study.get_trials(deepcopy=False)
        begun = [trial for trial in trials if trial.datetime_start is not None]
        return len(begun), sum(trial.state.is_finished() for trial in begun)
    finally:
        close_storage(study._storage)


def _until(what: Callable[[], _T | None], process: Process, log: str) -> _T:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if found := what():
            return found
        time.sleep(SAMPLE_EVERY)
    raise RuntimeError(f"the search did not get so far:\n{Path(log).read_text()}")


def _lines(process: Process, log: str) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.decode().strip()
    raise RuntimeError(f"stock KerasTuner ended:\n{Path(log).read_text()}")


def _end(process: Process) -> None:
    if process.poll() is None:
        # Twice means at once.
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        process.kill()
    process.wait()


def main(argv: Sequence[str]) -> int:
    """Measure and print the table."""
    parser = Parser("python -m tests.benchmarks.worker_memory", description=__doc__)
    parser.add_argument("--data", type=Path, help="a log in the assignment's format")
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--rows", type=int, help="first rows only (default: all)")
    parser.add_argument("--steps", type=int, default=4, help="batches of a stock trial")
    parser.add_argument("--space", default="model3", help="as in a search (default: %(default)s)")
    parser.add_argument("--stock", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.stock:
        search_stock(options.stock, options.space, options.trials, options.steps)
    elif options.data:
        print(compare(options))
    else:
        parser.error("--data is needed")
    return 0


if __name__ == "__main__":
    run(main)
