"""A second reader, by the book: all at once, with `csv` and `json` alone, and slow.

It shares no code with the project, except for what the README says of a log.
"""

import codecs
import contextlib
import csv
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.fuzz.book_tables import (
    Layout,
    Numbering,
    common,
    layout_of,
    layout_of_records,
    split,
)

DROPPED = ("timestamp", "headers", "source", "route", "responsePayload")
DEEPEST = 500
MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
QUOTES = {"access-log": "|", "text": '"'}


class Refused(Exception):
    """What is wrong with a log or a line.

    Attributes:
        row: Which row, counted from 1; None if it is the log, or one line by itself.
        is_cut: Whether the log ends inside a character.
    """

    def __init__(self, row: int | None = None) -> None:
        super().__init__(row)
        self.row = row
        self.is_cut = False


@dataclass(frozen=True)
class Read:
    """What a log holds.

    Attributes:
        format: Which of the three formats it has.
        texts: The cleaned records.
        labels: Their labels.
        skipped: How many rows were left out as bad.
    """

    format: str
    texts: list[str]
    labels: list[int]
    skipped: int


def read(
    content: bytes,
    format: str | None,
    *,
    rows: int | None,
    skips: bool,
    encoding: str | None = None,
) -> Read:
    """Read a log."""
    content, is_whole = in_utf8(content, encoding)
    try:
        return read_utf8(content, format, rows=rows, skips=skips, is_whole=is_whole)
    except Refused as refused:
        refused.is_cut = not is_whole
        raise


def read_utf8(
    content: bytes, format: str | None, *, rows: int | None, skips: bool, is_whole: bool
) -> Read:
    """Read a log in UTF-8."""
    objects = listed(content) if format in (None, "jsonl") else None
    lines, ends = (lines_of(content), True) if objects is None else objects
    format, layout = format_and_layout(lines, format)
    texts, labels, skipped = [], [], 0
    numbering = Numbering()
    for number, row in numbered(lines, format, layout)[:rows]:
        try:
            text, label = taken_apart(row, format, layout, numbering)
        except Refused:
            if not skips:
                raise Refused(number) from None
            skipped += 1
        else:
            texts.append(text)
            labels.append(label)
    if not texts or not ((is_whole and ends) or len(texts) + skipped == rows):
        raise Refused
    return Read(format, texts, labels, skipped)


def in_utf8(content: bytes, encoding: str | None) -> tuple[bytes, bool]:
    """Convert a log by its mark or encoding, and tell whether its last character is whole."""
    for mark, name in MARKS:
        if content.startswith(mark):
            if encoding is not None:
                raise Refused
            encoding, content = name, content.removeprefix(mark)
            break
    if encoding in (None, "utf-8"):
        return content, True
    errors = "surrogatepass" if encoding.startswith("utf") else "surrogateescape"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    try:
        text = decoder.decode(content)
    except UnicodeError:
        raise Refused from None
    return text.encode("utf-8", "surrogatepass"), not decoder.getstate()[0]


def listed(content: bytes) -> tuple[list[str], bool] | None:
    """Return the elements of a JSON list of objects, and whether it ends; None if it is none."""
    if not re.match(rb'\s*\[\s*(\Z|\{\s*(["}]|\Z))'.replace(rb"\s", rb"[ \t\r\n]"), content):
        return None
    elements, rest, is_closed = cut(content.strip(b" \t\r\n")[1:])
    rest = rest.strip(b" \t\r\n")
    if rest and (is_closed or not rest.startswith(b"{")):
        return None
    found = [one.strip(b" \t\r\n").decode("utf-8", "surrogateescape") for one in elements]
    return found, is_closed


def cut(content: bytes) -> tuple[list[bytes], bytes, bool]:
    """Cut what follows a list's bracket into its elements; give the rest and whether it ended."""
    elements, depth, start, in_string, is_escaped = [], 0, 0, False, False
    for at, letter in enumerate(content.decode("latin-1")):
        if in_string:
            in_string = is_escaped or letter != '"'
            is_escaped = not is_escaped and letter == "\\"
        elif letter == '"':
            in_string = True
        elif letter in "[{":
            depth += 1
        elif letter in "]}" and depth:
            depth -= 1
        elif letter in ",]" and not depth:
            elements.append(content[start:at])
            start = at + 1
            if letter == "]":
                return elements, content[start:], True
    return elements, content[start:], False


