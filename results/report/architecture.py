"""The layers of a kept model, read from its archive without TensorFlow."""

import itertools
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = "config.json"
MOST_BYTES = 2**22
TIMES = " \N{MULTIPLICATION SIGN} "

# What a person asks of a layer, in this order, and the values that go without saying.
_SHOWN = (
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
# The first one whose name is a part of the layer's class.
_KINDS = {
    "RNN": "recurrent", "GRU": "recurrent", "LSTM": "recurrent",
    "Conv": "convolution", "Pooling": "pooling",
    "Dropout": "regular", "Normalization": "regular",
    "Embedding": "embedding", "InputLayer": "input", "Dense": "dense",
    "Softmax": "attention", "Dot": "attention", "Attention": "attention",
}  # fmt: skip

_DAMAGED = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, EOFError),
    *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
)

Config = Mapping[str, Any]


@dataclass(frozen=True)
class ShownLayer:
    """One layer."""

    name: str
    type: str  # its class, e.g. "Conv1D", or "Bidirectional LSTM"
    kind: str  # what it is colored by: one of `_KINDS`, or "other"
    settings: tuple[str, ...]  # what it was built with, as "name value"
    inputs: tuple[str, ...]  # names of the layers whose output it takes
    output: str  # the shape that the next layer sees, "length" for what varies; "" if unknown
    straight: bool  # it takes the output of the layer listed before it, and no other
    beside: bool  # it belongs to a path that runs beside the one listed before it


def read_layers(path: Path) -> list[ShownLayer]:
    """Read the layers of a `.keras` archive, one path after the other if they run side by side.

    Operations on ids are not listed: the layer that they are for stands for them.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(CONFIG).file_size > MOST_BYTES:
                raise ValueError(f"its {CONFIG} is larger than {MOST_BYTES:,} bytes")
            layers = json.loads(archive.read(CONFIG))["config"]["layers"]
        shapes, inputs = _shapes(layers), _sources(layers)
        found: list[ShownLayer] = []
        for layer in _by_path(layers, inputs):
            taken = inputs[_name(layer)]
            straight = taken in ((), tuple(one.name for one in found[-1:]))
            beside = len(taken) == 1 and (found[-1].beside if straight else True)
            found.append(_shown(layer, taken, shapes, straight, beside))
        return found
    except _DAMAGED as error:
        raise ValueError(f"its layers cannot be read ({error})") from error


def _name(layer: Config) -> str:
    return str(layer["config"]["name"])


def _is_operation(layer: Config) -> bool:
    return str(layer.get("module", "")).startswith("keras.src.ops.")


def _sources(layers: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Find the layers whose outputs each layer takes, directly or through operations."""
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
    """Put each layer right behind the last of those that it takes; leave out the operations."""
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


def _shown(
    layer: Config, inputs: tuple[str, ...], shapes: Mapping[str, str], straight: bool, beside: bool
) -> ShownLayer:
    name, kind, config = _name(layer), str(layer["class_name"]), layer["config"]
    wrapped = config.get("layer")
    if isinstance(wrapped, dict):
        kind, config = f"{kind} {wrapped['class_name']}", wrapped["config"]
    if config.get("strides") == config.get("pool_size"):
        config = {**config, "strides": None}
    settings = tuple(
        f"{key.replace('_', ' ')} {_value(config[key])}"
        for key in _SHOWN
        if config.get(key) is not None and config[key] not in _USUAL.get(key, ())
    )
    if kind == "Concatenate" and name.endswith("ngrams"):
        characters = len(dict.fromkeys(source for source, _ in _inputs(layer)))
        kind, settings = "Hashed n-grams", (f"characters 1 to {characters}",)
    color = next((color for part, color in _KINDS.items() if part in kind), "other")
    return ShownLayer(name, kind, color, settings, inputs, shapes.get(name, ""), straight, beside)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return TIMES.join(map(str, value))
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return str(value.get("class_name", "own"))
    return "yes" if value is True else str(value)


def _inputs(layer: Config) -> Iterator[tuple[str, list[int | None]]]:
    """Find the tensors that a layer takes: whose they are, and their shapes."""
    pending = [layer["inbound_nodes"]] if "inbound_nodes" in layer else []
    while pending:
        item = pending.pop()
        if isinstance(item, dict) and item.get("class_name") == "__keras_tensor__":
            yield str(item["config"]["keras_history"][0]), item["config"]["shape"]
        elif isinstance(item, dict):
            pending.extend(reversed(item.values()))
        elif isinstance(item, list):
            pending.extend(reversed(item))


def _shapes(layers: list[dict[str, Any]]) -> dict[str, str]:
    """Find what each layer puts out, as those that take it have written it down."""
    found = {name: _shape(shape) for layer in layers for name, shape in _inputs(layer)}
    for layer, following in itertools.pairwise(layers):
        built = following.get("build_config", {}).get("input_shape")
        if "inbound_nodes" not in following and isinstance(built, list):
            found.setdefault(_name(layer), _shape(built))
    return found


def _shape(shape: list[int | None]) -> str:
    return TIMES.join("length" if size is None else str(size) for size in shape[1:]) or "1"
