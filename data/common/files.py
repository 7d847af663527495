"""Writes files and folders whole or not at all: beside their place, then renamed into it."""

import contextlib
import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from data.common.errors import UserError

# How often another process may put a folder into the same place at the same moment.
_MOST_RACES = 20
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
# Windows flushes only what may be written to, opens no folder as a file, and says of a name that
# is taken by a folder that access is denied.
_WINDOWS = os.name == "nt"


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file so that a reader, or a crash, never sees half of it.

    Its folder is made, a file there is replaced.

    Raises:
        UserError: If it cannot be written.
    """
    with new_file(path) as beside, beside.open("x", encoding="utf-8", newline="") as file:
        file.write(text)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a file to write beside its place; at the end, when it is on the disk, rename it there.

    It has the same suffix, and is removed if the block raises. Its folder is made, a file there is
    replaced.

    Raises:
        UserError: If it cannot be written.
    """
    with _as_user_errors(path):
        _make(path.parent)
        beside = _beside(path)
        try:
            yield beside
            sync(beside)
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        sync(path.parent)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder to fill beside its place; when all is on the disk, rename it there.

    It is removed if the block raises. A folder there is replaced.

    Raises:
        UserError: If it cannot be written.
    """
    with _as_user_errors(path):
        # One look, not two: in between, another process may move the folder away to replace it.
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(path.stat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "it is a file")
        _make(path.parent)
        beside = _beside(path)
        beside.mkdir()
        try:
            yield beside
            sync_all(beside)
            _swap(beside, path)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        sync(path.parent)


def sync_all(folder: Path) -> None:
    """Make a folder and all that is in it survive a power cut."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def sync(path: Path) -> None:
    """Make a file's content, or a folder's list of names, survive a power cut."""
    if _WINDOWS and path.is_dir():  # Windows keeps the list of names by itself.
        return
    handle = os.open(path, os.O_RDWR if _WINDOWS else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make(folder: Path) -> None:
    """Make a folder whose name, and those of the folders above it, survive a power cut."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def _swap(beside: Path, path: Path) -> None:
    """Rename a folder into place; the one that was there is put back if that fails."""
    for _ in range(_MOST_RACES):
        if _is_placed(beside, path):
            return
        old = _beside(path)
        try:
            path.replace(old)
        except FileNotFoundError:
            # Another process is replacing it as well.
            continue
        try:
            placed = _is_placed(beside, path)
        except OSError:
            old.replace(path)
            raise
        shutil.rmtree(old, ignore_errors=True)
        if placed:
            return
    raise OSError(errno.EBUSY, "other processes keep replacing it")


def _is_placed(beside: Path, path: Path) -> bool:
    try:
        beside.replace(path)
    except OSError as error:
        if not (error.errno in _TAKEN or (_WINDOWS and path.is_dir())):
            raise
        return False
    return True


def _beside(path: Path) -> Path:
    return path.with_name(f".{uuid.uuid4().hex}.{path.name}")


@contextlib.contextmanager
def _as_user_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write '{path}': {error.strerror or error}") from error
