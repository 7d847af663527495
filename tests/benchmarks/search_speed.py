"""Trials and accuracy by wall-clock: `search.run` beside stock KerasTuner and plain Optuna.

    python -m tests.benchmarks.search_speed --data http-params.csv
        [--stock 20m] [--ours 10m] [--optuna 10m] [--repeats 1] [--json runs/search-speed.json]

One side runs after the other, in processes of its own, on the same rows, space (Model 3), epochs
and validation rows. Stock is `keras_tuner.RandomSearch`, the third side Optuna's `study.optimize`
(TPE, median pruner) with a hand-written objective; both train Keras on rows padded to 1024, and a
trial's accuracy is that of its best epoch. Ours is the command as a user types it.

Every side's clock runs from the start of its process, imports included. Ours reads and encodes the
log in that time too; the others find it prepared. A trial counts once it has ended by itself:
pruned ones count, those that failed or that the budget's end cut do not. An accuracy counts from
complete trials alone.

What is finished is on disk at once: `--from FILE` shows it without running anything, and a side
given 0 is kept from the file that `--json` names.
"""

import json
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data import synthetic
from data.common import Parser, UserError, run
from data.dataset import Dataset, prepare
from data.reading import read_log
from results.study import (
    BUDGET_ENDED,
    INTERRUPTED,
    JOURNAL,
    Store,
    counted_trials,
    trial_result,
)
from search.config import Budget, parse_budget
from tests.benchmarks.measuring import Ran, run_for
from tests.benchmarks.search_figures import (
    SIDES,
    Finished,
    Repeat,
    Side,
    in_order,
    load,
    load_to_continue,
    save,
    show,
)

log = logging.getLogger(__name__)

# What `search.run` may take after its budget: the held-out part is scored, the winner exported.
TO_FINISH = 900.0
_STOCK_KINDS = {"stock": "keras-tuner", "optuna": "optuna"}


def stock_side(name: str, allowed: Budget, options: Any, seed: int, folder: Path) -> Side:
    """Run stock KerasTuner or plain Optuna; the prepared log lies beside the repeat's folder."""
    to = folder / f"{name}.jsonl"
    words = ["--data", folder.parent / "data", "--to", to, "--epochs", options.epochs]
    words += ["--length", options.length, "--seed", seed, "--space", options.space]
    if allowed.trials is not None:
        words += ["--trials", allowed.trials]
    command = [sys.executable, "-m", "tests.benchmarks.search_stock", _STOCK_KINDS[name]]
    started, log_file = time.time(), folder / f"{name}.log"
    ran = run_for(
        [*command, *map(str, words)],
        log_file,
        allowed.seconds,
        lambda: f"{name}: {len(read_lines(to, started))} trials",
    )
    return _side(ran, allowed, read_lines(to, started), log_file)


def our_side(allowed: Budget, options: Any, seed: int, folder: Path) -> Side:
    """Run our search as a user does."""
    words = ["--data", options.data, "--out", folder, "--study", "ours", "--budget", allowed]
    words += ["--epochs", options.epochs, "--seed", seed, "--space", options.space]
    words += ["--workers", options.workers, "--baselines", "none", "--no-refit"]
    if options.rows is not None:
        words += ["--rows", options.rows]
    command = [sys.executable, "-m", "search.run", *map(str, words)]
    limit = None if allowed.seconds is None else allowed.seconds + TO_FINISH
    started, log_file = time.time(), folder / "ours.log"
    ran = run_for(command, log_file, limit, lambda: "ours")
    begun = (folder / "ours" / JOURNAL).is_file()
    return _side(ran, allowed, read_study(folder / "ours", started) if begun else (), log_file)


def _side(ran: Ran, allowed: Budget, trials: tuple[Finished, ...], log_file: Path) -> Side:
    """Summarize a side; one that died before its time was over keeps what it had finished."""
    if ran.status:
        if not trials:
            raise UserError(f"a side ended with status {ran.status} and no trial; see {log_file}")
        log.warning("a side ended early with status %d; see %s", ran.status, log_file)
    return Side(min(ran.seconds, allowed.seconds or ran.seconds), trials)


