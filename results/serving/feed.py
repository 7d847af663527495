"""Lines to predict, from a file or as they arrive, and a sign where no more are there yet."""

import codecs
import io
import select
import time
from collections.abc import Iterator
from typing import BinaryIO

from data.common import UserError
from data.reading import MAX_LINE, STDIN, name_of, open_lines

LINES = 512
CHUNK_BYTES = 2**18
# A writer that is at it fills a pipe again within this time; a person does not notice it.
WAIT = 0.02


def batches_of_file(path: str) -> Iterator[list[str]]:
    """Yield the lines of a file, plain or compressed, up to 512 at a time.

    Args:
        path: The file.

    Yields:
        Lines.

    Raises:
        UserError: If it cannot be read.
    """
    batch: list[str] = []
    characters = 0
    with open_lines(path, max_bytes=None) as lines:  # None of it is kept.
        for line in lines:
            batch.append(line)
            characters += len(line)
            if len(batch) == LINES or characters > MAX_LINE:
                yield batch
                batch, characters = [], 0
    if batch:
        yield batch


def batches_of_stream(stream: BinaryIO, wait: float = WAIT) -> Iterator[list[str]]:
    """Yield lines as they arrive, up to 512 at a time.

    Args:
        stream: UTF-8 text, e.g. standard input.
        wait: For how many seconds lines may have been yielded before an empty batch follows them
            because no more are there yet: whoever collects lines does not keep a slow writer
            waiting then.

    Yields:
        Lines; one that is too long is cut to what `Preparation.text` still finds too long.

    Raises:
        UserError: If it cannot be read.
    """
    # Not utf-8-sig: it loses the one or two first bytes of a mark where no more follow.
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    mark = "\ufeff"
    rest = ""
    for chunk in _chunks(stream, wait):
        text = decoder.decode(chunk)
        if text:
            text, mark = text.removeprefix(mark), ""
        *whole, last = text.split("\n")
        for start in range(0, len(whole), LINES):
            lines = whole[start : start + LINES]
            lines[0] = rest + lines[0]
            rest = ""
            yield lines
        if len(rest) < MAX_LINE:
            rest += last
            if len(rest) > MAX_LINE:
                rest = rest[:MAX_LINE]
        if not chunk:
            yield []
    rest += decoder.decode(b"", final=True)
    if rest:
        yield [rest]


def _chunks(stream: BinaryIO, wait: float) -> Iterator[bytes]:
    """Yield what can be read at once; b"" where nothing can be, `wait` after the first chunk."""
    read = getattr(stream, "read1", stream.read)
    due: float | None = None
    while True:
        if due is not None and not _ready(stream, max(0.0, due - time.monotonic())):
            yield b""
            due = None
        try:
            chunk: bytes = read(CHUNK_BYTES)
        except OSError as error:
            raise UserError(f"{name_of(STDIN)}: cannot be read ({error.strerror})") from error
        if not chunk:
            return
        yield chunk
        due = time.monotonic() + wait if due is None else due


def _ready(stream: BinaryIO, seconds: float) -> bool:
    try:
        return bool(select.select([stream], [], [], seconds)[0])
    except io.UnsupportedOperation:  # Bytes in memory: always there.
        return True
    except OSError:  # Windows waits for sockets only; what is read next may be long in coming.
        return False
