"""A space whose trials hang, kill their worker, raise or train, by a choice."""

import os
import threading
import time
from typing import Any

import keras
import keras_tuner

from tests.search.small import small_model


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


class HangingSpace(FaultySpace):
    """A space in which every trial hangs."""

    ways = ("hang in fit",)
