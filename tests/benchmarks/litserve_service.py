"""An export served with LitServe, as `serve_load --litserve` starts it: its ONNX model, its steps.

    python tests/benchmarks/litserve_service.py runs/NAME/best 8000

It needs no part of this project: `pip install litserve onnxruntime numpy` into an environment of
its own. A request goes through LitServe's queue to one process with the model, where requests that
wait share batches.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import litserve
import onnxruntime


class Api(litserve.LitAPI):  # type: ignore[misc]
    """One record or a list of them in, one answer or a list out."""

    def setup(self, device: str) -> None:
        """Load the export by its own stand-alone `predict.py`, to compute on one thread."""
        folder = Path(sys.argv[1])
        sys.path.insert(0, str(folder))
        spec = importlib.util.spec_from_file_location("predict", folder / "predict.py")
        assert spec is not None and spec.loader is not None
        predict = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(predict)
        self.model = predict.OnnxPredictor(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.model._session = onnxruntime.InferenceSession(
            folder / "model.onnx", options, providers=["CPUExecutionProvider"]
        )

    def batch(self, inputs: list[Any]) -> list[Any]:
        """Keep requests as they are; each may have several records."""
        return inputs

    def predict(self, inputs: list[Any]) -> list[Any]:
        """Answer requests together."""
        lists = [each if isinstance(each, list) else [each] for each in inputs]
        answers = iter(self.model.answers([record for records in lists for record in records]))
        found = [[next(answers) for _ in records] for records in lists]
        return [
            own if isinstance(each, list) else own[0]
            for each, own in zip(inputs, found, strict=True)
        ]

    def unbatch(self, output: list[Any]) -> list[Any]:
        """Give each request its own."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Api(max_batch_size=64, batch_timeout=0.001), accelerator="cpu")
    server.run(
        host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, access_log=False
    )
