"""What computes an export's scores: ONNX Runtime, or Keras if the user asks for it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.common import UserError, first_line
from results.scoring import OnnxScorer, Score, suppress_stderr
from results.serving.export_folder import MODEL, ONNX_MODEL, Export
from results.serving.options import Runtime

if TYPE_CHECKING:
    import keras

_SPACE = re.compile(r"[\w.]+:\w+")


def load_scorer(export: Export, runtime: Runtime = "onnx") -> Score:
    """Load an export's model.

    Args:
        export: The export.
        runtime: What computes. Only "keras" imports Keras.

    Returns:
        What scores a batch of padded ids; several threads may call it at once.

    Raises:
        UserError: If the export lacks that model, or it cannot be loaded.
    """
    return _load_onnx(export) if runtime == "onnx" else _load_keras(export)


def _load_onnx(export: Export) -> Score:
    path = export.folder / ONNX_MODEL
    if ONNX_MODEL not in export.files:
        raise UserError(f"'{export.folder}' has no {ONNX_MODEL}: {_reason(export)}")
    try:
        return OnnxScorer(path)
    except (ValueError, OSError) as error:
        raise UserError(f"'{path}' cannot be loaded: {error}; export it again") from error


def _reason(export: Export) -> str:
    keras = f"--runtime keras{space_option(export.protocol)}"
    if "onnx" in export.missing:
        return f"{export.missing['onnx']}; give {keras}"
    return f"an earlier version exported it; export it again, or give {keras}"


def _load_keras(export: Export) -> Score:
    from results.scoring import Scorer

    path = export.folder / MODEL
    try:
        return Scorer(load_model(path))
    except Exception as error:  # Keras has no exceptions of its own.
        raise UserError(
            f"'{path}' cannot be loaded by Keras {version('keras')} (it was made with "
            f"{export.versions.get('keras', '?')}): {first_line(error).rstrip('.')}"
            f"{own_layers(export.protocol)}"
        ) from error


def space_option(protocol: Mapping[str, Any]) -> str:
    """Return the option that names the space of a model, if that is the user's own.

    Args:
        protocol: How the model was trained.

    Returns:
        Such as " --space PKG.MOD:CLASS"; "" for a built-in space.
    """
    space = str(protocol.get("space", ""))
    return f" --space {space}" if _SPACE.fullmatch(space) else ""


def own_layers(protocol: Mapping[str, Any]) -> str:
    """End a message on a .keras file that cannot be loaded: its layers may be the user's own.

    Args:
        protocol: How the model was trained.

    Returns:
        What they need; "" if it is of a built-in space.
    """
    space = space_option(protocol)
    return f"; layers of its own need{space}" if space else ""


def load_model(path: Path) -> "keras.Model":
    """Load a model, not compiled, in Keras' safe mode: code in the file is refused.

    Layers of one's own load if the running program has registered them
    (`keras.saving.register_keras_serializable`).

    Args:
        path: The .keras file.

    Returns:
        The model.

    Raises:
        Exception: Whatever Keras raises if it cannot load the file.
    """
    with suppress_stderr():  # Imported here, since it takes seconds.
        import keras

    return keras.saving.load_model(path, compile=False, safe_mode=True)


@contextmanager
def one_core_per_thread(threads: int) -> Iterator[None]:
    """Let several threads call Keras models at once, each computing on one core.

    On two cores, two such batches were scored 1.6 times as fast as one batch that uses both, and
    a record took a quarter less processor time. If TensorFlow has computed before, its own thread
    counts stay as they are.
    """
    with suppress_stderr():
        import tensorflow as tf

    from spaces.kernels import one_blas_thread

    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    with one_blas_thread():
        yield
