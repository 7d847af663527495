"""Keras's operations on integers as ONNX operators: what makes n-grams of ids."""

from typing import Any

import numpy as np

from results.export.onnx.graph import Graph, Unsupported

MODULE = "keras.src.ops.numpy"
TENSOR = "__keras_tensor__"

_SLICE = "__slice__"
_ARITHMETIC = {"Add": "Add", "Mod": "Mod", "Multiply": "Mul"}
_END = np.iinfo(np.int64).max
_WHOLE = {"start": None, "stop": None, "step": None}


def is_operation(part: dict[str, Any]) -> bool:
    """Tell an operation from a layer, which may have the same name.

    Args:
        part: An entry of a functional model's config.
    """
    return bool(part.get("module") == MODULE)


def operate(graph: Graph, part: dict[str, Any], tensors: dict[str, str]) -> str:
    """Add an operation.

    Args:
        graph: The graph.
        part: Its entry in the model's config.
        tensors: By the name of what put them out, the graph's tensors.

    Returns:
        The name of its output tensor.

    Raises:
        Unsupported: If there is no translation.
    """
    (node,) = part["inbound_nodes"]
    kind, args = part["class_name"], node["args"]
    if len(args) != 2 or node["kwargs"]:
        raise _unsupported(part)
    if kind == "GetItem" and _is_integer_tensor(args[0]):
        return _slice(graph, part, _name(args[0], tensors), args[1])
    if kind not in _ARITHMETIC or not all(map(_is_integer, args)):
        raise _unsupported(part)
    operands = [
        _name(arg, tensors) if isinstance(arg, dict) else graph.weight(np.int32(arg))
        for arg in args
    ]
    return str(graph.add(_ARITHMETIC[kind], *operands))


def _slice(graph: Graph, part: dict[str, Any], x: str, key: Any) -> str:
    """Cut steps off [batch, steps]; every other key is refused."""
    if not isinstance(key, list | tuple) or len(key) != 2 or key[0] != _slice_of(_WHOLE):
        raise _unsupported(part)
    config = key[1].get("config", {}) if isinstance(key[1], dict) else {}
    start, stop = config.get("start"), config.get("stop")
    if key[1] != _slice_of({"start": start, "stop": stop, "step": None}):
        raise _unsupported(part)
    ends = [0 if start is None else start], [_END if stop is None else stop], [1]
    return str(graph.add("Slice", x, *map(graph.weight, ends)))


def _slice_of(config: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": _SLICE, "config": config}


def _is_integer(arg: Any) -> bool:
    return type(arg) is int or _is_integer_tensor(arg)


def _is_integer_tensor(arg: Any) -> bool:
    is_tensor = isinstance(arg, dict) and arg.get("class_name") == TENSOR
    return is_tensor and arg["config"]["dtype"] == "int32"


def _name(arg: dict[str, Any], tensors: dict[str, str]) -> str:
    return tensors[arg["config"]["keras_history"][0]]


def _unsupported(part: dict[str, Any]) -> Unsupported:
    return Unsupported(f"the operation {part['name']} ({part['class_name']}) has no translation")
