"""What a trial costs that trains nothing: ours beside KerasTuner's own random search.

    python -m tests.benchmarks.overhead [--trials 60]

Both sides run in this process and take turns, trial by trial, on the same two spaces: a tiny one,
and Model 3's, where building the network costs more than all the rest. Our side makes the calls of
`search.training.trial` in their order, on a journal in a temporary folder:

    ask         retry stale trials, take a trial of the queue, ask TPE for every value
    build       clear Keras's session, draw and compile the network
    tell        twelve reports, each with ASHA's verdict; the end; delete needless checkpoints
    record      describe the network, save its result and its probabilities (as many as the
                assignment has rows)
    checkpoint  save the trained network

Stock's side is `create_trial`, `build`, then `update_trial` and `end_trial`. It has no pruner, no
probabilities and no record. Our own part is ask, tell and record: what the project adds to a trial
whatever its network is. All of it is wall-clock.

What is imported is kept from the garbage collector, as in `search.workers.worker`; here it helps
stock's side too, which does not do so itself.
"""

import gc
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import optuna
from keras_tuner.engine.trial import TrialStatus
from tabulate import tabulate

from data.common import Parser, run
from data.dataset import Dataset
from results.scoring import Scorer, save_scores
from results.study import ACCURACY, OBJECTIVES, Point, Store
from search.common.seeds import derive_seed
from search.queue.trial_queue import AskedTrial, TrialQueue
from search.sampling.samplers import make_pruner, make_sampler
from search.training.callbacks import TrialCallbacks
from search.training.evaluation import summarize_training
from search.training.fit import TrainingConfig, TrainingOutcome
from search.training.trial import Trials, build, save_checkpoint
from spaces import Model3
from tests.benchmarks.measuring import dataset
from tests.search.small import Small

TARGET_MS = 150
OWN = ("ask", "tell", "record")
OVERHEAD = ("ask", "build", "tell", "record")
PARTS = (*OVERHEAD, "checkpoint")
HEADS = ("part", "ours ms", "p95", "stock ms", "p95 ", "ours / stock")
EPOCHS, REPORTS = 3, 4
OBJECTIVE = "val_accuracy"
VALIDATION_ROWS, HELDOUT_ROWS = 5_020, 6_694

Seconds = dict[str, float]


@contextmanager
def timing(taken: Seconds, part: str) -> Iterator[None]:
    """Add the block's seconds to a part's."""
    started = time.perf_counter()
    yield
    taken[part] = taken.get(part, 0.0) + time.perf_counter() - started


class Ours:
    """Runs trials as `search.training.trial` does, without training or measuring the network."""

    def __init__(self, space: Any, data: Dataset, folder: Path, trials: int) -> None:
        self.store = Store.create(
            folder / "run", [ACCURACY], name="run", data=data.facts, protocol={}
        )
        self.store.study.sampler = make_sampler("tpe", 0, 1, EPOCHS)
        self.store.study.pruner = make_pruner("asha", EPOCHS * REPORTS)
        queue = TrialQueue(self.store.study, owner="here-1", budget=trials, starting_points=[{}])
        config = TrainingConfig(EPOCHS, reports=REPORTS)
        self.trials = Trials(
            self.store, queue, space, data, config, (OBJECTIVES[OBJECTIVE],), seed=0
        )
        self.trials.discover()

    def trial(self, curve: Sequence[float]) -> Seconds:
        """Run one trial that reports the given accuracies; give the seconds of its parts."""
        taken: Seconds = {}
        queue = self.trials.queue
        with timing(taken, "ask"):
            queue.retry_stale()
            asked = queue.ask()
        assert asked is not None
        seed = derive_seed(0, asked.number)
        with timing(taken, "build"):
            model = build(self.trials.hypermodel, asked.hyperparameters, seed, None)
        points = [
            Point((index + 1) / REPORTS, 0.5, value, 0.5, value)
            for index, value in enumerate(curve)
        ]
        callbacks = TrialCallbacks({}, self.trials._info(asked, seed))
        with timing(taken, "tell"), queue.heartbeat(asked, 30):
            for point in points:
                self.trials._on_report(asked.trial, callbacks, point)
        with timing(taken, "record"):
            self._record(asked, model, points, seed)
        with timing(taken, "checkpoint"):
            save_checkpoint(model, self.store.trial_folder(asked.number))
        with timing(taken, "tell"):
            queue.tell(asked, [curve[-1]])
            self.store.keep_best_checkpoints(self.trials.kept_checkpoints)
        return taken

    def _record(self, asked: AskedTrial, model: Any, points: list[Point], seed: int) -> None:
        scores = np.zeros(VALIDATION_ROWS, np.float32)
        outcome = TrainingOutcome(
            "complete", "", EPOCHS, tuple(points), points[-1], len(scores), 0.0, 0.0, Scorer(model),
            scores, {},
        )  # fmt: skip
        folder = self.store.trial_folder(asked.number)
        result = summarize_training(
            model,
            outcome,
            name=f"trial {asked.number}",
            kind="trial",
            number=asked.number,
            hyperparameters=dict(asked.hyperparameters.values),
            seed=seed,
            artifacts=str(folder.relative_to(self.store.folder)),
        )
        save_scores(folder, scores, np.zeros(HELDOUT_ROWS, np.float32))
        self.store.publish(asked.number)
        self.store.record(asked.trial, result)


