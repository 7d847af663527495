"""Where the lines of a log come from: a plain or compressed file, a pipe, or standard input."""

import codecs
import contextlib
import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from data.common import UserError
from data.reading.archives import DAMAGED, Readable, kind_of, refuse_archive, unpack

STDIN = "-"
MAX_LINE = 2**24
MAX_BYTES = 2**34
_BLOCK = 2**18
# What a file is known by: enough for every kind of archive.
_BEGIN = 512


def name_of(path: str) -> str:
    """Return how a message should call this path."""
    return "standard input" if path == STDIN else path


@contextlib.contextmanager
def open_lines(path: str, max_bytes: int | None = MAX_BYTES) -> Iterator[Iterator[str]]:
    """Open a text as its lines, decompressed (.gz, .xz, .zip) and decoded from UTF-8.

    Bytes that are no UTF-8 arrive as lone surrogates (`surrogateescape`), so that the reader can
    name their row.

    Args:
        path: A file, or "-" for standard input.
        max_bytes: As for `open_byte_lines`.

    Yields:
        An iterator over the lines, line ends kept, a byte-order mark removed.

    Raises:
        UserError: As for `open_byte_lines`.
    """
    with open_byte_lines(path, max_bytes) as lines:
        yield map(decode, lines)


def decode(line: bytes) -> str:
    """Decode a line as `open_lines` does."""
    return line.decode("utf-8", "surrogateescape")


@contextlib.contextmanager
def open_byte_lines(path: str, max_bytes: int | None = MAX_BYTES) -> Iterator[Iterator[bytes]]:
    r"""Open a text as its lines, decompressed (.gz, .xz, .zip); a line ends in \n, \r\n or \r.

    Nothing is read ahead beyond a buffer and nothing is sought, so a pipe will do.

    Args:
        path: A file, or "-" for standard input.
        max_bytes: How many bytes it may hold, unpacked; None for a reader that keeps none.

    Yields:
        An iterator over the lines, line ends kept, a byte-order mark removed.

    Raises:
        UserError: The file cannot be opened or read, is empty, a device, a damaged archive or
            larger than `max_bytes`, or a line is longer than `MAX_LINE`.
    """
    name = name_of(path)
    with contextlib.ExitStack() as stack:
        try:
            raw = standard_input() if path == STDIN else stack.enter_context(Path(path).open("rb"))
            _refuse_device(raw, name)
            head = raw.peek(8)
            if not head:
                raise UserError(f"{name}: is empty; give a log with at least one row")
            kind = kind_of(path, head)
            binary = raw if kind is None else unpack(kind, raw, name, max_bytes, stack)
        except DAMAGED as error:
            raise UserError(f"{name}: the archive is damaged ({_one_line(error)})") from error
        except (OSError, ValueError) as error:
            raise UserError(f"{name}: {_why(error)}") from error
        yield _lines(binary, name, max_bytes, kind is not None)


def standard_input() -> io.BufferedReader:
    """Return standard input as bytes.

    Raises:
        UserError: It is closed or a device that never ends.
    """
    if sys.stdin is None:
        raise UserError("standard input: is closed; give a file or a pipe")
    stream = sys.stdin.buffer
    buffered = (
        stream
        if isinstance(stream, io.BufferedReader)
        else io.BufferedReader(cast(io.RawIOBase, stream))
    )
    _refuse_device(buffered, name_of(STDIN))
    return buffered


def _refuse_device(stream: io.BufferedReader, name: str) -> None:
    # Most never end, and reading some does harm. A terminal has an end, and /dev/null is empty.
    try:
        number = stream.fileno()
    except OSError:  # Bytes in memory.
        return
    status = os.fstat(number)
    is_device = stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode)
    if (
        is_device
        and not os.isatty(number)
        and not status.st_rdev == Path(os.devnull).stat().st_rdev
    ):
        raise UserError(f"{name}: is a device; give a file or a pipe")


def _lines(
    binary: Readable, name: str, max_bytes: int | None, is_unpacked: bool
) -> Iterator[bytes]:
    blocks = _Blocks(binary, name, max_bytes)
    block = blocks.begin(is_unpacked)
    started: list[bytes] = []  # A line that goes on in the next block.
    length = 0
    while True:
        # \r may be half an end.
        half = b"\r" if block.endswith(b"\r") and not blocks.ended else b""
        lines = block.removesuffix(half).splitlines(keepends=True)
        rest = b""
        if lines and not blocks.ended and not lines[-1].endswith((b"\n", b"\r")):
            rest = lines.pop()
        if started and (lines or blocks.ended):
            lines[:1] = [b"".join([*started, *lines[:1]])]
            started, length = [], 0
        if rest:
            started.append(rest)
            length += len(rest)
        if max(length, len(lines[0]) if lines else 0) >= MAX_LINE:
            raise UserError(
                f"{name}: line {blocks.lines + 1} is longer than {MAX_LINE:,} bytes; is it a log?"
            )
        yield from lines
        blocks.lines += len(lines)
        if blocks.ended:
            return
        block = half + blocks.next()


class _Blocks:
    """The bytes of a log, block by block.

    Attributes:
        lines: How many lines the caller has made of them, for messages.
        ended: Whether the last block was the last one.
    """

    def __init__(self, binary: Readable, name: str, max_bytes: int | None) -> None:
        self.lines = 0
        self.ended = False
        self._binary = binary
        self._name = name
        self._most = max_bytes
        self._left = sys.maxsize if max_bytes is None else max_bytes

    def begin(self, is_unpacked: bool) -> bytes:
        """Read enough to know what it is, and remove a byte-order mark."""
        least = _BEGIN if is_unpacked else len(codecs.BOM_UTF8)
        block = self.next()
        while len(block) < least and not self.ended:
            block += self.next()
        if is_unpacked:
            refuse_archive(block, self._name)
        return block.removeprefix(codecs.BOM_UTF8)

    def next(self) -> bytes:
        """Read one block; empty at the end only."""
        if self._left < 0:
            raise UserError(
                f"{self._name}: holds more than {self._most:,} bytes (after line {self.lines}); "
                "if that is right, give a larger --max-bytes"
            )
        try:
            block = self._binary.read1(min(_BLOCK, self._left + 1))
        except DAMAGED as error:
            raise UserError(
                f"{self._name}: the archive is damaged after line {self.lines} ({_one_line(error)})"
            ) from error
        except OSError as error:
            raise UserError(f"{self._name}: {_why(error)} (after line {self.lines})") from error
        self._left -= len(block)
        self.ended = not block
        return block


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder; give a file"
    if isinstance(error, PermissionError):
        return "may not be read (permission denied)"
    match getattr(error, "errno", None):
        case errno.ELOOP:
            return "is a symbolic link that leads back to itself"
        case errno.ENXIO:
            return "is a socket or a device; give a file or a pipe"
    return f"cannot be read ({_one_line(error)})"


def _one_line(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    # A zip's reason holds a name out of it, up to 64 KiB long.
    return " ".join(reason.split())[:200]
