"""The families of the space `open`: each module in this package is one.

A family's file holds all of it: what may be drawn, and the layers of a draw. It has two functions:

    declare(hp)                     Declares the hyperparameters and returns the current draw, of
                                    any type.
    build(ids, drawn, num_words)    Maps int32 [batch, length] to [batch, units], by stock Keras
                                    layers and operations only, so that a saved model loads in
                                    plain Keras, in safe mode and without this project's code.

What all families have in common (head, optimizer, schedule) is Model 3's.
"""

import importlib
import pkgutil
from typing import Any

# Known without importing their layers, and so without Keras.
FAMILIES = tuple(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def family(name: str) -> Any:
    """Import the module of one of `FAMILIES`."""
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
