"""Whether a Keras model's config names nothing but layers and functions that are harmless to load.

Keras' own safe mode refuses code that lies in the file, and was got round again and again by naming
functions that lie elsewhere (CVE-2025-1550, -8747, -9906, -12058). Here whatever is not known to be
harmless is refused, before Keras sees it.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from results.serving.keras_names import ARRAYS, CLASSES, DTYPES, FUNCTIONS, NO_ACTIVATIONS, VALUES

_CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_]*")


def parse(content: bytes) -> dict[str, Any]:
    """Read a config.json.

    Args:
        content: Its bytes.

    Returns:
        The config.

    Raises:
        ValueError: If it is no JSON object.
    """
    try:
        config = json.loads(content)
    except RecursionError:
        raise ValueError("its config.json is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"its config.json is no JSON ({error})") from None
    if not isinstance(config, dict):
        raise ValueError("its config.json is no object")
    return config


def check(config: dict[str, Any], is_registered: Callable[[str], bool]) -> bool:
    """Refuse a config that names anything but what this project knows to be harmless.

    Args:
        config: What a config.json holds.
        is_registered: Whether the running program has registered an object under a name, as
            `keras.saving.register_keras_serializable` does: code that runs already may be named.

    Returns:
        Whether it names such objects.

    Raises:
        ValueError: If it names anything else.
    """
    # A model is loaded without what it was compiled with, which Keras then does not look at.
    rest = {key: value for key, value in config.items() if key != "compile_config"}
    if "class_name" not in rest:
        raise ValueError("its config.json names no model")
    registered = False
    for each in _objects(rest):
        registered |= _check_object(each, is_registered)
    return registered


def _objects(root: Any) -> Iterator[dict[str, Any]]:
    """Yield every object that is named at any depth; without recursion, which a file could ask."""
    left = [root]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def _check_object(named: dict[str, Any], is_registered: Callable[[str], bool]) -> bool:
    """Refuse what is not harmless; whether it is an object that the program has registered."""
    name, module = named["class_name"], named.get("module")
    if name in ("Lambda", "__lambda__"):
        raise ValueError("it has a Lambda layer, which brings code of its own")
    if not isinstance(name, str) or not isinstance(module, str | None):
        raise ValueError(f"it names {name!r} of {module!r}, which are no names")
    if name in VALUES:
        return False
    if name in ARRAYS:
        _check_array(named.get("config"))
        return False
    if name == "function":
        return _check_function(named.get("config"), module, is_registered)
    known_as = named.get("registered_name")
    if isinstance(known_as, str) and is_registered(known_as):
        return True
    if module is None or known_as not in (None, "", name) or not _is_known(module, name):
        raise ValueError(f"it names {_shown(module, known_as or name)}, {_REFUSED}")
    return False


_REFUSED = (
    "which is not known to be harmless; if it is a layer of your own, name the space that "
    "registers it with --space"
)


def _is_known(module: str, name: str) -> bool:
    names = CLASSES.get(module, frozenset())
    return _CLASS_NAME.fullmatch(name) is not None if names is None else name in names


def _check_function(name: object, module: str | None, is_registered: Callable[[str], bool]) -> bool:
    if not isinstance(name, str):
        raise ValueError(f"it names the function {name!r}, which is no name")
    if is_registered(name):
        return True
    import keras

    is_activation = (
        module in FUNCTIONS
        and _FUNCTION_NAME.fullmatch(name) is not None
        and name not in NO_ACTIVATIONS
        and callable(getattr(keras.activations, name, None))
    )
    if not is_activation:
        raise ValueError(f"it names the function {_shown(module, name)}, {_REFUSED}")
    return False


def _check_array(config: object) -> None:
    dtype = config.get("dtype") if isinstance(config, dict) else None
    if dtype not in DTYPES:
        raise ValueError(f"it holds an array of the type {str(dtype)[:40]!r}, which is no number")


def _shown(module: object, name: object) -> str:
    text = f"{module}.{name}" if module else str(name)
    return repr(text if len(text) <= 100 else text[:97] + "...")
