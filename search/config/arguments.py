"""Reads the configuration of a run from the arguments that a Python program gives."""

import operator
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from data.common import Declared, UserError, declared, parse_value, unknown_option
from search.config.budget import Budget
from search.config.command_line import complete, read_file
from search.config.run_config import RunConfig

_OPTION = re.compile(r"--(no-)?([a-z]+(?:-[a-z]+)*)")


def make_config(arguments: Mapping[str, Any]) -> RunConfig:
    """Make a configuration of options that a Python program gives.

    Args:
        arguments: Their values by their names in `RunConfig`: what the command line takes as a
            text, or the number, bool, path, class or list that it stands for. None stands for the
            default. They take precedence over the options of a file named by `config`.

    Raises:
        UserError: An option does not exist or cannot have that value, or two contradict each other.
    """
    given = _parse(arguments)
    file = read_file(given)
    if "budget" not in {**file, **given}:
        raise UserError("budget is missing; give a number of trials (20) or a time ('10m')")
    return complete(given, file)


def _parse(arguments: Mapping[str, Any]) -> dict[str, Any]:
    # To explain a run instead of doing it is for the command line.
    known = {item.name: item for item in declared(RunConfig) if item.name != "explain"}
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        if name not in known:
            raise UserError(unknown_option(name, known, " of a search (see search.RunConfig)"))
        if value is not None:
            found |= parse_value(known[name], _plain(known[name], value), name)
    return found


def _plain(item: Declared, value: Any) -> Any:
    """Write a program's value as a TOML file would have it."""
    match value:
        case bool() | str():
            return value
        case Budget():
            return str(value)
        case os.PathLike():
            return os.fspath(value)
        case type() | FunctionType():
            return _place(item.name, value)
        case tuple() | list():
            return [_plain(item, each) for each in value]
    try:
        number = operator.index(value)  # An int, and one of numpy.
    except TypeError:
        return value
    return number if item.is_number or item.is_flag else str(number)


def _place(name: str, found: Any) -> str:
    """Write where the workers can import a class or a function, as MODULE:NAME."""
    module, place = found.__module__, found.__qualname__
    if module == "__main__" or "." in place:
        raise UserError(
            f"{name} is {place} of {module}, which the workers, processes of their own, cannot "
            "import; put it at the top of a module, a .py file beside the program"
        )
    return f"{module}:{place}"


@contextmanager
def in_python_words() -> Iterator[None]:
    """Let the messages of errors name options as a Python program does, not with dashes."""
    try:
        yield
    except UserError as error:
        raise UserError(_in_python(str(error))) from error


def _in_python(message: str) -> str:
    options = {item.key: item for item in declared(RunConfig)}

    def argument(match: re.Match[str]) -> str:
        negated, key = match.groups()
        if key not in options:
            return match[0]
        item = options[key]
        return f"{item.name}={not negated}" if item.is_flag else item.name

    return _OPTION.sub(argument, message)
