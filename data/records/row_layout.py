"""How a raw line of a log is taken apart when a trained model meets it, labeled or not."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .characters import MAX_LINE, RecordError, check_characters
from .formats import RECORD_FORMATS
from .json_records import load_record, without_keys

_WHOLE_NUMBER = re.compile(r"\+?(-?(?:0|[1-9]\d{0,17}))(?:\.0*)?", re.ASCII)


def canonical_label(word: str) -> str:
    """Return what equal labels have in common: `Spam ` is `spam`, and `1.0` is `1`."""
    word = word.strip().casefold()
    number = _WHOLE_NUMBER.fullmatch(word)
    return str(int(number[1])) if number else word


def split_lines(lines: Iterable[str], delimiter: str, quote: str = '"') -> Iterator[list[str]]:
    """Split the lines of a table into the cells of its rows; a blank line is an empty row.

    Between tabs a quote is one only if it closes in its line, as few who write such files quote.
    """
    csv.field_size_limit(MAX_LINE)
    if delimiter != "\t":
        return csv.reader(lines, quotechar=quote, delimiter=delimiter)
    return (_split_at_tabs(line.rstrip("\r\n"), quote) for line in lines)


def _split_at_tabs(line: str, quote: str) -> list[str]:
    if quote in line:
        try:
            return next(csv.reader([line], quotechar=quote, delimiter="\t", strict=True))
        except csv.Error:
            pass
    return line.split("\t") if line else []


@dataclass(frozen=True)
class RowLayout:
    """Where the text stands in a line, and what its label may be; all of it goes into an export.

    Attributes:
        delimiter: What stands between columns.
        quote: The quote character.
        text: The index of the column of texts.
        label: The index of the column of labels.
        width: How many columns there are.
        required: How many a line has at least; those behind may be left out.
        labels: The labels of the log, in lower case and whole numbers without a point.
        is_whole: Whether a line is a text as it is, with its quotes and all.
    """

    delimiter: str = ","
    quote: str = '"'
    text: int = 0
    label: int = 1
    width: int = 2
    required: int = 2
    labels: tuple[str, ...] = ("0", "1")
    is_whole: bool = False

    def __post_init__(self) -> None:
        numbers = (self.text, self.label, self.width, self.required)
        if not (
            all(type(number) is int and number >= 0 for number in numbers)
            and max(self.text, self.label) < self.required <= self.width
            and all(isinstance(one, str) and len(one) == 1 for one in (self.delimiter, self.quote))
            and all(isinstance(label, str) for label in self.labels)
            and isinstance(self.is_whole, bool)
        ):
            raise ValueError(f"the columns are {self}, which no table has")

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "RowLayout":
        """Read what `as_json` returned.

        Raises:
            ValueError: These are no such values.
        """
        try:
            return cls(**{**values, "labels": tuple(values["labels"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"the columns are not described rightly ({error})") from error

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "labels": list(self.labels)}

    def split(self, line: str) -> list[str]:
        """Split one line into its cells; a blank line has one that is empty.

        Raises:
            RecordError: If it is no CSV.
        """
        if self.is_whole:
            return [line]
        csv.field_size_limit(MAX_LINE)
        try:
            return next(split_lines([line], self.delimiter, self.quote), []) or [""]
        except csv.Error as error:
            raise RecordError(f"is no CSV ({error})") from error

    def text_of(self, cells: list[str]) -> str | None:
        """Return the text among the cells of a line, a label of the log or none being beside it."""
        if len(cells) == 1:
            return cells[0]
        if len(cells) < self.required or any(cell.strip() for cell in cells[self.width :]):
            return None
        label = canonical_label(cells[self.label])
        # With two columns an empty label may be the end of a text, as in `hello,`.
        is_row = label in self.labels or (not label and self.width > 2)
        return cells[self.text] if is_row else None


def parse_line(line: str, format: str, layout: RowLayout | None = None) -> str:
    """Take the record out of one line, whose label is ignored and may be absent.

    Args:
        line: A line of a log of this format, or a bare record.
        format: One of `RECORD_FORMATS`.
        layout: Where the record and its label stand in a line; as the format says when None.

    Returns:
        The raw record; `clean` makes it what a model sees if the format is keyed.

    Raises:
        RecordError: There is no record in the line.
    """
    line = line.rstrip("\r\n")
    check_characters(line)
    known = RECORD_FORMATS[format]
    if known.quote is None:
        return without_keys(load_record(line), ("label",))
    usual = RowLayout(known.delimiter, known.quote)
    layout = layout or usual
    if known.keyed and line.startswith(known.quote):
        # A row as the server writes it, also where the log was one that was saved again.
        layout = layout if layout.quote == known.quote else usual
    elif known.keyed and not line.startswith(layout.quote):
        try:
            load_record(line)
        except RecordError:
            pass  # Not bare, then: the row of a record without commas, which needs no quotes.
        else:
            return line
    cells = layout.split(line)
    text = layout.text_of(cells)
    if text is None and known.keyed:
        raise RecordError(f"has {len(cells)} columns, but must be a record, or with its label")
    return line if text is None else text
