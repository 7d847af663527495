"""Names of the fixed baselines, for whoever must not import TensorFlow to know them."""

BASELINE_NAMES = (
    "model1",
    "model1-as-run",
    "model2",
    "model3-notebook",
    "linear",
    "regex",
    "majority",
)
