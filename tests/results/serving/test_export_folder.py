"""An export is verified before it is loaded: damage and links are one line each."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.common import UserError
from data.records import Preprocessing
from results.serving import MANIFEST, load_export, make_manifest
from results.serving.export_folder import REQUIRED_FILES

Damage = Callable[[Path], object]

ENTRY = {"size": 1, "sha256": "0"}
SHA256_OF_X = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
NO_MANIFEST = r"manifest\.json is missing or damaged"


def change_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def reseal(folder: Path) -> None:
    """Write a manifest that fits, as someone who knows the format would."""
    (folder / MANIFEST).unlink()
    (folder / MANIFEST).write_text(json.dumps(make_manifest(folder)))


def manifest_is(text: str) -> Damage:
    return lambda folder: (folder / MANIFEST).write_text(text)


def entry(name: str, value: object) -> Damage:
    def damage(folder: Path) -> None:
        change_json(folder / MANIFEST, lambda content: content["files"].update({name: value}))

    return damage


def unlisted(folder: Path) -> None:
    change_json(folder / MANIFEST, lambda content: content["files"].pop("model.keras"))


def manifest_is_a_pipe(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)


def moved_out_and_linked(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).rename(folder.parent / name)
        (folder / name).symlink_to(folder.parent / name)

    return damage


def link_to_a_folder_outside(folder: Path) -> None:
    (folder.parent / "outside").mkdir()
    (folder.parent / "outside" / "extra.txt").write_text("x")
    (folder / "inside").symlink_to(folder.parent / "outside")
    entry("inside/extra.txt", {"size": 1, "sha256": SHA256_OF_X})(folder)


def missing(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def changed_byte(name: str) -> Damage:
    def damage(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return damage


def cut(folder: Path) -> None:
    os.truncate(folder / "model.keras", (folder / "model.keras").stat().st_size - 100)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        *((missing(name), f"{name} is missing") for name in REQUIRED_FILES),
        *((changed_byte(name), f"{name} is not what was exported") for name in REQUIRED_FILES),
        (cut, r"model\.keras is not what was exported"),
        (missing(MANIFEST), NO_MANIFEST),
        (manifest_is(""), NO_MANIFEST),
        (manifest_is("[]"), NO_MANIFEST),
        (manifest_is("null"), NO_MANIFEST),
        (manifest_is('{"format": "other", "files": {}}'), NO_MANIFEST),
        (manifest_is("[" * 100_000), NO_MANIFEST),
        (manifest_is(" " * 2**21), NO_MANIFEST),
        (manifest_is_a_pipe, NO_MANIFEST),
        (moved_out_and_linked(MANIFEST), NO_MANIFEST),
        (entry("model.keras", 3), NO_MANIFEST),
        (entry("model.keras", {"size": "x", "sha256": ""}), NO_MANIFEST),
        (entry("model.keras", {"size": float("inf"), "sha256": ""}), NO_MANIFEST),
        (entry("extra.bin", ENTRY), r"extra\.bin is missing"),
        (entry("../artifacts/model.keras", ENTRY), "does not fit"),
        (entry("/etc/passwd", ENTRY), "does not fit"),
        (unlisted, r"does not fit model\.keras"),
        (moved_out_and_linked("model.keras"), r"model\.keras' is a link out of its folder"),
        (moved_out_and_linked("vocabulary.json"), "json' is a link out of its folder"),
        (link_to_a_folder_outside, "is a link out of its folder"),
    ],
)
def test_a_damaged_export_is_refused(exported: Path, damage: Damage, says: str) -> None:
    damage(exported)
    with pytest.raises(UserError, match=says):
        load_export(exported)


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
def test_preprocessing_that_cannot_be_honored_is_refused(
    exported: Path, name: str, value: object
) -> None:
    change_json(exported / "preprocessing.json", lambda content: content.update({name: value}))
    reseal(exported)
    with pytest.raises(UserError, match=r"preprocessing\.json: .*export it again"):
        load_export(exported)


def test_a_file_that_is_no_json_object_is_named(exported: Path) -> None:
    for name, text in (("metrics.json", "[]"), ("protocol.json", "{"), ("versions.json", "\0")):
        (exported / name).write_text(text)
    for name in ("protocol.json", "metrics.json", "versions.json"):
        reseal(exported)
        with pytest.raises(UserError, match=f"is damaged: {name} "):
            load_export(exported)
        (exported / name).write_text("{}")


def test_preprocessing_must_be_whole() -> None:
    given = {"format": "access-log", "dropped_keys": ["a"], "padding": "real", "unknown": True}
    assert Preprocessing.of(given) == Preprocessing("access-log", ("a",), True, "real")
    with pytest.raises(ValueError, match="names or types"):
        Preprocessing.of({"format": "text"})


def test_an_export_of_an_earlier_version_is_loaded(exported: Path) -> None:
    """It has no stored threshold, no word on the model, and no layout for a predict.py."""
    change_json(exported / "preprocessing.json", lambda content: content.pop("layout"))
    reseal(exported)
    change_json(exported / MANIFEST, lambda content: content.pop("threshold"))
    loaded = load_export(exported)
    assert (loaded.threshold.value, loaded.threshold.rule) == (0.5, "0.5")


def test_a_link_within_the_folder_is_followed(exported: Path) -> None:
    (exported / "model.keras").rename(exported / "the-model.keras")
    (exported / "model.keras").symlink_to("the-model.keras")
    reseal(exported)
    assert load_export(exported).threshold.value == 0.5


def test_an_absent_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("absent", "file"):
        with pytest.raises(UserError, match="there is no such folder"):
            load_export(tmp_path / name)
    with pytest.raises(UserError, match="is not an export"):
        load_export(tmp_path)
