"""The rows that a log mostly consists of, cleaned by orjson; None for whatever is unusual.

What comes out is to the byte what `csv` and `json` give; wherever that is not certain, nothing
comes out and the caller goes the long way, which also words the error.
"""

import re
from collections.abc import Sequence

import orjson

from data.reading.records import MAX_DEPTH

# orjson writes a float otherwise than json (1e16, not 1e+16) and reads an integer beyond 64 bits
# as one. A number follows one of these characters; a string that looks like it costs only time.
_FLOAT = re.compile(rb"[:,\[]-?[0-9]+[.eE]")
# Finds the texts that may hold one: a digit and then one of ".eE" reads "0." after it.
_TO_FIND_FLOATS = bytes.maketrans(b"123456789eE", b"000000000..")
# What is nested deeper than allowed has more bytes than this: `data.reading.records` takes it.
_DEEP_BYTES = 2 * MAX_DEPTH
_ENDS = {b"|,0\n": 0, b"|,1\n": 1}


def clean(record: bytes, dropped_keys: Sequence[str]) -> bytes | None:
    """Clean a record: drop keys, dump without spaces, ASCII-escaped.

    Args:
        record: A JSON object in UTF-8.
        dropped_keys: Keys to delete; absent ones are no error.

    Returns:
        The rest of the record; None where orjson does not read it or could write it otherwise.
    """
    if len(record) > _DEEP_BYTES and _may_be_deep(record):
        return None
    try:
        parsed = orjson.loads(record)
        if type(parsed) is not dict:
            return None
        for key in dropped_keys:
            parsed.pop(key, None)
        return _same_as_json(orjson.dumps(parsed))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def split_row(line: bytes) -> tuple[bytes, int] | None:
    """Take a line apart that is one whole row of the brief's CSV, `|{...}|,0`.

    Args:
        line: A line that starts a row.

    Returns:
        The record and its label; None where `csv` has to look at it.
    """
    if line.endswith(b"\r\n"):
        line = line[:-2] + b"\n"
    label = _ENDS.get(line[-4:])
    if label is None or line[:2] != b"|{" or line.find(b"|", 1) != len(line) - 4:
        return None
    return line[1:-4], label


def clean_json_line(line: bytes, dropped_keys: Sequence[str]) -> tuple[bytes, int] | None:
    """Clean a JSON line that holds its label.

    Args:
        line: A JSON object in UTF-8 with a key `label`.
        dropped_keys: Keys to delete.

    Returns:
        The rest of the record, and its label; None where `json` has to look at it.
    """
    if len(line) > _DEEP_BYTES and _may_be_deep(line):
        return None
    try:
        parsed = orjson.loads(line)
        if type(parsed) is not dict:
            return None
        label = parsed.pop("label", None)
        if type(label) is not int or label not in (0, 1):
            return None
        for key in dropped_keys:
            parsed.pop(key, None)
        text = _same_as_json(orjson.dumps(parsed))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    return None if text is None else (text, label)


def _may_be_deep(record: bytes) -> bool:
    return record.count(b"{") + record.count(b"[") > MAX_DEPTH


def _same_as_json(text: bytes) -> bytes | None:
    # json escapes what is not ASCII, and DEL.
    if not text.isascii() or b"\x7f" in text:
        return None
    may_hold_float = b"0." in text.translate(_TO_FIND_FLOATS)
    return None if may_hold_float and _FLOAT.search(text) else text
