"""What computes an export's scores: ONNX Runtime, or Keras if the user asks for it."""

import re
from importlib.metadata import version

from data.common import UserError, first_line
from results.scoring import OnnxScorer, Score
from results.serving.export_folder import MODEL, ONNX_MODEL, Export
from results.serving.options import Runtime

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
    keras = f"--runtime keras{_space(export)}"
    if "onnx" in export.missing:
        return f"{export.missing['onnx']}; give {keras}"
    return f"an earlier version exported it; export it again, or give {keras}"


def _space(export: Export) -> str:
    """Return the option that names a space of the user's own."""
    space = str(export.protocol.get("space", ""))
    return f" --space {space}" if _SPACE.fullmatch(space) else ""


def _load_keras(export: Export) -> Score:
    from results.scoring import Scorer
    from results.serving.keras_model import load_model

    path = export.folder / MODEL
    try:
        return Scorer(load_model(path))
    except Exception as error:  # Keras has no exceptions of its own.
        space = _space(export)
        layers = f"; layers of its own need{space}" if space else ""
        raise UserError(
            f"'{path}' cannot be loaded by Keras {version('keras')} (it was made with "
            f"{export.versions.get('keras', '?')}): {first_line(error).rstrip('.')}{layers}"
        ) from error
