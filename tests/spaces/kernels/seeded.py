"""Lets two computations of one model draw the same dropout masks."""

from typing import Any


def reseed(model: Any, seed: int) -> None:
    """Start the random draws of a model's layers anew."""
    for layer in model._flatten_layers():
        for part in (layer, getattr(layer, "cell", None)):
            if hasattr(part, "seed_generator"):
                part.seed_generator.state.assign([seed, 0])
