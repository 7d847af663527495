"""How a raw line of a log is taken apart when a trained model meets it, labeled or not."""

import csv
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from data.common import UserError
from data.reading.labels import canonical
from data.reading.table import MAX_FIELD, Table, split_lines

# More labels than these are not kept.
_MOST_LABELS = 100
_PLAIN = ("0", "1")


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
    labels: tuple[str, ...] = _PLAIN
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
    def of_table(cls, table: Table, quote: str, labels: tuple[str, ...]) -> "RowLayout":
        """Describe the table that a log was read as."""
        own = labels[:_MOST_LABELS]
        if set(own) <= {*_PLAIN, "-1"}:
            own = tuple(dict.fromkeys((*_PLAIN, *own)))
        places = (table.text, table.label, table.width, table.required)
        return cls(table.delimiter, table.quote or quote, *places, own)

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
            UserError: If it is no CSV.
        """
        if self.is_whole:
            return [line]
        csv.field_size_limit(MAX_FIELD)
        try:
            return next(split_lines([line], self.delimiter, self.quote), []) or [""]
        except csv.Error as error:
            raise UserError(f"is no CSV ({error})") from error

    def text_of(self, cells: list[str]) -> str | None:
        """Return the text among the cells of a line, a label of the log or none being beside it."""
        if len(cells) == 1:
            return cells[0]
        if len(cells) < self.required or any(cell.strip() for cell in cells[self.width :]):
            return None
        label = canonical(cells[self.label])
        # With two columns an empty label may be the end of a text, as in `hello,`.
        is_row = label in self.labels or (not label and self.width > 2)
        return cells[self.text] if is_row else None
