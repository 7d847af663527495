"""Whole or not there, also when something fails half-way or somebody else is there first."""

import errno
import fcntl
import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from data.common import UserError, new_file, new_folder, write_text


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


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse what Windows refuses, in its way."""
    opened, flushed, replaced = os.open, os.fsync, Path.replace

    def open_file(path: Path, flags: int, **by: int | None) -> int:
        if not by and Path(path).is_dir():  # `shutil.rmtree` opens folders here alone.
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, flags, **by)

    def flush(handle: int) -> None:
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flushed(handle)

    def replace(path: Path, target: Path) -> Path:
        if target.is_dir():
            raise PermissionError(errno.EACCES, "Access is denied", str(path))
        return replaced(path, target)

    monkeypatch.setattr("data.common.files._WINDOWS", True)
    monkeypatch.setattr(os, "open", open_file)
    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "replace", replace)


@pytest.mark.usefixtures("windows")
def test_windows_writes_and_replaces_files_and_folders(tmp_path: Path) -> None:
    for text in ("1", "2"):
        write_text(tmp_path / "deep" / "note.md", text)
        with new_folder(tmp_path / "best") as folder:
            (folder / text).write_text(text)
    assert (tmp_path / "deep" / "note.md").read_text() == "2"
    assert [entry.name for entry in (tmp_path / "best").iterdir()] == ["2"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["best", "deep"]


@pytest.mark.usefixtures("windows")
def test_windows_refuses_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "note").mkdir()
    with pytest.raises(UserError, match=r"cannot write .*: Access is denied"):
        write_text(tmp_path / "note", "1")


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
