"""One file per class: normal texts in one and malicious ones in the other, without labels."""

import csv
import itertools
import json
import logging
from collections.abc import Iterator
from pathlib import PurePath

import numpy as np

from data.common import UserError, track
from data.reading.access_log import AccessLog, check_rows
from data.reading.labels import LABEL_WORDS
from data.reading.skipped import SkippedRows
from data.reading.table import sample_lines
from data.reading.texts import TextWriter
from data.records import RecordError, RowLayout, check_characters
from data.source import (
    MAX_BYTES,
    check_encoding,
    decode,
    describe_bad_row,
    name_of,
    open_byte_lines,
)

logger = logging.getLogger(__name__)

# A list is read at once, so that a larger one is taken for lines.
_LONGEST_LIST = 2**28


def read_class_files(
    negative: str,
    positive: str,
    *,
    rows: int | None = None,
    skip_bad_rows: bool = False,
    max_bytes: int = MAX_BYTES,
    encoding: str | None = None,
) -> AccessLog:
    """Read a log of which each class has a file of its own; the options are those of `read_log`.

    A file holds one text per line, blank lines left out, or a JSON list of strings. The rows are
    sorted by label, so that they have to be mixed for a split; `rows` are drawn at random from both
    files. The files' names are the words for the labels.

    Raises:
        UserError: A file cannot be read, or has no text.
    """
    if encoding is not None:
        check_encoding(encoding)
    check_rows(rows)
    if negative == positive:
        raise UserError(f"{name_of(negative)}: is given for both classes; give one file for each")
    skipped = SkippedRows()
    quoted: list[str] = []
    beyond_ascii = False
    with TextWriter() as writer:
        for label, path in enumerate((negative, positive)):
            before = len(writer)
            numbered = _texts(path, max_bytes, encoding, quoted)
            for number, text in track(numbered, f"reading {name_of(path)}"):
                try:
                    check_characters(text)
                except RecordError as error:
                    message = describe_bad_row(error, encoding, beyond_ascii)
                    if not skip_bad_rows:
                        raise UserError(
                            f"{name_of(path)}, row {number}: {message} (fix it or give "
                            "--skip-bad-rows)"
                        ) from error
                    skipped.add(number, f"{message} in {name_of(path)}", label)
                else:
                    writer.add(text, label)
                    beyond_ascii = beyond_ascii or not text.isascii()
            if len(writer) == before:
                raise UserError(f"{name_of(path)}: has no text; give a file with one a line")
        texts, labels, sha256 = writer.finish()
    for message in skipped.describe(np.bincount(labels, minlength=2).tolist()):
        logger.warning("%s", message)
    source = f"{name_of(negative)} and {name_of(positive)}"
    words = _words(negative, positive)
    layout = RowLayout(labels=(), is_whole=not quoted)
    log = AccessLog(texts, labels, "text", source, skipped.rows, sha256, words, layout)
    return log if rows is None else log.draw(rows)


def _words(negative: str, positive: str) -> tuple[str, str]:
    one, other = (PurePath(path).name.partition(".")[0] for path in (negative, positive))
    return (one, other) if one and other and one != other else LABEL_WORDS


def _texts(
    path: str, max_bytes: int, encoding: str | None, quoted: list[str]
) -> Iterator[tuple[int, str]]:
    """Yield a file's texts and their numbers; put its name into `quoted` if it is a CSV."""
    with open_byte_lines(path, max_bytes, encoding=encoding) as lines:
        first = next(lines, b"")
        lines = itertools.chain([first], lines)
        if first.lstrip()[:1] == b"[":
            held, lines = _hold(lines)
            if held is not None and (strings := _strings(held, path)) is not None:
                yield from enumerate(strings, 1)
                return
        head, lines, _ = sample_lines(lines)
        as_csv = _are_quoted(head)
        if as_csv:
            quoted.append(path)
            logger.info(
                "%s: its texts are quoted as in CSV; the quotes are taken off", name_of(path)
            )
        for number, line in enumerate(lines, 1):
            if line.strip():
                text = decode(line).rstrip("\r\n")
                cell = _only_cell(text) if as_csv else None
                yield number, text if cell is None else cell


def _are_quoted(head: list[bytes]) -> bool:
    """Return whether a file is a CSV of one column: all quotes close, and some are doubled."""
    quoted = [decode(line).rstrip("\r\n") for line in head if b'"' in line]
    cells = map(_only_cell, quoted)
    return any('""' in line[1:-1] for line in quoted) and all(cell is not None for cell in cells)


def _only_cell(line: str) -> str | None:
    """Return the cell that a line is, quoted or without any quote; None if it is not one."""
    if '"' not in line:
        return line
    try:
        (cell,) = next(csv.reader([line], strict=True))
    except (csv.Error, ValueError):
        return None
    return cell if line.startswith('"') else None


def _hold(lines: Iterator[bytes]) -> tuple[bytes | None, Iterator[bytes]]:
    """Read all lines, if they are few enough; return them joined, and all lines again."""
    held: list[bytes] = []
    length = 0
    for line in lines:
        held.append(line)
        length += len(line)
        if length > _LONGEST_LIST:
            return None, itertools.chain(held, lines)
    return b"".join(held), iter(held)


def _strings(content: bytes, path: str) -> list[str] | None:
    """Return the strings of a JSON list; None if it is none, but lines that begin like one."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    for number, one in enumerate(found, 1):
        if not isinstance(one, str):
            raise UserError(
                f"{name_of(path)}: element {number} of the JSON list is not a string; give a "
                "list of strings, or one text per line"
            )
    return list(found)
