"""A command that ends at SIGTERM or Ctrl-C, but answers first what it has read."""

import io
import os
import select
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any, BinaryIO, TypeVar, cast

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_Lines = TypeVar("_Lines")


class _Stopped(Exception):
    """Nothing more is to be read."""


class Stopping:
    """Remembers a signal that asks this process to end; a second one ends it at once.

    As a context manager it takes the signals over. A signal that is ignored, as Ctrl-C is under
    `nohup`, stays so.

    Attributes:
        signal: The signal that came; None if none did.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[signal.Signals, Any] = {}
        self._woken, self._wake = os.pipe()

    def __enter__(self) -> "Stopping":
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()
        os.close(self._woken)
        os.close(self._wake)

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        self._give_back()
        os.write(self._wake, b"\0")

    def _give_back(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())

    def until_stopped(self, batches: Iterable[_Lines]) -> Iterator[_Lines]:
        """Yield batches of lines until a signal comes; a line that is not whole by then is left."""
        try:
            for batch in batches:
                yield batch
                if self.signal is not None:
                    return
        except _Stopped:
            return

    def reading(self, stream: io.BufferedReader) -> BinaryIO:
        """Return what reads a stream, for batches that `until_stopped` takes."""
        return cast(BinaryIO, _StoppableReader(self, stream, self._woken))


class _StoppableReader:
    """A stream whose reader does not go on to wait when the process is asked to end."""

    def __init__(self, stopping: Stopping, stream: io.BufferedReader, woken: int) -> None:
        self._stopping = stopping
        self._stream = stream
        self._woken = woken

    def fileno(self) -> int:
        """Return the stream's own number."""
        return self._stream.fileno()

    def read1(self, size: int = -1) -> bytes:
        """Return what can be read, as soon as something can; b"" at the end."""
        if sys.platform != "win32":  # There only sockets can be waited for.
            either: list[Any] = [self._stream, self._woken]
            with suppress(io.UnsupportedOperation):  # Bytes in memory are always there.
                select.select(either, [], [])
        if self._stopping.signal is not None:
            raise _Stopped
        return self._stream.read1(size)

    read = read1