def lines_of(content: bytes) -> list[str]:
    """Split a log into lines, ends kept; bad UTF-8 becomes lone surrogates."""
    found = re.findall(rb"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+", content)
    return [line.decode("utf-8", "surrogateescape") for line in found]


def guess(lines: list[str]) -> str:
    """Guess the format from the first line that is not blank."""
    first = next((line for line in lines if not is_blank(line)), "").strip()
    if re.match(r"\|(\s*\{|[^|]*\|,)", first):
        return "access-log"
    if not first.startswith("{"):
        return "text"
    if is_object(first):
        return "jsonl"
    with contextlib.suppress(csv.Error):
        if is_object(next(csv.reader([first], quotechar="|"))[0]):
            return "access-log"
    return "jsonl" if re.match(r'\{\s*"', first) else "text"


def format_and_layout(lines: list[str], format: str | None) -> tuple[str, Layout]:
    """Guess a format, and find the layout of its rows."""
    guessed = guess(lines)
    if guessed == "text" and format in (None, "access-log"):
        try:
            layout = layout_of_records(lines, is_access_record)
        except ValueError:
            raise Refused from None
        if layout is not None:
            return "access-log", layout
    format = format or guessed
    if format != "text":
        return format, Layout()
    layout = layout_of(lines)
    if layout is None:
        raise Refused
    return format, layout


def is_access_record(cell: str) -> bool:
    """Tell whether a cell holds a record as the brief's log has them."""
    if not cell.lstrip().startswith("{") or not is_object(cell):
        return False
    keys = parsed(cell).keys()
    return not keys.isdisjoint(DROPPED) or not {"method", "path"} - keys


def numbered(lines: list[str], format: str, layout: Layout) -> list[tuple[int, list[str]]]:
    """Number the rows, and leave out blank ones and a header; a JSON line has one field."""
    if format == "jsonl":
        return [(n, [line]) for n, line in enumerate(lines, 1) if not is_blank(line)]
    made = csv.reader(lines, quotechar="|") if format == "access-log" and not layout.quote else None
    made = made or split(lines, layout.delimiter, layout.quote or '"')
    rows = [(n, row) for n, row in enumerate(made, 1) if "".join(row).strip()]
    return rows[1:] if layout.header else rows


def taken_apart(
    row: list[str], format: str, layout: Layout, numbering: Numbering
) -> tuple[str, int]:
    """Take the cleaned record and the label out of a row."""
    for field in row:
        check(field)
    if format == "jsonl":
        record = parsed(row[0])
        if "label" not in record:
            raise Refused
        label = record.pop("label")
        word = label if isinstance(label, str) else json.dumps(label)
        if label is None or label != label:
            raise Refused
        text = dumped(record)
    else:
        own = row[layout.label] if layout.label < len(row) else "0"
        quote = layout.quote or QUOTES[format]
        if any(has_row_in_it(field, quote, layout, numbering, own) for field in row):
            raise Refused
        if len(row) < layout.least or "".join(row[layout.width :]).strip():
            raise Refused
        text, word = row[layout.text], row[layout.label]
        if format == "access-log":
            text = dumped(parsed(text))
    number = numbering.number(word)
    if number is None:
        raise Refused
    return text, number


def has_row_in_it(field: str, quote: str, layout: Layout, numbering: Numbering, own: str) -> bool:
    """Tell whether a row stands in a field, of which the quote was not closed."""
    for line in re.split(r"\r\n|\n|\r", field)[:-1]:
        if layout.label == layout.least - 1:
            _, between, cell = line.rpartition(layout.delimiter)
        else:
            cell, between, _ = line.partition(layout.delimiter)
        if between and numbering.has(cell.strip(" \t" + quote), own):
            return True
    return False


