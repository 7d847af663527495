"""What a model that was trained on a log would see of lines and records."""

from collections.abc import Iterable, Sequence

from data.records import LineReader, Preprocessing, Preprocessor, RecordError, RowLayout, Vocabulary


def export_settings(
    format: str = "text", layout: RowLayout | None = None, dropped_keys: Sequence[str] = ()
) -> Preprocessing:
    """Make an export's settings."""
    return Preprocessing(format, tuple(dropped_keys), True, "real", row_layout=layout)


def served(record: object, given: Preprocessing) -> str:
    """Clean one record as the service and the Python API do; a RecordError says what is wrong."""
    return Preprocessor(given, Vocabulary((), True)).text(record)


def predicted(
    batches: Iterable[Sequence[str]], given: Preprocessing, format: str = "auto"
) -> list[str]:
    """Clean the records in lines as `results.predict` does; `error: ...` says what is wrong."""
    found = []
    for records in LineReader(given, format).read(batches):
        for record in records:
            try:
                if isinstance(record, RecordError):
                    raise record
                found.append(served(record, given))
            except RecordError as error:
                found.append(f"error: {error}")
    return found
