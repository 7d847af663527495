"""Loads a .keras file of unknown origin: nothing of it runs, and nothing outside it is read.

The file is looked through before Keras sees it: its members, every name in its config, where its
weights lie, and how large a model it declares. What is left to a hostile model is to be slow, or
wrong, when it is asked.
"""

import math
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.common import first_line
from results.scoring import suppress_stderr
from results.serving import keras_config, keras_weights
from results.serving.keras_names import CONFIG, MEMBERS, METADATA, WEIGHTS

if TYPE_CHECKING:
    import keras

# What zipfile raises for an archive that is damaged, encrypted or of a later version.
_DAMAGED = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile)


class Refused(ValueError):
    """A model that might do harm, or is damaged; the message says what is wrong with it."""


@dataclass(frozen=True)
class Looked:
    """What was found in a .keras file.

    Attributes:
        config: Its config.json.
        numbers: How many numbers its weights hold.
        is_stock: Whether it consists of Keras' own layers only.
    """

    config: dict[str, Any]
    numbers: int
    is_stock: bool


def load_model(path: Path) -> "keras.Model":
    """Load a model, not compiled.

    Layers of one's own load where the running program has registered them
    (`keras.saving.register_keras_serializable`); no module that the file names is imported.

    Args:
        path: The .keras file.

    Returns:
        The model.

    Raises:
        Refused: If it might do harm.
        Exception: Whatever Keras raises where it cannot load the file.
    """
    keras = _keras()

    looked = look_through(path)
    if looked.is_stock:
        _refuse_larger_than(looked.numbers, looked.config)
    return keras.models.load_model(path, compile=False, safe_mode=True)


def look_through(path: Path) -> Looked:
    """Check a .keras file without loading it.

    Args:
        path: The file.

    Returns:
        What it holds.

    Raises:
        Refused: If it holds anything that Keras would not have written, or that might do harm.
    """
    keras = _keras()

    def is_registered(name: str) -> bool:
        return keras.saving.get_registered_object(name) is not None

    try:
        members = _members(path)
        config = keras_config.parse(members[CONFIG])
        keras_config.parse(members[METADATA])
        own = keras_config.check(config, is_registered)
        numbers = keras_weights.count_numbers(members[WEIGHTS])
    except _DAMAGED as error:
        raise Refused(first_line(error)) from error
    return Looked(config, numbers, not own)


def _members(path: Path) -> dict[str, bytes]:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("it is no archive of Keras 3")
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_members(entries, path.stat().st_size)
            return {entry.filename: archive.read(entry) for entry in entries}


def _check_members(entries: list[zipfile.ZipInfo], size: int) -> None:
    for entry in entries:
        name = entry.filename
        if name not in MEMBERS:
            raise ValueError(f"it holds {name[:100]!r}, which Keras would not have put there")
        # Keras stores and does not compress: so nothing can unfold to more than the file has.
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise ValueError(f"its {name} is compressed, which Keras does not do")
        if entry.header_offset + entry.file_size > size:
            raise ValueError(f"its {name} is cut short")
        if entry.file_size > MEMBERS[name]:
            raise ValueError(f"its {name} is larger than {MEMBERS[name]:,} bytes")
    if sorted(entry.filename for entry in entries) != sorted(MEMBERS):
        raise ValueError(f"it must hold {', '.join(MEMBERS)}, each once")


def _refuse_larger_than(numbers: int, config: dict[str, Any]) -> None:
    """Build the model without memory for its weights, and compare it with what is stored.

    In a thread of its own: Keras notes there which weights are still to be made, and gives names.
    """
    with ThreadPoolExecutor(1) as thread:
        declared = thread.submit(_declared, config).result()
    if declared > numbers:
        raise Refused(f"it declares {declared:,} weights, but stores {numbers:,} numbers")


def _declared(config: dict[str, Any]) -> int:
    import keras

    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(
            {**config, "compile_config": None}, safe_mode=True
        )
        if not isinstance(model, keras.Model):
            raise Refused("its config.json describes no model")
        # Without the states of random generators, which are not always stored.
        return sum(math.prod(weight.shape) for weight in model.weights)


def _keras() -> Any:
    """Import Keras when it is needed, for its 4 seconds, without TensorFlow's notes."""
    with suppress_stderr():
        import keras
    return keras
