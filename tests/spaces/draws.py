"""Draws from a KerasTuner space as its own RandomSearch does, but from a seed."""

import random
from typing import Any

import keras_tuner


def draw(space: Any, seed: int) -> Any:
    """Sample each active hyperparameter in turn, parents first.

    Args:
        space: A hypermodel with `declare`.
        seed: Decides every value.

    Returns:
        A filled `keras_tuner.HyperParameters`.
    """
    declared = keras_tuner.HyperParameters()
    space.declare(declared)
    rng = random.Random(seed)
    drawn = keras_tuner.HyperParameters()
    for parameter in declared.space:
        drawn.merge([parameter])
        if drawn.is_active(parameter):
            drawn.values[parameter.name] = parameter.random_sample(rng.randrange(2**31))
    return drawn


def chosen(space: Any, **values: Any) -> Any:
    """Set some hyperparameters by name and leave the others at their defaults."""
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    space.declare(hp)
    return hp
