"""Labelled records out of an access log, JSON Lines or a `text,label` CSV, cleaned."""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.common import UserError, track
from data.reading import quick
from data.reading.formats import FORMATS, check_format
from data.reading.records import dump, load
from data.reading.rows import (
    Row,
    check_characters,
    guess,
    is_label,
    parse as parse_row,
    rows as numbered_rows,
)
from data.reading.source import MAX_BYTES, name_of, open_byte_lines
from data.reading.spool import Spool
from data.reading.texts import to_bytes

DROPPED_KEYS = ("timestamp", "headers", "source", "route", "responsePayload")

# Keys of a cleaned record that the client does not fill in with values.
_VALUELESS_KEYS = ("method", "path", "statusCode")


@dataclass(frozen=True)
class AccessLog:
    """Labelled texts in the order of their file.

    Attributes:
        texts: The n cleaned records, in a file that is gone when they are.
        labels: Their labels, 0 normal or 1 malicious, uint8 [n].
        format: One of `FORMATS`.
        source: Where they came from, as messages call it.
        skipped: How many bad rows were left out.
        sha256: Fingerprint of the texts and labels, in hexadecimal.
    """

    texts: Sequence[str]
    labels: npt.NDArray[np.uint8]
    format: str
    source: str
    skipped: int
    sha256: str


def read(
    path: str,
    *,
    format: str | None = None,
    dropped_keys: Sequence[str] = DROPPED_KEYS,
    rows: int | None = None,
    skip_bad_rows: bool = False,
    max_bytes: int = MAX_BYTES,
) -> AccessLog:
    """Read and clean a labelled log.

    Args:
        path: A plain, .gz, .xz or .zip file, or "-" for standard input.
        format: One of `FORMATS`; guessed from the first line when None.
        dropped_keys: Keys to delete from each record; absent ones are no error.
        rows: Read only the file's first so many rows; all when None.
        skip_bad_rows: Leave out and count rows that cannot be used instead of raising.
        max_bytes: How many bytes the log may hold, unpacked.

    Returns:
        The log, with at least one text.

    Raises:
        UserError: The file cannot be read, is larger than `max_bytes` or holds no usable row, or a
            row is bad.
    """
    if format is not None:
        check_format(format)
    if rows is not None and rows < 1:
        raise UserError(f"the number of rows is {rows}, but must be 1 or more")
    source = name_of(path)
    skipped = 0
    with open_byte_lines(path, max_bytes) as lines, Spool() as spool:
        if format is None:
            format, lines = guess(lines)
        numbered = itertools.islice(numbered_rows(lines, format, source), rows)
        for number, row in track(numbered, f"reading {source}", rows):
            try:
                text, label = _quick(row, dropped_keys) or _exact(row, format, dropped_keys)
            except UserError as error:
                if not skip_bad_rows:
                    raise UserError(
                        f"{source}, row {number}: {error} (mend it or give --skip-bad-rows)"
                    ) from error
                skipped += 1
            else:
                spool.add(text, label)
        if not spool:
            raise UserError(f"{source}: no usable row in it ({skipped} skipped), read as {format}")
        texts, labels, sha256 = spool.finish()
    return AccessLog(texts, labels, format, source, skipped, sha256)


def _quick(row: Row, dropped_keys: Sequence[str]) -> tuple[bytes, int] | None:
    if type(row) is tuple:
        text = quick.clean(row[0], dropped_keys)
        return None if text is None else (text, row[1])
    if type(row) is bytes:
        return quick.clean_json_line(row, dropped_keys)
    return None


def _exact(row: Row, format: str, dropped_keys: Sequence[str]) -> tuple[bytes, int]:
    record, label = parse_row(row, format)
    return to_bytes(record if isinstance(record, str) else _drop(record, dropped_keys)), label


def clean(record: str, dropped_keys: Sequence[str] = DROPPED_KEYS) -> str:
    """Clean one record as the brief does: drop keys, dump without spaces, ASCII-escaped.

    Args:
        record: A JSON object as text.
        dropped_keys: Keys to delete; absent ones are no error.

    Returns:
        The rest of the record, its keys in their order.

    Raises:
        UserError: The record is no JSON object.
    """
    with contextlib.suppress(UnicodeEncodeError):
        if (text := quick.clean(record.encode(), dropped_keys)) is not None:
            return text.decode("ascii")
    return _drop(load(record), dropped_keys)


def parse_line(line: str, format: str) -> str:
    """Take the record out of one line, whose label is ignored and may be absent.

    Args:
        line: A line of a log of this format, or a bare record.
        format: One of `FORMATS`.

    Returns:
        The raw record; `clean` makes it what a model sees, where the format is keyed.

    Raises:
        UserError: There is no record in the line, or the format is unknown.
    """
    check_format(format)
    line = line.rstrip("\r\n")
    check_characters(line)
    known = FORMATS[format]
    if known.quote is None:
        return _drop(load(line), ("label",))
    if known.is_quick and (row := quick.split_row(line.encode() + b"\n")) is not None:
        return row[0].decode()
    if known.keyed and not line.startswith(known.quote):
        try:
            load(line)
        except UserError:
            pass  # Not bare, then: the row of a record without commas, which needs no quotes.
        else:
            return line
    fields = known.split(line)
    if len(fields) == 1 or (len(fields) == 2 and is_label(fields[1])):
        return fields[0]
    if not known.keyed:
        return line
    raise UserError(f"has {len(fields)} columns, but must be a record, or a record and its label")


def values(text: str) -> str:
    """Return what the client filled in, one value a line, for rules that look at values only.

    Args:
        text: A cleaned record, or any text.

    Returns:
        A record's path, without the slashes that every path has, and the strings and numbers of
        its query, payload and so on; a text that is no JSON object as it is.
    """
    try:
        record = load(text)
    except UserError:
        return text
    found = [str(record.get("path", "")).replace("/", " ")]
    pending = [record[key] for key in reversed(record) if key not in _VALUELESS_KEYS]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending.extend(reversed(value.values()))
        elif isinstance(value, list):
            pending.extend(reversed(value))
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            found.append(str(value))
    return "\n".join(found)


def _drop(record: dict[str, Any], keys: Sequence[str]) -> str:
    for key in keys:
        record.pop(key, None)
    return dump(record)
