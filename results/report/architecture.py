"""The layers of a kept model, read from its archive without TensorFlow."""

import itertools
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results.serving import CONFIG, MEMBERS

TIMES = " \N{MULTIPLICATION SIGN} "

# What a person asks of a layer, in this order.
_TOLD = (
    "input_dim", "output_dim", "filters", "kernel_size", "pool_size", "strides", "units", "rate",
    "activation", "recurrent_dropout", "return_sequences", "axis", "axes", "momentum",
    "num_heads", "key_dim", "scale",
)  # fmt: skip
_USUAL = {
    "activation": ("linear",),
    "recurrent_dropout": (0, 0.0),
    "return_sequences": (False,),
    "strides": (1, [1]),
    "axis": (-1, [-1]),
    "scale": (True, False),
}
_KINDS = {
    "Embedding": "embedding",
    "InputLayer": "input",
    "Dense": "dense",
    "Softmax": "attention",
    "Dot": "attention",
    "MultiHeadAttention": "attention",
}


class NotReadable(ValueError):
    """A model's archive does not hold what Keras writes there."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        name: Its name in the model.
        type: Its class, e.g. "Conv1D", or "Bidirectional LSTM".
        kind: What it is coloured by: "input", "embedding", "convolution", "pooling",
            "recurrent", "regular" (dropout, normalization), "attention", "dense" or "other".
        settings: What it was built with, as "name value".
        inputs: Names of the layers whose output it takes.
        output: The shape that the next layer sees, "length" for what varies; "" where unknown.
        straight: Whether it takes the output of the layer listed before it, and no other.
        beside: Whether it belongs to a path that runs beside the one listed before it.
    """

    name: str
    type: str
    kind: str
    settings: tuple[str, ...]
    inputs: tuple[str, ...]
    output: str
    straight: bool
    beside: bool


_DAMAGED = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, EOFError),
    *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
)


def read_layers(path: Path) -> list[Layer]:
    """Read a model's layers.

    Args:
        path: A `.keras` archive.

    Returns:
        The layers, one path after the other where they run side by side; operations on ids are
        told with the layer that they are for.

    Raises:
        NotReadable: If it is no such archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(CONFIG).file_size > MEMBERS[CONFIG]:
                raise ValueError(f"its {CONFIG} is larger than {MEMBERS[CONFIG]:,} bytes")
            layers = json.loads(archive.read(CONFIG))["config"]["layers"]
        shapes = _shapes(layers)
        inputs = _sources(layers)
        found: list[Layer] = []
        for layer in _by_path(layers, inputs):
            taken = inputs[_name(layer)]
            straight = taken in ((), tuple(one.name for one in found[-1:]))
            beside = len(taken) == 1 and (found[-1].beside if straight else True)
            found.append(_layer(layer, taken, shapes, straight, beside))
        return found
    except _DAMAGED as error:
        raise NotReadable(f"its layers cannot be read ({error})") from error


def _name(layer: Mapping[str, Any]) -> str:
    return str(layer["config"]["name"])


def _is_operation(layer: Mapping[str, Any]) -> bool:
    return str(layer.get("module", "")).startswith("keras.src.ops.")


def _sources(layers: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Whose outputs each layer takes; through operations, whose outputs these take."""
    operations = {_name(layer) for layer in layers if _is_operation(layer)}
    found: dict[str, tuple[str, ...]] = {}
    for layer, before in zip(layers, [None, *layers], strict=False):
        names = dict.fromkeys(name for name, _ in _inputs(layer))
        if before is not None and "inbound_nodes" not in layer:
            names[_name(before)] = None  # A Sequential model says no more.
        lists = [found[name] if name in operations else (name,) for name in names]
        found[_name(layer)] = tuple(dict.fromkeys(name for each in lists for name in each))
    return found


def _by_path(
    layers: list[dict[str, Any]], inputs: Mapping[str, tuple[str, ...]]
) -> list[dict[str, Any]]:
    """Put each layer right behind the last of those that it takes; operations are left out."""
    left = {_name(layer): layer for layer in layers if not _is_operation(layer)}
    found: list[dict[str, Any]] = []
    pending = dict.fromkeys(list(left)[-1:])
    while pending:
        name = next(reversed(pending))
        # A layer that is used twice may take what is made of its own output.
        missing = [one for one in inputs[name] if one in left and one not in pending]
        if missing:
            pending[missing[0]] = None
        else:
            del pending[name]
            found.append(left.pop(name))
    return [*found, *left.values()]


def _layer(
    layer: Mapping[str, Any],
    inputs: tuple[str, ...],
    shapes: Mapping[str, str],
    straight: bool,
    beside: bool,
) -> Layer:
    name, kind, config = _name(layer), str(layer["class_name"]), layer["config"]
    wrapped = config.get("layer")
    if isinstance(wrapped, dict):
        kind, config = f"{kind} {wrapped['class_name']}", wrapped["config"]
    if config.get("strides") == config.get("pool_size"):
        config = {**config, "strides": None}
    settings = tuple(
        f"{key.replace('_', ' ')} {_value(config[key])}"
        for key in _TOLD
        if config.get(key) is not None and config[key] not in _USUAL.get(key, ())
    )
    shape = shapes.get(name, "")
    if kind == "Concatenate" and name.endswith("ngrams"):
        characters = len(dict.fromkeys(source for source, _ in _inputs(layer)))
        kind, settings = "Hashed n-grams", (f"characters 1 to {characters}",)
    return Layer(name, kind, _kind(kind), settings, inputs, shape, straight, beside)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return TIMES.join(map(str, value))
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return str(value.get("class_name", "own"))
    return "yes" if value is True else str(value)


def _kind(kind: str) -> str:
    if any(cell in kind for cell in ("RNN", "GRU", "LSTM")):
        return "recurrent"
    if "Conv" in kind:
        return "convolution"
    if "Pooling" in kind:
        return "pooling"
    if "Dropout" in kind or "Normalization" in kind:
        return "regular"
    return _KINDS.get(kind, "other")


def _inputs(value: Any) -> Iterator[tuple[str, list[int | None]]]:
    """Find the tensors that a layer takes: whose they are, and their shapes."""
    pending = [value["inbound_nodes"]] if "inbound_nodes" in value else []
    while pending:
        item = pending.pop()
        if isinstance(item, dict) and item.get("class_name") == "__keras_tensor__":
            yield str(item["config"]["keras_history"][0]), item["config"]["shape"]
        elif isinstance(item, dict):
            pending.extend(reversed(item.values()))
        elif isinstance(item, list):
            pending.extend(reversed(item))


def _shapes(layers: list[dict[str, Any]]) -> dict[str, str]:
    """What each layer puts out, as those that take it have written it down."""
    found = {name: _shape(shape) for layer in layers for name, shape in _inputs(layer)}
    for layer, following in itertools.pairwise(layers):
        built = following.get("build_config", {}).get("input_shape")
        if "inbound_nodes" not in following and isinstance(built, list):
            found.setdefault(str(layer["config"]["name"]), _shape(built))
    return found


def _shape(shape: list[int | None]) -> str:
    return TIMES.join("length" if size is None else str(size) for size in shape[1:]) or "1"
