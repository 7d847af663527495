"""What the options of a search may be: each value read, or refused in one line."""

import os
import re
import time
from collections.abc import Sequence

from data.common import UserError
from results.study import OBJECTIVES, Objective, check_artifacts_url
from search.config import budget
from search.config.budget import Budget
from search.queue import KERAS_TUNER
from search.workers import cores
from spaces import BASELINE_NAMES

MOST_REPEATS = 100
MOST_TOGETHER = 100
_THOUSANDS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}

# What lies beside the runs: finished baselines, and the logs that the project generates.
_OTHER_FOLDERS = ("baselines", "synthetic")


def baselines(text: str) -> tuple[str, ...]:
    """Read `--baselines`: names with commas, all or none.

    Args:
        text: What stood behind it.

    Returns:
        Their names, in the table's order.

    Raises:
        UserError: If one is not known.
    """
    if text == "none":
        return ()
    names = list(BASELINE_NAMES) if text == "all" else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in BASELINE_NAMES:
            known = ", ".join(BASELINE_NAMES)
            raise UserError(f"--baselines '{name}' is not known; known are {known}, all, none")
    return tuple(name for name in BASELINE_NAMES if name in names)


def filled(option: str, text: str) -> str:
    """Refuse a value that is empty, such as a shell makes of an unset variable.

    Args:
        option: The option.
        text: Its value.

    Returns:
        The value.

    Raises:
        UserError: If it is empty.
    """
    if not text.strip():
        raise UserError(f"{option} is empty; give a value or leave the option out")
    return text


def artefacts(url: str | None) -> str | None:
    """Check `--artefacts`.

    Args:
        url: What stood behind it, if anything.

    Returns:
        The same.

    Raises:
        UserError: If it cannot serve.
    """
    if url is not None:
        check_artifacts_url(url)
    return url


def callbacks(specs: Sequence[str]) -> tuple[str, ...]:
    """Check the form of each `--callback`.

    Args:
        specs: What stood behind each.

    Returns:
        The same.

    Raises:
        UserError: If one names no module and factory.
    """
    for spec in specs:
        if not re.fullmatch(r"[\w.]+:\w+", spec):
            raise UserError(f"--callback is '{spec}', but must be MODULE:FACTORY")
    return tuple(specs)


def epochs(text: str) -> int | None:
    """Read `--epochs`.

    Args:
        text: What stood behind it: a number, or auto.

    Returns:
        The number; None leaves it to the log's size.

    Raises:
        UserError: If it is neither.
    """
    if text == "auto":
        return None
    if not re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII):
        raise UserError(f"--epochs is '{text}', but must be auto or a whole number of 1 or more")
    return int(text)


def repeats(count: int) -> int:
    """Check `--repeats`.

    Args:
        count: What stood behind it.

    Returns:
        The same.

    Raises:
        UserError: If it is too many.
    """
    if count > MOST_REPEATS:
        raise UserError(f"--repeats is '{count}', but must be a number from 1 to {MOST_REPEATS}")
    return count


def several(option: str, count: int) -> int:
    """Check an option that counts trials of which one alone makes no sense.

    Args:
        option: The option.
        count: Its value.

    Returns:
        The same.

    Raises:
        UserError: If it is 1, or too many.
    """
    if count == 1 or count > MOST_TOGETHER:
        raise UserError(
            f"{option} is '{count}', but must be 0 or a number from 2 to {MOST_TOGETHER}"
        )
    return count


def finalists(count: int, length: Budget, optimised: Sequence[Objective]) -> int:
    """Check `--finalists`.

    Args:
        count: What stood behind it.
        length: The budget.
        optimised: The objectives.

    Returns:
        The same.

    Raises:
        UserError: If they cannot be compared, or take too much of the budget.
    """
    several("--finalists", count)
    if count and (len(optimised) > 1 or not optimised[0].is_reported):
        asked = ",".join(objective.name for objective in optimised)
        known = ", ".join(name for name, it in OBJECTIVES.items() if it.is_reported)
        raise UserError(
            f"--finalists is '{count}', but --objective is {asked}; finalists are compared by "
            f"validation rows: use one of {known} alone"
        )
    if count and length.trials is not None and count > length.trials // 2:
        raise UserError(
            f"--finalists is '{count}', but they are a part of --budget {length}; at most half "
            "of its trials can be"
        )
    return count


def workers(text: str, sampler: str) -> int | None:
    """Read `--workers`.

    Args:
        text: What stood behind it.
        sampler: What `--sampler` names; those of KerasTuner have one worker.

    Returns:
        How many; None for auto.

    Raises:
        UserError: If it is neither, or more than the sampler can have.
    """
    alone = sampler in KERAS_TUNER
    if text == "auto":
        return 1 if alone else None
    most = 8 * cores()
    if not re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII) or int(text) > most:
        raise UserError(f"--workers is '{text}', but must be auto or a number from 1 to {most}")
    if alone and int(text) > 1:
        raise UserError(
            f"--workers is {text}, but --sampler {sampler} keeps its state in one process; "
            "use --workers 1"
        )
    return int(text)


def parameters(text: str | None) -> int | None:
    """Read `--max-parameters`, such as 500k or 1.5M.

    Args:
        text: What stood behind it, if anything.

    Returns:
        How many; None for no bound.

    Raises:
        UserError: If it is no such number.
    """
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


def timeout(text: str | None) -> float | None:
    """Read `--trial-timeout`.

    Args:
        text: What stood behind it, if anything.

    Returns:
        Seconds; None for no bound.

    Raises:
        UserError: If it is no time.
    """
    return None if text is None else budget.duration("--trial-timeout", text)


def study(text: str | None) -> str:
    """Check `--study`, or make a name of the time and the process.

    Args:
        text: What stood behind it, if anything.

    Returns:
        The name.

    Raises:
        UserError: If it is no plain folder's name.
    """
    if text is None:
        return f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise UserError(
            f"--study is '{text}', but must be a folder's name of letters, digits, '.', '_', '-'"
        )
    if text in _OTHER_FOLDERS:
        raise UserError(f"--study is '{text}', which --out uses otherwise; take another name")
    return text
