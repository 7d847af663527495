"""An export folder as it lies on disk: what must be in it, and how it is loaded."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from data.common import UserError, first_line
from data.dataset import GRID, MAX_LENGTH, Padding, Vocabulary
from data.reading import LOG_FORMATS
from results.scoring import Threshold
from results.serving.manifest import AGAIN, threshold, verify

if TYPE_CHECKING:
    import keras

MODEL = "model.keras"
VOCABULARY = "vocabulary.json"
PREPROCESSING = "preprocessing.json"
PROTOCOL = "protocol.json"
METRICS = "metrics.json"
VERSIONS = "versions.json"
# What the format's name tells us, for `predict.py` beside the model, which stands alone.
_LAYOUT = "layout"
FILES = (MODEL, VOCABULARY, PREPROCESSING, PROTOCOL, METRICS, VERSIONS)


@dataclass(frozen=True)
class Preprocessing:
    """How a raw line became the ids that the model was trained on.

    Attributes:
        format: The log's format, one of `data.reading.LOG_FORMATS`.
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
        _require(
            self.format in LOG_FORMATS, "format", self.format, f"one of {', '.join(LOG_FORMATS)}"
        )
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
            own = {name: value for name, value in values.items() if name != _LAYOUT}
            return cls(**{**own, "dropped_keys": tuple(values["dropped_keys"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"its names or types are wrong ({error})") from error

    def as_json(self) -> dict[str, Any]:
        """Return what `of` takes, as plain JSON values."""
        layout = {_LAYOUT: LOG_FORMATS[self.format].layout()}
        return {**asdict(self), "dropped_keys": list(self.dropped_keys), **layout}


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
        decision: From which score on a record is called malicious, and what that means on the
            validation rows.
    """

    folder: Path
    model: "keras.Model"
    vocabulary: Vocabulary
    preprocessing: Preprocessing
    protocol: dict[str, Any]
    metrics: dict[str, Any]
    decision: Threshold

    @property
    def threshold(self) -> float:
        """A record whose score is above this is called malicious."""
        return self.decision.value


def load_export(folder: Path) -> Export:
    """Verify and load an export; no code that the model brings along is run.

    The manifest's checksums tell of damage, not of origin: whoever changes a file can change its
    checksum. So the model is looked through as well, as that of a stranger
    (`results.serving.keras_model`).

    Args:
        folder: What `results.export` wrote.

    Returns:
        The export, its model ready to be called.

    Raises:
        UserError: If the folder is incomplete, damaged, or cannot be loaded by this version.
    """
    folder = Path(folder)
    verify(folder, FILES)
    try:
        preprocessing = Preprocessing.of(_read(folder / PREPROCESSING))
        protocol, metrics = _read(folder / PROTOCOL), _read(folder / METRICS)
        made_with = _read(folder / VERSIONS).get("keras", "?")
    except ValueError as error:
        raise UserError(f"'{folder}' is damaged: {PREPROCESSING}: {error}{AGAIN}") from error
    return Export(
        folder=folder,
        model=_load_model(folder, made_with),
        vocabulary=Vocabulary.load(folder / VOCABULARY),
        preprocessing=preprocessing,
        protocol=protocol,
        metrics=metrics,
        decision=threshold(folder),
    )


def _load_model(folder: Path, made_with: object) -> "keras.Model":
    from results.serving.keras_model import Refused, load_model

    try:
        return load_model(folder / MODEL)
    except Refused as error:
        raise UserError(f"'{folder / MODEL}' cannot be loaded safely: {error}") from error
    except Exception as error:  # Keras names no exceptions of its own.
        raise UserError(
            f"'{folder / MODEL}' cannot be loaded by Keras {version('keras')} "
            f"(it was made with {made_with}): {first_line(error)}"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError) as error:
        raise ValueError(f"{path.name} cannot be read ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is no JSON object")
    return content


def _require(holds: bool, name: str, value: object, must: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {value!r}, but must be {must}")
