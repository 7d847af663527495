"""The lock around an oracle's methods is freed whatever passes it."""

import threading
from collections.abc import Callable

import keras_tuner
import pytest

from search.bridge.synchronized import synchronized


class Refusing(keras_tuner.Oracle):
    """Raises in an outer and in an inner synchronized method."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("val_loss")
        self.error = error

    @synchronized
    def outer(self) -> str:
        """Refuse by way of another synchronized method."""
        return self.inner()

    @synchronized
    def inner(self) -> str:
        """Refuse."""
        raise self.error

    @synchronized
    def plain(self, word: str) -> str:
        """Do not refuse."""
        return word


def elsewhere(call: Callable[[], object]) -> list[object]:
    """Call in another thread, which would wait for ever for a lock that is held."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    thread.join(10)
    return results


@pytest.mark.parametrize("error", [ValueError("no"), RuntimeError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("method", ["outer", "inner"])
def test_an_exception_frees_the_lock(error: BaseException, method: str) -> None:
    oracle = Refusing(error)
    with pytest.raises(type(error)) as raised:
        getattr(oracle, method)()
    assert raised.value is error
    assert elsewhere(lambda: oracle.plain("word")) == ["word"]


def test_one_thread_at_a_time() -> None:
    inside, entered = threading.Event(), threading.Event()

    class Slow(keras_tuner.Oracle):
        @synchronized
        def slow(self) -> None:
            inside.set()
            assert not entered.wait(0.3)

        @synchronized
        def enter(self) -> None:
            entered.set()

    oracle = Slow("val_loss")
    first = threading.Thread(target=oracle.slow)
    first.start()
    assert inside.wait(10)
    oracle.enter()
    first.join(10)
    assert entered.is_set()


def test_the_name_and_the_words_stay() -> None:
    assert Refusing.plain.__name__ == "plain"
    assert Refusing.plain.__doc__ == "Do not refuse."
