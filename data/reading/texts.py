"""Many texts as one block of UTF-8 in a file, mapped into memory and decoded when asked for.

A text takes its bytes and 8 more, none of them in the memory of a process: pages of a file come
when they are read, are shared by all processes, and are given back during a pass over all texts.
"""

import contextlib
import hashlib
import mmap
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, overload

import numpy as np
import numpy.typing as npt

from data.common import UserError
from data.records import code_points

_Sizes = npt.NDArray[np.int64]
_Block = bytes | mmap.mmap
_BLOCK, _OFFSETS = "texts.bin", "texts.offsets"

BLOCK_BYTES = 2**20
# Rows whose sizes are looked at together; bounds what a pass over millions of texts holds.
_WINDOW = 2**13
# Lone surrogates are legal in a str, and in the JSON strings that texts are made of.
_ERRORS = "surrogatepass"


class Texts(Sequence[str]):
    """An immutable sequence of texts.

    Args:
        block: UTF-8, lone surrogates allowed.
        starts: Where in `block` each text starts, in bytes, int64 [n].
        ends: Where each ends, int64 [n].
        maps: The files mapped into memory that these lie in.
    """

    def __init__(
        self, block: _Block, starts: _Sizes, ends: _Sizes, maps: tuple[mmap.mmap, ...] = ()
    ) -> None:
        self._block = block
        self._starts = starts
        self._ends = ends
        self._maps = maps

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Texts":
        """Keep any texts in memory."""
        encoded = [text.encode("utf-8", _ERRORS) for text in texts]
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return cls(b"".join(encoded), offsets[:-1], offsets[1:])

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> "Texts": ...

    def __getitem__(self, index: int | slice) -> "str | Texts":
        """Decode one text, or give a view of several."""
        if isinstance(index, slice):
            return Texts(self._block, self._starts[index], self._ends[index], self._maps)
        return self._block[self._starts[index] : self._ends[index]].decode("utf-8", _ERRORS)

    def __iter__(self) -> Iterator[str]:
        for block, sizes in self.blocks():
            yield from _decoded(block, sizes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def at(self, rows: npt.NDArray[np.int64]) -> "Texts":
        """Return a view of the texts with these indices, [m], in that order."""
        if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
            return self[int(rows[0]) : int(rows[0]) + len(rows)]
        return Texts(self._block, self._starts[rows], self._ends[rows], self._maps)

    def blocks(self, most: int = BLOCK_BYTES) -> Iterator[tuple[bytes, _Sizes]]:
        """Yield all texts as UTF-8, about `most` bytes at once, and the number of bytes of each."""
        first = 0
        while first < len(self):
            starts, ends = (array[first : first + _WINDOW] for array in (self._starts, self._ends))
            # Empty texts count too, so that a block of them ends.
            filled = int(np.searchsorted(np.cumsum(ends - starts + 1), most)) + 1
            starts, ends = starts[:filled], ends[:filled]
            if np.array_equal(starts[1:], ends[:-1]):
                block = self._block[starts[0] : ends[-1]]
            else:
                spans = zip(starts.tolist(), ends.tolist(), strict=True)
                block = b"".join([self._block[start:end] for start, end in spans])
            self._release()
            yield block, ends - starts
            first += len(ends)

    def code_chunks(
        self, most: int
    ) -> Iterator[tuple[npt.NDArray[np.unsignedinteger[Any]], _Sizes]]:
        """Yield the texts' lower-cased code points and each text's count, about `most` at once."""
        for block, sizes in self.blocks(most):
            # In ASCII, a byte is a code point and lower case depends on no neighbor.
            if block.isascii():
                yield np.frombuffer(block.lower(), np.uint8), sizes
            else:
                yield code_points(list(_decoded(block, sizes)))

    @property
    def size(self) -> int:
        """How many bytes all texts have together."""
        return int((self._ends - self._starts).sum())

    def save(self, folder: Path) -> None:
        """Write texts.bin and texts.offsets into an existing folder."""
        end = 0
        with (folder / _BLOCK).open("wb") as block, (folder / _OFFSETS).open("wb") as offsets:
            offsets.write(bytes(8))
            for texts, sizes in self.blocks():
                block.write(texts)
                offsets.write((end + np.cumsum(sizes)).tobytes())
                end += len(texts)

    @classmethod
    def load(cls, folder: Path) -> "Texts":
        """Map what `save` wrote into memory, so that several processes share it."""
        try:
            with (folder / _BLOCK).open("rb") as block, (folder / _OFFSETS).open("rb") as offsets:
                return cls.map(block, offsets)
        except (OSError, ValueError) as error:
            raise UserError(f"{folder}: its texts cannot be read; delete it") from error

    @classmethod
    def map(cls, block: BinaryIO, offsets: BinaryIO) -> "Texts":
        """Map two open files, which may be closed then; raise ValueError if they do not fit.

        Text i is `block[offsets[i]:offsets[i + 1]]`, UTF-8 with lone surrogates allowed; the
        offsets are int64 [n + 1].
        """
        maps = [mmap.mmap(offsets.fileno(), 0, access=mmap.ACCESS_READ)]
        places = np.frombuffer(maps[0], np.int64)
        size = block.seek(0, os.SEEK_END)
        if places[-1] != size:
            raise ValueError("the offsets are not those of the texts")
        if not size:  # An empty file cannot be mapped.
            return cls(b"", places[:-1], places[1:], tuple(maps))
        maps.append(mmap.mmap(block.fileno(), 0, access=mmap.ACCESS_READ))
        return cls(maps[1], places[:-1], places[1:], tuple(maps))

    def _release(self) -> None:
        # The pages stay in the system's cache, but count no longer as this process's memory.
        if hasattr(mmap, "MADV_DONTNEED"):
            for mapped in self._maps:
                mapped.madvise(mmap.MADV_DONTNEED)


class TextWriter:
    """Writes texts and labels in order, in a memory that does not grow with the texts.

    The files have no name and go when the texts do. A context manager; what `finish` returns may
    outlive it.
    """

    def __init__(self) -> None:
        try:
            self._block = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
            self._offsets = tempfile.TemporaryFile()  # noqa: SIM115
        except OSError as error:
            raise UserError(
                f"no temporary file can be made ({error.strerror}); set TMPDIR to a folder that "
                "can be written"
            ) from error
        self._labels = bytearray()
        self._size = 0
        self._digest = hashlib.sha256()
        self._guarded(lambda: self._offsets.write(bytes(8)))
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def __enter__(self) -> "TextWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the files; what was mapped stays."""
        for file in (self._block, self._offsets):
            # An error of the last write was raised already, or would hide the one on its way.
            with contextlib.suppress(OSError):
                file.close()

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, text: str, label: int) -> None:
        """Add a row; raise `UserError` if the disk is full or cannot be written to."""
        encoded = text.encode("utf-8", _ERRORS)
        self._labels.append(label)
        self._waiting.append(encoded)
        self._waiting_bytes += len(encoded) + 1
        if self._waiting_bytes >= BLOCK_BYTES:
            self._write()

    def finish(self) -> tuple[Texts, npt.NDArray[np.uint8], str]:
        """Return the n texts, their labels, uint8 [n], and the SHA-256 of both; the last call."""
        self._write()
        self._guarded(self._block.flush)
        self._guarded(self._offsets.flush)
        texts = Texts.map(self._block, self._offsets)
        return texts, np.frombuffer(self._labels, np.uint8), self._digest.hexdigest()

    def _write(self) -> None:
        texts, self._waiting, self._waiting_bytes = self._waiting, [], 0
        labels = self._labels[len(self) - len(texts) :]
        self._digest.update(b"".join(map(_hashed, labels, texts)))
        sizes = np.fromiter(map(len, texts), np.int64, len(texts))
        ends = self._size + np.cumsum(sizes)
        self._size += int(sizes.sum())
        self._guarded(lambda: self._block.write(b"".join(texts)))
        self._guarded(lambda: self._offsets.write(ends.tobytes()))

    def _guarded(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            raise UserError(
                f"{tempfile.gettempdir()}: the log's texts cannot be kept ({error.strerror}); "
                "free some space or set TMPDIR to another folder"
            ) from error


def fingerprint(texts: Texts, labels: npt.NDArray[np.uint8]) -> str:
    """Return the SHA-256 that a `TextWriter` of these texts and labels gives, in hexadecimal."""
    digest = hashlib.sha256()
    for label, text in zip(labels.tolist(), texts, strict=True):
        digest.update(_hashed(label, text.encode("utf-8", _ERRORS)))
    return digest.hexdigest()


def _hashed(label: int, text: bytes) -> bytes:
    return b"%d %d %b" % (label, len(text), text)


def _decoded(block: bytes, sizes: _Sizes) -> Iterator[str]:
    """Yield the texts of a block of UTF-8, given how many bytes each has."""
    ends = np.cumsum(sizes).tolist()
    start = 0
    if block.isascii():
        whole = block.decode("ascii")
        for end in ends:
            yield whole[start:end]
            start = end
        return
    for end in ends:
        yield block[start:end].decode("utf-8", _ERRORS)
        start = end
