"""The formats of an exported model: how each is written, and read again by its own runtime."""

import importlib.util
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt

from data.common import UserError

IDS = "ids"

Ids = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]
Score = Callable[[Ids], Scores]


@dataclass(frozen=True)
class Format:
    """One way to keep a model.

    Attributes:
        name: What `--format` calls it.
        path: The file or folder in an export.
        needs: The packages that it takes beyond this project's own.
        tolerance: By how much a score may differ from the search's.
        write: Writes a Keras model to a path.
        load: Reads it again; the result takes padded ids, int32 [b, length], and gives the
            probabilities of label 1, float32 [b].
    """

    name: str
    path: str
    needs: tuple[str, ...]
    tolerance: float
    write: Callable[[Any, Path], None]
    load: Callable[[Path], Score]


def parse(text: str) -> tuple[str, ...]:
    """Read what stands behind `--format`.

    Args:
        text: Names with commas, e.g. "onnx,litert".

    Returns:
        The names in the order of `FORMATS`, keras always among them: the others are made from it.

    Raises:
        UserError: If one is unknown.
    """
    names = {name.strip() for name in text.split(",")}
    unknown = sorted(names - set(FORMATS))
    if unknown:
        raise UserError(
            f"--format has '{unknown[0]}', but must be some of {', '.join(FORMATS)}, with commas"
        )
    return tuple(name for name in FORMATS if name in {"keras", *names})


def require_packages(names: Sequence[str]) -> None:
    """Refuse formats that this machine cannot write, before anything is made.

    Args:
        names: Formats.

    Raises:
        UserError: If a package is missing.
    """
    for name in names:
        for package in FORMATS[name].needs:
            if importlib.util.find_spec(package) is None:
                raise UserError(
                    f"--format {name} needs the package {package.replace('_', '-')}; install it "
                    "with: pip install 'model3-search[export]'"
                )


def _write_saved_model(model: Any, path: Path) -> None:
    model.export(path, format="tf_saved_model", input_signature=[_spec(None)], verbose=False)


def _load_saved_model(path: Path) -> Score:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return lambda ids: np.asarray(loaded.serve(tf.constant(ids))).reshape(-1)


def _load_keras(path: Path) -> Score:
    from results.scoring import Scorer
    from results.serving import load_model

    return Scorer(load_model(path))


def _write_keras(model: Any, path: Path) -> None:
    model.save(path)


def _write_onnx(model: Any, path: Path) -> None:
    import onnx

    from results.export.onnx.graph import OPSET, Unsupported
    from results.export.onnx.model import translate

    try:
        onnx.save(translate(model), path)
    except Unsupported as error:
        if importlib.util.find_spec("tf2onnx") is None:
            raise RuntimeError(f"{error}; tf2onnx may know it: pip install tf2onnx") from error
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras mends tf2onnx for numpy 2, which warns.
            model.export(
                path,
                format="onnx",
                input_signature=[_spec(None)],
                opset_version=OPSET,
                verbose=False,
            )


def _load_onnx(path: Path) -> Score:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = joblib.cpu_count()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda ids: np.asarray(session.run(None, {name: ids})[0]).reshape(-1)


def _write_litert(model: Any, path: Path) -> None:
    import tensorflow as tf

    trained = [tf.constant(variable) for variable in model.trainable_variables]
    fixed = [tf.constant(variable) for variable in model.non_trainable_variables]

    def call(ids: Any) -> Any:
        # Constants, since the loops of LiteRT's recurrent layers read no variables.
        return model.stateless_call(trained, fixed, ids, training=False)[0]

    # One record at a time: a list of steps, as those loops keep it, must know its batch.
    function = tf.function(call, input_signature=[_spec(1)]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter._experimental_lower_tensor_list_ops = True
    path.write_bytes(converter.convert())


def _load_litert(path: Path) -> Score:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=joblib.cpu_count())
    ids_at = interpreter.get_input_details()[0]["index"]
    score_at = interpreter.get_output_details()[0]["index"]

    def one(ids: Ids) -> float:
        interpreter.set_tensor(ids_at, ids[None])
        interpreter.invoke()
        return float(interpreter.get_tensor(score_at).reshape(-1)[0])

    def score(ids: Ids) -> Scores:
        interpreter.resize_tensor_input(ids_at, (1, ids.shape[1]), strict=True)
        interpreter.allocate_tensors()
        return np.array([one(row) for row in ids], dtype=np.float32)

    return score


def _spec(batch: int | None) -> Any:
    import tensorflow as tf

    return tf.TensorSpec((batch, None), tf.int32, name=IDS)


_ALL = (
    Format("keras", "model.keras", (), 1e-5, _write_keras, _load_keras),
    Format("savedmodel", "saved_model", (), 1e-5, _write_saved_model, _load_saved_model),
    Format("onnx", "model.onnx", ("onnx", "onnxruntime"), 1e-5, _write_onnx, _load_onnx),
    Format("litert", "model.tflite", ("ai_edge_litert",), 1e-4, _write_litert, _load_litert),
)
FORMATS = MappingProxyType({each.name: each for each in _ALL})
