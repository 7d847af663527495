"""A space whose models have a layer of its own, registered where the module is imported."""

from typing import Any

import keras
import keras_tuner


@keras.saving.register_keras_serializable("tests.own")
class Doubled(keras.layers.Layer):
    """Doubles its input."""

    def call(self, inputs: Any) -> Any:
        return 2 * inputs


class OwnLayerSpace(keras_tuner.HyperModel):
    """A bag of characters, doubled."""

    def __init__(self, num_words: int) -> None:
        super().__init__()
        self.num_words = num_words

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        """Build a model."""
        model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(self.num_words, hp.Int("width", 2, 16)),
                keras.layers.GlobalMaxPooling1D(),
                Doubled(),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
        return model
