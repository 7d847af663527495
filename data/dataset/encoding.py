r"""Characters to ids, exactly as Keras's character tokenizer, but vectorized.

Agrees with `Tokenizer(filters="\t\n", char_level=True)` and `pad_sequences(maxlen=1024)`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.common import UserError, new_file, write_text
from data.dataset.batching import MAX_LENGTH
from data.reading import Texts, decode_block

CODE_POINTS = 0x110000
CHUNK_CHARACTERS = 2**20
# Small enough for the cache; and new characters are mostly in the first part.
_COUNTED_AT_ONCE = 2**16

Ids = npt.NDArray[np.unsignedinteger[Any]]
_Codes = npt.NDArray[np.unsignedinteger[Any]]
_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Encoded:
    """The ids of n records, one after the other without padding, in arrays that processes share.

    Attributes:
        ids: All ids, 1-D, of the smallest unsigned type that holds them.
        offsets: Record i is `ids[offsets[i]:offsets[i + 1]]`, int64 [n + 1].
    """

    ids: Ids
    offsets: _Counts

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> _Counts:
        """How many ids each record has, int64 [n]."""
        return np.diff(self.offsets)

    def padded(self, rows: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int32]:
        """Pad records on the left with 0; longer ones keep their last ids.

        Args:
            rows: Which records, int64 [b].
            length: How many ids each shall have.

        Returns:
            Ids, int32 [b, length].
        """
        rows = np.asarray(rows, np.int64)
        if not len(self.ids):
            return np.zeros((len(rows), length), np.int32)
        starts, ends = self.offsets[rows, None], self.offsets[rows + 1, None]
        positions = ends - length + np.arange(length)  # [b, length]
        taken = self.ids[np.maximum(positions, 0)]
        return np.where(positions >= starts, taken, 0).astype(np.int32)

    def save(self, folder: Path) -> None:
        """Write ids.npy and offsets.npy into a folder, which is made if absent.

        Raises:
            UserError: The folder cannot be written.
        """
        for name, array in (("ids.npy", self.ids), ("offsets.npy", self.offsets)):
            with new_file(folder / name) as beside:
                np.save(beside, array)

    @classmethod
    def load(cls, folder: Path) -> "Encoded":
        """Map what `save` wrote into memory, so that several processes share it.

        Raises:
            UserError: A file is missing or damaged.
        """
        try:
            ids = np.load(folder / "ids.npy", mmap_mode="r")
            offsets = np.load(folder / "offsets.npy", mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"{folder}: no encoded records can be read from it") from error
        if not len(offsets) or offsets[-1] != len(ids):
            raise UserError(f"{folder}: its encoded records are damaged; delete it")
        return cls(ids, offsets)


@dataclass(frozen=True)
class Vocabulary:
    """Which character has which id; id 0 is padding.

    Attributes:
        characters: The known characters, lower-cased; the first has id 1.
        unknown: Whether all other characters share one more id; they are left out otherwise.
    """

    characters: tuple[str, ...]
    unknown: bool

    def __post_init__(self) -> None:
        if any(len(character) != 1 for character in self.characters):
            raise ValueError("each entry of the vocabulary must be one character")
        if len(set(self.characters)) != len(self.characters):
            raise ValueError("a character is twice in the vocabulary")

    @classmethod
    def fit(cls, texts: Iterable[str], *, unknown: bool) -> "Vocabulary":
        """Number characters by falling frequency, ties by first appearance.

        Args:
            texts: What to count in.
            unknown: Whether characters not seen here get one shared id later, or none.

        Returns:
            The vocabulary of these texts.
        """
        counts = np.zeros(CODE_POINTS, np.int64)
        seen: list[int] = []
        for codes, _ in _chunks(texts):
            # Beyond ASCII, counts are long and not worth making more often.
            size = _COUNTED_AT_ONCE if codes.itemsize == 1 else CHUNK_CHARACTERS
            for start in range(0, len(codes), size):
                part = codes[start : start + size]
                in_part = np.bincount(part)
                if np.any((in_part > 0) & (counts[: len(in_part)] == 0)):
                    distinct, first = np.unique(part, return_index=True)
                    in_order = distinct[np.argsort(first)]
                    seen.extend(in_order[counts[in_order] == 0].tolist())
                counts[: len(in_part)] += in_part
        # sorted is stable, so ties keep the order of first appearance.
        return cls(tuple(map(chr, sorted(seen, key=lambda code: -counts[code]))), unknown)

    @property
    def num_words(self) -> int:
        """How many ids there are, padding included: an embedding's input size."""
        return len(self.characters) + 1 + int(self.unknown)

    def encode(self, text: str) -> Ids:
        """Return the ids of a text's characters, however long it is.

        They are 1-D, of the smallest unsigned type that holds `num_words`.
        """
        codes, _ = _code_points([text])
        ids = self._table[codes]
        return ids if self.unknown else ids[ids != 0]

    def save(self, path: Path) -> None:
        """Write the vocabulary as JSON.

        Raises:
            UserError: The file cannot be written.
        """
        content = {"characters": list(self.characters), "unknown": self.unknown}
        write_text(path, json.dumps(content) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote.

        Raises:
            UserError: The file is missing or damaged.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            characters, unknown = content["characters"], content["unknown"]
            if not isinstance(characters, list) or not isinstance(unknown, bool):
                raise ValueError("the types of its entries are wrong")
            return cls(tuple(characters), unknown)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{path}: the vocabulary is damaged ({error}); export the model again"
            ) from error

    @cached_property
    def _table(self) -> Ids:
        """The id of every code point, [0x110000]."""
        rest = len(self.characters) + 1 if self.unknown else 0
        table = np.full(CODE_POINTS, rest, np.min_scalar_type(self.num_words))
        known = np.fromiter(map(ord, self.characters), np.int64, len(self.characters))
        table[known] = np.arange(1, len(known) + 1)
        return table


