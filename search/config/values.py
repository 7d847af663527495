"""Reads values of options that are no words of a command line: a TOML file's, or a program's.

Each is written as it would stand on the command line, and parsed and refused as it is there.
"""

import difflib
from collections.abc import Collection
from typing import Any, NoReturn

from data.common import Parser, UserError
from search.config.options import Declared, parse_given


class _ValueParser(Parser):
    """Takes values; what is wrong with one is a `UserError`."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message.removeprefix("argument "))


def unknown_option(name: str, known: Collection[str], otherwise: str) -> str:
    """Say that there is no such option, and which one may be meant."""
    swapped = name.replace("_", "-") if "-" in "".join(known) else name.replace("-", "_")
    near = difflib.get_close_matches(swapped, list(known), 1)
    hint = f"; did you mean {near[0]}?" if near else otherwise
    return f"'{name}' is no option{hint}"


def parse_value(item: Declared, value: Any, name: str) -> dict[str, Any]:
    """Parse an option's value, a bool, an int, a text or a list of texts, to its field's.

    Raises:
        UserError: It cannot have that value; `name` is what the message calls the option.
    """
    parser = _ValueParser(prog="python -m search.run")
    item.add_to(parser)
    return parse_given(parser, _words(item, value, name))


def _words(item: Declared, value: Any, name: str) -> list[str]:
    """Write a value as it would stand on the command line."""
    option, key = item.option, item.key
    match value:
        case bool():
            if item.is_flag:
                return [f"--{key}" if value else f"--no-{key}"]
        case int() if option.is_number:
            return [f"--{key}={value}"]
        case str() if not item.is_flag:
            return [f"--{key}={value}"]
        case list() if item.is_list and all(isinstance(each, str) for each in value):
            texts = value if option.is_repeated else [option.show(tuple(value))]
            return [f"--{key}={each}" for each in texts]
    raise UserError(f"{name} is {value!r}, but must be {_wanted(item)}")


def _wanted(item: Declared) -> str:
    if item.is_flag:
        return "true or false"
    if item.option.is_number:
        return "a whole number, or a text as on the command line"
    return "a text, or a list of texts" if item.is_list else "a text"
