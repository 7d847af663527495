"""What the project's own spaces have in common: they declare, they build, and they compile."""

from abc import abstractmethod
from typing import Any

import keras
import keras_tuner
import tensorflow as tf

from spaces import optimizers
from spaces.layers import WIDE_LOGIT
from spaces.parts import Wide
from spaces.protocol import BRIEF_EPOCHS, BRIEF_FIT_ROWS

WARM_EPOCHS = 3
# By how much a step moves the logit of a record whose n-grams all move the same way.
WARM_STEP = 1.0
# Those arguments of `fit` that say what is trained on.
_OF_DATA = ("x", "y", "batch_size", "shuffle", "class_weight", "sample_weight", "steps_per_epoch")


class Space(keras_tuner.HyperModel):
    """Base of a hypermodel whose networks read padded ids and give one probability.

    The hyperparameter `batch_size` belongs to the space, though only the trainer uses it.
    """

    def __init__(
        self,
        num_words: int,
        *,
        rows: int = BRIEF_FIT_ROWS,
        epochs: int = BRIEF_EPOCHS,
    ) -> None:
        """Describe the data and the training that the models are for.

        Args:
            num_words: How many ids there are, padding included.
            rows: How many rows a training sees in one epoch; with `epochs` and the drawn batch
                size it gives the length of a learning-rate schedule.
            epochs: How many epochs a training lasts.
        """
        super().__init__(name=type(self).__name__.lower())
        self.num_words = num_words
        self.rows = rows
        self.epochs = epochs

    @abstractmethod
    def choose(self, hp: Any) -> Any:
        """Declare the whole space on `hp` and read the current draw off it.

        Args:
            hp: A `keras_tuner.HyperParameters`.

        Returns:
            The draw, with a `spaces.parts.Head` as `head` and a `Training` as `training`.
        """

    @abstractmethod
    def assemble(self, choices: Any) -> Any:
        """Build the model of one draw, not yet compiled.

        Args:
            choices: The draw.

        Returns:
            A functional Keras model.
        """

    def declare(self, hp: Any) -> None:
        """Declare every hyperparameter on `hp`, active or not, without building a layer.

        Args:
            hp: A `keras_tuner.HyperParameters`.
        """
        self.choose(hp)

    def build(self, hp: Any) -> Any:
        """Build and compile the model that `hp` describes.

        Args:
            hp: A `keras_tuner.HyperParameters`; where it has no value, the default is taken.

        Returns:
            A compiled Keras model: int32 [batch, length] in, float32 probabilities of label 1
            [batch, 1] out, for any length from 32 on.
        """
        choices = self.choose(hp)
        model = self.assemble(choices)
        optimizers.compile_model(model, choices.training, self.rows, self.epochs)
        return model

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Train a model, where the draw asks for it with a warm start of its wide branch.

        Args:
            hp: A `keras_tuner.HyperParameters`.
            model: What `build` made of it.
            args: What `model.fit` is called with.
            kwargs: The same.

        Returns:
            What `model.fit` returns.
        """
        wide = self.choose(hp).head.wide
        if wide is not None and wide.warm_start:
            _train_alone(model, wide, *args, **kwargs)
        return model.fit(*args, **kwargs)


def _train_alone(model: Any, wide: Wide, *args: Any, **kwargs: Any) -> None:
    """Train the wide branch on the same data, without callbacks and validation."""
    logit = model.get_layer(WIDE_LOGIT).output
    branch = keras.Model(model.input, keras.layers.Activation("sigmoid")(logit))
    branch.compile(keras.optimizers.Nadam(WARM_STEP / wide.factor), "binary_crossentropy")
    data = {name: value for name, value in kwargs.items() if name in _OF_DATA}
    # Keras warns where it is to shuffle batches that come in an order of their own.
    batched = any(isinstance(given, tf.data.Dataset) for given in (*args, *data.values()))
    branch.fit(*args, **{"shuffle": not batched, **data}, epochs=WARM_EPOCHS, verbose=0)
