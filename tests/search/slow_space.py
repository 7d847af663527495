"""A space whose trials take a chosen time, so that a test can meet them while they run."""

import os
import time
from typing import Any

import keras
import keras_tuner

SECONDS_A_BATCH = 0.15


class _Pause(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        time.sleep(SECONDS_A_BATCH)


class SlowSpace(keras_tuner.HyperModel):
    """A bag of characters: trained in a moment, but for the pause after each batch."""

    def __init__(self, num_words: int) -> None:
        super().__init__()
        self.num_words = num_words

    def declare(self, hp: keras_tuner.HyperParameters) -> None:
        """Declare the space without a model."""
        hp.Int("width", 2, 16)
        hp.Float("rate", 1e-3, 1e-1, sampling="log")

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Build a model."""
        self.declare(hp)
        model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(self.num_words, hp.get("width")),
                keras.layers.GlobalMaxPooling1D(),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile(
            keras.optimizers.RMSprop(hp.get("rate")), "binary_crossentropy", metrics=["accuracy"]
        )
        return model

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Train with a pause after each batch."""
        return model.fit(*args, **{**kwargs, "callbacks": [*kwargs["callbacks"], _Pause()]})


class EditedSpace(SlowSpace):
    """A space that is edited between two searches: its choices stand in the environment."""

    def declare(self, hp: keras_tuner.HyperParameters) -> None:
        """Declare the space without a model."""
        super().declare(hp)
        hp.Choice("act", os.environ["CHOICES"].split())


class BrokenSpace(SlowSpace):
    """A space whose models cannot be built."""

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Fail."""
        self.declare(hp)
        raise ValueError("this space is broken on purpose")
