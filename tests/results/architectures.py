"""Small networks of every kind that a search can draw, with weights that nothing is zero in."""

from typing import Any

import keras
import numpy as np

from spaces import BASELINES, Model3, Open
from tests.spaces.draws import chosen

NUM_WORDS = 40

DRAWS: dict[str, dict[str, Any]] = {
    "gru, both ways, attention, layer norm": {
        "cell": "gru", "bidirectional": True, "summary": "attention", "normalization": "layer",
        "wide_longest": 5, "wide_factor": 100, "wide_dropout": 0.3,
    },
    "lstm, both ways, two layers, mean, batch norm": {
        "cell": "lstm", "recurrent_layers": 2, "recurrent_units_1": 16, "recurrent_units_2": 16,
        "summary": "mean", "normalization": "batch", "conv_layers": 2, "conv_kernel": 4,
        "wide_longest": 3, "wide_factor": 1_000,
    },
    "rnn, one way, last state, gelu, recurrent dropout": {
        "cell": "rnn", "bidirectional": False, "summary": "last", "conv_layers": 0,
        "use_recurrent_dropout": True, "dense_layers": 2, "dense_activation": "gelu",
        "wide": False,
    },
    "lstm, both ways, last state, recurrent dropout": {
        "cell": "lstm", "recurrent_units_1": 16, "summary": "last", "conv_pool": 3,
        "use_recurrent_dropout": True, "recurrent_dropout": 0.5,
    },
    "gru, one way, max, relu, no convolution": {
        "cell": "gru", "bidirectional": False, "recurrent_units_1": 16, "conv_layers": 0,
        "dense_layers": 1, "dense_activation": "relu",
    },
}  # fmt: skip

FAMILY_DRAWS: dict[str, dict[str, Any]] = {
    "conv": {
        "conv/layers": 3, "conv/filters": 32, "conv/kernel": 4, "conv/pool": 3,
        "conv/normalization": "batch", "conv/summary": "attention", "conv/spatial_dropout": 0.0,
        "dropout": 0.0,
    },
    "attention": {
        "attention/patch": 8, "attention/width": 32, "attention/blocks": 2,
        "attention/attention_dropout": 0.1, "attention/summary": "mean",
    },
    "bag": {"bag/longest": 4, "bag/buckets": 2**11, "bag/embedding": 16, "wide": False},
    "recurrent": {
        "recurrent/cell": "gru", "recurrent/bidirectional": False,
        "recurrent/recurrent_units_1": 16, "recurrent/summary": "last",
    },
    "conv-recurrent": {
        "conv-recurrent/cell": "rnn", "conv-recurrent/bidirectional": False,
        "conv-recurrent/recurrent_units_1": 16, "conv-recurrent/conv_filters": 32,
        "conv-recurrent/normalization": "layer",
    },
}  # fmt: skip


def of_family(family: str) -> Any:
    """Build one of `FAMILY_DRAWS` in the same way as `drawn`."""
    keras.utils.set_random_seed(0)
    space = Open(NUM_WORDS, families=(family,))
    return _shaken(space.build(chosen(space, **FAMILY_DRAWS[family])))


def drawn(name: str) -> Any:
    """Build one of `DRAWS`, every weight and moving average random."""
    keras.utils.set_random_seed(0)
    return _shaken(Model3(NUM_WORDS).build(chosen(Model3(NUM_WORDS), **DRAWS[name])))


def baseline(name: str) -> Any:
    """Build a baseline's model in the same way."""
    keras.utils.set_random_seed(0)
    return _shaken(BASELINES[name].build(NUM_WORDS))  # type: ignore[union-attr]


def ids() -> list[Any]:
    """Give padded records of several lengths and batch sizes, int32 [b, length] each."""
    rng = np.random.default_rng(0)
    shapes = ((1, 32), (5, 64), (2, 160), (1, 1024), (20, 96))
    return [rng.integers(0, NUM_WORDS, shape).astype(np.int32) for shape in shapes]


def _shaken(model: Any) -> Any:
    rng = np.random.default_rng(1)
    for variable in model.weights:
        noise = rng.normal(0, 0.1, variable.shape).astype(np.float32)
        # A recurrent kernel that grows the state makes float noise grow with it: over 1,024 steps
        # a rounding of one weight then moves a score by .01, in any runtime.
        shrunk = np.float32(0.5 if "recurrent_kernel" in variable.path else 1.0)
        start, noise = np.asarray(variable) * shrunk, noise * shrunk
        positive = "variance" in variable.path
        variable.assign(start * np.exp(noise) if positive else start + noise)
    keras.backend.clear_session()
    return model
