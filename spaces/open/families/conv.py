"""Convolutions alone, pooled over the whole record."""

from dataclasses import dataclass
from typing import Any

import keras

from spaces import choices, layers


@dataclass(frozen=True)
class Conv:
    """A drawn stack of convolutions."""

    embedding: choices.Embedding  # the characters' vectors
    layers: int  # how many convolutions, 1 to 3
    filters: int  # filters of each
    kernel: int  # steps that one filter spans
    pool: int | None  # how many steps become one after each but the last; None for a single layer
    normalization: str  # "layer" or "batch", after each
    pooling: str  # "max", "mean" or "attention"


def declare(hp: Any) -> Conv:
    """Declare the family's hyperparameters."""
    embedding = choices.embedding(hp)
    count = hp.Int("layers", 1, 3, default=1)
    filters = choices.power_of_two(hp, "filters", 32, 256, default=128)
    kernel = hp.Int("kernel", 3, 9, default=5)
    with hp.conditional_scope("layers", [2, 3]):
        pool = hp.Int("pool", 1, 4, default=2)
    normalization = choices.normalization(hp)
    return Conv(embedding, count, filters, kernel, pool, normalization, choices.pooling(hp))


def build(ids: Any, drawn: Conv, num_words: int) -> Any:
    """Build the layers of a draw: int32 [batch, length] -> [batch, filters]."""
    x = layers.embed(ids, drawn.embedding, num_words)
    for number in range(1, drawn.layers + 1):
        name = f"conv_{number}"
        x = keras.layers.Conv1D(
            drawn.filters, drawn.kernel, padding="same", activation="relu", name=name
        )(x)
        x = layers.normalize(x, drawn.normalization, name)
        # The last one is pooled over all steps.
        if drawn.pool is not None and drawn.pool > 1 and number < drawn.layers:
            x = keras.layers.MaxPooling1D(drawn.pool, name=f"{name}_pool")(x)
    return layers.pool_steps(x, drawn.pooling)
