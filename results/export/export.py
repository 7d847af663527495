"""Writes one training of a run as a folder that needs neither the study nor the search."""

import logging
import platform
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np

from data import records
from data.common import UserError, installed_version, new_folder, printable, write_text
from data.dataset import save_vocabulary
from data.records import Preprocessing, Vocabulary
from results.drift import PROFILE, TrainingProfile
from results.export.conversion import Sample, convert
from results.export.formats import KERAS, MODEL_FORMATS, ONNX
from results.export.model_card import CardSubject, model_card
from results.export.preprocessing_doc import preprocessing_text, vectors_text
from results.leaderboard import Leaderboard, format_share
from results.scoring import (
    DEFAULT_RULE,
    SCORES,
    Threshold,
    ThresholdRule,
    choose_threshold,
    load_scores,
    strict_json,
)
from results.serving import (
    MANIFEST,
    METRICS,
    MODEL,
    PREPROCESSING,
    PROTOCOL,
    VERSIONS,
    VOCABULARY,
    list_files,
    make_manifest,
    manifest_files,
    space_option,
)
from results.study import Result, Store, first_training

_PREDICT = Path(__file__).with_name("assets") / "predict.py"
_PACKAGES = (
    "tensorflow", "keras", "keras_tuner", "optuna", "model3-search", "onnx", "onnxruntime",
    "tf2onnx", "ai-edge-litert",
)  # fmt: skip
_OPTIONAL = ("tf2onnx", "ai-edge-litert")
# The parts of a .keras file. Keras loads a folder that holds them, and so a repository on the hub.
_UNPACKED = ("config.json", "metadata.json", "model.weights.h5", "assets/")

# Takes the formats that are there, and why each of the others is not; gives files by name.
Documents = Callable[[Sequence[str], Mapping[str, str]], Mapping[str, str]]

log = logging.getLogger(__name__)


def export_trial(
    store: Store,
    leaderboard: Leaderboard,
    result: Result,
    to: Path,
    *,
    formats: Sequence[str] = (),
    rule: ThresholdRule = DEFAULT_RULE,
) -> Path:
    """Export one training of a run, with its line of the leaderboard as its metrics.

    A refit has trained on the validation rows, so its threshold is chosen by the training before
    the refit. `to` and `formats` are those of `write_export`.

    Raises:
        UserError: As `write_export`; or if the training has kept no model or no scores, or the
            threshold cannot be chosen.
    """
    row = leaderboard.find(result.name)
    assert row is not None
    dataset = store.dataset
    labels = dataset.labels[dataset.split.validation]
    preprocessing = Preprocessing(
        format=dataset.facts["format"],
        dropped_keys=tuple(dataset.facts["dropped_keys"]),
        unknown=dataset.vocabulary.unknown,
        padding=store.protocol.get("padding", "real"),
        label_words=dataset.label_words,
        row_layout=dataset.row_layout,
        label_key=dataset.label_key,
    )
    checkpoint = _kept(store, result, MODEL)
    scores = load_scores(_kept(store, result, SCORES))
    before = load_scores(_kept(store, first_training(store, result), SCORES))
    threshold = choose_threshold(labels, before["validation"], rule)
    rows = np.asarray(dataset.split.heldout)
    sample = Sample(dataset.encoded, rows, scores["heldout"], preprocessing.padding)
    heldout = choose_threshold(
        store.heldout_labels(), sample.scores, ThresholdRule(value=threshold.value)
    )
    if result.kind == "refit":
        _log_refit_threshold(result, threshold, heldout, dataset.label_words)
    subject = CardSubject(row, leaderboard, preprocessing, threshold, heldout, versions=versions())
    more = {"vectors.jsonl": vectors_text(dataset, sample, preprocessing)}
    trained = dataset.split.train if result.kind == "refit" else dataset.split.fit
    profile = TrainingProfile.of(dataset.vocabulary, dataset.encoded, trained, rows, sample.scores)
    if profile is not None:
        more[PROFILE] = strict_json(profile.as_json())
    trained_on = "fit and validation rows" if result.kind == "refit" else "fit rows"
    return write_export(
        checkpoint,
        to,
        model={"name": result.name, "trained_on": trained_on},
        vocabulary=dataset.vocabulary,
        preprocessing=preprocessing,
        protocol={"data": store.data, **store.protocol},
        metrics=asdict(row),
        threshold=threshold,
        formats=formats,
        sample=sample,
        documents=partial(_documents, subject, more),
    )


def _kept(store: Store, result: Result, name: str) -> Path:
    """Find a file of a training, on whichever machine it was made."""
    path = store.find(result, name)
    if path is None:
        raise UserError(
            f"{result.name} has no {name} (status {result.status}): only the best trials keep "
            "theirs; export another one"
        )
    return path


