"""How long a request takes in ONNX Runtime, as results say it of networks of all kinds."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from data.dataset.dataset import Dataset
from results.scoring import Scorer
from results.study import Result
from search.training.evaluation import add_latency
from spaces import BASELINES, KerasBaseline
from tests.search.small import Doubled, small_model
from tests.search.tuning import words


def measured(model: Any, dataset: Dataset) -> Result:
    outcome: Any = SimpleNamespace(scorer=Scorer(model))
    result = Result("trial 1", "trial", "complete")
    return add_latency(result, model, outcome, dataset, "real")


def baseline(name: str, dataset: Dataset) -> Any:
    known = BASELINES[name]
    assert isinstance(known, KerasBaseline)
    return known.build(words(dataset))


def own_layer(dataset: Dataset) -> Any:
    model = small_model(words(dataset))
    return keras.Sequential([keras.Input((None,), dtype="int32"), *model.layers[:1], Doubled(),
                             *model.layers[1:]])  # fmt: skip


@pytest.mark.slow
def test_larger_networks_read_more(dataset: Dataset) -> None:
    names = ("model1", "model2", "model3-notebook")
    networks = [baseline(name, dataset) for name in names]
    rounds = [[measured(model, dataset) for model in networks] for _ in range(3)]
    for result in (result for results in rounds for result in results):
        assert result.latency_runtime == "onnx"
        assert 0 < result.latency_us <= result.latency_p99_us  # type: ignore[operator]
        assert 0 < result.latency_batch_us <= result.latency_batch_p99_us  # type: ignore[operator]
    # The fastest of three: one busy moment of the machine triples a tenth of a millisecond.
    alone = np.min([[one.latency_us for one in results] for results in rounds], axis=0)
    batch = np.min([[one.latency_batch_us for one in results] for results in rounds], axis=0)
    # They have 4,129, 26,913 and 198,401 weights. Keras took about a millisecond for each.
    assert 1.5 * alone[0] < alone[1] and 2 * alone[1] < alone[2]
    assert 2 * batch[0] < batch[1] and 1.5 * batch[1] < batch[2]


def test_a_network_with_a_layer_of_the_users_own_is_measured_in_keras(dataset: Dataset) -> None:
    result = measured(own_layer(dataset), dataset)
    assert result.latency_runtime == "keras"
    assert 0 < result.latency_batch_us < result.latency_us  # type: ignore[operator]


BUSY = """
import numpy
table = numpy.random.default_rng(0).random((700, 700))
print(flush=True)
while True:
    table @ table
"""


@contextmanager
def neighbors() -> Iterator[None]:
    """Keep two cores and their caches busy beside this process."""
    command = [sys.executable, "-c", BUSY]
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, env=alone) for _ in range(2)]
    try:
        for process in both:
            assert process.stdout is not None and process.stdout.readline()
        yield
    finally:
        for process in both:
            process.kill()
            process.communicate()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_figures_hardly_depend_on_busy_neighbors(dataset: Dataset) -> None:
    model = baseline("model2", dataset)

    def figures() -> tuple[float | None, float | None]:
        found = measured(model, dataset)
        return found.latency_us, found.latency_batch_us

    apart, beside = [], []
    for _ in range(4):
        apart.append(figures())
        with neighbors():
            beside.append(figures())
    alone, batch = np.median(beside, axis=0) / np.median(apart, axis=0)
    # The wall-clock reads two to fifteen times as much there. What stays is the caches that the
    # neighbors take.
    assert 1 / 2 < alone < 2 and 1 / 2 < batch < 2
