"""A search's options as a TOML file: read beside the command line, and left in the run's folder."""

import argparse
import difflib
import tomllib
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from data.common import HIDDEN, Parser, UserError, hide_password, write_text
from data.reading import STDIN
from search.config.arguments import parser

CONFIG = "config.toml"

# What concerns this one call and not the run.
_OF_THE_CALL = ("config", "explain", "help", "print_completion")
# Of the options that are text to argparse, those that may be a plain number.
_NUMBERS = ("budget", "epochs", "workers", "max_parameters")
_PATHS = ("data", "out")

_HEAD = """# The options of this run, the defaults too. To repeat it:
#     python -m search.run --config THIS_FILE --study ANOTHER_NAME
# Modules that an option names are imported from the folder you start in, which was
# {here!r}, or from the installed packages.
"""
_SECRETS = f"""# {HIDDEN} stands for a password: give that option on the command line again.
"""


@dataclass(frozen=True)
class Given:
    """What the user asked for: the command line, before the file, before the defaults.

    Attributes:
        options: All options, as the parser gives them.
        file: The file that `--config` names; None where there is none.
        of_file: The options that the file has decided.
    """

    options: Namespace
    file: str | None
    of_file: frozenset[str]

    def placed(self, error: UserError) -> UserError:
        """Say of a value's error that it stands in the file, where it does.

        Args:
            error: Begins with the option, as `--rows`.

        Returns:
            The error to raise.
        """
        named = str(error).partition(" ")[0].rstrip(":").removeprefix("--")
        return UserError(f"{self.file}: {error}") if _dest(named) in self.of_file else error


class _FileParser(Parser):
    """Takes a file's values; what is wrong with one is a `UserError`."""

    def error(self, message: str) -> Any:
        raise UserError(message.removeprefix("argument "))


def given(argv: Sequence[str]) -> Given:
    """Read the command line, and the file that its `--config` names.

    Args:
        argv: The arguments behind the module's name.

    Returns:
        What was given.

    Raises:
        UserError: If the file cannot be read, or names what is no option or no value of it.
    """
    reader = parser()
    defaults = vars(reader.parse_args([]))
    line = _set(reader, argv, defaults)
    path = line.get("config")
    if path is None:
        return Given(Namespace(**{**defaults, **line}), None, frozenset())
    file = {key: value for key, value in _read(path, defaults).items() if key not in line}
    for key, value in file.items():
        if HIDDEN in str(value):
            raise UserError(
                f"{path}: the password of {_option(key)} was left out; give --{_option(key)} again"
            )
    return Given(Namespace(**{**defaults, **file, **line}), path, frozenset(file))


def _set(reader: Parser, words: Sequence[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Parse words and give what they set, without the defaults."""
    found = reader.parse_args(words, Namespace(**dict.fromkeys(defaults)))
    return {key: value for key, value in vars(found).items() if value is not None}


def _read(name: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    try:
        table = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"--config: {name} cannot be read as TOML ({why})") from error
    reader = parser(_FileParser)
    options = {_option(a.dest): a for a in reader._actions if a.dest not in _OF_THE_CALL}
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            raise UserError(f"{name}: [{key}] is a section; write options without sections")
        if key not in options:
            near = difflib.get_close_matches(key.replace("_", "-"), options, 1)
            hint = f"; did you mean {near[0]}?" if near else " of a search (see --help)"
            raise UserError(f"{name}: '{key}' is no option{hint}")
        try:
            found |= _set(reader, _words(key, value, options[key]), defaults)
        except UserError as error:
            raise UserError(f"{name}: {error}") from error
    return found


def _words(key: str, value: Any, action: argparse.Action) -> list[str]:
    """Write a file's value as it would stand on the command line."""
    many = isinstance(action, argparse._AppendAction)
    listed = many or str(action.metavar).endswith(",...")
    match value:
        case bool() if isinstance(action, argparse.BooleanOptionalAction):
            return [f"--{key}" if value else f"--no-{key}"]
        case bool():
            pass
        case int() if action.type or action.dest in _NUMBERS:
            return [f"--{key}={value}"]
        case str() if _takes_text(action):
            return [f"--{key}={value}"]
        case list() if listed and all(isinstance(item, str) for item in value):
            return [f"--{key}={item}" for item in (value if many else [",".join(value)])]
    raise UserError(f"{key} is {value!r}, but must be {_wanted(action, listed)}")


def _takes_text(action: argparse.Action) -> bool:
    if isinstance(action, argparse.BooleanOptionalAction):
        return False
    # A size has units; other numbers are numbers in TOML too.
    return action.type is None or action.metavar == "SIZE"


def _wanted(action: argparse.Action, listed: bool) -> str:
    if isinstance(action, argparse.BooleanOptionalAction):
        return "true or false"
    if action.dest in _NUMBERS or action.metavar == "SIZE":
        return "a whole number, or a text as on the command line"
    if action.type is not None:
        return "a whole number"
    return "a text, or a list of texts" if listed else "a text"


def write(folder: Path, options: Namespace, resolved: Mapping[str, Any]) -> None:
    """Leave a run's options in its folder, so that they can be given again.

    Args:
        folder: The run's folder.
        options: All options, as `given` has them.
        resolved: What became of those that were left to us, by the same names.

    Raises:
        UserError: If the file cannot be written.
    """
    values = {**vars(options), **resolved}
    for key in _PATHS:
        if values[key] not in (None, STDIN):
            values[key] = str(Path(values[key]).resolve())
    table = {
        _option(key): hide_password(value) if isinstance(value, str) else value
        for key, value in values.items()
        if value is not None and key not in _OF_THE_CALL
    }
    head = _HEAD.format(here=str(Path.cwd()))
    if any(HIDDEN in str(value) for value in table.values()):
        head += _SECRETS
    write_text(folder / CONFIG, f"{head}\n{tomli_w.dumps(table)}")


def _option(dest: str) -> str:
    return dest.replace("_", "-")


def _dest(option: str) -> str:
    return option.replace("-", "_")