def _log_refit_threshold(
    result: Result, threshold: Threshold, heldout: Threshold, label_words: tuple[str, str]
) -> None:
    normal, malicious = map(printable, label_words)
    log.info(
        "the threshold is %.9g (--threshold %s), from before the refit; with it %s finds %s of "
        "the %s held-out records, and calls %s of the %s ones %s",
        threshold.value,
        threshold.rule,
        result.name,
        format_share(heldout.recall),
        malicious,
        format_share(heldout.false_positive_rate),
        normal,
        malicious,
    )


def _documents(
    subject: CardSubject,
    more: Mapping[str, str],
    present: Sequence[str],
    problems: Mapping[str, str],
) -> dict[str, str]:
    subject = replace(subject, formats=present, problems=problems)
    documents = {
        "README.md": model_card(subject),
        "PREPROCESSING.md": preprocessing_text(subject.preprocessing, subject.threshold),
        **more,
    }
    if ONNX in present:
        documents |= stand_alone_files()
    return documents


def stand_alone_files() -> dict[str, str]:
    """Return predict.py, and as they are here the files that do the preprocessing for it."""
    preprocessing = sorted(Path(records.__file__).parent.glob("*.py"))
    files = {"predict.py": _PREDICT, **{f"records/{path.name}": path for path in preprocessing}}
    return {name: path.read_bytes().decode() for name, path in files.items()}


def write_export(
    checkpoint: Path,
    to: Path,
    *,
    model: Mapping[str, str],
    vocabulary: Vocabulary,
    preprocessing: Preprocessing,
    protocol: Mapping[str, Any],
    metrics: Mapping[str, Any],
    threshold: Threshold,
    formats: Sequence[str] = (),
    sample: Sample,
    documents: Documents,
) -> Path:
    """Write a trained model and all that a prediction needs, whole or not at all.

    Args:
        checkpoint: The model, as a .keras file.
        to: The folder to make. An export there is replaced; anything else is left alone.
        model: Its name and which rows it was trained on, for the manifest.
        vocabulary: The characters that it was trained with.
        preprocessing: What was done to its rows.
        protocol: How it was trained.
        metrics: How well it did.
        threshold: The score above which a record is called malicious.
        formats: Formats that the export must have. It always has keras, and onnx unless a layer
            cannot be translated; the manifest and a line of the log then say why.
        sample: Records with the search's scores, which every format is checked against.
        documents: Writes more files, once it is known which formats the export has.

    Returns:
        The folder.

    Raises:
        UserError: If the checkpoint is damaged, the folder holds something else or cannot be
            written, or a format could not be written; the folder is then there with the others.
    """
    # A link is followed, so that the folder behind it is replaced and not the link.
    place = Path(to).resolve()
    _refuse_foreign_files(place)
    names = [name for name in MODEL_FORMATS if name == ONNX or (name in formats and name != KERAS)]
    with new_folder(place) as folder:
        shutil.copyfile(checkpoint, folder / MODEL)
        _unpack(folder / MODEL)
        problems = convert(folder, names, sample, protocol)
        save_vocabulary(vocabulary, folder / VOCABULARY)
        for name, content in (
            (PREPROCESSING, preprocessing.as_json()),
            (PROTOCOL, protocol),
            (METRICS, metrics),
            (VERSIONS, versions()),
        ):
            write_text(folder / name, strict_json(content))
        present = [KERAS, *(name for name in names if name not in problems)]
        for name, text in documents(present, problems).items():
            write_text(folder / name, text)
        manifest = make_manifest(folder, threshold, model, problems)
        write_text(folder / MANIFEST, strict_json(manifest))
    failed = [
        f"--format {name}: {problem}" for name, problem in problems.items() if name in formats
    ]
    if failed:
        raise UserError(f"{'; '.join(failed)} (the other formats are in '{to}')")
    for name, problem in problems.items():
        log.info(
            "'%s' has no %s: %s; results.predict and results.serve take it with --runtime keras%s",
            to,
            MODEL_FORMATS[name].path,
            problem,
            space_option(protocol),
        )
    return Path(to)


def _unpack(model: Path) -> None:
    """Put the parts of a .keras file beside it."""
    try:
        with zipfile.ZipFile(model) as archive:
            parts = [name for name in archive.namelist() if name.startswith(_UNPACKED)]
            archive.extractall(model.parent, parts)
    except zipfile.BadZipFile as error:
        raise UserError(f"the Keras model was not exported: its {MODEL} is damaged") from error


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that an export is made with."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = installed_version(package)
        except PackageNotFoundError:
            if package not in _OPTIONAL:
                found[package] = "not installed as a package"
    return found


def _refuse_foreign_files(place: Path) -> None:
    """Refuse to replace anything but an export, or an export to which files were added."""
    if place.exists() and not place.is_dir():
        raise UserError(f"'{place}' is a file; name a folder")
    if not place.exists() or not any(place.iterdir()):
        return
    listed = manifest_files(place)
    if listed is None:
        raise UserError(f"'{place}' is a folder with other things in it; name a new one")
    others = sorted(set(list_files(place)) - {MANIFEST, *listed})
    if others:
        raise UserError(f"'{place}' is an export with '{others[0]}' added; move that first")
