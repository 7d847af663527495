"""Requests that arrive together share one batch, so that a model computes many records at once."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from threading import Thread

from data.records import Answer

Compute = Callable[[Sequence[object]], list[Answer]]

# The event loop computes what takes it no longer: to wake a thread, and be woken, costs as much.
_AT_ONCE_SECONDS = 0.002
_WEIGHT_OF_LAST = 0.1


class QueueFull(Exception):
    """Too many records are waiting already."""


@dataclass(frozen=True, slots=True)
class _Request:
    records: Sequence[object]
    answers: "asyncio.Future[list[Answer]]"


class Batcher:
    """A bounded queue in front of a model that likes batches.

    An idle model starts at once, with whatever one turn of the event loop has brought; while it
    computes in a thread of its own, the next batch collects. A batch that will take less than two
    milliseconds, as far as those before it tell, is computed in the event loop itself. Everything
    else runs there too, so nothing needs a lock.

    Args:
        compute: Answers records independently of each other; one call at a time.
        batch_size: How many records are computed together, unless one request has more.
        queue_size: How many records may wait, including those being computed.
        on_batch: Called with the number of records of each batch.
    """

    def __init__(
        self,
        compute: Compute,
        *,
        batch_size: int,
        queue_size: int,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._compute = compute
        self._batch_size = batch_size
        self._queue_size = queue_size
        self._on_batch = on_batch
        self._queue: deque[_Request] = deque()
        self._batches: SimpleQueue[list[_Request]] = SimpleQueue()
        self._is_idle = True
        self._waiting = 0
        self._each_seconds = math.inf

    @property
    def waiting(self) -> int:
        """How many records wait, including those being computed."""
        return self._waiting

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Compute within this block; requests that still wait at its end are cancelled."""
        thread = Thread(
            target=self._work, args=(asyncio.get_running_loop(),), name="model", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            for request in self._queue:
                request.answers.cancel()
            self._queue.clear()
            self._batches.put([])
            thread.join()

    async def answers(self, records: Sequence[object]) -> list[Answer]:
        """Return what `compute` gives for a request's records.

        Raises:
            QueueFull: If they do not fit into the queue.
        """
        if self._waiting + len(records) > self._queue_size:
            raise QueueFull
        self._waiting += len(records)
        try:
            loop = asyncio.get_running_loop()
            request = _Request(records, loop.create_future())
            self._queue.append(request)
            if self._is_idle:
                self._is_idle = False
                loop.call_soon(self._start)
            return await request.answers
        finally:
            self._waiting -= len(records)

    def _start(self) -> None:
        """Compute the next batch, here or in the thread, if anybody waits."""
        batch: list[_Request] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].records) <= self._batch_size):
            request = self._queue.popleft()
            if not request.answers.done():  # Already done if the client has gone.
                batch.append(request)
                size += len(request.records)
        if not batch:
            self._is_idle = True
            return
        self._on_batch(size)
        if size * self._each_seconds > _AT_ONCE_SECONDS:
            self._batches.put(batch)
            return
        _give(batch, self._computed(batch))
        asyncio.get_running_loop().call_soon(self._start)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Compute batches, in the thread, until an empty one comes."""
        while batch := self._batches.get():
            loop.call_soon_threadsafe(self._finish, batch, self._computed(batch))

    def _finish(self, batch: list[_Request], found: list[Answer] | Exception) -> None:
        self._start()  # First, so that the thread does not wait.
        _give(batch, found)

    def _computed(self, batch: list[_Request]) -> list[Answer] | Exception:
        records = [record for request in batch for record in request.records]
        started = time.perf_counter()
        try:
            return self._compute(records)
        except Exception as error:
            return error
        finally:
            each = (time.perf_counter() - started) / max(len(records), 1)
            known = self._each_seconds if math.isfinite(self._each_seconds) else each
            self._each_seconds = known + _WEIGHT_OF_LAST * (each - known)


def _give(batch: list[_Request], found: list[Answer] | Exception) -> None:
    """Answer requests that still wait."""
    answers = iter(() if isinstance(found, Exception) else found)
    for request in batch:
        own = list(islice(answers, len(request.records)))
        if request.answers.done():
            continue
        if isinstance(found, Exception):
            request.answers.set_exception(found)
        else:
            request.answers.set_result(own)
