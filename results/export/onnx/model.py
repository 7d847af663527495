"""A Keras model as an ONNX model: its layers and operations, from the ids to the probability."""

from collections import Counter
from typing import Any

import numpy as np
import onnx

from results.export.onnx.graph import IDS, Graph, Unsupported
from results.export.onnx.layers import emit

# Keras's operations on integers, which turn ids into n-grams. A layer may have the same class name.
_OPERATIONS = "keras.src.ops.numpy"
_ARITHMETIC = {"Add": "Add", "Mod": "Mod", "Multiply": "Mul"}
_TENSOR = "__keras_tensor__"
_ALL_ROWS = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}


def translate(model: Any) -> onnx.ModelProto:
    """Translate a Keras model: int32 ids [batch, length] in, probabilities [batch, 1] out.

    The result takes ids of any batch size and length.

    Raises:
        Unsupported: If one of its layers, or the way they are connected, cannot be translated.
    """
    import keras  # Here, so that importing this module does not wait for TensorFlow.

    graph = Graph()
    if type(model) is keras.Sequential:
        x = IDS
        for layer in model.layers:
            x = emit(graph, layer, [x])
        return graph.model(x)
    if type(model) is not keras.Model and type(model).__name__ != "Functional":
        raise Unsupported(f"{type(model).__name__} is neither Sequential nor functional")
    return graph.model(_functional(graph, model))


def _functional(graph: Graph, model: Any) -> str:
    config = model.get_config()
    ends = config["input_layers"], config["output_layers"]
    if not all(isinstance(end[0], str) for end in ends):
        raise Unsupported("the model has several inputs or outputs")
    (entry, *_), (output, *_) = ends
    tensors = {entry: IDS}
    # In an order in which they can be computed.
    parts = {part["name"]: part for part in config["layers"] if part["name"] != entry}
    sources = {name: _sources(part) for name, part in parts.items()}
    takers = Counter(source for taken in sources.values() for source in taken)
    for name, part in parts.items():
        inputs = [tensors[source] for source in sources[name]]
        if part.get("module") == _OPERATIONS:
            tensors[name] = _operation(graph, part, tensors)
        else:
            tensors[name] = emit(graph, model.get_layer(name), inputs)
        if takers[name] > 1:
            graph.share(tensors[name])
    return tensors[output]


def _sources(part: dict[str, Any]) -> list[str]:
    """Name the layers whose outputs a layer takes."""
    if len(part["inbound_nodes"]) != 1:
        raise Unsupported(f"the layer {part['name']} is used more than once")
    (node,) = part["inbound_nodes"]
    # Such as a mask, or `use_causal_mask=True`.
    named = [name for name, value in node["kwargs"].items() if value not in (None, False)]
    if named:
        raise Unsupported(f"the layer {part['name']} is called with {', '.join(named)}")
    return _tensor_names(node["args"])


def _tensor_names(value: Any) -> list[str]:
    if isinstance(value, dict):
        if value.get("class_name") == _TENSOR:
            return [value["config"]["keras_history"][0]]
        return [name for entry in value.values() for name in _tensor_names(entry)]
    if isinstance(value, list | tuple):
        return [name for entry in value for name in _tensor_names(entry)]
    return []


def _operation(graph: Graph, part: dict[str, Any], tensors: dict[str, str]) -> str:
    """Add an operation on integers, given its entry in the model's config."""
    (node,) = part["inbound_nodes"]
    kind, args = part["class_name"], node["args"]
    if len(args) == 2 and not node["kwargs"]:
        if kind == "GetItem" and _is_integer_tensor(args[0]) and _is_slice_of_steps(args[1]):
            bounds = args[1][1]["config"]
            start = 0 if bounds["start"] is None else bounds["start"]
            stop = np.iinfo(np.int64).max if bounds["stop"] is None else bounds["stop"]
            x = tensors[_tensor_names(args[0])[0]]
            return graph.add("Slice", x, *map(graph.weight, ([start], [stop], [1])))
        if kind in _ARITHMETIC and all(type(x) is int or _is_integer_tensor(x) for x in args):
            operands = [
                graph.weight(np.int32(x)) if type(x) is int else tensors[_tensor_names(x)[0]]
                for x in args
            ]
            return graph.add(_ARITHMETIC[kind], *operands)
    raise Unsupported(f"the operation {part['name']} ({kind}) has no translation")


def _is_integer_tensor(arg: Any) -> bool:
    is_tensor = isinstance(arg, dict) and arg.get("class_name") == _TENSOR
    return is_tensor and arg["config"]["dtype"] == "int32"


def _is_slice_of_steps(key: Any) -> bool:
    """Return whether a key cuts steps off [batch, steps]: `x[:, start:stop]`."""
    if not isinstance(key, list | tuple) or len(key) != 2 or key[0] != _ALL_ROWS:
        return False
    steps = key[1]
    return (
        isinstance(steps, dict)
        and steps.get("class_name") == "__slice__"
        and set(steps["config"]) == set(_ALL_ROWS["config"])
        and steps["config"]["step"] is None
    )
