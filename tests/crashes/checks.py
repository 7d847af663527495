"""What must hold after each kill and at a search's end; each check tells what is wrong."""

import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data.common.errors import UserError
from results.serving.export_folder import verify
from tests.crashes.journal import RUNNING, WAITING, JournalTrial, given_up, reported


def lost(before: Mapping[int, JournalTrial], after: Mapping[int, JournalTrial]) -> list[str]:
    """Look for trials that had been reported and are gone, or are not what they were."""
    wrong = []
    for number, trial in before.items():
        now = after.get(number)
        if now is None or now.state != trial.state:
            wrong.append(f"trial {number} was reported, and is lost")
        elif (now.values, now.params) != (trial.values, trial.params):
            wrong.append(
                f"trial {number} is changed: {trial.values} was reported, now {now.values}"
            )
        elif now.attributes.get("result") != trial.attributes.get("result"):
            wrong.append(f"trial {number} is changed: its result")
    return wrong


def doubled(trials: Mapping[int, JournalTrial]) -> list[str]:
    """Look for places in the budget that two reported trials share."""
    indices = Counter(trial.index for trial in reported(trials).values())
    return [f"index {index} was run {count} times" for index, count in indices.items() if count > 1]


def inexact(trials: Mapping[int, JournalTrial], budget: int) -> list[str]:
    """Look for what a search that ended by itself has left of its budget, or done beyond it."""
    ended = reported(trials) | given_up(trials)
    wrong = [
        f"index {index} was not run"
        for index in sorted(set(range(budget)) - {trial.index for trial in ended.values()})
    ]
    if len(ended) != budget:
        wrong.append(f"{len(ended)} trials have ended, the budget is {budget}")
    points = Counter(json.dumps(trial.params, sort_keys=True) for trial in ended.values())
    wrong += [f"{point} was tried {count} times" for point, count in points.items() if count > 1]
    for trial in trials.values():
        if trial.state in (RUNNING, WAITING) and trial.index not in {
            other.index for other in ended.values()
        }:
            wrong.append(f"trial {trial.number} has not ended")
    return wrong


def torn(folder: Path) -> list[str]:
    """Look for files that bear their final name and are not whole."""
    wrong = []
    for path in sorted(folder.rglob("*")):
        # What begins with a dot has not got its final name yet.
        if path.is_file() and not any(part.startswith(".") for part in path.parts):
            wrong += [f"{path} is not whole: {problem}" for problem in _problem(path)]
    best = folder / "best"
    if best.is_dir():
        try:
            verify(best)
        except UserError as error:
            wrong.append(f"the export is not whole: {error}")
    return wrong


def _problem(path: Path) -> list[str]:
    try:
        match path.suffix:
            case ".json":
                json.loads(path.read_text(encoding="utf-8"))
            case ".npz" | ".keras":
                with zipfile.ZipFile(path) as archive:
                    broken = archive.testzip()
                return [] if broken is None else [broken]
            case ".npy":
                np.load(path)
            case ".html":
                return [] if path.read_text(encoding="utf-8").rstrip().endswith("</html>") else [""]
            case ".csv" | ".md":
                return [] if path.read_bytes().endswith(b"\n") else ["its last line has no end"]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        return [str(error) or type(error).__name__]
    return []


def unkind(text: str) -> list[str]:
    """Look for what a user should not have to read."""
    wrong = ["a traceback was printed"] if "Traceback (most recent call last)" in text else []
    errors = [line for line in text.splitlines() if line.startswith("error:")]
    if len(errors) > 1:
        wrong.append(f"{len(errors)} error lines were printed")
    return wrong
