"""Deletes keys of records while a log is read, and tells if there was none to delete."""

from collections.abc import Iterator, Sequence
from typing import Any

from data.records import without_keys


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
