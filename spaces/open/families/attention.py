"""Blocks of self-attention over patches of characters."""

from dataclasses import dataclass
from typing import Any

import keras

from spaces import choices, layers


@dataclass(frozen=True)
class Attention:
    """Drawn blocks of self-attention."""

    embedding: choices.Embedding  # the characters' vectors
    patch: int  # how many characters become one step; attention costs the square of the steps
    kernel: int  # characters that the convolution before the patches spans
    width: int  # numbers a step
    blocks: int  # how many blocks, 1 or 2
    heads: int  # heads of each
    dropout: float  # share of the attention's weights dropped
    pooling: str  # "max", "mean" or "attention"


def declare(hp: Any) -> Attention:
    """Declare the family's hyperparameters."""
    return Attention(
        embedding=choices.embedding(hp),
        # With 4, half as much time again and no better: the weights grow with the steps squared.
        patch=choices.power_of_two(hp, "patch", 8, 16, default=8),
        kernel=hp.Int("kernel", 3, 9, default=5),
        width=choices.power_of_two(hp, "width", 32, 128, default=64),
        blocks=hp.Int("blocks", 1, 2, default=1),
        heads=choices.power_of_two(hp, "heads", 1, 4, default=2),
        dropout=hp.Choice("attention_dropout", [0.0, 0.1, 0.2], default=0.0),
        pooling=choices.pooling(hp),
    )


def build(ids: Any, drawn: Attention, num_words: int) -> Any:
    """Build the layers of a draw: int32 [batch, length] -> [batch, width]."""
    x = layers.embed(ids, drawn.embedding, num_words)
    x = keras.layers.Conv1D(
        drawn.width, drawn.kernel, padding="same", activation="relu", name="patch_conv"
    )(x)
    x = keras.layers.MaxPooling1D(drawn.patch, name="patch_pool")(x)
    # The neighbors tell where a step stands, at any length: a position encoding that is
    # conditional on them (Chu et al. 2021, https://arxiv.org/abs/2102.10882).
    near = keras.layers.DepthwiseConv1D(3, padding="same", name="positions")(x)
    x = keras.layers.Add(name="positioned")([x, near])
    for number in range(1, drawn.blocks + 1):
        x = _block(x, drawn, f"block_{number}")
    x = keras.layers.LayerNormalization(name="attended_norm")(x)
    return layers.pool_steps(x, drawn.pooling)


def _block(x: Any, drawn: Attention, name: str) -> Any:
    """Add one block that normalizes before each of its two parts; the shape stays."""
    y = keras.layers.LayerNormalization(name=f"{name}_attention_norm")(x)
    y = keras.layers.MultiHeadAttention(
        drawn.heads, drawn.width // drawn.heads, dropout=drawn.dropout, name=f"{name}_attention"
    )(y, y)
    x = keras.layers.Add(name=f"{name}_attended")([x, y])
    y = keras.layers.LayerNormalization(name=f"{name}_dense_norm")(x)
    y = keras.layers.Dense(2 * drawn.width, activation="gelu", name=f"{name}_dense_1")(y)
    y = keras.layers.Dense(drawn.width, name=f"{name}_dense_2")(y)
    return keras.layers.Add(name=f"{name}_output")([x, y])
