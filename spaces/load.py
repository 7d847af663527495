"""Finds the space that a search explores: the project's own, or the user's."""

import inspect
from functools import partial
from typing import Any

import keras_tuner

from data.common import UserError, import_name
from spaces.model3 import Model3
from spaces.open import FAMILIES, Open

OWN_SPACES: dict[str, Any] = {
    "model3": Model3,
    "open": Open,
    **{f"open-{family}": partial(Open, families=(family,)) for family in FAMILIES},
}

_WANTED = "but a keras_tuner.HyperModel class, or a function that returns one, is needed"


def load_space(
    spec: str, num_words: int, *, rows: int | None = None, epochs: int | None = None
) -> Any:
    """Make the hypermodel that `--space` names: one of `OWN_SPACES`, or "PACKAGE.MODULE:CLASS".

    The latter is a class, or a function that returns a `keras_tuner.HyperModel`. It is called with
    those of `num_words`, `rows` and `epochs` that its signature names. The current directory is
    searched as well, as with `python -m`.

    Raises:
        UserError: The spec names nothing usable.
    """
    offered = {"num_words": num_words, "rows": rows, "epochs": epochs}
    known = {name: value for name, value in offered.items() if value is not None}
    found = OWN_SPACES[spec] if spec in OWN_SPACES else _find(spec)
    space = found
    if not isinstance(found, keras_tuner.HyperModel):
        space = found(**_arguments(spec, found, known))
    if not isinstance(space, keras_tuner.HyperModel):
        raise UserError(f"--space {spec}: it gave an object of type {_name(space)}, {_WANTED}")
    return space


def import_space(spec: str) -> None:
    """Import the module of a user's own space, so that Keras knows the layers it registers."""
    if spec not in OWN_SPACES:
        _find(spec)


def _name(thing: object) -> str:
    return type(thing).__name__


def _find(spec: str) -> Any:
    """Import what the spec names: a hypermodel, a class of them, or some other callable."""
    module_name, _, attribute = spec.partition(":")
    if not (module_name and attribute):
        own = ", ".join(OWN_SPACES)
        raise UserError(f"--space is '{spec}', but must be {own} or PACKAGE.MODULE:CLASS")
    found = import_name(f"--space {spec}", spec)
    if inspect.isclass(found) and not issubclass(found, keras_tuner.HyperModel):
        raise UserError(f"--space {spec}: it is a class {attribute}, {_WANTED}")
    if not callable(found) and not isinstance(found, keras_tuner.HyperModel):
        raise UserError(f"--space {spec}: it is {attribute} of type {_name(found)}, {_WANTED}")
    return found


def _arguments(spec: str, factory: Any, offered: dict[str, int]) -> dict[str, int]:
    """Pick from what is offered what the factory's signature names."""
    # Python knows the signatures of some of them; none makes a hypermodel.
    if inspect.isbuiltin(factory):
        raise UserError(f"--space {spec}: it is a built-in function, {_WANTED}")
    try:
        parameters = inspect.signature(factory).parameters.values()
    except ValueError as error:
        raise UserError(f"--space {spec}: it has no signature, {_WANTED}") from error
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    missing = [p.name for p in named if p.default is p.empty and p.name not in offered]
    if missing:
        raise UserError(
            f"--space {spec}: it needs the arguments {', '.join(missing)}, but only "
            f"{', '.join(offered)} can be given; give the others defaults"
        )
    return {p.name: offered[p.name] for p in named if p.name in offered}
