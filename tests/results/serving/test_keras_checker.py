"""Models of strangers: nothing of them runs, nothing beside them is read, no memory is theirs."""

import inspect
import io
import json
import os
import pickle
import stat
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from results.serving.keras_checker import LAYERS, UnsafeModel, load_model, names
from tests.results.hostile import (
    CONFIG,
    METADATA,
    WEIGHTS,
    innocent,
    layer_in,
    with_config,
    with_weights,
    write,
)

Change = Callable[[dict[str, Any]], object]

# What is refused among the layers that Keras has: it brings code, reads files, or is not for text.
REFUSED = names(
    """
    FlaxLayer IntegerLookup JaxLayer Lambda Layer Pipeline StringLookup TFSMLayer
    TextVectorization TorchModuleWrapper Wrapper
    AugMix AutoContrast CenterCrop ContrastLimitedAdaptiveHistogramEqualization CutMix
    Discretization Equalization HashedCrossing Hashing MaxNumBoundingBoxes MelSpectrogram MixUp
    RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast
    RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale
    RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation
    RandomSharpness RandomShear RandomTranslation RandomZoom Resizing STFTSpectrogram Solarization
    """
)


def function(module: str | None, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def layer(module: str | None, name: str, /, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": {"name": "x", **config}}


def activation(module: str | None, name: str) -> Change:
    return lambda config: layer_in(config, "score")["config"].update(
        activation=function(module, name)
    )


def added(entry: dict[str, Any]) -> Change:
    return lambda config: config["config"]["layers"].append(entry)


def test_an_innocent_model_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    innocent(path)
    ids = np.arange(32, dtype=np.int32).reshape(2, 16) % 8
    np.testing.assert_array_equal(load_model(path)(ids), keras.models.load_model(path)(ids))


def lambda_that_writes(mark: str) -> Any:
    return lambda x: (open(mark, "w").close(), x)[1]  # noqa: PTH123


def test_code_in_the_file_does_not_run(tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "model.keras"
    body = lambda_that_writes(str(mark))
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(body)]).save(path)
    mark.unlink()
    keras.models.load_model(path, safe_mode=False)
    assert mark.exists()  # The code does run where it is let.
    mark.unlink()
    with pytest.raises(UnsafeModel, match="a Lambda layer, which brings code of its own"):
        load_model(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (activation("os", "system"), "function 'os.system'"),
        (activation("subprocess", "check_output"), "function"),
        (activation("builtins", "eval"), "function 'builtins.eval'"),
        (activation("builtins", "deserialize"), "function"),
        (activation(None, "exec"), "function 'exec'"),
        # CVE-2025-8747, CVE-2025-9906, and their like.
        (activation("keras.utils", "get_file"), "function 'keras.utils.get_file'"),
        (activation("keras.config", "enable_unsafe_deserialization"), "function"),
        (activation("keras.models", "load_model"), "function"),
        (activation("keras.ops", "vectorized_map"), "function"),
        (activation("keras.activations", "get"), "function"),
        (activation("keras.activations", "__import__"), "function"),
        # CVE-2025-1550.
        (added(layer("os", "system", command="touch ran")), "names 'os.system'"),
        (added(layer("subprocess", "Popen", args=["touch", "ran"])), "names 'subprocess.Popen'"),
        (added(layer("builtins", "eval")), "names 'builtins.eval'"),
        (added(layer("tests.results.hostile", "Members")), "names 'tests.results.hostile"),
        (added(layer("keras.src.saving.file_editor", "KerasFileEditor")), "names"),
        (added(layer("keras.utils", "get_file", origin="http://127.0.0.1:1/")), "names"),
        (added(layer("keras.layers", "Lambda", function=function("os", "system"))), "Lambda"),
        # CVE-2025-12058: files are read where the layer is built.
        (added(layer("keras.layers", "StringLookup", vocabulary="/etc/passwd")), "StringLookup"),
        (added(layer("keras.layers", "TextVectorization", vocabulary="/etc/passwd")), "Text"),
        (added(layer("keras.layers", "TFSMLayer", filepath="/tmp")), "TFSMLayer"),
        (added(layer("keras.layers", "TorchModuleWrapper", module="gASV")), "TorchModule"),
        # Entries of Keras 2 take another way, which knows no safe mode.
        (added(layer(None, "Dense", units=1)), "names 'Dense'"),
        (added({"class_name": "Dense", "config": {"name": "x", "units": 1}}), "names 'Dense'"),
        (added({"class_name": "Lambda", "config": {"function": ["4wEA", None, None]}}), "Lambda"),
        (added({"class_name": "__lambda__", "config": {"value": "4wEA"}}), "Lambda"),
        (added({**layer("keras.layers", "Dense"), "registered_name": "os>system"}), "os>system"),
        (added({"class_name": "__typespec__", "module": "os", "spec_name": "system"}), "typespec"),
        (added({"class_name": ["Dense"], "module": "keras.layers"}), "no names"),
        (added({"class_name": "Dense", "module": ["keras.layers"]}), "no names"),
        (added({"class_name": "function", "module": "os", "config": ["x"]}), "no name"),
        (
            added({"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "U999999999"}}),
            "no number",
        ),
        (lambda config: config.update(module="keras.layers", class_name="Lambda"), "Lambda"),
        (lambda config: config.update(module="os", class_name="system"), "names 'os.system'"),
        (lambda config: config.pop("class_name"), "names no model"),
    ],
)
def test_a_config_that_names_anything_else_is_refused(
    change: Change, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = with_config(tmp_path / "model.keras", change)
    with pytest.raises(UnsafeModel, match=says) as error:
        load_model(path)
    assert "\n" not in str(error.value)
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


def test_every_layer_of_keras_was_decided_upon() -> None:
    layers = {
        name
        for name, each in vars(keras.layers).items()
        if inspect.isclass(each)
        and issubclass(each, keras.layers.Layer)
        and each.__name__ == name  # The others are old names of the same, which are not written.
    }
    assert not LAYERS & REFUSED
    assert layers <= LAYERS | REFUSED


def members_with(**changed: bytes | None) -> Callable[[Path], object]:
    names = {"config": CONFIG, "metadata": METADATA, "weights": WEIGHTS}

    def make(path: Path) -> None:
        content = innocent(path)
        for name, each in changed.items():
            content.pop(names[name])
            if each is not None:
                content[names[name]] = each
        write(path, content)

    return make


def member(name: str) -> Callable[[Path], object]:
    return lambda path: write(path, {**innocent(path), name: b"x"})


def compressed(path: Path) -> None:
    write(path, innocent(path), zipfile.ZIP_DEFLATED)


def bomb(path: Path) -> None:
    write(path, {**innocent(path), WEIGHTS: bytes(2**24)}, zipfile.ZIP_DEFLATED)


def link(path: Path) -> None:
    content = innocent(path)
    content.pop(WEIGHTS)
    write(path, content)
    entry = zipfile.ZipInfo("assets")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, "/etc")


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def twice(path: Path) -> None:
    innocent(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(CONFIG, b"{}")


def smaller_than_said(path: Path) -> None:
    """Declare a member of 4 GB where the file has a few kilobytes."""
    innocent(path)
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\x01\x02")
    content[at + 20 : at + 28] = struct.pack("<II", 2**32 - 2, 2**32 - 2)
    path.write_bytes(bytes(content))


def hdf5(path: Path) -> None:
    """Save in the format of Keras 2, whose loader knows no safe mode (CVE-2025-9905)."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x)])
    model.save(path.with_suffix(".h5"))
    path.with_suffix(".h5").replace(path)


class Payload:
    """Makes a folder where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (member("../evil"), r"holds '\.\./evil'"),
        (member("/tmp/evil"), "holds '/tmp/evil'"),
        (member("assets/../../evil"), "holds 'assets"),
        (member("assets/string_lookup/vocabulary.txt"), "holds 'assets"),
        (member("model.weights.npz"), "holds 'model.weights.npz'"),
        (link, "holds 'assets'"),
        (compressed, "is compressed"),
        (bomb, "is compressed"),
        (twice, "each once"),
        (smaller_than_said, "is cut short"),
        (members_with(weights=None), "must hold"),
        (members_with(config=b" " * (2**22 + 1)), "is larger than"),
        (members_with(config=b"[" * 100_000), "nested too deeply|no JSON"),
        (members_with(config=b'{"a":' * 100_000), "nested too deeply|no JSON"),
        (members_with(config=b"\xff"), "no JSON"),
        (members_with(config=b"[]"), "no object"),
        (members_with(metadata=b"no"), "no JSON"),
        (members_with(weights=b"no"), "no HDF5 file"),
        (members_with(weights=b"\x89HDF\r\n\x1a\n" + bytes(500)), "no HDF5 file"),
        (members_with(weights=pickle.dumps(Payload())), "no HDF5 file"),
        (lambda path: path.write_bytes(pickle.dumps(Payload())), "no archive"),
        (lambda path: path.write_bytes(b""), "no archive"),
        (lambda path: path.mkdir(), "directory"),
        (hdf5, "no archive"),
    ],
)
def test_an_archive_that_keras_would_not_write_is_refused(
    make: Callable[[Path], object], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "model.keras")
    with pytest.raises(UnsafeModel, match=says) as error:
        load_model(tmp_path / "model.keras")
    assert "\n" not in str(error.value)
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


KERNEL = "layers/embedding/vars/0"


def replaced(by: Callable[[Any], object]) -> Callable[[Any], object]:
    def change(file: Any) -> None:
        del file[KERNEL]
        by(file)

    return change


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((8, 4), "float32")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8, 4))
    file.create_virtual_dataset(KERNEL, layout)


