"""Finds the families of the space `open`, without importing the layers that they are made of."""

import importlib
import pkgutil
from typing import Any

from spaces.open import families

FAMILIES = tuple(
    module.name.replace("_", "-") for module in pkgutil.iter_modules(families.__path__)
)


def family(name: str) -> Any:
    """Import a family.

    Args:
        name: One of `FAMILIES`.

    Returns:
        Its module, with the functions that `spaces.open.families` tells of.
    """
    return importlib.import_module(f"{families.__name__}.{name.replace('-', '_')}")
