"""Tables of texts and labels: the delimiter, the header, and which columns are the two.

Everything is decided by the first rows of a log (`sample_lines`), so that it can be streamed.
"""

import contextlib
import csv
import itertools
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from data.common import UserError, join_names
from data.reading.labels import are_alike, is_known, listed, shortened
from data.records import (
    RecordError,
    canonical_label,
    check_characters,
    join_cells,
    split_lines,
)

DELIMITERS = (",", "\t", ";")
SAMPLE_LINES, SAMPLE_BYTES = 1000, 2**18

_LABEL = "label"
_USUAL_LABELS = (_LABEL, "labels", "class", "classification", "target", "is_malicious")
_INDEX_NAMES = ("", "unnamed: 0", "index")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?", re.ASCII)

Row = Sequence[str]


@dataclass(frozen=True)
class Columns:
    """The columns that the user named, each by its name or its number from 1."""

    text: tuple[str, ...] = ()  # the columns of the texts (`--text-column`)
    label: str | None = None  # the column of the labels (`--label-column`)
    # What `--positive` or `--negative` names, by which the labels' column is known too.
    labels: tuple[str, ...] = ()
    group: str | None = None  # the column that tells which rows belong together (`--group-column`)

    def is_label(self, cell: str) -> bool:
        """Return whether a cell holds what is known as a label."""
        return is_known(cell) or canonical_label(cell) in map(canonical_label, self.labels)

    @property
    def names(self) -> list[str]:
        """Those that are no numbers, and so stand in the first row."""
        return [one for one in (*self.text, self.label, self.group) if one and not one.isdecimal()]


@dataclass(frozen=True)
class Table:
    """How a row is split, and where in it the text and the label stand."""

    text: tuple[int, ...] = (0,)  # the indices of the columns of texts
    label: int = 1  # the index of the column of labels
    width: int = 2  # how many columns there are
    required: int = 2  # how many a row has at least; those behind may be left out
    header: tuple[str, ...] | None = None  # the names of the columns, if the first row has them
    delimiter: str = ","  # what stands between columns
    # The index of the column that tells which rows belong together, if one does.
    group: int | None = None
    # The quote character; None is that of the log's format, and "" that none is needed.
    quote: str | None = None

    def cells(self, row: Row) -> tuple[str, str]:
        """Return a row's text and label; raise `UserError` for too few or too many columns."""
        if len(row) < self.required or any(cell.strip() for cell in row[self.width :]):
            raise UserError(
                f"has {len(row)} column{'s' * (len(row) != 1)}, but must have {self.required}"
                f"{self._advice(row)}"
            )
        return join_cells(row, self.text), row[self.label]

    def _advice(self, row: Row) -> str:
        if len(row) > self.width:
            between = {",": "commas", "\t": "tabs"}.get(self.delimiter, repr(self.delimiter))
            return f"; is a text that holds {between} not in quotes?"
        if len(row) == 1:
            _, between, label = row[0].rpartition(self.delimiter)
            if between and is_known(label):
                return f"; its label {shortened(label)} is inside the text's quotes"
            return "; give texts without labels as --negative-file FILE --positive-file FILE"
        return ""

    @property
    def is_label_last(self) -> bool:
        """Whether nothing stands behind the label."""
        return self.label == self.required - 1

    def label_at_end(self, line: str) -> str:
        """Return what would be the label if a line were a row, and stood at one of its ends."""
        if self.is_label_last:
            _, between, cell = line.rpartition(self.delimiter)
        else:
            cell, between, _ = line.partition(self.delimiter)
        return cell if between and (self.is_label_last or self.label == 0) else ""

    def goes_on(self, row: Row) -> bool:
        """Return whether a row has something in columns that the header leaves without a name."""
        if self.header is None or len(row) <= self.required:
            return False
        rest = zip(row[self.required :], self.header[self.required :], strict=False)
        return any(cell.strip() and not name.strip() for cell, name in rest)

    def describe(self) -> str | None:
        """Return a line that says what was taken for what; None for a text and its label alone."""
        names = self.header
        usual = names is None or [name.strip().casefold() for name in names] == ["text", _LABEL]
        if usual and (self.text, self.label, self.width, self.delimiter) == ((0,), 1, 2, ","):
            return None
        *texts, label = (_called(index, names) for index in (*self.text, self.label))
        between = {",": "", "\t": ", between tabs"}.get(
            self.delimiter, f", between {self.delimiter!r}"
        )
        group = "" if self.group is None else f", the group column {_called(self.group, names)}"
        text = f"column {texts[0]}"
        if len(texts) > 1:
            text = f"columns {listed(texts)}, joined by spaces"
        return f"the text is {text}, the label column {label}{group}{between}"


