"""A record's probability is its own, whatever it is computed with."""

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from data.records import Padding, Vocabulary, encode
from results.scoring import Scorer, probabilities, score_rows
from results.scoring.files import Scores
from tests.results.conftest import Trained


@pytest.mark.parametrize("padding", ["real", "full"])
def test_equals_the_model_on_each_record_alone(trained: Trained, padding: Padding) -> None:
    rows = np.array([20, 3, 200, 14, 3, 279])
    found = probabilities(trained.model, trained.encoded, rows, padding=padding)
    for row, score in zip(rows, found, strict=True):
        own = int(trained.encoded.lengths[row])
        length = 1024 if padding == "full" else -(-own // 32) * 32
        ids = trained.encoded.padded(np.array([row]), length)
        alone = trained.model.predict_on_batch(ids)
        assert score == pytest.approx(float(alone[0, 0]), abs=1e-6)


def test_does_not_change_with_batch_order_or_neighbors(trained: Trained) -> None:
    score = Scorer(trained.model)
    rows = np.arange(len(trained.encoded))
    found = probabilities(score, trained.encoded, rows, padding="real")
    assert found.dtype == np.float32 and found.shape == rows.shape
    assert np.ptp(found) > 0.01
    for batch_size in (1, 7):
        again = probabilities(score, trained.encoded, rows, padding="real", batch_size=batch_size)
        np.testing.assert_allclose(again, found, atol=1e-6)
    order = np.random.default_rng(1).permutation(rows)[:100]
    shuffled = probabilities(score, trained.encoded, order, padding="real")
    np.testing.assert_allclose(shuffled, found[order], atol=1e-6)


def test_is_traced_once_for_all_lengths_and_batch_sizes(trained: Trained) -> None:
    traces = []

    class Counted(keras.Model):
        def call(self, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
            traces.append(training)
            return trained.model(ids, training=training)

    score = Scorer(Counted())
    probabilities(score, trained.encoded, np.arange(90), padding="real", batch_size=9)
    probabilities(score, trained.encoded, np.arange(5), padding="full")
    assert traces == [False]


def test_few_long_records_are_computed_at_once() -> None:
    vocabulary = Vocabulary.fit(["ab"], unknown=False)
    encoded = encode(["ab", *["ab" * 300] * 300], vocabulary)
    shapes = []

    def score(ids: npt.NDArray[np.int32]) -> Scores:
        shapes.append(ids.shape)
        return ids.sum(axis=1).astype(np.float32)

    found = score_rows(score, encoded, np.arange(301), padding="real", batch_size=512)
    assert shapes == [(1, 32), (107, 608), (107, 608), (86, 608)]
    np.testing.assert_array_equal(found, [found[0], *[found[0] * 300] * 300])


def test_no_rows_give_no_probabilities(trained: Trained) -> None:
    assert probabilities(trained.model, trained.encoded, [], padding="real").shape == (0,)


def test_a_nan_model_gives_nan_and_no_error(trained: Trained) -> None:
    model = keras.models.clone_model(trained.model)
    model.layers[-1].bias.assign([np.nan])
    assert np.isnan(probabilities(model, trained.encoded, np.arange(9), padding="real")).all()


def test_another_number_of_outputs_than_one_a_record_is_named(trained: Trained) -> None:
    pair = keras.Sequential([trained.model.layers[0], keras.layers.GlobalMaxPooling1D()])
    with pytest.raises(ValueError, match=r"gives \d+ numbers for 3 records, but must give one"):
        probabilities(pair, trained.encoded, [0, 1, 2], padding="full")


def test_what_is_called_before_a_batch_can_end_the_scoring(trained: Trained) -> None:
    seen = []

    def before() -> None:
        seen.append(1)
        if len(seen) == 3:
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        probabilities(
            trained.model, trained.encoded, range(9), padding="full", batch_size=2, before=before
        )
    assert len(seen) == 3
