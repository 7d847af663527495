"""A space with a layer of its own, of an operator that only TensorFlow has."""

from typing import Any

import keras
import keras_tuner


@keras.saving.register_keras_serializable("tests")
class Incomplete(keras.layers.Layer):
    """Computes a function that neither ONNX nor LiteRT has."""

    def call(self, inputs: Any) -> Any:
        import tensorflow as tf

        return tf.math.igamma(1.5, tf.nn.softplus(inputs))


def network(num_words: int, layer: Any = None) -> Any:
    """Build a small network with a layer of one's own."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.GlobalMaxPooling1D()(keras.layers.Embedding(num_words, 4)(inputs))
    x = Incomplete(name="incomplete")(x) if layer is None else layer(x)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))


class Space(keras_tuner.HyperModel):
    """The space that such networks come from."""

    def __init__(self, num_words: int) -> None:
        super().__init__()
        self._num_words = num_words

    def build(self, hp: Any) -> Any:
        return network(self._num_words)
