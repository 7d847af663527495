"""Many texts as one block of UTF-8 in a file, mapped into memory and decoded when asked for.

A text takes its bytes and 8 more, none of them in the memory of a process: pages of a file come
when they are read, are shared by all processes, and are given back during a pass over all texts.
"""

import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, overload

import numpy as np
import numpy.typing as npt

from data.common import UserError

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
        """Keep texts, in memory.

        Args:
            texts: Any texts.

        Returns:
            The same texts.
        """
        encoded = [to_bytes(text) for text in texts]
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
            yield from decode(block, sizes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def at(self, rows: npt.NDArray[np.int64]) -> "Texts":
        """Give a view of some texts, in any order.

        Args:
            rows: Their indices, [m].

        Returns:
            The m texts; at most where they are is copied.
        """
        if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
            return self[int(rows[0]) : int(rows[0]) + len(rows)]
        return Texts(self._block, self._starts[rows], self._ends[rows], self._maps)

    def blocks(self, most: int = BLOCK_BYTES) -> Iterator[tuple[bytes, _Sizes]]:
        """Yield all texts, several at once.

        Args:
            most: About how many bytes to yield at once; a longer text comes alone.

        Yields:
            UTF-8 of texts one after the other, and how many bytes each has, int64.
        """
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

    @property
    def size(self) -> int:
        """How many bytes all texts have together."""
        return int((self._ends - self._starts).sum())

    def save(self, folder: Path) -> None:
        """Write texts.bin and texts.offsets into a folder.

        Args:
            folder: An existing folder.

        Raises:
            OSError: It cannot be written.
        """
        end = 0
        with (folder / _BLOCK).open("wb") as block, (folder / _OFFSETS).open("wb") as offsets:
            offsets.write(bytes(8))
            for texts, sizes in self.blocks():
                block.write(texts)
                offsets.write((end + np.cumsum(sizes)).tobytes())
                end += len(texts)

    @classmethod
    def load(cls, folder: Path) -> "Texts":
        """Map what `save` wrote into memory, so that several processes share it.

        Args:
            folder: Where `save` wrote.

        Returns:
            The texts.

        Raises:
            UserError: A file is missing or damaged.
        """
        try:
            with (folder / _BLOCK).open("rb") as block, (folder / _OFFSETS).open("rb") as offsets:
                return cls.map(block, offsets)
        except (OSError, ValueError) as error:
            raise UserError(f"{folder}: its texts cannot be read; delete it") from error

    @classmethod
    def map(cls, block: BinaryIO, offsets: BinaryIO) -> "Texts":
        """Map two open files, which may be closed then.

        Args:
            block: UTF-8 of n texts one after the other, lone surrogates allowed.
            offsets: Text i is `block[offsets[i]:offsets[i + 1]]`, int64 [n + 1].

        Returns:
            The texts.

        Raises:
            OSError: A file cannot be mapped.
            ValueError: They do not belong together.
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


def to_bytes(text: str) -> bytes:
    """Encode a text as `Texts` keeps it."""
    return text.encode("utf-8", _ERRORS)


def decode(block: bytes, sizes: _Sizes) -> Iterator[str]:
    """Yield the texts of a block.

    Args:
        block: UTF-8 of several texts one after the other, lone surrogates allowed.
        sizes: How many bytes each has, int64.

    Yields:
        Each text.
    """
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