def external(file: Any) -> None:
    """Read 128 bytes of another file as the weights (CVE-2026-1669)."""
    file.create_dataset(KERNEL, (8, 4), "float32", external=[("/etc/passwd", 0, 128)])


def unfolding(file: Any) -> None:
    """Declare far more than is stored (CVE-2026-0897)."""
    file.create_dataset(KERNEL, (10**6, 10**6), "float32", chunks=(1000, 1000), compression="gzip")


def never_written(file: Any) -> None:
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_alloc_time(h5py.h5d.ALLOC_TIME_LATE)
    space = h5py.h5s.create_simple((10**6, 10**6))
    h5py.h5d.create(file.id, b"huge", h5py.h5t.IEEE_F32LE, space, plan)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda file: file.update(other=h5py.SoftLink("/layers")), "a link"),
        (lambda file: file.update(other=h5py.ExternalLink("/etc/passwd", "/")), "a link"),
        (replaced(lambda file: file.update({KERNEL: h5py.SoftLink("/vars")})), "a link"),
        (replaced(external), "another file"),
        (replaced(virtual), "another file"),
        (replaced(unfolding), "without storing it"),
        (never_written, "without storing it"),
        (lambda file: file.update(text="a text"), "no number"),
        (lambda file: file.update(kind=np.dtype("float32")), "no array"),
        (lambda file: file["layers"].update(again=file["layers"]), "twice"),
    ],
)
def test_weights_that_lie_elsewhere_are_refused(
    change: Callable[[Any], object], says: str, tmp_path: Path
) -> None:
    path = with_weights(tmp_path / "model.keras", change)
    with pytest.raises(UnsafeModel, match=says):
        load_model(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: layer_in(config, "embedding")["config"].update(input_dim=4 * 10**9),
        added(layer("keras.layers", "Dense", units=10**10)),
    ],
)
def test_a_size_that_is_not_stored_takes_no_memory(change: Change, tmp_path: Path) -> None:
    path = with_config(tmp_path / "model.keras", change)
    before = time.process_time()
    with pytest.raises(UnsafeModel, match=r"declares [\d,]+ weights, but stores 37 numbers"):
        load_model(path)
    assert time.process_time() - before < 2.0  # 60 GB take longer to fill


