"""Scores that tell nothing apart are said to, and others are not."""

import numpy as np
import pytest

from results.scoring.constant_predictions import sameness


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([0.25, 0.25, 0.25], "the same score, 0.2500, for every validation row"),
        ([1.0, 1.0], "the same score, 1.0000, for every validation row"),
        # What dead units leave of float32.
        ([0.3, 0.3 + 1e-7], "the same score, 0.3000, for every validation row"),
        ([0.1, 0.5, 0.2], "predicts only class 0 on the validation rows"),
        ([0.51, 0.9], "predicts only class 1 on the validation rows"),
        ([0.1, 0.9], ""),
        ([0.5, 0.50001], ""),
        ([0.1, np.nan], ""),
        ([np.inf, np.inf], ""),
        ([], ""),
    ],
)
def test_what_is_said(scores: list[float], said: str) -> None:
    assert sameness(np.array(scores, np.float32)) == said
