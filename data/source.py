"""Where the lines of a log come from: a plain or compressed file, or standard input."""

import contextlib
import gzip
import io
import lzma
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from data.errors import UserError

STDIN = "-"
MAX_LINE = 2**24

_MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}
_SUFFIXES = {".gz": "gzip", ".xz": "xz", ".zip": "zip"}
_DAMAGED = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    RuntimeError,  # zipfile: encrypted, or an unknown compression (NotImplementedError)
)


def name_of(path: str) -> str:
    """Return how a message should call this path."""
    return "standard input" if path == STDIN else path


@contextlib.contextmanager
def open_lines(path: str) -> Iterator[Iterator[str]]:
    """Open a text as its lines, decompressed (.gz, .xz, .zip) and decoded from UTF-8.

    Nothing is read ahead beyond a buffer and nothing is sought, so a pipe will do. Bytes that are
    no UTF-8 arrive as lone surrogates (`surrogateescape`), so that the reader can name their row.

    Args:
        path: A file, or "-" for standard input.

    Yields:
        An iterator over the lines, line ends kept, a byte-order mark removed.

    Raises:
        UserError: The file cannot be opened or read, is empty, or is a damaged archive.
    """
    name = name_of(path)
    with contextlib.ExitStack() as stack:
        try:
            raw = _open_raw(path, stack)
            binary = _decompress(raw, path, stack)
        except _DAMAGED as error:
            raise UserError(f"{name}: the archive is damaged ({_one_line(error)})") from error
        except (OSError, ValueError) as error:
            raise UserError(f"{name}: {_why(error)}") from error
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
        # Detached rather than closed: standard input is not ours to close.
        stack.callback(text.detach)
        yield _lines(text, name)


def _open_raw(path: str, stack: contextlib.ExitStack) -> io.BufferedReader:
    if path == STDIN:
        stream: BinaryIO = sys.stdin.buffer
    else:
        stream = stack.enter_context(Path(path).open("rb"))  # noqa: SIM115 - closed by the stack
    if isinstance(stream, io.BufferedReader):
        return stream
    return io.BufferedReader(cast(io.RawIOBase, stream))


def _decompress(raw: io.BufferedReader, path: str, stack: contextlib.ExitStack) -> BinaryIO:
    head = raw.peek(8)
    if not head:
        raise UserError(f"{name_of(path)}: is empty; give a log with at least one row")
    by_content = (kind for magic, kind in _MAGIC.items() if head.startswith(magic))
    kind = _SUFFIXES.get(Path(path).suffix.lower()) or next(by_content, None)
    if kind == "gzip":
        return cast(BinaryIO, stack.enter_context(gzip.GzipFile(fileobj=raw)))
    if kind == "xz":
        return cast(BinaryIO, stack.enter_context(lzma.LZMAFile(raw)))
    if kind == "zip":
        return _only_member(raw, path, stack)
    return raw


def _only_member(raw: io.BufferedReader, path: str, stack: contextlib.ExitStack) -> BinaryIO:
    file: BinaryIO = raw
    if not raw.seekable():
        spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the stack
        file = cast(BinaryIO, stack.enter_context(spool))
        shutil.copyfileobj(raw, file)
    archive = stack.enter_context(zipfile.ZipFile(file))
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise UserError(
            f"{name_of(path)}: the zip holds {len(members)} files, but must hold exactly one"
        )
    return cast(BinaryIO, stack.enter_context(archive.open(members[0])))


def _lines(text: io.TextIOWrapper, name: str) -> Iterator[str]:
    count = 0
    while True:
        try:
            line = text.readline(MAX_LINE)
        except _DAMAGED as error:
            raise UserError(
                f"{name}: the archive is damaged after line {count} ({_one_line(error)})"
            ) from error
        except OSError as error:
            raise UserError(f"{name}: {_why(error)} (after line {count})") from error
        if not line:
            return
        count += 1
        if len(line) == MAX_LINE:
            raise UserError(
                f"{name}: line {count} is longer than {MAX_LINE:,} characters; is it a log?"
            )
        yield line


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder; give a file"
    if isinstance(error, PermissionError):
        return "may not be read (permission denied)"
    return f"cannot be read ({_one_line(error)})"


def _one_line(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(reason.split())
