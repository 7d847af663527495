"""How a row of a log is taken apart, with its label or without, and what a record is in it."""

import contextlib
import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .characters import MAX_LINE

_WHOLE_NUMBER = re.compile(r"\+?(-?(?:0|[1-9]\d{0,17}))(?:\.0*)?", re.ASCII)


def canonical_label(word: str) -> str:
    """Return what equal labels have in common: `Spam ` is `spam`, and `1.0` is `1`."""
    word = word.strip().casefold()
    number = _WHOLE_NUMBER.fullmatch(word)
    return str(int(number[1])) if number else word


def split_lines(
    lines: Iterable[str], delimiter: str, quote: str = '"', *, strict: bool = False
) -> Iterator[list[str]]:
    """Split the lines of a table into the cells of its rows; a blank line is an empty row.

    Between tabs a quote is one only if it closes in its line, as few who write such files quote.
    If `strict`, a quote that does not close, or is not the cell's end, is a `csv.Error`.
    """
    csv.field_size_limit(MAX_LINE)
    if delimiter != "\t":
        return csv.reader(lines, quotechar=quote, delimiter=delimiter, strict=strict)
    return (_split_at_tabs(line.rstrip("\r\n"), quote) for line in lines)


def _split_at_tabs(line: str, quote: str) -> list[str]:
    if quote in line:
        try:
            return next(csv.reader([line], quotechar=quote, delimiter="\t", strict=True))
        except csv.Error:
            pass
    return line.split("\t") if line else []


def join_cells(cells: Sequence[str], columns: Iterable[int]) -> str:
    """Return a row's text: its cells in the columns with these indices, joined by spaces."""
    return " ".join([cells[index] for index in columns])


@dataclass(frozen=True)
class RowLayout:
    """Where the text stands in a row, and what its label may be; all of it goes into an export."""

    delimiter: str = ","  # what stands between columns
    quote: str = '"'  # the quote character
    text: tuple[int, ...] = (0,)  # the indices of the columns of texts, joined by spaces
    label: int = 1  # the index of the column of labels
    width: int = 2  # how many columns there are
    required: int = 2  # how many a row has at least; those behind may be left out
    # The labels of the log, in lower case and whole numbers without a point.
    labels: tuple[str, ...] = ("0", "1")
    is_whole: bool = False  # whether a line is a text as it is, with its quotes and all
    header: tuple[str, ...] = ()  # the cells of the log's first row, if that names the columns
    is_multiline: bool = False  # whether a row of the log goes on over several lines

    def __post_init__(self) -> None:
        numbers = (*self.text, self.label, self.width, self.required)
        if not (
            self.text
            and all(type(number) is int and number >= 0 for number in numbers)
            and max(*self.text, self.label) < self.required <= self.width
            and all(isinstance(one, str) and len(one) == 1 for one in (self.delimiter, self.quote))
            and all(isinstance(word, str) for word in (*self.labels, *self.header))
            and isinstance(self.is_whole, bool)
            and isinstance(self.is_multiline, bool)
        ):
            raise ValueError(f"the columns are {self}, which no table has")

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "RowLayout":
        """Read what `as_json` returned; exports of earlier versions know less."""
        try:
            lists = {name: tuple(values[name]) for name in ("labels", "header") if name in values}
            text = values.get("text", 0)
            lists["text"] = (text,) if isinstance(text, int) else tuple(text)
            return cls(**{**values, **lists})
        except TypeError as error:
            raise ValueError(f"the columns are not described rightly ({error})") from error

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; one column of texts is a number, several are a list."""
        text = self.text[0] if len(self.text) == 1 else list(self.text)
        lists = {"labels": list(self.labels), "header": list(self.header)}
        return {**asdict(self), **lists, "text": text}

    def cells(self, row: str) -> list[str] | None:
        """Split a row into its cells; None if a quote in it is not closed, or goes on behind."""
        try:
            return next(split_lines([row], self.delimiter, self.quote, strict=True), []) or [""]
        except csv.Error:
            return None

    def text_of(self, cells: list[str], *, any_label: bool = False) -> str | None:
        """Return the text among the cells of a row; None if it is none, or its label none."""
        if len(cells) < self.required or any(cell.strip() for cell in cells[self.width :]):
            return None
        label = canonical_label(cells[self.label])
        # With two columns an empty label may be the end of a text, as in `hello,`.
        is_label = label in self.labels or (not label and self.width > 2)
        return join_cells(cells, self.text) if is_label or any_label else None

    def is_open(self, line: str) -> bool:
        """Return whether a quote is opened in a line and not closed, so that the row goes on."""
        if self.is_whole or self.delimiter == "\t" or self.quote not in line:
            return False
        # A cell is quoted from its first character on; what is asked most often is seen at once.
        begins = line.startswith(self.quote)
        if (begins and line.count(self.quote) == 2) or not (
            begins or f"{self.delimiter}{self.quote}" in line
        ):
            return False
        reader = csv.reader([line, ""], quotechar=self.quote, delimiter=self.delimiter, strict=True)
        with contextlib.suppress(csv.Error):
            next(reader)
        return reader.line_num == 2

    def is_header(self, line: str) -> bool:
        """Return whether a line is the log's first row, which names the columns."""
        cells = self.cells(line) if self.header else None
        return cells is not None and _filled(cells) == _filled(self.header)


def _filled(cells: Iterable[str]) -> list[str]:
    """Strip cells, and leave out the empty ones at the end."""
    stripped = [cell.strip() for cell in cells]
    while stripped and not stripped[-1]:
        stripped.pop()
    return stripped


@dataclass(frozen=True)
class RecordFormat:
    """What a record of a log is, and how a row holds it."""

    name: str  # what `--format` calls it
    # Whether a record is a JSON object, which is cleaned; else it is a text, left as is.
    keyed: bool
    # The quote character of a CSV of two columns, record and label; None if each line is a JSON
    # object with a key `label`.
    quote: str | None = None
    delimiter: str = ","  # what stands between the two columns


RECORD_FORMATS: Mapping[str, RecordFormat] = {
    each.name: each
    for each in (
        RecordFormat("access-log", keyed=True, quote="|"),
        RecordFormat("jsonl", keyed=True),
        RecordFormat("text", keyed=False, quote='"'),
    )
}
