"""The fixed rivals: their layers and sizes to the digit, and the floors on real rows."""

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from data.dataset import make_split
from data.reading import read_log
from spaces import BASELINE_NAMES, BASELINES, KerasBaseline, TextBaseline


def _keras(name: str) -> Any:
    baseline = BASELINES[name]
    assert isinstance(baseline, KerasBaseline)
    return baseline.build(63)


def _text(name: str) -> TextBaseline:
    baseline = BASELINES[name]
    assert isinstance(baseline, TextBaseline)
    return baseline


def test_names_and_order() -> None:
    expected = (
        *("model1", "model1-as-run", "model2", "model3-notebook"),
        *("linear", "regex", "majority"),
    )
    assert expected == BASELINE_NAMES
    assert tuple(BASELINES) == expected
    assert tuple(baseline.name for baseline in BASELINES.values()) == expected


# Parameters at 63 ids, layers and optimizer; model3-notebook has
# 63*64 + 4*(64+128+1)*128 + 4*(128+64+1)*64 + 65*32 + 33.
NETWORKS = {
    "model1": (4_129, "Embedding SimpleRNN Dense", keras.optimizers.Adam),
    "model1-as-run": (10_369, "Embedding LSTM Dense", keras.optimizers.Adam),
    "model2": (26_913, "Embedding LSTM Dropout Dense", keras.optimizers.Adam),
    "model3-notebook": (
        154_369,
        "Embedding LSTM Dropout LSTM Dropout Dense Dropout Dense",
        keras.optimizers.RMSprop,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_what_the_brief_says(name: str) -> None:
    parameters, layers, optimizer = NETWORKS[name]
    model = _keras(name)
    assert model.count_params() == parameters
    assert [type(layer).__name__ for layer in model.layers] == layers.split()
    assert type(model.optimizer) is optimizer
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    assert model.loss == "binary_crossentropy"
    assert model.get_compile_config()["metrics"] == ["accuracy"]
    assert model.inputs[0].dtype == "int32"
    for length in (32, 96):
        scores = model(np.ones((3, length), np.int32), training=False)
        assert scores.shape == (3, 1)


def test_the_settings_that_parameter_counts_do_not_show() -> None:
    relu, sigmoid = keras.activations.relu, keras.activations.sigmoid
    assert _keras("model1").layers[1].activation is relu
    assert _keras("model1-as-run").layers[1].activation is relu
    lstm, dropout, head = _keras("model2").layers[1:]
    assert lstm.activation is keras.activations.tanh
    assert (lstm.recurrent_dropout, dropout.rate) == (0.5, 0.5)
    assert head.activation is sigmoid
    notebook = _keras("model3-notebook").layers
    assert [notebook[place].rate for place in (2, 4, 6)] == [0.3, 0.3, 0.2]
    assert [layer.units for layer in (notebook[1], notebook[3], notebook[5])] == [128, 64, 32]
    assert notebook[5].activation is relu


GET = '{"method":"get","query":{"q":%s},"path":"/search","statusCode":200}'
BENIGN = [GET % f'"shoes {n}"' for n in range(12)]
HOSTILE = [GET % f'"1 union select {n}--"' for n in range(12)]
TEXTS = BENIGN + HOSTILE
LABELS = np.array([0] * 12 + [1] * 12, np.uint8)


def test_linear_learns_and_repeats_itself() -> None:
    unseen = [GET % '"boots"', GET % '"2 union select 99--"']
    first = _text("linear").fit(TEXTS, LABELS)(unseen)
    assert first.dtype == np.float64
    assert first[0] < 0.5 < first[1]
    np.testing.assert_array_equal(_text("linear").fit(TEXTS, LABELS)(unseen), first)


@pytest.mark.parametrize(
    ("value", "probability"),
    [
        ('"plain words 12"', 0.0),
        ('"1 or 1=1"', 1.0),
        ('"<b>"', 1.0),
        ('"o\'brien"', 1.0),
        ('"..\\\\\\\\windows"', 1.0),
        ('"%2e"', 1.0),
        ("12", 0.0),
        ("null", 0.0),
    ],
)
def test_regex_looks_at_values_only(value: str, probability: float) -> None:
    predict = _text("regex").fit(TEXTS, LABELS)
    np.testing.assert_array_equal(predict([GET % value]), [probability])


def test_regex_does_not_look_at_labels() -> None:
    flipped = _text("regex").fit(TEXTS, 1 - LABELS)
    np.testing.assert_array_equal(flipped([GET % '"a=b"', GET % '"a"']), [1.0, 0.0])


@pytest.mark.parametrize(("ones", "wins"), [(9, True), (3, False)])
def test_majority_gives_the_share_of_the_fit_labels(ones: int, wins: bool) -> None:
    labels = np.array([1] * ones + [0] * (12 - ones), np.uint8)
    scores = _text("majority").fit(BENIGN, labels)(["a", "b", "c"])
    np.testing.assert_array_equal(scores, np.full(3, ones / 12))
    assert bool(scores[0] > 0.5) is wins


@pytest.mark.slow
def test_the_floors_on_the_shared_log(shared_log: Path) -> None:
    log = read_log(str(shared_log))
    parts = make_split("chronological", log.labels)
    fit = [log.texts[row] for row in parts.fit]
    heldout = [log.texts[row] for row in parts.heldout]
    accuracies = {}
    started = time.monotonic()
    for name in ("linear", "regex", "majority"):
        scores = _text(name).fit(fit, log.labels[parts.fit])(heldout)
        accuracies[name] = round(float(np.mean((scores > 0.5) == log.labels[parts.heldout])), 4)
    assert accuracies == {"linear": 0.9964, "regex": 0.971, "majority": 0.439}
    assert time.monotonic() - started < 60
