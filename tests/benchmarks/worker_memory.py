"""The memory of a search worker, beside stock KerasTuner holding the padded rows.

    python -m tests.benchmarks.worker_memory --data ../shared/data/http-params-access.csv.xz
        [--trials 10] [--rows N] [--steps 4] [--space model3]

Ours is `search.run` with one worker, an epoch a trial, pruner on. Stock is
`keras_tuner.RandomSearch` on the same space and rows, padded to 1024 and int32; its trials train on
`--steps` batches only, so that the comparison takes minutes. Measured are the process's own pages
(USS), and with its part of the shared ones (PSS), every 0.2 s.
"""

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import psutil
from tabulate import tabulate

from data.common.command import Parser, run
from results.study import Store, close_storage
from tests.benchmarks.memory import Process, of_process
from tests.benchmarks.ratio import dataset
from tests.benchmarks.watch import EVERY, Course, Watch

_T = TypeVar("_T")

MEBIBYTE = 2**20
# A trial that has not ended by then is not going to.
PATIENCE = 1800.0


def ours(data: Path, rows: int | None, space: str, trials: int, folder: Path) -> Course:
    """Watch the worker of a real search.

    Args:
        data: The log.
        rows: How many of its rows; all when None.
        space: What `--space` of a search names.
        trials: After how many trials to look.
        folder: Where the run may be kept.

    Returns:
        The worker's memory.
    """
    # One trial more than are looked at, so that the worker is still there after the last one.
    options = ["--budget", str(trials + 1), "--workers", "1", "--baselines", "none", "--no-refit"]
    options += ["--epochs", "1", "--space", space, "--study", "memory", "--out", str(folder)]
    options += ["--rows", str(rows)] if rows else []
    command = [sys.executable, "-m", "search.run", "--data", str(data), *options]
    log = (folder / "search.log").open("w")
    with log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            run = folder / "memory"
            # It has said that it is ready once a trial is under way; before that it only imports.
            worker = _until(lambda: _worker(process), process, log.name)
            last: list[Process] = []

            def begun() -> bool:
                if (run / "data" / "facts.json").is_file() and _trials(run)[0]:
                    return True
                with contextlib.suppress(psutil.Error):
                    last[:] = [of_process(worker)]
                return False

            _until(begun, process, log.name)
            with Watch(worker) as watch:
                _until(lambda: _trials(run)[1] >= trials, process, log.name)
                after = of_process(worker)
            return Course.of(last[0], watch.samples, after)
        finally:
            _end(process)


def stock(
    data: Path, rows: int | None, space: str, trials: int, steps: int, folder: Path
) -> Course:
    """Watch a process in which KerasTuner searches.

    Args:
        data: The log.
        rows: How many of its rows; all when None.
        space: What `--space` of a search names.
        trials: How many trials.
        steps: Batches that each trial trains on.
        folder: Where the prepared data may be kept.

    Returns:
        Its memory.
    """
    dataset(str(data), rows).save(folder / "stock")
    words = [str(folder / "stock"), space, str(trials), str(steps)]
    command = [sys.executable, "-m", "tests.benchmarks.worker_memory_stock", *words]
    with (
        (folder / "stock.log").open("w") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            lines = _lines(process, log.name)
            next(line for line in lines if line == "ready")
            before = of_process(process.pid)
            with Watch(process.pid) as watch:
                for _ in range(trials):
                    next(line for line in lines if line == "done")
                after = of_process(process.pid)
            return Course.of(before, watch.samples, after)
        finally:
            _end(process)


def compare(data: Path, rows: int | None, space: str, trials: int, steps: int) -> str:
    """Watch both.

    Args:
        data: The log.
        rows: How many of its rows; all when None.
        space: What `--space` of a search names.
        trials: After how many trials to look.
        steps: Batches that a stock trial trains on.

    Returns:
        A table.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        courses = {
            "ours": ours(data, rows, space, trials, folder),
            "stock": stock(data, rows, space, trials, steps, folder),
        }
    table = []
    for measure in ("unique", "proportional", "resident"):
        found = {
            side: [
                getattr(sample, measure) for sample in (course.before, course.during, course.after)
            ]
            for side, course in courses.items()
        }
        for side, sizes in found.items():
            table.append([measure, side, *[f"{size / MEBIBYTE:,.0f}" for size in sizes]])
        ratios = [theirs / mine for theirs, mine in zip(found["stock"], found["ours"], strict=True)]
        table.append([measure, "stock / ours", *[f"{ratio:.2f}" for ratio in ratios]])
    headers = ["MiB", "side", "before", f"most in {trials} trials", f"after {trials} trials"]
    text: str = tabulate(table, headers, tablefmt="github", disable_numparse=True)
    return text


def _worker(process: "subprocess.Popen[bytes]") -> int | None:
    for child in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                return child.pid
    return None


def _trials(run: Path) -> tuple[int, int]:
    """Count the trials that were begun, and those that have ended."""
    study = Store.open(run, None, heartbeat=60).study
    try:
        trials = study.get_trials(deepcopy=False)
        begun = [trial for trial in trials if trial.datetime_start is not None]
        return len(begun), sum(trial.state.is_finished() for trial in begun)
    finally:
        close_storage(study._storage)


def _until(what: Callable[[], _T | None], process: "subprocess.Popen[bytes]", log: str) -> _T:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if found := what():
            return found
        time.sleep(EVERY)
    raise RuntimeError(f"the search came to no end:\n{Path(log).read_text()}")


def _lines(process: "subprocess.Popen[str]", log: str) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.strip()
    raise RuntimeError(f"stock KerasTuner ended:\n{Path(log).read_text()}")


def _end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    if process.poll() is None:
        # Twice: at once.
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        process.kill()
    process.wait()


def main(argv: Sequence[str]) -> int:
    """Measure and print the table.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status.
    """
    parser = Parser("python -m tests.benchmarks.worker_memory", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a log in the brief's format")
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--rows", type=int, help="first rows only (default: all)")
    parser.add_argument("--steps", type=int, default=4, help="batches of a stock trial")
    parser.add_argument("--space", default="model3", help="as in a search (default: %(default)s)")
    options = parser.parse_args(argv)
    print(compare(options.data, options.rows, options.space, options.trials, options.steps))
    return 0


if __name__ == "__main__":
    run(main)
