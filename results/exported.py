"""An export folder as it lies on disk: what is in it, whether it is whole, and how it is loaded."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from data.batches import GRID, MAX_LENGTH, Padding
from data.encode import Vocabulary
from data.errors import UserError
from data.rows import FORMATS

if TYPE_CHECKING:
    import keras

MODEL = "model.keras"
VOCABULARY = "vocabulary.json"
PREPROCESSING = "preprocessing.json"
PROTOCOL = "protocol.json"
METRICS = "metrics.json"
VERSIONS = "versions.json"
FILES = (MODEL, VOCABULARY, PREPROCESSING, PROTOCOL, METRICS, VERSIONS)
MANIFEST = "manifest.json"
MANIFEST_FORMAT = "model3-search export, version 1"
AGAIN = "; export it again"


@dataclass(frozen=True)
class Preprocessing:
    """How a raw line became the ids that the model was trained on.

    Attributes:
        format: The log's format, one of `data.rows.FORMATS`.
        dropped_keys: Keys that are deleted from each record.
        unknown: Whether characters outside the vocabulary share one id, or are left out.
        padding: "real" pads on the left to the own length rounded up to a multiple of `grid`;
            "full" to `max_length`.
        max_length: How many of its last ids a record keeps.
        grid: Ids that a padded length is a multiple of.
        lower_case: Whether characters are lower-cased.
    """

    format: str
    dropped_keys: tuple[str, ...]
    unknown: bool
    padding: Padding
    max_length: int = MAX_LENGTH
    grid: int = GRID
    lower_case: bool = True

    def __post_init__(self) -> None:
        _require(self.format in FORMATS, "format", self.format, f"one of {', '.join(FORMATS)}")
        keys_are_text = all(isinstance(key, str) for key in self.dropped_keys)
        _require(keys_are_text, "dropped_keys", self.dropped_keys, "a list of texts")
        _require(isinstance(self.unknown, bool), "unknown", self.unknown, "true or false")
        _require(self.padding in get_args(Padding), "padding", self.padding, "real or full")
        _require(self.max_length == MAX_LENGTH, "max_length", self.max_length, str(MAX_LENGTH))
        _require(self.grid == GRID, "grid", self.grid, str(GRID))
        _require(self.lower_case is True, "lower_case", self.lower_case, "true")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """Check values that were read or handed over.

        Args:
            values: The attributes by name; those with a default may be absent.

        Returns:
            The preprocessing.

        Raises:
            ValueError: If a name is missing or unknown, or a value cannot be honoured here.
        """
        try:
            return cls(**{**values, "dropped_keys": tuple(values["dropped_keys"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"its names or types are wrong ({error})") from error

    def as_json(self) -> dict[str, Any]:
        """Return what `of` takes, as plain JSON values."""
        return {**asdict(self), "dropped_keys": list(self.dropped_keys)}


@dataclass(frozen=True)
class Export:
    """A loaded export.

    Attributes:
        folder: Where it lies.
        model: The Keras model, not compiled.
        vocabulary: Its characters.
        preprocessing: How a raw line becomes ids.
        protocol: How it was trained.
        metrics: How well it did.
    """

    folder: Path
    model: "keras.Model"
    vocabulary: Vocabulary
    preprocessing: Preprocessing
    protocol: dict[str, Any]
    metrics: dict[str, Any]


def manifest(folder: Path) -> dict[str, Any]:
    """Describe every file of a folder.

    Args:
        folder: A folder of plain files, without a manifest yet.

    Returns:
        The manifest: each file's size in bytes and SHA-256.
    """
    files = {path.name: _describe(path) for path in sorted(folder.iterdir())}
    return {"format": MANIFEST_FORMAT, "files": files}


def manifest_files(folder: Path) -> dict[str, dict[str, Any]] | None:
    """Read which files a folder's manifest lists.

    Args:
        folder: Perhaps an export.

    Returns:
        Size and SHA-256 by file name; None where the folder is no export.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if content["format"] == MANIFEST_FORMAT:
            return {
                str(name): {"size": int(entry["size"]), "sha256": str(entry["sha256"])}
                for name, entry in content["files"].items()
            }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    return None


def verify(folder: Path) -> None:
    """Check that an export is whole before anything of it is loaded.

    Args:
        folder: The export.

    Raises:
        UserError: If it is no export, or a file is missing or differs from its manifest.
    """
    if not folder.is_dir():
        raise UserError(f"'{folder}' is no export: there is no such folder")
    listed = manifest_files(folder)
    if listed is None:
        raise UserError(f"'{folder}' is no export: its {MANIFEST} is missing or damaged")
    for name in (*FILES, *listed):
        path = folder / name
        if name not in listed or Path(name).name != name:
            raise UserError(f"'{folder}' is damaged: {MANIFEST} does not fit {name}{AGAIN}")
        if not path.is_file():
            raise UserError(f"'{folder}' is damaged: {name} is missing{AGAIN}")
        try:
            same = _describe(path) == listed[name]
        except OSError as error:
            raise UserError(f"'{path}' cannot be read ({error.strerror})") from error
        if not same:
            raise UserError(f"'{folder}' is damaged: {name} is not what was exported{AGAIN}")


def load_export(folder: Path) -> Export:
    """Verify and load an export; no code that the model brings along is run.

    Args:
        folder: What `results.export` wrote.

    Returns:
        The export, its model ready to be called.

    Raises:
        UserError: If the folder is incomplete, damaged, or cannot be loaded by this version.
    """
    folder = Path(folder)
    verify(folder)
    try:
        preprocessing = Preprocessing.of(_read(folder / PREPROCESSING))
        protocol, metrics = _read(folder / PROTOCOL), _read(folder / METRICS)
    except ValueError as error:
        raise UserError(f"'{folder}' is damaged: {PREPROCESSING}: {error}{AGAIN}") from error
    return Export(
        folder=folder,
        model=_load_model(folder),
        vocabulary=Vocabulary.load(folder / VOCABULARY),
        preprocessing=preprocessing,
        protocol=protocol,
        metrics=metrics,
    )


def _load_model(folder: Path) -> "keras.Model":
    import keras  # Here, so that writing and checking an export go without its 4 seconds.

    try:
        return keras.models.load_model(folder / MODEL, compile=False, safe_mode=True)
    except Exception as error:  # Keras names no exceptions of its own.
        made_with = _read(folder / VERSIONS).get("keras", "?")
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"'{folder / MODEL}' cannot be loaded by Keras {keras.__version__} "
            f"(it was made with {made_with}): {reason}"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is no JSON object")
    return content


def _describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}


def _require(holds: bool, name: str, value: object, must: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {value!r}, but must be {must}")
