"""The preprocessing in words, so that another language can do it too."""

from pathlib import Path

from data.reading import LOG_FORMATS
from results.scoring import Threshold
from results.serving import Preprocessing

_TEMPLATE = Path(__file__).with_name("assets") / "PREPROCESSING.md"


def preprocessing_text(preprocessing: Preprocessing, threshold: Threshold) -> str:
    """Explain the preprocessing of an export.

    Args:
        preprocessing: Its values.
        threshold: From which score on a record is called malicious.

    Returns:
        Markdown.
    """
    return _TEMPLATE.read_text(encoding="utf-8").format(
        line=LOG_FORMATS[preprocessing.format].told,
        clean=_clean(preprocessing),
        unknown=(
            "Every other character has one more id, the number of `characters` plus 1."
            if preprocessing.unknown
            else "Every other character is left out."
        ),
        max_length=preprocessing.max_length,
        padding=_padding(preprocessing),
        threshold=threshold.value,
    )


def _clean(preprocessing: Preprocessing) -> str:
    if not LOG_FORMATS[preprocessing.format].keyed:
        return "Nothing is done to a plain text."
    keys = ", ".join(f"`{key}`" for key in preprocessing.dropped_keys) or "none"
    return (
        f"Parse the JSON object with its keys in their order (of a key that is there twice, the "
        f"first place and the last value). Delete these keys of the object itself, not of objects "
        f"inside it: {keys}. Dump the rest on one line without spaces (separators `,` and `:`), "
        "every character beyond ASCII escaped (`\\u00e9`, lower-case hexadecimal, two escapes "
        "above U+FFFF), as Python's `json.dumps(record, separators=(',', ':'))` does: `/` is not "
        "escaped, and numbers are written as Python writes them (`1.0`, `1e+16`)."
    )


def _padding(preprocessing: Preprocessing) -> str:
    if preprocessing.padding == "full":
        return f"to {preprocessing.max_length} ids."
    return (
        f"to the record's own length, rounded up to a multiple of {preprocessing.grid} (at least "
        f"{preprocessing.grid}, at most {preprocessing.max_length})."
    )
