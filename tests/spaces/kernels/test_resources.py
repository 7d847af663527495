"""Arrays are lent to one at a time and reused; matrix products are limited to one thread."""

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from spaces.kernels import one_blas_thread
from spaces.kernels.resources import ArrayPool


def test_what_is_given_back_is_lent_again() -> None:
    pool = ArrayPool()
    first = pool.acquire(10, 4)
    pool.release(first)
    assert np.shares_memory(pool.acquire(5, 8), first)


def test_what_is_lent_is_nobody_elses() -> None:
    pool = ArrayPool()
    lent = [pool.acquire(3, 4) for _ in range(3)]
    assert not any(np.shares_memory(a, b) for a in lent for b in lent if a is not b)


def test_a_larger_array_takes_the_place_of_one_too_small() -> None:
    pool = ArrayPool()
    pool.release(pool.acquire(10))
    large = pool.acquire(1000)
    assert large.shape == (1000,)
    pool.release(large)
    assert np.shares_memory(pool.acquire(10), large)


def test_a_much_larger_array_makes_way_for_one_that_fits() -> None:
    pool = ArrayPool()
    long = pool.acquire(10_000_000)
    pool.release(long)
    short = pool.acquire(1_000_000)
    assert not np.shares_memory(short, long)
    pool.release(short)
    assert not np.shares_memory(pool.acquire(10_000_000), long)


def test_nothing_is_lent_for_nothing() -> None:
    pool = ArrayPool()
    nothing = pool.acquire(0, 7)
    assert nothing.shape == (0, 7)
    pool.release(nothing)
    assert pool.acquire(2).shape == (2,)


def test_nothing_takes_no_room_from_others() -> None:
    pool = ArrayPool()
    room = pool.acquire(10)
    pool.release(room)
    pool.release(pool.acquire(0, 7))
    assert np.shares_memory(pool.acquire(10), room)


def threads() -> set[int]:
    blas = ThreadpoolController().select(user_api="blas").lib_controllers
    return {library.num_threads for library in blas}


def test_products_use_one_thread_inside_the_limit() -> None:
    with threadpool_limits(2, user_api="blas"):
        with one_blas_thread():
            assert threads() == {1}
        assert threads() == {2}


def test_a_limit_that_holds_already_is_not_set_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with one_blas_thread():

        def refused(*_: object, **__: object) -> None:
            raise AssertionError("the limit was set again")

        monkeypatch.setattr(ThreadpoolController, "limit", refused)
        with one_blas_thread():
            assert threads() == {1}
