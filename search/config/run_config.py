"""The configuration of a run: each option of `python -m search.run` is a field, declared only here.

The parser, `--help`, the TOML file and the protocol are made from the declarations, and the workers
get the configuration as it is.
"""

# ruff: noqa: RUF009 - `option` returns a field, as `dataclasses.field` does.

import os
import secrets
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from data import DataOptions
from data.common import UserError, count_cores, declared, filled, integer, option
from data.records import Padding
from results.study import OBJECTIVES, STORAGE_VARIABLE, Objective, is_run
from search.config import option_types as types
from search.config.budget import Budget, duration_text, parse_budget, parse_duration
from search.config.pool_size import default_workers
from search.sampling import (
    DEFAULT_PRUNER,
    KERAS_TUNER,
    PRUNERS,
    check_pruner,
    check_sampler,
    sampler_names,
)
from spaces import BASELINE_NAMES, epochs_for, reports_for
from spaces.open import FAMILIES

AUTO = 0
# Imported by the workers alone, as the user's own callbacks are.
_TENSORBOARD = "search.training.tensorboard:TensorBoard"

_search = partial(option, group="search")
_run = partial(option, group="run")


def _auto(value: int) -> int | str:
    return "auto" if value == AUTO else value


@dataclass(frozen=True, kw_only=True)
class RunConfig(DataOptions):
    """All that is to be known of a run: its options, which carry their help, and two settings.

    Only the budget has no default. `settled` fills in what depends on the log's size and on the
    machine: `epochs` and `workers` are `AUTO` until then, unless they were given.

    Args:
        batch_size: Rows in a batch, unless the space says otherwise.
        grace: Seconds beyond the timeout, or the budget, after which a training is taken to hang.

    Raises:
        UserError: If two options contradict each other.
    """

    budget: Budget = option(
        parse=parse_budget,
        show=lambda budget: str(budget) if budget.trials is None else budget.trials,
        is_number=True,
        metavar="N|TIME",
        help="trials (20), or wall-clock of the search (90s, 10m, 1h30m); 0: baselines only",
    )
    config: str | None = option(
        None,
        compare=False,
        is_of_call=True,
        metavar="FILE",
        help="options from a TOML file, by the names they have here (rows = 500); command-line "
        "options take precedence",
    )
    explain: bool = option(
        False,
        is_of_call=True,
        help="print the plan and about how long it takes, train nothing; needs no --budget",
    )

    space: str = _search(
        "model3",
        protocol="space",
        metavar="model3|open|PKG.MOD:CLASS",
        help="open is model3 without the assignment's rules; one family of it alone: "
        f"{', '.join(f'open-{family}' for family in FAMILIES)} (default: %(default)s)",
    )
    sampler: str = _search(
        "tpe",
        parse=types.checked(check_sampler),
        metavar="NAME",
        help=f"{', '.join(sampler_names())} or MODULE:CLASS (default: %(default)s)",
    )
    pruner: str = _search(
        "",
        parse=types.checked(check_pruner),
        metavar="NAME",
        help=f"of {', '.join(PRUNERS)} (default: {DEFAULT_PRUNER}; none for kt-hyperband)",
    )
    start_from: str | None = _search(
        None,
        parse=filled,
        metavar="RUN",
        help="try the best 5 points of an earlier run first, in place of the space's own starting "
        "points; its folder, or its name under --out; it may be of another log",
    )
    objective: tuple[str, ...] = _search(
        ("val_accuracy",),
        parse=types.names(OBJECTIVES),
        protocol="objective",
        metavar="NAME,...",
        help=f"of {', '.join(OBJECTIVES)}; the first chooses the champion (default: %(default)s)",
    )
    epochs: int = _search(
        AUTO,
        parse=types.auto_or(1),
        show=_auto,
        protocol="epochs",
        metavar="auto|N",
        help="epochs of each training (default: 3 for a log of the assignment's size, more for a "
        "smaller one)",
    )
    seed: int = _search(
        0,
        parse=integer(0, 999_999_999),
        protocol="seed",
        metavar="N",
        help="random seed (default: %(default)s)",
    )
    # These two do not change what a score means, but which trials come to have one.
    max_parameters: int | None = _search(
        None,
        parse=types.weights,
        protocol="max_parameters",
        metavar="N",
        help="refuse trials whose model has more parameters, before they train, e.g. 500k, 2M "
        "(default: no bound)",
    )
    trial_timeout: float | None = _search(
        None,
        parse=parse_duration,
        show=duration_text,
        protocol="trial_timeout",
        metavar="TIME",
        help="prune a training that takes longer, and kill one that hangs, whether of a trial, a "
        "baseline, a finalist, a repeat or a refit, e.g. 90s, 10m (default: no bound)",
    )
    max_failures: int = _search(
        5,
        parse=integer(1),
        metavar="N",
        help="end the search after N failed trials in a row, over all workers; a model that is too "
        "large counts as a tenth of one (default: %(default)s)",
    )

    baselines: tuple[str, ...] = _run(
        ("model1", "model2", "linear"),
        parse=types.baselines,
        show=lambda names: ",".join(names) or "none",
        metavar="NAME,...|all|none",
        help=f"of {', '.join(BASELINE_NAMES)} (default: %(default)s)",
    )
    padding: Padding = _run(
        "full",
        choices=("full", "real"),
        protocol="baseline_padding",
        help="of the baselines: 'full' is the assignment's 1024, 'real' each record's own length, "
        "about five times faster (default: %(default)s)",
    )
    repeats: int = _run(
        1,
        parse=integer(1, 100),
        metavar="K",
        help="train the champion and the baselines with K seeds in all, and show mean and spread "
        "(default: %(default)s)",
    )
    refit: bool = _run(
        True,
        help="train the champion, model2 and linear once more on all training rows, as rows of "
        "their own, and export that champion (default: --refit)",
    )
    ensemble: int = _run(
        0,
        parse=integer(2, 100, also=0),
        metavar="K",
        help="rank the mean of the K best trials' probabilities as a row of its own, never as the "
        "champion; costs no training (default: %(default)s, none)",
    )
    finalists: int = _run(
        0,
        parse=integer(2, 100, also=0),
        metavar="K",
        help="train the K best trials once more with another seed, and choose the champion by the "
        "mean of both: a part of the budget, of which they take K trials or, of a time, what they "
        "are likely to need, at most half (default: %(default)s, none)",
    )
    workers: int = _run(
        AUTO,
        parse=types.auto_or(1, types.most_workers),
        show=_auto,
        metavar="auto|N",
        help="processes (default: one per core, if there are as many trials and enough memory)",
    )
    study: str = _run(
        "",
        parse=types.study,
        metavar="NAME",
        help="resume or name a study (default: the date and time)",
    )
    storage: str | None = _run(
        None,
        repr=False,  # It may hold a password.
        metavar="URL",
        help="a database instead of the run's own journal file (default: OPTUNA_STORAGE, if it is "
        "set)",
    )
    heartbeat: int = _run(
        15,
        parse=integer(1),
        metavar="SECONDS",
        help="interval of a trial's heartbeats in the database; without one for four intervals, it "
        "is repeated elsewhere (default: %(default)s)",
    )
    artefacts: str | None = _run(
        None,
        parse=types.artifacts_url,
        metavar="URL",
        help="where machines that share no --out exchange the trials' files: an fsspec URL, e.g. "
        "s3://bucket/folder",
    )
    callback: tuple[str, ...] = _run(
        (),
        parse=types.callback,
        show=list,
        is_repeated=True,
        metavar="MODULE:NAME",
        help="a function that is called once per trial with a search.TrialInfo and returns Keras "
        "callbacks for its training, e.g. one that logs to MLflow; or an Optuna callback of "
        "(study, trial), called after each trial; may be given more than once",
    )
    tensorboard: bool = _run(
        False,
        help="write each trial's curves and hyperparameters for TensorBoard, into the run's folder",
    )
    out: Path = _run(
        Path("runs"),
        parse=lambda text: Path(filled(text)),
        metavar="DIR",
        help="folder of all runs (default: %(default)s)",
    )

    batch_size: int = 128
    grace: float = 120.0  # Building, compiling and validating are not interrupted.

    def __post_init__(self) -> None:
        """Complete the options that depend on others, and refuse what contradicts itself."""
        super().__post_init__()
        if not self.pruner:
            # KerasTuner's Hyperband halves its trials itself.
            own = self.sampler == "kt-hyperband"
            object.__setattr__(self, "pruner", "none" if own else DEFAULT_PRUNER)
        if not self.study:
            # One process may begin several searches in the same second.
            name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
            object.__setattr__(self, "study", name)
        # A run goes on where it was begun: with its journal, or its own database.
        if self.storage is None and not is_run(self.folder):
            object.__setattr__(self, "storage", os.environ.get(STORAGE_VARIABLE) or None)
        if len(self.objective) > 1 and self.sampler in ("cmaes", *KERAS_TUNER):
            raise UserError(
                f"--objective is '{','.join(self.objective)}', but --sampler {self.sampler} takes "
                "one alone; use tpe, nsga2, random or grid"
            )
        if self.sampler in KERAS_TUNER:
            if self.workers > 1:
                raise UserError(
                    f"--workers is {self.workers}, but --sampler {self.sampler} keeps its state in "
                    "one process; use --workers 1"
                )
            object.__setattr__(self, "workers", 1)
            if self.start_from is not None:
                raise UserError(
                    f"--start-from is '{self.start_from}', but --sampler {self.sampler} proposes "
                    "every point itself; leave one of them out"
                )
        if self.finalists:
            self._check_finalists()

    def _check_finalists(self) -> None:
        if len(self.objective) > 1 or not self.objectives[0].is_reported:
            known = ", ".join(name for name, it in OBJECTIVES.items() if it.is_reported)
            raise UserError(
                f"--finalists is '{self.finalists}', but --objective is "
                f"{','.join(self.objective)}; finalists are compared by validation rows: use one "
                f"of {known} alone"
            )
        trials = self.budget.trials
        if trials and self.finalists > trials // 2:
            raise UserError(
                f"--finalists is '{self.finalists}', but they are a part of --budget {trials}; at "
                "most half of its trials can be"
            )

    def settled(self, rows: int) -> "RunConfig":
        """Return the configuration with `epochs` and `workers`, for so many rows in an epoch."""
        tasks = self.trials
        if tasks is not None:
            tasks = max(tasks, len(self.baselines), self.repeats)
        return replace(
            self,
            epochs=self.epochs or epochs_for(rows),
            workers=self.workers or default_workers(tasks),
        )

    @property
    def folder(self) -> Path:
        """The run's folder, as an absolute path."""
        return (self.out / self.study).resolve()

    @property
    def baseline_cache(self) -> Path:
        """The folder where finished baselines are kept for all runs, as an absolute path."""
        return (self.out / "baselines").resolve()

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives that `objective` names."""
        return tuple(OBJECTIVES[name] for name in self.objective)

    @property
    def trials(self) -> int | None:
        """The trials of the search, without those that are kept for the finalists."""
        trials = self.budget.trials
        return None if trials is None else max(0, trials - self.finalists)

    @property
    def search_budget(self) -> Budget:
        """The budget without the trials that are kept for the finalists."""
        return self.budget if self.trials is None else Budget(trials=self.trials)

    @property
    def reports(self) -> int:
        """How often a trial reports in an epoch."""
        return reports_for(self.epochs)

    @property
    def threads(self) -> int:
        """How many threads each worker has."""
        return max(1, count_cores() // self.workers)

    @property
    def callbacks(self) -> tuple[str, ...]:
        """The factories of callbacks, TensorBoard's among them."""
        return (*self.callback, *([_TENSORBOARD] if self.tensorboard else []))

    @property
    def protocol(self) -> dict[str, Any]:
        """What a score means: all of it must be equal if a study is resumed."""
        found: dict[str, Any] = {"batch_size": self.batch_size, "padding": "real"}
        for item in declared(RunConfig):
            if item.option.protocol is not None:
                value = getattr(self, item.name)
                shown = None if value is None else item.option.show(value)
                found[item.option.protocol] = list(value) if item.is_list else shown
        if any(name.startswith("latency") for name in self.objective):
            # Earlier versions measured it in Keras: a trial of theirs reads ten times as much.
            found["latency"] = "ONNX Runtime"
        return found
