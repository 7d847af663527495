"""Reads the finished trials of each side, and keeps the figures in one JSON file."""

import json
import os
import platform
from pathlib import Path
from typing import Any

from data.common.errors import UserError
from results.study import Store, counted_trials, trial_result
from tests.benchmarks.search_figures import SIDES, Finished, Side

CUT = ("the budget ended", "interrupted")

Repeat = dict[str, Side]


def read_lines(path: Path, started: float) -> tuple[Finished, ...]:
    """Read what `search_stock` wrote.

    Args:
        path: Its file; there is none before the first trial.
        started: When its process was started, seconds since 1970.

    Returns:
        The trials by time; a torn last line is left out.
    """
    if not path.is_file():
        return ()
    lines = path.read_bytes().split(b"\n")[:-1]
    found = [json.loads(line) for line in lines]
    return tuple(
        Finished(line["ended"] - started, line["status"], line["val_accuracy"]) for line in found
    )


def read_study(folder: Path, started: float) -> tuple[Finished, ...]:
    """Read the trials of a run of ours.

    Args:
        folder: The run's folder.
        started: When its process was started, seconds since 1970.

    Returns:
        The ended trials by time.
    """
    found = []
    for trial in counted_trials(Store.open(folder).study):
        if trial.datetime_complete is None:
            continue
        result = trial_result(trial)
        cut = result.status == "pruned" and result.reason in CUT
        complete = result.status == "complete"
        found.append(
            Finished(
                trial.datetime_complete.timestamp() - started,
                "cut" if cut else result.status,
                result.val_accuracy if complete else None,
            )
        )
    return tuple(sorted(found, key=lambda trial: trial.seconds))


def in_order(sides: Repeat) -> Repeat:
    """Put the sides into the order of the tables."""
    return {name: sides[name] for name in SIDES if name in sides}


def keep(path: Path, facts: dict[str, Any], repeats: list[Repeat]) -> None:
    """Write the figures, whole or not at all.

    Args:
        path: The file.
        facts: What was measured on.
        repeats: The sides of each repeat.
    """
    plain = [{name: side.to_json() for name, side in sides.items()} for sides in repeats]
    content = {"facts": facts, "machine": _machine(), "repeats": plain}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(json.dumps(content, indent=1), encoding="utf-8")
    beside.replace(path)


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "machine": platform.machine(), "system": platform.platform()}


def kept(path: Path | None, facts: dict[str, Any]) -> list[Repeat]:
    """Read what is there already to go on with.

    Args:
        path: The file; None, or one that is not there, holds nothing.
        facts: What is measured on now.

    Returns:
        The sides of each repeat.

    Raises:
        UserError: Other things were measured there.
    """
    if path is None or not path.is_file():
        return []
    known, repeats = load(path)
    for key, value in facts.items():
        if known.get(key) != value:
            raise UserError(f"{path} was measured with {key} = {known.get(key)}, not {value}")
    return repeats


def load(path: Path) -> tuple[dict[str, Any], list[Repeat]]:
    """Read what an earlier run kept.

    Args:
        path: The file.

    Returns:
        What was measured on, and the sides of each repeat.

    Raises:
        UserError: It is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        repeats = [
            {name: Side.from_json(side) for name, side in sides.items()}
            for sides in content["repeats"]
        ]
        return content["facts"], [in_order(sides) for sides in repeats]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: no figures of this benchmark can be read from it") from error
