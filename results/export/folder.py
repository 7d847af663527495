"""Writes an export: the model in its formats and what a prediction needs, whole or not at all."""

import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from data.common import UserError, new_folder, write_text
from data.dataset import Vocabulary
from results.export.conversion import Sample, convert
from results.scoring import Threshold, strict_json
from results.serving import (
    MANIFEST,
    METRICS,
    MODEL,
    PREPROCESSING,
    PROTOCOL,
    VERSIONS,
    VOCABULARY,
    Preprocessing,
    files,
    manifest_files,
)
from results.serving.manifest import manifest
from results.study import Result

PACKAGES = ("tensorflow", "keras", "keras_tuner", "optuna", "model3-search")
CONVERTERS = ("onnx", "onnxruntime", "tf2onnx", "ai-edge-litert")

# Takes the formats that are there, and why each of the others is not; gives files by name.
Documents = Callable[[Sequence[str], Mapping[str, str]], Mapping[str, str]]


def export(
    result: Result,
    to: Path,
    *,
    vocabulary: Vocabulary,
    preprocessing: dict[str, Any],
    protocol: dict[str, Any],
    metrics: dict[str, Any],
    threshold: Threshold | None = None,
    formats: Sequence[str] = ("keras",),
    sample: Sample | None = None,
    documents: Documents = lambda present, problems: {},
) -> Path:
    """Write a trained model and all that a prediction needs, whole or not at all.

    Args:
        result: The training; its checkpoint must have been kept.
        to: The folder to make. An export there is replaced; anything else is left alone.
        vocabulary: The characters that it was trained with.
        preprocessing: What `Preprocessing.of` takes: format, dropped_keys, unknown, padding.
        protocol: How it was trained.
        metrics: How well it did.
        threshold: From which score on a record is called malicious; a half where it is left out.
        formats: In which formats the model is written; keras must be one.
        sample: Records with the search's scores, which every format is checked against. Without
            it nothing is checked, and keras can be the only format.
        documents: Writes more files, once it is known in which formats the model is there.

    Returns:
        The folder.

    Raises:
        UserError: If the checkpoint is gone, the folder holds something else or cannot be written,
            or a format could not be written; the folder is then there with the others.
    """
    checked = Preprocessing.of(preprocessing)
    checkpoint = Path(result.artifacts) / MODEL
    if not result.artifacts or not checkpoint.is_file():
        raise UserError(
            f"{result.name} has no {MODEL} (status {result.status}): only the best trials keep "
            "theirs; export another one"
        )
    others = [name for name in formats if name != "keras"]
    if others and sample is None:
        raise UserError(f"{result.name} has no scores that other formats can be checked against")
    # A link is followed, so that the folder behind it is replaced and not the link.
    place = Path(to).resolve()
    _refuse_what_is_not_ours(place)
    with new_folder(place) as folder:
        shutil.copyfile(checkpoint, folder / MODEL)
        problems = {} if sample is None else convert(folder, others, sample)
        vocabulary.save(folder / VOCABULARY)
        for name, content in (
            (PREPROCESSING, checked.as_json()),
            (PROTOCOL, protocol),
            (METRICS, {"name": result.name, **metrics}),
            (VERSIONS, versions(others)),
        ):
            write_text(folder / name, strict_json(content))
        present = [name for name in formats if name not in problems]
        model = {"name": result.name, "trained_on": trained_on(result)}
        for name, text in documents(present, problems).items():
            write_text(folder / name, text)
        write_text(folder / MANIFEST, strict_json(manifest(folder, threshold, model)))
    if problems:
        said = "; ".join(f"--format {name}: {problem}" for name, problem in problems.items())
        raise UserError(f"{said} (the other formats are in '{to}')")
    return Path(to)


def trained_on(result: Result) -> str:
    """Say which rows a training has learned from.

    Args:
        result: The training.
    """
    return "fit and validation rows" if result.kind == "refit" else "fit rows"


def versions(others: Sequence[str] = ()) -> dict[str, str]:
    """Return the versions that an export was made with, Python's among them.

    Args:
        others: Formats beyond keras, whose converters are then named too.
    """
    found = {"python": platform.python_version()}
    for package in (*PACKAGES, *(CONVERTERS if others else ())):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def _refuse_what_is_not_ours(place: Path) -> None:
    if not place.exists():
        return
    if not place.is_dir():
        raise UserError(f"--to is '{place}', which is a file; name a folder")
    if not any(place.iterdir()):
        return
    present = set(files(place))
    listed = manifest_files(place)
    if listed is None:
        raise UserError(f"--to is '{place}', which holds other things; name a new folder")
    others = sorted(present - {MANIFEST, *listed})
    if others:
        raise UserError(f"--to is '{place}', an export with '{others[0]}' added; move that first")
