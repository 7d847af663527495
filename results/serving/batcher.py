"""Requests that arrive together share one batch, computed in a thread beside the event loop."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice

from data.records import Answer

Compute = Callable[[Sequence[object]], list[Answer]]


class QueueFull(Exception):
    """Too many records are waiting already."""


@dataclass(frozen=True)
class _Request:
    records: Sequence[object]
    answers: "asyncio.Future[list[Answer]]"


class Batcher:
    """A bounded queue in front of a model that likes batches.

    While a batch is computed the next one collects; an idle model waits `window` seconds for more
    requests. Everything but `compute` runs in the event loop, so nothing needs a lock.

    Args:
        compute: Answers records independently of each other; called in one thread of its own.
        window: How many seconds a request waits for others.
        batch_size: How many records are computed together, unless one request has more.
        queue_size: How many records may wait, including those being computed.
        on_batch: Called with the number of records of each batch.
    """

    def __init__(
        self,
        compute: Compute,
        *,
        window: float,
        batch_size: int,
        queue_size: int,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._compute = compute
        self._window = window
        self._batch_size = batch_size
        self._queue_size = queue_size
        self._on_batch = on_batch
        self._queue: deque[_Request] = deque()
        self._arrived = asyncio.Event()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many records wait, including those being computed."""
        return self._waiting

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Compute within this block; requests that still wait at its end are cancelled."""
        with ThreadPoolExecutor(1, "model") as thread:
            work = asyncio.create_task(self._work(thread))
            try:
                yield
            finally:
                work.cancel()
                for request in self._queue:
                    request.answers.cancel()

    async def answers(self, records: Sequence[object]) -> list[Answer]:
        """Return what `compute` gives for a request's records.

        Raises:
            QueueFull: If they do not fit into the queue.
        """
        if self._waiting + len(records) > self._queue_size:
            raise QueueFull
        self._waiting += len(records)
        try:
            request = _Request(records, asyncio.get_running_loop().create_future())
            self._queue.append(request)
            self._arrived.set()
            return await request.answers
        finally:
            self._waiting -= len(records)

    async def _work(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
                await asyncio.sleep(self._window)
            batch = self._next_batch()
            records = [record for request in batch for record in request.records]
            try:
                answers = iter(await loop.run_in_executor(thread, self._compute, records))
            except Exception as error:
                for request in batch:
                    if not request.answers.done():
                        request.answers.set_exception(error)
                continue
            self._on_batch(len(records))
            for request in batch:
                own = list(islice(answers, len(request.records)))
                if not request.answers.done():
                    request.answers.set_result(own)

    def _next_batch(self) -> list[_Request]:
        batch: list[_Request] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].records) <= self._batch_size):
            request = self._queue.popleft()
            if not request.answers.done():  # Already done if the client has gone.
                batch.append(request)
                size += len(request.records)
        return batch
