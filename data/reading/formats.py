"""The formats that a labelled log may have. A new one is an entry here, and nothing elsewhere."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from data.common import UserError
from data.reading.records import load

MAX_FIELD = 2**24


@dataclass(frozen=True)
class Format:
    """How the rows of a log are written, and how they are told from others.

    Attributes:
        name: What `--format` calls it.
        keyed: Whether a record is a JSON object, which is cleaned; else it is a text, left as is.
        begins: Whether a log that begins with this line has it; asked in the order of `FORMATS`.
        told: What a line is, for those who do the preprocessing in another language.
        quote: The quote character of a CSV of two columns, record and label; None where each line
            is a JSON object with a key `label`.
        delimiter: What stands between the two columns.
        header: Whether the first row may name the columns.
        is_quick: Whether `data.reading.quick.split_row` takes the usual row apart.
    """

    name: str
    keyed: bool
    begins: Callable[[str], bool]
    told: str
    quote: str | None = None
    delimiter: str = ","
    header: bool = False
    is_quick: bool = False

    def layout(self) -> dict[str, Any]:
        """Say how a line is read, for a program that does not know the name.

        Returns:
            `keyed`, `quote` and `delimiter`, as plain JSON values.
        """
        return {"keyed": self.keyed, "quote": self.quote, "delimiter": self.delimiter}

    def split(self, line: str) -> list[str]:
        """Split one line of a CSV into its fields.

        Args:
            line: The line.

        Returns:
            The fields; of a blank line one that is empty.

        Raises:
            UserError: If it is no CSV.
        """
        assert self.quote is not None
        csv.field_size_limit(MAX_FIELD)
        reader = csv.reader([line], quotechar=self.quote, delimiter=self.delimiter)
        try:
            return next(reader, []) or [""]
        except csv.Error as error:
            raise UserError(f"is no CSV ({error})") from error


def check_format(name: str) -> None:
    """Refuse a format that does not exist.

    Args:
        name: What the user gave.

    Raises:
        UserError: If it is none of `FORMATS`.
    """
    if name not in FORMATS:
        raise UserError(f"the format is '{name}', but must be one of {', '.join(FORMATS)}")


def format_of(line: str) -> str:
    """Guess a log's format.

    Args:
        line: Its first line that is not blank, stripped.

    Returns:
        The name of the format.
    """
    return next(name for name, format in FORMATS.items() if format.begins(line))


def _is_object(text: str) -> bool:
    try:
        load(text)
    except UserError:
        return False
    return True


def _begins_access_log(line: str) -> bool:
    if line.startswith("{") and not _is_object(line):
        # A record without a comma needs no quotes, even in the brief's CSV.
        return _is_object(_ACCESS_LOG.split(line)[0])
    return line.startswith("|")


def _begins_jsonl(line: str) -> bool:
    return line.startswith('{"') or (line.startswith("{") and _is_object(line))


_ACCESS_LOG = Format(
    "access-log",
    keyed=True,
    begins=_begins_access_log,
    told="It is either a bare JSON object, or a row of a CSV with the quote character `|`: the "
    'object, then a comma and the label 0 or 1, which is ignored (`|{"method":"GET"}|,0`).',
    quote="|",
    is_quick=True,
)
_JSONL = Format(
    "jsonl",
    keyed=True,
    begins=_begins_jsonl,
    told="It is a JSON object; its key `label`, where it has one, is deleted.",
)
_TEXT = Format(
    "text",
    keyed=False,
    begins=lambda line: True,
    told='It is the text itself, or a row of a CSV with the quote character `"`: the text, then '
    "a comma and the label 0 or 1, which is ignored.",
    quote='"',
    header=True,
)

# The last one takes what none before it has recognized.
FORMATS: Mapping[str, Format] = {each.name: each for each in (_ACCESS_LOG, _JSONL, _TEXT)}
