"""Parquet files, read through pandas."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from data.common import UserError, first_line

_SUFFIXES = (".parquet", ".pq")
# How many rows tell which columns are the text and the label.
_SAMPLE = 1000


def is_parquet(path: str) -> bool:
    """Tell whether a path or URL is called like a Parquet file."""
    return PurePath(path).suffix.lower() in _SUFFIXES


def read_parquet(path: str) -> tuple[list[list[str]], Iterator[tuple[int, list[str]]]]:
    """Read a Parquet file into memory.

    Returns:
        The names of the columns and the first rows, and all rows with their numbers from 1; each
        cell as text, an absent one empty.

    Raises:
        UserError: It cannot be read, or no library that could is installed.
    """
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise UserError(
            f"{path}: to read Parquet, install pyarrow (pip install pyarrow), and for a URL what "
            f"fsspec needs ({first_line(error)})"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as Parquet ({first_line(error)})") from error
    columns = [_cells(frame[name]) for name in frame.columns]

    def rows(end: int | None = None) -> Iterator[list[str]]:
        for row in zip(*(column[:end] for column in columns), strict=True):
            yield list(row)

    return [[str(name) for name in frame.columns], *rows(_SAMPLE)], enumerate(rows(), 1)


def _cells(column: Any) -> list[str]:
    return ["" if absent else str(cell) for cell, absent in zip(column, column.isna(), strict=True)]
