"""The limit of matrix products to one thread holds inside, and only there."""

import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from spaces.kernels import one_blas_thread


def threads() -> set[int]:
    blas = ThreadpoolController().select(user_api="blas").lib_controllers
    return {library.num_threads for library in blas}


def test_it_holds_inside() -> None:
    with threadpool_limits(2, user_api="blas"):
        with one_blas_thread():
            assert threads() == {1}
        assert threads() == {2}


def test_who_finds_the_limit_held_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with one_blas_thread():

        def refused(*_: object, **__: object) -> None:
            raise AssertionError("the limit was set again")

        monkeypatch.setattr(ThreadpoolController, "limit", refused)
        with one_blas_thread():
            assert threads() == {1}