class Own(keras.layers.Layer):
    """A layer of somebody's own."""

    def call(self, inputs: Any) -> Any:
        return -inputs


def test_a_layer_of_ones_own_loads_where_it_is_registered(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with keras.saving.custom_object_scope({"mine>Own": Own}):
        keras.Sequential([keras.Input((4,)), Own(name="own")]).save(path)
        entry = {"class_name": "Own", "module": "mine", "registered_name": "mine>Own"}
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(content[CONFIG])
        layer_in(config, "own").update(entry)
        write(path, {**content, CONFIG: json.dumps(config).encode()})
        assert isinstance(load_model(path).layers[-1], Own)
    with pytest.raises(
        UnsafeModel, match=r"'mine\.mine>Own', which is not known to be harmless; .* --space"
    ):
        load_model(path)


def test_operations_and_wrapped_layers_are_loaded(tmp_path: Path) -> None:
    inputs = keras.Input((None,), dtype="int32")
    mask = keras.ops.cast(keras.ops.not_equal(inputs, 0), "float32")
    x = keras.layers.Embedding(8, 4, embeddings_regularizer="l2")(inputs)
    x = x * keras.ops.expand_dims(mask, -1) + np.ones(4, "float32")
    x = keras.layers.Bidirectional(keras.layers.GRU(4, recurrent_dropout=0.1))(x)
    x = keras.Sequential([keras.layers.Dense(4, keras.activations.gelu), keras.layers.PReLU()])(x)
    x = keras.layers.GaussianNoise(0.5, seed=1)(keras.layers.Dropout(0.5)(x))
    model = keras.Model(inputs, keras.layers.Dense(1, dtype="mixed_bfloat16")(x))
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 10)), "mse")
    model.save(tmp_path / "model.keras")
    ids = np.arange(32, dtype=np.int32).reshape(2, 16) % 8
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(ids), model(ids), rtol=1e-6)
    assert not loaded.compiled


def test_what_is_loaded_is_not_what_a_later_archive_says(tmp_path: Path) -> None:
    """An HDF5 file in front of the archive is not looked at, by Keras neither."""
    path = tmp_path / "model.keras"
    content = innocent(path)
    front = io.BytesIO()
    with h5py.File(front, "w") as file:
        file.attrs["model_config"] = "{}"
    path.write_bytes(front.getvalue() + path.read_bytes())
    assert load_model(path).count_params() == 37
    assert sorted(content) == sorted([CONFIG, METADATA, WEIGHTS])
