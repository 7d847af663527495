"""Requests that arrive together share one batch, computed in one thread beside the event loop."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from results.serving.predictor import Answer

Compute = Callable[[Sequence[object]], list[Answer]]


class Full(Exception):
    """Too many records wait already."""


@dataclass(frozen=True)
class _Job:
    records: Sequence[object]
    answers: "asyncio.Future[list[Answer]]"


class Batcher:
    """A bounded queue in front of a model that likes batches.

    While a batch is computed the next one collects; an idle model waits `window` seconds for
    company. All but `compute` runs in the event loop, so nothing needs a lock.
    """

    def __init__(
        self,
        compute: Compute,
        *,
        window: float,
        batch_size: int,
        queue_size: int,
        computed: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Keep what it works with.

        Args:
            compute: Answers records, each for itself; called in one thread of its own.
            window: For how many seconds a request waits for others.
            batch_size: How many records are computed together, unless one request has more.
            queue_size: How many records may wait, those in work included.
            computed: Told how many records each batch had.
        """
        self._compute = compute
        self._window = window
        self._batch_size = batch_size
        self._queue_size = queue_size
        self._computed = computed
        self._jobs: deque[_Job] = deque()
        self._arrived = asyncio.Event()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many records wait, those in work included."""
        return self._waiting

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Compute while in this block; what still waits at its end is cancelled."""
        with ThreadPoolExecutor(1, "model") as thread:
            work = asyncio.create_task(self._work(thread))
            try:
                yield
            finally:
                work.cancel()
                for job in self._jobs:
                    job.answers.cancel()

    async def answers(self, records: Sequence[object]) -> list[Answer]:
        """Answer a request's records.

        Args:
            records: Raw lines or parsed records, [n].

        Returns:
            What `compute` gives for them, [n].

        Raises:
            Full: If they do not fit into the queue.
        """
        if self._waiting + len(records) > self._queue_size:
            raise Full
        self._waiting += len(records)
        try:
            job = _Job(records, asyncio.get_running_loop().create_future())
            self._jobs.append(job)
            self._arrived.set()
            return await job.answers
        finally:
            self._waiting -= len(records)

    async def _work(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._jobs:
                self._arrived.clear()
                await self._arrived.wait()
                await asyncio.sleep(self._window)
            jobs = self._next()
            records = [record for job in jobs for record in job.records]
            try:
                answers = await loop.run_in_executor(thread, self._compute, records)
            except Exception as error:
                for job in jobs:
                    if not job.answers.done():
                        job.answers.set_exception(error)
                continue
            self._computed(len(records))
            _hand_out(jobs, answers)

    def _next(self) -> list[_Job]:
        jobs: list[_Job] = []
        size = 0
        while self._jobs and (not jobs or size + len(self._jobs[0].records) <= self._batch_size):
            job = self._jobs.popleft()
            if not job.answers.done():  # Done already where the client has gone.
                jobs.append(job)
                size += len(job.records)
        return jobs


def _hand_out(jobs: Sequence[_Job], answers: Sequence[Answer]) -> None:
    start = 0
    for job in jobs:
        end = start + len(job.records)
        if not job.answers.done():
            job.answers.set_result(list(answers[start:end]))
        start = end
