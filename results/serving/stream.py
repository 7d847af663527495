"""Reads lines from a file or as they arrive, and answers them in order and in constant memory."""

import codecs
import io
import select
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from data.common import UserError
from data.records import MAX_LINE, Answer, Encoded
from data.source import STDIN, Utf8, name_of, open_lines
from results.serving.predictor import BATCH_SIZE, Predictor

LINES = 512
CHUNK_BYTES = 2**18
# A busy writer fills a pipe again within this time; a person does not notice it.
WAIT_SECONDS = 0.02
# For so long a line whose quote is open waits for another one. Who writes a record over several
# lines writes them at once.
PATIENCE_SECONDS = 1.0
# How many lines may wait for an answer: enough for a log's usual lengths to fill their batches.
WINDOW = 8192


def batches_of_file(path: str, encoding: str | None = None) -> Iterator[list[str]]:
    """Yield the lines of a file, plain or compressed, up to 512 at a time.

    Args:
        path: The file.
        encoding: Of its text; None for UTF-8, or what its byte-order mark says.

    Yields:
        Lines.

    Raises:
        UserError: If it cannot be read.
    """
    batch: list[str] = []
    characters = 0
    # No limit, since nothing is kept.
    with open_lines(path, max_bytes=None, encoding=encoding) as lines:
        for line in lines:
            batch.append(line)
            characters += len(line)
            if len(batch) == LINES or characters > MAX_LINE:
                yield batch
                batch, characters = [], 0
    if batch:
        yield batch


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


@dataclass(slots=True)  # Not frozen: that would triple the time that creating one takes.
class _Waiting:
    """A line that waits for others of its padded length."""

    number: int
    ids: npt.NDArray[np.unsignedinteger[Any]]
    prepared_us: float


_Numbered = list[tuple[int, Answer]]


class Stream:
    """Answers any number of lines in order, in constant memory.

    Records of one padded length are collected until they fill a batch. The batch with the oldest
    line is computed at the latest when half of `window` waits, and all of them when the writer
    pauses.

    Args:
        predictor: The model.
        threads: How many batches are computed at once.
        window: How many lines may wait for an answer.
        batch_size: How many records a batch has at most.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        threads: int = 1,
        window: int = WINDOW,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self._predictor = predictor
        self._threads = threads
        self._window = window
        self._batch_size = batch_size
        self._buckets: dict[int, list[_Waiting]] = {}
        self._computing: deque[Future[_Numbered]] = deque()
        self._answers: dict[int, Answer] = {}
        self._read = 0
        self._given = 0

    def answers(self, batches: Iterable[Sequence[object]]) -> Iterator[list[Answer]]:
        """Answer lines, in their order.

        Args:
            batches: Lines; an empty batch says that no more have arrived yet.

        Yields:
            What `Predictor.answers` gives for each line, as soon as it and those before it are
            known; after an empty batch, for all that were read. `latency_us` is the line's share
            of the time that cleaning and its batch took, without the waiting.
        """
        with ThreadPoolExecutor(self._threads, "score") as pool:
            for lines in batches:
                if lines:
                    self._take(lines, pool)
                    yield from self._some(pool)
                else:
                    yield from self._all(pool)
            yield from self._all(pool)

    def _take(self, lines: Sequence[object], pool: ThreadPoolExecutor) -> None:
        prepared = self._predictor.preprocessor.prepare(lines)
        for row, error in prepared.errors.items():
            self._answers[self._read + row] = error
        places = zip(prepared.rows.tolist(), prepared.lengths.tolist(), strict=True)
        ids, offsets = prepared.encoded.ids, prepared.encoded.offsets.tolist()
        for index, (row, length) in enumerate(places):
            own = ids[offsets[index] : offsets[index + 1]]
            bucket = self._buckets.setdefault(length, [])
            bucket.append(_Waiting(self._read + row, own, prepared.each_us))
            if len(bucket) == self._batch_size:
                self._submit(length, pool)
        self._read += len(lines)

    def _some(self, pool: ThreadPoolExecutor) -> Iterator[list[Answer]]:
        while True:
            waiting = self._read - self._given
            if waiting > self._window // 2:
                self._submit_oldest(pool)
            if not self._computing or not (waiting > self._window or self._computing[0].done()):
                return
            yield self._next()

    def _all(self, pool: ThreadPoolExecutor) -> Iterator[list[Answer]]:
        for length in sorted(self._buckets):
            self._submit(length, pool)
        while self._computing:
            yield self._next()
        yield self._ready()

    def _submit_oldest(self, pool: ThreadPoolExecutor) -> None:
        for length, bucket in self._buckets.items():
            if bucket[0].number == self._given:
                return self._submit(length, pool)

    def _submit(self, length: int, pool: ThreadPoolExecutor) -> None:
        self._computing.append(pool.submit(self._score, self._buckets.pop(length), length))

    def _score(self, bucket: list[_Waiting], length: int) -> _Numbered:
        started = time.perf_counter()
        ends = np.cumsum([0, *(len(line.ids) for line in bucket)])
        encoded = Encoded(np.concatenate([line.ids for line in bucket]), ends)
        ids = encoded.padded(np.arange(len(bucket)), length)
        scores = self._predictor.probabilities(ids).tolist()
        each_us = (time.perf_counter() - started) / len(bucket) * 1e6
        return [
            (line.number, self._predictor.answer(score, line.prepared_us + each_us))
            for line, score in zip(bucket, scores, strict=True)
        ]

    def _next(self) -> list[Answer]:
        self._answers.update(self._computing.popleft().result())
        return self._ready()

    def _ready(self) -> list[Answer]:
        ready = []
        while self._given in self._answers:
            ready.append(self._answers.pop(self._given))
            self._given += 1
        return ready
