"""What is done with keys of records while a log is read: some are dropped, one tells the group."""

import json
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data.common import UserError, split_names
from data.records import DROPPED_KEYS, value_at, without_keys


def split_keys(text: str) -> tuple[str, ...]:
    """Parse names with commas between, as `split_names` does; there may be none."""
    return split_names(text) if text.strip() else ()


class KeyDropper:
    """Cleans records of some keys, and knows which of them were there."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)
        self._records = 0
        self._missing = self._keys  # Those that no record has had so far.
        self._inside: str | None = None  # Where a key of this name is, though not at the top.

    @property
    def has_dropped(self) -> bool:
        """Whether a record had one of the keys."""
        return len(self._missing) < len(self._keys)

    def clean(self, record: dict[str, Any]) -> str:
        """Dump a record without the keys, which are deleted from it."""
        self._records += 1
        if self._missing:
            self._missing = tuple(key for key in self._missing if key not in record)
        if not self.has_dropped:
            self._inside = self._inside or next(_paths_to(record, self._keys), None)
        return without_keys(record, self._keys)

    def describe(self) -> str | None:
        """Return which of the keys were dropped; None if there are none to drop, or no records."""
        if not self._keys or not self._records:
            return None
        if self.has_dropped:
            dropped = ", ".join(key for key in self._keys if key not in self._missing)
            # Those of the assignment are not expected in other records.
            if self._missing and self._keys != DROPPED_KEYS:
                dropped += f"; in no record: {', '.join(self._missing)}"
            return f"dropped from the records: {dropped} (choose with --dropped-keys KEY,...)"
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


class GroupReader:
    """Numbers the groups of rows by a column, or a key such as `source` or `source.ip`."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._numbers: dict[str, int] = {}
        self._of_rows = array("q")

    def value_in(self, record: dict[str, Any]) -> str:
        """Return the value that tells a record's group, as JSON."""
        try:
            return json.dumps(value_at(record, self._column), sort_keys=True)
        except KeyError:
            known = ", ".join(record)
            raise UserError(
                f"the record has no key '{self._column}', which --group-column names, among "
                f"{known if len(known) <= 80 else known[:77] + '...'}"
            ) from None

    def add(self, value: str) -> None:
        """Add a row with this value."""
        self._of_rows.append(self._numbers.setdefault(value, len(self._numbers)))

    def finish(self) -> npt.NDArray[np.int64]:
        """Return the groups of the n rows, numbered from 0 as they appear, int64 [n]."""
        return np.array(self._of_rows, np.int64)
