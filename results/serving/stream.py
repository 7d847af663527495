"""Answers lines in their order and in constant memory, as many at once as make full batches."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.records import Answer, Encoded
from results.serving.predictor import BATCH_SIZE, Predictor

# How many lines may wait for an answer: enough for a log's usual lengths to fill their batches.
WINDOW = 8192


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
        if ready := self._ready():  # Lines that cannot be scored wait for no batch.
            yield ready
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
