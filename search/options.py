"""The command line of a search, as one frozen value."""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.batches import Padding
from data.errors import UserError
from data.prepare import VocabularyFrom
from results.artefacts import check_url
from search import budget, objectives
from search.arguments import parser
from search.budget import Budget
from search.objectives import Objective
from search.samplers import check_names
from search.workforce import cores
from spaces.names import BASELINE_NAMES

BATCH_SIZE = 128
MOST_REPEATS = 100
MOST_TOGETHER = 100

_THOUSANDS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}

# What lies beside the runs: finished baselines, and the logs that the project generates.
_OTHER_FOLDERS = ("baselines", "synthetic")


@dataclass(frozen=True)
class Options:
    """What the user asked for; the attributes are the options' names."""

    budget: Budget
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
    epochs: int
    repeats: int
    ensemble: int
    finalists: int
    workers: int | None
    max_parameters: int | None
    trial_timeout: float | None
    max_failures: int
    seed: int
    study: str
    storage: str | None = field(repr=False)  # It may hold a password.
    heartbeat: int
    artefacts: str | None
    out: Path

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
    given = parser().parse_args(argv)
    # Hyperband of KerasTuner halves its trials itself.
    pruner = given.pruner or ("none" if given.sampler == "kt-hyperband" else "asha")
    check_names(given.sampler, pruner)
    length, optimised = budget.parse(given.budget), objectives.parse(given.objective)
    return Options(
        budget=length,
        data=None if given.data is None else _filled("--data", given.data),
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
        baselines=_baselines(given.baselines),
        padding=given.padding,
        epochs=given.epochs,
        repeats=_repeats(given.repeats),
        ensemble=_several("--ensemble", given.ensemble),
        finalists=_finalists(given.finalists, length, optimised),
        workers=_workers(given.workers),
        max_parameters=_parameters(given.max_parameters),
        trial_timeout=_timeout(given.trial_timeout),
        max_failures=given.max_failures,
        seed=given.seed,
        study=_study(given.study),
        storage=given.storage,
        heartbeat=given.heartbeat,
        artefacts=_artefacts(given.artefacts),
        out=Path(_filled("--out", given.out)),
    )


def _baselines(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    names = list(BASELINE_NAMES) if text == "all" else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in BASELINE_NAMES:
            known = ", ".join(BASELINE_NAMES)
            raise UserError(f"--baselines '{name}' is not known; known are {known}, all, none")
    return tuple(name for name in BASELINE_NAMES if name in names)


def _filled(option: str, text: str) -> str:
    # What a shell makes of an unset variable; it must not mean "the default".
    if not text.strip():
        raise UserError(f"{option} is empty; give a value or leave the option out")
    return text


def _artefacts(url: str | None) -> str | None:
    if url is not None:
        check_url(url)
    return url


def _repeats(count: int) -> int:
    if count > MOST_REPEATS:
        raise UserError(f"--repeats is '{count}', but must be a number from 1 to {MOST_REPEATS}")
    return count


def _several(option: str, count: int) -> int:
    if count == 1 or count > MOST_TOGETHER:
        raise UserError(
            f"{option} is '{count}', but must be 0 or a number from 2 to {MOST_TOGETHER}"
        )
    return count


def _finalists(count: int, length: Budget, optimised: Sequence[Objective]) -> int:
    _several("--finalists", count)
    names = [objective.name for objective in optimised]
    if count and (len(names) > 1 or names[0] not in objectives.REPORTED):
        raise UserError(
            f"--finalists is '{count}', but --objective is {','.join(names)}; finalists are "
            f"compared by validation rows: use {' or '.join(objectives.REPORTED)} alone"
        )
    if count and length.trials is not None and count > length.trials // 2:
        raise UserError(
            f"--finalists is '{count}', but they are a part of --budget {length}; at most half "
            "of its trials can be"
        )
    return count


def _workers(text: str) -> int | None:
    if text == "auto":
        return None
    most = 8 * cores()
    if not re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII) or int(text) > most:
        raise UserError(f"--workers is '{text}', but must be auto or a number from 1 to {most}")
    return int(text)


def _parameters(text: str | None) -> int | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?)([kKmMgGbB]?)", text, re.ASCII)
    count = float(match[1]) * _THOUSANDS[match[2].lower()] if match else 0.0
    if count < 1 or count != int(count):
        raise UserError(
            f"--max-parameters is '{text}', but must be a whole number of 1 or more, e.g. 500000, "
            "500k or 1.5M"
        )
    return int(count)


def _timeout(text: str | None) -> float | None:
    return None if text is None else budget.duration("--trial-timeout", text)


def _study(text: str | None) -> str:
    if text is None:
        return f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise UserError(
            f"--study is '{text}', but must be a folder's name of letters, digits, '.', '_', '-'"
        )
    if text in _OTHER_FOLDERS:
        raise UserError(f"--study is '{text}', which --out uses otherwise; take another name")
    return text
