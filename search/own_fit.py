"""Calls a hypermodel's own `fit` as KerasTuner's users write it."""

from collections.abc import Callable
from typing import Any

import keras

# What the project has settled by the data it hands over; Keras refuses or ignores them beside it.
_SETTLED = ("batch_size", "shuffle")


def own_fit(hypermodel: Any, hyperparameters: Any, model: keras.Model) -> Callable[..., Any]:
    """Make a function that is called as `model.fit` and trains by the hypermodel's `fit`.

    Such a `fit` may name arguments itself, e.g. `model.fit(*args, epochs=hp.Int(...), **kwargs)`,
    and would then be given them twice. So it is passed the data and the callbacks alone; the
    other arguments become the defaults of the model's `fit`.

    Args:
        hypermodel: A `keras_tuner.HyperModel`.
        hyperparameters: The trial's.
        model: What its `build` returned.

    Returns:
        The function.
    """

    def train(data: Any, *, callbacks: list[Any], **defaults: Any) -> Any:
        fit = model.fit

        def fit_by_default(*args: Any, **kwargs: Any) -> Any:
            chosen = {name: value for name, value in kwargs.items() if name not in _SETTLED}
            return fit(*args, **{**defaults, **chosen})

        model.fit = fit_by_default
        try:
            return hypermodel.fit(hyperparameters, model, data, callbacks=callbacks)
        finally:
            del model.fit

    return train
