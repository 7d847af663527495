"""Writes a made-up log as the brief's CSV: no header, `|` as the quote, record and label."""

import csv
from collections.abc import Iterable
from pathlib import Path


def write_rows(path: Path, rows: Iterable[tuple[str, int]]) -> None:
    """Write a new file of JSON records and their labels."""
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quotechar="|", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerows(rows)
