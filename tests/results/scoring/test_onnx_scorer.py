"""A network scored by ONNX Runtime scores as Keras does; anything else is refused in one line."""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from results.export import onnx_bytes
from results.scoring import OnnxScorer, probabilities, score_rows
from tests.results.conftest import Trained


@pytest.fixture(scope="module")
def content(trained: Trained) -> bytes:
    return onnx_bytes(trained.model)


@pytest.mark.parametrize("threads", [1, 2])
def test_scores_as_keras_does(
    content: bytes, trained: Trained, tmp_path: Path, threads: int
) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    rows = np.arange(len(trained.encoded))
    expected = probabilities(trained.model, trained.encoded, rows, padding="real")
    for model in (content, tmp_path / "model.onnx"):
        found = score_rows(
            OnnxScorer(model, threads), trained.encoded, rows, padding="real", batch_size=64
        )
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_several_threads_may_score_at_once(content: bytes, trained: Trained) -> None:
    score = OnnxScorer(content)
    ids = [trained.encoded.padded(np.arange(n, n + 40), 128) for n in range(0, 240, 40)]
    with ThreadPoolExecutor(4) as pool:
        for found, batch in zip(pool.map(score, ids * 20), ids * 20, strict=True):
            np.testing.assert_array_equal(found, score(batch))


def test_a_batch_of_many_ids_is_computed_in_parts(content: bytes, trained: Trained) -> None:
    score = OnnxScorer(content)
    ids = trained.encoded.padded(np.arange(130), 1024)
    parts = [score(ids[:64]), score(ids[64:128]), score(ids[128:])]
    np.testing.assert_array_equal(score(ids), np.concatenate(parts))
    assert len(score(ids[:0])) == 0


def graph(kind: int = TensorProto.INT32, shape: tuple[str, ...] = ("batch", "length")) -> bytes:
    """Make a model that gives its ids back as numbers."""
    made = helper.make_graph(
        [helper.make_node("Cast", ["ids"], ["probability"], to=TensorProto.FLOAT)],
        "model",
        [helper.make_tensor_value_info("ids", kind, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def elsewhere(content: bytes) -> bytes:
    """Let the first weight lie in a file outside."""
    model = onnx.load_from_string(content)
    weights = model.graph.initializer[0]
    weights.raw_data = b"x"
    onnx.external_data_helper.set_external_data(weights, "../outside")
    weights.ClearField("raw_data")
    return bytes(model.SerializeToString())


def in_its_other_format(content: bytes) -> bytes:
    """Let ONNX Runtime write the model in the format of its own."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = f"{folder}/model.ort"
        options.add_session_config_entry("session.save_model_format", "ORT")
        options.log_severity_level = 4
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return Path(folder, "model.ort").read_bytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda content: b"", "cannot load it"),
        (lambda content: b"PK\3\4 no protocol buffer", "cannot load it"),
        (lambda content: content[: len(content) // 2], "cannot load it"),
        (elsewhere, "cannot load it"),
        (in_its_other_format, "cannot load it"),
        (lambda content: graph(TensorProto.INT64), "does not map int32 ids"),
        (lambda content: graph(shape=("batch",)), "does not map int32 ids"),
    ],
)
def test_what_is_no_such_model_is_one_line(
    content: bytes, change: Any, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        OnnxScorer(change(content))
    assert "\n" not in str(refused.value)
    assert capfd.readouterr().err == ""


def test_a_model_of_several_numbers_a_record_is_refused_when_it_scores() -> None:
    with pytest.raises(ValueError, match="gives 64 numbers for 2 records"):
        OnnxScorer(graph())(np.zeros((2, 32), np.int32))


ALONE = """
import sys
from results.scoring import OnnxScorer
import numpy as np
OnnxScorer(open(sys.argv[1], "rb").read())(np.zeros((1, 32), np.int32))
print(sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[2:])))
"""


def test_it_needs_no_tensorflow(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    words = [sys.executable, "-c", ALONE, str(tmp_path / "model.onnx"), "tensorflow", "keras",
             "sklearn", "scipy", "pandas", "onnx", "numba"]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
