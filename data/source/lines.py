"""Where the lines of a log come from: a plain or compressed file, a pipe, or standard input.

A compressed one (gzip, xz, or a zip of one file) is unpacked in bounded memory.
"""

import contextlib
import errno
import io
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from data.common import UserError, hide_password
from data.records import MAX_LINE
from data.source.archives import DAMAGED, Readable, kind_of_archive, refuse_archive, unpack
from data.source.decoding import LONGEST_MARK, Utf8
from data.source.json_list import LIST_BEGIN, elements, is_json_list, may_be_json_list
from data.source.recognize import refuse_binary

STDIN = "-"
_URL = re.compile(r"[a-z][a-z0-9+.-]+(?:::[a-z0-9+.:/-]+)?://", re.IGNORECASE)
MAX_BYTES = 2**34
_BLOCK = 2**18
# What a file is known by: enough for every kind of archive.
_BEGIN = 512


def is_url(path: str) -> bool:
    """Return whether a path is an fsspec URL, such as s3://bucket/log.csv."""
    return _URL.match(str(path)) is not None


def name_of(path: str) -> str:
    """Return how a message should call this path."""
    if path == STDIN:
        return "standard input"
    return hide_password(path) if is_url(path) else path


@contextlib.contextmanager
def open_lines(
    path: str,
    max_bytes: int | None = MAX_BYTES,
    *,
    encoding: str | None = None,
    may_be_list: bool = False,
) -> Iterator[Iterator[str]]:
    """Open a text as its lines, as `open_byte_lines` does, and decode them.

    Bytes that are not UTF-8 arrive as lone surrogates (`surrogateescape`), so that the reader can
    name their row.
    """
    opened = open_byte_lines(path, max_bytes, encoding=encoding, may_be_list=may_be_list)
    with opened as lines:
        yield map(decode, lines)


def decode(line: bytes) -> str:
    """Decode a line as `open_lines` does."""
    return line.decode("utf-8", "surrogateescape")


@contextlib.contextmanager
def open_byte_lines(
    path: str,
    max_bytes: int | None = MAX_BYTES,
    *,
    encoding: str | None = None,
    may_be_list: bool = False,
) -> Iterator[Iterator[bytes]]:
    r"""Open a text as its lines in UTF-8, decompressed; a line ends in \n, \r\n or \r.

    Nothing is read ahead beyond a buffer and nothing is sought, so a pipe will do. Line ends are
    kept, a byte-order mark is removed.

    Args:
        path: A file, or "-" for standard input.
        max_bytes: How many bytes it may hold, unpacked; None for a reader that keeps none.
        encoding: Of the text; None for UTF-8, or what its byte-order mark says.
        may_be_list: Whether a JSON list of objects is opened as its elements.

    Raises:
        UserError: The file cannot be opened or read, is empty, a device, a damaged archive or
            larger than `max_bytes`, or a line is longer than `MAX_LINE`.
    """
    name = name_of(path)
    with contextlib.ExitStack() as stack:
        try:
            raw = _open(path, stack)
            _refuse_device(raw, name)
            head = raw.peek(8)
            if not head:
                raise UserError(f"{name}: is empty; give a log with at least one row")
            # By its content alone: texts are called .gz, and archives .csv.
            kind = kind_of_archive(head)
            binary = raw if kind is None else unpack(kind, raw, name, max_bytes, stack)
        except DAMAGED as error:
            raise UserError(f"{name}: the archive is damaged ({_one_line(error)})") from error
        except (OSError, ValueError) as error:
            raise UserError(f"{name}: {_why(error)}") from error
        blocks = _Blocks(binary, name, max_bytes, Utf8(encoding, name))
        yield _lines(blocks, blocks.begin(kind is not None), may_be_list)


def _open(path: str, stack: contextlib.ExitStack) -> io.BufferedReader:
    if path == STDIN:
        return standard_input()
    if not is_url(path):
        return stack.enter_context(Path(path).open("rb"))
    import fsspec

    try:
        opened = stack.enter_context(fsspec.open(path, "rb"))
    except OSError:
        raise
    except Exception as error:  # Whatever the library of this protocol raises.
        raise UserError(f"{name_of(path)}: cannot be opened ({_one_line(error)})") from error
    return io.BufferedReader(cast(io.RawIOBase, opened))


def standard_input() -> io.BufferedReader:
    """Return standard input as bytes, unless it is closed or a device that never ends."""
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
    except (OSError, AttributeError):  # Bytes in memory, or a part of a file, as of fsspec's tar.
        return
    status = os.fstat(number)
    is_device = stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode)
    if (
        is_device
        and not os.isatty(number)
        and not status.st_rdev == Path(os.devnull).stat().st_rdev
    ):
        raise UserError(f"{name}: is a device; give a file or a pipe")


def _lines(blocks: "_Blocks", block: bytes, may_be_list: bool) -> Iterator[bytes]:
    if may_be_list:
        while may_be_json_list(block) and len(block) < LIST_BEGIN and not blocks.ended:
            block += blocks.next()
        if is_json_list(block):
            for element in elements(block, blocks.rest(), MAX_LINE, blocks.name):
                yield element
                blocks.lines += 1
            return
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
                f"{blocks.name}: line {blocks.lines + 1} is longer than {MAX_LINE:,} bytes; is it "
                "a log?"
            )
        yield from lines
        blocks.lines += len(lines)
        if blocks.ended:
            return
        block = half + blocks.next()


class _Blocks:
    """The bytes of a log in UTF-8, block by block; `lines` are what the caller has made of them."""

    def __init__(self, binary: Readable, name: str, max_bytes: int | None, utf8: Utf8) -> None:
        self.name = name
        self.lines = 0
        self.ended = False
        self._binary = binary
        self._most = max_bytes
        self._left = sys.maxsize if max_bytes is None else max_bytes
        self._utf8 = utf8

    def begin(self, is_unpacked: bool) -> bytes:
        """Read enough to know what it is, and remove a byte-order mark."""
        least = _BEGIN if is_unpacked else LONGEST_MARK
        block = self._raw()
        while len(block) < least and not self.ended:
            block += self._raw()
        if is_unpacked:
            refuse_archive(block, self.name)
        refuse_binary(block, self.name)
        return self._utf8.begin(block, self.ended)

    def next(self) -> bytes:
        """Read one block; after the last one `ended` is set."""
        block = self._raw()
        return self._utf8.convert(block, self.ended)

    def rest(self) -> Iterator[bytes]:
        """Read all blocks that are left."""
        while not self.ended:
            yield self.next()

    def _raw(self) -> bytes:
        if self._left < 0:
            raise UserError(
                f"{self.name}: holds more than {self._most:,} bytes (after line {self.lines}); "
                "if that is right, give a larger --max-bytes"
            )
        try:
            block = self._binary.read1(min(_BLOCK, self._left + 1))
        except DAMAGED as error:
            raise UserError(
                f"{self.name}: the archive is damaged after line {self.lines} ({_one_line(error)})"
            ) from error
        except OSError as error:
            raise UserError(f"{self.name}: {_why(error)} (after line {self.lines})") from error
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
