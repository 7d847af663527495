"""What a search leaves at its end, and how two searches of one seed may differ."""

import csv
import io
import json
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from results.study import refit_name
from tests.crashes import journal

# Measured anew by each run, or made of what is.
_MEASURED = re.compile(r"seconds|latency|pareto|worker|_us$")
# Python, its libraries and the machine are the same; times, hashes and sentences hold what is not.
_COMPARED = ("preprocessing.json", "protocol.json", "versions.json", "vocabulary.json")
_TOLERANCE = 2e-4


@dataclass(frozen=True)
class Outcome:
    """A finished search.

    Attributes:
        rows: The leaderboard's lines by name; a trial's name holds its place in the budget.
        csv: The same, as the CSV tells it.
        facts: The rest of the leaderboard: data, protocol, what the choice is worth.
        export: The export's files that do not tell of times.
        listed: The names of all of the export's files.
        weights: The exported model's weights.
    """

    rows: Mapping[str, Mapping[str, Any]]
    csv: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, Any]
    export: Mapping[str, Any]
    listed: tuple[str, ...]
    weights: Mapping[str, npt.NDArray[Any]]


def read(folder: Path) -> Outcome:
    """Read what a search has left."""
    places = {
        f"trial {trial.number}": f"place {trial.index}"
        for trial in journal.read(folder / "journal.log").values()
    }
    places |= {refit_name(name): refit_name(place) for name, place in places.items()}
    board = json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))
    lines = csv.DictReader(io.StringIO((folder / "leaderboard.csv").read_text(encoding="utf-8")))
    best = folder / "best"
    metrics = json.loads((best / "metrics.json").read_text(encoding="utf-8"))
    return Outcome(
        rows={places.get(row["name"], row["name"]): _steady(row) for row in board["rows"]},
        csv={places.get(row["name"], row["name"]): _steady(row) for row in lines},
        facts=_placed({key: board[key] for key in board if key != "rows"}, places),
        export={
            "metrics": {"name": places[metrics["name"]], **_steady(metrics)},
            **{name: json.loads((best / name).read_text(encoding="utf-8")) for name in _COMPARED},
        },
        listed=tuple(sorted(path.relative_to(best).as_posix() for path in best.rglob("*"))),
        weights=_weights(best / "model.keras"),
    )


def _placed(value: Any, places: Mapping[str, str]) -> Any:
    """Put a trial's place for its name, at any depth."""
    if isinstance(value, dict):
        return {key: _placed(entry, places) for key, entry in value.items()}
    if isinstance(value, list):
        return [_placed(entry, places) for entry in value]
    return places.get(value, value) if isinstance(value, str) else value


def _steady(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in row if key != "name" and not _MEASURED.search(key)}


def _weights(path: Path) -> dict[str, npt.NDArray[Any]]:
    found: dict[str, npt.NDArray[Any]] = {}

    def keep(name: str, entry: Any) -> None:
        # The optimizer counts its steps, which is no weight, and is the same.
        if isinstance(entry, h5py.Dataset):
            found[name] = np.asarray(entry)

    with zipfile.ZipFile(path) as archive:
        raw = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(raw, "r") as file:
        file.visititems(keep)
    return found


def differences(one: Outcome, other: Outcome) -> list[str]:
    """Say in what two searches of one seed differ; float noise is no difference."""
    wrong = []
    for what in ("rows", "csv", "facts", "export", "listed", "weights"):
        wrong += _differ(what, getattr(one, what), getattr(other, what))
    return wrong


def _differ(where: str, one: Any, other: Any) -> list[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if set(one) != set(other):
            return [f"{where}: {sorted(set(one) ^ set(other))} are in one only"]
        return [line for key in one for line in _differ(f"{where}, {key}", one[key], other[key])]
    return [] if _is_same(one, other) else [f"{where}: {one!r} uninterrupted, {other!r} here"]


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and bool(np.allclose(one, other, atol=_TOLERANCE, rtol=0))
    if one == other:
        return True
    try:
        return math.isclose(float(one), float(other), abs_tol=_TOLERANCE)
    except (TypeError, ValueError):
        return False
