"""Tables that come as a whole: a DataFrame, texts and their labels, or a Parquet file."""

import json
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from data.common import UserError, first_line
from data.source import decode, is_url, name_of

if TYPE_CHECKING:
    import pandas as pd

# How messages and a run's own options call what a program has in memory.
IN_MEMORY = "data in memory"
# How many rows tell which columns are the text and the label.
_SAMPLE = 1000


def as_frame(data: Any) -> "pd.DataFrame":
    """Return rows in memory as a table.

    Args:
        data: A DataFrame, or a pair of n texts and their n labels, each a list, an array or a
            Series.

    Returns:
        The DataFrame; of a pair, one with the columns `text` and `label`.

    Raises:
        UserError: It is neither, the two differ in length, or a text is not a string.
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    if not isinstance(data, tuple | list) or len(data) != 2 or any(map(_is_single, data)):
        raise UserError(
            f"data is of type {type(data).__name__}, but must be a path, a pandas DataFrame, or "
            "two lists as (texts, labels)"
        )
    texts, labels = map(list, data)
    if len(texts) != len(labels):
        raise UserError(
            f"data has {len(texts):,} texts and {len(labels):,} labels; give each text its label"
        )
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise UserError(
                f"{IN_MEMORY}, row {number}: the text is of type {type(text).__name__}, but must "
                "be a str"
            )
    return pd.DataFrame({"text": texts, "label": labels}, dtype=object)


def _is_single(part: Any) -> bool:
    return isinstance(part, str | bytes) or not isinstance(part, Iterable)


def is_parquet(path: str) -> bool:
    """Return whether a path or URL is called like a Parquet file."""
    name = urlsplit(path).path if is_url(path) else path  # Without a query, as "?download=true".
    return PurePath(name).suffix.lower() in (".parquet", ".pq")


def read_parquet(path: str) -> "pd.DataFrame":
    """Read a Parquet file into memory, if a library that can is installed."""
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise UserError(
            f"{name_of(path)}: to read Parquet, install pyarrow (pip install pyarrow), and for a "
            f"URL what fsspec needs ({first_line(error)})"
        ) from error
    except Exception as error:  # An fsspec library's own, or pyarrow's.
        why = first_line(error)
        raise UserError(f"{name_of(path)}: cannot be read as Parquet ({why})") from error


def frame_rows(frame: "pd.DataFrame") -> tuple[list[list[str]], Iterator[tuple[int, list[str]]]]:
    """Return the names of the columns and the first rows, and all rows numbered from 1, as text."""
    columns = [_cells(frame.iloc[:, index]) for index in range(frame.shape[1])]

    def rows(end: int | None = None) -> Iterator[list[str]]:
        for row in zip(*(column[:end] for column in columns), strict=True):
            yield list(row)

    return [[str(name) for name in frame.columns], *rows(_SAMPLE)], enumerate(rows(), 1)


def _cells(column: Any) -> list[str]:
    return [
        "" if absent else _as_text(cell) for cell, absent in zip(column, column.isna(), strict=True)
    ]


def _as_text(cell: Any) -> str:
    """Write a cell as its log would: bytes decoded, and a record of a Parquet file as JSON."""
    if isinstance(cell, bytes):
        return decode(cell)
    if isinstance(cell, dict | list | np.ndarray):
        return json.dumps(cell, default=_plain, ensure_ascii=False)
    return str(cell)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else _as_text(value)
