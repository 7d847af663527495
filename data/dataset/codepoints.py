"""Texts as numpy arrays of lower-cased code points, a piece at a time."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from data.reading import Texts, decode

CODE_POINTS = 0x110000
CHUNK_CHARACTERS = 2**20

Codes = npt.NDArray[np.unsignedinteger[Any]]
Lengths = npt.NDArray[np.int64]


def chunks(texts: Iterable[str]) -> Iterator[tuple[Codes, Lengths]]:
    """Yield code points and lengths of lower-cased texts, about `CHUNK_CHARACTERS` at once."""
    if isinstance(texts, Texts):
        for block, sizes in texts.blocks(CHUNK_CHARACTERS):
            yield _decompose_block(block, sizes)
        return
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text) + 1  # Empty texts count too, so that a chunk of them ends.
        if size >= CHUNK_CHARACTERS:
            yield decompose(chunk)
            chunk, size = [], 0
    if chunk:
        yield decompose(chunk)


def decompose(texts: list[str]) -> tuple[Codes, Lengths]:
    """Return the texts' lower-cased code points one after the other, and each text's count."""
    # Lower-cased one by one: a capital sigma's small form depends on its place in the word.
    lowered = [text.lower() for text in texts]
    lengths = np.fromiter(map(len, lowered), np.int64, len(lowered))
    joined = "".join(lowered).encode("utf-32-le", "surrogatepass")
    return np.frombuffer(joined, "<u4"), lengths


def _decompose_block(block: bytes, sizes: Lengths) -> tuple[Codes, Lengths]:
    # Where all is ASCII, a byte is a code point and lower case depends on no neighbour.
    if block.isascii():
        return np.frombuffer(block.lower(), np.uint8), sizes
    return decompose(list(decode(block, sizes)))
