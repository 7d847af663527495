"""Keras's layers as ONNX operators: those of the spaces here and of the baselines.

Recurrent layers become ONNX's own LSTM, GRU and RNN, which onnxruntime computes in one call.
tf2onnx, which translates TensorFlow's graph, turns GRU and SimpleRNN into loops and does not know
GELU. All tensors between layers keep Keras's order: [batch, steps, width].
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from results.export.onnx.graph import (
    Embedded,
    Graph,
    Planes,
    Scaled,
    States,
    Unsupported,
    Weights,
    array,
    require,
)
from results.export.onnx.recurrent import bidirectional, recurrent

Emitter = Callable[[Graph, Any, list[str]], str]


def emit(graph: Graph, layer: Any, inputs: list[str]) -> str:
    """Add a built Keras layer's operators, and return the name of its output tensor."""
    kind = type(layer).__name__
    # A subclass may compute anything, whatever its name.
    if kind not in EMITTERS or not type(layer).__module__.startswith("keras."):
        raise Unsupported(f"the layer {layer.name} ({kind}) has no translation")
    return EMITTERS[kind](graph, layer, inputs)


def _identity(graph: Graph, layer: Any, inputs: list[str]) -> str:
    return inputs[0]


def _embedding(graph: Graph, layer: Any, inputs: list[str]) -> str:
    require(not layer.mask_zero, layer, "a mask")
    return graph.delay(Embedded(inputs[0], array(layer.embeddings)))


def _dense(graph: Graph, layer: Any, inputs: list[str]) -> str:
    x, kernel = inputs[0], array(layer.kernel)
    bias = array(layer.bias) if layer.use_bias else None
    scaled = graph.pending(x)
    if isinstance(scaled, Scaled):
        shift = scaled.shift @ kernel
        x, kernel = scaled.x, scaled.scale[:, None] * kernel
        bias = shift if bias is None else bias + shift
    x = graph.add("MatMul", x, graph.weight(kernel))
    if bias is not None:
        x = graph.add("Add", x, graph.weight(bias))
    return _activation(graph, layer, [x])


def _activation(graph: Graph, layer: Any, inputs: list[str]) -> str:
    x = inputs[0]
    name = layer.get_config()["activation"]
    if name == "linear":
        return x
    if name == "gelu":  # x / 2 * (1 + erf(x / sqrt 2)), Keras's default and not its approximation
        bell = graph.add("Erf", graph.add("Mul", x, graph.weight(np.sqrt(0.5))))
        half = graph.add("Mul", x, graph.weight(0.5))
        return graph.add("Mul", half, graph.add("Add", bell, graph.weight(1.0)))
    operators = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
    # A layer or a function of one's own is written as a dict.
    require(isinstance(name, str) and name in operators, layer, f"the activation {name}")
    return graph.add(operators[name], x)


def _conv(graph: Graph, layer: Any, inputs: list[str]) -> str:
    plain = (layer.strides, layer.dilation_rate, layer.groups) == ((1,), (1,), 1)
    require(plain, layer, "strides, dilation or groups")
    return _convolve(graph, layer, inputs[0], array(layer.kernel).transpose(2, 1, 0))


def _depthwise_conv(graph: Graph, layer: Any, inputs: list[str]) -> str:
    plain = (layer.strides, layer.dilation_rate, layer.depth_multiplier) == ((1,), (1,), 1)
    require(plain, layer, "strides, dilation or several filters a channel")
    return _convolve(graph, layer, inputs[0], array(layer.kernel).transpose(1, 2, 0))


