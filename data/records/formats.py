"""What a record is in each format of a log, and how a row of the log holds it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RecordFormat:
    """What a record of a log is, and how a row holds it."""

    name: str  # what `--format` calls it
    # Whether a record is a JSON object, which is cleaned; else it is a text, left as is.
    keyed: bool
    # The quote character of a CSV of two columns, record and label; None if each line is a JSON
    # object with a key `label`.
    quote: str | None = None
    delimiter: str = ","  # what stands between the two columns


RECORD_FORMATS: Mapping[str, RecordFormat] = {
    each.name: each
    for each in (
        RecordFormat("access-log", keyed=True, quote="|"),
        RecordFormat("jsonl", keyed=True),
        RecordFormat("text", keyed=False, quote='"'),
    )
}
