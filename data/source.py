"""Where the lines of a log come from: a plain or compressed file, or standard input."""

import codecs
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
from typing import BinaryIO, Protocol, cast

from data.errors import UserError

STDIN = "-"
MAX_LINE = 2**24
_BLOCK = 2**18

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


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def name_of(path: str) -> str:
    """Return how a message should call this path."""
    return "standard input" if path == STDIN else path


@contextlib.contextmanager
def open_lines(path: str) -> Iterator[Iterator[str]]:
    """Open a text as its lines, decompressed (.gz, .xz, .zip) and decoded from UTF-8.

    Bytes that are no UTF-8 arrive as lone surrogates (`surrogateescape`), so that the reader can
    name their row.

    Args:
        path: A file, or "-" for standard input.

    Yields:
        An iterator over the lines, line ends kept, a byte-order mark removed.

    Raises:
        UserError: The file cannot be opened or read, is empty, or is a damaged archive.
    """
    with open_byte_lines(path) as lines:
        yield map(decode, lines)


def decode(line: bytes) -> str:
    """Decode a line as `open_lines` does."""
    return line.decode("utf-8", "surrogateescape")


@contextlib.contextmanager
def open_byte_lines(path: str) -> Iterator[Iterator[bytes]]:
    r"""Open a text as its lines, decompressed (.gz, .xz, .zip); a line ends in \n, \r\n or \r.

    Nothing is read ahead beyond a buffer and nothing is sought, so a pipe will do.

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
        yield _lines(binary, name)


def _open_raw(path: str, stack: contextlib.ExitStack) -> io.BufferedReader:
    if path == STDIN:
        stream: BinaryIO = sys.stdin.buffer
    else:
        stream = stack.enter_context(Path(path).open("rb"))  # noqa: SIM115 - closed by the stack
    if isinstance(stream, io.BufferedReader):
        return stream
    return io.BufferedReader(cast(io.RawIOBase, stream))


def _decompress(raw: io.BufferedReader, path: str, stack: contextlib.ExitStack) -> _Readable:
    head = raw.peek(8)
    if not head:
        raise UserError(f"{name_of(path)}: is empty; give a log with at least one row")
    by_content = (kind for magic, kind in _MAGIC.items() if head.startswith(magic))
    kind = _SUFFIXES.get(Path(path).suffix.lower()) or next(by_content, None)
    if kind == "gzip":
        return cast(_Readable, stack.enter_context(gzip.GzipFile(fileobj=raw)))
    if kind == "xz":
        return cast(_Readable, stack.enter_context(lzma.LZMAFile(raw)))
    if kind == "zip":
        return _only_member(raw, path, stack)
    return raw


def _only_member(raw: io.BufferedReader, path: str, stack: contextlib.ExitStack) -> _Readable:
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
    return cast(_Readable, stack.enter_context(archive.open(members[0])))


def _lines(binary: _Readable, name: str) -> Iterator[bytes]:
    count = 0
    rest = b""
    is_begun = False
    while block := _read(binary, name, count):
        rest += block
        if not is_begun:
            if len(rest) < len(codecs.BOM_UTF8):
                continue
            rest = rest.removeprefix(codecs.BOM_UTF8)
            is_begun = True
        lines = rest.splitlines(keepends=True)
        # What has no end yet goes on in the next block; \r may be half an end.
        rest = b"" if not lines or lines[-1].endswith(b"\n") else lines.pop()
        if max(len(rest), len(lines[0]) if lines else 0) >= MAX_LINE:
            raise UserError(
                f"{name}: line {count + 1} is longer than {MAX_LINE:,} bytes; is it a log?"
            )
        yield from lines
        count += len(lines)
    yield from rest.splitlines(keepends=True)


def _read(binary: _Readable, name: str, count: int) -> bytes:
    try:
        return binary.read1(_BLOCK)
    except _DAMAGED as error:
        raise UserError(
            f"{name}: the archive is damaged after line {count} ({_one_line(error)})"
        ) from error
    except OSError as error:
        raise UserError(f"{name}: {_why(error)} (after line {count})") from error


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
