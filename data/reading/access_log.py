"""Labeled records out of an access log, JSON Lines or a `text,label` CSV, cleaned."""

import contextlib
import itertools
import logging
import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from data.common import UserError, track
from data.reading.formats import (
    LOG_FORMATS,
    LogFormat,
    RawRow,
    check_format,
    label_of_bad,
    parse_row,
)
from data.reading.frame import as_frame
from data.reading.keys import GroupReader, KeyDropper
from data.reading.labels import LABEL_WORDS, Labels, UnknownLabel, is_known
from data.reading.open_rows import named, open_rows, source_name
from data.reading.skipped import SkippedRows
from data.reading.table import Columns, Table
from data.reading.texts import Texts, TextWriter, fingerprint
from data.records import DROPPED_KEYS, LABEL_KEY, RecordError, RowLayout
from data.source import MAX_BYTES, check_encoding, describe_bad_row

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

# How many rows are read on to count the labels of a log that has others than two.
_COUNTED_ROWS = 200_000
# A column with more different values is not taken for labels, unless the commonest is a known one.
_MOST_LABELS = 50

# One name or number, or several.
Names = str | int | Iterable[str | int]
_Parse = Callable[[RawRow], tuple[str | dict[str, Any], str]]


@dataclass(frozen=True)
class AccessLog:
    """Labeled texts in the order of their file.

    Attributes:
        texts: The n cleaned records, in a file that is gone when they are.
        labels: Their labels, 0 normal or 1 malicious, uint8 [n].
        format: One of `LOG_FORMATS`.
        source: Where they came from, as messages call it.
        skipped: How many bad rows were left out.
        sha256: Fingerprint of the texts and labels, in hexadecimal.
        label_words: What the log itself calls label 0 and label 1, such as ham and spam; the
            default for a log whose labels are the digits.
        layout: Where the text and the label stand in a line; None for JSON Lines.
        label_key: The key of the label in the records of JSON Lines.
        groups: The group that each row belongs to, as numbers from 0, int64 [n]: rows of equal
            numbers have the same value in the column that `read_log` was told. None if it was not.
        group_column: Name of that column.
        first_rows: How many rows were asked for, if these are the first ones of a log that may go
            on; else None.
    """

    texts: Sequence[str]
    labels: npt.NDArray[np.uint8]
    format: str
    source: str
    skipped: int
    sha256: str
    label_words: tuple[str, str] = LABEL_WORDS
    layout: RowLayout | None = None
    label_key: str = LABEL_KEY
    groups: npt.NDArray[np.int64] | None = None
    group_column: str | None = None
    first_rows: int | None = None

    def draw(self, count: int, seed: int = 42) -> "AccessLog":
        """Draw so many rows at random, in the order of the log; the log itself if it has no more.

        Args:
            count: How many rows, 1 or more.
            seed: Of the draw.
        """
        if count >= len(self.texts):
            return self
        rows = np.sort(np.random.RandomState(seed).permutation(len(self.texts))[:count])
        texts = self.texts if isinstance(self.texts, Texts) else Texts.of(self.texts)
        texts, labels = texts.at(rows), self.labels[rows]
        groups = self.groups
        if groups is not None:
            _, groups = np.unique(groups[rows], return_inverse=True)
        return replace(
            self, texts=texts, labels=labels, sha256=fingerprint(texts, labels), groups=groups
        )


def check_rows(rows: int | None) -> None:
    """Raise a `UserError` if so many rows of a log cannot be asked for."""
    if rows is not None and rows < 1:
        raise UserError(f"the number of rows is {rows}, but must be 1 or more")


