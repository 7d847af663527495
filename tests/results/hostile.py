"""Makes .keras files as an attacker would: real ones, with one thing changed."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

Members = dict[str, bytes]


def members(path: Path) -> Members:
    """Read an archive's members."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, content: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Write an archive of these members."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    return path


def innocent(path: Path) -> Members:
    """Save a small model, and give its members."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(8, 4, name="embedding"),
            keras.layers.GlobalMaxPooling1D(name="max"),
            keras.layers.Dense(1, activation="sigmoid", name="score"),
        ]
    )
    model.save(path)
    return members(path)


def layer_in(config: dict[str, Any], name: str) -> dict[str, Any]:
    """Find a layer's entry by its name."""
    found: dict[str, Any] = next(
        layer for layer in config["config"]["layers"] if layer["config"]["name"] == name
    )
    return found


def with_config(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Write the innocent model with its config changed."""
    content = innocent(path)
    config = json.loads(content[CONFIG])
    change(config)
    return write(path, {**content, CONFIG: json.dumps(config).encode()})


def with_weights(path: Path, change: Callable[[Any], object]) -> Path:
    """Write the innocent model with its weights changed."""
    content = innocent(path)
    weights = io.BytesIO(content[WEIGHTS])
    with h5py.File(weights, "r+") as file:
        change(file)
    return write(path, {**content, WEIGHTS: weights.getvalue()})
