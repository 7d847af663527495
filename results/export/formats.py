"""The formats of an exported model: how each is written, and read again by its own runtime."""

import importlib.util
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from data.common import UserError, count_cores
from results.serving import MODEL, ONNX_MODEL

if TYPE_CHECKING:  # What this module needs is imported when a model is written or loaded.
    import numpy as np
    import numpy.typing as npt

    from results.scoring import Score, Scores

KERAS = "keras"
ONNX = "onnx"
IDS = "ids"


@dataclass(frozen=True)
class ModelFormat:
    """One way to keep a model."""

    name: str  # for `--format`
    path: str  # the file or folder in an export
    needs: tuple[str, ...]  # the packages that it takes beyond this project's own
    tolerance: float  # by how much a score may differ from the search's
    write: Callable[[Any, Path], object]  # takes a Keras model
    load: "Callable[[Path], Score]"
    title: str  # the heading of its code example
    example: str


def parse_formats(text: str) -> tuple[str, ...]:
    """Read `--format`, e.g. "onnx,litert": names in the order of `MODEL_FORMATS`.

    Raises:
        UserError: If one is unknown.
    """
    names = {name.strip() for name in text.split(",")}
    unknown = sorted(names - set(MODEL_FORMATS))
    if unknown:
        raise UserError(
            f"--format has '{unknown[0]}', but must be some of {', '.join(MODEL_FORMATS)}, "
            "with commas"
        )
    return tuple(name for name in MODEL_FORMATS if name in names)


def require_packages(names: Sequence[str]) -> None:
    """Refuse formats that this machine cannot write, before anything is made."""
    for name in names:
        for package in MODEL_FORMATS[name].needs:
            if importlib.util.find_spec(package) is None:
                raise UserError(
                    f"--format {name} needs the package {package.replace('_', '-')}; install it "
                    "with: pip install 'model3-search[export]'"
                )


def _load_keras(path: Path) -> "Score":
    from results.scoring import Scorer
    from results.serving import load_model

    return Scorer(load_model(path))


def _write_saved_model(model: Any, path: Path) -> None:
    model.export(path, format="tf_saved_model", input_signature=[_ids_spec(None)], verbose=False)


def _load_saved_model(path: Path) -> "Score":
    import numpy as np
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return lambda ids: np.asarray(loaded.serve(tf.constant(ids))).reshape(-1)


def onnx_bytes(model: Any) -> bytes:
    """Turn a Keras model of ids [batch, length] into the content of an .onnx file.

    Our own translation is tried first, then tf2onnx, which may know a layer that we do not. The
    result takes ids of any batch size and length.

    Raises:
        RuntimeError: If neither can; the message says in one line which layer it is.
    """
    from results.export.onnx.graph import Unsupported
    from results.export.onnx.model import translate

    try:
        return bytes(translate(model).SerializeToString())
    except Unsupported as error:
        if importlib.util.find_spec("tf2onnx") is None:
            raise RuntimeError(
                f"{error}; tf2onnx may know it: pip install 'model3-search[export]'"
            ) from error
        try:
            return _by_tf2onnx(model)
        except Exception as second:  # It raises all kinds.
            raise RuntimeError(f"{error}, and tf2onnx has none for it either") from second


def _by_tf2onnx(model: Any) -> bytes:
    from results.export.onnx.graph import OPSET
    from results.scoring import OnnxScorer

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), _quiet("tf2onnx"):
        warnings.simplefilter("ignore")  # Keras patches tf2onnx for numpy 2, which warns.
        path = Path(folder) / "model.onnx"
        model.export(
            path,
            format="onnx",
            input_signature=[_ids_spec(None)],
            opset_version=OPSET,
            verbose=False,
        )
        content = path.read_bytes()
    OnnxScorer(content)  # An operator that tf2onnx does not know it leaves as it is.
    return content


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep a library's log to itself."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _load_onnx(path: Path) -> "Score":
    from results.scoring import OnnxScorer

    return OnnxScorer(path)


def _write_litert(model: Any, path: Path) -> None:
    import tensorflow as tf

    trained = [tf.constant(variable) for variable in model.trainable_variables]
    fixed = [tf.constant(variable) for variable in model.non_trainable_variables]

    def call(ids: Any) -> Any:
        # Constants, since the loops of LiteRT's recurrent layers cannot read variables.
        return model.stateless_call(trained, fixed, ids, training=False)[0]

    # One record at a time: those loops keep a list of steps, which must know its batch size.
    function = tf.function(call, input_signature=[_ids_spec(1)]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter._experimental_lower_tensor_list_ops = True
    path.write_bytes(converter.convert())


def _load_litert(path: Path) -> "Score":
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=count_cores())
    ids_index = interpreter.get_input_details()[0]["index"]
    score_index = interpreter.get_output_details()[0]["index"]

    def score_one(ids: "npt.NDArray[np.int32]") -> float:
        interpreter.set_tensor(ids_index, ids[None])
        interpreter.invoke()
        return float(interpreter.get_tensor(score_index).reshape(-1)[0])

    def score(ids: "npt.NDArray[np.int32]") -> "Scores":
        interpreter.resize_tensor_input(ids_index, (1, ids.shape[1]), strict=True)
        interpreter.allocate_tensors()
        return np.array([score_one(row) for row in ids], dtype=np.float32)

    return score


def _ids_spec(batch: int | None) -> Any:
    import tensorflow as tf

    return tf.TensorSpec((batch, None), tf.int32, name=IDS)


_ALL = (
    ModelFormat(
        KERAS,
        MODEL,
        needs=(),
        tolerance=1e-5,
        write=lambda model, path: model.save(path),
        load=_load_keras,
        title="Keras",
        example="import keras\n\n"
        'model = keras.saving.load_model("hf://USER/NAME")  # or "model.keras", or this folder\n'
        "score = model(ids, training=False)",
    ),
    ModelFormat(
        "savedmodel",
        "saved_model",
        needs=(),
        tolerance=1e-5,
        write=_write_saved_model,
        load=_load_saved_model,
        title="TensorFlow, without Keras",
        example="import tensorflow as tf\n\n"
        'model = tf.saved_model.load("saved_model")\n'
        "score = model.serve(ids)",
    ),
    ModelFormat(
        ONNX,
        ONNX_MODEL,
        needs=(),
        tolerance=1e-5,
        write=lambda model, path: path.write_bytes(onnx_bytes(model)),
        load=_load_onnx,
        title="ONNX Runtime (`predict.py` does this for raw lines)",
        example="import onnxruntime\n\n"
        'session = onnxruntime.InferenceSession("model.onnx")\n'
        "score = session.run(None, {session.get_inputs()[0].name: ids})[0]",
    ),
    ModelFormat(
        "litert",
        "model.tflite",
        needs=("ai_edge_litert",),
        tolerance=1e-4,
        write=_write_litert,
        load=_load_litert,
        title="LiteRT, one record at a time",
        example="from ai_edge_litert.interpreter import Interpreter\n\n"
        'model = Interpreter("model.tflite")\n'
        'index = model.get_input_details()[0]["index"]\n'
        "model.resize_tensor_input(index, ids.shape, strict=True)\n"
        "model.allocate_tensors()\n"
        "model.set_tensor(index, ids)\n"
        "model.invoke()\n"
        'score = model.get_tensor(model.get_output_details()[0]["index"])',
    ),
)
MODEL_FORMATS = MappingProxyType({each.name: each for each in _ALL})
