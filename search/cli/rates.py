"""How long each baseline takes, for the estimate of a run and for the order of its trainings."""

from collections.abc import Mapping
from types import MappingProxyType

# Seconds a million padded characters: 15,059 rows of 1,024, three epochs, took model1 53 s, model2
# 88 s and model1-as-run 85 s; model3-notebook took 4.4 times as long as model2. The linear one
# reads each character once, and the floors train nothing.
BASELINE_RATES: Mapping[str, float] = MappingProxyType(
    {
        "model1": 1.2,
        "model1-as-run": 1.8,
        "model2": 1.9,
        "model3-notebook": 8.4,
        "linear": 1.0,
        "regex": 0.0,
        "majority": 0.0,
    }
)
