"""Files and folders that are whole or not there: built beside their place, then renamed into it."""

import contextlib
import errno
import json
import math
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import UserError


def strict_json(content: object) -> str:
    """Write JSON that every parser takes: a number that is not finite becomes null.

    Args:
        content: Dicts, lists, texts and numbers, numpy's scalars included.

    Returns:
        Indented JSON, ending with a newline.
    """
    return json.dumps(_finite(content), indent=2, allow_nan=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file so that a reader, or a crash, never sees half of it.

    Args:
        path: Where it goes; its folder is made, a file there is replaced.
        text: Its whole content.

    Raises:
        UserError: If the file system refuses.
    """
    with _refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = _beside(path)
        try:
            with beside.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        sync(path.parent)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Build a folder beside its place and rename it there at the end.

    Args:
        path: Its final name; a folder there is replaced.

    Yields:
        The folder to fill; it is removed if the block raises.

    Raises:
        UserError: If the file system refuses.
    """
    with _refusals(path):
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = _beside(path)
        beside.mkdir()
        try:
            yield beside
            for file in (*beside.rglob("*"), beside):
                sync(file)
            _swap(beside, path)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's content, or a folder's list of names, survive a power cut.

    Args:
        path: The file or folder.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap(beside: Path, path: Path) -> None:
    """Rename a folder into place; the one that was there is put back if that fails."""
    if not path.exists():
        beside.replace(path)
        return
    old = _beside(path)
    path.replace(old)
    try:
        beside.replace(path)
    except OSError:
        old.replace(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write '{path}': {error.strerror or error}") from error


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
