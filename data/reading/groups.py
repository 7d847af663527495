"""Which rows belong together: those with the same value in a column, or under a key."""

import json
from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

from data.common import UserError


class GroupReader:
    """Collects the group of each row while a log is read.

    Args:
        column: The key of a record, `source` or `source.remoteAddress` within it; or a column of a
            table.
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self._numbers: dict[str, int] = {}
        self._of_rows = array("q")

    def value_in(self, record: dict[str, Any]) -> str:
        """Return the value that tells a record's group, as JSON.

        Raises:
            UserError: The record has no such key.
        """
        # A key may itself hold dots.
        if self._column in record:
            return json.dumps(record[self._column], sort_keys=True)
        found: Any = record
        for key in self._column.split("."):
            if not isinstance(found, dict) or key not in found:
                known = ", ".join(record)
                raise UserError(
                    f"the record has no key '{self._column}', which --group-column names, among "
                    f"{known if len(known) <= 80 else known[:77] + '...'}"
                )
            found = found[key]
        return json.dumps(found, sort_keys=True)

    def add(self, value: str) -> None:
        """Add a row with this value."""
        self._of_rows.append(self._numbers.setdefault(value, len(self._numbers)))

    def finish(self) -> npt.NDArray[np.int64]:
        """Return the groups of the n rows, numbered from 0 as they appear, int64 [n]."""
        return np.array(self._of_rows, np.int64)
