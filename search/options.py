"""The command line of a search, as one frozen value."""

import argparse
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.access_log import DROPPED_KEYS, FORMATS
from data.batches import Padding
from data.command import Parser
from data.errors import UserError
from data.prepare import VocabularyFrom
from data.split import SPLITS
from results.artefacts import check_url
from results.store import HEARTBEAT_SECONDS
from search import budget, objectives
from search.budget import Budget
from search.objectives import Objective
from search.samplers import check_names
from spaces.names import BASELINE_NAMES

BATCH_SIZE = 128

# What lies beside the runs: finished baselines, and the logs that the project generates.
_OTHER_FOLDERS = ("baselines", "synthetic")

EXAMPLE = """examples:
  python -m search.run --budget 20                              20 trials on the synthetic log
  python -m search.run --budget 10m --data access.csv.xz        ten minutes on your own log
  python -m search.run --budget 0 --baselines all               the baselines alone
"""


@dataclass(frozen=True)
class Options:
    """What the user asked for; the attributes are the options' names."""

    budget: Budget
    data: str | None
    format: str | None
    dropped_keys: tuple[str, ...]
    skip_bad_rows: bool
    rows: int | None
    split: str
    vocabulary: VocabularyFrom
    space: str
    sampler: str
    pruner: str
    objective: tuple[Objective, ...]
    baselines: tuple[str, ...]
    padding: Padding
    epochs: int
    workers: int | None
    seed: int
    study: str
    storage: str | None
    heartbeat: int
    artefacts: str | None
    out: Path

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.out / self.study

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
    given = _parser().parse_args(argv)
    # Hyperband of KerasTuner halves its trials itself.
    pruner = given.pruner or ("none" if given.sampler == "kt-hyperband" else "asha")
    check_names(given.sampler, pruner)
    return Options(
        budget=budget.parse(given.budget),
        data=None if given.data is None else _filled("--data", given.data),
        format=given.format,
        dropped_keys=tuple(key for key in given.dropped_keys.split(",") if key),
        skip_bad_rows=given.skip_bad_rows,
        rows=given.rows,
        split=given.split,
        vocabulary=given.vocabulary,
        space=given.space,
        sampler=given.sampler,
        pruner=pruner,
        objective=objectives.parse(given.objective),
        baselines=_baselines(given.baselines),
        padding=given.padding,
        epochs=given.epochs,
        workers=_workers(given.workers),
        seed=given.seed,
        study=_study(given.study),
        storage=given.storage,
        heartbeat=given.heartbeat,
        artefacts=_artefacts(given.artefacts),
        out=Path(_filled("--out", given.out)),
    )


def _parser() -> Parser:
    parser = Parser(
        prog="python -m search.run",
        description="Train the baselines, search for Model 3, rank all on the held-out quarter, "
        "export the winner.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--budget",
        required=True,
        metavar="N|TIME",
        help="trials (20), or wall-clock of the search (90s, 10m, 1h30m); 0: baselines only",
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data",
        metavar="FILE",
        help="plain, .gz, .xz or .zip, '-' for standard input "
        "(default: a synthetic log that the project generates)",
    )
    data.add_argument("--format", choices=FORMATS, help="default: guessed")
    data.add_argument(
        "--dropped-keys",
        default=",".join(DROPPED_KEYS),
        metavar="KEY,...",
        help="keys deleted from each record (default: %(default)s)",
    )
    data.add_argument("--skip-bad-rows", action="store_true", help="leave bad rows out, count them")
    data.add_argument("--rows", type=_count, metavar="N", help="use the first N rows only")
    data.add_argument(
        "--split", choices=SPLITS, default="chronological", help="default: %(default)s"
    )
    data.add_argument(
        "--vocabulary",
        choices=("train", "all"),
        default="train",
        help="rows whose characters get ids; 'all' is the notebook's leak (default: %(default)s)",
    )
    _add_search(parser.add_argument_group("search"))
    _add_run(parser.add_argument_group("run"))
    return parser


def _add_search(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--space", default="model3", metavar="model3|PKG.MOD:CLASS", help="default: %(default)s"
    )
    group.add_argument(
        "--sampler",
        default="tpe",
        metavar="NAME",
        help="tpe, gp, cmaes, nsga2, random, grid, kt-random, kt-bayesian, kt-hyperband or "
        "MODULE:CLASS (default: %(default)s)",
    )
    group.add_argument(
        "--pruner",
        metavar="NAME",
        help="asha, hyperband, median or none (default: asha; none for kt-hyperband)",
    )
    group.add_argument(
        "--objective",
        default="val_accuracy",
        metavar="NAME,...",
        help=f"of {', '.join(objectives.OBJECTIVES)} (default: %(default)s)",
    )
    group.add_argument("--epochs", type=_count, default=3, help="a training (default: %(default)s)")
    group.add_argument("--seed", type=_natural, default=0, help="default: %(default)s")


def _add_run(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--baselines",
        default="model1,model2,linear",
        metavar="NAME,...|all|none",
        help="default: %(default)s",
    )
    group.add_argument(
        "--padding",
        choices=("full", "real"),
        default="full",
        help="of the baselines: 'full' is the brief's 1024, 'real' each record's own length, "
        "about five times faster (default: %(default)s)",
    )
    group.add_argument(
        "--workers", default="auto", metavar="auto|N", help="processes (default: one a core)"
    )
    group.add_argument(
        "--study", metavar="NAME", help="resume or name a study (default: the date and time)"
    )
    group.add_argument(
        "--storage", metavar="URL", help="a database instead of the run's own journal file"
    )
    group.add_argument(
        "--heartbeat",
        type=_count,
        default=HEARTBEAT_SECONDS,
        metavar="SECONDS",
        help="between a trial's signs of life in a database; silent for four times as long, it is "
        "repeated (default: %(default)s)",
    )
    group.add_argument(
        "--artefacts",
        metavar="URL",
        help="where machines that share no --out exchange the trials' files: an fsspec URL, e.g. "
        "s3://bucket/folder",
    )
    group.add_argument("--out", default="runs", metavar="DIR", help="default: %(default)s")


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,11}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of 1 or more")
    return int(text)


def _natural(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 to 999999999")
    return int(text)


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


def _workers(text: str) -> int | None:
    if text == "auto":
        return None
    most = 8 * (os.cpu_count() or 1)
    if not re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII) or int(text) > most:
        raise UserError(f"--workers is '{text}', but must be auto or a number from 1 to {most}")
    return int(text)


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
