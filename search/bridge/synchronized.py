"""KerasTuner's lock around an oracle's methods, freed when one of them raises."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import keras_tuner

P = ParamSpec("P")
R = TypeVar("R")


def synchronized(method: Callable[P, R]) -> Callable[P, R]:
    """Let one thread at a time into an oracle's synchronized methods.

    `keras_tuner.synchronized` alone keeps its lock when an exception passes it: the next thread
    would wait for ever.

    Args:
        method: A method of a `keras_tuner.Oracle`.

    Returns:
        The method with KerasTuner's own lock around it.
    """

    @keras_tuner.synchronized
    @functools.wraps(method)
    def held(*args: P.args, **kwargs: P.kwargs) -> tuple[Any, BaseException | None]:
        try:
            return method(*args, **kwargs), None
        except BaseException as error:
            return None, error

    @functools.wraps(method)
    def freed(*args: P.args, **kwargs: P.kwargs) -> R:
        result, error = held(*args, **kwargs)
        if error is not None:
            raise error
        returned: R = result
        return returned

    return freed
