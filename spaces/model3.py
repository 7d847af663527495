"""Model 3 as a KerasTuner hypermodel: draws an architecture, builds and compiles it."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner

from spaces import layers, optimizers
from spaces.choices import choose

BRIEF_FIT_ROWS = 15_059
BRIEF_EPOCHS = 3


class Model3(keras_tuner.HyperModel):
    """The space that a search explores by default.

    The hyperparameter `batch_size` belongs to the space, though only the trainer uses it.

    Attributes:
        starting_points: What a search tries first: the defaults, then two variants. All were found
            on the synthetic log alone.
    """

    starting_points: Sequence[Mapping[str, Any]] = (
        {},
        {"embedding": 64, "conv_filters": 128},
        {"batch_size": 16},
    )

    def __init__(
        self,
        num_words: int,
        *,
        rows: int = BRIEF_FIT_ROWS,
        epochs: int = BRIEF_EPOCHS,
        brief: bool = True,
    ) -> None:
        """Describe the data and the training that the models are for.

        Args:
            num_words: How many ids there are, padding included.
            rows: How many rows a training sees in one epoch; with `epochs` and the drawn batch
                size it gives the length of a learning-rate schedule.
            epochs: How many epochs a training lasts.
            brief: Whether every draw keeps Model 3's rules; without them adam may be drawn and
                both dropouts left out.
        """
        super().__init__(name="model3")
        self.num_words = num_words
        self.rows = rows
        self.epochs = epochs
        self.brief = brief

    def declare(self, hp: Any) -> None:
        """Declare every hyperparameter on `hp`, active or not, without building a layer.

        Args:
            hp: A `keras_tuner.HyperParameters`.
        """
        choose(hp, brief=self.brief)

    def build(self, hp: Any) -> Any:
        """Build and compile the model that `hp` describes.

        Args:
            hp: A `keras_tuner.HyperParameters`; where it has no value, the default is taken.

        Returns:
            A compiled Keras model: int32 [batch, length] in, float32 probabilities of label 1
            [batch, 1] out, for any length from 32 on.
        """
        choices = choose(hp, brief=self.brief)
        model = layers.assemble(choices, self.num_words)
        optimizers.compile_model(model, choices.training, self.rows, self.epochs)
        return model
