"""What a user's model must be before it is trained: a model, of the right form, not too large."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import psutil
from keras_tuner.errors import FailedTrialError

# Smaller weights are not weighed against the memory that is left.
_LARGE_BYTES = 64 * 2**20
_FLOAT_BYTES = 4

# A softmax may come out a little above 1.
_ROUNDING = 1e-6


class ModelTooLarge(BaseException):
    """A model has more weights than are allowed, or than there is memory for.

    Not an `Exception`: Keras would wrap it in a report on the arguments of a call. `parameters` is
    None if the model was not built to the end.
    """

    def __init__(self, message: str, parameters: int | None = None) -> None:
        super().__init__(message)
        self.parameters = parameters


def check_model(model: Any) -> None:
    """Raise a `FailedTrialError` for what is not a model, or does not return one probability."""
    if not isinstance(model, keras.Model):
        raise FailedTrialError(f"build returned a {type(model).__name__}, not a Keras model")
    # A model that is not built yet, or is a class of its own, shows its output when it scores.
    shape = getattr(model, "output_shape", None) if model.built else None
    # One that was built from a batch has that batch's size in front.
    if shape is not None and tuple(shape[1:]) not in ((1,), ()):
        raise FailedTrialError(
            f"the model's output has the shape {shape}, but must be one probability a record, "
            "(None, 1)"
        )


def check_model_size(model: keras.Model, most: int | None) -> None:
    """Refuse a model that has more weights by now than `most` (None: no bound)."""
    count = sum(math.prod(weight.shape) for weight in model.weights)
    if most is not None and count > most:
        raise ModelTooLarge(f"{count:,} parameters, more than --max-parameters {most:,}", count)


@contextmanager
def limit_parameters(most: int | None) -> Iterator[None]:
    """Refuse a weight of more than `most` numbers, or than fit in memory, before it is made.

    Keras makes a weight's values at once, so that a model which is only measured when it is
    finished may have taken all memory by then.
    """
    original = keras.layers.Layer.add_weight

    def add_weight(self: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        shape = kwargs.get("shape") or next((it for it in args if isinstance(it, tuple)), ())
        _check_weight(self.name, shape, most)
        return original(self, *args, **kwargs)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = original


def _check_weight(layer: str, shape: Any, most: int | None) -> None:
    if not all(isinstance(size, Integral) for size in np.atleast_1d(shape)):
        return  # Keras says what is wrong with it.
    count = math.prod(np.atleast_1d(shape).tolist())
    if most is not None and count > most:
        raise ModelTooLarge(
            f"at least {count:,} parameters (in '{layer}'), more than --max-parameters {most:,}"
        )
    taken = count * _FLOAT_BYTES
    if taken >= _LARGE_BYTES and taken > psutil.virtual_memory().available:
        free = psutil.virtual_memory().available
        raise ModelTooLarge(
            f"out of memory: the {count:,} weights of '{layer}' take {taken / 1e9:,.1f} GB, but "
            f"{free / 1e9:,.1f} GB are free"
        )


def check_range(scores: npt.NDArray[np.float32]) -> None:
    """Refuse scores, [n], outside 0 to 1; nan is a matter of divergence."""
    finite = scores[np.isfinite(scores)]
    if finite.size and (finite.min() < -_ROUNDING or finite.max() > 1 + _ROUNDING):
        raise ValueError(
            f"the model's outputs reach from {finite.min():.3g} to {finite.max():.3g}, but must be "
            "probabilities: let it end with a sigmoid"
        )


def has_finite_weights(model: keras.Model) -> bool:
    """Return True if all of a model's weights are finite."""
    values = (np.asarray(weight) for weight in model.weights)
    return all(np.isfinite(it).all() for it in values if np.issubdtype(it.dtype, np.floating))
