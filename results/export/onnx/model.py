"""A Keras model as an ONNX model: its layers walked from the ids to the probability."""

from typing import Any

import onnx

from results.export.onnx.graph import IDS, Graph, Unsupported
from results.export.onnx.layers import emit
from results.export.onnx.operations import TENSOR, is_operation, operate


def translate(model: Any) -> onnx.ModelProto:
    """Translate a Keras model.

    Args:
        model: Sequential or functional: int32 ids [batch, length] in, probabilities [batch, 1] out.

    Returns:
        The ONNX model, for ids of any batch size and length.

    Raises:
        Unsupported: If one of its layers, or the way they are connected, has no translation.
    """
    import keras  # Here: what imports this file must not wait for TensorFlow.

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
    for part in config["layers"]:  # in an order in which they can be computed
        if part["name"] != entry:
            inputs = [tensors[name] for name in _sources(part)]
            tensors[part["name"]] = (
                operate(graph, part, tensors)
                if is_operation(part)
                else emit(graph, model.get_layer(part["name"]), inputs)
            )
    return tensors[output]


def _sources(part: dict[str, Any]) -> list[str]:
    """Name the layers whose outputs a layer takes."""
    if len(part["inbound_nodes"]) != 1:
        raise Unsupported(f"the layer {part['name']} is used more than once")
    (node,) = part["inbound_nodes"]
    if _tensors(node["kwargs"]):
        raise Unsupported(f"the layer {part['name']} takes tensors by name")
    return _tensors(node["args"])


def _tensors(value: Any) -> list[str]:
    if isinstance(value, dict):
        if value.get("class_name") == TENSOR:
            return [value["config"]["keras_history"][0]]
        return [name for entry in value.values() for name in _tensors(entry)]
    if isinstance(value, list | tuple):
        return [name for entry in value for name in _tensors(entry)]
    return []