def _convolve(graph: Graph, layer: Any, x: str, kernel: Weights) -> str:
    """Convolve, with a kernel [filters, width or 1 for one filter a channel, steps]."""
    _require_channels_last(layer)
    require(layer.padding in ("same", "valid"), layer, f"the padding {layer.padding}")
    around = kernel.shape[-1] - 1 if layer.padding == "same" else 0
    operands = [graph.weight(kernel[:, :, None])]
    if layer.use_bias:
        operands.append(graph.weight(array(layer.bias)))
    pads = [around // 2, around - around // 2]  # TensorFlow puts the odd one at the end.
    group = layer.input.shape[-1] // kernel.shape[1]
    x = graph.add("Conv", _planes(graph, x), *operands, pads=[0, pads[0], 0, pads[1]], group=group)
    return graph.delay(Planes(_activation(graph, layer, [x])))


def _planes(graph: Graph, x: str) -> str:
    """Return a tensor [batch, steps, width] as images of one row, [batch, width, 1, steps].

    ONNX Runtime convolves and pools images in half the time, but only with a height.
    """
    pending = graph.pending(x)
    if isinstance(pending, Planes):
        return pending.x
    return graph.add("Transpose", graph.add("Unsqueeze", x, graph.weight([1])), perm=[0, 3, 1, 2])


def _max_pool(graph: Graph, layer: Any, inputs: list[str]) -> str:
    require(layer.padding == "valid", layer, f"the padding {layer.padding}")
    _require_channels_last(layer)

    def pool(x: str) -> str:
        shape, strides = [1, *layer.pool_size], [1, *layer.strides]
        x = graph.add("MaxPool", _planes(graph, x), kernel_shape=shape, strides=strides)
        return graph.delay(Planes(x))

    return _before_scaling(graph, inputs[0], pool)


def _over_steps(operator: str) -> Emitter:
    def emitter(graph: Graph, layer: Any, inputs: list[str]) -> str:
        _require_channels_last(layer)

        def pool(x: str) -> str:
            states = graph.pending(x)
            if isinstance(states, States) and operator == "ReduceMax" and not layer.keepdims:
                return states.greatest(graph)
            return graph.add(operator, x, axes=[1], keepdims=int(layer.keepdims))

        return _before_scaling(graph, inputs[0], pool)

    return emitter


def _before_scaling(graph: Graph, x: str, pool: Callable[[str], str]) -> str:
    """Pool steps before they are scaled, since fewer are left after it: greatest stay greatest."""
    scaled = graph.pending(x)
    if isinstance(scaled, Scaled) and np.all(scaled.scale > 0):
        return graph.delay(Scaled(pool(scaled.x), scaled.scale, scaled.shift))
    return pool(x)


def _layer_norm(graph: Graph, layer: Any, inputs: list[str]) -> str:
    width = layer.gamma.shape if layer.gamma is not None else ()
    require(len(width) == 1, layer, "another axis than the last, or no scale")
    operands = [graph.weight(array(layer.gamma))]
    if layer.beta is not None:
        operands.append(graph.weight(array(layer.beta)))
    return graph.add("LayerNormalization", inputs[0], *operands, axis=-1, epsilon=layer.epsilon)


def _batch_norm(graph: Graph, layer: Any, inputs: list[str]) -> str:
    require(layer.axis in (-1, len(layer.input.shape) - 1), layer, "another axis than the last")
    variance = np.asarray(layer.moving_variance, dtype=np.float64)
    scale = 1 / np.sqrt(variance + layer.epsilon)
    if layer.gamma is not None:
        scale = scale * np.asarray(layer.gamma)
    shift = -np.asarray(layer.moving_mean) * scale
    if layer.beta is not None:
        shift = shift + np.asarray(layer.beta)
    scale, shift = scale.astype(np.float32), shift.astype(np.float32)
    return graph.delay(Scaled(inputs[0], scale, shift))


def _rescaling(graph: Graph, layer: Any, inputs: list[str]) -> str:
    require(layer.input.dtype == layer.compute_dtype == "float32", layer, "another type of numbers")
    x = graph.add("Mul", inputs[0], graph.weight(np.asarray(layer.scale, np.float32)))
    return graph.add("Add", x, graph.weight(np.asarray(layer.offset, np.float32)))


def _softmax(graph: Graph, layer: Any, inputs: list[str]) -> str:
    require(isinstance(layer.axis, int), layer, "several axes")
    return graph.add("Softmax", inputs[0], axis=layer.axis)


def _dot(graph: Graph, layer: Any, inputs: list[str]) -> str:
    steps = layer.axes in (1, (1, 1), [1, 1]) and not layer.normalize
    require(steps and all(len(x.shape) == 3 for x in layer.input), layer, "other axes than steps")
    return graph.add("MatMul", graph.add("Transpose", inputs[0], perm=[0, 2, 1]), inputs[1])


def _flatten(graph: Graph, layer: Any, inputs: list[str]) -> str:
    _require_channels_last(layer)
    return graph.add("Flatten", inputs[0], axis=1)


def _add(graph: Graph, layer: Any, inputs: list[str]) -> str:
    first, *others = inputs
    for other in others:
        first = graph.add("Add", first, other)
    return first


def _concatenate(graph: Graph, layer: Any, inputs: list[str]) -> str:
    return graph.add("Concat", *inputs, axis=layer.axis)


def _attention(graph: Graph, layer: Any, inputs: list[str]) -> str:
    """Add MultiHeadAttention as matrix products, which every runtime has.

    The inputs are query, value and perhaps key, each [batch, steps, width].
    """
    config = layer.get_config()
    require(len(inputs) in (2, 3), layer, "other inputs than query, value and key")
    require(config["attention_axes"] in ([1], (1,)), layer, "other axes than the steps")
    unusual = [name for name in ("use_gate", "sliding_window") if config.get(name)]
    require(not unusual, layer, f"the setting {', '.join(unusual)}")
    query, value, key = (*inputs, inputs[1])[:3]
    q = _project_to_heads(graph, layer.query_dense, query, [0, 2, 1, 3])
    k = _project_to_heads(graph, layer.key_dense, key, [0, 2, 3, 1])  # its steps at the end
    v = _project_to_heads(graph, layer.value_dense, value, [0, 2, 1, 3])
    scale = graph.weight(1 / np.sqrt(config["key_dim"]))
    scores = graph.add("MatMul", graph.add("Mul", q, scale), k)
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), v)
    x = graph.add("Transpose", mixed, perm=[0, 2, 1, 3])  # [batch, steps, heads, width of each]
    kernel = array(layer.output_dense.kernel)  # [heads, width of each, width]
    require(kernel.ndim == 3, layer.output_dense, "several axes of its output")
    flat = kernel.reshape(-1, kernel.shape[-1])
    x = graph.add("Reshape", x, graph.weight([0, 0, len(flat)]))
    return _with_bias(graph, layer.output_dense, graph.add("MatMul", x, graph.weight(flat)))


