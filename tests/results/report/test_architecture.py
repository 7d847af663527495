"""A model's layers are read from its archive, in an order that a person can follow."""

import zipfile
from pathlib import Path

import keras
import pytest

from results.report.architecture import ShownLayer, read_layers
from spaces import Model3, Open
from tests.spaces.draws import chosen


@pytest.fixture
def layers_of(tmp_path: Path):
    """Read a model's layers as a run would have kept them."""

    def read(model: keras.Model) -> dict[str, ShownLayer]:
        model.save(tmp_path / "m.keras")
        return {layer.name: layer for layer in read_layers(tmp_path / "m.keras")}

    return read


def test_layers_are_read_without_keras(kept: Path) -> None:
    layers = read_layers(kept / "artifacts" / "model.keras")
    assert [layer.type for layer in layers][1:6] == [
        "Embedding", "Conv1D", "MaxPooling1D", "BatchNormalization", "GRU",
    ]  # fmt: skip
    assert layers[2].settings == ("filters 8", "kernel size 3", "activation relu")
    assert [layer.kind for layer in layers][:6] == [
        "input", "embedding", "convolution", "pooling", "regular", "recurrent",
    ]  # fmt: skip
    assert all(layer.straight for layer in layers)


def test_a_layer_names_all_that_it_takes(layers_of) -> None:
    ids = keras.Input((None, 3), name="ids")
    left = keras.layers.Dense(2, name="left")(ids)
    right = keras.layers.Bidirectional(keras.layers.GRU(1, return_sequences=True), name="r")(ids)
    layers = layers_of(keras.Model(ids, keras.layers.Add(name="sum")([left, right])))
    assert set(layers["sum"].inputs) == {"left", "r"}
    assert not layers["sum"].straight
    assert layers["r"].type == "Bidirectional GRU"
    assert layers["left"].output == "length \N{MULTIPLICATION SIGN} 2"


def test_a_branch_is_listed_in_one_piece_without_its_operations(layers_of) -> None:
    space = Model3(40)
    layers = layers_of(space.build(chosen(space, wide_longest=3)))
    branch = ["wide_ngrams", "wide_weights", "wide_mean", "wide_logit"]
    assert list(layers)[-7:] == ["logit", *branch, "both_logits", "probability"]
    assert [name for name, layer in layers.items() if layer.beside] == branch
    ngrams = layers["wide_ngrams"]
    assert (ngrams.type, ngrams.inputs) == ("Hashed n-grams", ("ids",))
    assert ngrams.settings == ("characters 1 to 3",)
    assert layers["wide_logit"].settings == ("scale 300",)
    assert layers["both_logits"].inputs == ("logit", "wide_logit")
    joins = [name for name, layer in layers.items() if not layer.straight]
    assert joins == ["wide_ngrams", "both_logits"]


def test_a_layer_that_is_used_twice_is_listed_once(layers_of) -> None:
    ids, twice = keras.Input((2,), name="ids"), keras.layers.Dense(2, name="twice")
    x = keras.layers.Dense(2, name="between")(twice(ids))
    assert sorted(layers_of(keras.Model(ids, twice(x)))) == ["between", "ids", "twice"]


@pytest.mark.parametrize(
    ("family", "name", "kind", "settings"),
    [
        ("attention", "block_1_attention", "attention", ("num heads 2", "key dim 32")),
        ("bag", "embedding", "embedding", ("input dim 16384", "output dim 32")),
    ],
)
def test_networks_of_the_open_space_are_read(layers_of, family, name, kind, settings) -> None:
    space = Open(40, families=(family,))
    layers = layers_of(space.build(chosen(space)))
    assert (layers[name].kind, layers[name].settings) == (kind, settings)
    assert {source for layer in layers.values() for source in layer.inputs} < set(layers)


@pytest.mark.parametrize("content", ["", "[]", '{"config": {"layers": [3]}}', "{"])
def test_a_damaged_model_is_refused(tmp_path: Path, content: str) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", content)
    with pytest.raises(ValueError, match="cannot be read"):
        read_layers(tmp_path / "m.keras")
