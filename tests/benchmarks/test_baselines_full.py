"""An epoch at full padding is Keras' own, to within float noise, for each fixed network."""

import numpy as np
import pytest

from tests.benchmarks import baselines_full
from tests.benchmarks.measuring import dataset


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "model1",
        pytest.param("model1-as-run", marks=pytest.mark.slow),
        pytest.param("model2", marks=pytest.mark.slow),
        pytest.param("model3-notebook", marks=pytest.mark.slow),
    ],
)
def test_an_epoch_ends_with_the_weights_of_keras(name: str) -> None:
    data = dataset(None, 400)
    ours, stock = (baselines_full.train(name, data, fast=fast) for fast in (True, False))
    assert ours.loss == pytest.approx(stock.loss, abs=1e-5)
    for mine, theirs in zip(ours.weights, stock.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.mark.slow
def test_it_prints_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    baselines_full.main(["--rows", "300", "--networks", "model1", "--repeats", "1"])
    assert "weights apart" in capsys.readouterr().out
