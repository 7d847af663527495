"""An exported model's scores from a fresh process that has nothing but the format's own runtime."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.dataset.batching import batches
from data.records import Encoded, Padding, padded_lengths

_LOAD = {
    "keras": """
import keras
model = keras.models.load_model(path / "model.keras", compile=False)
score = lambda ids: np.asarray(model(ids, training=False))
""",
    "savedmodel": """
import tensorflow as tf
model = tf.saved_model.load(str(path / "saved_model"))
score = lambda ids: model.serve(tf.constant(ids)).numpy()
""",
    "onnx": """
import onnxruntime
session = onnxruntime.InferenceSession(path / "model.onnx")
score = lambda ids: session.run(None, {session.get_inputs()[0].name: ids})[0]
assert not {"tensorflow", "keras"} & set(sys.modules)
""",
    "litert": """
from ai_edge_litert.interpreter import Interpreter
model = Interpreter(str(path / "model.tflite"))
def one(ids):
    index = model.get_input_details()[0]["index"]
    model.resize_tensor_input(index, ids.shape, strict=True)
    model.allocate_tensors()
    model.set_tensor(index, ids)
    model.invoke()
    return model.get_tensor(model.get_output_details()[0]["index"])
score = lambda ids: np.concatenate([one(row[None]) for row in ids])
assert not {"tensorflow", "keras"} & set(sys.modules)
""",
}

_RUN = """
import pathlib, sys
import numpy as np
path = pathlib.Path(sys.argv[1])
{load}
with np.load(sys.argv[2]) as batches:
    found = {{name: score(batches[name]).reshape(-1) for name in batches.files}}
assert not {{"results", "data", "spaces", "search"}} & set(sys.modules)
np.savez(sys.argv[3], **found)
"""


def fresh_scores(
    name: str,
    folder: Path,
    encoded: Encoded,
    rows: npt.NDArray[np.int64],
    work: Path,
    padding: Padding = "real",
) -> npt.NDArray[np.float32]:
    """Score records, [n], by a format's own runtime; `work` is where two processes meet."""
    padded = padded_lengths(encoded.lengths[rows], padding)
    made = batches(np.arange(len(rows)), padded, 64, None)
    ids = {str(n): encoded.padded(rows[batch.rows], batch.length) for n, batch in enumerate(made)}
    np.savez(work / "ids.npz", **ids)  # type: ignore[arg-type]
    done = subprocess.run(
        [sys.executable, "-I", "-c", _RUN.format(load=_LOAD[name]), str(folder),
         str(work / "ids.npz"), str(work / "scores.npz")],
        cwd=work, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = np.empty(len(rows), np.float32)
    with np.load(work / "scores.npz") as scores:
        for number, batch in enumerate(made):
            found[batch.rows] = scores[str(number)]
    return found
