"""Files as tests pack them, what is read of them, and what is said of those that are refused."""

import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest

from data.common import UserError
from data.source import open_byte_lines


def zipped(content: bytes, method: int = zipfile.ZIP_DEFLATED, name: str = "log.csv") -> bytes:
    """Pack a zip of a folder and one file in it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        archive.writestr("folder/", b"")
        archive.writestr(name, content)
    return held.getvalue()


PACKERS = {"csv": bytes, "csv.gz": gzip.compress, "csv.xz": lzma.compress, "csv.zip": zipped}


def lines_of(path: Path | str, max_bytes: int | None = 2**30) -> bytes:
    """Read a file as its lines, joined."""
    with open_byte_lines(str(path), max_bytes) as lines:
        return b"".join(lines)


def refusal(path: Path | str, max_bytes: int | None = 2**30) -> str:
    """Return the line that refuses a file."""
    with pytest.raises(UserError) as told:
        lines_of(path, max_bytes)
    message = str(told.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message
