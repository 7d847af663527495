"""JSON that every parser takes."""

import json
import math
from typing import Any

import numpy as np


def strict_json(content: object) -> str:
    """Write JSON that every parser takes: a number that is not finite becomes null.

    Args:
        content: Dicts, lists, texts and numbers, numpy's scalars included.

    Returns:
        Indented JSON, ending with a newline.
    """
    return json.dumps(_finite(content), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
