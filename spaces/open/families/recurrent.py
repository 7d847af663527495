"""Recurrent layers right behind the embedding, as in Models 1 and 2."""

from typing import Any

from spaces import choices, layers


def declare(hp: Any) -> choices.Encoder:
    """Declare the family's hyperparameters."""
    return choices.encoder(hp, convolutions=False, more_cells=("rnn",), more_poolings=("last",))


def build(ids: Any, drawn: choices.Encoder, num_words: int) -> Any:
    """Build the layers of a draw: int32 [batch, length] -> [batch, units]."""
    return layers.encode(ids, drawn, num_words)
