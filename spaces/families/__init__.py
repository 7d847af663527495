"""The families of the space `open`: each module in this package is one.

A family is all of its file: what may be drawn, and the layers of a draw. It has two functions:

    declare(hp)                     Declares its hyperparameters and reads the current draw off
                                    them; what it returns is its own affair.
    build(ids, drawn, num_words)    Maps int32 [batch, length] to [batch, units], by stock Keras
                                    layers and operations only, so that a saved model loads in
                                    plain Keras, in safe mode and without this project's code.

What all have in common (head, optimizer, schedule) is Model 3's.
"""

import importlib
import pkgutil
from typing import Any

FAMILIES = tuple(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def family(name: str) -> Any:
    """Import a family.

    Args:
        name: One of `FAMILIES`.

    Returns:
        Its module.
    """
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
