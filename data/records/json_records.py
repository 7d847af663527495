"""One record as JSON: parsed, cleaned as the assignment does, and dumped by Python's json."""

import json
from collections.abc import Sequence
from typing import Any

from .characters import RecordError

DROPPED_KEYS = ("timestamp", "headers", "source", "route", "responsePayload")
# The key of a JSON record's label, unless the log has another one.
LABEL_KEY = "label"
# Python's own limit depends on its version and on who calls.
MAX_DEPTH = 500

_TOO_DEEP = f"the record is nested too deeply (more than {MAX_DEPTH} levels)"
_ENCODER = json.JSONEncoder(separators=(",", ":"))


def load_record(record: str) -> dict[str, Any]:
    """Parse a JSON object, key order kept.

    Raises:
        RecordError: It is not JSON, or no object, or nested too deeply.
    """
    try:
        # Not strict: loggers write control characters as they are.
        parsed = json.loads(record, strict=False)
    except json.JSONDecodeError as error:
        raise RecordError(
            f"the record is not JSON ({error.msg}, character {error.pos + 1})"
        ) from error
    except ValueError as error:
        raise RecordError(f"the record holds a number that is too long ({error})") from error
    except RecursionError as error:
        raise RecordError(_TOO_DEEP) from error
    if not isinstance(parsed, dict):
        raise RecordError("the record is JSON, but not an object")
    _check_depth(record, parsed)
    return parsed


def dump_record(record: dict[str, Any]) -> str:
    """Dump a record without spaces, ASCII-escaped."""
    try:
        text = _ENCODER.encode(record)
    except RecursionError as error:
        raise RecordError(_TOO_DEEP) from error
    _check_depth(text, record)
    return text


def without_keys(record: dict[str, Any], dropped_keys: Sequence[str]) -> str:
    """Dump a record without some of its keys, which are deleted from it."""
    for key in dropped_keys:
        record.pop(key, None)
    return dump_record(record)


def value_at(record: dict[str, Any], key: str) -> Any:
    """Return the value of a key; dots lead into objects (`source.ip`), or are its own.

    Raises:
        KeyError: If it is not there.
    """
    if key in record:
        return record[key]
    outer, _, inner = key.partition(".")
    if not isinstance(record.get(outer), dict):
        raise KeyError(key)
    return value_at(record[outer], inner)


def without_label(record: dict[str, Any], label_key: str) -> dict[str, Any]:
    """Copy a record without its label, and without a key `label`, which would give it away."""
    return _without(_without(record, label_key), LABEL_KEY)


def _without(record: dict[str, Any], key: str) -> dict[str, Any]:
    if key in record:
        return {name: value for name, value in record.items() if name != key}
    outer, _, inner = key.partition(".")
    if not isinstance(record.get(outer), dict):
        return record
    return {**record, outer: _without(record[outer], inner)}


def clean(record: str, dropped_keys: Sequence[str] = DROPPED_KEYS) -> str:
    """Clean one record as the assignment does: drop keys, dump without spaces, ASCII-escaped."""
    return without_keys(load_record(record), dropped_keys)


def _check_depth(text: str, record: dict[str, Any]) -> None:
    if len(text) <= 2 * MAX_DEPTH or text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    level: list[Any] = [record]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise RecordError(_TOO_DEEP)
