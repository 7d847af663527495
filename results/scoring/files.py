"""The files of a result: its probabilities as .npz, and JSON that every parser takes."""

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.common import UserError, new_file

SCORES = "scores.npz"
PARTS = ("validation", "heldout")

Scores = npt.NDArray[np.float32]


def one_each(scores: Scores, records: int) -> Scores:
    """Return a model's numbers; a ValueError if they are more or fewer than one a record."""
    if len(scores) != records:
        raise ValueError(
            f"the model gives {len(scores)} numbers for {records} records, but must give one "
            "probability each"
        )
    return scores


def save_scores(folder: Path, validation: npt.ArrayLike, heldout: npt.ArrayLike) -> None:
    """Write a result's probabilities of validation and held-out rows, whole or not at all.

    Each is float32 [n]; the folder is made if it is not there.
    """
    with new_file(folder / SCORES) as beside:
        np.savez(beside, validation=validation, heldout=heldout)


def load_scores(path: Path) -> dict[str, Scores]:
    """Read what `save_scores` wrote: the arrays "validation" and "heldout".

    Raises:
        UserError: If it is damaged.
    """
    try:
        # Opened here: numpy leaves a damaged archive open.
        with path.open("rb") as file, np.load(file) as arrays:
            return {name: arrays[name] for name in PARTS}
    except (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: it is damaged; delete it to rank without it") from error


def strict_json(content: object) -> str:
    """Write indented JSON that every parser takes: a number that is not finite becomes null.

    The content is made of dicts, lists, texts and numbers, numpy's scalars included.
    """
    return json.dumps(_finite(content), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
