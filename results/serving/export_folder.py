"""An export folder on disk: its files, the manifest with their checksums, and how it is loaded."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from data.common import UserError, first_line
from data.records import Preprocessing, Vocabulary
from results.scoring import DEFAULT_RULE, Threshold

MODEL = "model.keras"
ONNX_MODEL = "model.onnx"
VOCABULARY = "vocabulary.json"
PREPROCESSING = "preprocessing.json"
PROTOCOL = "protocol.json"
METRICS = "metrics.json"
VERSIONS = "versions.json"
REQUIRED_FILES = (MODEL, VOCABULARY, PREPROCESSING, PROTOCOL, METRICS, VERSIONS)

MANIFEST = "manifest.json"
MANIFEST_FORMAT = "model3-search export, version 1"
_MAX_MANIFEST_BYTES = 2**20  # A real one has about a kilobyte.


@dataclass(frozen=True)
class Export:
    """An export whose files are whole, with all of its settings; its models are not loaded.

    Attributes:
        folder: Its place on disk.
        missing: Why it lacks formats, by name; none if an earlier version wrote it.
        files: What it consists of.
        vocabulary: Its characters.
        preprocessing: How a raw line becomes ids.
        protocol: How it was trained.
        metrics: How well it did.
        versions: Of the packages that made it.
        threshold: The score above which a record is called malicious, and its rates on the
            validation rows.
    """

    folder: Path
    files: frozenset[str]
    missing: Mapping[str, str]
    vocabulary: Vocabulary
    preprocessing: Preprocessing
    protocol: dict[str, Any]
    metrics: dict[str, Any]
    versions: dict[str, Any]
    threshold: Threshold


def load_export(folder: Path) -> Export:
    """Verify an export and read its settings.

    The manifest's checksums reveal damage, not tampering: whoever changes a file can change its
    checksum too. An ONNX model holds no code; Keras refuses code in safe mode.

    Args:
        folder: What `results.export` wrote.

    Returns:
        The export.

    Raises:
        UserError: If the folder is incomplete, damaged, or cannot be loaded by this version.
    """
    folder = Path(folder)
    files = verify(folder)
    try:
        name = PREPROCESSING
        preprocessing = Preprocessing.of(_read_object(folder, name))
        name = VOCABULARY
        vocabulary = Vocabulary.of_json(_read_object(folder, name))
    except ValueError as error:
        raise _damaged(folder, f"{name}: {error}") from error
    return Export(
        folder=folder,
        files=files,
        missing=_read_missing(folder),
        protocol=_read_object(folder, PROTOCOL),
        metrics=_read_object(folder, METRICS),
        versions=_read_object(folder, VERSIONS),
        vocabulary=vocabulary,
        preprocessing=preprocessing,
        threshold=_read_threshold(folder),
    )


def verify(folder: Path) -> frozenset[str]:
    """Check that an export is whole before anything in it is loaded.

    Args:
        folder: The export.

    Returns:
        The files that the manifest lists.

    Raises:
        UserError: If it is not an export, a file is missing or differs from the manifest, or a link
            leads out of the folder.
    """
    if not folder.is_dir():
        raise UserError(f"'{folder}' is not an export: there is no such folder")
    listed = manifest_files(folder)
    if listed is None:
        raise UserError(f"'{folder}' is not an export: its {MANIFEST} is missing or damaged")
    for name in (*REQUIRED_FILES, *listed):
        path = folder / name
        if name not in listed or not _is_below(name):
            raise _damaged(folder, f"{MANIFEST} does not fit {name}")
        if not path.is_file():
            raise _damaged(folder, f"{name} is missing")
        if not path.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"'{path}' is a link out of its folder; copy the export with its links followed "
                "(cp -rL), if you know where they lead"
            )
        try:
            # The size is compared first, so that a file larger than it should be is not read.
            same = path.stat().st_size == listed[name]["size"] and _describe(path) == listed[name]
        except OSError as error:
            raise UserError(f"'{path}' cannot be read ({error.strerror})") from error
        if not same:
            raise _damaged(folder, f"{name} is not what was exported")
    return frozenset(listed)


def make_manifest(
    folder: Path,
    threshold: Threshold | None = None,
    model: Mapping[str, str] | None = None,
    missing: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Describe every file of a folder that has no manifest yet.

    Args:
        folder: The folder.
        threshold: The score above which a record is called malicious; .5 by default.
        model: The model's name and the rows that it was trained on.
        missing: Why formats are missing, by name.

    Returns:
        The model, the threshold, what is missing, and each file's size in bytes and SHA-256.
    """
    decision = threshold or Threshold(DEFAULT_RULE.value or 0.0, str(DEFAULT_RULE))
    files = {name: _describe(folder / name) for name in list_files(folder)}
    named = {"model": dict(model)} if model else {}
    lacks = {"missing": dict(missing)} if missing else {}
    decided = {"threshold": asdict(decision), **lacks}
    return {"format": MANIFEST_FORMAT, **named, **decided, "files": files}


def list_files(folder: Path) -> list[str]:
    """List a folder's files and links at any depth, as sorted paths with forward slashes."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def manifest_files(folder: Path) -> dict[str, dict[str, Any]] | None:
    """Return the size and SHA-256 of each file in the manifest; None if this is not an export."""
    content = _read_manifest(folder)
    try:
        return {
            str(name): {"size": int(entry["size"]), "sha256": str(entry["sha256"])}
            for name, entry in content["files"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def _read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest's content; an empty one if it is missing, damaged or of another kind."""
    path = folder / MANIFEST
    try:
        # Reading a pipe would wait forever, and a link may be another export's manifest.
        size = path.stat().st_size
        if not path.is_file() or path.is_symlink() or size > _MAX_MANIFEST_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    fits = isinstance(content, dict) and content.get("format") == MANIFEST_FORMAT
    return content if fits else {}


def _read_missing(folder: Path) -> dict[str, str]:
    missing = _read_manifest(folder).get("missing", {})
    if not isinstance(missing, dict):
        raise _damaged(folder, f"{MANIFEST}: missing is no object")
    return {str(name): " ".join(str(why).split())[:200] for name, why in missing.items()}


def _read_threshold(folder: Path) -> Threshold:
    # Exports from before thresholds were stored have none.
    stored = _read_manifest(folder).get("threshold", {"value": 0.5, "rule": "0.5"})
    try:
        return Threshold.of(stored)
    except ValueError as error:
        raise _damaged(folder, f"its threshold: {error}") from error


def _read_object(folder: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(folder, f"{name} cannot be read ({first_line(error)})") from error
    if not isinstance(content, dict):
        raise _damaged(folder, f"{name} is not a JSON object")
    return content


def _damaged(folder: Path, reason: str) -> UserError:
    return UserError(f"'{folder}' is damaged: {reason}; export it again")


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    # Whether "\\" separates depends on the system, so it does not belong in a manifest.
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}