def read_log(
    path: "str | os.PathLike[str] | pd.DataFrame | tuple[Any, Any]",
    *,
    format: str | None = None,
    dropped_keys: Names = DROPPED_KEYS,
    rows: int | None = None,
    skip_bad_rows: bool = False,
    max_bytes: int = MAX_BYTES,
    group_column: str | int | None = None,
    drawn: bool = False,
    encoding: str | None = None,
    text_column: Names | None = None,
    label_column: str | int | None = None,
    positive: Names | None = None,
    negative: Names | None = None,
) -> AccessLog:
    """Read and clean a labeled log.

    A table's delimiter, header and columns are found out from its first rows, and so are the words
    for the labels, as far as they are usual ones (ham and spam, 0.0 and 1.0).

    Args:
        path: A plain, .gz, .xz or .zip file, a Parquet file, an fsspec URL, "-" for standard input,
            a DataFrame, or a pair of texts and labels.
        format: One of `LOG_FORMATS`; guessed from the first line when None.
        dropped_keys: Keys to delete from each record; absent ones are no error.
        rows: Read only the file's first so many rows; all when None.
        drawn: Draw these rows at random from the whole file instead, and keep their order.
        skip_bad_rows: Leave out and count rows that cannot be used instead of raising.
        max_bytes: How many bytes the log may hold, unpacked.
        group_column: The name or the number from 1 of a table's column whose value tells which rows
            belong together; or the key of a record, with dots between the keys of a nested one
            (`source.remoteAddress`), which may be a dropped one.
        encoding: Of the log, e.g. "latin-1"; UTF-8, or what a byte-order mark says, when None.
        text_column: The name or the number from 1 of a table's column of texts; of several, the
            cells of a row are joined by spaces.
        label_column: The same of the column of labels, or the key of a JSON record's label
            (`kind`, or `event.kind` inside an object).
        positive: The labels that count as 1, all others being 0.
        negative: Instead of `positive`, the labels that count as 0, all others being 1.

    Returns:
        The log, with at least one text.

    Raises:
        UserError: The file cannot be read, is larger than `max_bytes` or holds no usable row, or a
            row is bad.
    """
    if format is not None:
        check_format(format)
    if encoding is not None:
        check_encoding(encoding)
    check_rows(rows)
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if not isinstance(path, str):
        path = as_frame(path)
    dropped_keys, texts_of = _names(dropped_keys), _names(text_column)
    (label_column,) = _names(label_column) or (None,)
    (group_column,) = _names(group_column) or (None,)
    if "" in (*texts_of, label_column, group_column):
        raise UserError("the name of a column is empty; give its name, or its number from 1")
    source = source_name(path)
    skipped = SkippedRows()
    dropper = KeyDropper(dropped_keys)
    groups = GroupReader(group_column) if group_column is not None else None
    beyond_ascii = is_multiline = False
    going_on = array("q")
    labels = Labels(_names(positive), _names(negative))
    named_labels = labels.positive + labels.negative
    columns = Columns(texts_of, label_column, named_labels, group_column)
    label_key = label_column or LABEL_KEY
    with (
        TextWriter() as writer,
        open_rows(path, format, columns, max_bytes, encoding, kept=writer) as opened,
    ):

        def parse(row: RawRow) -> tuple[str | dict[str, Any], str]:
            return parse_row(row, opened.format, opened.table, labels, label_key)

        first = None if drawn else rows
        numbered = itertools.islice(opened.rows, first)
        for number, row in track(numbered, f"reading {source}", first):
            try:
                record, word = parse(row)
                # Before its keys are dropped.
                group = _group(groups, record, row, opened.table) if groups else None
                text = record if isinstance(record, str) else dropper.clean(record)
                label = labels.number(word)
            except (UserError, RecordError) as error:
                message = describe_bad_row(error, encoding, beyond_ascii)
                if not skip_bad_rows:
                    others = ""
                    if isinstance(error, UnknownLabel):
                        others = _count_labels(labels, parse, row, opened.rows)
                    raise UserError(
                        f"{source}, row {number}: {message} "
                        f"({others}fix it or give --skip-bad-rows)"
                    ) from error
                bad = label_of_bad(row, opened.table, label_key)
                skipped.add(number, message, None if bad is None else labels.known(bad))
            else:
                writer.add(text, label)
                if opened.table.goes_on(row):
                    going_on.append(number)
                beyond_ascii = beyond_ascii or not "".join(row).isascii()
                is_multiline = is_multiline or _goes_over_lines(row)
                if groups is not None and group is not None:
                    groups.add(group)
        if not writer:
            raise UserError(
                f"{source}: no usable row in it, read as {opened.format}{skipped.most()}"
            )
        texts, numbers, sha256 = writer.finish()
    with named(source):
        labels.check()
    for description in (opened.table.describe(), labels.describe()):
        if description is not None:
            log.info("%s: %s", source, description)
    if going_on:
        log.warning(
            "%s: %s something in columns without a name, which is left out (row %d first)",
            *(source, f"{len(going_on):,} rows have" if len(going_on) > 1 else "a row has"),
            going_on[0],
        )
    for message in skipped.describe(np.bincount(numbers, minlength=2).tolist()):
        log.warning("%s", message)
    # The assignment's log is known to have its keys; of other records and keys it may be news.
    is_known = opened.format != "jsonl" and dropped_keys == DROPPED_KEYS
    is_news = not (is_known and dropper.has_dropped)
    if is_news and (description := dropper.describe()):
        log.info("%s", description)
    layout = _layout(LOG_FORMATS[opened.format], opened.table, labels, is_multiline)
    read = AccessLog(
        *(texts, numbers, opened.format, source, skipped.rows, sha256, labels.words),
        layout=layout,
        label_key=label_key if layout is None else LABEL_KEY,
        groups=groups.finish() if groups is not None else None,
        group_column=group_column,
        first_rows=first if len(texts) + skipped.rows == first else None,
    )
    return read.draw(rows) if drawn and rows is not None else read


