r"""Characters to ids, exactly as Keras's character tokenizer, but vectorised.

Agrees with `Tokenizer(filters="\t\n", char_level=True)` and `pad_sequences(maxlen=1024)`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.batches import MAX_LENGTH
from data.codepoints import CODE_POINTS, Lengths, chunks, decompose
from data.errors import UserError

_Ids = npt.NDArray[np.unsignedinteger[Any]]


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
        for codes, _ in chunks(texts):
            in_chunk = np.bincount(codes)
            if np.any((in_chunk > 0) & (counts[: len(in_chunk)] == 0)):
                distinct, first = np.unique(codes, return_index=True)
                in_order = distinct[np.argsort(first)]
                seen.extend(in_order[counts[in_order] == 0].tolist())
            counts[: len(in_chunk)] += in_chunk
        # sorted is stable, so ties keep the order of first appearance.
        return cls(tuple(map(chr, sorted(seen, key=lambda code: -counts[code]))), unknown)

    @property
    def num_words(self) -> int:
        """How many ids there are, padding included: an embedding's input size."""
        return len(self.characters) + 1 + int(self.unknown)

    def encode(self, text: str) -> _Ids:
        """Encode one text, however long.

        Args:
            text: Any text.

        Returns:
            The ids of its characters, 1-D, of the smallest unsigned type that holds `num_words`.
        """
        codes, _ = decompose([text])
        ids = self._table[codes]
        return ids if self.unknown else ids[ids != 0]

    def save(self, path: Path) -> None:
        """Write the vocabulary as JSON.

        Args:
            path: The file to write.

        Raises:
            UserError: The file cannot be written.
        """
        content = {"characters": list(self.characters), "unknown": self.unknown}
        try:
            path.write_text(json.dumps(content) + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror})") from error

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote.

        Args:
            path: The file to read.

        Returns:
            The vocabulary.

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
    def _table(self) -> _Ids:
        """The id of every code point, [0x110000]."""
        rest = len(self.characters) + 1 if self.unknown else 0
        table = np.full(CODE_POINTS, rest, np.min_scalar_type(self.num_words))
        known = np.fromiter(map(ord, self.characters), np.int64, len(self.characters))
        table[known] = np.arange(1, len(known) + 1)
        return table


@dataclass(frozen=True)
class Encoded:
    """The ids of n records, one after the other without padding.

    Attributes:
        ids: All ids, 1-D, of the smallest unsigned type that holds them.
        offsets: Record i is `ids[offsets[i]:offsets[i + 1]]`, int64 [n + 1].
    """

    ids: _Ids
    offsets: Lengths

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Lengths:
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
        """Write ids.npy and offsets.npy into a folder, which is made where absent.

        Args:
            folder: Where to write.

        Raises:
            UserError: The folder cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / "ids.npy", self.ids)
            np.save(folder / "offsets.npy", self.offsets)
        except OSError as error:
            raise UserError(f"{folder}: cannot be written ({error.strerror})") from error

    @classmethod
    def load(cls, folder: Path) -> "Encoded":
        """Map what `save` wrote into memory, so that several processes share it.

        Args:
            folder: Where `save` wrote.

        Returns:
            The encoded records.

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
    flat = bytearray()
    lengths: list[Lengths] = [np.zeros(1, np.int64)]
    for codes, long in chunks(texts):
        ids = table[codes]
        if not vocabulary.unknown:
            ids, long = _without_zeros(ids, long)
        ids, kept = _last(ids, long, max_length)
        flat += ids.tobytes()
        lengths.append(kept)
    return Encoded(
        np.frombuffer(flat, table.dtype), np.cumsum(np.concatenate(lengths), dtype=np.int64)
    )


def _without_zeros(ids: _Ids, lengths: Lengths) -> tuple[_Ids, Lengths]:
    keep = ids != 0
    if keep.all():
        return ids, lengths
    before = np.concatenate([[0], np.cumsum(keep)])  # Kept ids before each position.
    ends = np.cumsum(lengths)
    return ids[keep], before[ends] - before[ends - lengths]


def _last(ids: _Ids, lengths: Lengths, most: int) -> tuple[_Ids, Lengths]:
    if not lengths.size or lengths.max() <= most:
        return ids, lengths
    ends = np.cumsum(lengths)
    from_end = np.repeat(ends, lengths) - np.arange(len(ids))  # 1 for a record's last id.
    return ids[from_end <= most], np.minimum(lengths, most)
