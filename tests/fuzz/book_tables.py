"""The book's chapter on tables: delimiter, header, columns and labels, from the first rows.

It shares no code with the project either, and looks at all rows of an input, which is short.
"""

import csv
import itertools
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

ZERO = (
    *({"0", "-1"}, {"false", "no"}),
    {"norm", "normal", "ham", "good", "benign", "legit", "legitimate", "clean", "safe", "negative"},
)
ONE = (
    *({"1"}, {"true", "yes"}),
    {"anom", "anomaly", "anomalous", "abnormal", "attack", "spam", "bad", "malicious", "malware"}
    | {"phishing", "dga", "positive"},
)


@dataclass
class Numbering:
    """Numbers labels as they come."""

    zero: str | None = None
    one: str | None = None
    family: int | None = None

    def has(self, word: str, beside: str) -> bool:
        """Tell whether a label is one of the log's, or like that of a row if one is to come."""
        key, other = common(word), common(beside)
        own = {self.zero, self.one} | ({"0", "1"} if self.family in (None, 0) else set())
        if key in own or None not in (self.zero, self.one):
            return key in own
        alike = any({key, other} <= ZERO[n] | ONE[n] for n in range(3))
        return bool(key) and (key == other or alike)

    def number(self, word: str) -> int | None:
        """Return 0 or 1; None if the label is bad."""
        key = common(word)
        for family in range(3):
            for label, words in enumerate((ZERO[family], ONE[family])):
                if key not in words:
                    continue
                own = self.one if label else self.zero
                if self.family not in (None, family) or own not in (None, key):
                    return None
                self.family = family
                self.zero, self.one = (self.zero, key) if label else (key, self.one)
                return label
        return None


@dataclass
class Layout:
    """Where the text and the label stand."""

    delimiter: str = ","
    header: bool = False
    text: int = 0
    label: int = 1
    width: int = 2
    least: int = 2
    quote: str | None = None


def common(word: str) -> str:
    """Return what equal labels have in common."""
    word = word.strip().casefold()
    number = re.fullmatch(r"\+?(-?(?:0|[1-9][0-9]{0,17}))(\.0*)?", word)
    return str(int(number[1])) if number else word


def is_label(cell: str) -> bool:
    """Tell whether a cell is a label by itself."""
    return common(cell) in set().union(*ZERO, *ONE)


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number."""
    return re.fullmatch(r"[+-]?[0-9]+(\.[0-9]*)?", cell.strip()) is not None


def split(lines: list[str], delimiter: str, quote: str = '"') -> list[list[str]]:
    """Split lines at a delimiter, blank ones into nothing; up to what is no CSV."""
    if delimiter == "\t":
        return [_at_tabs(line.rstrip("\r\n"), quote) for line in lines]
    rows = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, quotechar=quote):
            rows.append(row)
    except csv.Error:
        pass
    return rows


def _at_tabs(line: str, quote: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter="\t", quotechar=quote, strict=True), [])
    except csv.Error:
        return line.split("\t")


def layout_of(lines: list[str]) -> Layout | None:
    """Find the layout of a table; None if the user has to name its columns."""
    found = {between: [row for row in split(lines, between) if row] for between in ",\t;"}

    def likeness(between: str) -> tuple[int, int]:
        rows = found[between]
        if not rows or len(rows[0]) < 2:
            return 0, 0
        labels = max(sum(map(is_label, cells(rows, i))) for i in range(len(rows[0])))
        return labels, sum(len(row) == len(rows[0]) for row in rows)

    delimiter = max(",\t;", key=likeness)  # The first of several.
    if delimiter != "\t" and (is_escaped(lines, delimiter) or is_spaced(lines, delimiter)):
        return None
    rows = found[delimiter]
    good = [row for row in rows if not re.search("[\0\ud800-\udfff]", "".join(row))]
    header = bool(rows) and rows[0] in good[:1] and has_header(good)
    layout = columns_of(good, header)
    if layout is not None:
        layout.delimiter, layout.header = delimiter, header
    return layout


def is_escaped(lines: list[str], delimiter: str) -> bool:
    """Tell whether quotes stand behind backslashes, without which there are fewer whole rows."""
    whole = {}
    for escape in (None, "\\"):
        reader = csv.reader(lines, delimiter=delimiter, escapechar=escape, strict=True)
        whole[escape] = 0
        try:
            while next(reader) is not None:
                whole[escape] += 1
        except (StopIteration, csv.Error):
            pass
    return whole["\\"] > whole[None] and reader.line_num == len(lines) and '\\"' in "".join(lines)


def is_spaced(lines: list[str], delimiter: str) -> bool:
    """Tell whether quotes stand behind spaces in most lines, and are closed where cells end."""
    rows = [row for row in split(lines, delimiter) if row]
    if 2 * sum(any(cell.startswith(' "') for cell in row) for row in rows) <= len(rows):
        return False
    try:
        list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        return False
    return True


def layout_of_records(lines: list[str], is_record: Callable[[str], bool]) -> Layout | None:
    """Find the layout of an access log in ordinary quotes; None if the lines are none.

    Raises:
        ValueError: The user has to name the columns.
    """
    for quote, between in itertools.product('"|', ",\t;"):
        rows = [row for row in split(lines, between, quote) if row]
        good = [row for row in rows if not re.search("[\0\ud800-\udfff]", "".join(row))]
        asked = good[1:51] or good
        width = max(map(len, asked), default=0)
        for column in range(width):
            if 2 * sum(map(is_record, cells(asked, column))) <= len(asked):
                continue
            first = rows[0][column] if column < len(rows[0]) else ""
            header = rows[0] in good[:1] and not first.lstrip().startswith("{")
            if header and not first.strip():
                break
            if not header and column >= Counter(map(len, good)).most_common(1)[0][0]:
                break  # Most rows end before it.
            layout = columns_of(good, header)
            if layout is None:
                raise ValueError
            if layout.text != column:
                layout.text, layout.label = layout.label, layout.text
            layout.delimiter, layout.header, layout.quote = between, header, quote
            return layout
    return None


def cells(rows: list[list[str]], column: int) -> list[str]:
    """Return a column's cells, without the rows that end before it."""
    return [row[column] for row in rows if len(row) > column]


