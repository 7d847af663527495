"""Dataclasses as the rows of a DataFrame."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    import pandas as pd

_DTYPES: dict[Any, str] = {
    bool: "bool",
    int: "int64",
    int | None: "Int64",
    float: "float64",
    float | None: "float64",
}


def to_frame(of: type, rows: Sequence[Any], without: Collection[str] = ()) -> "pd.DataFrame":
    """Give dataclasses as a DataFrame: a row each, a column for each attribute.

    Args:
        of: The dataclass.
        rows: Instances of it.
        without: Attributes that are left out.

    Returns:
        Figures are float64 (nan if unknown), counts int64, or Int64 if one may be unknown.
    """
    import pandas as pd

    hints = {name: hint for name, hint in get_type_hints(of).items() if name not in without}
    found = [[getattr(row, name) for name in hints] for row in rows]
    frame = pd.DataFrame(found, columns=list(hints))
    return frame.astype({name: _DTYPES[hint] for name, hint in hints.items() if hint in _DTYPES})