def read_lines(path: Path, started: float) -> tuple[Finished, ...]:
    """Read the trials that `search_stock`, started then, has written; a torn last line is none."""
    if not path.is_file():
        return ()
    found = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    return tuple(
        Finished(line["ended"] - started, line["status"], line["val_accuracy"]) for line in found
    )


def read_study(folder: Path, started: float) -> tuple[Finished, ...]:
    """Read the ended trials of a run of ours, started then, by time."""
    found = []
    for trial in counted_trials(Store.open(folder).study):
        if trial.datetime_complete is None:
            continue
        result = trial_result(trial)
        cut = result.status == "pruned" and result.reason in (BUDGET_ENDED, INTERRUPTED)
        found.append(
            Finished(
                trial.datetime_complete.timestamp() - started,
                "cut" if cut else result.status,
                result.val_accuracy if result.status == "complete" else None,
            )
        )
    return tuple(sorted(found, key=lambda trial: trial.seconds))


def run_sides(options: Any, data: Dataset, folder: Path) -> list[Repeat]:
    """Run the sides of each repeat that have a budget, and keep each as soon as it has ended.

    Returns all sides of all repeats, with those kept from earlier.
    """
    facts = {key: data.facts[key] for key in ("fingerprint", "rows", "split", "num_words")}
    facts |= {key: getattr(options, key) for key in ("space", "epochs", "length")}
    facts["slices"] = data.facts["slices"]
    repeats = load_to_continue(options.json, facts)
    data.save(folder / "data")
    for number in range(options.repeats):
        if number == len(repeats):
            repeats.append({})
        here = folder / str(number)
        here.mkdir()
        for name in SIDES:
            allowed: Budget = getattr(options, name)
            if allowed.is_empty:
                continue
            log.info("repeat %d: %s for %s", number + 1, name, allowed)
            repeats[number][name] = (
                our_side(allowed, options, number, here)
                if name == "ours"
                else stock_side(name, allowed, options, number, here)
            )
            save(options.json or folder / "figures.json", facts, repeats)
    return [in_order(sides) for sides in repeats]


def _parser() -> Parser:
    parser = Parser(prog="python -m tests.benchmarks.search_speed", description=__doc__)
    parser.add_argument("--data", help="default: a synthetic log")
    parser.add_argument("--rows", type=int, help="first rows only")
    for name, default in (("stock", "20m"), ("ours", "10m"), ("optuna", "10m")):
        parser.add_argument(
            f"--{name}", type=parse_budget, default=default, help="20m, or trials; 0 leaves it out"
        )
    parser.add_argument("--space", default="model3", help="of all sides (default: %(default)s)")
    parser.add_argument("--workers", default="auto", help="ours (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--length", type=int, default=1024, help="of the others' rows")
    parser.add_argument("--repeats", type=int, default=1, help="each with its own seed")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="for the runs")
    parser.add_argument("--json", type=Path, help="keep the figures here; continue those there")
    parser.add_argument("--from", dest="shown", type=Path, help="show kept figures, run nothing")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run the sides and print the tables."""
    options = _parser().parse_args(argv)
    if options.shown is not None:
        print(show(load(options.shown)[1]))
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="search-speed-", dir=options.out)).resolve()
    if options.data is None:
        options.data = str(folder / "synthetic.csv")
        synthetic.write(options.data, options.rows or synthetic.DEFAULT_ROWS)
    options.data = str(Path(options.data).resolve())
    data = prepare(read_log(options.data, rows=options.rows))
    repeats = run_sides(options, data, folder)
    if not any(repeats):
        raise UserError("every side has a budget of 0; give --stock, --ours or --optuna some time")
    print(show([sides for sides in repeats if sides]))
    return 0


if __name__ == "__main__":
    run(main)
