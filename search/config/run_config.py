"""The command line of a search, as one frozen value."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.common import UserError
from data.dataset import Padding, VocabularyFrom
from results.study import Objective
from search.config import budget, config_file as config, objectives, values
from search.config.arguments import parser
from search.config.budget import Budget
from search.queue import DEFAULT_PRUNER, check_names
from spaces import epochs_for

BATCH_SIZE = 128


@dataclass(frozen=True)
class Options:
    """What the user asked for; the attributes are the options' names."""

    budget: Budget
    explain: bool
    data: str | None
    format: str | None
    dropped_keys: tuple[str, ...]
    skip_bad_rows: bool
    rows: int | None
    max_bytes: int
    split: str
    vocabulary: VocabularyFrom
    space: str
    sampler: str
    pruner: str
    objective: tuple[Objective, ...]
    baselines: tuple[str, ...]
    padding: Padding
    epochs: int | None  # None until the log's size is known.
    repeats: int
    refit: bool
    ensemble: int
    finalists: int
    workers: int | None
    max_parameters: int | None
    trial_timeout: float | None
    max_failures: int
    seed: int
    study: str
    storage: str | None = field(repr=False)  # It may hold a password.
    callback: tuple[str, ...]
    tensorboard: bool
    heartbeat: int
    artefacts: str | None
    out: Path
    # As they were written; for the run's own config.toml.
    given: Namespace = field(repr=False, compare=False)

    @property
    def resolved(self) -> dict[str, Any]:
        """What became of options that were left to us, by their names."""
        return {"pruner": self.pruner, "study": self.study, "epochs": self.epochs}

    def settled(self, rows: int) -> "Options":
        """Give the options for a log that has been read: with a number of epochs.

        Args:
            rows: How many rows a training sees in one epoch.

        Returns:
            These, or with `--epochs auto` those of a log of that size.
        """
        return replace(self, epochs=epochs_for(rows)) if self.epochs is None else self

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.out / self.study

    @property
    def searched(self) -> Budget:
        """The budget without the trials that are kept for the finalists."""
        trials = self.budget.trials
        return self.budget if trials is None else Budget(trials=trials - self.finalists)

    @property
    def protocol(self) -> dict[str, Any]:
        """What a score means: all of it must be equal where a study is resumed."""
        return {
            "space": self.space,
            "objective": [objective.name for objective in self.objective],
            "epochs": self.epochs,
            "batch_size": BATCH_SIZE,
            "padding": "real",
            "baseline_padding": self.padding,
            "seed": self.seed,
            # Not what a score means, but which trials come to have one.
            "max_parameters": self.max_parameters,
            "trial_timeout": self.trial_timeout and str(Budget(seconds=self.trial_timeout)),
        }


def parse(argv: Sequence[str]) -> Options:
    """Read the arguments of `python -m search.run`.

    Args:
        argv: The arguments behind the module's name.

    Returns:
        The options.

    Raises:
        UserError: If an option has a value that it cannot have.
    """
    asked = config.given(argv)
    if asked.options.budget is None and not asked.options.explain:
        parser().error("the following arguments are required: --budget")
    try:
        return _options(asked.options)
    except UserError as error:
        raise asked.placed(error) from error


def _options(given: Namespace) -> Options:
    # Hyperband of KerasTuner halves its trials itself.
    pruner = given.pruner or ("none" if given.sampler == "kt-hyperband" else DEFAULT_PRUNER)
    check_names(given.sampler, pruner)
    length = Budget(trials=0) if given.budget is None else budget.parse(given.budget)
    optimised = objectives.parse(given.objective)
    return Options(
        budget=length,
        explain=given.explain,
        data=None if given.data is None else values.filled("--data", given.data),
        format=given.format,
        dropped_keys=tuple(key for key in given.dropped_keys.split(",") if key),
        skip_bad_rows=given.skip_bad_rows,
        rows=given.rows,
        max_bytes=given.max_bytes,
        split=given.split,
        vocabulary=given.vocabulary,
        space=given.space,
        sampler=given.sampler,
        pruner=pruner,
        objective=optimised,
        baselines=values.baselines(given.baselines),
        padding=given.padding,
        epochs=values.epochs(given.epochs),
        repeats=values.repeats(given.repeats),
        refit=given.refit,
        ensemble=values.several("--ensemble", given.ensemble),
        finalists=values.finalists(given.finalists, length, optimised),
        workers=values.workers(given.workers, given.sampler),
        max_parameters=values.parameters(given.max_parameters),
        trial_timeout=values.timeout(given.trial_timeout),
        max_failures=given.max_failures,
        seed=given.seed,
        study=values.study(given.study),
        storage=given.storage,
        callback=values.callbacks(given.callback or ()),
        tensorboard=given.tensorboard,
        heartbeat=given.heartbeat,
        artefacts=values.artefacts(given.artefacts),
        out=Path(values.filled("--out", given.out)),
        given=given,
    )
