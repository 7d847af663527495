"""leaderboard.json: written whole, read back equal, refused when damaged."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.common.errors import UserError
from results.leaderboard import load_leaderboard, save_leaderboard
from tests.results.boards import board, everything


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    found = everything()
    save_leaderboard(found, tmp_path / "run")
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["leaderboard.csv", "leaderboard.json", "leaderboard.md"]
    assert load_leaderboard(tmp_path / "run" / "leaderboard.json") == found


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.json"
    save_leaderboard(replace(everything(), chosen_by="val_loss"), tmp_path)
    assert load_leaderboard(path).choice.best == "the lowest validation loss"
    content = json.loads(path.read_text())
    del content["chosen_by"]  # Accuracy chose then, whatever the objective.
    for row in content["rows"]:
        del row["val_rows"], row["val_partial"]
    path.write_text(json.dumps(content))
    assert load_leaderboard(path) == everything()


def test_writing_again_replaces(tmp_path: Path) -> None:
    save_leaderboard(everything(), tmp_path)
    save_leaderboard(board({}, None), tmp_path)
    assert load_leaderboard(tmp_path / "leaderboard.json").rows == ()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("no folder")
    with pytest.raises(UserError, match=r"cannot write .*run"):
        save_leaderboard(everything(), tmp_path / "run")


def _set(name: str, value: object) -> Callable[[Any], None]:
    return lambda content: content["rows"][0].update({name: value})


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content.pop("protocol"), "data, protocol and rows"),
        (lambda content: content.update(chosen_by="luck"), "chosen_by is 'luck'"),
        (lambda content: content.update(chosen_by=["luck"]), "chosen_by is"),
        (lambda content: content["rows"].insert(0, 3), r"rows\[0\] is no object"),
        (lambda content: content["rows"][1].pop("f1"), r"rows\[1\]: 'f1' is missing"),
        (_set("f2", 1.0), r"rows\[0\]: 'f2' is unknown"),
        (_set("rank", 1.5), r"rows\[0\]: rank is 1.5"),
        (_set("rank", True), r"rows\[0\]: rank is True"),
        (_set("rank", None), r"rows\[0\]: rank is None"),
        (_set("name", 7), r"rows\[0\]: name is 7"),
        (_set("status", "lost"), r"rows\[0\]: status is 'lost'"),
        (_set("status", ["pruned"]), r"rows\[0\]: status is"),
        (_set("selected", 1), r"rows\[0\]: selected is 1"),
        (_set("heldout_accuracy", "high"), r"rows\[0\]: heldout_accuracy is 'high'"),
        (_set("heldout_accuracy", float("nan")), "NaN is no JSON"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Callable[[Any], None], says: str) -> None:
    path = tmp_path / "leaderboard.json"
    save_leaderboard(everything(), tmp_path)
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=says):
        load_leaderboard(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"data": 1}', "[" * 100_000, "1e999"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "leaderboard.json"
    path.write_text(text)
    with pytest.raises(UserError, match="is no leaderboard"):
        load_leaderboard(path)


def test_a_number_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.json"
    save_leaderboard(everything(), tmp_path)
    path.write_text(path.read_text().replace("0.996,", "1e999,"))
    with pytest.raises(UserError, match="heldout_accuracy is inf"):
        load_leaderboard(path)


def test_missing_or_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        load_leaderboard(tmp_path / "leaderboard.json")
    (tmp_path / "leaderboard.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is no leaderboard"):
        load_leaderboard(tmp_path / "leaderboard.json")
