"""What the project's own spaces have in common: they declare, they build, and they compile."""

from abc import abstractmethod
from typing import Any

import keras_tuner

from spaces import optimizers
from spaces.protocol import BRIEF_EPOCHS, BRIEF_FIT_ROWS


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
            The draw, its optimizer's settings as `training`.
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
