"""One record as JSON: parsed and dumped as the brief does, by Python's json."""

import json
from typing import Any

from data.common import UserError

# Python's own limit depends on its version and on who calls.
MAX_DEPTH = 500

_TOO_DEEP = f"the record is nested too deeply (more than {MAX_DEPTH} levels)"
_ENCODER = json.JSONEncoder(separators=(",", ":"))


def load(record: str) -> dict[str, Any]:
    """Parse a JSON object, key order kept.

    Raises:
        UserError: It is no JSON, or no object, or nested too deeply.
    """
    try:
        parsed = json.loads(record)
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
    if _may_be_deep(record):
        _check_depth(parsed)
    return parsed


def dump(record: dict[str, Any]) -> str:
    """Dump a record without spaces, ASCII-escaped.

    Raises:
        UserError: It is nested too deeply.
    """
    try:
        text = _ENCODER.encode(record)
    except RecursionError as error:
        raise UserError(_TOO_DEEP) from error
    if _may_be_deep(text):
        _check_depth(record)
    return text


def _may_be_deep(text: str) -> bool:
    """Tell whether a JSON text could be nested deeper than `MAX_DEPTH`."""
    return len(text) > 2 * MAX_DEPTH and text.count("{") + text.count("[") > MAX_DEPTH


def _check_depth(record: dict[str, Any]) -> None:
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
