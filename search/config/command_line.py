"""Reads the configuration of a run from its command line and from the TOML file that it names."""

from collections.abc import Mapping, Sequence
from typing import Any

from data.common import Parser, UserError, add_options, declared, parse_given
from search.config.budget import Budget
from search.config.config_file import read_config
from search.config.run_config import RunConfig

_EXAMPLES = """examples:
  python -m search.run --budget 20                              20 trials on the synthetic log
  python -m search.run --budget 10m --data access.csv.xz        ten minutes on your own log
  python -m search.run --budget 0 --baselines all               the baselines alone
  python -m search.run --budget 20 --explain                    what would be done, and how long
"""


def parse(argv: Sequence[str]) -> RunConfig:
    """Read the arguments of `python -m search.run`, which take precedence over a file's.

    Raises:
        SystemExit: If an option has a value that it cannot have; the reason is on stderr.
        UserError: If the options contradict each other, or those of the file cannot be read.
    """
    parser = make_parser()
    line = parse_given(parser, argv)
    file = read_file(line)
    given = {**file, **line}
    if given.get("explain"):
        given.setdefault("budget", Budget(trials=0))
    if "budget" not in given:
        parser.error("the following arguments are required: --budget")
    return complete(given, file)


def read_file(given: Mapping[str, Any]) -> dict[str, Any]:
    """Read the options of the file that `config` names, if it is given, except the given ones."""
    return read_config(given["config"], skipped=given) if "config" in given else {}


def complete(given: Mapping[str, Any], file: Mapping[str, Any]) -> RunConfig:
    """Make the configuration of options that are given, and of those of a file."""
    try:
        return RunConfig(**{**file, **given})
    except UserError as error:
        option = str(error).partition(" ")[0].removeprefix("--").replace("-", "_")
        if option in file:
            raise UserError(f"{given['config']}: {error}") from error
        raise


def make_parser() -> Parser:
    """Make the parser of `python -m search.run`; its namespace holds only what was given."""
    parser = Parser(
        prog="python -m search.run",
        description="Train the baselines, search for Model 3, rank all on the held-out quarter, "
        "export the winner.",
        epilog=_EXAMPLES,
    )
    add_options(parser, declared(RunConfig))
    return parser
