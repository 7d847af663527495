"""The list of an export's files with their sizes and checksums, and whether they still fit it.

The checksums tell a damaged file, not a hostile one: who can change a file can change its checksum.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from data.common import UserError
from results.scoring import DEFAULT_RULE, Threshold

MANIFEST = "manifest.json"
MANIFEST_FORMAT = "model3-search export, version 1"
AGAIN = "; export it again"
# Of a manifest; one has a kilobyte.
MOST_BYTES = 2**20


def files(folder: Path) -> list[str]:
    """List what lies in a folder, at any depth.

    Args:
        folder: The folder.

    Returns:
        The paths of its files and links below it, with forward slashes, sorted; not its folders.
    """
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def manifest(
    folder: Path, threshold: Threshold | None = None, model: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Describe every file of a folder.

    Args:
        folder: A folder without a manifest yet.
        threshold: From which score on a record is called malicious; a half where it is left out.
        model: What is told of the model: its name, and the rows that it has learned from.

    Returns:
        The manifest: the model, the threshold, and each file's size in bytes and SHA-256.
    """
    decision = threshold or Threshold(DEFAULT_RULE.value or 0.0, str(DEFAULT_RULE))
    listed = {name: _describe(folder / name) for name in files(folder)}
    told = {"model": dict(model)} if model else {}
    return {"format": MANIFEST_FORMAT, **told, "threshold": asdict(decision), "files": listed}


def manifest_files(folder: Path) -> dict[str, dict[str, Any]] | None:
    """Read which files a folder's manifest lists.

    Args:
        folder: Perhaps an export.

    Returns:
        Size and SHA-256 by path below the folder; None where the folder is no export.
    """
    content = _content(folder)
    try:
        return {
            str(name): {"size": int(entry["size"]), "sha256": str(entry["sha256"])}
            for name, entry in content["files"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def threshold(folder: Path) -> Threshold:
    """Read from which score on a record is called malicious.

    Args:
        folder: An export; one that was made before thresholds were stored has a half.

    Returns:
        The threshold.

    Raises:
        UserError: If it is damaged.
    """
    try:
        return Threshold.of(_content(folder).get("threshold", {"value": 0.5, "rule": "0.5"}))
    except ValueError as error:
        raise UserError(f"'{folder}' is damaged: its threshold: {error}{AGAIN}") from error


def verify(folder: Path, required: Iterable[str]) -> None:
    """Check that an export is whole before anything of it is loaded.

    Args:
        folder: The export.
        required: Files that it must have, listed or not.

    Raises:
        UserError: If it is no export, a file is missing or differs from its manifest, or a link
            leads out of the folder.
    """
    if not folder.is_dir():
        raise UserError(f"'{folder}' is no export: there is no such folder")
    listed = manifest_files(folder)
    if listed is None:
        raise UserError(f"'{folder}' is no export: its {MANIFEST} is missing or damaged")
    for name in (*required, *listed):
        path = folder / name
        if name not in listed or not _is_below(name):
            raise UserError(f"'{folder}' is damaged: {MANIFEST} does not fit {name}{AGAIN}")
        if not path.is_file():
            raise UserError(f"'{folder}' is damaged: {name} is missing{AGAIN}")
        if not path.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"'{path}' is a link out of its folder; copy the export with its links followed "
                "(cp -rL), if you know where they lead"
            )
        try:
            # The size first: what is larger than it should be is not read.
            same = path.stat().st_size == listed[name]["size"] and _describe(path) == listed[name]
        except OSError as error:
            raise UserError(f"'{path}' cannot be read ({error.strerror})") from error
        if not same:
            raise UserError(f"'{folder}' is damaged: {name} is not what was exported{AGAIN}")


def _content(folder: Path) -> dict[str, Any]:
    """Return what the manifest holds; nothing where it is missing, damaged or of another kind."""
    path = folder / MANIFEST
    try:
        # A pipe would be waited for, and a link be another export's.
        if not path.is_file() or path.is_symlink() or path.stat().st_size > MOST_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    fits = isinstance(content, dict) and content.get("format") == MANIFEST_FORMAT
    return content if fits else {}


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    # Whether "\\" separates depends on the system, so it does not belong in a manifest.
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}
