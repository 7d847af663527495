"""Where the lines of a log come from: a plain or compressed file, a pipe, or standard input.

A compressed one (gzip, xz, or a zip of one file) is unpacked in bounded memory.
"""

import argparse
import contextlib
import errno
import gzip
import io
import lzma
import os
import re
import stat
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from data.common import UserError, byte_count, hide_password
from data.reading.decoding import LONGEST_MARK, Utf8
from data.reading.json_list import LIST_BEGIN, elements, is_json_list, may_be_json_list
from data.reading.recognize import refuse_binary, refuse_workbook
from data.records import MAX_LINE

STDIN = "-"
_URL = re.compile(r"[a-z][a-z0-9+.-]+(?:::[a-z0-9+.:/-]+)?://", re.IGNORECASE)
MAX_BYTES = 2**34
# What an xz file may ask for: `xz -9` needs 65 MiB to be unpacked.
XZ_MEMORY = 2**28
# How much of a zip in a pipe is kept in a file, to be sought in.
SPOOL = 2**34
_BLOCK = 2**18
_PACKED_BLOCK = 2**16
# Far more than the directory of a zip that holds one file takes.
_ZIP_READ = 2**20
# What a file is known by: enough for every kind of archive.
_BEGIN = 512

_MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}
_TAR = slice(257, 262)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    RuntimeError,  # zipfile: something that it does not know (NotImplementedError)
    struct.error,
    OverflowError,  # zipfile: a place beyond what a file can have
)


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes:
        """Return up to so many bytes, none at the end only."""
        ...


def add_max_bytes(group: argparse._ActionsContainer) -> None:
    """Add `--max-bytes` to a parser, for each command that keeps what it reads."""
    group.add_argument(
        "--max-bytes",
        type=byte_count,
        default=MAX_BYTES,
        metavar="SIZE",
        help="stop at a log that unpacks to more, e.g. 500M or 4G (default: 16G)",
    )


def is_url(path: str) -> bool:
    """Tell whether a path is an fsspec URL, such as s3://bucket/log.csv."""
    return _URL.match(str(path)) is not None


def name_of(path: str) -> str:
    """Return how a message should call this path."""
    if path == STDIN:
        return "standard input"
    return hide_password(path) if is_url(path) else path


@contextlib.contextmanager
def open_lines(
    path: str, max_bytes: int | None = MAX_BYTES, *, encoding: str | None = None
) -> Iterator[Iterator[str]]:
    """Open a text as its lines, decompressed (.gz, .xz, .zip) and decoded.

    Bytes that are no UTF-8 arrive as lone surrogates (`surrogateescape`), so that the reader can
    name their row.

    Args:
        path: A file, or "-" for standard input.
        max_bytes: As for `open_byte_lines`.
        encoding: As for `open_byte_lines`.

    Yields:
        An iterator over the lines, line ends kept, a byte-order mark removed.

    Raises:
        UserError: As for `open_byte_lines`.
    """
    with open_byte_lines(path, max_bytes, encoding=encoding) as lines:
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

    Nothing is read ahead beyond a buffer and nothing is sought, so a pipe will do.

    Args:
        path: A file, or "-" for standard input.
        max_bytes: How many bytes it may hold, unpacked; None for a reader that keeps none.
        encoding: Of the text; None for UTF-8, or what its byte-order mark says.
        may_be_list: Whether a JSON list of objects is opened as its elements.

    Yields:
        An iterator over the lines, line ends kept, a byte-order mark removed.

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
            kind = _by_content(head)
            binary = raw if kind is None else _unpack(kind, raw, name, max_bytes, stack)
        except _DAMAGED as error:
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
    """The bytes of a log in UTF-8, block by block.

    Attributes:
        name: How messages call the log.
        lines: How many lines the caller has made of them, for messages.
        ended: Whether the last block was the last one.
    """

    def __init__(self, binary: _Readable, name: str, max_bytes: int | None, utf8: Utf8) -> None:
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
            _refuse_archive(block, self.name)
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
        except _DAMAGED as error:
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


def _by_content(head: bytes) -> str | None:
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def _unpack(
    kind: str, raw: io.BufferedReader, name: str, max_bytes: int | None, stack: contextlib.ExitStack
) -> _Readable:
    """Open what is packed; reading it may raise one of `_DAMAGED`."""
    # What is packed may be a little larger than what is not.
    most = sys.maxsize if max_bytes is None else max_bytes * 9 // 8 + _PACKED_BLOCK
    if kind == "gzip":
        packed = _Limited(raw, most, name)
        return cast(_Readable, stack.enter_context(gzip.GzipFile(fileobj=packed)))  # type: ignore[call-overload]
    if kind == "xz":
        return _Xz(_Limited(raw, most, name), name)
    if raw.seekable():
        return _only_member(raw, name, stack)
    spooled = _spooled(_Limited(raw, min(most, SPOOL), name), name, stack)
    return _only_member(spooled, name, stack)