def _names(given: Names | None) -> tuple[str, ...]:
    """Return what a program names, which may be one thing, and numbers."""
    if given is None:
        return ()
    return tuple(map(str, [given] if isinstance(given, str | int) else given))


def _goes_over_lines(row: RawRow) -> bool:
    return not isinstance(row, str) and any("\n" in cell or "\r" in cell for cell in row)


def _layout(
    format: LogFormat, table: Table, labels: Labels, is_multiline: bool
) -> RowLayout | None:
    if format.quote is None:
        return None
    if table.quote == "" and not format.keyed:  # Of Parquet, which has no lines.
        return RowLayout(labels=(), is_whole=True)
    own = labels.keys
    if set(own) <= {"0", "1", "-1"}:
        own = tuple(dict.fromkeys(("0", "1", *own)))
    return RowLayout(
        delimiter=table.delimiter,
        quote=table.quote or format.quote,
        text=table.text,
        label=table.label,
        width=table.width,
        required=table.required,
        labels=own,
        header=table.header or (),
        is_multiline=is_multiline,
    )


def _group(groups: GroupReader, record: str | dict[str, Any], row: RawRow, table: Table) -> str:
    """Return the value that tells a row's group."""
    if isinstance(record, dict):
        return groups.value_in(record)
    assert table.group is not None
    return row[table.group]


def _count_labels(
    labels: Labels, parse: _Parse, row: RawRow, rest: Iterable[tuple[int, RawRow]]
) -> str:
    """Return which labels a log has and propose what to do, by the rows read and those to come."""
    _, word = parse(row)
    labels.count(word)
    read_on = itertools.islice(rest, _COUNTED_ROWS)
    with contextlib.suppress(UserError):  # The rest is damaged, but not what is told here.
        for _, other in read_on:
            with contextlib.suppress(UserError, RecordError):
                labels.count(parse(other)[1])
    if len(labels.rows) > _MOST_LABELS and not is_known(labels.rows.most_common(1)[0][0]):
        return (
            f"there are {len(labels.rows):,} different ones; if they are no labels, give "
            "--text-column and --label-column; "
        )
    return f"the labels are {labels.values()}; give {labels.proposal()}, "
