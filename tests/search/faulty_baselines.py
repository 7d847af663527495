"""A space whose module, where a worker imports it, makes two of the baselines hang and one slow."""

import threading
import time
from typing import Any

import keras

from spaces import BASELINES
from tests.search.slow_space import SlowSpace
from tests.search.small import small_model

__all__ = ["SlowSpace"]


def _hang(*_: object) -> Any:
    """Wait in C for a lock that nobody opens."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


class Slow(keras.Sequential):
    """A model that takes a while for each batch."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        pause = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: time.sleep(0.3)
        )
        return super().fit(*args, **{**kwargs, "callbacks": [*kwargs["callbacks"], pause]})


def _slow(num_words: int) -> Any:
    small = small_model(num_words)
    model = Slow(small.layers)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


for name, part, faulty in (
    ("model1", "build", _hang),
    ("regex", "fit", _hang),
    ("model2", "build", _slow),
):
    # They are frozen, for else a worker could spoil them by mistake.
    object.__setattr__(BASELINES[name], part, faulty)
