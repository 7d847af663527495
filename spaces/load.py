"""Finds the space that a search explores: the project's own, or the user's."""

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner

from data.errors import UserError
from spaces.model3 import Model3

OWN_SPACES: dict[str, Callable[..., Any]] = {"model3": Model3}


def load_space(
    spec: str, num_words: int, *, rows: int | None = None, epochs: int | None = None
) -> Any:
    """Make the hypermodel that `--space` names.

    The class or factory is called with those of `num_words`, `rows` and `epochs` that its
    signature names. The current directory is searched as well, as with `python -m`.

    Args:
        spec: "model3", or "PACKAGE.MODULE:CLASS" for a class that is a `keras_tuner.HyperModel`
            or a function that returns one.
        num_words: How many ids the records have, padding included.
        rows: How many rows a training sees in one epoch, where known.
        epochs: How many epochs a training lasts, where known.

    Returns:
        A `keras_tuner.HyperModel`.

    Raises:
        UserError: The spec names nothing usable.
    """
    offered = {"num_words": num_words, "rows": rows, "epochs": epochs}
    known = {name: value for name, value in offered.items() if value is not None}
    factory = OWN_SPACES[spec] if spec in OWN_SPACES else _find(spec)
    if isinstance(factory, keras_tuner.HyperModel):
        return factory
    space = factory(**_arguments(spec, factory, known))
    if not isinstance(space, keras_tuner.HyperModel):
        raise UserError(
            f"--space {spec}: it gives a {type(space).__name__}, but must give a "
            "keras_tuner.HyperModel"
        )
    return space


def _find(spec: str) -> Callable[..., Any]:
    module_name, colon, attribute = spec.partition(":")
    if not (module_name and colon and attribute):
        own = ", ".join(OWN_SPACES)
        raise UserError(
            f"--space is '{spec}', but must be {own} or PACKAGE.MODULE:CLASS with a colon"
        )
    found = getattr(_import(spec, module_name), attribute, None)
    if found is None:
        raise UserError(f"--space {spec}: module {module_name} has no {attribute}")
    if not callable(found) and not isinstance(found, keras_tuner.HyperModel):
        raise UserError(
            f"--space {spec}: {attribute} is a {type(found).__name__}, but must be a "
            "keras_tuner.HyperModel class or a function that returns one"
        )
    return found  # type: ignore[no-any-return]


def _import(spec: str, module_name: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise UserError(
                f"--space {spec}: no module {error.name} in {here} or among the installed "
                "packages; check its spelling and the folder you start from"
            ) from error
        raise UserError(f"--space {spec}: importing {module_name} failed: {error}") from error
    except (ImportError, SyntaxError) as error:
        raise UserError(f"--space {spec}: importing {module_name} failed: {error}") from error


def _arguments(spec: str, factory: Callable[..., Any], offered: dict[str, int]) -> dict[str, int]:
    parameters = inspect.signature(factory).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    missing = [p.name for p in named if p.default is p.empty and p.name not in offered]
    if missing:
        raise UserError(
            f"--space {spec}: it needs the arguments {', '.join(missing)}, but only "
            f"{', '.join(offered)} can be given; give the others defaults"
        )
    return {p.name: offered[p.name] for p in named if p.name in offered}