def _called(index: int, names: Row | None) -> str:
    return str(index + 1) if names is None else f"{index + 1} ({shortened(names[index])})"


def _fail(error: UserError) -> bytes:
    raise error


def sample_lines(lines: Iterator[bytes]) -> tuple[list[bytes], Iterator[bytes], bool]:
    """Return a log's first lines, all its lines, and whether the first ones are all.

    An error that ends the first lines is raised when all lines have come to it.
    """
    head: list[bytes] = []
    length = 0
    try:
        for line in lines:
            head.append(line)
            length += len(line)
            if len(head) == SAMPLE_LINES or length >= SAMPLE_BYTES:
                # A line that is long enough to end the sample is no part of it.
                return head[: max(1, len(head) - 1)], itertools.chain(head, lines), False
    except UserError as error:
        return head, itertools.chain(head, map(_fail, [error])), False
    return head, iter(head), True


def find_table(head: Sequence[str], is_all: bool, columns: Columns, quote: str = '"') -> Table:
    """Find out how the rows of a log are split, by its first lines, which may be all of them.

    A `UserError` tells which columns the user has to name; it does not begin with the source.
    """
    samples = {each: split_sample(head, is_all, each, quote) for each in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda each: _score(samples[each], columns))
    if delimiter != "\t":
        _refuse_backslashes(head, delimiter, quote)
        _refuse_spaces(head, samples[delimiter], delimiter, quote)
    good = good_rows(samples[delimiter])
    # A first row that will be refused as no text is no header.
    has_header = None if good[:1] == samples[delimiter][:1] else False
    return replace(find_columns(good, columns, has_header), delimiter=delimiter)


def _refuse_backslashes(head: Sequence[str], delimiter: str, quote: str) -> None:
    """Raise a `UserError` if it takes backslashes before quotes to make sense of the rows."""
    if not any(f"\\{quote}" in line for line in head):
        return
    plain, escaped = (
        csv.reader(head, delimiter=delimiter, quotechar=quote, escapechar=escape, strict=True)
        for escape in (None, "\\")
    )
    if _count_good(escaped) > _count_good(plain) and escaped.line_num == len(head):
        raise UserError(
            f"holds quotes behind backslashes (\\{quote}), as Spark and MySQL write them, but a "
            f"CSV has two quotes for one; {_rewrite_with('escapechar=chr(92)')}"
        )


def _refuse_spaces(head: Sequence[str], rows: Sequence[Row], delimiter: str, quote: str) -> None:
    """Raise a `UserError` if most rows have spaces before quotes, which CSV takes for text."""
    if 2 * sum(any(cell.startswith(f" {quote}") for cell in row) for row in rows) <= len(rows):
        return
    try:
        list(
            csv.reader(
                head, delimiter=delimiter, quotechar=quote, skipinitialspace=True, strict=True
            )
        )
    except csv.Error:
        return  # An unquoted JSON record, whose own quotes close within a cell.
    raise UserError(
        f"has spaces before its quotes ({delimiter} {quote}), which makes them a part of the "
        f"text; {_rewrite_with('skipinitialspace=True')}"
    )


def _rewrite_with(option: str) -> str:
    """Return how pandas, which needs this option to read a log, writes it as other CSVs are."""
    return (
        f"write it again: python -c \"import pandas; pandas.read_csv('FILE', header=None, {option})"
        ".to_csv('converted.csv', header=False, index=False)\""
    )


def _count_good(rows: Iterator[list[str]]) -> int:
    """Count the rows before the first that cannot be split."""
    count = 0
    with contextlib.suppress(csv.Error):
        for _ in rows:
            count += 1
    return count


