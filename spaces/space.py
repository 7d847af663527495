"""The base of the project's own spaces: declare, build, and compile with the drawn optimizer."""

import math
from abc import abstractmethod
from typing import Any

import keras
import keras_tuner

from spaces.choices import Training
from spaces.protocol import ASSIGNMENT_EPOCHS, ASSIGNMENT_FIT_ROWS

FINAL_SHARE = 0.02
WARMUP_SHARE = 0.1

_OPTIMIZERS = {
    "rmsprop": keras.optimizers.RMSprop,
    "nadam": keras.optimizers.Nadam,
    "adamw": keras.optimizers.AdamW,
    "adam": keras.optimizers.Adam,
}


class Space(keras_tuner.HyperModel):
    """A hypermodel whose networks read padded ids and return one probability.

    The hyperparameter `batch_size` belongs to the space, though only the trainer uses it.
    """

    def __init__(
        self, num_words: int, *, rows: int = ASSIGNMENT_FIT_ROWS, epochs: int = ASSIGNMENT_EPOCHS
    ) -> None:
        """Describe the data and the training that the models are for.

        Args:
            num_words: Number of ids, padding included.
            rows: Rows of one epoch; with `epochs` and the drawn batch size they give the length of
                a learning-rate schedule.
            epochs: Epochs of a training.
        """
        super().__init__(name=type(self).__name__.lower())
        self.num_words = num_words
        self.rows = rows
        self.epochs = epochs

    @abstractmethod
    def choose(self, hp: Any) -> Any:
        """Declare the whole space on `hp` and return the draw, with its `training`."""

    @abstractmethod
    def assemble(self, choices: Any) -> Any:
        """Build the functional Keras model of one draw, not yet compiled."""

    def declare(self, hp: Any) -> None:
        """Declare every hyperparameter on `hp`, active or not, without building a layer."""
        self.choose(hp)

    def build(self, hp: Any) -> Any:
        """Build and compile the model that `hp` describes.

        Args:
            hp: A `keras_tuner.HyperParameters`; a hyperparameter without a value has its default.

        Returns:
            A compiled Keras model: int32 [batch, length] in, float32 probabilities of label 1
            [batch, 1] out, for any length from 32 on.
        """
        choices = self.choose(hp)
        model = self.assemble(choices)
        model.compile(
            optimizer=make_optimizer(choices.training, self.rows, self.epochs),
            loss="binary_crossentropy",
            metrics=["accuracy"],
        )
        return model


def make_optimizer(training: Training, rows: int, epochs: int) -> Any:
    """Make a Keras optimizer whose schedule, if any, ends with the last epoch.

    As rows of one padded length make a batch, there are more batches than `rows` asks for, 2 % on
    the assignment's log and a quarter on 1,125 messages; in those the rate stays at its end. A
    schedule as long as the training was no better: on SMS and payloads, ten trials made 80
    held-out errors with it and 74 without.
    """
    options: dict[str, Any] = {"learning_rate": _rate(training, rows, epochs)}
    if training.gradient_clip:
        options["global_clipnorm"] = training.gradient_clip
    if training.weight_decay is not None:
        options["weight_decay"] = training.weight_decay
    return _OPTIMIZERS[training.optimizer](**options)


def _rate(training: Training, rows: int, epochs: int) -> Any:
    """Return the rate itself, or a schedule that decays it to FINAL_SHARE over the training."""
    if training.schedule == "constant":
        return training.learning_rate
    steps = max(2, math.ceil(rows / training.batch_size) * epochs)
    if training.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(
            training.learning_rate, decay_steps=steps, alpha=FINAL_SHARE
        )
    warmup = max(1, round(WARMUP_SHARE * steps))
    return keras.optimizers.schedules.CosineDecay(
        training.learning_rate * FINAL_SHARE,
        decay_steps=steps - warmup,
        alpha=FINAL_SHARE,
        warmup_target=training.learning_rate,
        warmup_steps=warmup,
    )
