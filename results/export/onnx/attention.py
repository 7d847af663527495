"""Keras's MultiHeadAttention as ONNX's matrix products, which any runtime has."""

from typing import Any

import numpy as np

from results.export.onnx.graph import Graph, array, require


def attention(graph: Graph, layer: Any, inputs: list[str]) -> str:
    """Add a layer of multi-head attention.

    Args:
        graph: The graph.
        layer: A built Keras MultiHeadAttention.
        inputs: Query, value and perhaps key, each [batch, steps, width].

    Returns:
        Its output, [batch, steps of the query, width].

    Raises:
        Unsupported: If a setting of the layer has no translation.
    """
    config = layer.get_config()
    require(len(inputs) in (2, 3), layer, "other inputs than query, value and key")
    require(config["attention_axes"] in ([1], (1,)), layer, "other axes than the steps")
    unusual = [name for name in ("use_gate", "sliding_window") if config.get(name)]
    require(not unusual, layer, f"the setting {', '.join(unusual)}")
    query, value, key = (*inputs, inputs[1])[:3]
    q = _heads(graph, layer.query_dense, query, [0, 2, 1, 3])  # [batch, heads, steps, width]
    k = _heads(graph, layer.key_dense, key, [0, 2, 3, 1])  # [batch, heads, width, steps]
    v = _heads(graph, layer.value_dense, value, [0, 2, 1, 3])
    scale = graph.weight(1 / np.sqrt(config["key_dim"]))
    scores = graph.add("MatMul", graph.add("Mul", q, scale), k)
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), v)
    return _joined(graph, layer.output_dense, graph.add("Transpose", mixed, perm=[0, 2, 1, 3]))


def _heads(graph: Graph, dense: Any, x: str, order: list[int]) -> str:
    """Project [batch, steps, width] to [batch, steps, heads, width of each], and reorder that."""
    kernel = array(dense.kernel)  # [width, heads, width of each]
    x = graph.add("MatMul", x, graph.weight(kernel.reshape(len(kernel), -1)))
    x = graph.add("Reshape", x, graph.weight([0, 0, *kernel.shape[1:]]))
    if dense.bias is not None:
        x = graph.add("Add", x, graph.weight(array(dense.bias)))
    return str(graph.add("Transpose", x, perm=order))


def _joined(graph: Graph, dense: Any, x: str) -> str:
    """Project [batch, steps, heads, width of each] to [batch, steps, width]."""
    kernel = array(dense.kernel)  # [heads, width of each, width]
    require(kernel.ndim == 3, dense, "several axes of its output")
    flat = kernel.reshape(-1, kernel.shape[-1])
    x = graph.add("Reshape", x, graph.weight([0, 0, len(flat)]))
    x = graph.add("MatMul", x, graph.weight(flat))
    return x if dense.bias is None else str(graph.add("Add", x, graph.weight(array(dense.bias))))
