"""A .keras file loaded and run by Keras: for training on, and for what ONNX cannot express."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from results.scoring import suppress_stderr

if TYPE_CHECKING:
    import keras


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