def _project_to_heads(graph: Graph, dense: Any, x: str, order: list[int]) -> str:
    """Project [batch, steps, width] to [batch, steps, heads, width of each], and reorder that."""
    kernel = array(dense.kernel)  # [width, heads, width of each]
    x = graph.add("MatMul", x, graph.weight(kernel.reshape(len(kernel), -1)))
    x = graph.add("Reshape", x, graph.weight([0, 0, *kernel.shape[1:]]))
    return graph.add("Transpose", _with_bias(graph, dense, x), perm=order)


def _with_bias(graph: Graph, dense: Any, x: str) -> str:
    return x if dense.bias is None else graph.add("Add", x, graph.weight(array(dense.bias)))


def _require_channels_last(layer: Any) -> None:
    require(layer.data_format == "channels_last", layer, "its channels first")


EMITTERS: dict[str, Emitter] = {
    "Activation": _activation,
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Bidirectional": bidirectional,
    "Concatenate": _concatenate,
    "Conv1D": _conv,
    "Dense": _dense,
    "DepthwiseConv1D": _depthwise_conv,
    "Dot": _dot,
    "Dropout": _identity,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "GRU": recurrent,
    "GlobalAveragePooling1D": _over_steps("ReduceMean"),
    "GlobalMaxPooling1D": _over_steps("ReduceMax"),
    "LSTM": recurrent,
    "LayerNormalization": _layer_norm,
    "MaxPooling1D": _max_pool,
    "MultiHeadAttention": _attention,
    "Rescaling": _rescaling,
    "SimpleRNN": recurrent,
    "Softmax": _softmax,
    "SpatialDropout1D": _identity,
}