def records(lines: list[str], format: str) -> list[str | None]:
    """Take what a model sees out of lines, whose labels may be absent; None for a bad record."""
    found: list[str | None] = []
    at = 0
    while at < len(lines):
        taken = 1 if format == "jsonl" else lines_of_row(lines, at, format)
        joined = "".join(f"{line}\n" for line in lines[at : at + taken])
        record = row_text(joined.removesuffix("\n").removesuffix("\r"), format)
        if taken > 1 and record is not None:
            found.append(record if is_text(record) and is_text(joined) else None)
            at += taken
            continue
        for line in lines[at : at + max(1, taken - 1)]:
            found.append(line_text(line.removesuffix("\r"), format))
        at += max(1, taken - 1)
    return found


def lines_of_row(lines: list[str], at: int, format: str) -> int:
    """Count the lines that a row goes over if it begins here, up to one that shows it is none."""
    if format == "access-log" and is_object(lines[at].rstrip("\r")):
        return 1
    rest = (f"{lines[number]}\n" for number in range(at, len(lines)))
    reader = csv.reader(rest, quotechar=QUOTES[format], strict=True)
    with contextlib.suppress(csv.Error):
        next(reader)
    return reader.line_num


def row_text(line: str, format: str) -> str | None:
    """Take the text out of a row with its label; None if it is none."""
    fields = fields_of(line, QUOTES[format]) if format != "jsonl" else None
    if fields is None or "".join(fields[2:]).strip():
        return None
    if format == "access-log":
        alone = len(fields) == 1
        is_row = alone or common(fields[1]) in ("0", "1")
        return dumped(parsed(fields[0])) if is_row and is_object(fields[0]) else None
    return fields[0] if len(fields) > 1 and common(fields[1]) in ("0", "1") else None


def line_text(line: str, format: str) -> str | None:
    """Take what a model sees out of one line; None if there is nothing."""
    if not line or not is_text(line) or (format != "text" and not line.strip()):
        return None
    if format == "jsonl" or (format == "access-log" and is_object(line)):
        if not is_object(line):
            return None
        record = parsed(line)
        if format == "jsonl":
            record.pop("label", None)
        return dumped(record)
    found = row_text(line, format)
    if format == "text" and found is None:
        fields = fields_of(line, QUOTES[format]) or ["", ""]
        return fields[0] if len(fields) == 1 and line.startswith('"') else line
    return found


def fields_of(line: str, quote: str) -> list[str] | None:
    """Split one row as CSV; None if a quote is not closed, or goes on behind."""
    try:
        return next(csv.reader([line], quotechar=quote, strict=True), []) or [""]
    except csv.Error:
        return None


def is_text(text: str) -> bool:
    """Tell whether a text holds no NUL and was UTF-8."""
    return not re.search("[\0\ud800-\udfff]", text)


def is_blank(line: str) -> bool:
    """Tell whether only ASCII white space is in a line."""
    return not line.strip(" \t\n\r\v\f")


def check(text: str) -> None:
    """Refuse NUL and what was not UTF-8."""
    if not is_text(text):
        raise Refused


def is_object(text: str) -> bool:
    """Tell whether a text is a JSON object."""
    try:
        parsed(text)
    except Refused:
        return False
    return True


def parsed(text: str) -> dict[str, Any]:
    """Parse a JSON object."""
    try:
        record = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise Refused from None
    if not isinstance(record, dict) or depth(record) > DEEPEST:
        raise Refused
    return record


def depth(value: object) -> int:
    """Count how deep a value is nested, a flat object once."""
    deepest = 0
    pending = [(value, 1)]
    while pending:
        one, level = pending.pop()
        if isinstance(one, dict | list):
            deepest = max(deepest, level)
            inner = one.values() if isinstance(one, dict) else one
            pending.extend((each, level + 1) for each in inner)
    return deepest


def dumped(record: dict[str, Any]) -> str:
    """Clean a record."""
    left = {key: value for key, value in record.items() if key not in DROPPED}
    return json.dumps(left, separators=(",", ":"))


def vocabulary(texts: list[str]) -> list[str]:
    """Order characters by falling frequency, ties by first appearance."""
    return [character for character, _ in Counter("".join(map(str.lower, texts))).most_common()]


def ids(text: str, characters: list[str], longest: int) -> list[int]:
    """Encode a text; what is unknown shares one id."""
    known = {character: number for number, character in enumerate(characters, 1)}
    return [known.get(character, len(known) + 1) for character in text.lower()][-longest:]
