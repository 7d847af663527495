"""The lines of a file, or as they arrive on standard input, until a signal asks to end."""

import codecs
import io
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any, BinaryIO, TypeVar, cast

from data.common import UserError
from data.records import MAX_LINE, batches_of_lines
from data.source import STDIN, Utf8, name_of, open_lines

LINES = 512
CHUNK_BYTES = 2**18
# A busy writer fills a pipe again within this time; a person does not notice it.
WAIT_SECONDS = 0.02
# For so long a line whose quote is open waits for another one. Who writes a record over several
# lines writes them at once.
PATIENCE_SECONDS = 1.0

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_Lines = TypeVar("_Lines")


def batches_of_file(
    path: str, encoding: str | None = None, *, may_be_list: bool = False
) -> Iterator[list[str]]:
    """Yield the lines of a file, plain or compressed, up to 512 at a time.

    Args:
        path: The file.
        encoding: Of its text; None for UTF-8, or what its byte-order mark says.
        may_be_list: Whether a JSON list of objects is read as its elements, a line each.

    Yields:
        Lines.

    Raises:
        UserError: If it cannot be read.
    """
    # No limit, since nothing is kept.
    opened = open_lines(path, max_bytes=None, encoding=encoding, may_be_list=may_be_list)
    with opened as lines:
        yield from batches_of_lines(lines, LINES)


def batches_of_stream(
    stream: BinaryIO, wait: float = WAIT_SECONDS, encoding: str | None = None
) -> Iterator[list[str]]:
    """Yield lines as they arrive, up to 512 at a time.

    Args:
        stream: Text, e.g. standard input.
        wait: An empty batch follows if no more lines arrive within so many seconds. It tells a
            consumer that collects lines to answer now instead of keeping a slow writer waiting.
            Another one follows if none arrive within `PATIENCE_SECONDS`.
        encoding: Of the text; UTF-8 if None.

    Yields:
        Lines. One that is too long is cut, but stays long enough for `Preprocessor` to refuse it.

    Raises:
        UserError: If it cannot be read.
    """
    # Not utf-8-sig: it loses the first one or two bytes of a mark if nothing follows them.
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    utf8 = None if encoding is None else Utf8(encoding, name_of(STDIN))
    mark = "\ufeff"
    rest = ""
    for chunk in _chunks(stream, wait):
        text = decoder.decode(chunk if utf8 is None else utf8.convert(chunk, False))
        if text:
            text, mark = text.removeprefix(mark), ""
        *whole, last = text.split("\n")
        for start in range(0, len(whole), LINES):
            lines = whole[start : start + LINES]
            lines[0] = rest + lines[0]
            rest = ""
            yield lines
        if len(rest) < MAX_LINE:
            rest += last  # In place: each piece of a long line would copy all of it otherwise.
            if len(rest) > MAX_LINE:
                rest = rest[:MAX_LINE]
        if not chunk:
            yield []
    rest += decoder.decode(b"" if utf8 is None else utf8.convert(b"", True), final=True)
    if rest:
        yield [rest]


def _chunks(stream: BinaryIO, wait: float) -> Iterator[bytes]:
    """Yield what can be read at once; b"" if nothing can `wait` seconds after the first chunk."""
    read = getattr(stream, "read1", stream.read)
    due: float | None = None
    while True:
        if due is not None and not _is_ready(stream, max(0.0, due - time.monotonic())):
            yield b""
            due = None
            longer = time.monotonic() + PATIENCE_SECONDS
            if not _is_ready(stream, PATIENCE_SECONDS) and time.monotonic() >= longer:
                yield b""
        try:
            chunk: bytes = read(CHUNK_BYTES)
        except OSError as error:
            raise UserError(f"{name_of(STDIN)}: cannot be read ({error.strerror})") from error
        if not chunk:
            return
        yield chunk
        due = time.monotonic() + wait if due is None else due


def _is_ready(stream: BinaryIO, seconds: float) -> bool:
    try:
        return bool(select.select([stream], [], [], seconds)[0])
    except io.UnsupportedOperation:  # Bytes in memory are always there.
        return True
    except OSError:  # Windows can wait for sockets only, so the next read may take long.
        return False


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
