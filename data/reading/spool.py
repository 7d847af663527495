"""The rows of a log as they are read, in a memory that does not grow with the texts."""

import contextlib
import hashlib
import tempfile
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from data.common import UserError
from data.reading.texts import BLOCK_BYTES, Texts


class Spool:
    """Takes texts and labels in order; the texts' files have no name and go when they do.

    A context manager; what `texts` and `labels` gave may outlive it.
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

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the files; what was mapped stays."""
        for file in (self._block, self._offsets):
            # An error of the last write was raised already, or would hide the one on its way.
            with contextlib.suppress(OSError):
                file.close()

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, text: bytes, label: int) -> None:
        """Add a row.

        Args:
            text: UTF-8, lone surrogates allowed.
            label: 0 or 1.

        Raises:
            UserError: The file cannot be written, e.g. because the disk is full.
        """
        self._labels.append(label)
        self._waiting.append(text)
        self._waiting_bytes += len(text) + 1
        if self._waiting_bytes >= BLOCK_BYTES:
            self._write()

    def finish(self) -> tuple[Texts, npt.NDArray[np.uint8], str]:
        """Map what was added; nothing can be added any more.

        Returns:
            The n texts, their labels, uint8 [n], and the SHA-256 of both, in hexadecimal.

        Raises:
            UserError: The file cannot be written.
        """
        self._write()
        self._guarded(self._block.flush)
        self._guarded(self._offsets.flush)
        texts = Texts.map(self._block, self._offsets)
        return texts, np.frombuffer(self._labels, np.uint8), self._digest.hexdigest()

    def _write(self) -> None:
        texts, self._waiting, self._waiting_bytes = self._waiting, [], 0
        labels = self._labels[len(self) - len(texts) :]
        pairs = zip(labels, texts, strict=True)
        self._digest.update(
            b"".join(b"%d %d %b" % (label, len(text), text) for label, text in pairs)
        )
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