def has_header(rows: list[list[str]]) -> bool:
    """Tell whether the first of some rows names the columns."""
    first, rest = rows[0], rows[1:]
    numbers = first[1:] if first[0] == "" else first
    if (
        len(numbers) > 1
        and numbers == [str(n) for n in range(len(numbers))]
        and not all(is_number(cell) for row in rest for cell in row)
    ):
        return True

    def is_like_those_below(i: int) -> bool:
        below = cells(rest, i)
        if not below:
            return is_label(first[i])
        if is_number(first[i]) and any(map(is_number, below)):
            return True
        own = {common(first[i])}
        return any(
            own <= words and not words.isdisjoint(map(common, below))
            for words in map(set.union, map(set, ZERO), map(set, ONE))
        )

    if "label" in [cell.strip().casefold() for cell in first]:
        return not any(map(is_like_those_below, range(len(first))))
    places = [i for i, cell in enumerate(first) if cell.strip()]
    labels = [i for i in places if sum(map(is_label, cells(rest, i))) > len(rest) / 2]
    if labels:
        return not any(map(is_like_those_below, labels))
    for i in places[:1] + places[-1:]:
        below = list(map(common, cells(rest, i)))
        few = 2 * len(set(below)) <= len(below)
        if len(rest) >= 4 and few and common(first[i]) not in below and not is_number(first[i]):
            return True
    return False


def columns_of(rows: list[list[str]], header: bool) -> Layout | None:
    """Find the columns of the text and the label; None if there are more than two."""
    names = rows[0] if header else []
    rest = rows[1:] if header else rows
    widths = Counter(map(len, rows)).most_common(1)
    width = max(2, len(names) or (widths[0][0] if widths else 0))
    used = []
    for i in range(width):
        unnamed = header and not (i < len(names) and names[i].strip())
        if (i == 0 or not unnamed) and (not rest or any(x.strip() for x in cells(rest, i))):
            used.append(i)
    if len(used) > 2 and is_index(cells(rest, used[0]), names[used[0]] if header else None):
        used = used[1:]
    if len(used) < 2:
        used = [0, 1]
    if len(used) > 2:
        return None

    def likeness(i: int) -> tuple[int, int, int]:
        name = names[i].strip().casefold() if i < len(names) else ""
        usual = ["is_malicious", "target", "classification", "class", "labels", "label"]
        below = cells(rest, i)
        distinct = len(set(map(common, below)))
        few = -abs(distinct - 2) if 2 * distinct <= len(rest) else -len(rest)
        return usual.index(name) + 1 if name in usual else 0, sum(map(is_label, below)), few

    first, last = used
    label = last if likeness(last) >= likeness(first) else first
    return Layout(text=first + last - label, label=label, width=width, least=last + 1)


def is_index(column: list[str], name: str | None) -> bool:
    """Tell whether a column only numbers the rows."""
    values = [common(cell) for cell in column]
    if not values or not all(value.isdecimal() and len(value) < 19 for value in values):
        return False
    numbers = [int(value) for value in values]
    named = name is not None and name.strip().casefold() in ("", "unnamed: 0", "index")
    return named or numbers == list(range(numbers[0], numbers[0] + len(numbers)))
