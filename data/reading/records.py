"""One record as JSON: parsed, cleaned as the brief does, and dumped by Python's json."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from data.common import UserError

DROPPED_KEYS = ("timestamp", "headers", "source", "route", "responsePayload")
# Python's own limit depends on its version and on who calls.
MAX_DEPTH = 500

# Keys of a cleaned record that the client does not fill in with values.
_VALUELESS_KEYS = ("method", "path", "statusCode")
_TOO_DEEP = f"the record is nested too deeply (more than {MAX_DEPTH} levels)"
_ENCODER = json.JSONEncoder(separators=(",", ":"))


def load_record(record: str) -> dict[str, Any]:
    """Parse a JSON object, key order kept.

    Raises:
        UserError: It is no JSON, or no object, or nested too deeply.
    """
    try:
        # Not strict: loggers write control characters as they are.
        parsed = json.loads(record, strict=False)
    except json.JSONDecodeError as error:
        raise UserError(
            f"the record is no JSON ({error.msg}, character {error.pos + 1})"
        ) from error
    except ValueError as error:
        raise UserError(f"the record holds a number that is too long ({error})") from error
    except RecursionError as error:
        raise UserError(_TOO_DEEP) from error
    if not isinstance(parsed, dict):
        raise UserError("the record is JSON, but no object")
    _check_depth(record, parsed)
    return parsed


def dump_record(record: dict[str, Any]) -> str:
    """Dump a record without spaces, ASCII-escaped.

    Raises:
        UserError: It is nested too deeply.
    """
    try:
        text = _ENCODER.encode(record)
    except RecursionError as error:
        raise UserError(_TOO_DEEP) from error
    _check_depth(text, record)
    return text


def without_keys(record: dict[str, Any], dropped_keys: Sequence[str]) -> str:
    """Dump a record without some of its keys, which are deleted from it."""
    for key in dropped_keys:
        record.pop(key, None)
    return dump_record(record)


class KeyDropper:
    """Cleans records, and knows whether there was anything to drop.

    Args:
        keys: The keys to delete.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)
        self._records = 0
        self._has_dropped = not keys
        self._inside: str | None = None  # Where a key of this name is, though not at the top.

    def clean(self, record: dict[str, Any]) -> str:
        """Dump a record without the keys, which are deleted from it."""
        if not self._has_dropped:
            self._records += 1
            self._has_dropped = any(key in record for key in self._keys)
            self._inside = self._inside or next(_paths_to(record, self._keys), None)
        return without_keys(record, self._keys)

    def told(self) -> str | None:
        """Say that no record had one of the keys; None if one had, or none was read."""
        if self._has_dropped or not self._records:
            return None
        inside = ""
        if self._inside is not None:
            inside = f" ({self._inside} is, but only keys of a record itself are dropped)"
        return (
            f"no key was dropped: {', '.join(self._keys)} are in no record{inside}; name others "
            "with --dropped-keys KEY,... if they tell the label"
        )


def _paths_to(record: dict[str, Any], keys: Sequence[str]) -> Iterator[str]:
    """Yield where keys are in the objects inside a record, dots between, two levels deep."""
    for outer, value in record.items():
        if isinstance(value, dict):
            yield from (f"{outer}.{key}" for key in keys if key in value)
            for middle, inner in value.items():
                if isinstance(inner, dict):
                    yield from (f"{outer}.{middle}.{key}" for key in keys if key in inner)


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
    return without_keys(load_record(record), dropped_keys)


def request_values(text: str) -> str:
    """Return what the client filled in, one value a line, for rules that look at values only.

    Args:
        text: A cleaned record, or any text.

    Returns:
        A record's path, without the slashes that every path has, and the strings and numbers of
        its query, payload and so on; a text that is no JSON object as it is.
    """
    try:
        record = load_record(text)
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
    raise UserError(_TOO_DEEP)
