"""A space whose trials hang, kill their worker, raise or train, by a choice."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from tests.search.small import small_model

# Names a file that is there once the only fault has happened.
ONCE = "MODEL3_TEST_ONCE"


def _for_ever() -> None:
    while True:
        time.sleep(60)


class FaultySpace(keras_tuner.HyperModel):
    """Has no `declare`, so that a worker builds the default, which hangs, to look it through."""

    ways: tuple[str, ...] = ("hang in build", "hang in fit", "abort", "train")

    def __init__(self, num_words: int) -> None:
        super().__init__()
        self.num_words = num_words

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Build a model, or not."""
        how = hp.Choice("how", list(self.ways))
        hp.Int("width", 4, 64)
        if how == "hang in build":
            _for_ever()
        if how == "abort":
            os.abort()
        return small_model(self.num_words, width=hp.get("width"))

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Train, or wait in C for a lock that nobody opens."""
        if hp.get("how") == "hang in fit":
            lock = threading.Lock()
            lock.acquire()
            lock.acquire()
        return model.fit(*args, **kwargs)


class RaisingSpace(keras_tuner.HyperModel):
    """A space whose models fail before a hyperparameter is asked for."""

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Fail."""
        raise ValueError("at once")


class OnePointSpace(FaultySpace):
    """A space with one point, which trains."""

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Build a model."""
        return small_model(self.num_words)

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Train."""
        return model.fit(*args, **kwargs)


class LingeringSpace(FaultySpace):
    """A space whose first trial ends its worker, or goes on, and its parent does not hear of it."""

    ways = ("abort beside a child", "close all files")

    def declare(self, hp: keras_tuner.HyperParameters) -> None:
        """Declare the space without a model."""
        hp.Choice("how", list(self.ways))
        hp.Int("width", 4, 64)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Build a model, but not the first time."""
        mark = Path(os.environ[ONCE])
        if not mark.exists():
            mark.touch()
            if hp.get("how") == "close all files":
                os.closerange(3, 1_000)
                _for_ever()
            if os.fork():
                os.abort()
            # The child has all that its parent had open.
            time.sleep(60)
            os._exit(0)
        return super().build(hp)


class HangingSpace(FaultySpace):
    """A space in which every trial hangs."""

    ways = ("hang in fit",)
