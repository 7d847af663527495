"""Builds the layers of a drawn Model 3 out of stock Keras layers only.

A saved model therefore loads in plain Keras, in safe mode and without this project's code.
"""

from typing import Any

import keras

from spaces.choices import Choices
from spaces.parts import Body, Embedding, Front, Head, Recurrence, Wide

# Times the last bucket each stays below 2^31; odd, so that no two first characters fall together.
_SPREADS = {2**15: 40_503, 2**18: 7_919}

WIDE_BUCKETS = 2**16
CELLS = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def assemble(choices: Choices, num_words: int) -> Any:
    """Build the model of one draw, not yet compiled.

    Args:
        choices: The draw.
        num_words: How many ids there are, padding included.

    Returns:
        A functional Keras model: int32 [batch, length] in, probabilities [batch, 1] out, for any
        length from 32 on.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = classify(read(ids, choices.body, num_words), ids, choices.head)
    return keras.Model(ids, x, name="model3")


def read(ids: Any, body: Body, num_words: int) -> Any:
    """Add what reads a record.

    Args:
        ids: int32 [batch, length].
        body: Its layers.
        num_words: How many ids there are, padding included.

    Returns:
        [batch, units].
    """
    x = embed(ids, body.embedding, num_words)
    if body.front:
        x = convolve(x, body.front, body.normalization)
    x = recur(x, body.recurrence, body.normalization, body.summary != "last")
    return summarize(x, body.summary)


def embed(ids: Any, embedding: Embedding, num_words: int) -> Any:
    """Give each id its vector.

    Args:
        ids: [batch, length].
        embedding: The vectors.
        num_words: How many ids there are.

    Returns:
        [batch, length, width].
    """
    x = keras.layers.Embedding(num_words, embedding.width, name="embedding")(ids)
    if embedding.dropout:
        x = keras.layers.SpatialDropout1D(embedding.dropout, name="spatial_dropout")(x)
    return x


def convolve(x: Any, front: Front, normalization: str) -> Any:
    """Add the convolutions before a recurrence.

    Args:
        x: [batch, length, width].
        front: The convolutions.
        normalization: What follows each.

    Returns:
        [batch, length // pool ** layers, filters].
    """
    for number in range(1, front.layers + 1):
        x = keras.layers.Conv1D(
            front.filters, front.kernel, padding="same", activation="relu", name=f"conv_{number}"
        )(x)
        x = normalize(x, normalization, f"conv_{number}")
        x = keras.layers.MaxPooling1D(front.pool, name=f"conv_{number}_pool")(x)
    return x


def recur(x: Any, recurrence: Recurrence, normalization: str, sequence: bool) -> Any:
    """Add the recurrent layers.

    Args:
        x: [batch, steps, width].
        recurrence: The layers.
        normalization: What follows each.
        sequence: Whether the last one gives the state of every step.

    Returns:
        [batch, steps, units], or [batch, units] without `sequence`.
    """
    count = len(recurrence.units)
    for number, units in enumerate(recurrence.units, 1):
        layer = CELLS[recurrence.cell](
            units,
            return_sequences=sequence or number < count,
            recurrent_dropout=recurrence.dropout,
            name=f"recurrent_{number}",
        )
        if recurrence.bidirectional:
            layer = keras.layers.Bidirectional(layer, name=f"bidirectional_{number}")
        x = normalize(layer(x), normalization, f"recurrent_{number}")
    return x


def normalize(x: Any, normalization: str, after: str) -> Any:
    """Normalize the channels.

    Args:
        x: Any tensor.
        normalization: "layer" or "batch".
        after: The layer before, for the name.

    Returns:
        A tensor of the same shape.
    """
    if normalization == "layer":
        return keras.layers.LayerNormalization(name=f"{after}_layer_norm")(x)
    # Three epochs are a few hundred steps: Keras' momentum of .99 would still remember the initial
    # statistics at the first reports.
    return keras.layers.BatchNormalization(momentum=0.9, name=f"{after}_batch_norm")(x)


def summarize(x: Any, summary: str) -> Any:
    """Sum a sequence up.

    Args:
        x: [batch, steps, units]; where the summary is "last", [batch, units] already.
        summary: "last", "max", "mean" or "attention".

    Returns:
        [batch, units].
    """
    if summary == "max":
        return keras.layers.GlobalMaxPooling1D(name="max")(x)
    if summary == "mean":
        return keras.layers.GlobalAveragePooling1D(name="mean")(x)
    if summary == "attention":
        weights = keras.layers.Dense(1, name="attention_scores")(x)  # [batch, steps, 1]
        weights = keras.layers.Softmax(axis=1, name="attention_weights")(weights)
        weighted = keras.layers.Dot(axes=1, name="attention")([weights, x])  # [batch, 1, units]
        return keras.layers.Flatten(name="attended")(weighted)
    return x


def classify(x: Any, ids: Any, head: Head) -> Any:
    """Add the dense layers, the wide branch, and the probability.

    Args:
        x: [batch, units].
        ids: int32 [batch, length], for the wide branch.
        head: What stands before the probability.

    Returns:
        [batch, 1].
    """
    if head.dropout:
        x = keras.layers.Dropout(head.dropout, name="dropout")(x)
    for number, units in enumerate(head.units, 1):
        x = keras.layers.Dense(units, activation=head.activation, name=f"dense_{number}")(x)
    if head.wide is None:
        return keras.layers.Dense(1, activation="sigmoid", name="probability")(x)
    logit = keras.layers.Dense(1, name="logit")(x)
    both = keras.layers.Add(name="both_logits")([logit, widen(ids, head.wide)])
    return keras.layers.Activation("sigmoid", name="probability")(both)


def widen(ids: Any, wide: Wide) -> Any:
    """Add the wide branch.

    Args:
        ids: int32 [batch, length].
        wide: The branch.

    Returns:
        Its logit, [batch, 1]; 0 before any training.
    """
    x = ngrams(ids, wide.longest, WIDE_BUCKETS, name="wide_ngrams")
    x = keras.layers.Embedding(
        WIDE_BUCKETS, 1, embeddings_initializer="zeros", name="wide_weights"
    )(x)
    if wide.dropout:
        x = keras.layers.Dropout(wide.dropout, name="wide_dropout")(x)
    x = keras.layers.GlobalAveragePooling1D(name="wide_mean")(x)
    return keras.layers.Rescaling(wide.factor, name="wide_logit")(x)


def ngrams(ids: Any, longest: int, buckets: int, name: str) -> Any:
    """Hash each n-gram.

    Where the buckets are enough, a single character's is its id. Padding alone, however long, is
    bucket 0.

    Args:
        ids: int32 [batch, length].
        longest: Characters of the longest n-grams; all shorter ones are there too.
        buckets: How many hashes there are, at most 2^18.
        name: What the result is called.

    Returns:
        The n-grams' buckets, int32 [batch, all n-grams].
    """
    spread = next(spread for most, spread in _SPREADS.items() if buckets <= most)
    characters = ids % buckets
    grams = [characters]
    for length in range(2, longest + 1):
        shorter, following = grams[-1][:, :-1], characters[:, length - 1 :]
        grams.append((shorter * spread + following) % buckets)
    return keras.layers.Concatenate(axis=1, name=name)(grams) if grams[1:] else characters
