"""Parquet files, read through pandas."""

from collections.abc import Iterator
from pathlib import PurePath

from data.common import UserError, first_line
from data.reading.frame import frame_rows

_SUFFIXES = (".parquet", ".pq")


def is_parquet(path: str) -> bool:
    """Tell whether a path or URL is called like a Parquet file."""
    return PurePath(path).suffix.lower() in _SUFFIXES


def read_parquet(path: str) -> tuple[list[list[str]], Iterator[tuple[int, list[str]]]]:
    """Read a Parquet file into memory.

    Returns:
        As `frame_rows`.

    Raises:
        UserError: It cannot be read, or no library that could is installed.
    """
    import pandas as pd

    try:
        return frame_rows(pd.read_parquet(path))
    except ImportError as error:
        raise UserError(
            f"{path}: to read Parquet, install pyarrow (pip install pyarrow), and for a URL what "
            f"fsspec needs ({first_line(error)})"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as Parquet ({first_line(error)})") from error
