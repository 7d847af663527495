"""Records a second that `results.predict` scores, and its peak memory, on short and long input.

    python -m tests.benchmarks.predict_throughput --data http-params.csv
        [--export runs/NAME/best] [--runtime onnx,keras] [--lines 10000,100000] [--threads 1,2]

The log's raw lines are repeated until there are enough, and piped in. What the longer input took
beyond the shorter one is divided by the lines it had more, so that neither imports nor warming up
counts: once in processor seconds (all threads of the process), once by the clock. A run that is not
counted comes first: it compiles Keras' kernels if nobody has yet. With `--threads 1` the process is
held on one core. Without --export the space's default trial is
exported with the weights that it starts with: they do not change the speed.
"""

import itertools
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tabulate import tabulate

from data.common import Parser, run
from data.source import open_lines
from tests.benchmarks.measuring import MEBIBYTE, ROOT

# Records that the export's formats are checked on.
CHECKED = 64


@dataclass(frozen=True)
class PredictRun:
    """One run of the command.

    Attributes:
        lines: How many it answered.
        cpu: Processor seconds of all its threads.
        seconds: By the clock.
        peak: Most resident memory, bytes.
    """

    lines: int
    cpu: float
    seconds: float
    peak: int


def write_lines(data: str, count: int, to: Path) -> None:
    """Write so many raw lines of a log, which begins again at its end."""
    with open_lines(data) as lines:
        all_lines = list(lines)
    with to.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(itertools.islice(itertools.cycle(all_lines), count))


def export_elsewhere(data: str, to: Path) -> Path:
    """Export the space's default trial, not trained, in a process of its own.

    So this process stays small: a child's peak memory starts at its parent's.
    """
    process = multiprocessing.get_context("spawn").Process(target=_export, args=(data, to))
    process.start()
    process.join()
    return to


def _export(data: str, to: Path) -> None:
    import keras_tuner

    from data.reading import read_log
    from data.records import DROPPED_KEYS, Preprocessing, Vocabulary, encode
    from results.export import Sample, write_export
    from results.export.export import stand_alone_files
    from results.scoring import Threshold, probabilities
    from spaces import load_space

    log = read_log(data)
    vocabulary = Vocabulary.fit(log.texts, unknown=True)
    space = load_space("model3", num_words=vocabulary.num_words, rows=len(log.texts), epochs=1)
    checkpoint = to.parent / "model.keras"
    model = space.build(keras_tuner.HyperParameters())
    model.save(checkpoint)
    encoded = encode(log.texts[:CHECKED], vocabulary)
    rows = np.arange(len(encoded))
    scores = probabilities(model, encoded, rows, padding="real")
    write_export(
        checkpoint,
        to,
        model={"name": "default", "trained_on": "nothing"},
        vocabulary=vocabulary,
        preprocessing=Preprocessing(
            format=log.format, dropped_keys=DROPPED_KEYS, unknown=True, padding="real"
        ),
        protocol={},
        metrics={},
        threshold=Threshold(0.5, "0.5"),
        sample=Sample(encoded, rows, scores, "real"),
        documents=lambda *_: stand_alone_files(),
    )


def predict(export: Path, lines: Path, threads: int, runtime: str = "onnx") -> PredictRun:
    """Run the command on a file that is piped in."""
    command = [sys.executable, "-m", "results.predict", str(export), "--threads", str(threads)]
    command += ["--runtime", runtime]
    if threads == 1:
        command = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *command]
    answers = lines.with_suffix(".answers")
    started = time.perf_counter()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, lines, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, answers, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    pid = os.posix_spawnp(command[0], command, environment, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    with answers.open("rb") as file:
        count = sum(1 for _ in file)
    return PredictRun(count, usage.ru_utime + usage.ru_stime, seconds, usage.ru_maxrss * 1024)


def measure(
    export: Path, data: str, lines: Sequence[int], threads: int, folder: Path, runtime: str
) -> list[PredictRun]:
    """Run the command once for each number of lines, after a run that is not counted."""
    runs = []
    for count in (lines[0], *lines):
        write_lines(data, count, folder / "lines")
        runs.append(predict(export, folder / "lines", threads, runtime))
    return runs[1:]


def row(runtime: str, threads: int, short: PredictRun, long: PredictRun) -> list[object]:
    """Put two runs into a line of the table."""
    more = long.lines - short.lines
    return [
        runtime,
        threads,
        more / (long.cpu - short.cpu),
        more / (long.seconds - short.seconds),
        short.cpu - short.lines * (long.cpu - short.cpu) / more,
        short.peak / MEBIBYTE,
        long.peak / MEBIBYTE,
    ]


def main(argv: Sequence[str]) -> int:
    """Measure and print the table."""
    parser = Parser("python -m tests.benchmarks.predict_throughput", description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--export", type=Path)
    parser.add_argument("--runtime", default="onnx,keras")
    parser.add_argument("--lines", default="10000,100000")
    parser.add_argument("--threads", default="1,2")
    options = parser.parse_args(argv)
    lines = [int(count) for count in options.lines.split(",")]
    if len(lines) != 2 or not 0 < lines[0] < lines[1]:
        parser.error("--lines must be two numbers, the smaller first")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        export = options.export or export_elsewhere(options.data, Path(name) / "export")
        for threads in map(int, options.threads.split(",")):
            for runtime in options.runtime.split(","):
                short, long = measure(export, options.data, lines, threads, Path(name), runtime)
                rows.append(row(runtime, threads, short, long))
    headers = [
        "runtime",
        "threads",
        "records a CPU second",
        "records a second",
        "start, CPU s",
        *(f"peak MiB, {count:,} lines" for count in lines),
    ]
    print(
        tabulate(
            rows,
            headers,
            tablefmt="github",
            floatfmt=("", "", ",.0f", ",.0f", ".1f", ",.0f", ",.0f"),
        )
    )
    return 0


if __name__ == "__main__":
    run(main)
