"""Train the baselines, search for Model 3, rank all on the held-out part, export the winner."""

from data.common import start

if __name__ == "__main__":
    start()

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import TYPE_CHECKING

from data.common import EXIT_INTERRUPTED, UserError, run
from search.config import RunConfig, parse, write_config

if TYPE_CHECKING:
    import pandas as pd

    from data.dataset import Dataset
    from results.study import Result, Store
    from search.workers import WorkerPool

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ended:
    """A run that has come to its end."""

    store: "Store"
    champion: "Result | None"
    problem: str | None  # why the search could not go on, in one line
    interrupted: bool  # by Ctrl-C


def main(argv: Sequence[str]) -> int:
    """Run a search from the command line; return 0, or 130 after Ctrl-C."""
    config = parse(argv)
    # Optuna and scikit-learn take seconds to import; `--help` and refused options do not wait.
    import optuna

    from results.scoring import suppress_stderr

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if config.explain:
        with suppress_stderr():
            # It imports TensorFlow, as only the workers do otherwise.
            from search.cli import explain_run

        explain_run(config)
        return 0
    ended = execute(config, stopped_by=(signal.SIGINT, signal.SIGTERM), show=print)
    if ended.problem is not None:
        raise UserError(ended.problem)
    return EXIT_INTERRUPTED if ended.interrupted else 0


def execute(
    config: RunConfig,
    data: "pd.DataFrame | None" = None,
    *,
    stopped_by: Sequence[signal.Signals] = (signal.SIGINT,),
    show: Callable[[str], None] | None = None,
) -> Ended:
    """Do a whole run: baselines, trials, refits, leaderboard, report and export.

    Args:
        config: Its configuration.
        data: Its log, if that is in memory.
        stopped_by: What ends the search in order the first time, and at once the second time.
        show: Takes the table, as soon as there is one.

    Raises:
        UserError: If the log, the study or the space cannot be used, or nothing can be written.
    """
    from search.workers import ForkServer

    # It imports beside this process, which has imports of its own and a log to read.
    with ForkServer() as server:
        from search.cli import finish_run, load_dataset, make_folder
        from search.workers import WorkerPool

        make_folder(config.out)
        dataset = load_dataset(config, data)
        given = config
        config = given.settled(len(dataset.split.fit))
        log.info("%d epochs per training", config.epochs)
        store = _open(config, dataset)
        # With the workers as given: "auto" is another number on another machine.
        write_config(replace(config, workers=given.workers))
        workers = WorkerPool(config, server)
        with _interruptible(workers, stopped_by), workers:
            ended = _search_and_refit(config, store, workers)
    finish_run(store, ended.champion, show)
    return ended


def _search_and_refit(config: RunConfig, store: "Store", workers: "WorkerPool") -> Ended:
    """Do all that trains something."""
    from results.study import choose_champion, choose_ensemble, choose_refits
    from search.cli import View
    from search.stages import refit_and_repeat, search, to_refit

    view = View(store.study, config.search_budget, config.objective[0])
    with view:
        problem = search(config, store, workers, view)
    # Fixed before anything is scored on the held-out part, and before it is trained again.
    champion = choose_champion(store, config.finalists)
    choose_ensemble(store, config.ensemble)
    refit = to_refit(config, store, champion)
    choose_refits(store, [result.name for result in refit])
    if problem is None:
        with view:
            problem = refit_and_repeat(config, store, champion, workers, view)
    return Ended(store, champion, problem, workers.is_stopping and problem is None)


def _open(config: RunConfig, dataset: "Dataset") -> "Store":
    """Open the run's study, or create it, and leave the data set for the workers."""
    from results.leaderboard import find_run
    from results.study import DATA_FOLDER, Store, choose_starts

    folder = config.folder
    earlier = None
    if config.start_from is not None:
        earlier = Store.open(find_run(config.start_from, config.out))
    store = Store.create(
        folder,
        config.objectives,
        name=config.study,
        url=config.storage,
        heartbeat=config.heartbeat,
        artifacts=config.artefacts,
        data=dataset.facts,
        protocol=config.protocol,
    )
    if earlier is not None:
        starts = choose_starts(store, earlier, f"--start-from is '{config.start_from}'")
        listed = ", ".join(f"{start.trial} ({start.value:.4g})" for start in starts)
        log.info("starting from %s's best by %s: %s", starts[0].run, starts[0].objective, listed)
    # Not again where it is: the workers of another search of this study may be reading it.
    if not dataset.is_saved(folder / DATA_FOLDER):
        dataset.save(folder / DATA_FOLDER)
    return store


@contextmanager
def _interruptible(workers: "WorkerPool", signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Let the first Ctrl-C end the search in order, the second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Signals come to the main thread alone, and only it may handle them.
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if workers.is_stopping:
            workers.kill()
            raise KeyboardInterrupt
        log.warning(
            "stopping: running trials are put back into the queue; press Ctrl-C again to stop at "
            "once"
        )
        workers.stop()

    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    run(main)
