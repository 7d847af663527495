"""The winner as one folder, which `results.predict` runs without the study."""

import logging
import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from data.command import Parser, run
from data.encode import Vocabulary
from data.errors import UserError
from results.exported import (
    METRICS,
    MODEL,
    PREPROCESSING,
    PROTOCOL,
    VERSIONS,
    VOCABULARY,
    Export,
    Preprocessing,
    load_export,
)
from results.files import new_folder, strict_json, write_text
from results.leaderboard import Leaderboard, from_store, run_folder
from results.manifest import MANIFEST, files, manifest, manifest_files
from results.result import Result
from results.store import Store

__all__ = ["Export", "export", "export_trial", "load_export", "main"]

PACKAGES = ("tensorflow", "keras", "keras_tuner", "optuna", "model3-search")
FORMATS = ("keras",)

log = logging.getLogger(__name__)


def export(
    result: Result,
    to: Path,
    *,
    vocabulary: Vocabulary,
    preprocessing: dict[str, Any],
    protocol: dict[str, Any],
    metrics: dict[str, Any],
) -> Path:
    """Write a trained model and all that a prediction needs, whole or not at all.

    Args:
        result: The training; its checkpoint must have been kept.
        to: The folder to make. An export there is replaced; anything else is left alone.
        vocabulary: The characters that it was trained with.
        preprocessing: What `Preprocessing.of` takes: format, dropped_keys, unknown, padding.
        protocol: How it was trained.
        metrics: How well it did.

    Returns:
        The folder.

    Raises:
        UserError: If the checkpoint is gone, or the folder holds something else or cannot be
            written.
    """
    checked = Preprocessing.of(preprocessing)
    checkpoint = Path(result.artefacts) / MODEL
    if not result.artefacts or not checkpoint.is_file():
        raise UserError(
            f"{result.name} has no {MODEL} (status {result.status}): only the best trials keep "
            "theirs; export another one"
        )
    # A link is followed, so that the folder behind it is replaced and not the link.
    place = Path(to).resolve()
    _refuse_what_is_not_ours(place)
    with new_folder(place) as folder:
        shutil.copyfile(checkpoint, folder / MODEL)
        vocabulary.save(folder / VOCABULARY)
        for name, content in (
            (PREPROCESSING, checked.as_json()),
            (PROTOCOL, protocol),
            (METRICS, {"name": result.name, **metrics}),
            (VERSIONS, versions()),
        ):
            write_text(folder / name, strict_json(content))
        write_text(folder / MANIFEST, strict_json(manifest(folder)))
    return Path(to)


def versions() -> dict[str, str]:
    """Return the versions that an export was made with, Python's among them."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
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


def main(argv: Sequence[str]) -> int:
    """Export one trial of a run.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status.
    """
    parser = Parser(prog="python -m results.export", description=__doc__)
    parser.add_argument("run", help="a run's folder, or its name under --out")
    parser.add_argument("--trial", default="best", help="best (the champion), or a trial's number")
    parser.add_argument("--to", required=True, type=Path, help="the folder to make")
    parser.add_argument("--format", choices=FORMATS, default="keras")
    parser.add_argument("--out", default="runs", type=Path, help="where runs lie")
    options = parser.parse_args(argv)
    store = Store.open(run_folder(options.run, options.out))
    result = chosen(store.results(), store.champion, options.trial)
    export_trial(store, from_store(store), result, options.to)
    log.info("%s is in %s", result.name, options.to)
    return 0


def export_trial(store: Store, leaderboard: Leaderboard, result: Result, to: Path) -> Path:
    """Export one training of a run, with its line of the leaderboard as its metrics.

    Args:
        store: The run.
        leaderboard: Its leaderboard.
        result: One of its results.
        to: As in `export`.

    Returns:
        The folder.

    Raises:
        UserError: As `export`.
    """
    dataset = store.dataset
    row = leaderboard.find(result.name)
    store.find(result, MODEL)  # fetches it from the machine that trained it
    return export(
        replace(result, artefacts=str(store.folder / result.artefacts)),
        to,
        vocabulary=dataset.vocabulary,
        preprocessing={
            "format": dataset.facts["format"],
            "dropped_keys": dataset.facts["dropped_keys"],
            "unknown": dataset.vocabulary.unknown,
            "padding": store.protocol.get("padding", "real"),
        },
        protocol={"data": store.data, **store.protocol},
        metrics=asdict(row) if row else {},
    )


def chosen(results: Sequence[Result], champion: str | None, trial: str) -> Result:
    """Pick the training that `--trial` names.

    Args:
        results: The run's trainings.
        champion: The champion's name, where there is one.
        trial: "best", or a trial's number.

    Returns:
        That training.

    Raises:
        UserError: If there is none.
    """
    if trial == "best":
        if champion is None:
            raise UserError("this run has no champion; name a trial with --trial N")
        return next(result for result in results if result.name == champion)
    numbered = {str(result.number): result for result in results if result.number is not None}
    if trial not in numbered:
        known = ", ".join(sorted(numbered, key=int)) or "none"
        raise UserError(f"--trial is '{trial}', but must be best or one of: {known}")
    return numbered[trial]


if __name__ == "__main__":
    run(main)
