"""What made-up logs have in common: their shares of normal rows, headers and the CSV."""

import csv
from collections.abc import Iterable
from pathlib import Path

# Of the rows fitted, validated on and held out: as in the notebook's log, whose accuracies of a
# network that calls every row normal are these.
_NORMAL_SHARES = (0.5855, 0.34, 0.439)


def normal_rows(rows: int) -> tuple[tuple[int, int], ...]:
    """Return (rows, normal rows) of the part to fit, the validation part and the held-out part."""
    train = int(rows * 0.75)
    fit = int(train * 0.75)
    sizes = (fit, train - fit, rows - train)
    return tuple(
        (size, round(size * share)) for size, share in zip(sizes, _NORMAL_SHARES, strict=True)
    )


def make_headers(host: str, language: str, body: str | None) -> dict[str, str]:
    """Return the headers of a request with this body, if any."""
    headers = {
        "host": host,
        "connection": "keep-alive",
        "cache-control": "no-cache",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate, br",
        "accept-language": language,
    }
    if body is not None:
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(body.encode()))
    return headers


def write_rows(path: Path, rows: Iterable[tuple[str, int]]) -> None:
    """Write JSON records and labels to a new CSV as the assignment's: no header, quoted by `|`."""
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quotechar="|", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerows(rows)
