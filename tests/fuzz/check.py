"""Runs the project on one input and holds the outcome against the book."""

import hashlib
import io
import itertools
import re
import time
from dataclasses import dataclass
from pathlib import Path

from data.common import UserError
from data.dataset import DataCard, make_split
from data.inspect import render
from data.reading import AccessLog, read_log, request_values
from data.records import (
    DROPPED_KEYS,
    MAX_LENGTH,
    LineReader,
    Preprocessing,
    Preprocessor,
    Vocabulary,
)
from data.source import MAX_BYTES
from results.serving import batches_of_stream
from tests.fuzz import book
from tests.fuzz.case import FEW_BYTES, Case, is_packed

# A page's worth of text takes a millisecond or two; this is for a busy machine.
MOST_SECONDS = 2.0
KNOWN = ": (is packed with|is a |has fastText|has JSON records|holds raw HTTP)"
ROW = re.compile(r", row (\d+): ")

CHARACTERS = tuple('{}":,abc|0\u00fc\ud800\u03c3')
PREPARATIONS = {
    format: Preprocessor(
        Preprocessing(format, DROPPED_KEYS, unknown=True, padding="real"),
        Vocabulary(CHARACTERS, unknown=True),
    )
    for format in ("access-log", "jsonl", "text")
}


class Failure(AssertionError):
    """The project did something that it must not do."""


@dataclass(frozen=True)
class Checked:
    """What became of an input.

    Attributes:
        was_read: Whether the reader took it as a log.
        seconds: Processor time that the project and the book took.
    """

    was_read: bool
    seconds: float


def check(data: bytes, folder: Path) -> Checked:
    """Read an input as a log and as a stream of lines."""
    started = time.process_time()
    case = Case.of(data)
    was_read = _check_log(case, folder / case.name)
    if case.archive is None:
        _check_lines(case)
    seconds = time.process_time() - started
    _require(seconds < MOST_SECONDS, f"it took {seconds:.1f} s")
    return Checked(was_read, seconds)


def _check_log(case: Case, path: Path) -> bool:
    path.write_bytes(case.packed())
    rows = 1 if case.mode == "1" else None
    skips = case.mode == "s"
    most = FEW_BYTES if case.mode == "m" else MAX_BYTES
    encoding = "cp1252" if case.mode == "w" else None
    content = case.unpacked()
    try:
        log = read_log(
            str(path),
            format=case.format,
            rows=rows,
            skip_bad_rows=skips,
            max_bytes=most,
            encoding=encoding,
        )
    except UserError as error:
        _check_message(str(error), str(path))
        if content is not None and len(content) <= most:
            _check_refusal(str(error), content, case, rows=rows, skips=skips, encoding=encoding)
        return False
    if content is None:
        # What is damaged may lie behind the only row that was asked for.
        _require(rows == 1, "it was read, but the archive is damaged")
        return True
    _require(len(content) <= most or rows == 1, "more than --max-bytes was read")
    try:
        expected = book.read(content, case.format, rows=rows, skips=skips, encoding=encoding)
    except book.Refused as refused:
        raise Failure(f"it was read, but by the book row {refused.row} is bad") from None
    _check_read(log, expected)
    if case.mode == "c":
        _check_counts(log, expected)
    return True


def _check_message(message: str, start: str) -> None:
    _require(message.startswith(start), f"the message does not start with the path: {message!r}")
    _require(message.isprintable(), f"the message is not one printable line: {message!r}")


def _check_refusal(
    message: str, content: bytes, case: Case, *, rows: int | None, skips: bool, encoding: str | None
) -> None:
    found = ROW.search(message)
    if case.archive is not None and found is None:
        return  # It may be refused for what it is: two files, rubbish behind its end, encrypted.
    if found is None and re.search(KNOWN, message):
        return  # The book knows no such files.
    if "holds another archive" in message:
        was_unpacked = case.archive is not None or case.container != "p"
        _require(was_unpacked and is_packed(content), f"it holds none: {message!r}")
        return
    try:
        book.read(content, case.format, rows=rows, skips=skips, encoding=encoding)
    except book.Refused as refused:
        if refused.is_cut:
            return  # Its last line has half a character, of which the book makes a row.
        row = int(found[1]) if found else None
        _require(row == refused.row, f"by the book it is row {refused.row}: {message!r}")
    else:
        # The reader, which decodes ahead of the rows, may meet the half character at the end first.
        is_whole = book.in_utf8(content, encoding)[1]
        _require(not is_whole, f"by the book it can be read: {message!r}")


def _check_read(log: AccessLog, expected: book.Read) -> None:
    _require(log.format == expected.format, f"the format is {log.format}, not {expected.format}")
    _require(list(log.texts) == expected.texts, "the texts are not those of the book")
    _require(log.labels.tolist() == expected.labels, "the labels are not those of the book")
    _require(log.skipped == expected.skipped, "other rows were skipped than by the book")
    digest = hashlib.sha256()
    for text, label in zip(expected.texts, expected.labels, strict=True):
        digest.update(f"{label} {len(text.encode())} {text}".encode())
    _require(log.sha256 == digest.hexdigest(), "the fingerprint is not that of the book")
    for text in expected.texts:
        request_values(text)


def _check_counts(log: AccessLog, expected: book.Read) -> None:
    fitted = Vocabulary.fit(log.texts, unknown=True)
    characters = book.vocabulary(expected.texts)
    _require(list(fitted.characters) == characters, "the vocabulary is not that of the book")
    render(DataCard.of(log, make_split("shuffled", log.labels)))


def _check_lines(case: Case) -> None:
    format = case.format or "text"
    preparation = PREPARATIONS[format]
    found = [line for batch in batches_of_stream(io.BytesIO(case.content)) for line in batch]
    lines = case.content.decode("utf-8-sig", "surrogateescape").split("\n")
    _require(found == (lines if lines[-1] else lines[:-1]), "the stream's lines are others")
    read = LineReader(preparation.preprocessing).read([found] if found else [])
    prepared = preparation.prepare([record for batch in read for record in batch])
    expected = {}
    for number, text in enumerate(book.records(found, format)):
        if text is not None:
            expected[number] = book.ids(text, list(CHARACTERS), MAX_LENGTH)
            continue
        message = str(prepared.errors.get(number, {}).get("error", ""))
        _require(bool(message), f"record {number} was prepared, but is bad by the book")
        _require(message.isprintable(), f"the message is not one printable line: {message!r}")
    _require(prepared.rows.tolist() == list(expected), "other records are bad than by the book")
    starts = prepared.encoded.offsets.tolist()
    ids = [prepared.encoded.ids[start:end].tolist() for start, end in itertools.pairwise(starts)]
    _require(ids == list(expected.values()), "the ids are not those of the book")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failure(otherwise)
