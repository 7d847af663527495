"""Builds the networks of the space `open` out of stock Keras layers and operations only.

A saved model therefore loads in plain Keras, in safe mode and without this project's code.
"""

from typing import Any

import keras

from spaces.families import Attention, Bag, Convolutions, OpenChoices, Recurrent
from spaces.layers import classify, convolve, embed, normalize, recur, summarize

# Times the last bucket it stays below 2^31; odd, so that no two first characters fall together.
_SPREAD = 40_503


def assemble(choices: OpenChoices, num_words: int) -> Any:
    """Build the model of one draw, not yet compiled.

    Args:
        choices: The draw.
        num_words: How many ids there are, padding included.

    Returns:
        A functional Keras model: int32 [batch, length] in, probabilities [batch, 1] out, for any
        length from 32 on.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    body, summary = choices.body, choices.head.summary
    words, x = num_words, ids
    if isinstance(body, Bag):
        words, x = body.buckets, _hash(ids, body)
    x = embed(x, choices.embedding, choices.spatial_dropout, words)
    if isinstance(body, Convolutions):
        x = _stack(x, body)
    elif isinstance(body, Attention):
        x = _attend(x, body)
    elif isinstance(body, Recurrent):
        if body.front:
            x = convolve(x, body.front, body.normalization)
        x = recur(x, body.recurrence, body.normalization, summary != "last")
    x = classify(summarize(x, summary), choices.head)
    return keras.Model(ids, x, name="open")


def _stack(x: Any, stack: Convolutions) -> Any:
    """Map [batch, length, width] to [batch, length // pool ** (layers - 1), filters]."""
    for number in range(1, stack.layers + 1):
        name = f"conv_{number}"
        x = keras.layers.Conv1D(
            stack.filters, stack.kernel, padding="same", activation="relu", name=name
        )(x)
        x = normalize(x, stack.normalization, name)
        # The last one is pooled by the summary.
        if stack.pool is not None and stack.pool > 1 and number < stack.layers:
            x = keras.layers.MaxPooling1D(stack.pool, name=f"{name}_pool")(x)
    return x


def _attend(x: Any, attention: Attention) -> Any:
    """Map [batch, length, width] to [batch, length // patch, attention's width]."""
    x = keras.layers.Conv1D(
        attention.width, attention.kernel, padding="same", activation="relu", name="patch_conv"
    )(x)
    x = keras.layers.MaxPooling1D(attention.patch, name="patch_pool")(x)
    # Where a step stands is told by its neighbours, at any length: a position encoding that is
    # conditional on them (Chu et al. 2021, https://arxiv.org/abs/2102.10882).
    near = keras.layers.DepthwiseConv1D(3, padding="same", name="positions")(x)
    x = keras.layers.Add(name="positioned")([x, near])
    for number in range(1, attention.blocks + 1):
        x = _block(x, attention, f"block_{number}")
    return keras.layers.LayerNormalization(name="attended_norm")(x)


def _block(x: Any, attention: Attention, name: str) -> Any:
    """Add one block that normalizes before each of its two parts; the shape stays."""
    y = keras.layers.LayerNormalization(name=f"{name}_attention_norm")(x)
    y = keras.layers.MultiHeadAttention(
        attention.heads,
        attention.width // attention.heads,
        dropout=attention.dropout,
        name=f"{name}_attention",
    )(y, y)
    x = keras.layers.Add(name=f"{name}_attended")([x, y])
    y = keras.layers.LayerNormalization(name=f"{name}_dense_norm")(x)
    y = keras.layers.Dense(2 * attention.width, activation="gelu", name=f"{name}_dense_1")(y)
    y = keras.layers.Dense(attention.width, name=f"{name}_dense_2")(y)
    return keras.layers.Add(name=f"{name}_output")([x, y])


def _hash(ids: Any, bag: Bag) -> Any:
    """Give each n-gram of the ids [batch, length] its bucket: int32 [batch, all n-grams].

    Where the buckets are enough, a single character's is its id. Padding alone, however long, is
    bucket 0.
    """
    characters = ids % bag.buckets
    grams = [characters]
    for length in range(2, bag.longest + 1):
        shorter, following = grams[-1][:, :-1], characters[:, length - 1 :]
        grams.append((shorter * _SPREAD + following) % bag.buckets)
    return keras.layers.Concatenate(axis=1, name="ngrams")(grams) if grams[1:] else characters