def _refuse_archive(begin: bytes, name: str) -> None:
    """Raise a `UserError` if what came out of an archive, its first 512 bytes, is one again."""
    is_tar = begin[_TAR] == b"ustar" and b"\0" in begin[: _TAR.start]
    inner = "tar" if is_tar else _by_content(begin)
    if inner is not None:
        raise UserError(
            f"{name}: holds another archive ({inner}); unpack it down to the log itself"
        )


class _Limited:
    """Packed bytes, up to a limit: there are packed ones without end that unpack to nothing."""

    def __init__(self, raw: io.BufferedReader, most: int, name: str) -> None:
        self._raw = raw
        self._left = most
        self._most = most
        self._name = name

    def read(self, size: int = _PACKED_BLOCK) -> bytes:
        return self._counted(self._raw.read(size))

    def read1(self, size: int, /) -> bytes:
        return self._counted(self._raw.read1(size))

    def _counted(self, content: bytes) -> bytes:
        self._left -= len(content)
        if self._left < 0:
            raise UserError(f"{self._name}: is larger than {self._most:,} bytes, packed as it is")
        return content


class _Xz:
    """Xz streams one after the other.

    `lzma.LZMAFile` sets no limit to the memory that a stream may ask for, and leaves out in
    silence what follows the first stream and is damaged.
    """

    def __init__(self, raw: _Readable, name: str) -> None:
        self._raw = raw
        self._name = name
        self._stream = _xz_stream()
        self._ahead = b""  # What was read of this stream with the last one.

    def read1(self, size: int, /) -> bytes:
        while not self._stream.eof or self._another():
            packed = b""
            if self._stream.needs_input:
                packed = self._ahead or self._raw.read1(_PACKED_BLOCK)
                self._ahead = b""
                if not packed:
                    raise EOFError("it was cut off")
            if content := self._unpacked(packed, size):
                return content
        return b""

    def _unpacked(self, packed: bytes, size: int) -> bytes:
        try:
            return self._stream.decompress(packed, size)
        except lzma.LZMAError as error:
            # liblzma's code for it reaches Python as this text alone.
            if "limit" not in str(error):
                raise
            raise UserError(
                f"{self._name}: takes more than {XZ_MEMORY // 2**20} MiB of memory to be unpacked; "
                "pack it with xz -9 or less"
            ) from error

    def _another(self) -> bool:
        """Go on to the next stream, if one follows; zeros may stand between, by fours."""
        packed, zeros = self._stream.unused_data, 0
        while not (rest := packed.lstrip(b"\0")):
            zeros += len(packed)
            packed = self._raw.read1(_PACKED_BLOCK)
            if not packed:
                break
        if (zeros + len(packed) - len(rest)) % 4:
            raise lzma.LZMAError("something else follows its end")
        if rest:
            self._ahead, self._stream = rest, _xz_stream()
        return bool(rest)


def _xz_stream() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)


def _spooled(raw: _Limited, name: str, stack: contextlib.ExitStack) -> BinaryIO:
    spool = None
    while block := raw.read():
        try:
            spool = spool or stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
            spool.write(block)
        except OSError as error:
            raise UserError(
                f"{name}: no temporary file can keep the zip ({error.strerror}); free some space "
                "or set TMPDIR to another folder"
            ) from error
    assert spool is not None  # Its first bytes told that it is a zip.
    return cast(BinaryIO, spool)


class _Zip:
    """A zip's file, of which nothing large is read at once, as a directory of a million names."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self._file = file

    def read(self, size: int = -1) -> bytes:
        # Without a size what is asked for is the file's end, at most 64 KiB.
        if size > _ZIP_READ:
            raise zipfile.BadZipFile("its directory is much too long for one file")
        return self._file.read(_ZIP_READ if size < 0 else size)


def _only_member(file: BinaryIO, name: str, stack: contextlib.ExitStack) -> _Readable:
    archive = stack.enter_context(zipfile.ZipFile(cast(BinaryIO, _Zip(file))))
    members = [one for one in archive.infolist() if not one.filename.endswith("/")]
    refuse_workbook([one.filename for one in members], name)
    if len(members) != 1:
        raise UserError(f"{name}: the zip holds {len(members)} files, but must hold exactly one")
    (member,) = members
    if member.flag_bits & 1:
        raise UserError(f"{name}: the zip is encrypted; unpack it first")
    if member.compress_type not in _METHODS:
        # zipfile unpacks what it read of these at once, however much that may be.
        raise UserError(f"{name}: the zip is packed in an unusual way; use deflate, as zip does")
    return cast(_Readable, stack.enter_context(archive.open(member)))
