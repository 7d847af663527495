"""Train the baselines, search for Model 3, rank all on the held-out part, export the winner."""

from data.common import start

if __name__ == "__main__":
    start()

import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType

import optuna

from data.common import EXIT_INTERRUPTED, UserError, run
from data.dataset import Dataset
from results.scoring import suppress_stderr
from results.study import (
    DATA_FOLDER,
    Result,
    Store,
    choose_champion,
    choose_ensemble,
    choose_refits,
)
from search.cli import View, make_folder
from search.cli.finish import finish
from search.cli.load import load
from search.config import BATCH_SIZE, Options, config_file as config, parse
from search.stages import repeat, search, to_refit
from search.workers import (
    BaselineDone,
    Doing,
    Plan,
    Progress,
    Stage,
    Task,
    TrainBaseline,
    Workers,
    workforce,
)
from spaces import reports_for

log = logging.getLogger(__name__)

# Imported by the workers alone, as the user's own are.
TENSORBOARD = "search.training.tensorboard:TensorBoard"
# Longest first, so that workers that share the baselines end at about the same time.
_BY_COST = ("model3-notebook", "model2", "model1-as-run", "model1", "linear", "regex", "majority")


def main(argv: Sequence[str]) -> int:
    """Run a search from the command line.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status: 0, or 130 after Ctrl-C.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options = parse(argv)
    if options.explain:
        with suppress_stderr():
            # It imports TensorFlow, as only the workers do otherwise.
            from search.cli.explain import explain

        explain(options, make_plan)
        return 0
    make_folder(options.out)
    dataset = load(options)
    options = options.settled(len(dataset.split.fit))
    log.info("%d epochs a training", options.epochs)
    plan = make_plan(options)
    store = _open(options, dataset)
    config.write(store.folder, options.given, {**options.resolved, "workers": plan.workers})
    with Workers(plan) as workers, _interruptible(workers):
        view = View(store.study, options.searched, plan.objectives[0])
        with view:
            train_baselines(options, store, workers, view)
        problem = None
        if not options.budget.is_empty:
            with view:
                problem = search(options, store, workers, view)
        # Fixed before anything is scored on the held-out part, and before it is trained again.
        champion = choose_champion(store, options.finalists)
        choose_ensemble(store, options.ensemble)
        refit = to_refit(options, store, champion)
        choose_refits(store, [result.name for result in refit])
        if problem is None:
            with view:
                problem = repeat(options, store, champion, workers, view)
        interrupted = workers.is_stopping
    finish(store, champion)
    if problem is not None:
        raise UserError(problem)
    return EXIT_INTERRUPTED if interrupted else 0


def make_plan(options: Options) -> Plan:
    """Say what the workers need to know.

    Args:
        options: The command line, settled for the log.

    Returns:
        The plan.
    """
    assert options.epochs is not None
    trials = options.searched.trials
    tasks = None if trials is None else max(trials, len(options.baselines), options.repeats)
    force = workforce(options.workers, tasks)
    return Plan(
        folder=options.folder.resolve(),
        study=options.study,
        storage=options.storage,
        heartbeat=options.heartbeat,
        cache=options.out.resolve() / "baselines",
        space=options.space,
        sampler=options.sampler,
        pruner=options.pruner,
        objectives=tuple(objective.name for objective in options.objective),
        trials=trials,
        epochs=options.epochs,
        batch_size=BATCH_SIZE,
        padding=options.padding,
        reports=reports_for(options.epochs),
        seed=options.seed,
        workers=force.workers,
        threads=force.threads,
        max_parameters=options.max_parameters,
        trial_timeout=options.trial_timeout,
        max_failures=options.max_failures,
        callbacks=(*options.callback, *([TENSORBOARD] if options.tensorboard else [])),
        finalists=options.finalists,
    )


def _open(options: Options, dataset: Dataset) -> Store:
    folder = options.folder.resolve()
    store = Store.create(
        folder,
        options.objective,
        name=options.study,
        url=options.storage,
        heartbeat=options.heartbeat,
        artifacts=options.artefacts,
        data=dataset.facts,
        protocol=options.protocol,
    )
    # Not again where it is: the workers of another search of this study may be reading it.
    if not dataset.is_saved(folder / DATA_FOLDER):
        dataset.save(folder / DATA_FOLDER)
    return store


def train_baselines(options: Options, store: Store, workers: Workers, view: View) -> None:
    """Train the baselines that are not kept from an earlier run, and record all of them.

    Args:
        options: The command line.
        store: The run.
        workers: Who trains.
        view: Who tells.
    """
    tasks = [TrainBaseline(name) for name in sorted(options.baselines, key=_BY_COST.index)]
    stage = _Baselines(view)
    for index, news in workers.run(tasks, stage):
        match news:
            case Progress():
                view.progress(index, news)
            case BaselineDone(result, kept):
                view.idle(index)
                if not result.is_dropped:
                    stage.end(result, kept)
    for name in options.baselines:
        if name in stage.done:
            result = stage.done[name]
            place = result.artifacts and store.artifacts.name(result.artifacts)
            store.record_baseline(replace(result, artifacts=place))


@dataclass
class _Baselines(Stage):
    """Tells of the baselines that were trained, stopped or hung."""

    view: View
    done: dict[str, Result] = field(default_factory=dict)

    def end(self, result: Result, kept: bool = False) -> None:
        self.view.trained(result.name, result, kept)
        self.done[result.name] = result

    def hung(self, task: Task, doing: Doing, why: str) -> None:
        assert isinstance(task, TrainBaseline)
        self.end(Result(task.name, "baseline", "failed", why))


@contextmanager
def _interruptible(workers: Workers) -> Iterator[None]:
    """Let the first Ctrl-C end the search in order, the second one at once."""

    def handle(number: int, frame: FrameType | None) -> None:
        if workers.is_stopping:
            workers.kill()
            raise KeyboardInterrupt
        log.warning("stopping: running trials are put back; once more to stop at once")
        workers.stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    run(main)
