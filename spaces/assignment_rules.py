"""The rules that a Model 3 has to keep, checked on any Keras model."""

from collections.abc import Iterator
from typing import Any

import keras

MINIMUM_LAYERS = 5
BASELINE_LAYERS = frozenset(
    {
        keras.layers.Embedding,
        keras.layers.SimpleRNN,
        keras.layers.LSTM,
        keras.layers.Dropout,
        keras.layers.Dense,
    }
)

_CELLS = (
    keras.layers.SimpleRNNCell,
    keras.layers.GRUCell,
    keras.layers.LSTMCell,
    keras.layers.StackedRNNCells,
)
_WRITTEN_OUT: dict[type, type] = {
    keras.layers.SimpleRNNCell: keras.layers.SimpleRNN,
    keras.layers.LSTMCell: keras.layers.LSTM,
}
_ACCURACY_NAMES = frozenset({"accuracy", "acc", "binary_accuracy"})
_ACCURACY_TYPES = (keras.metrics.Accuracy, keras.metrics.BinaryAccuracy)


def violations(model: Any) -> tuple[str, ...]:
    """List the rules that a Keras model breaks, in their order; empty if all are kept.

    The model may be sequential, functional, nested or subclassed.
    """
    layers = list(_leaves(model))
    broken = []
    if not any(_is_recurrent(layer) for layer in layers):
        broken.append("It is not recurrent: no SimpleRNN, GRU, LSTM or other RNN layer.")
    if len(layers) < MINIMUM_LAYERS:
        broken.append(f"It has {len(layers)} layers, but {MINIMUM_LAYERS} are needed.")
    if all(_type(layer) in BASELINE_LAYERS for layer in layers):
        broken.append("It has no type of layer that Models 1 and 2 do not have.")
    if not getattr(model, "compiled", False):
        broken.append("It is not compiled, so it has no optimizer and no accuracy metric.")
        return tuple(broken)
    if _uses_adam(model):
        broken.append("Its optimizer is adam, as in Models 1 and 2.")
    if not any(_is_accuracy(metric) for metric in _metrics(model)):
        broken.append("Accuracy is not among its metrics.")
    return tuple(broken)


def layer_count(model: Any) -> int:
    """Count a model's layers.

    Inputs do not count. A nested model counts as the layers inside it. A wrapper with what it wraps
    (Bidirectional, TimeDistributed), a layer made of others, and a layer used twice count as one.
    """
    return sum(1 for _ in _leaves(model))


def _leaves(model: Any) -> Iterator[Any]:
    """Yield each layer once, nested models opened and inputs left out."""
    seen: set[int] = set()

    def walk(container: Any) -> Iterator[Any]:
        for layer in container.layers:
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            if isinstance(layer, keras.Model):
                yield from walk(layer)
            elif not isinstance(layer, keras.layers.InputLayer):
                yield layer

    yield from walk(model)


def _is_recurrent(layer: Any) -> bool:
    """Look into a layer as well: at what it wraps, its cells and its parts."""
    inside = layer._flatten_layers(include_self=True, recursive=True)
    return any(isinstance(part, (keras.layers.RNN, *_CELLS)) for part in inside)


def _type(layer: Any) -> type:
    """Return the layer's type; RNN(LSTMCell) and RNN(SimpleRNNCell) are LSTM and SimpleRNN."""
    if type(layer) is keras.layers.RNN:
        return _WRITTEN_OUT.get(type(layer.cell), keras.layers.RNN)
    return type(layer)


def _uses_adam(model: Any) -> bool:
    """Return whether an optimizer is Adam itself, also inside a loss-scaling wrapper."""
    optimizer = model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return type(optimizer) is keras.optimizers.Adam


def _metrics(model: Any) -> list[Any]:
    """List the metrics that `compile` was given, out of any lists and dictionaries."""
    compiled = model._compile_metrics
    if compiled is None:
        return []
    found: list[Any] = keras.tree.flatten([compiled._user_metrics, compiled._user_weighted_metrics])
    return found


def _is_accuracy(metric: Any) -> bool:
    if isinstance(metric, _ACCURACY_TYPES):
        return True
    name = metric if isinstance(metric, str) else getattr(metric, "name", None)
    name = name or getattr(metric, "__name__", "")
    return str(name).lower() in _ACCURACY_NAMES
