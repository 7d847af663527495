"""Whole or not there, also when something fails half-way or somebody else is there first."""

import multiprocessing
import threading
from pathlib import Path

import pytest

from data.errors import UserError
from data.files import new_file, new_folder, write_text


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


def test_a_file_appears_only_when_its_block_ends(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "model.keras"
    with new_file(place) as beside:
        beside.write_bytes(b"1")
        assert beside.suffix == ".keras"
        assert not place.exists()
    assert place.read_bytes() == b"1"
    with pytest.raises(ZeroDivisionError), new_file(place) as beside:
        beside.write_bytes(b"2")
        raise ZeroDivisionError
    assert place.read_bytes() == b"1"
    assert [entry.name for entry in place.parent.iterdir()] == ["model.keras"]


def _replace(place: Path, start: threading.Event, text: str) -> None:
    start.wait()
    for _ in range(50):
        with new_folder(place) as folder:
            (folder / "a").write_text(text)
            (folder / "b").write_text(text)


def test_processes_that_replace_one_folder_at_once_leave_one_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    others = [
        context.Process(target=_replace, args=(tmp_path / "best", start, text)) for text in "12"
    ]
    for other in others:
        other.start()
    start.set()
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0]
    (folder,) = tmp_path.iterdir()
    assert folder.name == "best"
    assert (folder / "a").read_text() == (folder / "b").read_text()
