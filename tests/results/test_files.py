"""Whole or not there, also when something fails half-way."""

import json
from pathlib import Path

import numpy as np
import pytest

from data.errors import UserError
from results.files import new_folder, strict_json, write_text


def test_text_is_replaced_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "note.md"
    write_text(path, "first")
    write_text(path, "größe\r\n")
    assert path.read_bytes() == "größe\r\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["note.md"]


def test_a_text_that_cannot_be_encoded_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["note.md"]


def test_a_folder_appears_only_when_its_block_ends(tmp_path: Path) -> None:
    place = tmp_path / "runs" / "best"
    with new_folder(place) as folder:
        (folder / "a").write_text("1")
        assert not place.exists()
    assert (place / "a").read_text() == "1"
    with new_folder(place) as folder:
        (folder / "b").write_text("2")
    assert [entry.name for entry in place.iterdir()] == ["b"]
    assert [entry.name for entry in place.parent.iterdir()] == ["best"]


def test_a_block_that_raises_leaves_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "best"
    with new_folder(place) as folder:
        (folder / "a").write_text("1")
    with pytest.raises(ZeroDivisionError), new_folder(place) as folder:
        (folder / "a").write_text("2")
        raise ZeroDivisionError
    assert (place / "a").read_text() == "1"
    assert [entry.name for entry in tmp_path.iterdir()] == ["best"]


@pytest.mark.parametrize("place", ["file/best", "file"])
def test_what_the_file_system_refuses_is_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"), new_folder(tmp_path / place):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").is_file()


def test_json_is_strict_and_takes_numpy(tmp_path: Path) -> None:
    content = {
        "nan": float("nan"),
        "numpy": [np.float32("inf"), np.int64(3), np.bool_(True)],
        "tuple": (1, -float("inf")),
        1: None,
    }
    assert json.loads(strict_json(content)) == {
        "nan": None,
        "numpy": [None, 3, True],
        "tuple": [1, None],
        "1": None,
    }
