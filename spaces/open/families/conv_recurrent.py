"""Recurrent layers behind convolutions with pooling: Model 3's body."""

from typing import Any

from spaces import Body, choices, layers


def declare(hp: Any) -> Body:
    """Declare the family's hyperparameters.

    Args:
        hp: A `keras_tuner.HyperParameters`.

    Returns:
        The draw.
    """
    return choices.body(hp, more_cells=("rnn",), more_summaries=("last",))


def build(ids: Any, drawn: Body, num_words: int) -> Any:
    """Add the layers of a draw.

    Args:
        ids: int32 [batch, length].
        drawn: The draw.
        num_words: How many ids there are, padding included.

    Returns:
        [batch, units].
    """
    return layers.read(ids, drawn, num_words)
