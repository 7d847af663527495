"""A search's options as a TOML file: read beside the command line, and left in the run's folder."""

import difflib
import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Any, NoReturn

from data.common import HIDDEN, Parser, UserError, hide_password, write_text
from data.reading import STDIN, is_url
from search.config.options import Declared, declared, parse_given
from search.config.run_config import RunConfig

CONFIG = "config.toml"
_PATHS = ("data", "negative_file", "positive_file", "out")

_HEAD = """# The options of this run, the defaults too. To repeat it:
#     python -m search.run --config THIS_FILE --study ANOTHER_NAME
# Modules that an option names are imported from the folder you start in, which was
# {here!r}, or from the installed packages.
"""
_SECRETS = f"""# {HIDDEN} stands for a password: give that option on the command line again.
"""


class _FileParser(Parser):
    """Takes a file's values; what is wrong with one is a `UserError`."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message.removeprefix("argument "))


def read_config(path: str, skipped: Container[str]) -> dict[str, Any]:
    """Read the options of a TOML file by their names in `RunConfig`, except the skipped ones."""
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"--config: {path} cannot be read as TOML ({why})") from error
    options = {item.key: item for item in declared(RunConfig) if not item.option.is_of_call}
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            raise UserError(f"{path}: [{key}] is a section; write options without sections")
        if key not in options:
            near = difflib.get_close_matches(key.replace("_", "-"), options, 1)
            hint = f"; did you mean {near[0]}?" if near else " of a search (see --help)"
            raise UserError(f"{path}: '{key}' is no option{hint}")
        if options[key].name not in skipped:
            try:
                found |= _parsed(options[key], value)
            except UserError as error:
                raise UserError(f"{path}: {error}") from error
    return found


def _parsed(item: Declared, value: Any) -> dict[str, Any]:
    if HIDDEN in str(value):
        raise UserError(f"the password of {item.key} was left out; give --{item.key} again")
    parser = _FileParser(prog="python -m search.run")
    item.add_to(parser)
    return parse_given(parser, _words(item, value))


def _words(item: Declared, value: Any) -> list[str]:
    """Write a file's value as it would stand on the command line."""
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
            return [
                f"--{key}={each}" for each in (value if option.is_repeated else [",".join(value)])
            ]
    raise UserError(f"{key} is {value!r}, but must be {_wanted(item)}")


def _wanted(item: Declared) -> str:
    if item.is_flag:
        return "true or false"
    if item.option.is_number:
        return "a whole number, or a text as on the command line"
    return "a text, or a list of texts" if item.is_list else "a text"


def write_config(config: RunConfig) -> None:
    """Leave a run's options in its folder, so that they can be given again; without passwords."""
    table = {}
    for item in declared(RunConfig):
        value = getattr(config, item.name)
        if value is None or item.option.is_of_call:
            continue
        if item.name in _PATHS and value != STDIN and not is_url(str(value)):
            value = Path(value).resolve()
        shown = item.option.show(value)
        table[item.key] = hide_password(shown) if isinstance(shown, str) else shown
    head = _HEAD.format(here=str(Path.cwd()))
    if any(HIDDEN in str(value) for value in table.values()):
        head += _SECRETS
    import tomli_w

    write_text(config.folder / CONFIG, f"{head}\n{tomli_w.dumps(table)}")
