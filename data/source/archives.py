"""Unpacks gzip, xz, or a zip of one file, in bounded memory."""

import contextlib
import gzip
import io
import lzma
import struct
import sys
import tempfile
import zipfile
import zlib
from typing import BinaryIO, Protocol, cast

from data.common import UserError
from data.source.recognize import refuse_workbook

# What an xz file may ask for: `xz -9` needs 65 MiB to be unpacked.
XZ_MEMORY = 2**28
# How many names of the files in a zip a message gives, and how many characters of each.
_MOST_LISTED, _LONGEST_NAME = 5, 60
# How much of a zip in a pipe is kept in a file, to be sought in.
SPOOL = 2**34
_PACKED_BLOCK = 2**16
# Far more than the directory of a zip that holds one file takes.
_ZIP_READ = 2**20

_MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}
_TAR = slice(257, 262)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGED = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    RuntimeError,  # zipfile: something that it does not know (NotImplementedError)
    struct.error,
    OverflowError,  # zipfile: a place beyond what a file can have
)


class Readable(Protocol):
    """What blocks of a log are read from."""

    def read1(self, size: int, /) -> bytes:
        """Return up to so many bytes, none at the end only."""
        ...


def kind_of_archive(head: bytes) -> str | None:
    """Return which archive begins like this: "gzip", "xz" or "zip"."""
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def unpack(
    kind: str, raw: io.BufferedReader, name: str, max_bytes: int | None, stack: contextlib.ExitStack
) -> Readable:
    """Open what is packed; reading it may raise one of `DAMAGED`."""
    # What is packed may be a little larger than what is not.
    most = sys.maxsize if max_bytes is None else max_bytes * 9 // 8 + _PACKED_BLOCK
    if kind == "gzip":
        packed = _Limited(raw, most, name)
        return cast(Readable, stack.enter_context(gzip.GzipFile(fileobj=packed)))  # type: ignore[call-overload]
    if kind == "xz":
        return _Xz(_Limited(raw, most, name), name)
    if raw.seekable():
        return _only_member(raw, name, stack)
    spooled = _spooled(_Limited(raw, min(most, SPOOL), name), name, stack)
    return _only_member(spooled, name, stack)


def refuse_archive(begin: bytes, name: str) -> None:
    """Raise a `UserError` if what came out of an archive, its first 512 bytes, is one again."""
    is_tar = begin[_TAR] == b"ustar" and b"\0" in begin[: _TAR.start]
    inner = "tar" if is_tar else kind_of_archive(begin)
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

    def __init__(self, raw: Readable, name: str) -> None:
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


def _is_beside(member: str) -> bool:
    """Return whether a name in a zip is a folder, or what macOS packs beside each file."""
    return member.endswith(("/", ".DS_Store")) or member.startswith("__MACOSX/")


def _only_member(file: BinaryIO, name: str, stack: contextlib.ExitStack) -> Readable:
    archive = stack.enter_context(zipfile.ZipFile(cast(BinaryIO, _Zip(file))))
    members = [one for one in archive.infolist() if not _is_beside(one.filename)]
    names = [one.filename for one in members]
    refuse_workbook(names, name)
    if len(members) != 1:
        listed = ", ".join(ascii(one[:_LONGEST_NAME]) for one in names[:_MOST_LISTED])
        listed += ", ..." * (len(names) > _MOST_LISTED)
        raise UserError(
            f"{name}: the zip holds {len(members)} files, but must hold exactly one"
            f"{f' ({listed}); give it as zip://NAME::FILE' if names else ''}"
        )
    (member,) = members
    if member.flag_bits & 1:
        raise UserError(f"{name}: the zip is encrypted; unpack it first")
    if member.compress_type not in _METHODS:
        # zipfile unpacks what it read of these at once, however much that may be.
        raise UserError(f"{name}: the zip is packed in an unusual way; use deflate, as zip does")
    return cast(Readable, stack.enter_context(archive.open(member)))
