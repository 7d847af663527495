"""One training epoch of the same layers: ours beside Keras' own `fit` on rows padded to 1024.

    python -m tests.benchmarks.epoch --data http-params.csv [--repeats 3]

Both sides train the same architecture, optimizer, rows and batch size, one epoch without
validation, in this process; a short warm-up traces each. The sides take turns at going first.

For LSTM the seconds are also set against the least that the machine could take: the floating-point
operations on real characters, 3 x 2 x H x 4H for the state (forward, and twice that back) and
3 x 2 x E x 4H for the inputs, divided by the speed of a large float32 matrix product. With ids as
inputs we need no product for them, so both limits are shown, without and with them.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tabulate import tabulate

from data.common import Parser, run
from data.dataset import Dataset
from data.records import MAX_LENGTH
from search.training.fit import TrainingConfig, fit
from tests.benchmarks.measuring import dataset, peak_flops, side_by_side, spread

BATCH_SIZE = 128
WIDTH, UNITS = 32, 64
WARM_UP_ROWS = 2 * BATCH_SIZE


def _pooled() -> list[Any]:
    return [
        keras.layers.Conv1D(UNITS, 5, padding="same", activation="relu"),
        keras.layers.MaxPooling1D(4),
    ]


FAMILIES: dict[str, Callable[[], list[Any]]] = {
    "SimpleRNN": lambda: [keras.layers.SimpleRNN(UNITS)],
    "GRU": lambda: [keras.layers.GRU(UNITS)],
    "LSTM": lambda: [keras.layers.LSTM(UNITS)],
    "conv+GRU": lambda: [*_pooled(), keras.layers.GRU(UNITS)],
    "conv": lambda: [
        keras.layers.Conv1D(128, 5, padding="same", activation="relu"),
        keras.layers.GlobalMaxPooling1D(),
    ],
}
TARGETS = {"SimpleRNN": 8, "GRU": 8, "LSTM": 8, "conv+GRU": 6, "conv": 3}


def build(family: str, num_words: int) -> Any:
    """Build and compile a family's model."""
    layers = [keras.layers.Embedding(num_words, WIDTH), *FAMILIES[family]()]
    head = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers, head])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def ours(family: str, data: Dataset) -> float:
    """Train one epoch with `search.training.fit`; the seconds of its training alone."""
    model = build(family, data.vocabulary.num_words)
    began: list[float] = []
    ended: list[float] = []

    class Clock(keras.callbacks.Callback):
        """Notes an epoch's end before the validation begins."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            began.append(time.perf_counter())

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            ended[:] = [time.perf_counter()]

    def train(source: Any, *, epochs: int, callbacks: Any, **rest: Any) -> None:
        # The first epoch traces and warms up, the second is measured.
        model.fit(source.take(2), epochs=1, **rest)
        model.fit(source, epochs=1, callbacks=[Clock()], **rest)

    fit(model, data, TrainingConfig(epochs=1, batch_size=BATCH_SIZE), train=train)
    return ended[-1] - began[-1]


def stock(family: str, data: Dataset) -> float:
    """Train one epoch with Keras on the padded matrix; the seconds of its training alone."""
    model = build(family, data.vocabulary.num_words)
    rows = data.split.fit
    ids = data.encoded.padded(rows, MAX_LENGTH)
    labels = data.labels[rows].astype(np.float32)[:, None]
    model.fit(ids[:WARM_UP_ROWS], labels[:WARM_UP_ROWS], batch_size=BATCH_SIZE, verbose=0)
    started = time.perf_counter()
    model.fit(ids, labels, batch_size=BATCH_SIZE, epochs=1, verbose=0)
    return time.perf_counter() - started


def lstm_operations(data: Dataset, *, inputs: bool) -> float:
    """Count the floating-point operations of an epoch of LSTM on real characters."""
    characters = int(np.minimum(data.encoded.lengths[data.split.fit], MAX_LENGTH).sum())
    return 3.0 * 2 * (UNITS + (WIDTH if inputs else 0)) * 4 * UNITS * characters


def main(argv: Sequence[str]) -> int:
    """Run and print."""
    parser = Parser("python -m tests.benchmarks.epoch", description=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--json", type=Path, help="where the raw seconds go")
    options = parser.parse_args(argv)
    data = dataset(options.data, options.rows)
    table, raw = [], {}
    for family in options.families.split(","):
        mine, theirs = side_by_side(
            lambda family=family: ours(family, data),
            lambda family=family: stock(family, data),
            options.repeats,
        )
        ratios = [b / a for a, b in zip(mine, theirs, strict=True)]
        raw[family] = {"ours": mine, "stock": theirs}
        table.append([family, spread(theirs), spread(mine), spread(ratios), TARGETS[family]])
        print(f"{family}: {spread(ratios)} times", flush=True)
    print(tabulate(table, ["layers", "stock s/epoch", "ours s/epoch", "ratio", "target"]))
    if "LSTM" in raw:
        peak, seconds = peak_flops(), min(raw["LSTM"]["ours"])
        limits = [lstm_operations(data, inputs=inputs) / peak for inputs in (False, True)]
        print(
            f"matrix product: {peak / 1e9:.0f} GFLOP/s; LSTM at {seconds / limits[0]:.1f} times "
            f"the limit without the inputs' product, {seconds / limits[1]:.1f} with it (target 4)"
        )
    if options.json:
        options.json.write_text(json.dumps(raw))
    return 0


if __name__ == "__main__":
    run(main)
