"""Requests share batches, in order, within bounds, whatever becomes of their neighbors."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from data.records import Answer
from results.serving.batcher import Batcher, QueueFull


class Model:
    """Answers each record with itself, once it may."""

    def __init__(self) -> None:
        self.batches: list[list[object]] = []
        self.may = threading.Semaphore(0)

    def __call__(self, records: Sequence[object]) -> list[Answer]:
        self.batches.append(list(records))
        assert self.may.acquire(timeout=20)
        if "bad" in records:
            raise ZeroDivisionError
        return [{"score": record} for record in records]


def within(test: Callable[[Batcher, Model], Coroutine[Any, Any, None]], **options: Any) -> Model:
    model = Model()
    settings = {"batch_size": 4, "queue_size": 8, **options}

    async def main() -> None:
        batcher = Batcher(model, **settings)
        async with batcher.running():
            await test(batcher, model)

    asyncio.run(main())
    return model


def values(answers: list[Answer]) -> list[object]:
    return [answer["score"] for answer in answers]


def ask(batcher: Batcher, *records: object) -> "asyncio.Task[list[Answer]]":
    return asyncio.create_task(batcher.answers(records))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.001)


def test_what_arrives_during_a_batch_shares_the_next_one() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        first = ask(batcher, 0)
        await until(lambda: len(model.batches) == 1)
        rest = [ask(batcher, 1, 2), ask(batcher, 3), ask(batcher, 4, 5), ask(batcher, 6)]
        await until(lambda: batcher.waiting == 7)
        model.may.release(9)
        assert values(await first) == [0]
        found = await asyncio.gather(*rest)
        assert [values(answers) for answers in found] == [[1, 2], [3], [4, 5], [6]]
        assert batcher.waiting == 0

    model = within(test)
    assert model.batches == [[0], [1, 2, 3], [4, 5, 6]]


def test_an_idle_model_starts_at_once_with_all_that_came_in_one_turn() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        model.may.release(9)
        await asyncio.gather(ask(batcher, 0), ask(batcher, 1))
        await ask(batcher, 2)

    assert within(test).batches == [[0, 1], [2]]


def test_only_a_model_known_to_be_fast_is_called_in_the_event_loop() -> None:
    here = threading.get_ident()
    threads: list[bool] = []

    def compute(records: Sequence[object]) -> list[Answer]:
        threads.append(threading.get_ident() == here)
        if "slow" in records:
            time.sleep(0.1)
        return [{"score": record} for record in records]

    async def main() -> None:
        batcher = Batcher(compute, batch_size=100_000, queue_size=100_000)
        async with batcher.running():
            for records in ([0] * 10_000, [1], [2] * 100_000, ["slow"], [3]):
                assert values(await batcher.answers(records)) == records

    asyncio.run(main())
    assert threads[:2] + threads[3:] == [False, True, True, False]


def test_at_its_end_who_waits_is_cancelled_and_what_is_computed_is_waited_for() -> None:
    waiting: list[asyncio.Task[list[Answer]]] = []

    async def test(batcher: Batcher, model: Model) -> None:
        waiting.append(ask(batcher, 0))
        await until(lambda: len(model.batches) == 1)
        waiting.append(ask(batcher, 1))
        await until(lambda: batcher.waiting == 2)
        model.may.release(9)

    assert within(test).batches == [[0]]
    assert waiting[1].cancelled()


def test_a_request_larger_than_a_batch_is_computed_whole() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        model.may.release(9)
        assert values(await batcher.answers(range(7))) == list(range(7))

    within(test)


def test_a_full_queue_refuses_and_takes_again_later() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        first = ask(batcher, *range(8))
        await until(lambda: batcher.waiting == 8)
        with pytest.raises(QueueFull):
            await batcher.answers([8])
        model.may.release(9)
        await first
        assert values(await batcher.answers([8])) == [8]

    within(test)


def test_a_failed_batch_fails_its_requests_only() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        model.may.release(9)
        with pytest.raises(ZeroDivisionError):
            await batcher.answers(["bad"])
        assert values(await batcher.answers([1])) == [1]

    within(test)


def test_a_client_that_goes_is_not_computed_for() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        first = ask(batcher, 0)
        await until(lambda: len(model.batches) == 1)
        gone, other = ask(batcher, 1), ask(batcher, 2)
        await until(lambda: batcher.waiting == 3)
        gone.cancel()
        await until(lambda: batcher.waiting == 2)
        model.may.release(9)
        assert values(await first) + values(await other) == [0, 2]

    assert within(test).batches == [[0], [2]]
