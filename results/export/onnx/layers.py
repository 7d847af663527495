"""Keras's layers as ONNX operators: those of the spaces here and of the baselines.

Recurrent layers become ONNX's own LSTM, GRU and RNN, which onnxruntime computes in one call; a
translation of TensorFlow's graph (tf2onnx) makes loops of GRU and SimpleRNN, and knows no GELU.
All tensors between layers keep Keras's order: [batch, steps, width].
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from results.export.onnx.attention import attention
from results.export.onnx.graph import Graph, Unsupported, array, require
from results.export.onnx.recurrent import bidirectional, recurrent

Emit = Callable[[Graph, Any, list[str]], str]


def emit(graph: Graph, layer: Any, inputs: list[str]) -> str:
    """Add a layer's operators.

    Args:
        graph: The graph.
        layer: A built Keras layer.
        inputs: Names of its input tensors.

    Returns:
        The name of its output tensor.

    Raises:
        Unsupported: If there is no translation.
    """
    kind = type(layer).__name__
    # A subclass may compute anything, whatever its name.
    if kind not in EMITTERS or not type(layer).__module__.startswith("keras."):
        raise Unsupported(f"the layer {layer.name} ({kind}) has no translation")
    return EMITTERS[kind](graph, layer, inputs)


def _same(graph: Graph, layer: Any, inputs: list[str]) -> str:
    return inputs[0]


def _embedding(graph: Graph, layer: Any, inputs: list[str]) -> str:
    require(not layer.mask_zero, layer, "a mask")
    return str(graph.add("Gather", graph.weight(array(layer.embeddings)), inputs[0], axis=0))


def _dense(graph: Graph, layer: Any, inputs: list[str]) -> str:
    x = graph.add("MatMul", inputs[0], graph.weight(array(layer.kernel)))
    if layer.use_bias:
        x = graph.add("Add", x, graph.weight(array(layer.bias)))
    return _activate(graph, layer, x)


def _activation(graph: Graph, layer: Any, inputs: list[str]) -> str:
    return _activate(graph, layer, inputs[0])


def _activate(graph: Graph, layer: Any, x: str) -> str:
    name = layer.get_config()["activation"]
    if name == "linear":
        return x
    if name == "gelu":  # x / 2 * (1 + erf(x / sqrt 2)), Keras's default and not its approximation
        bell = graph.add("Erf", graph.add("Mul", x, graph.weight(np.sqrt(0.5))))
        half = graph.add("Mul", x, graph.weight(0.5))
        return str(graph.add("Mul", half, graph.add("Add", bell, graph.weight(1.0))))
    operators = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
    require(name in operators, layer, f"the activation {name}")
    return str(graph.add(operators[name], x))


def _conv(graph: Graph, layer: Any, inputs: list[str]) -> str:
    plain = (layer.strides, layer.dilation_rate, layer.groups) == ((1,), (1,), 1)
    require(plain, layer, "strides, dilation or groups")
    return _convolution(graph, layer, inputs[0], array(layer.kernel).transpose(2, 1, 0))


def _depthwise_conv(graph: Graph, layer: Any, inputs: list[str]) -> str:
    plain = (layer.strides, layer.dilation_rate, layer.depth_multiplier) == ((1,), (1,), 1)
    require(plain, layer, "strides, dilation or several filters a channel")
    return _convolution(graph, layer, inputs[0], array(layer.kernel).transpose(1, 2, 0))


def _convolution(graph: Graph, layer: Any, x: str, kernel: npt.NDArray[np.float32]) -> str:
    """Convolve, with a kernel [filters, width or 1 for one filter a channel, steps]."""
    _require_channels_last(layer)
    require(layer.padding in ("same", "valid"), layer, f"the padding {layer.padding}")
    around = kernel.shape[-1] - 1 if layer.padding == "same" else 0
    operands = [graph.weight(kernel)]
    if layer.use_bias:
        operands.append(graph.weight(array(layer.bias)))
    pads = [around // 2, around - around // 2]  # TensorFlow puts the odd one at the end.
    group = layer.input.shape[-1] // kernel.shape[1]
    x = graph.add("Transpose", x, perm=[0, 2, 1])
    x = graph.add("Conv", x, *operands, pads=pads, group=group)
    return _activate(graph, layer, graph.add("Transpose", x, perm=[0, 2, 1]))


def _max_pool(graph: Graph, layer: Any, inputs: list[str]) -> str:
    require(layer.padding == "valid", layer, f"the padding {layer.padding}")
    _require_channels_last(layer)
    x = graph.add("Transpose", inputs[0], perm=[0, 2, 1])
    x = graph.add("MaxPool", x, kernel_shape=list(layer.pool_size), strides=list(layer.strides))
    return str(graph.add("Transpose", x, perm=[0, 2, 1]))


def _over_steps(operator: str) -> Emit:
    def emitter(graph: Graph, layer: Any, inputs: list[str]) -> str:
        _require_channels_last(layer)
        return str(graph.add(operator, inputs[0], axes=[1], keepdims=int(layer.keepdims)))

    return emitter


def _layer_norm(graph: Graph, layer: Any, inputs: list[str]) -> str:
    width = layer.gamma.shape if layer.gamma is not None else ()
    require(len(width) == 1, layer, "another axis than the last, or no scale")
    operands = [graph.weight(array(layer.gamma))]
    if layer.beta is not None:
        operands.append(graph.weight(array(layer.beta)))
    return str(
        graph.add("LayerNormalization", inputs[0], *operands, axis=-1, epsilon=layer.epsilon)
    )


def _batch_norm(graph: Graph, layer: Any, inputs: list[str]) -> str:
    require(layer.axis in (-1, len(layer.input.shape) - 1), layer, "another axis than the last")
    variance = np.asarray(layer.moving_variance, dtype=np.float64)
    scale = 1 / np.sqrt(variance + layer.epsilon)
    if layer.gamma is not None:
        scale = scale * np.asarray(layer.gamma)
    shift = -np.asarray(layer.moving_mean) * scale
    if layer.beta is not None:
        shift = shift + np.asarray(layer.beta)
    x = graph.add("Mul", inputs[0], graph.weight(scale))
    return str(graph.add("Add", x, graph.weight(shift)))


def _rescaling(graph: Graph, layer: Any, inputs: list[str]) -> str:
    require(layer.input.dtype == layer.compute_dtype == "float32", layer, "another type of numbers")
    x = graph.add("Mul", inputs[0], graph.weight(np.asarray(layer.scale, np.float32)))
    return str(graph.add("Add", x, graph.weight(np.asarray(layer.offset, np.float32))))


def _softmax(graph: Graph, layer: Any, inputs: list[str]) -> str:
    require(isinstance(layer.axis, int), layer, "several axes")
    return str(graph.add("Softmax", inputs[0], axis=layer.axis))


def _dot(graph: Graph, layer: Any, inputs: list[str]) -> str:
    steps = layer.axes in (1, (1, 1), [1, 1]) and not layer.normalize
    require(steps and all(len(x.shape) == 3 for x in layer.input), layer, "other axes than steps")
    return str(graph.add("MatMul", graph.add("Transpose", inputs[0], perm=[0, 2, 1]), inputs[1]))


def _flatten(graph: Graph, layer: Any, inputs: list[str]) -> str:
    _require_channels_last(layer)
    return str(graph.add("Flatten", inputs[0], axis=1))


def _add(graph: Graph, layer: Any, inputs: list[str]) -> str:
    first, *others = inputs
    for other in others:
        first = graph.add("Add", first, other)
    return first


def _concatenate(graph: Graph, layer: Any, inputs: list[str]) -> str:
    return str(graph.add("Concat", *inputs, axis=layer.axis))


def _attention(graph: Graph, layer: Any, inputs: list[str]) -> str:
    return attention(graph, layer, inputs)


def _recurrent(graph: Graph, layer: Any, inputs: list[str]) -> str:
    return recurrent(graph, layer, inputs[0])


def _bidirectional(graph: Graph, layer: Any, inputs: list[str]) -> str:
    return bidirectional(graph, layer, inputs[0])


def _require_channels_last(layer: Any) -> None:
    require(layer.data_format == "channels_last", layer, "its channels first")


EMITTERS: dict[str, Emit] = {
    "Activation": _activation,
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Bidirectional": _bidirectional,
    "Concatenate": _concatenate,
    "Conv1D": _conv,
    "Dense": _dense,
    "DepthwiseConv1D": _depthwise_conv,
    "Dot": _dot,
    "Dropout": _same,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "GRU": _recurrent,
    "GlobalAveragePooling1D": _over_steps("ReduceMean"),
    "GlobalMaxPooling1D": _over_steps("ReduceMax"),
    "LSTM": _recurrent,
    "LayerNormalization": _layer_norm,
    "MaxPooling1D": _max_pool,
    "MultiHeadAttention": _attention,
    "Rescaling": _rescaling,
    "SimpleRNN": _recurrent,
    "Softmax": _softmax,
    "SpatialDropout1D": _same,
}
