"""The space `open`: Model 3's without the brief's rules, over several families of architectures."""

from collections.abc import Sequence
from typing import Any

import keras_tuner

from spaces import family_layers, optimizers
from spaces.families import FAMILIES, choose
from spaces.model3 import BRIEF_EPOCHS, BRIEF_FIT_ROWS


class Open(keras_tuner.HyperModel):
    """A space of convolutions, attention, bags of n-grams and recurrent networks.

    The hyperparameter `batch_size` belongs to the space, though only the trainer uses it.
    """

    def __init__(
        self,
        num_words: int,
        *,
        rows: int = BRIEF_FIT_ROWS,
        epochs: int = BRIEF_EPOCHS,
        families: Sequence[str] = FAMILIES,
    ) -> None:
        """Describe the data, the training, and what is searched.

        Args:
            num_words: How many ids there are, padding included.
            rows: How many rows a training sees in one epoch; with `epochs` and the drawn batch
                size it gives the length of a learning-rate schedule.
            epochs: How many epochs a training lasts.
            families: Which of `FAMILIES` may be drawn; the first trial is of the first one.

        Raises:
            ValueError: There is no such family, or none is given.
        """
        super().__init__(name="open")
        self.num_words = num_words
        self.rows = rows
        self.epochs = epochs
        self.families = tuple(families)
        if not self.families or set(self.families) - set(FAMILIES):
            raise ValueError(f"families are {self.families}, but must be some of {FAMILIES}")

    def declare(self, hp: Any) -> None:
        """Declare every hyperparameter on `hp`, active or not, without building a layer.

        Args:
            hp: A `keras_tuner.HyperParameters`.
        """
        choose(hp, self.families)

    def build(self, hp: Any) -> Any:
        """Build and compile the model that `hp` describes.

        Args:
            hp: A `keras_tuner.HyperParameters`; where it has no value, the default is taken.

        Returns:
            A compiled Keras model: int32 [batch, length] in, float32 probabilities of label 1
            [batch, 1] out, for any length from 32 on.
        """
        choices = choose(hp, self.families)
        model = family_layers.assemble(choices, self.num_words)
        optimizers.compile_model(model, choices.training, self.rows, self.epochs)
        return model
