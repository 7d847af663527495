"""A search's options as a TOML file: read beside the command line, and left in the run's folder."""

import os
import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Any

from data.common import (
    HIDDEN,
    Declared,
    UserError,
    declared,
    hide_password,
    parse_value,
    unknown_option,
    write_text,
)
from data.reading import IN_MEMORY
from data.source import STDIN, is_url
from results.study import STORAGE_VARIABLE
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
            raise UserError(f"{path}: {unknown_option(key, options, ' of a search (see --help)')}")
        if options[key].name not in skipped:
            try:
                found |= _parsed(options[key], value)
            except UserError as error:
                raise UserError(f"{path}: {error}") from error
    return found


def _parsed(item: Declared, value: Any) -> dict[str, Any]:
    if HIDDEN in str(value):
        raise UserError(f"the password of {item.key} was left out; give --{item.key} again")
    if item.name == "data" and value == IN_MEMORY:
        raise UserError("the data came from a program, and were not kept; give --data")
    return parse_value(item, value, item.key)


def write_config(config: RunConfig) -> None:
    """Leave a run's options in its folder, so that they can be given again; without passwords."""
    table = {}
    for item in declared(RunConfig):
        value = getattr(config, item.name)
        if value is None or item.option.is_of_call:
            continue
        if item.name == "storage" and value == os.environ.get(STORAGE_VARIABLE):
            continue  # It comes from there again, with its password.
        if item.name in _PATHS and value not in (STDIN, IN_MEMORY) and not is_url(str(value)):
            value = Path(value).resolve()
        shown = item.option.show(value)
        table[item.key] = hide_password(shown) if isinstance(shown, str) else shown
    head = _HEAD.format(here=str(Path.cwd()))
    if any(HIDDEN in str(value) for value in table.values()):
        head += _SECRETS
    import tomli_w

    write_text(config.folder / CONFIG, f"{head}\n{tomli_w.dumps(table)}")
