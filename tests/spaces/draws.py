"""Draws from a KerasTuner space as its own RandomSearch does, but from a seed."""

import random
from typing import Any

import keras_tuner

from search.queue.search_space import active_values


def draw(space: Any, seed: int) -> Any:
    """Sample each active hyperparameter in turn, parents first.

    Args:
        space: A hypermodel with `declare`.
        seed: Decides every value.

    Returns:
        A filled `keras_tuner.HyperParameters`.
    """
    drawn = keras_tuner.HyperParameters()
    space.declare(drawn)
    drawn.values = draw_values(drawn, random.Random(seed))
    return drawn


def draw_values(declared: keras_tuner.HyperParameters, rng: random.Random) -> dict[str, Any]:
    """Sample each active hyperparameter in turn, parents first.

    Args:
        declared: The space, every hyperparameter declared.
        rng: Decides every value.

    Returns:
        The values by name.
    """
    return active_values(declared.space, lambda entry: entry.random_sample(rng.randrange(2**31)))


def chosen(space: Any, **values: Any) -> Any:
    """Set some hyperparameters by name and leave the others at their defaults."""
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    space.declare(hp)
    return hp