class Stock:
    """Runs trials as KerasTuner's own random search does, without training."""

    def __init__(self, space: Any, folder: Path, trials: int) -> None:
        self.tuner = keras_tuner.RandomSearch(
            space,
            keras_tuner.Objective(OBJECTIVE, "max"),
            max_trials=trials,
            seed=1,
            directory=str(folder),
            project_name="stock",
        )
        self.tuner.oracle.verbose = 0

    def trial(self, curve: Sequence[float]) -> Seconds:
        """Run one trial that ends with the last of the given accuracies."""
        taken: Seconds = {}
        oracle = self.tuner.oracle
        with timing(taken, "ask"):
            trial = oracle.create_trial(self.tuner.tuner_id)
        with timing(taken, "build"):
            # What its `_try_build` does before and around `build`.
            self.tuner._try_build(trial.hyperparameters)
        with timing(taken, "tell"):
            oracle.update_trial(trial.trial_id, {OBJECTIVE: curve[-1]}, step=EPOCHS)
            trial.status = TrialStatus.COMPLETED
            oracle.end_trial(trial)
        return taken


def measure(
    space: Any, data: Dataset, folder: Path, trials: int
) -> tuple[list[Seconds], list[Seconds]]:
    """Run trials of both sides in turn."""
    ours, stock = Ours(space, data, folder, trials), Stock(space, folder, trials)
    rng = np.random.default_rng(0)
    taken: tuple[list[Seconds], list[Seconds]] = ([], [])
    gc.collect()
    gc.freeze()
    for _ in range(trials):
        curve = np.sort(rng.uniform(0.5, 1.0, EPOCHS * REPORTS)).tolist()
        taken[0].append(ours.trial(curve))
        taken[1].append(stock.trial(curve))
    gc.unfreeze()
    keras.backend.clear_session()
    gc.collect()
    return taken[0][1:], taken[1][1:]


def milliseconds(trials: Sequence[Seconds], parts: Sequence[str]) -> np.ndarray[Any, Any]:
    """Give each trial's milliseconds in the named parts together, [n]."""
    return np.array([sum(one.get(part, 0.0) for part in parts) for one in trials]) * 1000


def table(ours: Sequence[Seconds], stock: Sequence[Seconds]) -> list[list[Any]]:
    """Give the rows below `HEADS`: the parts, then our own part, then the whole trial."""
    named = {**{part: (part,) for part in PARTS}, "own part": OWN, "whole trial": PARTS}
    rows = []
    for name, parts in named.items():
        mine, theirs = milliseconds(ours, parts), milliseconds(stock, parts)
        middle, stock_middle = float(np.median(mine)), float(np.median(theirs))
        row: list[Any] = [name, middle, float(np.percentile(mine, 95)), None, None, None]
        if theirs.any():
            row[3:] = [stock_middle, float(np.percentile(theirs, 95)), middle / stock_middle]
        rows.append(row)
    return rows


def verdict(ours: Sequence[Seconds]) -> str:
    """Say whether the target is met, and how the own part grows with the study."""
    own, overhead = milliseconds(ours, OWN), float(np.median(milliseconds(ours, OVERHEAD)))
    quarter = max(1, len(own) // 4)
    return (
        f"{', '.join(OVERHEAD)}: {overhead:.1f} ms, target under {TARGET_MS} ms "
        f"{'met' if overhead < TARGET_MS else 'MISSED'}; own part: {np.median(own):.1f} ms, "
        f"first quarter of {len(own)} trials {np.median(own[:quarter]):.1f} ms, "
        f"last {np.median(own[-quarter:]):.1f} ms"
    )


def main(argv: Sequence[str]) -> int:
    """Run and print."""
    parser = Parser("python -m tests.benchmarks.overhead", description=__doc__)
    parser.add_argument("--trials", type=int, default=60, help="a side and space, two or more")
    parser.add_argument("--spaces", default="small,model3")
    options = parser.parse_args(argv)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    data = dataset(None, 600)
    spaces = {"small": Small, "model3": Model3}
    for name in options.spaces.split(","):
        with tempfile.TemporaryDirectory() as folder:
            space = spaces[name](data.vocabulary.num_words)
            ours, stock = measure(space, data, Path(folder), options.trials)
        print(f"\n{name}, {len(ours)} trials a side")
        print(tabulate(table(ours, stock), HEADS, tablefmt="github", floatfmt=".1f"))
        print(verdict(ours), flush=True)
    return 0


if __name__ == "__main__":
    run(main)
