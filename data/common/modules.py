"""Imports what a user names on the command line, as MODULE:NAME."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from data.common.errors import UserError, raised_at


def import_name(option: str, spec: str) -> Any:
    """Import what a user names; the current directory is searched as well, as with `python -m`.

    Args:
        option: The option and its value, for the message.
        spec: MODULE:NAME.

    Raises:
        UserError: There is no such module, or its import failed, or it has no such name.
    """
    module_name, _, name = spec.partition(":")
    module = _import_module(option, module_name)
    if not hasattr(module, name):
        raise UserError(f"{option}: module {module_name} has no {name}")
    return getattr(module, name)


def _import_module(option: str, name: str) -> ModuleType:
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
        raise UserError(_failed(option, name, str(error))) from error
    except Exception as error:
        why = f"{type(error).__name__}: {error} ({raised_at(error)})"
        raise UserError(_failed(option, name, why)) from error


def _failed(option: str, name: str, why: str) -> str:
    return f"{option}: importing {name} failed: {' '.join(why.split())}"
