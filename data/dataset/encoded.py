"""Records as ids without padding: one flat array that processes share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.common import UserError, new_file
from data.dataset.codepoints import Lengths

Ids = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Encoded:
    """The ids of n records, one after the other without padding.

    Attributes:
        ids: All ids, 1-D, of the smallest unsigned type that holds them.
        offsets: Record i is `ids[offsets[i]:offsets[i + 1]]`, int64 [n + 1].
    """

    ids: Ids
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
        for name, array in (("ids.npy", self.ids), ("offsets.npy", self.offsets)):
            with new_file(folder / name) as beside:
                np.save(beside, array)

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
