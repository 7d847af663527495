"""Makes a model's layers run on the fast kernels while the model is traced."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from spaces.kernels.operations import ConvolutionOperation, RecurrentOperation
from spaces.kernels.passes import CELLS, LayerSpec
from spaces.kernels.resources import one_blas_thread

# With more, the tables of a convolution cost more than they save in a batch of few characters.
_FEW_IDS = 512
_RECURRENT = tuple(getattr(keras.layers, kind) for kind in CELLS)


@contextmanager
def accelerated(model: keras.Model) -> Iterator[None]:
    """Run recurrent layers, and convolutions of embedded ids, faster and with the same results.

    Weights, optimizer, configuration and saved files stay Keras' own. A function that is traced
    inside (a training, a `tf.function`) keeps the fast calls. Layers with settings that the
    kernels do not support keep Keras' calls, and so do all layers if there is a GPU.

    Args:
        model: Any Keras model; it may be accelerated already.
    """
    patched = []
    # XLA, which a model may ask for, cannot compile a call of ours.
    if not (tf.config.list_logical_devices("GPU") or getattr(model, "jit_compile", None) is True):
        patched = [layer for layer in _supported(model) if "call" not in vars(layer)]
    embedded = _LastEmbedded()
    for layer in patched:
        if isinstance(layer, keras.layers.Embedding):
            layer.call = embedded.remember(layer)
        elif isinstance(layer, keras.layers.Conv1D):
            layer.call = _fast_convolution(layer, embedded)
        else:
            layer.call = _fast_call(layer, embedded)
    try:
        with one_blas_thread():
            yield
    finally:
        for layer in patched:
            del layer.call


def _supported(model: keras.Model) -> list[Any]:
    """List the layers that the kernels can run, and the embeddings in front of them."""
    everything = model._flatten_layers(include_self=False, recursive=True)
    return [
        layer
        for layer in everything
        if _is_embedding(layer) or _is_convolution(layer) or _is_recurrent(layer)
    ]


def _is_embedding(layer: Any) -> bool:
    return (
        type(layer) is keras.layers.Embedding
        and layer.compute_dtype == "float32"
        and not (layer.mask_zero or layer.lora_enabled or layer.quantization_mode)
        and not (layer.embeddings_regularizer or layer.activity_regularizer)
    )


def _is_convolution(layer: Any) -> bool:
    return (
        type(layer) is keras.layers.Conv1D
        and layer.compute_dtype == "float32"
        and (layer.padding, layer.strides, layer.dilation_rate) == ("same", (1,), (1,))
        and (layer.groups, layer.data_format) == (1, "channels_last")
        and not (layer.lora_enabled or layer.kernel_regularizer or layer.bias_regularizer)
        and not layer.activity_regularizer
    )


def _is_recurrent(layer: Any) -> bool:
    if type(layer) not in _RECURRENT or layer.compute_dtype != "float32":
        return False
    cell = layer.cell
    activations = [keras.activations.tanh]
    if type(layer) is not keras.layers.GRU:
        activations.append(keras.activations.relu)
    sigmoid = keras.activations.sigmoid
    return (
        not (layer.stateful or layer.return_state or layer.unroll or cell.dropout)
        and not (layer.kernel_regularizer or layer.recurrent_regularizer)
        and not (layer.bias_regularizer or layer.activity_regularizer)
        and type(cell).__name__ == f"{type(layer).__name__}Cell"
        and cell.activation in activations
        and getattr(cell, "recurrent_activation", sigmoid) is sigmoid
        and getattr(cell, "reset_after", True)
    )


@dataclass
class _LastEmbedded:
    """What each embedding read last, so that a layer behind one can read the ids themselves."""

    last: dict[Any, tuple[Any, Any]] = field(default_factory=dict)  # layer: ids, vectors

    def remember(self, layer: Any) -> Any:
        """Return the embedding's call, which keeps its inputs and vectors."""
        original = layer.call

        def call(inputs: Any) -> Any:
            vectors = original(inputs)
            self.last[layer] = inputs, vectors
            return vectors

        return call

    def find(self, inputs: Any) -> tuple[Any, Any] | None:
        """Return the ids, int32, and the embeddings that gave these inputs, if they are known."""
        for layer, (ids, vectors) in self.last.items():
            if inputs is vectors:
                return tf.cast(ids, tf.int32), tf.convert_to_tensor(layer.embeddings)
        return None


def _fast_convolution(layer: Any, embedded: _LastEmbedded) -> Any:
    original, operation = layer.call, ConvolutionOperation()

    def call(inputs: Any) -> Any:
        found = embedded.find(inputs)
        if found is None or found[1].shape[0] > _FEW_IDS:
            return original(inputs)
        bias = layer.bias if layer.use_bias else tf.zeros((layer.filters,), tf.float32)
        kernel, bias = map(tf.convert_to_tensor, (layer.kernel, bias))
        return layer.activation(operation(inputs, *found, kernel, bias))

    return call


def _fast_call(layer: Any, embedded: _LastEmbedded) -> Any:
    original = layer.call
    operation = RecurrentOperation(
        LayerSpec(
            kind=type(layer).__name__,
            units=layer.units,
            relu=layer.cell.activation is keras.activations.relu,
            sequences=layer.return_sequences,
            reverse=layer.go_backwards,
        )
    )

    def call(
        sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = False
    ) -> Any:
        if mask is not None or initial_state is not None or tf.is_symbolic_tensor(training):
            return original(sequences, initial_state=initial_state, mask=mask, training=training)
        masks = _masks(layer.cell, sequences, bool(training))
        ids, embeddings = embedded.find(sequences) or (
            tf.zeros((tf.shape(sequences)[0], 0), tf.int32),
            tf.zeros((0, layer.cell.kernel.shape[0]), tf.float32),
        )
        return operation(
            sequences, ids, _weights(layer.cell), embeddings, masks, training=bool(training)
        )

    return call


def _weights(cell: Any) -> list[Any]:
    """Return input kernel, bias, recurrent kernel and recurrent bias as tensors."""
    width = cell.kernel.shape[1]
    none = tf.zeros((width,), tf.float32)
    bias = tf.convert_to_tensor(cell.bias) if cell.bias is not None else none
    recurrent_bias = none
    if len(bias.shape) == 2:  # a GRU has one bias for the inputs and one for the state
        bias, recurrent_bias = bias[0], bias[1]
    kernel, recurrent = map(tf.convert_to_tensor, (cell.kernel, cell.recurrent_kernel))
    return [kernel, bias, recurrent, recurrent_bias]


def _masks(cell: Any, sequences: Any, training: bool) -> Any:
    """Draw the state's dropout masks as Keras does, one a gate."""
    batch = tf.shape(sequences)[0]
    if not (training and cell.recurrent_dropout):
        return tf.zeros((0, batch, cell.units), tf.float32)
    masks = cell.get_recurrent_dropout_mask(tf.zeros((batch, cell.units), tf.float32))
    cell.reset_recurrent_dropout_mask()
    return tf.stack(masks) if isinstance(masks, list | tuple) else masks[None]
