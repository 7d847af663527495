"""One epoch of the assignment's networks padded to 1024: ours beside Keras' own layers.

    python -m tests.benchmarks.baselines_full --data http-params.csv

Both sides start from the same seed and see the same batches, so that their losses and weights can
be compared after the epoch: what is left is float noise, and what training makes of it.
"""

import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from tabulate import tabulate

from data.common import Parser, run
from data.dataset import Dataset
from search.training.input_pipeline import make_batches
from spaces import BASELINES, KerasBaseline
from spaces.kernels import accelerated
from tests.benchmarks.measuring import dataset, side_by_side, spread
from tests.spaces.draws import reseed

NETWORKS = tuple(name for name, one in BASELINES.items() if isinstance(one, KerasBaseline))
BATCH_SIZE = 128
SEED = 0


@dataclass(frozen=True)
class Epoch:
    """One epoch's outcome: seconds, mean loss, and the weights afterwards."""

    seconds: float
    loss: float
    weights: list[np.ndarray]


def train(name: str, data: Dataset, *, fast: bool) -> Epoch:
    """Train one epoch at full padding."""
    keras.utils.set_random_seed(SEED)
    baseline = BASELINES[name]
    assert isinstance(baseline, KerasBaseline)
    model = baseline.build(data.vocabulary.num_words)
    start = model.get_weights()
    source = make_batches(data, batch_size=BATCH_SIZE, padding="full", seed=SEED)
    with accelerated(model) if fast else nullcontext():
        model.fit(source.take(1), epochs=1, shuffle=False, verbose=0)  # traces
        model.set_weights(start)
        for variable in model.optimizer.variables:
            if variable.path != "learning_rate" and "learning_rate" not in variable.path:
                variable.assign(np.zeros(variable.shape))
        reseed(model, SEED)
        started = time.perf_counter()
        history = model.fit(source, epochs=1, shuffle=False, verbose=0)
        seconds = time.perf_counter() - started
    return Epoch(seconds, float(history.history["loss"][0]), model.get_weights())


def repeated(name: str, data: Dataset, repeats: int) -> tuple[list[Epoch], list[Epoch]]:
    """Train both sides in turn; give our epochs and stock's."""
    ours: list[Epoch] = []
    stock: list[Epoch] = []

    def run(side: list[Epoch]) -> float:
        side.append(train(name, data, fast=side is ours))
        return side[-1].seconds

    side_by_side(lambda: run(ours), lambda: run(stock), repeats)
    return ours, stock


def apart(ours: Epoch, stock: Epoch) -> str:
    """Return the greatest difference of a weight; weights that are nan on both sides agree."""
    pairs = list(zip(ours.weights, stock.weights, strict=True))
    greatest = max(float(np.nanmax(np.abs(a - b), initial=0.0)) for a, b in pairs)
    lost = sum(int((np.isnan(a) != np.isnan(b)).sum()) for a, b in pairs)
    return f"{greatest:.1e}" + (f", {lost} nan on one side only" if lost else "")


def main(argv: Sequence[str]) -> int:
    """Run and print."""
    parser = Parser("python -m tests.benchmarks.baselines_full", description=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--json", type=Path, help="where the raw figures go")
    options = parser.parse_args(argv)
    data = dataset(options.data, options.rows)
    table, raw = [], {}
    for name in options.networks.split(","):
        epochs = repeated(name, data, options.repeats)
        ours, stock = ([epoch.seconds for epoch in side] for side in epochs)
        mine, theirs = (side[-1] for side in epochs)
        raw[name] = {"ours": ours, "stock": stock}
        ratios = spread([b / a for a, b in zip(ours, stock, strict=True)])
        losses = theirs.loss, mine.loss
        table.append([name, spread(stock), spread(ours), ratios, *losses, apart(mine, theirs)])
        print(f"{name}: {ratios} times", flush=True)
    heads = ["network", "stock s", "ours s", "ratio", "stock loss", "our loss", "weights apart"]
    print(tabulate(table, heads, floatfmt=("", "", "", "", ".6f", ".6f", "")))
    if options.json:
        options.json.write_text(json.dumps(raw))
    return 0


if __name__ == "__main__":
    run(main)
