"""Builds the layers of a drawn Model 3 out of stock Keras layers only.

A saved model therefore loads in plain Keras, in safe mode and without this project's code.
"""

from typing import Any

import keras

from spaces.choices import Choices, Front, Head, Recurrence

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
    inputs = keras.Input((None,), dtype="int32", name="ids")
    x = _embed(inputs, choices, num_words)
    if choices.spatial_dropout:
        x = keras.layers.SpatialDropout1D(choices.spatial_dropout, name="spatial_dropout")(x)
    if choices.front:
        x = _convolve(x, choices.front, choices.normalization)
    x = _recur(x, choices.recurrence, choices.normalization, choices.head.summary != "last")
    x = _summarize(x, choices.head.summary)
    x = _classify(x, choices.head)
    return keras.Model(inputs, x, name="model3")


def _embed(ids: Any, choices: Choices, num_words: int) -> Any:
    """Map ids [batch, length] to vectors [batch, length, width]."""
    # Keras starts embeddings within .05. The gradients behind such small vectors are small too,
    # which adaptive optimizers make up for; plain SGD stayed at chance from there.
    widest = 0.5 if choices.training.optimizer == "sgd" else 0.05
    start = keras.initializers.RandomUniform(-widest, widest)
    return keras.layers.Embedding(
        num_words, choices.embedding, embeddings_initializer=start, name="embedding"
    )(ids)


def _convolve(x: Any, front: Front, normalization: str) -> Any:
    """Map [batch, length, width] to [batch, length // pool ** layers, filters]."""
    for number in range(1, front.layers + 1):
        x = keras.layers.Conv1D(
            front.filters, front.kernel, padding="same", activation="relu", name=f"conv_{number}"
        )(x)
        x = _normalize(x, normalization, f"conv_{number}")
        x = keras.layers.MaxPooling1D(front.pool, name=f"conv_{number}_pool")(x)
    return x


def _recur(x: Any, recurrence: Recurrence, normalization: str, sequence: bool) -> Any:
    """Map [batch, steps, width] to [batch, steps, units], or [batch, units] without `sequence`."""
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
        x = _normalize(layer(x), normalization, f"recurrent_{number}")
    return x


def _normalize(x: Any, normalization: str, after: str) -> Any:
    if normalization == "layer":
        return keras.layers.LayerNormalization(name=f"{after}_layer_norm")(x)
    if normalization == "batch":
        # Three epochs are a few hundred steps: Keras' momentum of .99 would still remember the
        # initial statistics at the first reports.
        return keras.layers.BatchNormalization(momentum=0.9, name=f"{after}_batch_norm")(x)
    return x


def _summarize(x: Any, summary: str) -> Any:
    """Map [batch, steps, units] to [batch, units]; the last state is that already."""
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


def _classify(x: Any, head: Head) -> Any:
    """Map [batch, units] to probabilities [batch, 1]."""
    if head.dropout:
        x = keras.layers.Dropout(head.dropout, name="dropout")(x)
    for number, units in enumerate(head.units, 1):
        x = keras.layers.Dense(units, activation=head.activation, name=f"dense_{number}")(x)
    return keras.layers.Dense(1, activation="sigmoid", name="probability")(x)
