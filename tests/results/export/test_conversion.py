"""Formats are kept where they give the search's scores, and said to be missing where not."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from data.common.errors import UserError
from data.records import Encoded
from results.export import Sample
from results.export.conversion import convert
from results.export.formats import MODEL_FORMATS
from results.scoring import probabilities
from tests.results.architectures import DRAWS, FAMILY_DRAWS, NUM_WORDS, drawn, of_family
from tests.results.own_layer import network

# Each converts a network and runs it by another runtime.
pytestmark = pytest.mark.slow

OTHERS = ("savedmodel", "onnx", "litert")


def records(count: int = 24) -> Encoded:
    """Make records of all lengths, an empty one and some of the longest among them."""
    rng = np.random.default_rng(0)
    lengths = np.concatenate([[0, 1, 1024, 1024], rng.integers(2, 300, count - 4)])
    ids = rng.integers(1, NUM_WORDS, lengths.sum()).astype(np.uint8)
    return Encoded(ids, np.concatenate([[0], np.cumsum(lengths)]))


def sample_of(model: Any, encoded: Encoded) -> Sample:
    rows = np.arange(len(encoded))
    scores = probabilities(model, encoded, rows, padding="real")
    return Sample(encoded, rows, scores, "real")


@pytest.mark.parametrize("name", DRAWS)
def test_a_drawn_model_3_is_kept_in_every_format(name: str, tmp_path: Path) -> None:
    _assert_kept_in_every_format(drawn(name), tmp_path)


@pytest.mark.parametrize("family", FAMILY_DRAWS)
def test_a_network_of_each_family_is_kept_in_every_format(family: str, tmp_path: Path) -> None:
    _assert_kept_in_every_format(of_family(family), tmp_path)


def _assert_kept_in_every_format(model: Any, folder: Path) -> None:
    model.save(folder / "model.keras")
    sample = sample_of(model, records())
    assert sample.scores.std() > 1e-3
    assert convert(folder, OTHERS, sample, {}) == {}
    for each in MODEL_FORMATS.values():
        assert (folder / each.path).exists()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sample]:
    """A folder with one drawn Model 3, and its scores."""
    folder = tmp_path_factory.mktemp("saved")
    model = drawn(next(iter(DRAWS)))
    model.save(folder / "model.keras")
    return folder, sample_of(model, records(60))


@pytest.mark.parametrize(
    ("space", "hint"), [("model3", ""), ("a.b:Mine", "; layers of its own need --space a.b:Mine")]
)
def test_a_wrong_keras_model_leaves_nothing(
    saved: tuple[Path, Sample], space: str, hint: str
) -> None:
    folder, sample = saved
    wrong = Sample(sample.encoded, sample.rows, sample.scores + np.float32(2e-5), "real")
    with pytest.raises(UserError) as told:
        convert(folder, (), wrong, {"space": space})
    reason = r"its scores differ from the search's by \S+ \(1e-05 is allowed\)"
    assert re.fullmatch(f"the Keras model was not exported: {reason}{hint}", str(told.value))


def test_a_wrong_format_is_removed(saved: tuple[Path, Sample], tmp_path: Path) -> None:
    # Between the keras model's tolerance and that of a format that rounds, there is nothing to
    # tell them apart; so the keras file that the format is made from is another one than checked.
    folder, sample = saved
    (tmp_path / "model.keras").write_bytes((folder / "model.keras").read_bytes())

    def write_another(model: Any, path: Path) -> None:
        weights = model.get_weights()
        model.set_weights([*weights[:-1], weights[-1] + 0.5])
        MODEL_FORMATS["onnx"].write(model, path)

    import results.export.conversion as module

    onnx = MODEL_FORMATS["onnx"]
    wrong = replace(onnx, write=write_another)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MODEL_FORMATS", {**MODEL_FORMATS, "onnx": wrong})
        problems = convert(tmp_path, ("onnx",), sample, {})
    assert problems["onnx"].startswith("its scores differ from the search's by 0.")
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@keras.saving.register_keras_serializable("tests")
class Negative(keras.layers.Layer):
    """A layer of one's own that everybody can compute."""

    def call(self, inputs: Any) -> Any:
        return -inputs


def test_what_cannot_be_converted_is_said_and_the_rest_is_kept(tmp_path: Path) -> None:
    model = network(NUM_WORDS)
    model.save(tmp_path / "model.keras")
    problems = convert(tmp_path, OTHERS, sample_of(model, records()), {})
    assert sorted(problems) == ["litert", "onnx"]
    assert all(problem and "\n" not in problem for problem in problems.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "saved_model"]


def test_a_layer_of_ones_own_is_converted_by_tf2onnx(tmp_path: Path) -> None:
    model = network(NUM_WORDS, Negative())
    model.save(tmp_path / "model.keras")
    assert convert(tmp_path, ("onnx",), sample_of(model, records()), {}) == {}


def test_a_spread_has_the_shortest_and_the_longest() -> None:
    encoded = records(200)
    sample = Sample(encoded, np.arange(200), np.arange(200).astype(np.float32), "real")
    some = sample.spread(20)
    assert len(some.rows) == len(set(some.rows.tolist())) == 20
    assert {0, 1024} <= set(encoded.lengths[some.rows].tolist())
    np.testing.assert_array_equal(some.scores, some.rows)
    assert len(sample.spread(500).rows) == 200
    assert len(Sample(encoded, np.arange(0), np.zeros(0, np.float32), "real").spread().rows) == 0


def test_a_score_that_is_no_number_must_be_none_on_both_sides() -> None:
    encoded = records(6)
    scores = np.array([0.5, np.nan, 0.5, 0.5, 0.5, 0.5], np.float32)
    sample = Sample(encoded, np.arange(6), scores, "real")
    by_length = {int(length): row for row, length in enumerate(encoded.lengths) if row < 2}

    def score(ids: Any) -> Any:
        used = (ids != 0).sum(axis=1)
        return np.array([scores[by_length.get(int(n), 0)] for n in used], np.float32)

    assert sample.difference(score) == 0
    assert sample.difference(lambda ids: np.full(len(ids), 0.5, np.float32)) == np.inf
    assert sample.difference(lambda ids: np.full(len(ids), np.nan, np.float32)) == np.inf
