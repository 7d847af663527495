"""Keeps the kernels' matrix products to one thread each."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import scipy.linalg
from threadpoolctl import ThreadpoolController


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let matrix products of NumPy and SciPy run on the thread that asks for them.

    Chunks of rows already share the cores. Where another holds the limit nothing is set: OpenBLAS
    wakes its idle threads at each setting, and they spin for some milliseconds on the cores that
    the kernels need.
    """
    libraries = _blas()
    if all(library.num_threads == 1 for library in libraries.lib_controllers):
        yield
        return
    with libraries.limit(limits=1):
        yield


@cache
def _blas() -> ThreadpoolController:
    # It knows the libraries that are loaded by now; the kernels multiply with SciPy's.
    assert scipy.linalg.blas
    return ThreadpoolController().select(user_api="blas")