def encode(texts: Iterable[str], vocabulary: Vocabulary, max_length: int = MAX_LENGTH) -> Encoded:
    """Encode records, each to its last `max_length` ids.

    Args:
        texts: The n records.
        vocabulary: Which character has which id.
        max_length: Most ids a record keeps.

    Returns:
        Their ids.
    """
    table = vocabulary._table
    # No text has more characters than bytes, in lower case either. What stays unused of the room
    # never becomes memory.
    ids = _Growing(table.dtype, texts.size if isinstance(texts, Texts) else 0)
    offsets = _Growing(np.dtype(np.int64), len(texts) + 1 if isinstance(texts, Texts) else 0)
    offsets.extend(np.zeros(1, np.int64))
    for codes, long in _chunks(texts):
        found = _look_up(table, codes)
        if not vocabulary.unknown:
            found, long = _without_zeros(found, long)
        found, kept = _last(found, long, max_length)
        offsets.extend(len(ids) + np.cumsum(kept, dtype=np.int64))
        ids.extend(found)
    return Encoded(ids.array, offsets.array)


class _Growing:
    """An array that is extended without a second copy of it, given room enough."""

    def __init__(self, dtype: np.dtype[Any], room: int) -> None:
        self._array = np.empty(room, dtype)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    @property
    def array(self) -> npt.NDArray[Any]:
        return self._array[: self._used]

    def extend(self, values: npt.NDArray[Any]) -> None:
        end = self._used + len(values)
        if end > len(self._array):
            larger = np.empty(2 * end, self._array.dtype)
            larger[: self._used] = self.array
            self._array = larger
        self._array[self._used : end] = values
        self._used = end


def _look_up(table: Ids, codes: _Codes) -> Ids:
    if table.dtype == codes.dtype == np.uint8:
        # Several times as fast as numpy's own look-up, which widens each code to 64 bits.
        return np.frombuffer(codes.tobytes().translate(table[:256].tobytes()), np.uint8)
    return table[codes]


def _without_zeros(ids: Ids, lengths: _Counts) -> tuple[Ids, _Counts]:
    keep = ids != 0
    if keep.all():
        return ids, lengths
    before = np.concatenate([[0], np.cumsum(keep)])  # Kept ids before each position.
    ends = np.cumsum(lengths)
    return ids[keep], before[ends] - before[ends - lengths]


def _last(ids: Ids, lengths: _Counts, most: int) -> tuple[Ids, _Counts]:
    if not lengths.size or lengths.max() <= most:
        return ids, lengths
    kept = np.minimum(lengths, most)
    starts = np.cumsum(lengths) - lengths
    keep = np.ones(len(ids), bool)
    for row in np.flatnonzero(lengths > most):
        keep[starts[row] : starts[row] + lengths[row] - most] = False
    return ids[keep], kept


def _chunks(texts: Iterable[str]) -> Iterator[tuple[_Codes, _Counts]]:
    """Yield what `_code_points` gives, for about `CHUNK_CHARACTERS` at once."""
    if isinstance(texts, Texts):
        for block, sizes in texts.blocks(CHUNK_CHARACTERS):
            # In ASCII, a byte is a code point and lower case depends on no neighbor.
            if block.isascii():
                yield np.frombuffer(block.lower(), np.uint8), sizes
            else:
                yield _code_points(list(decode_block(block, sizes)))
        return
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text) + 1  # Empty texts count too, so that a chunk of them ends.
        if size >= CHUNK_CHARACTERS:
            yield _code_points(chunk)
            chunk, size = [], 0
    if chunk:
        yield _code_points(chunk)


def _code_points(texts: list[str]) -> tuple[_Codes, _Counts]:
    """Return the texts' lower-cased code points one after the other, and each text's count."""
    # Lower-cased one by one: a capital sigma's small form depends on its place in the word.
    lowered = [text.lower() for text in texts]
    lengths = np.fromiter(map(len, lowered), np.int64, len(lowered))
    joined = "".join(lowered).encode("utf-32-le", "surrogatepass")
    return np.frombuffer(joined, "<u4"), lengths
