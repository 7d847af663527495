"""Draws from a KerasTuner space as its own RandomSearch does, but from a seed."""

import random
from typing import Any

import keras
import keras_tuner

from search.sampling import active_values


def draw(space: Any, seed: int) -> Any:
    """Sample each active hyperparameter in turn, parents first."""
    drawn = keras_tuner.HyperParameters()
    space.declare(drawn)
    drawn.values = draw_values(drawn, random.Random(seed))
    return drawn


def draw_values(declared: keras_tuner.HyperParameters, rng: random.Random) -> dict[str, Any]:
    """Sample each active hyperparameter in turn, parents first."""
    return active_values(declared.space, lambda entry: entry.random_sample(rng.randrange(2**31)))


def chosen(space: Any, **values: Any) -> Any:
    """Set some hyperparameters by name and leave the others at their defaults."""
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    space.declare(hp)
    return hp


def reseed(model: Any, seed: int) -> None:
    """Restart a model's random draws, so that two computations drop out the same."""
    for layer in model._flatten_layers():
        for part in (layer, getattr(layer, "cell", None)):
            if hasattr(part, "seed_generator"):
                part.seed_generator.state.assign([seed, 0])


def predict(model: Any, ids: Any) -> Any:
    """Return a model's output on ids as an array."""
    return keras.ops.convert_to_numpy(model(ids, training=False))
