"""The command line of a search as argparse sees it."""

import argparse
import re

from data.common import Parser
from data.dataset import SPLITS
from data.reading import DROPPED_KEYS, LOG_FORMATS, add_max_bytes
from results.study import HEARTBEAT_SECONDS, OBJECTIVES
from search.queue import DEFAULT_PRUNER, MOST_FAILURES, PRUNERS, sampler_names
from spaces import BASELINE_NAMES
from spaces.open import FAMILIES

EXAMPLE = """examples:
  python -m search.run --budget 20                              20 trials on the synthetic log
  python -m search.run --budget 10m --data access.csv.xz        ten minutes on your own log
  python -m search.run --budget 0 --baselines all               the baselines alone
  python -m search.run --budget 20 --explain                    what would be done, and how long
"""


def parser(kind: type[Parser] = Parser) -> Parser:
    """Make the parser of `python -m search.run`; it checks the form of numbers, not of names.

    Args:
        kind: Its class.

    Returns:
        The parser.
    """
    made = kind(
        prog="python -m search.run",
        description="Train the baselines, search for Model 3, rank all on the held-out quarter, "
        "export the winner.",
        epilog=EXAMPLE,
    )
    made.add_argument(
        "--budget",
        metavar="N|TIME",
        help="trials (20), or wall-clock of the search (90s, 10m, 1h30m); 0: baselines only",
    )
    made.add_argument(
        "--config",
        metavar="FILE",
        help="options from a TOML file, by the names they have here (rows = 500); the command line "
        "goes before it",
    )
    made.add_argument(
        "--explain",
        action="store_true",
        help="print the plan and about how long it takes, train nothing; needs no --budget",
    )
    data = made.add_argument_group("data")
    data.add_argument(
        "--data",
        metavar="FILE",
        help="plain, .gz, .xz or .zip, '-' for standard input "
        "(default: a synthetic log that the project generates)",
    )
    data.add_argument("--format", choices=LOG_FORMATS, help="default: guessed")
    data.add_argument(
        "--dropped-keys",
        default=",".join(DROPPED_KEYS),
        metavar="KEY,...",
        help="keys deleted from each record (default: %(default)s)",
    )
    data.add_argument(
        "--skip-bad-rows",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="leave bad rows out, count them",
    )
    data.add_argument(
        "--rows", type=_count, metavar="N", help="the first N rows only (default: all)"
    )
    add_max_bytes(data)
    data.add_argument(
        "--split", choices=SPLITS, default="chronological", help="default: %(default)s"
    )
    data.add_argument(
        "--vocabulary",
        choices=("train", "all"),
        default="train",
        help="rows whose characters get ids; 'all' is the notebook's leak (default: %(default)s)",
    )
    _add_search(made.add_argument_group("search"))
    _add_run(made.add_argument_group("run"))
    return made


def _add_search(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--space",
        default="model3",
        metavar="model3|open|PKG.MOD:CLASS",
        help="open is model3 without the brief's rules; one family of it alone: "
        f"{', '.join(f'open-{family}' for family in FAMILIES)} (default: %(default)s)",
    )
    group.add_argument(
        "--sampler",
        default="tpe",
        metavar="NAME",
        help=f"{', '.join(sampler_names())} or MODULE:CLASS (default: %(default)s)",
    )
    group.add_argument(
        "--pruner",
        metavar="NAME",
        help=f"of {', '.join(PRUNERS)} (default: {DEFAULT_PRUNER}; none for kt-hyperband)",
    )
    group.add_argument(
        "--objective",
        default="val_accuracy",
        metavar="NAME,...",
        help=f"of {', '.join(OBJECTIVES)}; the first chooses the champion (default: %(default)s)",
    )
    group.add_argument(
        "--epochs",
        default="auto",
        metavar="auto|N",
        help="of a training (default: the brief's 3, and more for a log of fewer rows)",
    )
    group.add_argument(
        "--seed", type=_natural, default=0, metavar="N", help="of all chance (default: %(default)s)"
    )
    group.add_argument(
        "--max-parameters",
        metavar="N",
        help="a trial whose model has more fails before it trains, e.g. 500k, 2M (default: no "
        "bound)",
    )
    group.add_argument(
        "--trial-timeout",
        metavar="TIME",
        help="a training that takes longer is pruned, and one that hangs is ended, be it a trial "
        "or a baseline, a finalist, a repeat or a refit, e.g. 90s, 10m (default: no bound)",
    )
    group.add_argument(
        "--max-failures",
        type=_count,
        default=MOST_FAILURES,
        metavar="N",
        help="so many failed trials in a row, over all workers, end the search; of models too "
        "large it takes ten times as many (default: %(default)s)",
    )


def _add_run(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--baselines",
        default="model1,model2,linear",
        metavar="NAME,...|all|none",
        help=f"of {', '.join(BASELINE_NAMES)} (default: %(default)s)",
    )
    group.add_argument(
        "--padding",
        choices=("full", "real"),
        default="full",
        help="of the baselines: 'full' is the brief's 1024, 'real' each record's own length, "
        "about five times faster (default: %(default)s)",
    )
    group.add_argument(
        "--repeats",
        type=_count,
        default=1,
        metavar="K",
        help="train the champion and the baselines with K seeds in all, and show mean and spread "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--refit",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="train the champion, model2 and linear once more on all training rows, as rows of "
        "their own, and export that champion (default: --refit)",
    )
    group.add_argument(
        "--ensemble",
        type=_natural,
        default=0,
        metavar="K",
        help="rank the mean of the K best trials' probabilities as a row of its own, never as the "
        "champion; costs no training (default: %(default)s, none)",
    )
    group.add_argument(
        "--finalists",
        type=_natural,
        default=0,
        metavar="K",
        help="train the K best trials once more with another seed, and choose the champion by the "
        "mean of both: a part of the budget, of which they take K trials or, of a time, what they "
        "are likely to need, at most half (default: %(default)s, none)",
    )
    group.add_argument(
        "--workers",
        default="auto",
        metavar="auto|N",
        help="processes (default: one a core, if there are as many trials and the memory)",
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
        help="between a trial's signs of life to other machines; silent for four times as long, it "
        "is repeated (default: %(default)s)",
    )
    group.add_argument(
        "--artefacts",
        metavar="URL",
        help="where machines that share no --out exchange the trials' files: an fsspec URL, e.g. "
        "s3://bucket/folder",
    )
    group.add_argument(
        "--callback",
        action="append",
        metavar="MODULE:FACTORY",
        help="called once a trial with a search.callbacks.TrialInfo, gives a Keras callback for "
        "its training, e.g. one that logs to MLflow; may be given more than once",
    )
    group.add_argument(
        "--tensorboard",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="write each trial's curves and hyperparameters for TensorBoard, into the run's folder",
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
