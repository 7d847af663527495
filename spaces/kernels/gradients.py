"""The gradients that TensorFlow keeps for good, each with the graph that it was traced in."""

from typing import Any

from tensorflow.python.framework import ops

_PREFIX = "CustomGradient-"


def forget_gradients() -> None:
    """Let go of the gradients of functions that were traced before, and so of their graphs.

    `tf.custom_gradient` registers one at each trace and never takes it back: several MiB a
    training. Only what is traced from now on can be differentiated then.
    """
    # TensorFlow has no other way to it.
    known: dict[str, Any] = ops.gradient_registry._registry
    for name in [name for name in known if name.startswith(_PREFIX)]:
        del known[name]
