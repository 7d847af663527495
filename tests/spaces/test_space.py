"""How the project's own spaces train: with or without a warm start of the wide branch."""

from typing import Any

import keras
import numpy as np
import pytest

from data.prepare import Dataset
from search.fit import Fit, Recipe, fit
from search.own_fit import own_fit
from spaces.model3 import Model3
from spaces.open import Open
from tests.spaces.draws import chosen
from tests.spaces.records import padded

SMALL = {
    "embedding": 16, "conv_filters": 32, "recurrent_units_1": 16, "bidirectional": False,
    "wide_buckets": 2**14,
}  # fmt: skip


class Seen(keras.callbacks.Callback):
    """Notes the weights that a training begins with, and how many epochs it has."""

    def __init__(self) -> None:
        super().__init__()
        self.first: list[Any] = []
        self.epochs = 0

    def on_train_begin(self, logs: Any = None) -> None:
        assert not self.first, "the warm start is no business of a callback"
        self.first = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs += 1


def train(dataset: Dataset, seen: Seen, **values: Any) -> tuple[Any, list[Any], Fit]:
    """Train as a search does; the model, the weights that it was built with, how it ended."""
    keras.utils.set_random_seed(1)
    space = Model3(dataset.vocabulary.num_words, rows=len(dataset.split.fit))
    hp = chosen(space, **SMALL, **values)
    model = space.build(hp)
    built = model.get_weights()
    recipe = Recipe(epochs=2, batch_size=32, seed=1)
    train = own_fit(space, hp, model)
    return model, built, fit(model, dataset, recipe, callbacks=[seen], train=train)


@pytest.mark.parametrize("warm", [False, True])
def test_a_warm_start_moves_the_wide_branch_alone(dataset: Dataset, warm: bool) -> None:
    seen = Seen()
    model, built, outcome = train(dataset, seen, wide_warm_start=warm)
    paths = [weight.path for weight in model.weights]
    moved = {
        path for path, before, first in zip(paths, built, seen.first, strict=True)
        if not np.array_equal(before, first)
    }  # fmt: skip
    assert moved == ({"wide_weights/embeddings"} if warm else set())
    assert (outcome.status, outcome.epochs, seen.epochs) == ("complete", 2, 2)
    assert [point.epoch for point in outcome.curve] == [1, 2]


def test_a_seed_repeats_a_training_with_a_warm_start(dataset: Dataset) -> None:
    one, two = (train(dataset, Seen(), wide_warm_start=True)[0].get_weights() for _ in range(2))
    for mine, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_warm_start_learns_what_an_ngram_tells() -> None:
    keras.utils.set_random_seed(0)
    x, y = padded(384, 32, 40), (np.arange(384) % 2).astype(np.float32)
    for place in (4, 12, 20):
        x[:, place : place + 2] = np.where(y[:, None] == 1, [5, 9], [9, 5])
    space = Open(40, families=("conv",), rows=256, epochs=1)
    hp = chosen(space, wide_warm_start=True, wide_buckets=2**14)
    model, seen = space.build(hp), Seen()
    space.fit(hp, model, x[:256], y[:256], batch_size=16, verbose=0, callbacks=[seen])
    model.set_weights(seen.first)
    branch = keras.Model(model.input, model.get_layer("wide_logit").output)
    logits = branch.predict(x[256:], verbose=0)[:, 0]
    assert np.mean((logits > 0) == y[256:]) > 0.95
    assert type(model.optimizer) is keras.optimizers.Nadam
