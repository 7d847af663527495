"""Loads a .keras file of unknown origin: nothing in it runs, and nothing outside it is read.

Keras' own safe mode refuses code inside the file, and was bypassed again and again by naming
functions that lie elsewhere (CVE-2025-1550, -8747, -9906, -12058). HDF5 weights can point at other
files (CVE-2026-1669) and declare arrays of any size without storing them (CVE-2026-0897). So the
file is checked before Keras sees it: its members, every name in its config, where its weights lie,
and how large a model it declares. All that a hostile model can still do is be slow, or wrong.
"""

import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from data.common import first_line
from results.scoring import suppress_stderr

if TYPE_CHECKING:
    import keras

# The members of a .keras file, and how many bytes each may have at most. The config of a hundred
# layers has a twentieth of that.
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MEMBERS = {_CONFIG: 2**22, _METADATA: 2**16, _WEIGHTS: 2**32}


def names(text: str) -> frozenset[str]:
    """Split a text into names."""
    return frozenset(text.split())


# Left out on purpose: layers that bring code along (Lambda, JaxLayer, FlaxLayer,
# TorchModuleWrapper), that read files when loaded (TFSMLayer, StringLookup, IntegerLookup,
# TextVectorization), and those for images and sound.
LAYERS = names(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
    AdditiveAttention AlphaDropout Attention Average AveragePooling1D AveragePooling2D
    AveragePooling3D BatchNormalization Bidirectional CategoryEncoding Concatenate Conv1D
    Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D
    ConvLSTM3D Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Dot
    Dropout ELU EinsumDense Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention Identity
    InputLayer LSTM LSTMCell LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D
    MaxPooling3D Maximum Minimum MultiHeadAttention Multiply Normalization PReLU Permute
    RMSNormalization RNN ReLU RepeatVector Rescaling Reshape ReversibleEmbedding SeparableConv1D
    SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D
    SpatialDropout3D SpectralNormalization StackedRNNCells Subtract TimeDistributed
    UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
    ZeroPadding3D
    """
)
# The classes that may be named in each of Keras' modules; None stands for all of them. keras.ops
# lacks the operations that call a function of the model's: Map, Scan, Cond...
_MODELS = frozenset({"Functional", "Model", "Sequential"})
_CLASSES: dict[str, frozenset[str] | None] = {
    "keras": _MODELS | {"DTypePolicy"},
    "keras.layers": LAYERS,
    "keras.models": _MODELS,
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.src.models.sequential": frozenset({"Sequential"}),
    "keras.src.ops.core": names(
        "Cast ConvertToTensor SaturateCast Scatter ScatterUpdate Slice SliceUpdate "
        "StopGradient Unstack"
    ),
    "keras.src.ops.linalg": None,
    "keras.src.ops.math": None,
    "keras.src.ops.nn": None,
    "keras.src.ops.numpy": None,
    "keras.constraints": None,
    "keras.dtype_policies": None,
    "keras.initializers": None,
    "keras.losses": None,
    "keras.metrics": None,
    "keras.optimizers": None,
    "keras.optimizers.schedules": None,
    "keras.regularizers": None,
}
# In these modules a function's name is that of an activation.
_ACTIVATION_MODULES = frozenset({"builtins", "keras.activations"})
_NO_ACTIVATIONS = frozenset({"deserialize", "get", "serialize"})
# Keras writes these values as objects without a module.
_VALUES = frozenset({"__bytes__", "__ellipsis__", "__keras_tensor__", "__slice__"})
_ARRAYS = frozenset({"__numpy__", "__tensor__"})
_DTYPES = names(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 bfloat16 float16 float32 float64"
)
_ARRAY_KINDS = "biufV"  # Raw bytes (V) are how bfloat16 is stored.
_CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_]*")

# What zipfile raises for an archive that is damaged, encrypted or of a later version.
_DAMAGED = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile)


class UnsafeModel(ValueError):
    """A model that might do harm, or is damaged; the message says what is wrong with it."""


def load_model(path: Path) -> "keras.Model":
    """Load a model, not compiled.

    Custom layers load if the running program has registered them
    (`keras.saving.register_keras_serializable`); no module that the file names is imported.

    Args:
        path: The .keras file.

    Returns:
        The model.

    Raises:
        UnsafeModel: If it might do harm.
        Exception: Whatever Keras raises if it cannot load the file.
    """
    with suppress_stderr():  # Imported here, since it takes seconds.
        import keras

    def is_registered(name: str) -> bool:
        return keras.saving.get_registered_object(name) is not None

    try:
        members = _members(path)
        config = _json_object(members[_CONFIG], _CONFIG)
        _json_object(members[_METADATA], _METADATA)
        has_custom = _check_config(config, is_registered)
        stored = _count_numbers(members[_WEIGHTS])
    except _DAMAGED as error:
        raise UnsafeModel(first_line(error)) from error
    if not has_custom:
        # In a thread of its own, since Keras keeps names and pending initializers per thread.
        with ThreadPoolExecutor(1) as thread:
            declared = thread.submit(_declared_numbers, config).result()
        if declared > stored:
            raise UnsafeModel(f"it declares {declared:,} weights, but stores {stored:,} numbers")
    return keras.models.load_model(path, compile=False, safe_mode=True)


def _members(path: Path) -> dict[str, bytes]:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("it is no archive of Keras 3")
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_members(entries, path.stat().st_size)
            return {entry.filename: archive.read(entry) for entry in entries}


def _check_members(entries: list[zipfile.ZipInfo], size: int) -> None:
    for entry in entries:
        name = entry.filename
        if name not in _MEMBERS:
            raise ValueError(f"it holds {name[:100]!r}, which Keras would not have put there")
        # Keras does not compress, so nothing may unpack to more than the file has.
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise ValueError(f"its {name} is compressed, which Keras does not do")
        if entry.header_offset + entry.file_size > size:
            raise ValueError(f"its {name} is cut short")
        if entry.file_size > _MEMBERS[name]:
            raise ValueError(f"its {name} is larger than {_MEMBERS[name]:,} bytes")
    if sorted(entry.filename for entry in entries) != sorted(_MEMBERS):
        raise ValueError(f"it must hold {', '.join(_MEMBERS)}, each once")


def _json_object(content: bytes, name: str) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except RecursionError:
        raise ValueError(f"its {name} is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"its {name} is no JSON ({error})") from None
    if not isinstance(parsed, dict):
        raise ValueError(f"its {name} is no object")
    return parsed


def _check_config(config: dict[str, Any], is_registered: Callable[[str], bool]) -> bool:
    """Refuse a config that names anything not known to be harmless; True if it has custom objects.

    Objects that the running program has registered may be named: their code runs already.
    """
    # The model is loaded without compiling, and Keras then ignores this part.
    rest = {key: value for key, value in config.items() if key != "compile_config"}
    if "class_name" not in rest:
        raise ValueError("its config.json names no model")
    return any([_is_custom(each, is_registered) for each in _named_objects(rest)])


def _named_objects(root: Any) -> Iterator[dict[str, Any]]:
    """Yield every object with a class name, at any depth; without recursion, which has a limit."""
    left = [root]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def _is_custom(named: dict[str, Any], is_registered: Callable[[str], bool]) -> bool:
    """Return whether the running program has registered an object; refuse it if it might harm."""
    name, module, config = named["class_name"], named.get("module"), named.get("config")
    if name in ("Lambda", "__lambda__"):
        raise ValueError("it has a Lambda layer, which brings code of its own")
    if not isinstance(name, str) or not isinstance(module, str | None):
        raise ValueError(f"it names {name!r} of {module!r}, which are no names")
    if name in _VALUES:
        return False
    if name in _ARRAYS:
        dtype = config.get("dtype") if isinstance(config, dict) else None
        if dtype not in _DTYPES:
            shown = repr(str(dtype)[:40])
            raise ValueError(f"it holds an array of the type {shown}, which is no number")
        return False
    if name == "function":
        return _is_custom_function(config, module, is_registered)
    known_as = named.get("registered_name")
    if isinstance(known_as, str) and is_registered(known_as):
        return True
    if module is None or known_as not in (None, "", name) or not _is_known_class(module, name):
        raise _unknown("", module, known_as or name)
    return False


def _is_custom_function(
    name: object, module: str | None, is_registered: Callable[[str], bool]
) -> bool:
    if not isinstance(name, str):
        raise ValueError(f"it names the function {name!r}, which is no name")
    if is_registered(name):
        return True
    import keras

    is_activation = (
        module in _ACTIVATION_MODULES
        and _FUNCTION_NAME.fullmatch(name) is not None
        and name not in _NO_ACTIVATIONS
        and callable(getattr(keras.activations, name, None))
    )
    if not is_activation:
        raise _unknown("the function ", module, name)
    return False


def _is_known_class(module: str, name: str) -> bool:
    names = _CLASSES.get(module, frozenset())
    return _CLASS_NAME.fullmatch(name) is not None if names is None else name in names


def _unknown(kind: str, module: object, name: object) -> ValueError:
    text = f"{module}.{name}" if module else str(name)
    shown = repr(text if len(text) <= 100 else text[:97] + "...")
    return ValueError(
        f"it names {kind}{shown}, which is not known to be harmless; if it is a custom layer, "
        "name the space that registers it with --space"
    )


def _count_numbers(content: bytes) -> int:
    """Check that HDF5 weights are plain arrays in the file itself, and count their numbers."""
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return sum(map(_numbers_of, _hdf5_arrays(file)))
    except (OSError, RuntimeError, KeyError, TypeError) as error:  # Whatever HDF5 stumbles over.
        raise ValueError(f"its weights are no HDF5 file ({first_line(error)})") from error


def _hdf5_arrays(file: Any) -> Iterator[Any]:
    seen = set()
    left = [file]
    while left:
        group = left.pop()
        for name in group:
            if group.get(name, getclass=True, getlink=True) is not h5py.HardLink:
                raise ValueError("its weights point at something else (a link)")
            found = group[name]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                raise ValueError("its weights hold an object twice")
            seen.add(address)
            if isinstance(found, h5py.Group):
                left.append(found)
            elif isinstance(found, h5py.Dataset):
                yield found
            else:
                raise ValueError("its weights hold something that is no array")


def _numbers_of(array: Any) -> int:
    if array.is_virtual or array.external:
        raise ValueError("its weights point at another file")
    if array.shape is None or array.dtype.kind not in _ARRAY_KINDS:
        raise ValueError(f"its weights hold an array of {array.dtype}, which is no number")
    numbers: int = math.prod(array.shape)
    # This also refuses compressed arrays, which Keras does not write.
    if numbers * array.dtype.itemsize != array.id.get_storage_size():
        raise ValueError(f"its weights declare an array of {array.shape} without storing it")
    return numbers


def _declared_numbers(config: dict[str, Any]) -> int:
    """Build the model without memory for its weights, and count them."""
    import keras

    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(
            {**config, "compile_config": None}, safe_mode=True
        )
        if not isinstance(model, keras.Model):
            raise UnsafeModel("its config.json describes no model")
        # Without the states of random generators, which are not always stored.
        return sum(math.prod(weight.shape) for weight in model.weights)
