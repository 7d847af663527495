"""What a run keeps of its encoding: ids that processes share, and the vocabulary."""

import json
from pathlib import Path

import numpy as np

from data.common import UserError, new_file, write_text
from data.records import Encoded, Vocabulary


def save_encoded(encoded: Encoded, folder: Path) -> None:
    """Write ids.npy and offsets.npy into a folder, which is made if absent.

    Raises:
        UserError: The folder cannot be written.
    """
    for name, array in (("ids.npy", encoded.ids), ("offsets.npy", encoded.offsets)):
        with new_file(folder / name) as beside:
            np.save(beside, array)


def load_encoded(folder: Path) -> Encoded:
    """Map what `save_encoded` wrote into memory, so that several processes share it.

    Raises:
        UserError: A file is missing or damaged.
    """
    try:
        ids = np.load(folder / "ids.npy", mmap_mode="r")
        offsets = np.load(folder / "offsets.npy", mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{folder}: no encoded records can be read from it") from error
    if not len(offsets) or offsets[-1] != len(ids):
        raise UserError(f"{folder}: its encoded records are damaged; delete it")
    return Encoded(ids, offsets)


def save_vocabulary(vocabulary: Vocabulary, path: Path) -> None:
    """Write a vocabulary as JSON.

    Raises:
        UserError: The file cannot be written.
    """
    write_text(path, json.dumps(vocabulary.as_json()) + "\n")


def load_vocabulary(path: Path) -> Vocabulary:
    """Read what `save_vocabulary` wrote.

    Raises:
        UserError: The file is missing or damaged.
    """
    try:
        return Vocabulary.of_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path}: the vocabulary is damaged ({error}); export the model again"
        ) from error
