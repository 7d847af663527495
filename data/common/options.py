"""How a dataclass field is declared as an option of the command line and of the TOML file."""

import argparse
import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn

from data.common.command import Parser
from data.common.errors import UserError


def _show(value: Any) -> Any:
    match value:
        case tuple():
            return ",".join(value)
        case Path():
            return str(value)
        case _:
            return value


class _Once(argparse.Action):
    """Takes a value, but no second one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if hasattr(namespace, self.dest):
            before = getattr(namespace, self.dest)
            parser.error(
                f"argument {option_string}: is given twice, as {before} and {values}; give one "
                "file, or one of each class as --negative-file and --positive-file"
            )
        setattr(namespace, self.dest, values)


@dataclass(frozen=True)
class Option:
    """The metadata of a field that is an option; the field's name and default are the option's."""

    help: str  # `%(default)s` stands for the default
    parse: Callable[[str], Any] | None = None  # its argparse type; None for text and for flags
    show: Callable[[Any], Any] = _show  # writes a value for `--help` and the TOML file
    group: str = ""  # its title in `--help`
    metavar: str | None = None
    choices: Sequence[str] | None = None
    is_number: bool = False  # the TOML file may hold a whole number, as of an `int`
    is_list: bool = False  # it has several values, as one whose default is a tuple
    is_repeated: bool = False  # it may be given more than once
    is_given_once: bool = False  # giving it twice is an error; else the last one counts
    is_of_call: bool = False  # it concerns one call and not the run: the TOML file has no such key
    protocol: str | None = None  # its key there; None if a study may be resumed with another value


def integer(low: int, high: int | None = None, also: int | None = None) -> Callable[[str], int]:
    """Make the type of a whole number from `low` to `high`, or of one other number."""
    allowed = f"a whole number of {low} or more"
    if high is not None:
        allowed = f"a whole number from {low} to {high}"
    if also is not None:
        allowed = f"{also} or {allowed}"

    def parse(text: str) -> int:
        number = int(text) if re.fullmatch(r"\d{1,12}", text, re.ASCII) else -1
        if number != also and (number < low or (high is not None and number > high)):
            raise argparse.ArgumentTypeError(f"'{text}' is not {allowed}")
        return number

    return parse


def filled(text: str) -> str:
    """Refuse an empty text, such as a shell makes of an unset variable."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; give a value or leave the option out")
    return text


def option(
    default: Any = MISSING, *, repr: bool = True, compare: bool = True, **metadata: Any
) -> Any:
    """Declare an option as a dataclass field; `metadata` are the attributes of `Option`.

    Without a default it is required. One that may hold a password has `repr=False`.
    """
    metadata = {"option": Option(**metadata)}
    return field(default=default, repr=repr, compare=compare, metadata=metadata)


@dataclass(frozen=True)
class Declared:
    """An option together with the name, the type and the default of its field."""

    name: str
    type: Any
    default: Any
    option: Option

    @property
    def key(self) -> str:
        """The option's name without the dashes before it: its key in the TOML file."""
        return self.name.replace("_", "-")

    @property
    def is_flag(self) -> bool:
        """Whether it has no value but is on or off."""
        return isinstance(self.default, bool)

    @property
    def is_number(self) -> bool:
        """Whether it may be written as a whole number."""
        return self.option.is_number or self.type in (int, int | None)

    @property
    def is_list(self) -> bool:
        """Whether it has several values."""
        return self.option.is_list or isinstance(self.default, tuple)

    def add_to(self, parser: argparse._ActionsContainer) -> None:
        """Add the option to a parser or a group; what is not given is not in the namespace."""
        option = self.option
        default = "" if self.default in (None, MISSING) else str(option.show(self.default))
        rest: dict[str, Any] = {"metavar": option.metavar, "choices": option.choices}
        if self.is_flag:
            negatable = argparse.BooleanOptionalAction
            rest = {"action": "store_true" if option.is_of_call else negatable}
        elif option.is_repeated:
            rest |= {"action": "append", "type": option.parse}
        elif option.parse is not None:
            rest |= {"type": option.parse}
        if option.is_given_once:
            rest |= {"action": _Once}
        parser.add_argument(
            f"--{self.key}",
            default=argparse.SUPPRESS,
            help=option.help.replace("%(default)s", default),
            **rest,
        )


def declared(of: type) -> Iterator[Declared]:
    """List the options that a dataclass declares, in their order, those without a group first."""
    options = [item for item in fields(of) if "option" in item.metadata]
    for item in sorted(options, key=lambda item: item.metadata["option"].group != ""):
        yield Declared(item.name, item.type, item.default, item.metadata["option"])


def add_options(parser: Parser, options: Iterable[Declared]) -> None:
    """Add options to a parser, each to its group."""
    groups: dict[str, argparse._ActionsContainer] = {"": parser}
    for item in options:
        title = item.option.group
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        item.add_to(groups[title])


def parse_given(parser: Parser, words: Sequence[str]) -> dict[str, Any]:
    """Parse words and return the options that they give, by name; several values as a tuple."""
    given = vars(parser.parse_args(words))
    for name, value in given.items():
        if isinstance(value, list):
            # argparse takes "--" away even from "--study=--", and leaves an empty list.
            if not value or [] in value:
                parser.error(f"argument --{name.replace('_', '-')}: '--' is no value")
            given[name] = tuple(value)
    return given


class _ValueParser(Parser):
    """Takes values; what is wrong with one is a `UserError`."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message.removeprefix("argument "))


def parse_value(item: Declared, value: Any, name: str) -> dict[str, Any]:
    """Parse a value of a TOML file or a program, and refuse it, as on the command line.

    It is a bool, an int, a text or a list of texts; `name` is what a message calls the option.
    """
    parser = _ValueParser("")
    item.add_to(parser)
    return parse_given(parser, _words(item, value, name))


def _words(item: Declared, value: Any, name: str) -> list[str]:
    """Write a value as it would stand on the command line."""
    option, key = item.option, item.key
    match value:
        case bool():
            if item.is_flag:
                return [f"--{key}" if value else f"--no-{key}"]
        case int() if item.is_number:
            return [f"--{key}={value}"]
        case str() if not item.is_flag:
            return [f"--{key}={value}"]
        case list() if item.is_list and all(isinstance(each, str) for each in value):
            texts = value if option.is_repeated else [option.show(tuple(value))]
            return [f"--{key}={each}" for each in texts]
    wanted = "a text, or a list of texts" if item.is_list else "a text"
    if item.is_flag:
        wanted = "true or false"
    elif item.is_number:
        wanted = "a whole number, or a text as on the command line"
    raise UserError(f"{name} is {value!r}, but must be {wanted}")


def unknown_option(name: str, known: Collection[str], otherwise: str) -> str:
    """Return a message that there is no such option, and which one may be meant."""
    swapped = name.replace("_", "-") if "-" in "".join(known) else name.replace("-", "_")
    near = difflib.get_close_matches(swapped, list(known), 1)
    hint = f"; did you mean {near[0]}?" if near else otherwise
    return f"'{name}' is not an option{hint}"
