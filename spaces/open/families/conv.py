"""Convolutions alone, the last of them summed up over the whole record."""

from dataclasses import dataclass
from typing import Any

import keras

from spaces import Embedding, choices, embed, normalize, summarize


@dataclass(frozen=True)
class Conv:
    """A drawn stack of convolutions.

    Attributes:
        embedding: The characters' vectors.
        layers: How many convolutions, 1 to 3.
        filters: Filters of each.
        kernel: Steps that one filter spans.
        pool: How many steps become one after each but the last; None for a single layer.
        normalization: "layer" or "batch", after each.
        summary: "max", "mean" or "attention".
    """

    embedding: Embedding
    layers: int
    filters: int
    kernel: int
    pool: int | None
    normalization: str
    summary: str


def declare(hp: Any) -> Conv:
    """Declare the family's hyperparameters.

    Args:
        hp: A `keras_tuner.HyperParameters`.

    Returns:
        The draw.
    """
    embedding = choices.embedding(hp)
    layers = hp.Int("layers", 1, 3, default=1)
    filters = choices.power_of_two(hp, "filters", 32, 256, default=128)
    kernel = hp.Int("kernel", 3, 9, default=5)
    with hp.conditional_scope("layers", [2, 3]):
        pool = hp.Int("pool", 1, 4, default=2)
    normalization = choices.normalization(hp)
    return Conv(embedding, layers, filters, kernel, pool, normalization, choices.summary(hp))


def build(ids: Any, drawn: Conv, num_words: int) -> Any:
    """Add the layers of a draw.

    Args:
        ids: int32 [batch, length].
        drawn: The draw.
        num_words: How many ids there are, padding included.

    Returns:
        [batch, filters].
    """
    x = embed(ids, drawn.embedding, num_words)
    for number in range(1, drawn.layers + 1):
        name = f"conv_{number}"
        x = keras.layers.Conv1D(
            drawn.filters, drawn.kernel, padding="same", activation="relu", name=name
        )(x)
        x = normalize(x, drawn.normalization, name)
        # The last one is pooled by the summary.
        if drawn.pool is not None and drawn.pool > 1 and number < drawn.layers:
            x = keras.layers.MaxPooling1D(drawn.pool, name=f"{name}_pool")(x)
    return summarize(x, drawn.summary)
