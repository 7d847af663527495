"""An export is whole, verified before it is loaded, and never costs a user other files."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from data.common import command
from data.common.errors import UserError
from results import predict, serve
from results.export import write_export
from results.export.command import find_result
from results.export.export import versions
from results.serving import MANIFEST, Preprocessing, load_export, make_manifest
from results.serving.export_folder import REQUIRED_FILES
from results.study import Result
from tests.results.conftest import Trained
from tests.results.hostile import layer_in, with_config

GIVEN: dict[str, Any] = {
    "format": "access-log",
    "dropped_keys": ["timestamp"],
    "padding": "real",
    "unknown": True,
}


def again(exported: Path, trained: Trained, to: Path, **changed: Any) -> Path:
    """Export the same training once more."""
    artifacts = str(exported.parent / "artifacts")
    values: dict[str, Any] = {
        "vocabulary": trained.vocabulary,
        "preprocessing": GIVEN,
        "protocol": {},
        "metrics": {},
        **changed,
    }
    return write_export(Result("trial 3", "trial", "complete", artifacts=artifacts), to, **values)


def test_holds_everything_and_its_manifest(exported: Path) -> None:
    assert sorted(path.name for path in exported.iterdir()) == sorted([*REQUIRED_FILES, MANIFEST])
    assert [path.name for path in exported.parent.iterdir() if "best" in path.name] == ["best"]
    listed = json.loads((exported / MANIFEST).read_text())["files"]
    for name in REQUIRED_FILES:
        content = (exported / name).read_bytes()
        assert listed[name] == {
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }


def test_is_loaded_as_it_was_exported(exported: Path, trained: Trained) -> None:
    loaded = load_export(exported)
    assert loaded.vocabulary == trained.vocabulary
    assert loaded.preprocessing.format == "access-log"
    assert loaded.preprocessing.dropped_keys[0] == "timestamp"
    assert (loaded.preprocessing.max_length, loaded.preprocessing.grid) == (1024, 32)
    assert loaded.protocol == {"epochs": 3, "vocabulary": "all"}
    assert loaded.metrics == {"name": "trial 3", "heldout_accuracy": 0.9, "heldout_loss": None}
    ids = trained.encoded.padded(np.arange(8), 96)
    np.testing.assert_allclose(loaded.model(ids), trained.model(ids), atol=1e-6)


def test_versions_are_named(exported: Path) -> None:
    written = json.loads((exported / "versions.json").read_text())
    assert written == versions(["keras"])
    assert written["keras"] == keras.__version__
    assert set(written) >= {"python", "tensorflow", "keras_tuner", "optuna", "model3-search"}


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_missing_file_is_named(exported: Path, name: str) -> None:
    (exported / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        load_export(exported)


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_changed_byte_is_noticed(exported: Path, name: str) -> None:
    content = bytearray((exported / name).read_bytes())
    content[len(content) // 2] ^= 1
    (exported / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is not what was exported"):
        load_export(exported)


def test_a_cut_model_is_noticed(exported: Path) -> None:
    content = (exported / "model.keras").read_bytes()
    (exported / "model.keras").write_bytes(content[:-100])
    with pytest.raises(UserError, match=r"model\.keras is not what was exported"):
        load_export(exported)


def _no_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def _text(text: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / MANIFEST).write_text(text)

    return damage


def _entry(name: str, value: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = json.loads((folder / MANIFEST).read_text())
        content["files"][name] = value
        (folder / MANIFEST).write_text(json.dumps(content))

    return damage


def _unlisted(folder: Path) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    del content["files"]["model.keras"]
    (folder / MANIFEST).write_text(json.dumps(content))


def _pipe(folder: Path) -> None:
    _no_manifest(folder)
    os.mkfifo(folder / MANIFEST)


def _link_to_another(folder: Path) -> None:
    (folder / MANIFEST).rename(folder.parent / MANIFEST)
    (folder / MANIFEST).symlink_to(folder.parent / MANIFEST)


ENTRY = {"size": 1, "sha256": "0"}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_no_manifest, r"manifest\.json is missing or damaged"),
        (_text(""), "missing or damaged"),
        (_text("[]"), "missing or damaged"),
        (_text("null"), "missing or damaged"),
        (_text('{"format": "other", "files": {}}'), "missing or damaged"),
        (_text("[" * 100_000), "missing or damaged"),
        (_entry("model.keras", 3), "missing or damaged"),
        (_entry("model.keras", {"size": "x", "sha256": ""}), "missing or damaged"),
        (_entry("model.keras", {"size": float("inf"), "sha256": ""}), "missing or damaged"),
        (_pipe, "missing or damaged"),
        (_link_to_another, "missing or damaged"),
        (_text(" " * 2**21), "missing or damaged"),
        (_entry("extra.bin", ENTRY), r"extra\.bin is missing"),
        (_entry("../artifacts/model.keras", ENTRY), "does not fit"),
        (_entry("/etc/passwd", ENTRY), "does not fit"),
        (_unlisted, r"does not fit model\.keras"),
    ],
)
def test_a_damaged_manifest_is_refused(
    exported: Path, damage: Callable[[Path], None], says: str
) -> None:
    damage(exported)
    with pytest.raises(UserError, match=says):
        load_export(exported)


def _reseal(folder: Path) -> None:
    """Write a manifest that fits, as someone who knows the format would."""
    (folder / MANIFEST).unlink()
    (folder / MANIFEST).write_text(json.dumps(make_manifest(folder)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "pdf"),
        ("padding", "half"),
        ("max_length", 512),
        ("grid", 8),
        ("lower_case", False),
        ("unknown", "yes"),
        ("dropped_keys", [1]),
        ("dropped_keys", None),
        ("surprise", 1),
    ],
)
def test_preprocessing_that_cannot_be_honoured_is_refused(
    exported: Path, name: str, value: object
) -> None:
    path = exported / "preprocessing.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    _reseal(exported)
    with pytest.raises(UserError, match=r"preprocessing\.json"):
        load_export(exported)


def test_a_model_that_keras_cannot_load_is_one_line(exported: Path) -> None:
    def unknown_units(config: dict[str, Any]) -> None:
        layer_in(config, "score")["config"]["units"] = "many"

    with_config(exported / "model.keras", unknown_units)
    _reseal(exported)
    with pytest.raises(UserError, match=r"model\.keras' cannot be loaded by Keras"):
        load_export(exported)


@pytest.mark.parametrize("main", [predict.main, serve.main])
def test_a_hostile_model_is_one_line_and_nothing_of_it_runs(
    exported: Path, main: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    mark = exported.parent / "ran"
    model = exported / "model.keras"

    def touch(config: dict[str, Any]) -> None:
        layer_in(config, "score")["config"]["activation"] = {
            "module": "os",
            "class_name": "function",
            "config": "system",
            "registered_name": "function",
        }
        config["config"]["layers"].append(
            {
                "module": "subprocess",
                "class_name": "run",
                "config": {"args": ["touch", str(mark)], "name": "x"},
            }
        )

    with_config(model, touch)
    _reseal(exported)
    port = ["--port", "0"] if main is serve.main else []
    with pytest.raises(SystemExit) as left:
        command.run(main, [str(exported), *port])
    said = capfd.readouterr()
    assert (left.value.code, said.out) == (2, "")
    assert said.err.startswith(f"error: '{model}' cannot be loaded safely: it names")
    assert said.err.count("\n") == 1
    assert not mark.exists()


@pytest.mark.parametrize("name", ["model.keras", "vocabulary.json"])
def test_a_link_out_of_the_folder_is_refused(exported: Path, tmp_path: Path, name: str) -> None:
    (exported / name).rename(tmp_path / name)
    (exported / name).symlink_to(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}' is a link out of its folder"):
        load_export(exported)


def test_a_link_to_a_folder_outside_is_refused(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "extra.txt").write_text("x")
    (exported / "inside").symlink_to(tmp_path / "outside")
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    _entry("inside/extra.txt", {"size": 1, "sha256": digest})(exported)
    with pytest.raises(UserError, match="is a link out of its folder"):
        load_export(exported)


def test_a_link_within_the_folder_is_followed(exported: Path) -> None:
    (exported / "model.keras").rename(exported / "the-model.keras")
    (exported / "model.keras").symlink_to("the-model.keras")
    _reseal(exported)
    assert load_export(exported).threshold.value == 0.5


def test_an_absent_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        load_export(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="there is no such folder"):
        load_export(tmp_path / "file")
    with pytest.raises(UserError, match="is no export"):
        load_export(tmp_path)


def test_an_export_is_replaced(exported: Path, trained: Trained) -> None:
    (exported / "model.keras").unlink()  # even a damaged one
    assert again(exported, trained, exported, metrics={"second": 1}) == exported
    assert load_export(exported).metrics["second"] == 1


def test_a_link_is_followed(exported: Path, trained: Trained, tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to(exported)
    again(exported, trained, link, metrics={"second": 1})
    assert link.is_symlink()
    assert load_export(exported).metrics["second"] == 1


def test_other_folders_are_left_alone(exported: Path, trained: Trained, tmp_path: Path) -> None:
    other = tmp_path / "thesis"
    other.mkdir()
    again(exported, trained, other)  # an empty folder may be used
    shutil.rmtree(other)
    other.mkdir()
    (other / "chapter.txt").write_text("years of work")
    with pytest.raises(UserError, match="holds other things"):
        again(exported, trained, other)
    (exported / "chapter.txt").write_text("years of work")
    with pytest.raises(UserError, match=r"'chapter\.txt' added"):
        again(exported, trained, exported)
    with pytest.raises(UserError, match="is a file"):
        again(exported, trained, other / "chapter.txt")
    assert (other / "chapter.txt").read_text() == "years of work"


def test_a_checkpoint_that_was_not_kept_is_said(tmp_path: Path, trained: Trained) -> None:
    for artifacts in ("", str(tmp_path)):
        with pytest.raises(UserError, match=r"trial 8 has no model\.keras \(status pruned\)"):
            write_export(
                Result("trial 8", "trial", "pruned", artifacts=artifacts),
                tmp_path / "best",
                vocabulary=trained.vocabulary,
                preprocessing=GIVEN,
                protocol={},
                metrics={},
            )
    assert list(tmp_path.iterdir()) == []


def test_preprocessing_must_be_whole() -> None:
    assert Preprocessing.of(GIVEN) == Preprocessing("access-log", ("timestamp",), True, "real")
    with pytest.raises(ValueError, match="names or types"):
        Preprocessing.of({"format": "text"})


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
