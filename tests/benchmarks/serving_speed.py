"""How fast exported networks score on ONNX Runtime, beside Keras with this project's kernels.

    python -m tests.benchmarks.serving_speed --data http-params.csv
        [--networks default,lstm,conv-gru-wide,wide,bidirectional] [--rows 3000] [--rounds 5]
        [--cores 1,2]

Both sides score the same padded records in one process, in turn, with the same weights (random
ones: they do not change the speed). A request is one record on one thread and one core, and its
time the median over the records. Batches hold up to 256 records of one padded length; on two cores
two threads score a batch each. Each number of cores has a process of its own, held on them from its
start, as TensorFlow sizes its pools once. Preparing a line is left out, since both sides share it.
"times" is the median over the rounds, with the least and the greatest; the other figures are the
best round's.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from tabulate import tabulate

from data.common import Parser, UserError, run
from data.dataset import batches
from data.reading import read_log
from data.records import Vocabulary, encode, padded_lengths
from results.export import onnx_bytes
from results.scoring import OnnxScorer, Score, Scorer
from results.serving.runtime import one_core_per_thread
from spaces import Model3, Open, choices, layers
from tests.benchmarks.measuring import side_by_side, spread
from tests.spaces.draws import chosen

BATCH_SIZE = 256
_REQUESTS = 200

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Work:
    """Padded records.

    Attributes:
        requests: One each, [1, length].
        batches: Up to 256 of one length each, [b, length]; the longest take first.
        rows: How many records the batches hold.
    """

    requests: list[Ids]
    batches: list[Ids]
    rows: int


def _model3(num_words: int, **values: Any) -> Any:
    space = Model3(num_words)
    return space.build(chosen(space, **values))


def _recurrent(num_words: int, **values: Any) -> Any:
    space = Open(num_words, families=("recurrent",))
    named = {f"recurrent/{name}": value for name, value in values.items()}
    return space.build(chosen(space, wide=False, **named))


def _wide(num_words: int) -> Any:
    ids = keras.Input((None,), dtype="int32", name="ids")
    logit = layers.wide_logit(ids, choices.Wide(longest=4, factor=300, dropout=0.0))
    return keras.Model(ids, keras.layers.Activation("sigmoid")(logit))


NETWORKS: dict[str, Callable[[int], Any]] = {
    "default": _model3,
    "lstm": lambda words: _recurrent(words, cell="lstm", bidirectional=False),
    "conv-gru-wide": lambda words: _model3(words, bidirectional=False),
    "wide": _wide,
    "bidirectional": _recurrent,
}


def build(name: str, num_words: int) -> Any:
    """Build a network with random weights."""
    model = NETWORKS[name](num_words)
    rng = np.random.default_rng(0)
    for variable in model.weights:
        noise = rng.normal(0, 0.05, variable.shape)
        variable.assign(np.asarray(variable) + (0 if "variance" in variable.path else noise))
    return model


def prepare(data: str, rows: int) -> tuple[Work, int]:
    """Encode some of a log's records, drawn at random; also return the number of ids."""
    log = read_log(data)
    vocabulary = Vocabulary.fit(log.texts, unknown=True)
    encoded = encode(log.texts, vocabulary)
    drawn = np.random.default_rng(0).permutation(len(encoded))[:rows]
    padded = padded_lengths(encoded.lengths, "real")
    grouped = batches(drawn, padded, BATCH_SIZE, None)[::-1]
    requests = [encoded.padded(drawn[i : i + 1], int(padded[drawn[i]])) for i in range(len(drawn))]
    whole = [encoded.padded(batch.rows, batch.length) for batch in grouped]
    return Work(requests[:_REQUESTS], whole, len(drawn)), vocabulary.num_words


def one_request(score: Score, work: Work) -> float:
    """Return the median seconds of a request."""
    seconds = []
    for ids in work.requests:
        started = time.perf_counter()
        score(ids)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def all_batches(score: Score, work: Work, threads: int) -> float:
    """Return the seconds that all batches take."""
    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        list(pool.map(score, work.batches))
        return time.perf_counter() - started


def compare(model: Any, work: Work, rounds: int, cores: int) -> list[str]:
    """Measure a network; return its cells of the table."""
    ours, stock = OnnxScorer(onnx_bytes(model)), Scorer(model)
    gaps = [np.abs(ours(ids) - stock(ids)).max() for ids in work.batches]  # This warms both up.
    cells = []
    if cores == 1:
        alone = side_by_side(
            lambda: one_request(ours, work), lambda: one_request(stock, work), rounds
        )
        cells += [f"{min(taken) * 1e6:,.0f}" for taken in reversed(alone)] + [_times(*alone)]
    together = side_by_side(
        lambda: all_batches(ours, work, cores), lambda: all_batches(stock, work, cores), rounds
    )
    cells += [f"{work.rows / min(taken):,.0f}" for taken in reversed(together)]
    return [*cells, _times(*together), f"{max(gaps):.0e}"]


def _times(ours: list[float], stock: list[float]) -> str:
    return spread([theirs / own for own, theirs in zip(ours, stock, strict=True)])


def measure(data: str, names: Sequence[str], rows: int, rounds: int, cores: int) -> list[list[str]]:
    """Measure networks on so many cores; return a line of the table for each."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    with one_core_per_thread(cores):
        work, words = prepare(data, rows)
        return [[name, *compare(build(name, words), work, rounds, cores)] for name in names]


def main(argv: Sequence[str]) -> int:
    """Measure and print the table."""
    parser = Parser("python -m tests.benchmarks.serving_speed", description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", default="1,2")
    options = parser.parse_args(argv)
    names = options.networks.split(",")
    if unknown := sorted(set(names) - set(NETWORKS)):
        raise UserError(f"--networks has '{unknown[0]}', but must be some of {', '.join(NETWORKS)}")
    arguments = (options.data, names, options.rows, options.rounds)
    for cores in map(int, options.cores.split(",")):
        with get_context("spawn").Pool(1) as process:
            rows = process.apply(measure, (*arguments, cores))
        headers = ["network", "request: Keras, us", "ONNX, us", "times"][
            : None if cores == 1 else 1
        ]
        headers += [f"batches on {cores}: Keras, records/s", "ONNX, records/s", "times"]
        headers.append("scores differ by")
        print(tabulate(rows, headers, tablefmt="github", disable_numparse=True), flush=True)
    return 0


if __name__ == "__main__":
    run(main)
