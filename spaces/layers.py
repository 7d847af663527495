"""Builds the layers of a drawn network out of stock Keras layers only.

A saved model therefore loads in plain Keras, in safe mode and without this project's code.
"""

from typing import Any

import keras

from spaces.choices import Choices, ConvStem, Embedding, Encoder, Head, Recurrence, Wide

# Times the last bucket each stays below 2^31; odd, so that no two first characters collide.
_HASH_FACTORS = {2**15: 40_503, 2**18: 7_919}

WIDE_BUCKETS = 2**16
CELLS = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def assemble(choices: Choices, num_words: int) -> Any:
    """Build the model of a draw, not yet compiled: int32 [batch, length >= 32] -> [batch, 1]."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = classify(encode(ids, choices.encoder, num_words), ids, choices.head)
    return keras.Model(ids, x, name="model3")


def encode(ids: Any, encoder: Encoder, num_words: int) -> Any:
    """Turn records into vectors: int32 [batch, length] -> [batch, units]."""
    x = embed(ids, encoder.embedding, num_words)
    if encoder.conv_stem:
        x = convolve(x, encoder.conv_stem, encoder.normalization)
    x = recur(x, encoder.recurrence, encoder.normalization, encoder.pooling != "last")
    return pool_steps(x, encoder.pooling)


def embed(ids: Any, embedding: Embedding, num_words: int) -> Any:
    """Look up the vector of each id: [batch, length] -> [batch, length, width]."""
    x = keras.layers.Embedding(num_words, embedding.width, name="embedding")(ids)
    if embedding.dropout:
        x = keras.layers.SpatialDropout1D(embedding.dropout, name="spatial_dropout")(x)
    return x


def convolve(x: Any, stem: ConvStem, normalization: str) -> Any:
    """Convolve: [batch, length, width] -> [batch, length // pool ** layers, filters]."""
    for number in range(1, stem.layers + 1):
        x = keras.layers.Conv1D(
            stem.filters, stem.kernel, padding="same", activation="relu", name=f"conv_{number}"
        )(x)
        x = normalize(x, normalization, f"conv_{number}")
        x = keras.layers.MaxPooling1D(stem.pool, name=f"conv_{number}_pool")(x)
    return x


def recur(x: Any, recurrence: Recurrence, normalization: str, sequence: bool) -> Any:
    """Add the recurrent layers: [batch, steps, width] -> [batch, steps, units].

    Without `sequence` the last layer returns its last state alone, [batch, units].
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
    """Normalize the channels ("layer" or "batch") behind the layer of that name."""
    if normalization == "layer":
        return keras.layers.LayerNormalization(name=f"{after}_layer_norm")(x)
    # Three epochs are a few hundred steps: with Keras' momentum of .99 the initial statistics
    # would still weigh in at the first reports.
    return keras.layers.BatchNormalization(momentum=0.9, name=f"{after}_batch_norm")(x)


def pool_steps(x: Any, pooling: str) -> Any:
    """Pool all steps: [batch, steps, units] -> [batch, units], which "last" expects already."""
    if pooling == "max":
        return keras.layers.GlobalMaxPooling1D(name="max")(x)
    if pooling == "mean":
        return keras.layers.GlobalAveragePooling1D(name="mean")(x)
    if pooling == "attention":
        weights = keras.layers.Dense(1, name="attention_scores")(x)  # [batch, steps, 1]
        weights = keras.layers.Softmax(axis=1, name="attention_weights")(weights)
        weighted = keras.layers.Dot(axes=1, name="attention")([weights, x])  # [batch, 1, units]
        return keras.layers.Flatten(name="attended")(weighted)
    return x


def classify(x: Any, ids: Any, head: Head) -> Any:
    """Add dense layers, the wide branch, which reads the ids, and the probability.

    [batch, units] and ids int32 [batch, length] -> [batch, 1].
    """
    if head.dropout:
        x = keras.layers.Dropout(head.dropout, name="dropout")(x)
    for number, units in enumerate(head.units, 1):
        x = keras.layers.Dense(units, activation=head.activation, name=f"dense_{number}")(x)
    if head.wide is None:
        return keras.layers.Dense(1, activation="sigmoid", name="probability")(x)
    logit = keras.layers.Dense(1, name="logit")(x)
    both = keras.layers.Add(name="both_logits")([logit, wide_logit(ids, head.wide)])
    return keras.layers.Activation("sigmoid", name="probability")(both)


def wide_logit(ids: Any, wide: Wide) -> Any:
    """Add the wide branch: int32 [batch, length] -> [batch, 1], 0 before any training."""
    x = ngrams(ids, wide.longest, WIDE_BUCKETS, name="wide_ngrams")
    x = keras.layers.Embedding(
        WIDE_BUCKETS, 1, embeddings_initializer="zeros", name="wide_weights"
    )(x)
    if wide.dropout:
        x = keras.layers.Dropout(wide.dropout, name="wide_dropout")(x)
    x = keras.layers.GlobalAveragePooling1D(name="wide_mean")(x)
    return keras.layers.Rescaling(wide.factor, name="wide_logit")(x)


def ngrams(ids: Any, longest: int, buckets: int, name: str) -> Any:
    """Hash every n-gram of one to `longest` characters: int32 [batch, length] -> [batch, n-grams].

    A single character's bucket is its id if there are enough `buckets`, at most 2^18. Padding
    alone, however long, is bucket 0.
    """
    factor = next(factor for most, factor in _HASH_FACTORS.items() if buckets <= most)
    characters = ids % buckets
    grams = [characters]
    for length in range(2, longest + 1):
        shorter, following = grams[-1][:, :-1], characters[:, length - 1 :]
        grams.append((shorter * factor + following) % buckets)
    return keras.layers.Concatenate(axis=1, name=name)(grams) if grams[1:] else characters
