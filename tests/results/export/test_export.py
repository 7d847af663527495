"""An export is whole, as it was trained, and never costs a user other files."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from data.common import UserError
from results.drift import PROFILE
from results.export.command import find_result
from results.export.export import versions
from results.serving import MANIFEST, MODEL, Predictor, load_export, load_model
from results.serving.export_folder import REQUIRED_FILES
from results.study import Result
from tests.results.conftest import Trained, export_again


def test_holds_everything_and_its_manifest(exported: Path) -> None:
    with zipfile.ZipFile(exported / MODEL) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert set(parts) == {"config.json", "metadata.json", "model.weights.h5"}
    held = [*REQUIRED_FILES, *parts, "model.onnx", PROFILE]
    assert sorted(path.name for path in exported.iterdir()) == sorted([*held, MANIFEST])
    assert [path.name for path in exported.parent.iterdir() if "best" in path.name] == ["best"]
    listed = json.loads((exported / MANIFEST).read_text())["files"]
    for name in held:
        content = (exported / name).read_bytes()
        assert parts.get(name, content) == content
        assert listed[name] == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_is_loaded_as_it_was_exported(exported: Path, trained: Trained) -> None:
    loaded = load_export(exported)
    assert loaded.vocabulary == trained.vocabulary
    assert loaded.preprocessing.format == "access-log"
    assert loaded.preprocessing.dropped_keys[0] == "timestamp"
    assert (loaded.preprocessing.max_length, loaded.preprocessing.grid) == (1024, 32)
    assert loaded.protocol == {"epochs": 3, "vocabulary": "all"}
    assert loaded.metrics == {"name": "trial 3", "heldout_accuracy": 0.9, "heldout_loss": None}
    ids = trained.encoded.padded(np.arange(8), 96)
    again = load_model(exported / "model.keras")
    np.testing.assert_allclose(again(ids), trained.model(ids), atol=1e-6)
    expected = np.asarray(trained.model(ids)).reshape(-1)
    for runtime in ("onnx", "keras"):
        found = Predictor.load(exported, runtime).probabilities(ids)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_versions_are_named(exported: Path) -> None:
    written = json.loads((exported / "versions.json").read_text())
    assert written == versions()
    assert written["keras"] == keras.__version__
    assert set(written) >= {
        "python",
        "tensorflow",
        "keras_tuner",
        "optuna",
        "model3-search",
        "onnx",
    }


def test_an_export_is_replaced(exported: Path, trained: Trained) -> None:
    (exported / "model.keras").unlink()  # even a damaged one
    assert export_again(exported, trained, exported, metrics={"second": 1}) == exported
    assert load_export(exported).metrics["second"] == 1


def test_a_link_is_followed(exported: Path, trained: Trained, tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to(exported)
    export_again(exported, trained, link, metrics={"second": 1})
    assert link.is_symlink()
    assert load_export(exported).metrics["second"] == 1


def test_other_folders_are_left_alone(exported: Path, trained: Trained, tmp_path: Path) -> None:
    other = tmp_path / "thesis"
    other.mkdir()
    export_again(exported, trained, other)  # an empty folder may be used
    shutil.rmtree(other)
    other.mkdir()
    (other / "chapter.txt").write_text("years of work")
    with pytest.raises(UserError, match="with other things in it"):
        export_again(exported, trained, other)
    (exported / "chapter.txt").write_text("years of work")
    with pytest.raises(UserError, match=r"'chapter\.txt' added"):
        export_again(exported, trained, exported)
    with pytest.raises(UserError, match="is a file"):
        export_again(exported, trained, other / "chapter.txt")
    assert (other / "chapter.txt").read_text() == "years of work"


def test_a_checkpoint_that_is_damaged_is_said(exported: Path, trained: Trained) -> None:
    (exported.parent / "artifacts" / MODEL).write_bytes(b"PK, but no more")
    with pytest.raises(UserError, match=r"its model\.keras is damaged"):
        export_again(exported, trained, exported.parent / "other")
    assert not (exported.parent / "other").exists()


def test_the_trial_that_is_named() -> None:
    trials = [Result(f"trial {n}", "trial", "complete", number=n) for n in (0, 2, 10)]
    results = [Result("model2", "baseline", "complete"), *trials]
    assert find_result(results, "trial 2", "best") is trials[1]
    assert find_result(results, None, "10") is trials[2]
    with pytest.raises(UserError, match="no champion"):
        find_result(results, None, "best")
    with pytest.raises(UserError, match="--trial is '7', but must be best or one of: 0, 2, 10"):
        find_result(results, None, "7")
    with pytest.raises(UserError, match="one of: none"):
        find_result(results[:1], None, "0")
