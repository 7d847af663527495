"""What is refused before it is trained, and what is not."""

import keras
import numpy as np
import pytest
from keras_tuner.errors import FailedTrialError

from search.common.limits import (
    ModelTooLarge,
    check_model,
    check_model_size,
    check_range,
    has_finite_weights,
    limit_parameters,
)
from tests.search.small import small_model


def with_output(*layers: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((None,)), keras.layers.Embedding(4, 2), *layers])


def test_models_of_the_right_form_are_taken() -> None:
    pool, dense = keras.layers.GlobalMaxPooling1D, keras.layers.Dense
    check_model(with_output(pool(), dense(1)))
    check_model(with_output(pool(), dense(1), keras.layers.Reshape(())))
    # Not built yet: its output shows when it scores.
    check_model(keras.Sequential([dense(2)]))


def test_a_wrong_output_is_named() -> None:
    pool, dense = keras.layers.GlobalMaxPooling1D, keras.layers.Dense
    with pytest.raises(FailedTrialError, match=r"has the shape \(None, 2\), but must be one"):
        check_model(with_output(pool(), dense(2)))
    with pytest.raises(FailedTrialError, match=r"has the shape \(None, None, 1\)"):
        check_model(with_output(dense(1)))
    with pytest.raises(FailedTrialError, match="build returned a str, not a Keras model"):
        check_model("model")


def test_the_size_is_weighed_to_the_weight() -> None:
    model = small_model(10)
    count = model.count_params()
    check_model_size(model, None)
    check_model_size(model, count)
    with pytest.raises(ModelTooLarge) as error:
        check_model_size(model, count - 1)
    assert str(error.value) == f"{count:,} parameters, more than --max-parameters {count - 1:,}"
    assert error.value.parameters == count


def test_a_weight_that_is_too_large_takes_no_memory() -> None:
    # 4 TB: more than any machine of ours would give.
    with pytest.raises(ModelTooLarge) as error, limit_parameters(10**6):
        keras.layers.Embedding(10**9, 1000, name="huge").build()
    assert str(error.value) == (
        "at least 1,000,000,000,000 parameters (in 'huge'), more than --max-parameters 1,000,000"
    )
    with (
        pytest.raises(ModelTooLarge, match=r"of 'huge' take 4,000\.0 GB, but .* free"),
        limit_parameters(None),
    ):
        keras.layers.Embedding(10**9, 1000, name="huge").build()


def test_a_bound_ends_with_its_block_and_lets_smaller_weights_pass() -> None:
    original = keras.layers.Layer.add_weight
    with limit_parameters(2000):
        assert keras.layers.Layer.add_weight is not original
        keras.layers.Embedding(1000, 2).build()
        # As old code has it, and a number alone.
        keras.layers.Layer().add_weight((3, 4))
        keras.layers.Layer().add_weight(shape=())
        with pytest.raises(ValueError, match="Cannot convert '5' to a shape"):
            keras.layers.Layer().add_weight(shape=5)
    assert keras.layers.Layer.add_weight is original


@pytest.mark.parametrize("scores", [[0.0, 1.0], [1.0 + 1e-7], [np.nan, 0.5], [np.nan], []])
def test_probabilities_are_taken(scores: list[float]) -> None:
    check_range(np.array(scores, np.float32))


@pytest.mark.parametrize("scores", [[-0.1, 0.5], [0.5, 1.1], [np.nan, 7.0], [-3.0, 4.0]])
def test_other_numbers_are_refused(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="must be probabilities: let it end with a sigmoid"):
        check_range(np.array(scores, np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_weight_that_is_not_finite_is_found(bad: float) -> None:
    model = small_model(10)
    assert has_finite_weights(model)
    kernel = model.layers[1].kernel.numpy()
    kernel[1, 2, 3] = bad
    model.layers[1].kernel.assign(kernel)
    assert not has_finite_weights(model)
