"""An ONNX model's probabilities by ONNX Runtime alone, without TensorFlow and Keras."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.common import first_line
from results.scoring.files import Scores, one_each
from results.scoring.stderr import suppress_stderr

_IDS, _NUMBERS = "tensor(int32)", "tensor(float)"
# ONNX Runtime writes lesser messages to stderr, beside the exception that says the same.
_FATAL = 4
# A larger batch is no faster, but takes memory: 256 records of 1,024 ids a quarter of a gibibyte.
_IDS_AT_ONCE = 2**16


class OnnxScorer:
    """An ONNX model that is ready to score ids of any batch size and any length.

    Several threads may call one scorer at the same time; each call computes in its own thread.

    Args:
        model: A file, or its content.
        threads: How many threads one call may compute with.

    Raises:
        ValueError: If it is no model that maps int32 ids [batch, length] to one float each; the
            message is one line.
        OSError: If the file cannot be read.
    """

    def __init__(self, model: Path | bytes, threads: int = 1) -> None:
        with suppress_stderr():  # It looks for GPUs, and says if it may not.
            import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL
        # Its own other format is not checked while it is loaded.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        # Read here: ONNX Runtime would look for weights beside a file that it opens itself.
        content = model if isinstance(model, bytes) else model.read_bytes()
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # Its exceptions have no type of their own.
            raise ValueError(f"ONNX Runtime cannot load it ({first_line(error)})") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        types = [each.type for each in (*inputs, *outputs)]
        if types != [_IDS, _NUMBERS] or len(inputs[0].shape) != 2:
            raise ValueError("it does not map int32 ids [batch, length] to one probability each")
        self._ids = inputs[0].name

    def __call__(self, ids: npt.NDArray[np.int32]) -> Scores:
        """Return the probabilities of label 1, float32 [batch], of padded ids [batch, length].

        Raises:
            ValueError: If the model cannot compute them, or gives more or fewer numbers.
        """
        if not len(ids):  # ONNX Runtime's GRU would end the process.
            return np.empty(0, np.float32)
        most = max(_IDS_AT_ONCE // max(ids.shape[1], 1), 1)
        if len(ids) <= most:
            return self._run(ids)
        parts = [self._run(ids[start : start + most]) for start in range(0, len(ids), most)]
        return np.concatenate(parts)

    def _run(self, ids: npt.NDArray[np.int32]) -> Scores:
        try:
            scores: Scores = self._session.run(None, {self._ids: ids})[0].reshape(-1)
        except Exception as error:
            raise ValueError(f"ONNX Runtime cannot compute it ({first_line(error)})") from error
        return one_each(scores, len(ids))
