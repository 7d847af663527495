"""Imports a module that an option names, and says in one line why that cannot be."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

from data.common import UserError


def import_module(said: str, name: str) -> ModuleType:
    """Import a module; the current directory is searched as well, as with `python -m`.

    Args:
        said: The option and its value, for the message.
        name: The module.

    Returns:
        The module.

    Raises:
        UserError: It is not there, or cannot be imported.
    """
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except (ImportError, SyntaxError) as error:
        absent = error.name if isinstance(error, ModuleNotFoundError) else None
        if absent and f"{name}.".startswith(f"{absent}."):
            raise UserError(
                f"{said}: no module {absent} in {here} or among the installed packages; "
                "check its spelling and the folder you start from"
            ) from error
        message = " ".join(str(error).split())
        raise UserError(f"{said}: importing {name} failed: {message}") from error
