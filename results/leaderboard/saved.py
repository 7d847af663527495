"""leaderboard.json read back, with everything checked that a reader relies upon."""

import json
import math
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin, get_type_hints

from data.common import UserError
from results.leaderboard.row import Leaderboard, Row
from results.leaderboard.selection import Selection
from results.study import ACCURACY, OBJECTIVES


def load_leaderboard(path: Path) -> Leaderboard:
    """Read a leaderboard.json.

    Args:
        path: The file.

    Returns:
        What was written there.

    Raises:
        UserError: If it is missing, no strict JSON, or not of the schema.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
        return _leaderboard(content)
    except OSError as error:
        raise UserError(f"cannot read '{path}': {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"'{path}' is no leaderboard: {error}; write it again") from error


def _leaderboard(content: Any) -> Leaderboard:
    parts = content if isinstance(content, dict) else {}
    data, protocol, rows = (parts.get(name) for name in ("data", "protocol", "rows"))
    if not (isinstance(data, dict) and isinstance(protocol, dict) and isinstance(rows, list)):
        raise ValueError("it must be an object with data, protocol and rows")
    ranked = tuple(Row(**_checked(Row, row, f"rows[{index}]")) for index, row in enumerate(rows))
    chosen = parts.get("selection")
    selection = None if chosen is None else Selection(**_checked(Selection, chosen, "selection"))
    # Versions before this field chose by accuracy.
    by = parts.get("chosen_by", ACCURACY.name)
    if not isinstance(by, str) or by not in OBJECTIVES:
        raise ValueError(f"chosen_by is {by!r}")
    return Leaderboard(data, protocol, ranked, selection, by)


def _checked(of: type[Row | Selection], values: Any, where: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ValueError(f"{where} is no object")
    names = {field.name for field in fields(of)}
    # The schema only grows: a file of an earlier version lacks what has a default.
    needed = {field.name for field in fields(of) if field.default is MISSING}
    odd = sorted((set(values) - names) | (needed - set(values)))
    if odd:
        raise ValueError(f"{where}: '{odd[0]}' is {'missing' if odd[0] in names else 'unknown'}")
    for name, hint in get_type_hints(of).items():
        if name in values and not _fits(values[name], hint):
            raise ValueError(f"{where}: {name} is {values[name]!r}")
    return values


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    allowed = get_args(hint) or (hint,)
    if isinstance(value, bool) or value is None:
        return type(value) in allowed
    if isinstance(value, int | float) and not math.isfinite(value):
        return False
    return type(value) in allowed or (type(value) is int and float in allowed)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
