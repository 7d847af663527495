"""JSON that every parser takes."""

import json
from pathlib import Path

import numpy as np

from results.scoring.strict_json import strict_json


def test_json_is_strict_and_takes_numpy(tmp_path: Path) -> None:
    content = {
        "nan": float("nan"),
        "numpy": [np.float32("inf"), np.int64(3), np.bool_(True)],
        "tuple": (1, -float("inf")),
        1: None,
    }
    assert json.loads(strict_json(content)) == {
        "nan": None,
        "numpy": [None, 3, True],
        "tuple": [1, None],
        "1": None,
    }
