"""Makes the optimizer of a drawn network, with its learning-rate schedule."""

import math
from typing import Any

import keras

from spaces.parts import Training

FINAL_SHARE = 0.02
WARMUP_SHARE = 0.1

_OPTIMIZERS = {
    "rmsprop": keras.optimizers.RMSprop,
    "nadam": keras.optimizers.Nadam,
    "adamw": keras.optimizers.AdamW,
    "adam": keras.optimizers.Adam,
}


def make(training: Training, rows: int, epochs: int) -> Any:
    """Make a Keras optimizer.

    Args:
        training: The drawn settings.
        rows: How many rows a training sees in one epoch.
        epochs: How many epochs the schedule spans.

    Returns:
        A new optimizer; its schedule, if any, ends with the last of those epochs. Batches by
        length are a few more than `rows` asks for: in those the rate stays at its end.
    """
    options: dict[str, Any] = {"learning_rate": _rate(training, rows, epochs)}
    if training.gradient_clip:
        options["global_clipnorm"] = training.gradient_clip
    if training.weight_decay is not None:
        options["weight_decay"] = training.weight_decay
    return _OPTIMIZERS[training.optimizer](**options)


def compile_model(model: Any, training: Training, rows: int, epochs: int) -> None:
    """Compile a model for the brief's task, in place.

    Args:
        model: A Keras model that gives probabilities.
        training: The drawn settings.
        rows: How many rows a training sees in one epoch.
        epochs: How many epochs the schedule spans.
    """
    model.compile(
        optimizer=make(training, rows, epochs), loss="binary_crossentropy", metrics=["accuracy"]
    )


def _rate(training: Training, rows: int, epochs: int) -> Any:
    """Give the rate itself, or a schedule that decays it to FINAL_SHARE over the training."""
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
