"""Imports the modules that a user names on the command line."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

from data.common.errors import UserError


def import_module(option: str, name: str) -> ModuleType:
    """Import a module; the current directory is searched as well, as with `python -m`.

    Args:
        option: The option and its value, for the message.
        name: The module.

    Raises:
        UserError: There is no such module, or its import failed.
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
                f"{option}: no module {absent} in {here} or among the installed packages; "
                "check its spelling and the folder you start from"
            ) from error
        message = " ".join(str(error).split())
        raise UserError(f"{option}: importing {name} failed: {message}") from error