def split_sample(head: Sequence[str], is_all: bool, delimiter: str, quote: str) -> list[list[str]]:
    """Split a log's first lines into rows, without blank ones and a last one that may be cut."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):  # Told of when the row is read.
        rows.extend(filter(None, split_lines(head, delimiter, quote)))
    if not is_all and len(rows) > 1:
        rows.pop()
    return rows


def good_rows(rows: Sequence[list[str]]) -> list[list[str]]:
    """Leave out the rows that will be refused as no text."""
    return [row for row in rows if all(map(_is_text, row))]


def _is_text(cell: str) -> bool:
    try:
        check_characters(cell)
    except RecordError:
        return False
    return True


def _score(rows: Sequence[Row], columns: Columns) -> tuple[int, int, int]:
    """Score a way to split rows: named columns, known labels, rows as wide as the first."""
    if not rows or len(rows[0]) < 2:
        return (0, 0, 0)
    named = sum(_find(name, rows[0]) is not None for name in columns.names)
    known = max(_count(rows, index, columns.is_label) for index in range(len(rows[0])))
    return named, known, sum(len(row) == len(rows[0]) for row in rows)


def _count(rows: Iterable[Row], index: int, holds: Callable[[str], bool]) -> int:
    return sum(len(row) > index and holds(row[index]) for row in rows)


def find_columns(rows: Sequence[Row], columns: Columns, has_header: bool | None = None) -> Table:
    """Find the columns of texts and labels by the first rows of a table, the header among them."""
    if has_header is None:
        has_header = _has_header(rows, columns)
    header = tuple(rows[0]) if has_header and rows else None
    rest = rows[1:] if has_header else rows
    width = max(2, len(header) if header else common_width(rows))
    used = [index for index in range(width) if _is_used(index, header, rest)] or [0, 1]
    names = None if header is None else (*header, *[""] * (width - len(header)))
    text = tuple(_chosen("--text-column", one, names, width) for one in columns.text)
    label, group = (
        None if one is None else _chosen(option, one, names, width)
        for option, one in (("--label-column", columns.label), ("--group-column", columns.group))
    )
    if group is not None and group not in (*text, label):
        used = [index for index in used if index != group]
    if len(used) > 2 and used[0] not in (*text, label) and _is_index(used[0], names, rest):
        used = used[1:]
    if len(used) < 2:
        used = [0, 1]
    if not text or label is None:
        text, label = _completed(text, label, used, names, rest, columns)
    if label in text:
        raise UserError(
            f"--text-column and --label-column are both column {label + 1}; give two different ones"
        )
    required = max(*text, label, *used, -1 if group is None else group) + 1
    return Table(text, label, width, required, names, group=group)


def common_width(rows: Sequence[Row]) -> int:
    """Return how many columns most rows have; 0 if there are no rows."""
    return next(iter(Counter(map(len, rows)).most_common(1)), (0, 0))[0]


def _has_header(rows: Sequence[Row], columns: Columns) -> bool:
    if not rows:
        return False
    first, rest = rows[0], rows[1:]
    if columns.names or _is_numbered(first, rest):
        return True
    if _LABEL in (cell.strip().casefold() for cell in first):
        return not any(_is_label_of(cell, rest, i, columns) for i, cell in enumerate(first))
    places = [index for index, cell in enumerate(first) if cell.strip()]
    if columns.label is not None:  # A number.
        places = [index for index in places if index == int(columns.label) - 1]
    least = 0 if columns.labels else len(rest) / 2
    labeled = [i for i in places if _count(rest, i, columns.is_label) > least]
    if any(_is_label_of(first[i], rest, i, columns) for i in labeled):
        return False
    if columns.labels:
        # Any other word may be a label too.
        return any(_is_new(first[i], rest, i, 1) for i in labeled)
    # Unknown labels: a name above a column in which few values come again and again.
    return bool(labeled) or any(
        len(rest) >= 4 and not _is_number(first[i]) and _is_new(first[i], rest, i, 2)
        for i in (*places[:1], *places[-1:])
    )


def _is_numbered(first: Row, rest: Sequence[Row]) -> bool:
    """Return whether a first row is what pandas writes above columns without names: 0,1."""
    names = list(first[1:] if first[0] == "" else first)
    are_numbers = len(names) > 1 and names == [str(index) for index in range(len(names))]
    return are_numbers and not all(all(map(_is_number, row)) for row in rest)


def _is_label_of(cell: str, rest: Sequence[Row], index: int, columns: Columns) -> bool:
    """Return whether a first cell is a label like those below; "spam" above 0 and 1 is a name."""
    below = set(_values(rest, index))
    if not below or canonical_label(cell) in map(canonical_label, columns.labels):
        return columns.is_label(cell)
    are_numbers = _is_number(cell) and any(map(_is_number, below))
    return are_numbers or any(are_alike(cell, value) for value in below)


def _is_new(cell: str, rest: Sequence[Row], index: int, often: int) -> bool:
    """Return whether a cell differs from those below, each of which comes so often on average."""
    values = _values(rest, index)
    distinct = set(values)
    return canonical_label(cell) not in distinct and often * len(distinct) + (often == 1) <= len(
        values
    )


def _values(rows: Iterable[Row], index: int) -> list[str]:
    return [canonical_label(row[index]) for row in rows if len(row) > index]


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell.strip()) is not None


def _is_used(index: int, header: Row | None, rest: Sequence[Row]) -> bool:
    # Behind the first one, a column without a name is what is left of commas at the lines' ends.
    if index and header is not None and not "".join(header[index : index + 1]).strip():
        return False
    return not rest or any("".join(row[index : index + 1]).strip() for row in rest)


def _is_index(index: int, names: Row | None, rest: Sequence[Row]) -> bool:
    values = _values(rest, index)
    if not values or not all(value.isdecimal() and len(value) < 19 for value in values):
        return False
    if names is not None and names[index].strip().casefold() in _INDEX_NAMES:
        return True
    numbers = [int(value) for value in values]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _find(name: str, header: Row) -> int | None:
    """Return the index of the column with this name, or one that differs in case or spaces only."""
    found = [cell.strip().casefold() for cell in header]
    if name in header:
        return list(header).index(name)
    return found.index(name.strip().casefold()) if name.strip().casefold() in found else None


def _chosen(option: str, one: str, names: Row | None, width: int) -> int:
    """Return the index of the column that an option names."""
    index = None if names is None else _find(one, names)
    if index is None and one.isdecimal() and 1 <= int(one) <= width:
        index = int(one) - 1
    if index is None:
        columns = (
            f"are {_list_of(names)}" if names else f"have no names; give a number from 1 to {width}"
        )
        raise UserError(f"{option} is {shortened(one)}, but the columns {columns}")
    return index


def _completed(
    text: tuple[int, ...],
    label: int | None,
    used: Sequence[int],
    names: Row | None,
    rest: Sequence[Row],
    columns: Columns,
) -> tuple[tuple[int, ...], int]:
    """Guess the columns that the user has not named; refuse to if there is a choice."""
    left = [index for index in used if index not in (*text, label)] or [used[-1]]
    guessed_label = label if label is not None else _label_column(left, names, rest, columns)
    left = [index for index in left if index != guessed_label] or [0]
    longest = max(left, key=lambda i: sum(len(row[i]) for row in rest if len(row) > i))
    guessed_text = text or (longest,)
    if {*used} - {*guessed_text, guessed_label}:
        one = _as_option(guessed_text, names)
        other = _as_option([guessed_label], names)
        raise UserError(
            f"has {len(used)} columns, {_list_of(names, used, rest)}; "
            f"give --text-column {one} --label-column {other}, or those that are right (A,B joins "
            "the texts of two)"
        )
    return guessed_text, guessed_label


def _label_column(
    left: Sequence[int], names: Row | None, rest: Sequence[Row], columns: Columns
) -> int:
    """Guess which of some columns holds the labels."""

    def likeness(index: int) -> tuple[int, int, int]:
        name = "" if names is None else names[index].strip().casefold()
        usual = len(_USUAL_LABELS) - _USUAL_LABELS.index(name) if name in _USUAL_LABELS else 0
        known = _count(rest, index, columns.is_label)
        # Two values are likeliest; a column of zeros alone may be anything.
        distinct = len(set(_values(rest, index)))
        return usual, known, -abs(distinct - 2) if 2 * distinct <= len(rest) else -len(rest)

    return max(reversed(left), key=likeness)


def _as_option(columns: Sequence[int], names: Row | None) -> str:
    """Write columns as the options take them, by their names if those can be typed."""
    found = ["" if names is None else names[index].strip() for index in columns]
    if not all(name and name.isprintable() for name in found):
        return ",".join(str(index + 1) for index in columns)
    return shlex.quote(join_names(found))


def _list_of(names: Row | None, used: Sequence[int] | None = None, rest: Sequence[Row] = ()) -> str:
    """List columns by their names, or by their numbers and first cells."""
    if names is not None:
        return listed(shortened(names[index]) for index in used or range(len(names)))
    first = rest[0] if rest else ()
    return listed(
        f"{index + 1} ({shortened(''.join(first[index : index + 1]))})" for index in used or ()
    )
